//! Threat 16: introspection (RFC 7662, RFC 9701) tells the client of a token and its audience, and nobody else, anything.

use serde_json::json;
use tchap_connect::protocol::client::{Client, ClientAlgorithms, SigningAlg};

use crate::support::relying_party::{part, payload};
use crate::support::{Browser, EMAIL, TestApp, client, refreshing, refreshing_public};
use crate::token_endpoint::assert_error;

const OFFLINE: (&str, &str) = ("scope", "openid email offline_access");

#[tokio::test]
async fn a_client_learns_of_its_own_tokens_and_no_name() {
    let app = TestApp::start().await;
    let service = app.register(refreshing("service")).await;
    let tokens = service.tokens(&Browser::new(&app), &[OFFLINE]).await;
    let now = app.app.clock.now();
    let expected = json!({
        "active": true, "iss": app.base_url, "sub": tokens.claims["sub"], "client_id": "service",
        "scope": "email offline_access openid", "iat": now, "exp": now + 600, "aud": app.base_url, "token_type": "Bearer",
    });
    assert_eq!(service.introspect(&tokens.access_token).await, expected);
    let refresh = service.introspect(tokens.refresh_token()).await;
    assert_eq!(
        refresh,
        json!({
            "active": true, "iss": app.base_url, "sub": tokens.claims["sub"], "client_id": "service",
            "scope": "email offline_access openid", "iat": now, "exp": now + 30 * 24 * 3600,
        })
    );
    for answer in [&expected, &refresh] {
        assert!(!answer.to_string().contains(EMAIL));
    }
    let narrow = service
        .refresh(tokens.refresh_token(), &[("scope", "openid")])
        .await
        .json();
    let narrow = service.introspect(narrow["access_token"].as_str().unwrap()).await;
    assert_eq!(narrow["scope"], "openid");
    app.advance(600);
    assert_eq!(service.introspect(&tokens.access_token).await, json!({"active": false}));
}

#[tokio::test]
async fn whoever_is_neither_client_nor_audience_learns_nothing() {
    let app = TestApp::start().await;
    let owner = app.register(refreshing("owner")).await;
    let other = app.relying_party("other").await;
    let public = app.register(refreshing_public("public")).await;
    let browser = Browser::new(&app);
    let tokens = owner.tokens(&browser, &[OFFLINE]).await;
    let page = browser.open(&public.url(&[OFFLINE])).await;
    let of_public = public.redeem(&public.code(&browser.accept(&page).await)).await;
    let inactive = json!({"active": false});
    for token in [
        &*tokens.access_token,
        tokens.refresh_token(),
        "unknown",
        &tokens.id_token,
    ] {
        assert_eq!(other.introspect(token).await, inactive);
        assert_eq!(public.introspect(token).await, inactive);
    }
    assert_eq!(owner.introspect(&tokens.id_token).await, inactive, "no access token");
    let own = public.introspect(&of_public.access_token).await;
    assert_eq!(own, inactive, "anybody can call themselves a public client");
    let mut nobody = owner.clone();
    nobody.secret = None;
    let form = [("token", &*tokens.access_token)];
    assert_error(&nobody.send("/introspect", &form).await, 401, "invalid_client");
    assert_error(&owner.send("/introspect", &[]).await, 400, "invalid_request");
}

/// Asking must change nothing: a replaced token that is only introspected is no reuse.
#[tokio::test]
async fn what_was_replaced_or_revoked_is_inactive() {
    let app = TestApp::start().await;
    let service = app.register(refreshing("service")).await;
    let browser = Browser::new(&app);
    let tokens = service.tokens(&browser, &[OFFLINE]).await;
    service.send("/revoke", &[("token", &tokens.access_token)]).await;
    let inactive = json!({"active": false});
    assert_eq!(service.introspect(&tokens.access_token).await, inactive);
    assert_eq!(service.introspect(tokens.refresh_token()).await["active"], true);
    service.send("/revoke", &[("token", tokens.refresh_token())]).await;
    assert_eq!(service.introspect(tokens.refresh_token()).await, inactive);
    app.update(&Client {
        disabled: true,
        ..client("service")
    })
    .await;
    let form = [("token", &*tokens.access_token)];
    assert_error(&service.send("/introspect", &form).await, 401, "invalid_client");
}

#[tokio::test]
async fn the_signed_form_is_for_its_caller_and_says_the_same() {
    let app = TestApp::start().await;
    for (alg, registered) in [("RS256", None), ("ES256", Some(SigningAlg::ES256))] {
        let service = app
            .register(Client {
                algorithms: ClientAlgorithms {
                    introspection_signed_response_alg: registered,
                    ..ClientAlgorithms::default()
                },
                ..client("service")
            })
            .await;
        let tokens = service.tokens(&Browser::new(&app), &[]).await;
        for (token, accept) in [
            (&*tokens.access_token, "application/token-introspection+jwt"),
            ("unknown", "application/json;q=0.1, Application/Token-Introspection+JWT"),
        ] {
            let form = [("token", token)];
            let answer = service.send_accepting("/introspect", &form, accept).await;
            assert_eq!(answer.header("content-type"), "application/token-introspection+jwt");
            let header = part(&answer.body, 0);
            assert_eq!(
                (&header["typ"], &header["alg"]),
                (&json!("token-introspection+jwt"), &json!(alg))
            );
            let claims = app.app.keys.verify("token-introspection+jwt", &answer.body).unwrap();
            assert_eq!(claims["aud"], "service");
            assert_eq!(claims["iss"], app.base_url);
            assert_eq!(claims["iat"], app.app.clock.now());
            assert_eq!(claims.len(), 4, "{claims:?}");
            assert_eq!(
                payload(&answer.body)["token_introspection"],
                service.introspect(token).await
            );
            assert!(app.app.keys.verify("JWT", &answer.body).is_err(), "it is no ID token");
        }
    }
}
