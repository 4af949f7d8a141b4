use serde_json::json;

use super::*;

const SCOPES: &[&str] = &["openid", "profile", "email"];

fn client(body: &Value) -> Result<Client, Rejection> {
    Request::parse(body.to_string().as_bytes())?.client("id", SCOPES)
}

/// The smallest registration, with these members.
fn with(changes: Value) -> Value {
    let mut body = json!({ "redirect_uris": ["https://service.example/cb"] });
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[test]
fn every_registrable_member_is_stored_and_read_back() {
    let mut body = json!({
        "redirect_uris": ["https://service.example/cb", "https://other.example/cb"],
        "client_name": "Mon service",
        "application_type": "web",
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": "email openid",
        "id_token_signed_response_alg": "ES256",
        "userinfo_signed_response_alg": "RS256",
        "introspection_signed_response_alg": "RS256",
        "request_object_signing_alg": "RS256",
        "subject_type": "pairwise",
        "sector_identifier_uri": "https://sector.example/uris.json",
        "require_auth_time": true,
        "default_max_age": 3600,
        "default_acr_values": ["eidas1"],
        "initiate_login_uri": "https://service.example/start",
        "request_uris": ["https://service.example/request#hash"],
        "jwks_uri": "https://service.example/jwks",
        "client_uri": "https://service.example/",
        "logo_uri": "https://service.example/logo.png",
        "policy_uri": "https://service.example/policy",
        "tos_uri": "https://service.example/tos",
        "contacts": ["dev@service.example"],
        "post_logout_redirect_uris": ["https://service.example/out"],
        "backchannel_logout_uri": "https://service.example/back",
        "backchannel_logout_session_required": true,
        "frontchannel_logout_uri": "https://service.example/front",
        "frontchannel_logout_session_required": true,
    });
    let client = client(&body).unwrap();
    assert_eq!(client.sector, "sector.example");
    assert_eq!(Value::Object(registered(&client)), body);
    // All of the table is there, but for what stands in the way of something else and what is only compared.
    for name in REGISTRABLE {
        let elsewhere = ["jwks", "client_id", "client_secret"].contains(&name);
        assert_ne!(
            body.as_object_mut().unwrap().remove(name).is_some(),
            elsewhere,
            "{name}"
        );
    }
    assert_eq!(body, json!({}), "not in the table");
}

#[test]
fn defaults_are_filled_in() {
    let client = client(&with(
        json!({ "client_name": null, "unknown": 1, "client_name#fr": "Nom" }),
    ))
    .unwrap();
    let expected = json!({
        "redirect_uris": ["https://service.example/cb"],
        "client_name": "service.example",
        "application_type": "web",
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "scope": "email openid profile",
        "id_token_signed_response_alg": "RS256",
        "subject_type": "pairwise",
        "require_auth_time": false,
    });
    assert_eq!(Value::Object(registered(&client)), expected);
    assert_eq!(client.auth_methods, [ClientAuthMethod::ClientSecretBasic].into());
}

#[test]
fn nothing_that_an_operator_grants_can_be_registered() {
    let plain = client(&with(json!({}))).unwrap();
    let privileged = with(json!({
        "consent": "none", "admits_guests": true, "sector": "victim.example", "disabled": true, "id": "admin",
        "self_registered": false, "require_pkce": false, "refresh_tokens": "always", "auth_methods": ["none"],
        "resources": ["https://api.example"], "scopes": ["openid"], "client_id": "admin", "client_secret": "chosen",
        "registration_access_token": "mine",
    }));
    assert_eq!(client(&privileged).unwrap(), plain);
    assert!(plain.self_registered);
    let known = client(&with(json!({ "scope": "openid superuser" }))).unwrap();
    assert_eq!(known.scopes, ["openid".to_owned()].into());
}

#[test]
fn what_cannot_be_registered_is_named() {
    let cases = [
        (json!({ "redirect_uris": null }), "redirect_uris"),
        (json!({ "redirect_uris": [] }), "redirect_uris"),
        (
            json!({ "redirect_uris": "https://service.example/cb" }),
            "redirect_uris",
        ),
        (json!({ "redirect_uris": [7] }), "redirect_uris"),
        (
            json!({ "redirect_uris": ["https://service.example/cb#f"] }),
            "redirect_uris[0]",
        ),
        (
            json!({ "redirect_uris": ["http://service.example/cb"] }),
            "redirect_uris[0]",
        ),
        (json!({ "redirect_uris": ["javascript:alert(1)"] }), "redirect_uris[0]"),
        (json!({ "redirect_uris": ["fr.example.app:/cb"] }), "redirect_uris[0]"),
        (
            json!({ "redirect_uris": ["https://a.example/", "https://b.example/"] }),
            "sector_identifier_uri",
        ),
        (json!({ "client_name": "a\u{202e}b" }), "client_name"),
        (json!({ "client_name": "a\nb" }), "client_name"),
        (json!({ "client_name": "" }), "client_name"),
        (json!({ "client_name": "x".repeat(101) }), "client_name"),
        (json!({ "application_type": "desktop" }), "application_type"),
        (
            json!({ "token_endpoint_auth_method": "client_secret_jwt" }),
            "token_endpoint_auth_method",
        ),
        (json!({ "grant_types": ["implicit"] }), "grant_types"),
        (
            json!({ "grant_types": ["authorization_code", "implicit"] }),
            "grant_types",
        ),
        (json!({ "grant_types": ["refresh_token"] }), "grant_types"),
        (
            json!({ "grant_types": ["authorization_code", "client_credentials"] }),
            "grant_types",
        ),
        (json!({ "grant_types": [] }), "grant_types"),
        (json!({ "response_types": ["id_token"] }), "response_types"),
        (json!({ "response_types": ["code", "code id_token"] }), "response_types"),
        (json!({ "response_types": [] }), "response_types"),
        (
            json!({ "id_token_signed_response_alg": "none" }),
            "id_token_signed_response_alg",
        ),
        (
            json!({ "id_token_signed_response_alg": "HS256" }),
            "id_token_signed_response_alg",
        ),
        (
            json!({ "userinfo_signed_response_alg": "none" }),
            "userinfo_signed_response_alg",
        ),
        (
            json!({ "request_object_signing_alg": "none" }),
            "request_object_signing_alg",
        ),
        (
            json!({ "token_endpoint_auth_signing_alg": "HS256" }),
            "token_endpoint_auth_signing_alg",
        ),
        (
            json!({ "id_token_encrypted_response_alg": "RSA-OAEP" }),
            "id_token_encrypted_response_alg",
        ),
        (
            json!({ "request_object_encryption_enc": "A128GCM" }),
            "request_object_encryption_enc",
        ),
        (json!({ "subject_type": "ephemeral" }), "subject_type"),
        (json!({ "default_max_age": -1 }), "default_max_age"),
        (json!({ "default_max_age": "60" }), "default_max_age"),
        (json!({ "require_auth_time": "yes" }), "require_auth_time"),
        (
            json!({ "initiate_login_uri": "http://service.example/start" }),
            "initiate_login_uri",
        ),
        (
            json!({ "initiate_login_uri": "http://localhost/start" }),
            "initiate_login_uri",
        ),
        (
            json!({ "sector_identifier_uri": "http://localhost/uris" }),
            "sector_identifier_uri",
        ),
        (json!({ "policy_uri": "javascript:alert(1)" }), "policy_uri"),
        (json!({ "client_uri": "https://x;sandbox/" }), "client_uri"),
        (json!({ "tos_uri": "https://*.example/" }), "tos_uri"),
        (json!({ "logo_uri": "data:image/svg+xml,<svg/>" }), "logo_uri"),
        (json!({ "contacts": ["a\u{0}b"] }), "contacts[0]"),
        (json!({ "default_acr_values": [""] }), "default_acr_values[0]"),
        (
            json!({ "jwks": { "keys": [] }, "jwks_uri": "https://service.example/jwks" }),
            "jwks",
        ),
    ];
    for (change, member) in cases {
        let rejection = client(&with(change.clone())).expect_err(member);
        let (named, _) = rejection.description.split_once(':').unwrap();
        assert_eq!(named, member, "{change}: {}", rejection.description);
        let about_uris = member.starts_with("redirect_uris");
        assert_eq!(rejection.code == ErrorCode::InvalidRedirectUri, about_uris, "{change}");
        let allowed = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert!(rejection.description.bytes().all(allowed), "{}", rejection.description);
    }
}

#[test]
fn native_clients_have_private_schemes_and_several_hosts_have_public_subjects() {
    let native = client(&json!({ "redirect_uris": ["fr.example.app:/cb"], "application_type": "native" })).unwrap();
    assert_eq!((native.name.as_str(), native.sector.as_str()), ("fr.example.app", "id"));
    let public =
        with(json!({ "redirect_uris": ["https://a.example/", "https://b.example/"], "subject_type": "public" }));
    assert_eq!(client(&public).unwrap().subject_type, SubjectType::Public);
}

#[test]
fn what_is_no_object_or_too_deep_is_refused() {
    let deep = format!("{{\"jwks\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    for body in [
        "",
        "[]",
        "null",
        "\"x\"",
        "{",
        "{\"redirect_uris\":",
        "\u{feff}{}",
        &deep,
    ] {
        let rejection = Request::parse(body.as_bytes()).expect_err(body);
        assert_eq!(rejection.code, ErrorCode::InvalidClientMetadata);
    }
    assert!(Request::parse(b"\xff\xfe").is_err());
}

#[test]
fn a_sector_document_lists_every_redirect_uri() {
    let two = client(&with(json!({
        "redirect_uris": ["https://a.example/cb", "https://b.example/cb"],
        "sector_identifier_uri": "https://sector.example/uris",
    })))
    .unwrap();
    let check = |document: Value| check_sector(document.to_string().as_bytes(), &two).is_ok();
    assert!(check(json!([
        "https://b.example/cb",
        "https://c.example/cb",
        "https://a.example/cb"
    ])));
    for bad in [
        json!(["https://a.example/cb"]),
        json!(["https://a.example/cb", "https://b.example/cb/"]),
        json!({ "0": "https://a.example/cb", "1": "https://b.example/cb" }),
        json!(["https://a.example/cb", "https://b.example/cb", 1]),
        json!("https://a.example/cb https://b.example/cb"),
        json!([]),
    ] {
        assert!(!check(bad.clone()), "{bad}");
    }
}
