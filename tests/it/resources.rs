//! Resources (RFC 8707) and access tokens as JWTs (RFC 9068): a token is for whom it was asked, and for nobody else.

use serde_json::json;
use tchap_connect::protocol::client::{Client, RequestDefaults, SigningAlg};
use tchap_connect::protocol::resource::{AccessTokenFormat, Resource};

use crate::support::relying_party::{Tokens, part, payload};
use crate::support::{Browser, EMAIL, PASSWORD, RelyingParty, TestApp, client, refreshing};
use crate::token_endpoint::assert_error;

pub const API: &str = "https://api.example";
const FILES: &str = "https://files.example/v1";
const OFFLINE: (&str, &str) = ("scope", "openid email offline_access api:read files:read api:unknown");

pub fn resource(identifier: &str) -> Resource {
    Resource {
        identifier: identifier.into(),
        name: "Agenda".into(),
        access_token_format: AccessTokenFormat::Opaque,
        access_token_signing_alg: SigningAlg::RS256,
        scopes: ["api:read", "api:write"].map(String::from).into(),
        client_id: Some("api".into()),
    }
}

async fn with_resources(app: &TestApp) -> RelyingParty {
    let files = Resource {
        name: "Fichiers".into(),
        access_token_format: AccessTokenFormat::Jwt,
        access_token_signing_alg: SigningAlg::ES256,
        scopes: ["files:read".into()].into(),
        client_id: None,
        ..resource(FILES)
    };
    for resource in [resource(API), files] {
        app.app.store.upsert_resource(&resource).await.unwrap();
    }
    let plain = refreshing("service");
    let scopes = ["api:read", "files:read"].map(String::from);
    app.register(Client {
        scopes: plain.scopes.iter().cloned().chain(scopes).collect(),
        requests: RequestDefaults {
            resources: vec![API.into(), FILES.into()],
            ..RequestDefaults::default()
        },
        ..plain
    })
    .await
}

/// Signs in asking for both resources.
async fn for_both(service: &RelyingParty, browser: &Browser) -> String {
    let url = service.url(&[OFFLINE, ("resource", API), ("resource", FILES)]);
    service.code(&browser.sign_in(&url, EMAIL).await)
}

fn access_token(answer: &crate::support::Page) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_agent_is_told_and_asked_again_for_another_resource() {
    let app = TestApp::start().await;
    let service = with_resources(&app).await;
    let browser = Browser::new(&app);
    let scope = ("scope", "openid api:read");
    let page = browser.open(&service.url(&[scope, ("resource", API)])).await;
    let page = browser.log_in(&page, EMAIL, PASSWORD).await;
    let items = page.text("consent-items");
    assert!(
        items.contains("Agir en votre nom auprès de") && items.contains("Agenda (api:read)"),
        "{items}"
    );
    browser.accept(&page).await;
    let asked = async |changes: &[(&str, &str)]| browser.open(&service.url(changes)).await.has("consent-form");
    assert!(!asked(&[scope, ("resource", API)]).await);
    assert!(!asked(&[("scope", "openid"), ("resource", API)]).await);
    assert!(asked(&[("scope", "openid"), ("resource", FILES)]).await);
    assert!(
        asked(&[
            ("scope", "openid api:read files:read"),
            ("resource", API),
            ("resource", FILES)
        ])
        .await
    );
    // Scopes of a resource that is not asked for are unknown.
    let tokens = service.silently(&browser, &[("scope", "openid api:read")]).await;
    assert_eq!(tokens.response["scope"], "openid");
}

#[tokio::test]
async fn a_token_is_for_the_resource_asked_for_only() {
    let app = TestApp::start().await;
    let service = with_resources(&app).await;
    let api = app.relying_party("api").await;
    let other = app.relying_party("other").await;
    let code = for_both(&service, &Browser::new(&app)).await;
    let form = service.form(&code, &[("resource", API)]);
    let answer = service.token(&form).await;
    let token = access_token(&answer);
    assert_eq!(
        answer.json()["scope"],
        "api:read email offline_access openid",
        "less those of others"
    );
    assert_eq!(service.userinfo(&token).await.status, 401, "not for us");
    for (caller, active) in [(&api, true), (&service, true), (&other, false)] {
        let said = caller.introspect(&token).await;
        assert_eq!(said["active"], active, "{}", caller.client.id);
        if active {
            assert_eq!(said["aud"], API);
        } else {
            assert_eq!(said, json!({"active": false}));
        }
    }

    // The other one from the same grant.
    let refresh = answer.json()["refresh_token"].as_str().unwrap().to_owned();
    let jwt = access_token(&service.refresh(&refresh, &[("resource", FILES)]).await);
    assert_eq!(api.introspect(&jwt).await, json!({"active": false}), "not its audience");
    assert_eq!(service.introspect(&jwt).await["aud"], FILES);
    assert_eq!(service.userinfo(&jwt).await.status, 401);
    // The refresh token itself is nothing for a resource.
    assert_eq!(api.introspect(&refresh).await, json!({"active": false}));
}

