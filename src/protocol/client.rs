//! A client (relying party) as registered: OpenID Connect Registration §2 in the provider's own words.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::admission::AdmissionRules;
use super::standing::Standing;

/// How a client proves who it is at the token endpoint (Core §9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthMethod {
    /// HTTP Basic with a form-encoded id and secret.
    ClientSecretBasic,
    /// `client_id` and `client_secret` in the form body.
    ClientSecretPost,
    /// A JWT signed with a key of the client's own (RFC 7523 §2.2).
    PrivateKeyJwt,
    /// A public client: no secret, PKCE required.
    None,
}

/// The algorithms of signatures (RFC 7518 §3, RFC 8037 §3.1).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, utoipa::ToSchema,
)]
pub enum SigningAlg {
    /// RSASSA-PKCS1-v1_5 with SHA-256, the default of Registration §2.
    #[default]
    RS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// Ed25519.
    EdDSA,
}

impl SigningAlg {
    /// Every algorithm this provider signs with, as discovery lists them.
    pub const ALL: [Self; 4] = [Self::RS256, Self::ES256, Self::PS256, Self::EdDSA];

    /// The registered JWA name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::ES256 => "ES256",
            Self::PS256 => "PS256",
            Self::EdDSA => "EdDSA",
        }
    }
}

/// Whether clients in different sectors see different subjects (Core §8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectType {
    /// One `sub` per (agent, sector).
    #[default]
    Pairwise,
    /// The same `sub` for every public client.
    Public,
}

/// Web or native (RFC 8252): only native clients may register private URI schemes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ApplicationType {
    /// A site with a server or a page.
    #[default]
    Web,
    /// An installed application.
    Native,
}

/// Whether the agent is asked before data goes to this client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConsentPolicy {
    /// Ask once per set of claims.
    #[default]
    Ask,
    /// Never ask; only confidential https clients may be marked so.
    None,
}

/// How a client comes to tokens (RFC 7591 §2, `grant_types`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 §4.1.
    AuthorizationCode,
    /// RFC 6749 §6.
    RefreshToken,
    /// RFC 6749 §4.4: on its own behalf, of no agent.
    ClientCredentials,
}

impl GrantType {
    /// Every grant of the token endpoint, with its name over the wire.
    pub const ALL: [(&'static str, Self); 3] = [
        ("authorization_code", Self::AuthorizationCode),
        ("refresh_token", Self::RefreshToken),
        ("client_credentials", Self::ClientCredentials),
    ];
}

/// When a client that registered for refresh tokens gets one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshRule {
    /// Only with `offline_access` and the agent's consent to it (Core §11).
    #[default]
    OfflineAccess,
    /// Always; without `offline_access` it dies with the browser session.
    Always,
}

/// The client's public keys, by value or by reference, never both (Registration §2).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientKeys {
    /// A JWK Set (RFC 7517 §5) without private members.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<serde_json::Value>,
    /// Where the JWK Set is fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
}

/// Algorithms besides that of the ID token; `None` means unsigned, or any that this provider knows for what the client signs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientAlgorithms {
    /// What the client signs its assertions with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<SigningAlg>,
    /// What the client signs its request objects with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_object_signing_alg: Option<SigningAlg>,
    /// UserInfo as a JWT signed with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_signed_response_alg: Option<SigningAlg>,
    /// Introspection as a JWT signed with it (RFC 9701 §6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection_signed_response_alg: Option<SigningAlg>,
}

/// What agents see of a client besides its name (Registration §2), and how its developers are reached.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Presentation {
    /// Its home page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// Where its logo is fetched from, once; browsers get our copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    /// What it does with personal data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    /// Its terms of service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    /// Addresses of its developers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
}

/// How a client takes part in logout (RP-Initiated Logout §3.1, Back-Channel Logout §2.2, Front-Channel Logout §2).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LogoutUris {
    /// Where the browser may go after a logout, compared as strings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<String>,
    /// Where logout tokens are posted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// Logout tokens must carry `sid`. (Ours always do.)
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub backchannel_logout_session_required: bool,
    /// What the browser loads in a frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frontchannel_logout_uri: Option<String>,
    /// That address gets `iss` and `sid`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub frontchannel_logout_session_required: bool,
}

/// How a client's authorization requests may come, and what they mean when they say nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RequestDefaults {
    /// Where its request objects may be fetched from (Core §6.2), compared as strings without fragment.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub request_uris: Vec<String>,
    /// Levels asked for when the request names none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub default_acr_values: Vec<String>,
    /// Where a login that another site begins is sent (Core §4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiate_login_uri: Option<String>,
    /// The document that names all redirect URIs of its sector (Core §8.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sector_identifier_uri: Option<String>,
    /// The resources that it may ask tokens for (RFC 8707), by identifier.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
}

