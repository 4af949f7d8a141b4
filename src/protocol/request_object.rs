//! Request objects (Core §6, RFC 9101 §4, §6): an authorization request whose parameters the client signed, by value or by
//! reference. Signed ones only: an unsigned object protects nothing that the query does not.

use serde_json::Value;

use super::client::Client;
use super::error::{ErrorCode, OAuthError};
use super::jws::{Reason, Verified};
use super::params::Params;

/// The types it may have, where it says one (RFC 9101 §10.8).
const TYPES: [&str; 2] = ["jwt", "oauth-authz-req+jwt"];

/// Registered claims of every JWT (RFC 7519 §4.1); they are no parameters.
const JWT_CLAIMS: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/// More claims than this are no honest request.
const MAX_CLAIMS: usize = 100;

/// Where the object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source<'a> {
    /// `request`.
    Value(&'a str),
    /// `request_uri`, a registered one.
    Reference(&'a str),
}

/// Finds the object of a request, if it has one.
///
/// # Errors
/// `invalid_request` when there are two or what OAuth 2.0 itself demands is not outside of it (Core §6.1, §6.2),
/// `invalid_request_uri` when the client did not register the address (compared without fragment).
pub fn source<'a>(params: &'a Params, client: &Client) -> Result<Option<Source<'a>>, OAuthError> {
    let source = match (params.get("request"), params.get("request_uri")) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return Err(OAuthError::invalid_request(
                "request and request_uri exclude each other",
            ));
        }
        (Some(object), None) => Source::Value(object),
        (None, Some(uri)) => Source::Reference(uri),
    };
    params.refuse_repeated()?;
    if params.get("response_type").is_none() {
        return Err(OAuthError::invalid_request(
            "response_type is missing outside of the request object",
        ));
    }
    let scope = params.get("scope").unwrap_or_default();
    if !scope.split(' ').any(|word| word == "openid") {
        return Err(OAuthError::invalid_request(
            "scope must contain openid outside of the request object",
        ));
    }
    if let Source::Reference(uri) = source {
        let registered = &client.requests.request_uris;
        if !registered
            .iter()
            .any(|registered| without_fragment(registered) == without_fragment(uri))
        {
            return Err(OAuthError::new(
                ErrorCode::InvalidRequestUri,
                "request_uri is not registered",
            ));
        }
    }
    Ok(Some(source))
}

fn without_fragment(uri: &str) -> &str {
    uri.split('#').next().unwrap_or_default()
}

/// The parameters that count: the object's, and what else stands outside of it (Core §6.1).
///
/// # Errors
/// What is wrong with the object, for the log.
pub fn merge(params: &Params, jwt: &Verified, issuer: &str, now: i64) -> Result<Params, Reason> {
    check_claims(params, jwt, issuer, now)?;
    let mut merged = params.clone();
    merged.retain(|name, _| !matches!(name, "request" | "request_uri"));
    for (name, value) in &jwt.claims {
        if JWT_CLAIMS.contains(&name.as_str()) {
            continue;
        }
        let values = match value {
            Value::Null => continue,
            // The one that may repeat (RFC 8707 §2).
            Value::Array(several) if name == "resource" => several.iter().map(as_text).collect(),
            other => vec![as_text(other)],
        };
        // As in the query: no parameter has a use for a NUL, and an empty one is none.
        if values.iter().any(|value| value.contains('\0')) || name.contains('\0') {
            return Err("a parameter in it contains a NUL");
        }
        if values.iter().all(String::is_empty) {
            continue;
        }
        merged.supersede(name, values);
    }
    Ok(merged)
}

