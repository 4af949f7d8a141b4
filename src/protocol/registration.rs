//! Dynamic registration: a client's metadata as it writes them (OpenID Connect Registration §2, RFC 7591 §2), and as they are
//! answered with every default filled in (§3.2). One table says which members there are in either direction: what else a
//! request brings is ignored, so nothing that only an operator may grant can be asked for.

use std::collections::BTreeSet;

use super::client::{
    ApplicationType, Client, ClientAlgorithms, ClientAuthMethod, ClientKeys, GrantType, LogoutUris, Presentation,
    RequestDefaults, SigningAlg, SubjectType,
};
use super::client_metadata::{ClientMetadata, FieldProblem, MAX_NAME};
use super::error::ErrorCode;
use super::return_to::place_of;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Every member that can be registered. A test registers all of them and reads them back.
const REGISTRABLE: [&str; 33] = [
    "redirect_uris",
    "client_name",
    "application_type",
    "token_endpoint_auth_method",
    "token_endpoint_auth_signing_alg",
    "grant_types",
    "response_types",
    "scope",
    "id_token_signed_response_alg",
    "userinfo_signed_response_alg",
    "introspection_signed_response_alg",
    "request_object_signing_alg",
    "subject_type",
    "sector_identifier_uri",
    "require_auth_time",
    "default_max_age",
    "default_acr_values",
    "initiate_login_uri",
    "request_uris",
    "jwks",
    "jwks_uri",
    "client_uri",
    "logo_uri",
    "policy_uri",
    "tos_uri",
    "contacts",
    "post_logout_redirect_uris",
    "backchannel_logout_uri",
    "backchannel_logout_session_required",
    "frontchannel_logout_uri",
    "frontchannel_logout_session_required",
    // Only to be compared when a registration is replaced (RFC 7592 §2.2).
    "client_id",
    "client_secret",
];

/// There is no JWE here: who asks for it must not believe that they got it.
const ENCRYPTION: [&str; 8] = [
    "id_token_encrypted_response_alg",
    "id_token_encrypted_response_enc",
    "userinfo_encrypted_response_alg",
    "userinfo_encrypted_response_enc",
    "introspection_encrypted_response_alg",
    "introspection_encrypted_response_enc",
    "request_object_encryption_alg",
    "request_object_encryption_enc",
];

/// Codes and what continues them; tokens of a client's own are for those that an operator knows.
const GRANTS: [GrantType; 2] = [GrantType::AuthorizationCode, GrantType::RefreshToken];

/// How many problems one answer names.
const MAX_PROBLEMS: usize = 5;

/// Why metadata cannot be registered (RFC 7591 §3.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// `invalid_redirect_uri` or `invalid_client_metadata`.
    pub code: ErrorCode,
    /// Plain ASCII, with the member first; nothing of what was sent.
    pub description: String,
}

impl Rejection {
    /// A member that cannot be registered as it is.
    pub fn metadata(description: &str) -> Self {
        Self {
            code: ErrorCode::InvalidClientMetadata,
            description: description.to_owned(),
        }
    }

    fn of(problems: &[FieldProblem]) -> Self {
        let about_uris = |problem: &&FieldProblem| problem.field.starts_with("redirect_uris");
        // The code tells which of them it is about.
        let (code, problems): (_, Vec<_>) = match problems.iter().any(|problem| about_uris(&problem)) {
            true => (
                ErrorCode::InvalidRedirectUri,
                problems.iter().filter(about_uris).collect(),
            ),
            false => (ErrorCode::InvalidClientMetadata, problems.iter().collect()),
        };
        let texts: Vec<_> = problems.into_iter().take(MAX_PROBLEMS).map(words).collect();
        // RFC 6749 §5.2 allows no quotes in it.
        let description = texts.join("; ").replace(['"', '\\'], "");
        Self { code, description }
    }
}

/// A problem in the words of this protocol.
fn words(problem: &FieldProblem) -> String {
    match problem.field.as_str() {
        "name" => format!("client_name: {}", problem.message),
        "sector" => {
            "sector_identifier_uri: required, since subjects are pairwise and the redirect URIs have several hosts"
                .to_owned()
        }
        field => format!("{field}: {}", problem.message),
    }
}

/// A registration as sent.
#[derive(Clone, Debug)]
pub struct Request {
    members: Map<String, Value>,
}

