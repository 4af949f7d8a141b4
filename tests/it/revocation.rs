//! Revocation (RFC 7009; protocol notes §4).

use http::Method;

use crate::support::{Browser, RelyingParty, TestApp, refreshing, refreshing_public};
use crate::token_endpoint::assert_error;

const OFFLINE: (&str, &str) = ("scope", "openid email offline_access");

async fn revoke(client: &RelyingParty, token: &str) -> u16 {
    let answer = client.send("/revoke", &[("token", token)]).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.status.as_u16()
}

#[tokio::test]
async fn an_access_token_goes_alone_and_a_refresh_token_takes_its_access_tokens_with_it() {
    for client in [refreshing("service"), refreshing_public("service")] {
        let app = TestApp::start().await;
        let service = app.register(client).await;
        let browser = Browser::new(&app);
        let tokens = service.tokens(&browser, &[OFFLINE]).await;
        let answer = browser.open(&service.url(&[OFFLINE])).await;
        let untouched = service.redeem(&service.code(&answer)).await;

        assert_eq!(revoke(&service, &tokens.access_token).await, 200);
        assert_eq!(service.userinfo(&tokens.access_token).await.status, 401);
        let tokens = service.refreshed(tokens.refresh_token()).await;
        assert_eq!(service.userinfo(&tokens.access_token).await.status, 200);

        assert_eq!(revoke(&service, tokens.refresh_token()).await, 200);
        assert_eq!(service.userinfo(&tokens.access_token).await.status, 401);
        assert_error(
            &service.refresh(tokens.refresh_token(), &[]).await,
            400,
            "invalid_grant",
        );
        assert_eq!(
            revoke(&service, tokens.refresh_token()).await,
            200,
            "it is gone already"
        );
        assert_eq!(service.userinfo(&untouched.access_token).await.status, 200);
        service.refreshed(untouched.refresh_token()).await;
    }
}

#[tokio::test]
async fn the_hint_is_only_a_hint_and_the_unknown_is_revoked_already() {
    let app = TestApp::start().await;
    let service = app.register(refreshing("service")).await;
    let browser = Browser::new(&app);
    for hint in ["access_token", "refresh_token", "nonsense", ""] {
        let answer = browser.open(&service.url(&[OFFLINE])).await;
        let tokens = match answer.has("identifier-form") {
            true => service.tokens(&browser, &[OFFLINE]).await,
            false => service.redeem(&service.code(&answer)).await,
        };
        for token in [&*tokens.access_token, tokens.refresh_token()] {
            let form = [("token", token), ("token_type_hint", hint)];
            assert_eq!(service.send("/revoke", &form).await.status, 200, "{hint}");
        }
        assert_eq!(service.userinfo(&tokens.access_token).await.status, 401, "{hint}");
        let answer = service.refresh(tokens.refresh_token(), &[]).await;
        assert_error(&answer, 400, "invalid_grant");
    }
    for unknown in ["unknown", "a.b.c", "\u{e9}"] {
        assert_eq!(revoke(&service, unknown).await, 200, "{unknown}");
    }
}

/// Threat 1.
#[tokio::test]
async fn another_clients_token_is_refused_and_kept() {
    let app = TestApp::start().await;
    let owner = app.register(refreshing("owner")).await;
    let thief = app.register(refreshing("thief")).await;
    let public = app.register(refreshing_public("public-thief")).await;
    let tokens = owner.tokens(&Browser::new(&app), &[OFFLINE]).await;
    for thief in [&thief, &public] {
        for token in [&*tokens.access_token, tokens.refresh_token()] {
            let answer = thief.send("/revoke", &[("token", token)]).await;
            assert_error(&answer, 400, "invalid_grant");
        }
    }
    assert_eq!(owner.userinfo(&tokens.access_token).await.status, 200);
    owner.refreshed(tokens.refresh_token()).await;
}

#[tokio::test]
async fn revocation_wants_a_client_a_token_and_a_post() {
    let app = TestApp::start().await;
    let service = app.register(refreshing("service")).await;
    let tokens = service.tokens(&Browser::new(&app), &[OFFLINE]).await;
    let mut unauthenticated = service.clone();
    unauthenticated.secret = None;
    let form = [("token", &*tokens.access_token)];
    assert_error(&unauthenticated.send("/revoke", &form).await, 401, "invalid_client");
    unauthenticated.secret = Some("wrong".into());
    assert_error(&unauthenticated.send("/revoke", &form).await, 401, "invalid_client");
    assert_error(&service.send("/revoke", &[]).await, 400, "invalid_request");
    assert_error(&service.send("/revoke", &[("token", "")]).await, 400, "invalid_request");
    let twice = [("token", "a"), ("token", &*tokens.access_token)];
    assert_error(&service.send("/revoke", &twice).await, 400, "invalid_request");
    for path in ["/revoke", "/introspect"] {
        let request = service
            .http
            .request(Method::GET, &format!("{}{path}?token=x", app.base_url));
        assert_error(&service.http.send(request).await, 405, "invalid_request");
    }
    assert_eq!(service.userinfo(&tokens.access_token).await.status, 200);
}
