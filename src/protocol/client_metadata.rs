//! Client metadata as somebody wrote it, and what of it can be registered (OpenID Connect Registration §2, RFC 7591 §2).
//! Every problem is found at once, each with the field it stands in.

mod links;

use std::collections::BTreeSet;

use url::Url;

use super::admission::AdmissionRules;
use super::client::{
    ApplicationType, Client, ClientAlgorithms, ClientAuthMethod, ClientKeys, ConsentPolicy, GrantType, LogoutUris,
    Presentation, RefreshRule, RequestDefaults, SigningAlg, SubjectType,
};
use super::jwk::PublicKeys;
use super::return_to::{check_registrable, is_loopback};
use super::standing::Standing;
use super::text::is_hostile;

/// The longest name of a client, in characters.
pub const MAX_NAME: usize = 100;
const MAX_REDIRECT_URIS: usize = 50;

/// One thing wrong with a written entry.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct FieldProblem {
    /// The field, with its place in a list: `redirect_uris[0]`.
    pub field: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl FieldProblem {
    /// A problem with `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}

/// A client as written, before any check. Absent lists are empty, absent choices the standard's defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientMetadata {
    /// `client_id`.
    pub client_id: String,
    /// The name agents read.
    pub name: String,
    /// Where the browser may be sent back to.
    pub redirect_uris: Vec<String>,
    /// Web or native.
    pub application_type: ApplicationType,
    /// The one method it uses; a confidential client that names none may use basic and post.
    pub token_endpoint_auth_method: Option<ClientAuthMethod>,
    /// The grants it may use; the authorization code when empty.
    pub grant_types: BTreeSet<GrantType>,
    /// When it gets refresh tokens.
    pub refresh_tokens: RefreshRule,
    /// The scopes it may ask for, besides `openid`.
    pub scopes: Vec<String>,
    /// The algorithm of its ID tokens.
    pub id_token_signed_response_alg: SigningAlg,
    /// Pairwise or public.
    pub subject_type: SubjectType,
    /// The sector of pairwise subjects; found from the redirect URIs when absent.
    pub sector: Option<String>,
    /// Refuse requests without PKCE.
    pub require_pkce: bool,
    /// Always put `auth_time` in the ID token.
    pub require_auth_time: bool,
    /// `max_age` when the request gives none, in seconds.
    pub default_max_age: Option<u32>,
    /// Ask the agent or not.
    pub consent: ConsentPolicy,
    /// Whether guests may sign in.
    pub admits_guests: bool,
    /// Whom it admits of all others.
    pub admission: AdmissionRules,
    /// Its public keys.
    pub keys: ClientKeys,
    /// Algorithms of what else is signed.
    pub algorithms: ClientAlgorithms,
    /// What agents see.
    pub presentation: Presentation,
    /// Logout.
    pub logout: LogoutUris,
    /// Its requests.
    pub requests: RequestDefaults,
    /// Treated as unknown.
    pub disabled: bool,
}

impl ClientMetadata {
    /// Checks everything and makes the client; `known_scopes` are the provider's.
    ///
    /// # Errors
    /// Every problem, never an empty list.
    pub fn validate(mut self, known_scopes: &[&str]) -> Result<Client, Vec<FieldProblem>> {
        let mut problems = Vec::new();
        if self.grant_types.is_empty() {
            self.grant_types.insert(GrantType::AuthorizationCode);
        }
        check_id(&self.client_id, &mut problems);
        check_name(&self.name, &mut problems);
        check_redirect_uris(&self, &mut problems);
        check_scopes(&self.scopes, known_scopes, &mut problems);
        check_grants(&self, &mut problems);
        check_consent(&self, &mut problems);
        self.admission.check(self.admits_guests, &mut problems);
        links::check(&self, &mut problems);
        check_keys(&self, &mut problems);
        let sector = sector(&self).unwrap_or_else(|problem| {
            problems.push(problem);
            String::new()
        });
        if !problems.is_empty() {
            return Err(problems);
        }
        let both = [ClientAuthMethod::ClientSecretBasic, ClientAuthMethod::ClientSecretPost];
        let openid = std::iter::once("openid".to_owned());
        Ok(Client {
            id: self.client_id,
            name: self.name,
            redirect_uris: self.redirect_uris,
            application_type: self.application_type,
            auth_methods: self
                .token_endpoint_auth_method
                .map_or_else(|| both.into(), |method| [method].into()),
            grant_types: self.grant_types,
            refresh_tokens: self.refresh_tokens,
            scopes: openid.chain(self.scopes).collect(),
            id_token_signed_response_alg: self.id_token_signed_response_alg,
            subject_type: self.subject_type,
            sector,
            require_pkce: self.require_pkce,
            require_auth_time: self.require_auth_time,
            default_max_age: self.default_max_age,
            consent: self.consent,
            admits_guests: self.admits_guests,
            admission: self.admission,
            keys: self.keys,
            algorithms: self.algorithms,
            presentation: self.presentation,
            logout: self.logout,
            requests: self.requests,
            standing: Standing::default(),
            self_registered: false,
            disabled: self.disabled,
        })
    }

    fn is_public(&self) -> bool {
        self.token_endpoint_auth_method == Some(ClientAuthMethod::None)
    }
}

fn check_id(id: &str, problems: &mut Vec<FieldProblem>) {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if id.is_empty() || id.len() > 128 || !id.bytes().all(unreserved) {
        let message = "required: 1 to 128 letters, digits and - . _ ~";
        problems.push(FieldProblem::new("client_id", message));
    }
}

