//! Back-Channel Logout 1.0: what a relying party is told, how often, and that nobody waits for anybody.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use tchap_connect::app::{App, SharedApp};
use tchap_connect::domain::logout::LogoutDelivery;
use tchap_connect::jobs::logout_delivery::{self, deliver_due};
use tchap_connect::protocol::client::{Client, SigningAlg, SubjectType};
use tchap_connect::store::Store;
use tokio::sync::watch;

use super::{assert_went_to, leaving, logout};
use crate::support::logout_receiver::{LogoutReceiver, Reply, with_receivers};
use crate::support::relying_party::Tokens;
use crate::support::secrets::logged;
use crate::support::{Browser, RelyingParty, TestApp};

const BYE: &str = super::BYE;

/// A client that wants to be told there.
async fn told_at(app: &TestApp, id: &str, receiver: &LogoutReceiver, change: impl FnOnce(&mut Client)) -> RelyingParty {
    let mut client = leaving(id);
    client.logout.backchannel_logout_uri = Some(receiver.url.clone());
    change(&mut client);
    app.register(client).await
}

async fn leave(browser: &Browser, tokens: &Tokens) {
    let request = [
        ("id_token_hint", tokens.id_token.as_str()),
        ("post_logout_redirect_uri", BYE),
    ];
    assert_went_to(&browser.open(&logout(&request)).await, BYE);
}

/// Somebody signs in and out again.
async fn one_logout(service: &RelyingParty, app: &TestApp) -> Tokens {
    let browser = Browser::new(app);
    let tokens = service.tokens(&browser, &[]).await;
    leave(&browser, &tokens).await;
    tokens
}

async fn due(app: &TestApp) -> usize {
    deliver_due(&app.app, app.app.clock.now()).await.unwrap()
}

