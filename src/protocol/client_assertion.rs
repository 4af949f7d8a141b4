//! `private_key_jwt` (RFC 7523 §2.2, §3, Core §9): what a client's assertion must say, once its signature is verified.

use super::jws::{Reason, SKEW, Verified};

/// `client_assertion_type` (RFC 7523 §2.2).
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An assertion that lives longer than this is a password, in seconds.
const MAX_LIFETIME: i64 = 3600;

/// The types it may have, where it says one.
const TYPES: [&str; 2] = ["jwt", "client-authentication+jwt"];

/// What must be remembered of an assertion, so that it counts once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// `jti`.
    pub jti: String,
    /// From when on the assertion is refused anyway, Unix seconds.
    pub expires_at: i64,
}

/// Checks the claims. `audiences` are our issuer and our token endpoint: an assertion that names anybody else besides could
/// be presented to us by them.
///
/// # Errors
/// What is wrong, for the log.
pub fn check(jwt: &Verified, client_id: &str, audiences: [&str; 2], now: i64) -> Result<Once, Reason> {
    jwt.check_typ(&TYPES)?;
    if jwt.text("iss") != Some(client_id) || jwt.text("sub") != Some(client_id) {
        return Err("iss and sub must be the client_id");
    }
    let audience = jwt.audiences();
    if audience.is_empty() || !audience.iter().all(|one| audiences.contains(one)) {
        return Err("aud must be the issuer or the token endpoint, and nobody else");
    }
    let expires_at = jwt.check_times(now)?.ok_or("exp is missing")?;
    if expires_at > now + MAX_LIFETIME + SKEW {
        return Err("exp is more than an hour ahead");
    }
    let jti = jwt.text("jti").filter(|jti| !jti.is_empty());
    Ok(Once {
        jti: jti.ok_or("jti is missing")?.to_owned(),
        expires_at: expires_at + SKEW,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NOW: i64 = 1_000_000;

    fn checked(change: impl FnOnce(&mut Value)) -> Result<Once, Reason> {
        let mut claims = json!({"iss": "c", "sub": "c", "aud": "https://i", "exp": NOW + 60, "jti": "j"});
        change(&mut claims);
        let Value::Object(claims) = claims else {
            panic!("an object")
        };
        check(
            &Verified { typ: None, claims },
            "c",
            ["https://i", "https://i/token"],
            NOW,
        )
    }

    #[test]
    fn a_good_assertion_is_remembered_until_it_would_be_refused() {
        let once = checked(|_| {}).unwrap();
        assert_eq!((once.jti.as_str(), once.expires_at), ("j", NOW + 120));
        for good in [
            json!("https://i/token"),
            json!(["https://i"]),
            json!(["https://i", "https://i/token"]),
        ] {
            assert!(checked(|claims| claims["aud"] = good.clone()).is_ok(), "{good}");
        }
        assert!(checked(|claims| claims["exp"] = json!(NOW + 3660)).is_ok());
        assert!(checked(|claims| claims["exp"] = json!(NOW - 59)).is_ok());
    }

    #[test]
    fn each_claim_wrong_once() {
        for (name, bad) in [
            ("iss", json!("d")),
            ("iss", json!(["c"])),
            ("iss", json!(null)),
            ("sub", json!("d")),
            ("sub", json!(null)),
            ("aud", json!(null)),
            ("aud", json!([])),
            ("aud", json!("https://i/")),
            ("aud", json!("https://i/userinfo")),
            ("aud", json!(["https://i", "https://other.example"])),
            ("aud", json!(["https://i", 1])),
            ("aud", json!({"https://i": 1})),
            ("exp", json!(null)),
            ("exp", json!("soon")),
            ("exp", json!(NOW - 60)),
            ("exp", json!(NOW + 3661)),
            ("exp", json!(i64::MAX)),
            ("iat", json!(NOW + 61)),
            ("nbf", json!(NOW + 61)),
            ("jti", json!(null)),
            ("jti", json!("")),
            ("jti", json!(1)),
        ] {
            assert!(checked(|claims| claims[name] = bad.clone()).is_err(), "{name} {bad}");
        }
        for missing in ["iss", "sub", "aud", "exp", "jti"] {
            let remove = |claims: &mut Value| drop(claims.as_object_mut().unwrap().remove(missing));
            assert!(checked(remove).is_err(), "{missing}");
        }
    }
}