/// Checks a name that agents read: not empty, not endless, and nothing that changes how the text around it reads.
pub fn check_display_name(name: &str) -> Result<(), &'static str> {
    if name.trim().is_empty() || name.trim() != name {
        return Err("required: a name that agents recognise, without spaces around it");
    }
    if name.chars().count() > MAX_NAME {
        return Err("too long: at most 100 characters");
    }
    if name.chars().any(is_hostile) {
        return Err("contains control or invisible characters");
    }
    Ok(())
}

fn check_name(name: &str, problems: &mut Vec<FieldProblem>) {
    if let Err(message) = check_display_name(name) {
        problems.push(FieldProblem::new("name", message));
    }
}

fn check_redirect_uris(metadata: &ClientMetadata, problems: &mut Vec<FieldProblem>) {
    let uris = &metadata.redirect_uris;
    let may_be_none = !metadata.grant_types.contains(&GrantType::AuthorizationCode);
    if (uris.is_empty() && !may_be_none) || uris.len() > MAX_REDIRECT_URIS {
        let message = "required: 1 to 50 addresses, for example [\"https://service.example.fr/callback\"]";
        problems.push(FieldProblem::new("redirect_uris", message));
    }
    for (index, uri) in uris.iter().enumerate() {
        let field = || format!("redirect_uris[{index}]");
        if let Err(error) = check_registrable(uri, metadata.application_type) {
            problems.push(FieldProblem::new(field(), error.to_string()));
        } else if uris[..index].contains(uri) {
            problems.push(FieldProblem::new(field(), "listed twice"));
        }
    }
}

fn check_scopes(scopes: &[String], known: &[&str], problems: &mut Vec<FieldProblem>) {
    for (index, scope) in scopes.iter().enumerate() {
        if !known.contains(&scope.as_str()) {
            let message = format!("unknown scope; known are: {}", known.join(" "));
            problems.push(FieldProblem::new(format!("scopes[{index}]"), message));
        }
    }
}

fn check_grants(metadata: &ClientMetadata, problems: &mut Vec<FieldProblem>) {
    let has = |grant| metadata.grant_types.contains(&grant);
    if has(GrantType::ClientCredentials) && metadata.is_public() {
        let message = "\"client_credentials\" is for confidential clients (RFC 6749 4.4)";
        problems.push(FieldProblem::new("grant_types", message));
    }
    if has(GrantType::RefreshToken) && !has(GrantType::AuthorizationCode) {
        let message = "\"refresh_token\" needs \"authorization_code\", which it continues";
        problems.push(FieldProblem::new("grant_types", message));
    }
}

fn check_keys(metadata: &ClientMetadata, problems: &mut Vec<FieldProblem>) {
    let ClientKeys { jwks, jwks_uri } = &metadata.keys;
    if let Some(Err(error)) = jwks.as_ref().map(PublicKeys::registrable) {
        problems.push(FieldProblem::new("jwks", error.to_string()));
    }
    let signs = metadata.token_endpoint_auth_method == Some(ClientAuthMethod::PrivateKeyJwt);
    if signs && jwks.is_none() && jwks_uri.is_none() {
        let message = "\"private_key_jwt\" needs the client's public keys: give jwks or jwks_uri";
        problems.push(FieldProblem::new("token_endpoint_auth_method", message));
    }
}

fn check_consent(metadata: &ClientMetadata, problems: &mut Vec<FieldProblem>) {
    let all_https = metadata.redirect_uris.iter().all(|uri| uri.starts_with("https://"));
    if metadata.consent == ConsentPolicy::None && (metadata.is_public() || !all_https) {
        let message = "\"none\" is only for confidential clients whose redirect URIs are all https";
        problems.push(FieldProblem::new("consent", message));
    }
}

/// The sector (Core §8.1): the one given, else the host of the redirect URIs where all of them are https there. Loopback
/// addresses and private schemes say nothing of who is behind them, and a name of one label may be some client's id: whoever
/// has one of these is a sector of its own, and does not see the subjects of the host that it names besides.
fn sector(metadata: &ClientMetadata) -> Result<String, FieldProblem> {
    if let Some(sector) = &metadata.sector {
        let is_host = !sector.is_empty() && sector.split('.').all(is_label);
        if is_host || *sector == metadata.client_id {
            return Ok(sector.clone());
        }
        return Err(FieldProblem::new("sector", "expected a host name in lower case"));
    }
    let urls: Vec<_> = metadata.redirect_uris.iter().flat_map(|uri| Url::parse(uri)).collect();
    let at_host = |url: &&Url| url.scheme() == "https" && !is_loopback(url);
    let hosts: BTreeSet<_> = urls.iter().filter(at_host).filter_map(Url::host_str).collect();
    match hosts.first() {
        Some(_) if hosts.len() > 1 && metadata.subject_type == SubjectType::Pairwise => Err(FieldProblem::new(
            "sector",
            "required: the redirect URIs have several hosts; name the one that stands for the service (it is fixed \
             once the client is made)",
        )),
        Some(host) if hosts.len() == 1 && is_domain_name(host) && urls.iter().all(|url| at_host(&url)) => {
            Ok((*host).to_owned())
        }
        _ => Ok(metadata.client_id.clone()),
    }
}

/// Whether a text is one label of a host name in lower case.
fn is_label(label: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&label.len()) && label.bytes().all(plain) && !label.starts_with('-') && !label.ends_with('-')
}

/// Whether a text is a full domain name in lower case: at least two labels, the last one not a number.
pub fn is_domain_name(text: &str) -> bool {
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 253
        && text.contains('.')
        && text.split('.').all(is_label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
