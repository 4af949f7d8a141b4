//! The claims of an access token that is a JWT (RFC 9068 §2.2).

use serde::Serialize;

/// Times in Unix seconds.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are the registered claims themselves")]
pub struct AccessTokenClaims<'a> {
    pub iss: &'a str,
    /// The agent as the client knows them; the client itself where there is no agent.
    pub sub: &'a str,
    pub aud: &'a str,
    pub client_id: &'a str,
    pub iat: i64,
    pub exp: i64,
    pub jti: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<&'a str>,
}