#[tokio::test]
async fn a_jwt_says_what_rfc_9068_wants_and_can_be_revoked() {
    let app = TestApp::with(&[("LIFETIMES_ACCESS_TOKEN", "7200")]).await;
    let service = with_resources(&app).await;
    let url = service.url(&[("scope", "openid files:read"), ("resource", FILES), ("max_age", "60")]);
    let answer = Browser::new(&app).sign_in(&url, EMAIL).await;
    let tokens: Tokens = service.redeem(&service.code(&answer)).await;
    let now = app.app.clock.now();
    let header = part(&tokens.access_token, 0);
    assert_eq!((&header["typ"], &header["alg"]), (&json!("at+jwt"), &json!("ES256")));
    let mut claims = serde_json::Value::Object(app.app.keys.verify("at+jwt", &tokens.access_token).unwrap());
    let jti = claims.as_object_mut().unwrap().remove("jti").unwrap();
    assert!(jti.as_str().unwrap().len() >= 22);
    assert_eq!(
        claims,
        json!({
            "iss": app.base_url, "sub": tokens.claims["sub"], "aud": FILES, "client_id": "service", "iat": now,
            "exp": now + 3600, "scope": "files:read openid", "auth_time": now, "acr": "eidas1",
        })
    );
    assert_eq!(
        tokens.response["expires_in"], 3600,
        "no longer than its key is published"
    );
    assert!(
        app.app.keys.verify("JWT", &tokens.access_token).is_err(),
        "it is no ID token"
    );
    assert_eq!(service.introspect(&tokens.access_token).await["active"], true);
    assert_eq!(
        service.send("/revoke", &[("token", &tokens.access_token)]).await.status,
        200
    );
    assert_eq!(service.introspect(&tokens.access_token).await["active"], false);
    let payload = payload(&tokens.access_token).to_string();
    assert!(!payload.contains(EMAIL) && !payload.contains("Jean"));
}

#[tokio::test]
async fn what_is_not_registered_allowed_or_granted_is_invalid_target() {
    let app = TestApp::start().await;
    let service = with_resources(&app).await;
    app.app
        .store
        .upsert_resource(&resource("https://foreign.example"))
        .await
        .unwrap();
    let browser = Browser::new(&app);
    let code = for_both(&service, &browser).await;
    let bad = [
        "https://foreign.example",
        "https://unknown.example",
        "https://api.example/",
        "https://API.example",
        "https://api.example#f",
        "/relative",
        "api",
    ];
    for bad in bad {
        // One browser would be in a login loop.
        let stranger = Browser::new(&app);
        let answer = stranger.get(&service.url(&[("resource", bad)])).await;
        assert_eq!(service.error(&answer), "invalid_target", "{bad}");
        let answer = stranger
            .get(&service.url(&[("resource", API), ("resource", bad)]))
            .await;
        assert_eq!(service.error(&answer), "invalid_target", "{bad}");
        let answer = service.token(&service.form(&code, &[("resource", bad)])).await;
        assert_error(&answer, 400, "invalid_target");
    }
    // A JWT is for one resource only.
    assert_error(&service.token(&service.form(&code, &[])).await, 400, "invalid_target");
    let ours = app.base_url.clone();
    let answer = service.token(&service.form(&code, &[("resource", &ours)])).await;
    assert_error(&answer, 400, "invalid_target");
    let answer = service.token(&service.form(&code, &[("resource", API)])).await;
    let refresh = answer.json()["refresh_token"].as_str().unwrap().to_owned();

    // A grant without resources is for us, and cannot grow.
    let code = service.code(&browser.get(&service.url(&[("scope", "openid email")])).await);
    assert_error(
        &service.token(&service.form(&code, &[("resource", API)])).await,
        400,
        "invalid_target",
    );
    let tokens = service.redeem(&code).await;
    assert_eq!(service.userinfo(&tokens.access_token).await.status, 200);

    // What the client may no longer ask for is gone at the next refresh.
    let mut narrower = service.client.clone();
    narrower.requests.resources = vec![FILES.into()];
    app.update(&narrower).await;
    assert_error(
        &service.refresh(&refresh, &[("resource", API)]).await,
        400,
        "invalid_target",
    );
    access_token(&service.refresh(&refresh, &[("resource", FILES)]).await);
    let plain = app.register(client("plain")).await;
    let answer = browser.get(&plain.url(&[("resource", API)])).await;
    assert_eq!(plain.error(&answer), "invalid_target");
}

#[tokio::test]
async fn a_token_for_us_and_a_resource_serves_both() {
    let app = TestApp::start().await;
    let service = with_resources(&app).await;
    let api = app.relying_party("api").await;
    let url = service.url(&[("resource", API), ("resource", &app.base_url)]);
    let answer = Browser::new(&app).sign_in(&url, EMAIL).await;
    let tokens = service.redeem(&service.code(&answer)).await;
    assert_eq!(service.claims(&tokens).await["email"], EMAIL);
    assert_eq!(
        api.introspect(&tokens.access_token).await["aud"],
        json!([app.base_url, API])
    );
}