impl Request {
    /// Reads a body. Members that are null or unknown count as absent (RFC 7591 §2, §3.1).
    ///
    /// # Errors
    /// When it is no JSON object, or asks for encryption.
    pub fn parse(body: &[u8]) -> Result<Self, Rejection> {
        let parsed: Result<Map<String, Value>, _> = serde_json::from_slice(body);
        let mut members = parsed.map_err(|_| Rejection::metadata("the body is not a JSON object"))?;
        members.retain(|_, value| !value.is_null());
        if let Some(name) = ENCRYPTION.iter().find(|name| members.contains_key(**name)) {
            return Err(Rejection::metadata(&format!("{name}: encryption is not supported")));
        }
        members.retain(|name, _| REGISTRABLE.contains(&name.as_str()));
        Ok(Self { members })
    }

    /// The `client_id` that it names.
    pub fn client_id(&self) -> Option<&str> {
        self.members.get("client_id")?.as_str()
    }

    /// The `client_secret` that it brings: `None` without one, an empty text for what cannot be one.
    pub fn client_secret(&self) -> Option<&str> {
        Some(self.members.get("client_secret")?.as_str().unwrap_or_default())
    }

    /// The client that it describes, under this id. A sector document is believed: the caller has yet to fetch it and ask
    /// [`check_sector`].
    ///
    /// # Errors
    /// Every problem found, with its member.
    pub fn client(self, client_id: &str, known_scopes: &[&str]) -> Result<Client, Rejection> {
        let document = self.document().map_err(|problems| Rejection::of(&problems))?;
        let mut problems = document.unsupported();
        let metadata = document.metadata(client_id, known_scopes);
        match metadata.validate(known_scopes) {
            Ok(client) if problems.is_empty() => Ok(Client {
                self_registered: true,
                ..client
            }),
            Ok(_) => Err(Rejection::of(&problems)),
            Err(more) => {
                problems.extend(more);
                Err(Rejection::of(&problems))
            }
        }
    }

    fn document(self) -> Result<Document, Vec<FieldProblem>> {
        let read = |members: Map<String, Value>| serde_json::from_value::<Document>(Value::Object(members));
        let wrong: Vec<_> = self
            .members
            .iter()
            .filter(|(name, value)| read(Map::from_iter([((*name).clone(), (*value).clone())])).is_err())
            .map(|(name, _)| FieldProblem::new(name, "of the wrong type, or a value that is not supported"))
            .collect();
        match (wrong.is_empty(), read(self.members)) {
            (true, Ok(document)) => Ok(document),
            (true, Err(_)) => Err(vec![FieldProblem::new("metadata", "of the wrong type")]),
            (false, _) => Err(wrong),
        }
    }
}

/// The members with the standard's defaults, in both directions.
#[derive(Serialize, Deserialize)]
#[serde(default)]
struct Document {
    redirect_uris: Vec<String>,
    client_name: Option<String>,
    application_type: ApplicationType,
    token_endpoint_auth_method: ClientAuthMethod,
    grant_types: BTreeSet<GrantType>,
    response_types: Vec<String>,
    scope: Option<String>,
    id_token_signed_response_alg: SigningAlg,
    subject_type: SubjectType,
    require_auth_time: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_max_age: Option<u32>,
    #[serde(flatten)]
    keys: ClientKeys,
    #[serde(flatten)]
    algorithms: ClientAlgorithms,
    #[serde(flatten)]
    presentation: Presentation,
    #[serde(flatten)]
    logout: LogoutUris,
    #[serde(flatten)]
    requests: RequestDefaults,
}

impl Default for Document {
    fn default() -> Self {
        Self {
            redirect_uris: Vec::new(),
            client_name: None,
            application_type: ApplicationType::default(),
            token_endpoint_auth_method: ClientAuthMethod::ClientSecretBasic,
            grant_types: BTreeSet::from([GrantType::AuthorizationCode]),
            response_types: vec!["code".to_owned()],
            scope: None,
            id_token_signed_response_alg: SigningAlg::default(),
            subject_type: SubjectType::default(),
            require_auth_time: false,
            default_max_age: None,
            keys: ClientKeys::default(),
            algorithms: ClientAlgorithms::default(),
            presentation: Presentation::default(),
            logout: LogoutUris::default(),
            requests: RequestDefaults::default(),
        }
    }
}

