//! What discovery must say (Discovery §3, §4; RFC 8414 §2).

use std::collections::BTreeSet;

use serde_json::Value;
use url::Url;

use crate::conformance::provider::Provider;

fn texts(metadata: &Value, member: &str) -> Vec<String> {
    let list = metadata[member]
        .as_array()
        .unwrap_or_else(|| panic!("{member} is no list: {}", metadata[member]));
    list.iter()
        .map(|value| value.as_str().unwrap_or_else(|| panic!("{member}: {value}")).to_owned())
        .collect()
}

/// https; http only on loopback, where these tests run.
pub fn check_address(address: &str) {
    let url = Url::parse(address).unwrap_or_else(|_| panic!("{address}"));
    let on_loopback = url.host_str() == Some("127.0.0.1");
    assert!(url.scheme() == "https" || on_loopback, "{address}");
}

/// Every address that the document names.
pub fn check_addresses(op: &Provider) {
    for (name, value) in op.metadata.as_object().unwrap() {
        if name.ends_with("_endpoint") || name.ends_with("_uri") {
            check_address(value.as_str().unwrap_or_else(|| panic!("{name}: {value}")));
        }
    }
}

/// RFC 7517 §4, RFC 7518 §6: keys with their members, told apart by `kid`, and nothing private or shared.
pub fn check_keys(jwks: &Value) -> BTreeSet<String> {
    let keys = jwks["keys"].as_array().expect("keys");
    let kids: BTreeSet<_> = keys
        .iter()
        .map(|key| key["kid"].as_str().expect("kid").to_owned())
        .collect();
    assert_eq!(kids.len(), keys.len(), "one kid a key");
    for key in keys {
        let members: &[&str] = match key["kty"].as_str().expect("kty") {
            "RSA" => &["n", "e"],
            "EC" => &["crv", "x", "y"],
            "OKP" => &["crv", "x"],
            other => panic!("{other} has no business here"),
        };
        let base64url = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        assert!(
            members
                .iter()
                .all(|member| key[*member].as_str().is_some_and(base64url)),
            "{key}"
        );
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert_eq!(key[private], Value::Null, "{key}");
        }
    }
    kids
}

/// Discovery §3, §4.2, §4.3: the whole document.
pub async fn discovery_endpoint_verification(op: &Provider) {
    let issuer = op.text("issuer");
    let answer = op.get(&format!("{issuer}/.well-known/openid-configuration")).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").starts_with("application/json"));
    let metadata = answer.json();
    assert_eq!(metadata["issuer"], issuer, "Discovery 4.3");
    let url = Url::parse(issuer).unwrap();
    assert!(url.query().is_none() && url.fragment().is_none(), "RFC 8414 2");
    check_addresses(op);
    for required in [
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
    ] {
        check_address(op.text(required));
    }
    assert!(op.lists("response_types_supported", "code"));
    let subject_types = texts(&metadata, "subject_types_supported");
    assert!(
        !subject_types.is_empty()
            && subject_types
                .iter()
                .all(|one| ["pairwise", "public"].contains(&one.as_str()))
    );
    assert!(op.lists("id_token_signing_alg_values_supported", "RS256"));
    if metadata["request_object_signing_alg_values_supported"].is_array() {
        assert!(op.lists("request_object_signing_alg_values_supported", "RS256"));
    }
    if metadata["userinfo_signing_alg_values_supported"].is_array() {
        assert!(op.lists("userinfo_signing_alg_values_supported", "RS256"));
    }
    for flag in [
        "request_parameter_supported",
        "request_uri_parameter_supported",
        "claims_parameter_supported",
    ] {
        assert!(metadata[flag].is_boolean() || metadata[flag].is_null(), "{flag}");
    }
    assert!(op.lists("grant_types_supported", "authorization_code"));
    let scopes = texts(&metadata, "scopes_supported");
    let token = |text: &String| {
        text.bytes()
            .all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
    };
    assert!(
        scopes.iter().all(token) && scopes.contains(&"openid".to_owned()),
        "RFC 6749 3.3"
    );
    assert!(op.lists("claims_supported", "sub"));
    assert!(texts(&metadata, "code_challenge_methods_supported").contains(&"S256".to_owned()));
    for locales in ["ui_locales_supported", "claims_locales_supported"] {
        let listed = metadata[locales].as_array().into_iter().flatten();
        assert!(
            listed
                .filter_map(Value::as_str)
                .all(|tag| tag.parse::<unic_langid::LanguageIdentifier>().is_ok())
        );
    }
    check_keys(&op.get(op.text("jwks_uri")).await.json());
}
