//! Refresh tokens (RFC 6749 §6, Core §11, §12): who gets one, how long it lives, what it gives (threat 12). Rotation and
//! reuse: `refresh_reuse`.

use tchap_connect::protocol::client::{Client, ConsentPolicy, RefreshRule};

use crate::support::relying_party::part;
use crate::support::{Browser, EMAIL, PASSWORD, TestApp, client, refreshing, refreshing_public};
use crate::token_endpoint::assert_error;

const OFFLINE: (&str, &str) = ("scope", "openid profile email offline_access");

#[tokio::test]
async fn offline_access_is_agreed_to_in_words_remembered_and_never_a_claim() {
    for (language, words) in [
        ("fr", "Garder cet accès en votre absence"),
        ("en", "Keep this access while you are away"),
    ] {
        let app = TestApp::start().await;
        let service = app.register(refreshing("service")).await;
        let browser = Browser::new(&app).with_header("accept-language", language);
        let without = service.tokens(&browser, &[]).await;
        assert!(without.response["refresh_token"].is_null(), "not asked for");

        let page = browser.open(&service.url(&[OFFLINE])).await;
        assert!(page.has("consent-form"), "wider than what is remembered");
        assert!(
            page.text("consent-items").contains(words),
            "{}",
            page.text("consent-items")
        );
        let tokens = service.redeem(&service.code(&browser.accept(&page).await)).await;
        assert_eq!(tokens.response["scope"], "email offline_access openid profile");
        assert!(tokens.refresh_token().len() >= 43);
        let claims = service.claims(&tokens).await;
        assert!(claims.get("offline_access").is_none() && tokens.claims.get("offline_access").is_none());

        // Remembered; but a client cannot ask for it as for a claim.
        service.silently(&browser, &[OFFLINE]).await.refresh_token();
        let demanded = r#"{"userinfo":{"offline_access":null},"id_token":{"offline_access":null}}"#;
        let tokens = service.silently(&browser, &[("claims", demanded)]).await;
        assert!(tokens.response["refresh_token"].is_null());
    }
}

#[tokio::test]
async fn offline_access_is_dropped_without_the_grant_and_where_nobody_is_asked() {
    let app = TestApp::start().await;
    let browser = Browser::new(&app);
    let plain = app.relying_party("plain").await;
    let silent = app
        .register(Client {
            consent: ConsentPolicy::None,
            ..refreshing("silent")
        })
        .await;
    let tokens = plain.tokens(&browser, &[OFFLINE]).await;
    assert_eq!(tokens.response["scope"], "email openid profile");
    assert!(tokens.response["refresh_token"].is_null());
    let tokens = silent.silently(&browser, &[OFFLINE]).await;
    assert_eq!(tokens.response["scope"], "email openid profile");
    assert!(tokens.response["refresh_token"].is_null());
}

#[tokio::test]
async fn a_confidential_client_keeps_its_token_and_a_refreshed_id_token_says_the_same() {
    let app = TestApp::start().await;
    let service = app.register(refreshing("service")).await;
    let first = service.tokens(&Browser::new(&app), &[OFFLINE]).await;
    app.advance(700);
    assert_eq!(service.userinfo(&first.access_token).await.status, 401, "expired");
    for _ in 0..2 {
        app.advance(10);
        let next = service.refreshed(first.refresh_token()).await;
        assert_eq!(next.refresh_token(), first.refresh_token());
        assert_ne!(next.access_token, first.access_token);
        assert_eq!(service.claims(&next).await["email"], EMAIL);
        for same in ["iss", "sub", "aud", "auth_time", "acr", "amr", "sid"] {
            assert_eq!(next.claims[same], first.claims[same], "{same}");
        }
        assert_eq!(next.claims["iat"], app.app.clock.now());
        assert!(next.claims.get("nonce").is_none(), "Core 12.2");
        assert_eq!(part(&next.id_token, 0)["typ"], "JWT");
        assert_eq!(next.response["expires_in"], 600);
    }
}

#[tokio::test]
async fn a_client_marked_always_gets_one_that_ends_with_the_browser_session() {
    let app = TestApp::with(&[("LIFETIMES_SESSION", "7200")]).await;
    let always = |id: &str| Client {
        refresh_tokens: RefreshRule::Always,
        ..refreshing(id)
    };
    let service = app.register(always("service")).await;
    let browser = Browser::new(&app);
    let bound = service.tokens(&browser, &[]).await;
    let page = browser.open(&service.url(&[OFFLINE])).await;
    let offline = service.redeem(&service.code(&browser.accept(&page).await)).await;
    app.advance(7199);
    service.refreshed(bound.refresh_token()).await;
    app.advance(1);
    assert_error(&service.refresh(bound.refresh_token(), &[]).await, 400, "invalid_grant");
    service.refreshed(offline.refresh_token()).await;

    // Signed out before its time.
    let other = Browser::new(&app);
    let page = other.open(&service.url(&[])).await;
    let answer = other.log_in(&page, EMAIL, PASSWORD).await;
    let bound = service.redeem(&service.code(&answer)).await;
    service.refreshed(bound.refresh_token()).await;
    other.open(&format!("/logout?id_token_hint={}", bound.id_token)).await;
    assert_error(&service.refresh(bound.refresh_token(), &[]).await, 400, "invalid_grant");
    assert_eq!(service.introspect(bound.refresh_token()).await["active"], false);
    service.refreshed(offline.refresh_token()).await;
}

