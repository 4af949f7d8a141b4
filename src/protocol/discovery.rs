//! Provider metadata (OpenID Connect Discovery §3, RFC 8414 §2): exactly what the code does, from the tables the code
//! uses.

use serde_json::{Value, json};

use super::authorize::Prompt;
use super::client::{GrantType, SigningAlg};
use super::response_mode::ResponseMode;

/// The authorization endpoint's path.
pub const AUTHORIZE: &str = "/authorize";
/// The token endpoint's path.
pub const TOKEN: &str = "/token";
/// The UserInfo endpoint's path.
pub const USERINFO: &str = "/userinfo";
/// The end session endpoint's path (RP-Initiated Logout §2).
pub const LOGOUT: &str = "/logout";
/// The revocation endpoint's path.
pub const REVOKE: &str = "/revoke";
/// The introspection endpoint's path.
pub const INTROSPECT: &str = "/introspect";
/// The key set's path.
pub const JWKS: &str = "/jwks";

/// The registration endpoint's path.
pub const REGISTER: &str = "/register";

/// What this provider says about itself beyond the protocol: its scopes, claims, levels and languages.
#[derive(Debug, Clone, Copy)]
pub struct Vocabulary<'a> {
    /// `scopes_supported`.
    pub scopes: &'a [&'a str],
    /// `claims_supported`.
    pub claims: &'a [&'a str],
    /// `acr_values_supported`.
    pub acr_values: &'a [&'a str],
    /// `ui_locales_supported`.
    pub ui_locales: &'a [&'a str],
    /// Whether clients may register themselves.
    pub registration: bool,
}

/// The document at `/.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`.
pub fn document(issuer: &str, vocabulary: Vocabulary<'_>) -> Value {
    let at = |path: &str| format!("{issuer}{path}");
    let mut document = json!({
        "issuer": issuer,
        "authorization_endpoint": at(AUTHORIZE),
        "token_endpoint": at(TOKEN),
        "userinfo_endpoint": at(USERINFO),
        "end_session_endpoint": at(LOGOUT),
        "revocation_endpoint": at(REVOKE),
        "introspection_endpoint": at(INTROSPECT),
        "jwks_uri": at(JWKS),
        "scopes_supported": vocabulary.scopes,
        "response_types_supported": ["code"],
        "response_modes_supported": ResponseMode::ALL.map(|(name, _)| name),
        "grant_types_supported": GrantType::ALL.map(|(name, _)| name),
        "acr_values_supported": vocabulary.acr_values,
        "subject_types_supported": ["pairwise", "public"],
        "id_token_signing_alg_values_supported": SigningAlg::ALL,
        "userinfo_signing_alg_values_supported": SigningAlg::ALL,
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
        "token_endpoint_auth_signing_alg_values_supported": SigningAlg::ALL,
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
        "revocation_endpoint_auth_signing_alg_values_supported": SigningAlg::ALL,
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "introspection_endpoint_auth_signing_alg_values_supported": SigningAlg::ALL,
        "introspection_signing_alg_values_supported": SigningAlg::ALL,
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": Prompt::ALL.map(|(name, _)| name),
        "claim_types_supported": ["normal"],
        "claims_supported": vocabulary.claims,
        "ui_locales_supported": vocabulary.ui_locales,
        "claims_parameter_supported": true,
        "request_parameter_supported": true,
        "request_uri_parameter_supported": true,
        "require_request_uri_registration": true,
        "request_object_signing_alg_values_supported": SigningAlg::ALL,
        "authorization_response_iss_parameter_supported": true,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "frontchannel_logout_supported": true,
        "frontchannel_logout_session_supported": true,
    });
    if vocabulary.registration {
        document["registration_endpoint"] = at(REGISTER).into();
    }
    document
}