impl Document {
    /// What an operator might have, but nobody who registers for themselves.
    fn unsupported(&self) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        if self.response_types != ["code"] {
            problems.push(FieldProblem::new("response_types", "only code is supported"));
        }
        if !self.grant_types.iter().all(|grant| GRANTS.contains(grant)) {
            let message = "only authorization_code and refresh_token can be registered";
            problems.push(FieldProblem::new("grant_types", message));
        }
        if !self.grant_types.contains(&GrantType::AuthorizationCode) {
            let message = "authorization_code is needed by the response type code";
            problems.push(FieldProblem::new("grant_types", message));
        }
        // A name of one label may be the id, and so the sector, of another client.
        let sector = self.requests.sector_identifier_uri.as_deref().map(place_of);
        if sector.is_some_and(|sector| !sector.contains('.')) {
            problems.push(FieldProblem::new(
                "sector_identifier_uri",
                "must be at a full host name",
            ));
        }
        problems
    }

    fn metadata(self, client_id: &str, known_scopes: &[&str]) -> ClientMetadata {
        let whose_first = || {
            self.redirect_uris.first().map_or_else(
                || client_id.to_owned(),
                |uri| place_of(uri).chars().take(MAX_NAME).collect(),
            )
        };
        let name = self.client_name.clone().unwrap_or_else(whose_first);
        let sector = self.requests.sector_identifier_uri.as_deref().map(place_of);
        let scopes: Vec<_> = match &self.scope {
            Some(scope) => scope
                .split(' ')
                .filter(|one| known_scopes.contains(one))
                .map(str::to_owned)
                .collect(),
            None => known_scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        };
        ClientMetadata {
            client_id: client_id.to_owned(),
            name,
            redirect_uris: self.redirect_uris,
            application_type: self.application_type,
            token_endpoint_auth_method: Some(self.token_endpoint_auth_method),
            grant_types: self.grant_types,
            scopes,
            id_token_signed_response_alg: self.id_token_signed_response_alg,
            subject_type: self.subject_type,
            sector,
            require_auth_time: self.require_auth_time,
            default_max_age: self.default_max_age,
            keys: self.keys,
            algorithms: self.algorithms,
            presentation: self.presentation,
            logout: self.logout,
            requests: self.requests,
            ..ClientMetadata::default()
        }
    }

    fn of(client: &Client) -> Self {
        let scopes: Vec<_> = client.scopes.iter().map(String::as_str).collect();
        let method = client.auth_methods.first().copied();
        Self {
            redirect_uris: client.redirect_uris.clone(),
            client_name: Some(client.name.clone()),
            application_type: client.application_type,
            token_endpoint_auth_method: method.unwrap_or(ClientAuthMethod::None),
            grant_types: client.grant_types.clone(),
            response_types: vec!["code".to_owned()],
            scope: Some(scopes.join(" ")),
            id_token_signed_response_alg: client.id_token_signed_response_alg,
            subject_type: client.subject_type,
            require_auth_time: client.require_auth_time,
            default_max_age: client.default_max_age,
            keys: client.keys.clone(),
            algorithms: client.algorithms.clone(),
            presentation: client.presentation.clone(),
            logout: client.logout.clone(),
            requests: client.requests.clone(),
        }
    }
}

/// What is registered of a client, every default filled in (RFC 7591 §3.2.1).
pub fn registered(client: &Client) -> Map<String, Value> {
    let mut members = match serde_json::to_value(Document::of(client)) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    };
    members.retain(|name, _| REGISTRABLE.contains(&name.as_str()));
    members
}

/// Whether a replacement leaves the subjects of agents as they are: a client that moved to another sector, or from pairwise
/// to public, would get a second name for each agent and could bring the two together.
///
/// # Errors
/// When it does not.
pub fn check_subjects(known: &Client, client: &Client) -> Result<(), Rejection> {
    match (&known.sector, known.subject_type) == (&client.sector, client.subject_type) {
        true => Ok(()),
        false => Err(Rejection::metadata(
            "subject_type, redirect_uris or sector_identifier_uri: they would change the subjects of agents; register \
             another client",
        )),
    }
}

/// Whether a sector document lists every redirect URI of the client (Registration §5).
///
/// # Errors
/// When it does not, or is no list.
pub fn check_sector(document: &[u8], client: &Client) -> Result<(), Rejection> {
    let listed: Result<Vec<String>, _> = serde_json::from_slice(document);
    let Ok(listed) = listed else {
        return Err(Rejection::metadata(
            "sector_identifier_uri: its document is not a JSON array of texts",
        ));
    };
    match client.redirect_uris.iter().all(|uri| listed.contains(uri)) {
        true => Ok(()),
        false => Err(Rejection::metadata(
            "sector_identifier_uri: its document does not list every redirect URI",
        )),
    }
}

#[cfg(test)]
mod tests;