#[tokio::test]
async fn a_token_dies_when_it_lies_idle_and_at_the_end_however_used() {
    let lifetimes = [
        ("LIFETIMES_REFRESH_TOKEN_IDLE", "3600"),
        ("LIFETIMES_REFRESH_TOKEN", "7200"),
    ];
    for client in [refreshing("service"), refreshing_public("service")] {
        let app = TestApp::with(&lifetimes).await;
        let service = app.register(client).await;
        let browser = Browser::new(&app);
        let tokens = service.tokens(&browser, &[OFFLINE]).await;
        app.advance(3599);
        let tokens = service.refreshed(tokens.refresh_token()).await;
        app.advance(3599);
        let tokens = service.refreshed(tokens.refresh_token()).await;
        app.advance(2);
        let answer = service.refresh(tokens.refresh_token(), &[]).await;
        assert_error(&answer, 400, "invalid_grant");

        let answer = browser.open(&service.url(&[OFFLINE])).await;
        let idle = service.redeem(&service.code(&answer)).await;
        app.advance(3600);
        assert_error(&service.refresh(idle.refresh_token(), &[]).await, 400, "invalid_grant");
    }
}

/// Threat 12.
/// The local part spells the address: a narrowing that takes the address away takes it too, whatever else the client may ask.
#[tokio::test]
async fn a_narrowed_token_spells_no_address() {
    let app = TestApp::start().await;
    let mut registered = refreshing("service");
    registered
        .scopes
        .extend(["profile".to_owned(), "email".to_owned(), "tchap".to_owned()]);
    let service = app.register(registered).await;
    let scope = [("scope", "openid profile email offline_access")];
    let tokens = service.tokens(&Browser::new(&app), &scope).await;
    assert!(!service.claims(&tokens).await["preferred_username"].is_null());
    let narrow = service
        .refresh(tokens.refresh_token(), &[("scope", "openid profile")])
        .await
        .json();
    let claims = service.userinfo(narrow["access_token"].as_str().unwrap()).await.json();
    assert_eq!(claims.get("preferred_username"), None, "{claims}");
}

#[tokio::test]
async fn a_refresh_may_narrow_the_scope_and_never_widen_it() {
    let app = TestApp::start().await;
    let service = app.register(refreshing("service")).await;
    let browser = Browser::new(&app);
    let tokens = service
        .tokens(&browser, &[("scope", "openid email offline_access")])
        .await;
    let token = tokens.refresh_token();
    for wider in ["openid profile", "openid email tchap", "nonsense", "openid\u{a0}email"] {
        let answer = service.refresh(token, &[("scope", wider)]).await;
        assert_error(&answer, 400, "invalid_scope");
    }
    let narrow = service.refresh(token, &[("scope", "openid")]).await.json();
    assert_eq!(narrow["scope"], "openid");
    let claims = service.userinfo(narrow["access_token"].as_str().unwrap()).await.json();
    assert_eq!(claims.as_object().unwrap().len(), 1, "sub alone: {claims}");
    let narrower = service.refresh(token, &[("scope", "email")]).await.json();
    assert!(narrower["id_token"].is_null());
    let answer = service.userinfo(narrower["access_token"].as_str().unwrap()).await;
    assert_eq!(answer.status, 403);
    // The refresh token keeps all of it (RFC 6749 §6).
    let full = service.refreshed(token).await;
    assert_eq!(full.response["scope"], "email offline_access openid");

    // A registration that became narrower counts at once.
    app.update(&Client {
        scopes: ["openid".to_owned()].into(),
        ..service.client.clone()
    })
    .await;
    let tokens = service.refreshed(token).await;
    assert_eq!(tokens.response["scope"], "offline_access openid");
    assert!(service.claims(&tokens).await.get("email").is_none());
}

/// Threats 12, 16: the `claims` parameter is no way round a narrower scope or registration.
#[tokio::test]
async fn a_demanded_claim_goes_with_its_scope() {
    let app = TestApp::start().await;
    let service = app.register(refreshing("service")).await;
    let browser = Browser::new(&app);
    let demanded = r#"{"userinfo":{"email":null,"name":null},"id_token":{"email":null}}"#;
    let request = [("scope", "openid email offline_access"), ("claims", demanded)];
    let tokens = service.tokens(&browser, &request).await;
    assert_eq!(service.claims(&tokens).await["email"], EMAIL);
    let token = tokens.refresh_token();

    let narrow = service.refresh(token, &[("scope", "openid")]).await.json();
    let claims = service.userinfo(narrow["access_token"].as_str().unwrap()).await.json();
    assert!(claims.get("email").is_none(), "narrowed away: {claims}");
    assert!(claims.get("name").is_some(), "no scope gave it: {claims}");
    let id_token = part(narrow["id_token"].as_str().unwrap(), 1);
    assert!(id_token.get("email").is_none(), "{id_token}");

    app.update(&Client {
        scopes: ["openid", "profile"].map(str::to_owned).into(),
        ..service.client.clone()
    })
    .await;
    let tokens = service.refreshed(token).await;
    let claims = service.claims(&tokens).await;
    assert!(
        claims.get("email").is_none() && tokens.claims.get("email").is_none(),
        "{claims}"
    );
}

#[tokio::test]
async fn a_client_without_the_grant_or_disabled_refreshes_nothing() {
    let app = TestApp::start().await;
    let service = app.register(refreshing("service")).await;
    let tokens = service.tokens(&Browser::new(&app), &[OFFLINE]).await;
    app.update(&client("service")).await;
    let answer = service.refresh(tokens.refresh_token(), &[]).await;
    assert_error(&answer, 400, "unauthorized_client");
    app.update(&Client {
        disabled: true,
        ..service.client.clone()
    })
    .await;
    let answer = service.refresh(tokens.refresh_token(), &[]).await;
    assert_error(&answer, 401, "invalid_client");
    app.update(&service.client).await;
    service.refreshed(tokens.refresh_token()).await;
}