/// Numbers as they are (`max_age`), objects as JSON (`claims`): as in the query.
fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn check_claims(params: &Params, jwt: &Verified, issuer: &str, now: i64) -> Result<(), Reason> {
    jwt.check_typ(&TYPES)?;
    if jwt.claims.len() > MAX_CLAIMS {
        return Err("it has too many claims");
    }
    if jwt.claims.contains_key("request") || jwt.claims.contains_key("request_uri") {
        return Err("it holds another request object");
    }
    let client_id = params.get("client_id");
    if jwt.claims.contains_key("iss") && jwt.text("iss") != client_id {
        return Err("iss must be the client_id");
    }
    // RFC 9101 §10.8: what has the client as its subject is an assertion.
    if jwt.claims.contains_key("sub") && jwt.text("sub") == client_id {
        return Err("sub must not be the client_id");
    }
    if jwt.claims.contains_key("aud") && !jwt.audiences().contains(&issuer) {
        return Err("aud must be the issuer");
    }
    jwt.check_times(now)?;
    for name in ["client_id", "response_type"] {
        if jwt.claims.contains_key(name) && jwt.text(name) != params.get(name) {
            return Err("client_id and response_type must be the same inside and outside");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::client::tests::client;
    use serde_json::json;

    const NOW: i64 = 1_000_000;
    const OUTSIDE: &str = "client_id=service&response_type=code&scope=openid&state=out&nonce=n&request=x";

    fn params(query: &str) -> Params {
        Params::parse(query.as_bytes()).unwrap()
    }

    fn merged(claims: Value) -> Result<Params, Reason> {
        let Value::Object(claims) = claims else {
            panic!("an object")
        };
        merge(&params(OUTSIDE), &Verified { typ: None, claims }, "https://i", NOW)
    }

    #[test]
    fn an_object_is_found_once_and_only_where_it_may_be() {
        let mut client = client();
        client.requests.request_uris = vec!["https://rp.example/r#old".into()];
        let find = |query: &str| {
            let params = params(query);
            source(&params, &client)
                .map(|found| found.is_some())
                .map_err(|error| error.code)
        };
        let base = "client_id=service&response_type=code&scope=openid";
        assert_eq!(find(base), Ok(false));
        assert_eq!(find(&format!("{base}&request=x")), Ok(true));
        assert_eq!(find(&format!("{base}&request_uri=https://rp.example/r")), Ok(true));
        assert_eq!(
            find(&format!("{base}&request_uri=https://rp.example/r%23new")),
            Ok(true)
        );
        for unregistered in [
            "https://rp.example/r/",
            "https://rp.example/r?x",
            "https://rp.example/",
            "urn:x",
        ] {
            let query = format!("{base}&request_uri={unregistered}");
            assert_eq!(find(&query), Err(ErrorCode::InvalidRequestUri), "{unregistered}");
        }
        for bad in [
            format!("{base}&request=x&request_uri=https://rp.example/r"),
            format!("{base}&request=x&request=y"),
            format!("{base}&request=x&state=a&state=b"),
            "client_id=service&scope=openid&request=x".into(),
            "client_id=service&response_type=code&request=x".into(),
            "client_id=service&response_type=code&scope=openid2&request=x".into(),
        ] {
            assert_eq!(find(&bad), Err(ErrorCode::InvalidRequest), "{bad}");
        }
    }

    #[test]
    fn what_is_inside_supersedes_what_is_outside() {
        let merged = merged(json!({
            "iss": "service", "aud": ["https://i", "https://other"], "exp": NOW + 10, "jti": "j", "state": "in",
            "max_age": 10, "claims": {"userinfo": {"name": null}}, "login_hint": null, "client_id": "service",
            "response_type": "code",
        }))
        .unwrap();
        for (name, value) in [
            ("state", Some("in")),
            ("nonce", Some("n")),
            ("max_age", Some("10")),
            ("claims", Some(r#"{"userinfo":{"name":null}}"#)),
            ("request", None),
            ("iss", None),
            ("exp", None),
            ("jti", None),
            ("login_hint", None),
        ] {
            assert_eq!(merged.get(name), value, "{name}");
        }
    }

    #[test]
    fn each_claim_wrong_once() {
        assert!(merged(json!({})).is_ok());
        for bad in [
            json!({"iss": "other"}),
            json!({"iss": 1}),
            json!({"sub": "service"}),
            json!({"aud": "https://other"}),
            json!({"aud": []}),
            json!({"aud": null}),
            json!({"exp": NOW - 60}),
            json!({"exp": "soon"}),
            json!({"nbf": NOW + 61}),
            json!({"iat": NOW + 61}),
            json!({"client_id": "other"}),
            json!({"client_id": null}),
            json!({"response_type": "token"}),
            json!({"response_type": ["code"]}),
            json!({"request": "x"}),
            json!({"request_uri": "https://rp.example/r"}),
            json!({"request": null}),
            json!({"state": "a\0b"}),
        ] {
            assert!(merged(bad.clone()).is_err(), "{bad}");
        }
    }
}
