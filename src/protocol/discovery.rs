//! Provider metadata (OpenID Connect Discovery §3, RFC 8414 §2): exactly what the code does, from the tables the code
//! uses.

use serde_json::{Value, json};

use super::authorize::Prompt;
use super::client::SigningAlg;
use super::response_mode::ResponseMode;
use super::token_request::TokenRequest;

/// The authorization endpoint's path.
pub const AUTHORIZE: &str = "/authorize";
/// The token endpoint's path.
pub const TOKEN: &str = "/token";
/// The UserInfo endpoint's path.
pub const USERINFO: &str = "/userinfo";
/// The key set's path.
pub const JWKS: &str = "/jwks";

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
}

/// The document at `/.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`.
pub fn document(issuer: &str, vocabulary: Vocabulary<'_>) -> Value {
    let at = |path: &str| format!("{issuer}{path}");
    json!({
        "issuer": issuer,
        "authorization_endpoint": at(AUTHORIZE),
        "token_endpoint": at(TOKEN),
        "userinfo_endpoint": at(USERINFO),
        "jwks_uri": at(JWKS),
        "scopes_supported": vocabulary.scopes,
        "response_types_supported": ["code"],
        "response_modes_supported": ResponseMode::ALL.map(|(name, _)| name),
        "grant_types_supported": TokenRequest::GRANT_TYPES,
        "acr_values_supported": vocabulary.acr_values,
        "subject_types_supported": ["pairwise", "public"],
        "id_token_signing_alg_values_supported": SigningAlg::ALL,
        "userinfo_signing_alg_values_supported": SigningAlg::ALL,
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
        "token_endpoint_auth_signing_alg_values_supported": SigningAlg::ALL,
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
    })
}
