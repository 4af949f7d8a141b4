//! Proof Key for Code Exchange (RFC 7636), S256 only.

use super::error::OAuthError;
use super::params::Params;
use crate::secret::{constant_time_eq, fingerprint};

/// A SHA-256 in base64url: 43 characters.
const CHALLENGE_LENGTH: usize = 43;

/// Reads and checks `code_challenge` and `code_challenge_method` (RFC 7636 §4.3).
///
/// # Errors
/// `invalid_request` when the method is not `S256`, when the challenge has not the form of a SHA-256, or when it is
/// missing although `required`.
pub fn challenge(params: &Params, required: bool) -> Result<Option<String>, OAuthError> {
    match (params.get("code_challenge"), params.get("code_challenge_method")) {
        (None, None) if required => Err(OAuthError::invalid_request("code_challenge is required")),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(OAuthError::invalid_request(
            "code_challenge_method without code_challenge",
        )),
        (Some(challenge), Some("S256"))
            if challenge.len() == CHALLENGE_LENGTH && challenge.bytes().all(is_base64url) =>
        {
            Ok(Some(challenge.to_owned()))
        }
        (Some(_), Some("S256")) => Err(OAuthError::invalid_request(
            "code_challenge is not a SHA-256 in base64url",
        )),
        (Some(_), _) => Err(OAuthError::invalid_request("code_challenge_method must be S256")),
    }
}

/// Checks `code_verifier` against the challenge of the authorization request (RFC 7636 §4.6).
///
/// # Errors
/// `invalid_grant` when one is there without the other, or they do not belong together.
pub fn verify(challenge: Option<&str>, verifier: Option<&str>) -> Result<(), OAuthError> {
    match (challenge, verifier) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(OAuthError::invalid_grant("code_verifier without a code_challenge")),
        (Some(_), None) => Err(OAuthError::invalid_grant("code_verifier is missing")),
        (Some(challenge), Some(verifier)) => {
            let well_formed = (43..=128).contains(&verifier.len())
                && verifier
                    .bytes()
                    .all(|byte| is_base64url(byte) || matches!(byte, b'.' | b'~'));
            if well_formed && constant_time_eq(challenge, &fingerprint(verifier)) {
                Ok(())
            } else {
                Err(OAuthError::invalid_grant("code_verifier does not match"))
            }
        }
    }
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn read(query: &str, required: bool) -> Result<Option<String>, OAuthError> {
        challenge(&Params::parse(query.as_bytes()).unwrap(), required)
    }

    #[test]
    fn only_s256_with_a_well_formed_challenge_is_accepted() {
        let ok = format!("code_challenge={CHALLENGE}&code_challenge_method=S256");
        assert_eq!(read(&ok, true).unwrap().as_deref(), Some(CHALLENGE));
        assert_eq!(read("", false).unwrap(), None);
        for bad in [
            format!("code_challenge={CHALLENGE}"),
            format!("code_challenge={CHALLENGE}&code_challenge_method=plain"),
            format!("code_challenge={CHALLENGE}&code_challenge_method=S512"),
            format!("code_challenge={CHALLENGE}&code_challenge_method=s256"),
            format!("code_challenge={}&code_challenge_method=S256", &CHALLENGE[1..]),
            format!("code_challenge={CHALLENGE}A&code_challenge_method=S256"),
            format!("code_challenge={}%3D&code_challenge_method=S256", &CHALLENGE[1..]),
            "code_challenge_method=S256".to_owned(),
        ] {
            assert!(read(&bad, false).is_err(), "{bad}");
        }
        assert!(read("", true).is_err());
    }

    #[test]
    fn the_verifier_must_match_and_must_be_there_exactly_when_a_challenge_was() {
        assert!(verify(Some(CHALLENGE), Some(VERIFIER)).is_ok());
        assert!(verify(None, None).is_ok());
        assert!(verify(None, Some(VERIFIER)).is_err());
        assert!(verify(Some(CHALLENGE), None).is_err());
        assert!(verify(Some(CHALLENGE), Some(&format!("{VERIFIER}A"))).is_err());
        assert!(verify(Some(CHALLENGE), Some(&VERIFIER[1..])).is_err());
        let long = "a".repeat(129);
        assert!(verify(Some(&fingerprint(&long)), Some(&long)).is_err());
        assert!(verify(Some(&fingerprint("short")), Some("short")).is_err());
    }
}
