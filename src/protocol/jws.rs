//! What is read of a JWT that a client signed (RFC 7515, RFC 7519) before and after its signature is verified: assertions
//! and request objects. Keys named in the header itself (`jku`, `jwk`, `x5u`, `x5c`) are never looked at (RFC 8725 §3.10).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::client::SigningAlg;

/// Others' clocks may differ from ours by this much, in seconds.
pub const SKEW: i64 = 60;

/// Longer ones have no honest use, in bytes.
const MAX_LENGTH: usize = 32 * 1024;

/// The header of a compact JWS, as far as it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// `alg`, one that this provider knows: neither `none` nor a MAC.
    pub alg: SigningAlg,
    /// `kid`.
    pub kid: Option<String>,
    /// `typ`.
    pub typ: Option<String>,
}

/// A JWT whose signature was good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// `typ` of its header.
    pub typ: Option<String>,
    /// Its claims.
    pub claims: Map<String, Value>,
}

/// Why a JWT does not count, for the log.
pub type Reason = &'static str;

/// Reads the header.
///
/// # Errors
/// When the token is no compact JWS, its algorithm is not one of ours, or it has critical extensions (RFC 7515 §4.1.11:
/// we understand none).
pub fn header(token: &str) -> Result<Header, Reason> {
    let mut header = part(token, 0).ok_or("it is no compact JWS")?;
    if header.contains_key("crit") {
        return Err("it has critical extensions");
    }
    let alg = header.get("alg").and_then(Value::as_str);
    let alg = SigningAlg::ALL.into_iter().find(|known| Some(known.as_str()) == alg);
    let mut text = |name: &str| match header.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err("its header is malformed"),
    };
    Ok(Header {
        alg: alg.ok_or("it is unsigned, or signed with an algorithm that is not supported")?,
        kid: text("kid")?,
        typ: text("typ")?,
    })
}

/// The claims, believed by nobody yet.
pub fn unverified_claims(token: &str) -> Option<Map<String, Value>> {
    part(token, 1)
}

/// A part of a compact JWS: 0 is the header, 1 the payload.
fn part(token: &str, number: usize) -> Option<Map<String, Value>> {
    if token.len() > MAX_LENGTH || token.split('.').count() != 3 {
        return None;
    }
    let part = URL_SAFE_NO_PAD.decode(token.split('.').nth(number)?).ok()?;
    serde_json::from_slice(&part).ok()
}

