//! Threat 5: refresh tokens of public clients are replaced at each use; one lost response is forgiven, any other reuse ends
//! the family (RFC 9700 §4.14.2).

use std::collections::BTreeSet;

use crate::engines::Database;
use crate::support::relying_party::Tokens;
use crate::support::{Browser, RelyingParty, TestApp, refreshing_public};
use crate::token_endpoint::assert_error;

const OFFLINE: (&str, &str) = ("scope", "openid email offline_access");

async fn signed_in(app: &TestApp) -> (RelyingParty, Browser, Tokens) {
    let service = app.register(refreshing_public("service")).await;
    let browser = Browser::new(app);
    let tokens = service.tokens(&browser, &[OFFLINE]).await;
    (service, browser, tokens)
}

async fn assert_dead(service: &RelyingParty, families: &[&Tokens]) {
    for tokens in families {
        assert_eq!(service.userinfo(&tokens.access_token).await.status, 401);
        assert_error(
            &service.refresh(tokens.refresh_token(), &[]).await,
            400,
            "invalid_grant",
        );
    }
}

#[tokio::test]
async fn a_public_client_gets_another_token_at_each_use_and_reuse_kills_the_family() {
    let app = TestApp::start().await;
    let (service, browser, first) = signed_in(&app).await;
    let answer = browser.open(&service.url(&[OFFLINE])).await;
    let untouched = service.redeem(&service.code(&answer)).await;
    let second = service.refreshed(first.refresh_token()).await;
    let third = service.refreshed(second.refresh_token()).await;
    let distinct = BTreeSet::from([first.refresh_token(), second.refresh_token(), third.refresh_token()]);
    assert_eq!(distinct.len(), 3);
    assert_eq!(service.userinfo(&third.access_token).await.status, 200);

    // Within the minute, but its successor was used.
    assert_error(&service.refresh(first.refresh_token(), &[]).await, 400, "invalid_grant");
    assert_dead(&service, &[&first, &second, &third]).await;
    service.refreshed(untouched.refresh_token()).await;
}

#[tokio::test]
async fn one_lost_response_is_forgiven_with_the_same_successor() {
    let app = TestApp::start().await;
    let (service, _, first) = signed_in(&app).await;
    let lost = service.refreshed(first.refresh_token()).await;
    app.advance(59);
    let again = service.refreshed(first.refresh_token()).await;
    assert_eq!(again.refresh_token(), lost.refresh_token());
    assert_ne!(again.access_token, lost.access_token);
    let next = service.refreshed(again.refresh_token()).await;
    assert_ne!(next.refresh_token(), lost.refresh_token());

    // Now the successor is used: the next one to come with the first token is a thief, or was robbed.
    assert_error(&service.refresh(first.refresh_token(), &[]).await, 400, "invalid_grant");
    assert_dead(&service, &[&lost, &again, &next]).await;
}

#[tokio::test]
async fn a_retry_after_a_minute_kills_the_family() {
    let app = TestApp::start().await;
    let (service, _, first) = signed_in(&app).await;
    let second = service.refreshed(first.refresh_token()).await;
    app.advance(60);
    assert_error(&service.refresh(first.refresh_token(), &[]).await, 400, "invalid_grant");
    assert_dead(&service, &[&second]).await;
}

#[tokio::test]
async fn what_is_refused_spends_nothing() {
    let app = TestApp::start().await;
    let (service, _, first) = signed_in(&app).await;
    let wider = [("scope", "openid tchap")];
    assert_error(
        &service.refresh(first.refresh_token(), &wider).await,
        400,
        "invalid_scope",
    );
    let target = [("resource", "https://api.example")];
    assert_error(
        &service.refresh(first.refresh_token(), &target).await,
        400,
        "invalid_target",
    );
    let doubled = [("refresh_token", "x")];
    assert_error(
        &service.refresh(first.refresh_token(), &doubled).await,
        400,
        "invalid_request",
    );
    // Nor has anything been replaced: this is the first use.
    let first_use = service.refreshed(first.refresh_token()).await;
    service.refreshed(first_use.refresh_token()).await;
}

async fn fifty_at_once(app: &TestApp) {
    let (service, _, first) = signed_in(app).await;
    let refreshes: Vec<_> = (0..50)
        .map(|_| {
            let (service, token) = (service.clone(), first.refresh_token().to_owned());
            tokio::spawn(async move { service.refresh(&token, &[]).await })
        })
        .collect();
    let mut successors = BTreeSet::new();
    for refresh in refreshes {
        let answer = refresh.await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        successors.insert(answer.json()["refresh_token"].as_str().unwrap().to_owned());
    }
    assert_eq!(successors.len(), 1, "chains must not fork");
    service.refreshed(successors.first().unwrap()).await;
    assert_error(&service.refresh(first.refresh_token(), &[]).await, 400, "invalid_grant");
}

/// On both engines.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_parallel_refreshes_yield_one_successor() {
    fifty_at_once(&TestApp::on(Database::sqlite().await, &[]).await).await;
    if let Some(database) = Database::postgres().await {
        fifty_at_once(&TestApp::on(database, &[]).await).await;
    }
}
