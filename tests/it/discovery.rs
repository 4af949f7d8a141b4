//! Discovery and the key set (Discovery §3, RFC 8414, RFC 7517): exactly what the code does.

use std::collections::BTreeSet;

use http::Method;
use serde_json::Value;
use tchap_connect::protocol::client::SigningAlg;

use crate::support::{Browser, TestApp};

#[tokio::test]
async fn the_document_is_this_and_its_twin_is_the_same() {
    let app = TestApp::start().await;
    let browser = Browser::new(&app);
    let page = browser.get("/.well-known/openid-configuration").await;
    let twin = browser.get("/.well-known/oauth-authorization-server").await;
    assert_eq!(page.body, twin.body);
    assert_eq!(page.header("content-type"), "application/json");
    let document: Value = serde_json::from_str(&page.body.replace(&app.base_url, "https://connect.example")).unwrap();
    insta::assert_json_snapshot!(document, @r#"
    {
      "acr_values_supported": [
        "eidas0",
        "eidas1"
      ],
      "authorization_endpoint": "https://connect.example/authorize",
      "authorization_response_iss_parameter_supported": true,
      "backchannel_logout_session_supported": true,
      "backchannel_logout_supported": true,
      "claim_types_supported": [
        "normal"
      ],
      "claims_parameter_supported": true,
      "claims_supported": [
        "sub",
        "name",
        "given_name",
        "family_name",
        "usual_name",
        "preferred_username",
        "updated_at",
        "locale",
        "email",
        "email_verified",
        "uid",
        "tchap_user_id",
        "tchap_homeserver",
        "tchap_guest",
        "administration_domain",
        "administration_name",
        "organization_label",
        "siren",
        "siret",
        "organizational_unit",
        "belonging_population",
        "roles",
        "iss",
        "aud",
        "exp",
        "iat",
        "auth_time",
        "acr",
        "amr",
        "sid"
      ],
      "code_challenge_methods_supported": [
        "S256"
      ],
      "end_session_endpoint": "https://connect.example/logout",
      "frontchannel_logout_session_supported": true,
      "frontchannel_logout_supported": true,
      "grant_types_supported": [
        "authorization_code",
        "refresh_token",
        "client_credentials"
      ],
      "id_token_signing_alg_values_supported": [
        "RS256",
        "ES256",
        "PS256",
        "EdDSA"
      ],
      "introspection_endpoint": "https://connect.example/introspect",
      "introspection_endpoint_auth_methods_supported": [
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt"
      ],
      "introspection_endpoint_auth_signing_alg_values_supported": [
        "RS256",
        "ES256",
        "PS256",
        "EdDSA"
      ],
      "introspection_signing_alg_values_supported": [
        "RS256",
        "ES256",
        "PS256",
        "EdDSA"
      ],
      "issuer": "https://connect.example",
      "jwks_uri": "https://connect.example/jwks",
      "prompt_values_supported": [
        "none",
        "login",
        "consent",
        "select_account"
      ],
      "request_object_signing_alg_values_supported": [
        "RS256",
        "ES256",
        "PS256",
        "EdDSA"
      ],
      "request_parameter_supported": true,
      "request_uri_parameter_supported": true,
      "require_request_uri_registration": true,
      "response_modes_supported": [
        "query",
        "fragment",
        "form_post"
      ],
      "response_types_supported": [
        "code"
      ],
      "revocation_endpoint": "https://connect.example/revoke",
      "revocation_endpoint_auth_methods_supported": [
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
        "none"
      ],
      "revocation_endpoint_auth_signing_alg_values_supported": [
        "RS256",
        "ES256",
        "PS256",
        "EdDSA"
      ],
      "scopes_supported": [
        "openid",
        "offline_access",
        "profile",
        "email",
        "given_name",
        "usual_name",
        "uid",
        "siren",
        "siret",
        "organizational_unit",
        "organization_label",
        "belonging_population",
        "roles",
        "administration",
        "tchap"
      ],
      "subject_types_supported": [
        "pairwise",
        "public"
      ],
      "token_endpoint": "https://connect.example/token",
      "token_endpoint_auth_methods_supported": [
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
        "none"
      ],
      "token_endpoint_auth_signing_alg_values_supported": [
        "RS256",
        "ES256",
        "PS256",
        "EdDSA"
      ],
      "ui_locales_supported": [
        "fr",
        "en"
      ],
      "userinfo_endpoint": "https://connect.example/userinfo",
      "userinfo_signing_alg_values_supported": [
        "RS256",
        "ES256",
        "PS256",
        "EdDSA"
      ]
    }
    "#);
}

#[tokio::test]
async fn a_relying_party_library_accepts_it() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let metadata = service.discover().await;
    assert_eq!(metadata.issuer().as_str(), app.base_url);
    assert_eq!(metadata.jwks().keys().len(), SigningAlg::ALL.len());
}