impl Verified {
    /// Refuses a `typ` that is not among these: a JWT made for something else (RFC 8725 §3.11). None at all is `JWT`.
    ///
    /// # Errors
    /// As said.
    pub fn check_typ(&self, known: &[&str]) -> Result<(), Reason> {
        let typ = self.typ.as_deref().unwrap_or("JWT").to_ascii_lowercase();
        let typ = typ.strip_prefix("application/").unwrap_or(&typ);
        match known.iter().any(|known| known.eq_ignore_ascii_case(typ)) {
            true => Ok(()),
            false => Err("its typ is that of something else"),
        }
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Value::as_str)
    }

    /// A NumericDate (RFC 7519 §2) in Unix seconds.
    ///
    /// # Errors
    /// When it is there and is not one.
    pub fn instant(&self, name: &str) -> Result<Option<i64>, Reason> {
        match self.claims.get(name) {
            None => Ok(None),
            Some(value) => {
                let seconds = value.as_i64().or_else(|| {
                    let fraction = value.as_f64()?.floor();
                    // What lies beyond is no time that anybody means.
                    (fraction.abs() < 1e15).then_some(fraction as i64)
                });
                seconds.map(Some).ok_or("a time in it is not a number of seconds")
            }
        }
    }

    /// Checks `exp`, `nbf` and `iat` as far as they are there; answers `exp`.
    ///
    /// # Errors
    /// When it has expired or is of the future.
    pub fn check_times(&self, now: i64) -> Result<Option<i64>, Reason> {
        let expires_at = self.instant("exp")?;
        if expires_at.is_some_and(|expires_at| expires_at.saturating_add(SKEW) <= now) {
            return Err("it has expired");
        }
        for name in ["nbf", "iat"] {
            if self.instant(name)?.is_some_and(|at| at > now + SKEW) {
                return Err("it is of the future");
            }
        }
        Ok(expires_at)
    }

    /// `aud`, one or several; empty when absent or malformed.
    pub fn audiences(&self) -> Vec<&str> {
        match self.claims.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => {
                let texts: Option<Vec<_>> = several.iter().map(Value::as_str).collect();
                texts.unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn token(header: &Value) -> String {
        format!("{}.e30.c2ln", URL_SAFE_NO_PAD.encode(header.to_string()))
    }

    #[test]
    fn only_signatures_by_a_known_algorithm_without_extensions_count() {
        let good = token(&json!({"alg": "ES256", "kid": "k", "typ": "JWT", "jku": "https://evil.example", "x": 1}));
        let read = header(&good).unwrap();
        assert_eq!((read.alg, read.kid.as_deref()), (SigningAlg::ES256, Some("k")));
        for alg in SigningAlg::ALL {
            assert!(header(&token(&json!({"alg": alg}))).is_ok());
        }
        for bad in [
            json!({"alg": "none"}),
            json!({"alg": "None"}),
            json!({"alg": "HS256"}),
            json!({"alg": "RS512"}),
            json!({"alg": "rs256"}),
            json!({"alg": 1}),
            json!({}),
            json!([]),
            json!({"alg": "RS256", "kid": 1}),
            json!({"alg": "RS256", "typ": ["JWT"]}),
            json!({"alg": "RS256", "crit": ["exp"], "exp": 1}),
            json!({"alg": "RS256", "crit": []}),
            json!({"alg": "RS256", "crit": null}),
        ] {
            assert!(header(&token(&bad)).is_err(), "{bad}");
        }
        for bad in [
            String::new(),
            good.replacen('.', "", 1),
            format!("{good}.x"),
            format!("{good}{}", "x".repeat(MAX_LENGTH)),
        ] {
            assert!(header(&bad).is_err(), "{bad}");
        }
        assert!(header(&format!("={good}")).is_err());
    }

    fn with(claims: Value) -> Verified {
        let Value::Object(claims) = claims else {
            panic!("an object")
        };
        Verified { typ: None, claims }
    }

    #[test]
    fn times_are_checked_with_a_minute_of_grace() {
        let now = 1_000_000;
        for (claims, expected) in [
            (json!({}), Ok(None)),
            (json!({"exp": now - 59}), Ok(Some(now - 59))),
            (
                json!({"exp": now as f64 + 0.5, "nbf": now + 60, "iat": now + 60}),
                Ok(Some(now)),
            ),
            (json!({"exp": now - 60}), Err(())),
            (json!({"exp": i64::MAX}), Ok(Some(i64::MAX))),
            (json!({"exp": i64::MIN}), Err(())),
            (json!({"exp": 1e300}), Err(())),
            (json!({"exp": "1000060"}), Err(())),
            (json!({"exp": null}), Err(())),
            (json!({"nbf": now + 61}), Err(())),
            (json!({"iat": now + 61}), Err(())),
        ] {
            assert_eq!(
                with(claims.clone()).check_times(now).map_err(drop),
                expected,
                "{claims}"
            );
        }
    }

    #[test]
    fn a_typ_is_compared_as_media_types_are() {
        let known = ["jwt", "oauth-authz-req+jwt"];
        let check = |typ: Option<&str>| {
            let typ = typ.map(str::to_owned);
            Verified {
                typ,
                claims: Map::new(),
            }
            .check_typ(&known)
            .is_ok()
        };
        assert!(check(None) && check(Some("JWT")) && check(Some("application/OAuth-Authz-Req+JWT")));
        assert!(!check(Some("dpop+jwt")) && !check(Some("")) && !check(Some("at+jwt")));
    }
}
