//! A client (relying party) as registered: OpenID Connect Registration §2 in the provider's own words.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// How a client proves who it is at the token endpoint (Core §9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthMethod {
    /// HTTP Basic with a form-encoded id and secret.
    ClientSecretBasic,
    /// `client_id` and `client_secret` in the form body.
    ClientSecretPost,
    /// A public client: no secret, PKCE required.
    None,
}

/// The algorithm that signs a client's ID tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum SigningAlg {
    /// RSASSA-PKCS1-v1_5 with SHA-256, the default of Registration §2.
    #[default]
    RS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
}

impl SigningAlg {
    /// Every algorithm this provider signs with, as discovery lists them.
    pub const ALL: [Self; 2] = [Self::RS256, Self::ES256];

    /// The registered JWA name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::ES256 => "ES256",
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApplicationType {
    /// A site with a server or a page.
    #[default]
    Web,
    /// An installed application.
    Native,
}

/// Whether the agent is asked before data goes to this client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConsentPolicy {
    /// Ask once per set of claims.
    #[default]
    Ask,
    /// Never ask; only confidential https clients may be marked so.
    None,
}

/// A registered client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    /// A disabled client is treated as unknown by the protocol.
    #[serde(default)]
    pub disabled: bool,
}

impl Client {
    /// A client without a secret (RFC 6749 §2.1).
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
            scopes: ["openid", "profile", "email"].map(String::from).into(),
            id_token_signed_response_alg: SigningAlg::RS256,
            subject_type: SubjectType::Pairwise,
            sector: "service.example".into(),
            require_pkce: false,
            require_auth_time: false,
            default_max_age: None,
            consent: ConsentPolicy::Ask,
            admits_guests: false,
            disabled: false,
        }
    }
}