async fn delivery(app: &TestApp, client: &str) -> LogoutDelivery {
    let mut all = app.app.store.list_logout_deliveries(client, 10).await.unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

#[tokio::test]
async fn everybody_who_took_part_is_told_in_words_they_know() {
    let (app, receivers) = with_receivers::<3>().await;
    let service = told_at(&app, "service", &receivers[0], |_| {}).await;
    let public = told_at(&app, "public", &receivers[1], |client| {
        client.subject_type = SubjectType::Public;
        client.id_token_signed_response_alg = SigningAlg::ES256;
    })
    .await;
    let absent = told_at(&app, "absent", &receivers[2], |_| {}).await;
    let silent = app.relying_party("silent").await;

    let browser = Browser::new(&app);
    let tokens = service.tokens(&browser, &[]).await;
    let mut others = Vec::new();
    for other in [&public, &silent] {
        let page = browser.open(&other.url(&[])).await;
        others.push(other.redeem(&other.code(&browser.accept(&page).await)).await);
    }
    absent.tokens(&Browser::new(&app), &[]).await;
    leave(&browser, &tokens).await;
    assert_eq!(due(&app).await, 2);
    assert!(receivers[2].tokens().is_empty(), "it took part in another session only");

    let now = app.app.clock.now();
    for (receiver, service, tokens) in [(&receivers[0], &service, &tokens), (&receivers[1], &public, &others[0])] {
        let (header, claims) = receiver.only();
        assert_eq!(header["typ"], "logout+jwt");
        assert_eq!(header["alg"], service.client.id_token_signed_response_alg.as_str());
        let jti = claims["jti"].as_str().unwrap();
        assert!(jti.len() >= 22);
        assert_eq!(
            claims,
            json!({
                "iss": app.base_url, "aud": service.client.id, "iat": now, "exp": now + 120, "jti": jti,
                "sub": tokens.claims["sub"], "sid": tokens.claims["sid"],
                "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
            })
        );
        verify(service, &receiver.tokens()[0]).await;
        let delivery = delivery(&app, &service.client.id).await;
        assert_eq!(
            (delivery.attempts, delivery.delivered_at, delivery.next_attempt_at),
            (1, Some(now), None)
        );
    }
    assert_ne!(receivers[0].only().1["sub"], receivers[1].only().1["sub"]);
    app.advance(48 * 3600);
    assert_eq!(due(&app).await, 0, "once is enough");
}

/// Whatever becomes of its registration in between: a logout never fails for it, and tells no `sub` that it was not given.
#[tokio::test]
async fn a_client_that_changed_its_sector_is_told_the_sub_that_it_knows() {
    let (app, receivers) = with_receivers::<2>().await;
    let cases = [("pairwise", SubjectType::Pairwise), ("public", SubjectType::Public)];
    for (receiver, (id, subject_type)) in receivers.iter().zip(cases) {
        let service = told_at(&app, id, receiver, |client| {
            client.self_registered = true;
            client.subject_type = subject_type;
        })
        .await;
        let browser = Browser::new(&app);
        let tokens = service.tokens(&browser, &[]).await;
        let changed = Client {
            subject_type: SubjectType::Pairwise,
            sector: format!("{id}.elsewhere.example"),
            ..service.client.clone()
        };
        app.update(&changed).await;
        leave(&browser, &tokens).await;
        assert_eq!(due(&app).await, 1);
        assert_eq!(receiver.only().1["sub"], tokens.claims["sub"]);
    }
}

/// Anybody can register a client with the redirect URI of another, and get agents to sign in there: the code goes to that
/// other, and nothing is said of the agent to where the registration has the logout tokens sent.
#[tokio::test]
async fn who_redeemed_no_code_is_told_nothing() {
    let (app, receivers) = with_receivers::<2>().await;
    let service = told_at(&app, "service", &receivers[0], |_| {}).await;
    let mut thieves = Vec::new();
    for (id, subject_type) in [("thief", SubjectType::Pairwise), ("public-thief", SubjectType::Public)] {
        let thief = told_at(&app, id, &receivers[1], |client| {
            client.self_registered = true;
            client.subject_type = subject_type;
        });
        thieves.push(thief.await);
    }
    let browser = Browser::new(&app);
    let tokens = service.tokens(&browser, &[]).await;
    for thief in &thieves {
        let page = browser.open(&thief.url(&[])).await;
        thief.code(&browser.accept(&page).await);
    }
    leave(&browser, &tokens).await;
    assert_eq!(due(&app).await, 1);
    receivers[0].only();
    assert!(receivers[1].tokens().is_empty());
}

/// By the published keys, as a relying party does.
async fn verify(service: &RelyingParty, token: &str) {
    let jwks = service
        .http
        .send(
            service
                .http
                .request(http::Method::GET, &format!("{}/jwks", service.base_url)),
        )
        .await;
    let jwks: jsonwebtoken::jwk::JwkSet = serde_json::from_str(&jwks.body).unwrap();
    let header = jsonwebtoken::decode_header(token).unwrap();
    let key = jwks.find(header.kid.as_deref().unwrap()).expect("a published key");
    let mut validation = jsonwebtoken::Validation::new(header.alg);
    validation.set_audience(&[&service.client.id]);
    validation.validate_exp = false;
    let key = jsonwebtoken::DecodingKey::from_jwk(key).unwrap();
    jsonwebtoken::decode::<serde_json::Value>(token, &key, &validation).unwrap();
}

/// Threat 3: a logout token is no ID token.
#[tokio::test]
async fn a_logout_token_is_no_hint() {
    let (app, [receiver]) = with_receivers().await;
    let service = told_at(&app, "service", &receiver, |_| {}).await;
    one_logout(&service, &app).await;
    due(&app).await;
    let token = &receiver.tokens()[0];
    let page = Browser::new(&app).get(&logout(&[("id_token_hint", token)])).await;
    assert_eq!(page.text("error-code"), "TC-REQUEST");
}

#[tokio::test]
async fn what_was_not_taken_is_sent_again_later_with_a_new_token() {
    let (app, [receiver]) = with_receivers().await;
    let service = told_at(&app, "service", &receiver, |_| {}).await;
    receiver.will(&[
        Reply::Status(500),
        Reply::Status(400),
        Reply::Redirect,
        Reply::Status(201),
        Reply::Status(200),
    ]);
    one_logout(&service, &app).await;
    for (attempts, pause, error) in [
        (1, 20, "answered 500"),
        (2, 60, "answered 400"),
        (3, 180, "redirect"),
        (4, 540, "answered 201"),
    ] {
        assert_eq!(due(&app).await, 1);
        let now = app.app.clock.now();
        let failed = delivery(&app, "service").await;
        assert_eq!((failed.attempts, failed.next_attempt_at), (attempts, Some(now + pause)));
        assert!(failed.last_error.as_deref().unwrap().contains(error), "{failed:?}");
        assert!(!failed.last_error.unwrap().contains("127.0.0.1"), "no address in it");
        app.advance(pause - 1);
        assert_eq!(due(&app).await, 0, "not before its time");
        app.advance(1);
    }
    assert_eq!(due(&app).await, 1);
    let done = delivery(&app, "service").await;
    assert_eq!(
        (done.attempts, done.delivered_at, done.last_error),
        (5, Some(app.app.clock.now()), None)
    );
    let jtis: BTreeSet<_> = receiver
        .tokens()
        .iter()
        .map(|token| crate::support::relying_party::payload(token)["jti"].to_string())
        .collect();
    assert_eq!(
        jtis.len(),
        5,
        "a redirect is not followed, and each attempt has a token of its own"
    );
}

#[tokio::test]
async fn it_is_given_up_after_nine_attempts_within_a_day() {
    let (app, [receiver]) = with_receivers().await;
    let service = told_at(&app, "service", &receiver, |_| {}).await;
    receiver.will(&[Reply::Status(503); 20]);
    one_logout(&service, &app).await;
    let start = app.app.clock.now();
    let mut attempts = 0;
    while let Some(next) = delivery(&app, "service").await.next_attempt_at {
        app.advance(next - app.app.clock.now());
        attempts += due(&app).await;
    }
    assert_eq!((attempts, receiver.tokens().len()), (9, 9));
    assert!(app.app.clock.now() - start < 24 * 3600);
    let given_up = delivery(&app, "service").await;
    assert_eq!(
        (given_up.delivered_at, given_up.last_error.as_deref()),
        (None, Some("the service answered 503 Service Unavailable"))
    );
    assert!(logged(&["given up", "service"]));
    // What became of it is remembered for a month.
    app.advance(29 * 24 * 3600);
    app.app.store.delete_expired(app.app.clock.now(), 100).await.unwrap();
    delivery(&app, "service").await;
    app.advance(24 * 3600);
    app.app.store.delete_expired(app.app.clock.now(), 100).await.unwrap();
    assert!(
        app.app
            .store
            .list_logout_deliveries("service", 10)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_client_that_wants_nothing_any_more_is_left_in_peace() {
    let (app, [receiver]) = with_receivers().await;
    for id in ["disabled", "changed"] {
        let service = told_at(&app, id, &receiver, |_| {}).await;
        one_logout(&service, &app).await;
        let mut client = service.client.clone();
        match id {
            "disabled" => client.disabled = true,
            _ => client.logout.backchannel_logout_uri = None,
        }
        app.update(&client).await;
    }
    assert_eq!(due(&app).await, 2);
    assert!(receiver.tokens().is_empty());
    for id in ["disabled", "changed"] {
        let over = delivery(&app, id).await;
        assert_eq!((over.next_attempt_at, over.delivered_at), (None, None));
    }
}

#[tokio::test]
async fn a_slow_service_holds_up_nobody_and_is_given_five_seconds() {
    let (app, [slow, quick]) = with_receivers().await;
    let a = told_at(&app, "a", &slow, |_| {}).await;
    let b = told_at(&app, "b", &quick, |_| {}).await;
    slow.will(&[Reply::Hold]);
    one_logout(&a, &app).await;
    one_logout(&b, &app).await;
    let delivering = {
        let app = app.app.clone();
        tokio::spawn(async move { deliver_due(&app, app.clock.now()).await.unwrap() })
    };
    slow.received(1).await;
    quick.received(1).await;
    assert_eq!(delivering.await.unwrap(), 2);
    assert_eq!(
        delivery(&app, "a").await.last_error.as_deref(),
        Some("no complete answer within the time limit")
    );
    assert!(delivery(&app, "b").await.delivered_at.is_some());
}

/// The browser does not wait, and nobody waits for the clock: the logout itself wakes the job.
#[tokio::test]
async fn the_first_attempt_follows_the_logout_at_once() {
    let (app, [receiver]) = with_receivers().await;
    let service = told_at(&app, "service", &receiver, |_| {}).await;
    receiver.will(&[Reply::Hold]);
    let (stop, stopped) = watch::channel(false);
    let job = tokio::spawn(logout_delivery::run(app.app.clone(), stopped));
    let (first, second) = (Browser::new(&app), Browser::new(&app));
    let tokens = [service.tokens(&first, &[]).await, service.tokens(&second, &[]).await];
    leave(&first, &tokens[0]).await;
    receiver.received(1).await;
    leave(&second, &tokens[1]).await;
    receiver.received(2).await;
    // Told to stop, it finishes what is under way.
    stop.send_replace(true);
    receiver.release();
    job.await.unwrap();
    let all = app.app.store.list_logout_deliveries("service", 10).await.unwrap();
    assert!(
        all.len() == 2 && all.iter().all(|delivery| delivery.delivered_at.is_some()),
        "{all:?}"
    );
}

/// Threat 15: what a client names is no way into our own network.
#[tokio::test]
async fn an_address_inside_our_network_is_never_posted_to() {
    let (app, [receiver]) = with_receivers().await;
    let elsewhere = TestApp::start().await;
    let service = told_at(&elsewhere, "service", &receiver, |_| {}).await;
    one_logout(&service, &elsewhere).await;
    assert_eq!(due(&elsewhere).await, 1);
    assert!(receiver.tokens().is_empty());
    let refused = delivery(&elsewhere, "service").await.last_error.unwrap();
    assert!(refused.contains("not allowed"), "{refused}");
    // Where the operator lists it, it is.
    let service = told_at(&app, "service", &receiver, |_| {}).await;
    one_logout(&service, &app).await;
    due(&app).await;
    receiver.only();
}

/// Another process over the same database.
async fn replica(app: &TestApp) -> SharedApp {
    let store = Store::open(app.database_url()).await.unwrap();
    let config = app.app.config.clone();
    Arc::new(App::build(config, store, app.app.clock.clone()).await.unwrap())
}

#[tokio::test]
async fn two_replicas_tell_everybody_once() {
    let (app, [receiver]) = with_receivers().await;
    let service = told_at(&app, "service", &receiver, |_| {}).await;
    for _ in 0..12 {
        one_logout(&service, &app).await;
    }
    let replicas = [app.app.clone(), replica(&app).await, replica(&app).await];
    let now = app.app.clock.now();
    let tasks = replicas.map(|replica| tokio::spawn(async move { deliver_due(&replica, now).await.unwrap() }));
    let mut attempts = 0;
    for task in tasks {
        attempts += task.await.unwrap();
    }
    let sids: BTreeSet<_> = receiver
        .tokens()
        .iter()
        .map(|token| crate::support::relying_party::payload(token)["sid"].to_string())
        .collect();
    assert_eq!((attempts, receiver.tokens().len(), sids.len()), (12, 12, 12));
}

/// What a program took and died with is done by another a minute later.
#[tokio::test]
async fn a_program_that_dies_leaves_its_deliveries_to_the_next() {
    let (app, [receiver]) = with_receivers().await;
    let service = told_at(&app, "service", &receiver, |_| {}).await;
    let tokens = one_logout(&service, &app).await;
    receiver.will(&[Reply::Hold]);
    let dying = {
        let app = app.app.clone();
        tokio::spawn(async move { deliver_due(&app, app.clock.now()).await })
    };
    receiver.received(1).await;
    dying.abort();
    let _ = dying.await;

    let next = replica(&app).await;
    assert_eq!(
        deliver_due(&next, next.clock.now()).await.unwrap(),
        0,
        "it might still be at work"
    );
    app.advance(60);
    assert_eq!(deliver_due(&next, next.clock.now()).await.unwrap(), 1);
    receiver.received(2).await;
    let again = crate::support::relying_party::payload(&receiver.tokens()[1]);
    assert_eq!(again["sid"], tokens.claims["sid"]);
    assert_eq!(delivery(&app, "service").await.attempts, 2);
}