/// A registered client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// `client_id`.
    pub id: String,
    /// The name agents read.
    pub name: String,
    /// Compared as strings, but for the port of a loopback address.
    pub redirect_uris: Vec<String>,
    /// Web or native.
    #[serde(default)]
    pub application_type: ApplicationType,
    /// The methods it may use, never empty; `None` stands alone.
    pub auth_methods: BTreeSet<ClientAuthMethod>,
    /// The grants it may use, never empty.
    #[serde(default = "code_only")]
    pub grant_types: BTreeSet<GrantType>,
    /// When it gets refresh tokens.
    #[serde(default)]
    pub refresh_tokens: RefreshRule,
    /// The scopes it may ask for.
    pub scopes: BTreeSet<String>,
    /// The algorithm of its ID tokens.
    #[serde(default)]
    pub id_token_signed_response_alg: SigningAlg,
    /// Pairwise or public.
    #[serde(default)]
    pub subject_type: SubjectType,
    /// The sector of pairwise subjects, fixed when the client is made.
    pub sector: String,
    /// Refuse authorization requests without PKCE (always so for public clients).
    #[serde(default)]
    pub require_pkce: bool,
    /// Always put `auth_time` in the ID token.
    #[serde(default)]
    pub require_auth_time: bool,
    /// `max_age` when the request gives none, in seconds.
    #[serde(default)]
    pub default_max_age: Option<u32>,
    /// Ask the agent or not.
    #[serde(default)]
    pub consent: ConsentPolicy,
    /// Whether guests (accounts of the guests' server) may sign in.
    #[serde(default)]
    pub admits_guests: bool,
    /// Which other agents may.
    #[serde(default, skip_serializing_if = "AdmissionRules::is_empty")]
    pub admission: AdmissionRules,
    /// Its public keys.
    #[serde(flatten)]
    pub keys: ClientKeys,
    /// Algorithms of what else is signed.
    #[serde(flatten)]
    pub algorithms: ClientAlgorithms,
    /// What agents see.
    #[serde(flatten)]
    pub presentation: Presentation,
    /// Logout.
    #[serde(flatten)]
    pub logout: LogoutUris,
    /// Its requests.
    #[serde(flatten)]
    pub requests: RequestDefaults,
    /// How far it has come.
    #[serde(flatten)]
    pub standing: Standing,
    /// It registered itself (RFC 7591): nobody vouches for what it says of itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub self_registered: bool,
    /// A disabled client is treated as unknown by the protocol.
    #[serde(default)]
    pub disabled: bool,
}

fn code_only() -> BTreeSet<GrantType> {
    BTreeSet::from([GrantType::AuthorizationCode])
}

impl Client {
    /// Whether it registered for this grant.
    pub fn may_use(&self, grant: GrantType) -> bool {
        self.grant_types.contains(&grant)
    }

    /// Whether it proves itself by a secret.
    pub fn has_secret(&self) -> bool {
        let with_secret = [ClientAuthMethod::ClientSecretBasic, ClientAuthMethod::ClientSecretPost];
        with_secret.iter().any(|method| self.auth_methods.contains(method))
    }

    /// A client that cannot prove itself (RFC 6749 §2.1).
    pub fn is_public(&self) -> bool {
        self.auth_methods.contains(&ClientAuthMethod::None)
    }
}

/// One of a client's live secrets, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSecret {
    /// Row id, shown to operators so that they can tell secrets apart.
    pub id: String,
    /// SHA-256 of the secret.
    pub fingerprint: String,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds; `None` lives until revoked.
    pub expires_at: Option<i64>,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A confidential client that tests vary.
    pub(crate) fn client() -> Client {
        Client {
            id: "service".into(),
            name: "Service".into(),
            redirect_uris: vec!["https://service.example/callback".into()],
            application_type: ApplicationType::Web,
            auth_methods: BTreeSet::from([ClientAuthMethod::ClientSecretBasic, ClientAuthMethod::ClientSecretPost]),
            grant_types: code_only(),
            refresh_tokens: RefreshRule::OfflineAccess,
            scopes: ["openid", "profile", "email"].map(String::from).into(),
            id_token_signed_response_alg: SigningAlg::RS256,
            subject_type: SubjectType::Pairwise,
            sector: "service.example".into(),
            require_pkce: false,
            require_auth_time: false,
            default_max_age: None,
            consent: ConsentPolicy::Ask,
            admits_guests: false,
            admission: AdmissionRules::default(),
            keys: ClientKeys::default(),
            algorithms: ClientAlgorithms::default(),
            presentation: Presentation::default(),
            logout: LogoutUris::default(),
            requests: RequestDefaults::default(),
            standing: Standing::default(),
            self_registered: false,
            disabled: false,
        }
    }
}