#[tokio::test]
async fn every_endpoint_listed_is_there_and_nothing_unbuilt_is_listed() {
    let app = TestApp::start().await;
    let browser = Browser::new(&app);
    let document = browser.get("/.well-known/openid-configuration").await.json();
    let members = document.as_object().unwrap();
    for (name, url) in members
        .iter()
        .filter(|(name, _)| name.ends_with("_endpoint") || name.ends_with("_uri"))
    {
        let page = browser.get(url.as_str().unwrap()).await;
        assert_ne!(page.status, 404, "{name}");
    }
    for later in [
        "registration_endpoint",
        "device_authorization_endpoint",
        "pushed_authorization_request_endpoint",
        "check_session_iframe",
        "dpop_signing_alg_values_supported",
    ] {
        assert!(!members.contains_key(later), "{later}");
    }
    assert!(members.values().all(|value| !value.is_null() && *value != ""));
}

#[tokio::test]
async fn the_key_set_has_unique_kids_and_no_private_member() {
    let app = TestApp::start().await;
    let now = app.app.clock.now();
    app.app.keys.rotate(&app.app.store, now, false).await.unwrap();
    let page = Browser::new(&app).get("/jwks").await;
    assert!(page.header("cache-control").starts_with("public, max-age="));
    let keys = page.json()["keys"].as_array().unwrap().clone();
    assert_eq!(keys.len(), 2 * SigningAlg::ALL.len(), "one to come of each algorithm");
    let kids: BTreeSet<_> = keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kids.len(), keys.len());
    for key in &keys {
        let members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        let expected: &[&str] = match key["kty"].as_str().unwrap() {
            "RSA" => &["alg", "e", "kid", "kty", "n", "use"],
            "EC" => &["alg", "crv", "kid", "kty", "use", "x", "y"],
            _ => &["alg", "crv", "kid", "kty", "use", "x"],
        };
        assert_eq!(members, expected);
        assert_eq!(key["use"], "sig");
    }
}

#[tokio::test]
async fn what_programs_fetch_is_answered_by_its_etag() {
    let app = TestApp::start().await;
    let browser = Browser::new(&app);
    let conditional = async |path: &str, tags: &str| {
        let request = browser.http.request(Method::GET, &format!("{}{path}", app.base_url));
        browser.http.send(request.header("if-none-match", tags)).await
    };
    for path in ["/jwks", "/.well-known/openid-configuration"] {
        let page = browser.get(path).await;
        let tag = page.header("etag").to_owned();
        assert!(
            tag.len() > 20 && tag.starts_with('"') && tag.ends_with('"'),
            "{path}: {tag}"
        );
        for tags in [&*tag, &format!("W/{tag}"), &format!("\"other\", {tag}"), "*"] {
            let same = conditional(path, tags).await;
            assert_eq!((same.status.as_u16(), &*same.body), (304, ""), "{path} {tags}");
            assert_eq!(
                (same.header("etag"), same.header("cache-control")),
                (&*tag, page.header("cache-control"))
            );
        }
        let other = conditional(path, "\"other\"").await;
        assert_eq!((other.status.as_u16(), &other.body), (200, &page.body), "{path}");
    }
    let before = browser.get("/jwks").await.header("etag").to_owned();
    let now = app.app.clock.now();
    app.app.keys.rotate(&app.app.store, now, false).await.unwrap();
    assert_eq!(conditional("/jwks", &before).await.status, 200, "another key set");
}

#[tokio::test]
async fn tokens_still_verify_across_a_rotation() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let before = service.tokens(&browser, &[]).await;
    app.app
        .keys
        .rotate(&app.app.store, app.app.clock.now(), true)
        .await
        .unwrap();
    let after = service.silently(&browser, &[]).await;
    let kid = |token: &str| crate::support::relying_party::part(token, 0)["kid"].clone();
    assert_ne!(kid(&before.id_token), kid(&after.id_token));
    service.silently(&browser, &[("id_token_hint", &before.id_token)]).await;
}

#[tokio::test]
async fn other_origins_may_read_what_programs_need_and_never_authorize() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let origin = ("origin", "https://spa.example");
    let preflight = async |path: &str| {
        let request = service
            .http
            .request(Method::OPTIONS, &format!("{}{path}", app.base_url));
        let request = request
            .header(origin.0, origin.1)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization");
        service.http.send(request).await
    };
    for path in [
        "/token",
        "/revoke",
        "/userinfo",
        "/jwks",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
    ] {
        let answer = preflight(path).await;
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        assert!(
            answer.header("access-control-allow-headers").contains("authorization"),
            "{path}"
        );
        assert_eq!(answer.header("access-control-allow-credentials"), "", "{path}");
        let request = service
            .http
            .request(Method::GET, &format!("{}{path}", app.base_url))
            .header(origin.0, origin.1);
        let answer = service.http.send(request).await;
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}, errors too");
    }
    for path in ["/authorize", "/authorize/x", "/introspect", "/", "/login/sso/a/b"] {
        assert_eq!(
            preflight(path).await.header("access-control-allow-origin"),
            "",
            "{path}"
        );
        let request = service
            .http
            .request(Method::GET, &format!("{}{path}", app.base_url))
            .header(origin.0, origin.1);
        assert_eq!(
            service.http.send(request).await.header("access-control-allow-origin"),
            "",
            "{path}"
        );
    }
}
