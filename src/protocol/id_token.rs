//! The ID token (Core §2, §3.1.3.6) and what may be believed of an old one that comes back as a hint (Core §3.1.2.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value};

use super::client::SigningAlg;
use super::error::OAuthError;
use crate::secret::{sha256, sha512};

/// The claims of an ID token. Times in Unix seconds.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are the registered claims themselves")]
pub struct IdTokenClaims<'a> {
    pub iss: &'a str,
    pub sub: &'a str,
    pub aud: &'a str,
    pub iat: i64,
    pub exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<&'a str>,
    pub acr: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub amr: &'a [String],
    pub at_hash: String,
    pub sid: &'a str,
    /// Claims of the agent that the request wanted in the ID token.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// `at_hash`: the left half of the access token's hash, by the hash function of the ID token's algorithm (Core §3.1.3.6).
/// For Ed25519 that is SHA-512 (RFC 8032 §5.1), as relying parties' libraries have it.
pub fn at_hash(alg: SigningAlg, access_token: &str) -> String {
    let token = access_token.as_bytes();
    match alg {
        SigningAlg::RS256 | SigningAlg::ES256 | SigningAlg::PS256 => URL_SAFE_NO_PAD.encode(&sha256(token)[..16]),
        SigningAlg::EdDSA => URL_SAFE_NO_PAD.encode(&sha512(token)[..32]),
    }
}

/// The subject of an `id_token_hint` whose signature is already verified: issuer and audience must be right, the expiry
/// does not matter.
///
/// # Errors
/// `invalid_request`.
pub fn hinted_subject(claims: &Map<String, Value>, issuer: &str, client_id: &str) -> Result<String, OAuthError> {
    let audience = match claims.get("aud") {
        Some(Value::String(aud)) => aud == client_id,
        Some(Value::Array(several)) => several.iter().any(|aud| aud == client_id),
        _ => false,
    };
    let issuer = claims.get("iss").is_some_and(|iss| iss == issuer);
    // Every ID token expires (Core §2); a signed UserInfo response, alike in all else, does not say when.
    let is_id_token = claims.get("exp").is_some_and(Value::is_i64);
    match claims.get("sub") {
        Some(Value::String(subject)) if issuer && audience && is_id_token => Ok(subject.clone()),
        _ => Err(OAuthError::invalid_request(
            "id_token_hint is not a token of this client",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn at_hash_is_the_left_half() {
        // The example of Core appendix A.3; its SHA-512 by another program.
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        for alg in [SigningAlg::RS256, SigningAlg::ES256, SigningAlg::PS256] {
            assert_eq!(at_hash(alg, token), "77QmUPtjPfzWtF2AnpK9RQ");
        }
        assert_eq!(
            at_hash(SigningAlg::EdDSA, token),
            "q7nS86GgvvFaZkzALLWqJYaJIKw2wCDAVfCAsm5CrBM"
        );
    }

    #[test]
    fn a_hint_counts_only_for_this_issuer_and_client() {
        let hint = |value: Value| hinted_subject(value.as_object().unwrap(), "https://i", "c").ok();
        assert_eq!(
            hint(json!({"iss":"https://i","aud":"c","sub":"s","exp":1})).as_deref(),
            Some("s")
        );
        assert_eq!(
            hint(json!({"iss":"https://i","aud":["x","c"],"sub":"s","exp":1})).as_deref(),
            Some("s")
        );
        for bad in [
            json!({"iss":"https://i/","aud":"c","sub":"s","exp":1}),
            json!({"iss":"https://i","aud":"x","sub":"s","exp":1}),
            json!({"iss":"https://i","aud":"c","exp":1}),
            json!({"aud":"c","sub":"s","exp":1}),
            json!({"iss":"https://i","aud":["x"],"sub":"s","exp":1}),
            json!({"iss":"https://i","aud":"c","sub":"s"}),
        ] {
            assert_eq!(hint(bad.clone()), None, "{bad}");
        }
    }
}
