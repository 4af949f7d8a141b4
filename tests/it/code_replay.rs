//! Authorization codes: how long they live, PKCE (threat 4), and that they are spent once (threat 2).

use crate::engines::Database;
use crate::support::relying_party::{CHALLENGE, VERIFIER};
use crate::support::{Browser, TestApp, WITHOUT, refreshing, refreshing_public};
use crate::token_endpoint::assert_error;

#[tokio::test]
async fn a_code_lives_sixty_seconds() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let code = service.sign_in(&browser, &[]).await;
    app.advance(59);
    service.redeem(&code).await;
    let code = service.code(&browser.get(&service.url(&[])).await);
    app.advance(60);
    assert_error(&service.token(&service.form(&code, &[])).await, 400, "invalid_grant");
}

/// Threat 4.
#[tokio::test]
async fn pkce_cannot_be_downgraded() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let code = service.sign_in(&browser, &[]).await;
    let longer = format!("{VERIFIER}A");
    let (of_42, of_129) = ("a".repeat(42), "a".repeat(129));
    for verifier in [
        WITHOUT,
        "",
        CHALLENGE,
        &VERIFIER[..42],
        &longer,
        &of_42,
        &of_129,
        "plain",
    ] {
        let answer = service
            .token(&service.form(&code, &[("code_verifier", verifier)]))
            .await;
        assert_error(&answer, 400, "invalid_grant");
    }
    let answer = service
        .token(&service.form(&code, &[("code_challenge_method", "plain")]))
        .await;
    assert_eq!(
        answer.status, 200,
        "a method has no place here; the verifier counts: {}",
        answer.body
    );

    let without = [("code_challenge", WITHOUT), ("code_challenge_method", WITHOUT)];
    let code = service.code(&browser.get(&service.url(&without)).await);
    assert_error(&service.token(&service.form(&code, &[])).await, 400, "invalid_grant");
    let answer = service.token(&service.form(&code, &[("code_verifier", WITHOUT)])).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// Threat 2.
#[tokio::test]
async fn a_replayed_code_kills_the_tokens_of_the_first_redemption() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let code = service.sign_in(&browser, &[]).await;
    let tokens = service.redeem(&code).await;
    let untouched = service.silently(&browser, &[]).await;
    assert_error(&service.token(&service.form(&code, &[])).await, 400, "invalid_grant");
    assert_eq!(service.userinfo(&tokens.access_token).await.status, 401);
    assert_eq!(
        service.userinfo(&untouched.access_token).await.status,
        200,
        "another authorization of the same agent"
    );

    // However late the replay, as long as a token is alive; and whatever else is wrong with it.
    let code = service.code(&browser.get(&service.url(&[])).await);
    let tokens = service.redeem(&code).await;
    app.advance(599);
    assert_eq!(service.userinfo(&tokens.access_token).await.status, 200);
    assert_error(
        &service.token(&service.form(&code, &[("code_verifier", WITHOUT)])).await,
        400,
        "invalid_grant",
    );
    assert_eq!(service.userinfo(&tokens.access_token).await.status, 401);
}

/// Threat 2: refresh tokens are among what the first redemption issued, and so is what they gave since.
/// A public client's old callback address, found in a history, proves nothing: its verifier does.
#[tokio::test]
async fn a_stranger_with_a_public_clients_spent_code_ends_nothing() {
    let app = TestApp::start().await;
    let service = app.register(refreshing_public("service")).await;
    let code = service.sign_in(&Browser::new(&app), &[]).await;
    let tokens = service.redeem(&code).await;
    let longer = format!("{VERIFIER}A");
    for stranger in [
        ("code_verifier", WITHOUT),
        ("code_verifier", &longer),
        ("redirect_uri", "https://evil.example/"),
    ] {
        assert_error(
            &service.token(&service.form(&code, &[stranger])).await,
            400,
            "invalid_grant",
        );
        assert_eq!(service.userinfo(&tokens.access_token).await.status, 200, "{stranger:?}");
    }
    assert_error(&service.token(&service.form(&code, &[])).await, 400, "invalid_grant");
    assert_eq!(service.userinfo(&tokens.access_token).await.status, 401);
}

#[tokio::test]
async fn a_replayed_code_kills_refresh_tokens_too_however_late() {
    let app = TestApp::start().await;
    for client in [refreshing("service"), refreshing_public("service")] {
        let service = app.register(client).await;
        let browser = Browser::new(&app);
        let code = service.sign_in(&browser, &[("scope", "openid offline_access")]).await;
        let first = service.redeem(&code).await;
        app.advance(29 * 24 * 3600);
        app.app.store.delete_expired(app.app.clock.now(), 100).await.unwrap();
        let second = service.refreshed(first.refresh_token()).await;
        app.advance(29 * 24 * 3600);
        app.app.store.delete_expired(app.app.clock.now(), 100).await.unwrap();
        let third = service.refreshed(second.refresh_token()).await;
        assert_error(&service.token(&service.form(&code, &[])).await, 400, "invalid_grant");
        assert_eq!(service.userinfo(&third.access_token).await.status, 401);
        assert_error(&service.refresh(third.refresh_token(), &[]).await, 400, "invalid_grant");
    }
}

async fn fifty_at_once(app: &TestApp) {
    let service = app.relying_party("service").await;
    let code = service.sign_in(&Browser::new(app), &[]).await;
    let redemptions: Vec<_> = (0..50)
        .map(|_| {
            let (service, code) = (service.clone(), code.clone());
            tokio::spawn(async move { service.token(&service.form(&code, &[])).await })
        })
        .collect();
    let mut successes = Vec::new();
    for redemption in redemptions {
        let answer = redemption.await.unwrap();
        match answer.status.as_u16() {
            200 => successes.push(answer),
            _ => assert_error(&answer, 400, "invalid_grant"),
        }
    }
    assert_eq!(successes.len(), 1);
    let token = successes[0].json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(service.userinfo(&token).await.status, 401, "49 of them were replays");
}

/// Threat 2, on both engines.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_parallel_redemptions_one_succeeds() {
    fifty_at_once(&TestApp::on(Database::sqlite().await, &[]).await).await;
    if let Some(database) = Database::postgres().await {
        fifty_at_once(&TestApp::on(database, &[]).await).await;
    }
}
