//! The lifecycle watch (threat 32): from a change at the homeserver to the end of sessions and tokens, by the whole
//! application; and what no homeserver can make it do.

mod lies;
mod mas_admin;
mod real;

use serde_json::json;
use tchap_connect::domain::agent::{Agent, Pause};
use tchap_connect::domain::homeserver::{WatchWay, Way};
use tchap_connect::domain::session::BrowserSession;
use tchap_connect::jobs::lifecycle_watch::take_turns;
use tchap_connect::jobs::logout_delivery::deliver_due;
use tchap_connect::protocol::client::{Client, LogoutUris};

use crate::support::homeserver::{AccountState, Endpoint, Lie};
use crate::support::logout_receiver::with_receivers_and;
use crate::support::relying_party::Tokens;
use crate::support::secrets::logged;
use crate::support::watch::{PERIOD, WatchTokens, watched};
use crate::support::{Browser, JEAN, LOCAL_PART, NAME, RelyingParty, TestApp, refreshing};

pub const OFFLINE: (&str, &str) = ("scope", "openid offline_access");

async fn offline(app: &TestApp) -> (RelyingParty, Browser, Tokens) {
    let service = app.register(refreshing("service")).await;
    let browser = Browser::new(app);
    let tokens = service.tokens(&browser, &[OFFLINE]).await;
    (service, browser, tokens)
}

async fn jeans_agent(app: &TestApp) -> Agent {
    app.app.store.find_open_agent(NAME, JEAN).await.unwrap().unwrap()
}

fn asked(app: &TestApp) -> usize {
    app.homeserver.requests_to(Endpoint::AccountStatus).len() + app.homeserver.requests_to(Endpoint::AdminUser).len()
}

/// Refresh, UserInfo and introspection are refused, and nobody is signed in.
pub async fn assert_refused(service: &RelyingParty, browser: &Browser, tokens: &Tokens) {
    let refresh = service.refresh(tokens.refresh_token(), &[]).await;
    assert_eq!(
        (refresh.status.as_u16(), &refresh.json()["error"]),
        (400, &json!("invalid_grant"))
    );
    assert_eq!(service.userinfo(&tokens.access_token).await.status, 401);
    for token in [&tokens.access_token, tokens.refresh_token()] {
        assert_eq!(service.introspect(token).await, json!({"active": false}));
    }
    let answer = browser.get(&service.url(&[("prompt", "none")])).await;
    assert_eq!(service.error(&answer), "login_required");
}

#[tokio::test]
async fn a_closed_account_loses_everything_and_services_are_told_within_the_period() {
    let directory = WatchTokens::new();
    let (app, [receiver]) = with_receivers_and::<1>(&[("WATCH_TOKENS_DIR", directory.path())]).await;
    app.watch(WatchWay::AccountStatus, &directory).await;
    let service = app
        .register(Client {
            logout: LogoutUris {
                backchannel_logout_uri: Some(receiver.url.clone()),
                ..LogoutUris::default()
            },
            ..refreshing("service")
        })
        .await;
    let browser = Browser::new(&app);
    let tokens = service.tokens(&browser, &[OFFLINE]).await;
    app.homeserver.set_state(LOCAL_PART, AccountState::Deactivated);

    app.advance(PERIOD - 1);
    take_turns(&app.app).await.unwrap();
    assert_eq!(asked(&app), 0, "a login has confirmed the account just now");
    service.refreshed(tokens.refresh_token()).await;
    app.advance(1);
    take_turns(&app.app).await.unwrap();
    let [request] = app.homeserver.requests_to(Endpoint::AccountStatus).try_into().unwrap();
    assert_eq!(request.json(), json!({"user_ids": [JEAN]}));

    assert_refused(&service, &browser, &tokens).await;
    deliver_due(&app.app, app.app.clock.now()).await.unwrap();
    let (_, told) = receiver.only();
    assert_eq!(
        (&told["sub"], &told["sid"]),
        (&tokens.claims["sub"], &tokens.claims["sid"])
    );
    assert!(logged(&[
        "audit",
        "account.state_changed",
        "closed",
        "watch",
        NAME,
        r#"sessions_ended\":1"#
    ]));

    // For good: an account of the same name is another agent.
    app.homeserver.set_state(LOCAL_PART, AccountState::Active);
    app.watch_turn().await;
    assert_refused(&service, &browser, &tokens).await;
    let after = service.tokens(&Browser::new(&app), &[OFFLINE]).await;
    assert_ne!(after.claims["sub"], tokens.claims["sub"]);
}

#[tokio::test]
async fn a_pause_ends_sessions_and_lasts_until_the_watch_sees_its_end() {
    for (way, state) in [
        (WatchWay::AccountStatus, AccountState::Expired),
        (WatchWay::SynapseAdmin, AccountState::Locked),
        (WatchWay::SynapseAdmin, AccountState::Suspended),
    ] {
        let (app, _directory) = TestApp::watched(way, &[]).await;
        let (service, browser, tokens) = offline(&app).await;
        app.homeserver.set_state(LOCAL_PART, state);
        app.watch_turn().await;
        assert_refused(&service, &browser, &tokens).await;
        app.watch_turn().await;
        assert_refused(&service, &browser, &tokens).await;
        app.homeserver.set_state(LOCAL_PART, AccountState::Active);
        app.watch_turn().await;
        let after = service.refreshed(tokens.refresh_token()).await;
        assert_eq!(after.claims["sub"], tokens.claims["sub"], "{state:?}");
        let answer = browser.get(&service.url(&[("prompt", "none")])).await;
        assert_eq!(service.error(&answer), "login_required", "the session is gone");
    }
}

/// A way that cannot see a lock must not lift it; a login that succeeds proves that there is none.
#[tokio::test]
async fn what_the_watch_cannot_see_a_login_settles_and_the_other_way_round() {
    let (app, directory) = TestApp::watched(WatchWay::AccountStatus, &[]).await;
    let (service, browser, tokens) = offline(&app).await;
    let id = jeans_agent(&app).await.id;
    let now = app.app.clock.now();
    app.app.store.pause_agent(&id, Pause::Locked, now, now).await.unwrap();
    app.watch_turn().await;
    assert_refused(&service, &browser, &tokens).await;
    let again = service.tokens(&Browser::new(&app), &[OFFLINE]).await;
    assert_eq!(again.claims["sub"], tokens.claims["sub"]);
    service.refreshed(tokens.refresh_token()).await;

    // A suspended account signs in at its homeserver as before.
    app.watch(WatchWay::SynapseAdmin, &directory).await;
    app.homeserver.set_state(LOCAL_PART, AccountState::Suspended);
    app.watch_turn().await;
    let browser = Browser::new(&app);
    let page = browser.sign_in(&service.url(&[]), JEAN).await;
    assert_eq!(page.text("error-code"), "TC-ACCOUNT-SUSPENDED");
    assert_refused(&service, &browser, &tokens).await;
    // Where nobody can tell any more, the login counts.
    app.list(&app.homeserver.listed()).await;
    service.tokens(&Browser::new(&app), &[OFFLINE]).await;
}

#[tokio::test]
async fn an_account_that_its_homeserver_does_not_know_pauses_and_is_not_closed() {
    let nobody = json!({"account_statuses": {JEAN: {"exists": false}}, "failures": []}).to_string();
    for (way, endpoint, lie) in [
        (
            WatchWay::AccountStatus,
            Endpoint::AccountStatus,
            Lie::text(200, &nobody),
        ),
        (
            WatchWay::SynapseAdmin,
            Endpoint::AdminUser,
            Lie::error(404, "M_NOT_FOUND"),
        ),
    ] {
        let (app, _directory) = TestApp::watched(way, &[]).await;
        let (service, browser, tokens) = offline(&app).await;
        app.homeserver.script(endpoint, lie);
        app.watch_turn().await;
        assert_refused(&service, &browser, &tokens).await;
        app.homeserver.honest(endpoint);
        app.watch_turn().await;
        service.refreshed(tokens.refresh_token()).await;
    }
}

fn now_of(app: &TestApp) -> i64 {
    app.app.clock.now()
}

/// Agents with a browser session each, who have never been asked about.
async fn crowd(app: &TestApp, count: usize) -> Vec<String> {
    let now = now_of(app);
    let mut ids = Vec::new();
    for n in 0..count {
        let agent = Agent {
            id: format!("agent-{n}"),
            matrix_id: format!("@agent-{n}:{NAME}"),
            created_at: now,
            updated_at: now,
            ..jeans_agent(app).await
        };
        app.app.store.insert_agent(&agent).await.unwrap();
        let session = BrowserSession {
            id: format!("session-{n}"),
            agent_id: agent.id.clone(),
            way: Way::Password,
            auth_time: Some(now),
            created_at: now,
            expires_at: now + 12 * 3600,
        };
        app.app.store.insert_browser_session(&session).await.unwrap();
        ids.push(agent.id);
    }
    ids
}

#[tokio::test]
async fn one_homeserver_gets_one_request_in_a_second_of_all_replicas() {
    let (app, _directory) = TestApp::watched(WatchWay::SynapseAdmin, &[]).await;
    offline(&app).await;
    crowd(&app, 5).await;
    for second in 1..=4 {
        let turns = [take_turns(&app.app), take_turns(&app.app), take_turns(&app.app)];
        for turn in futures_util::future::join_all(turns).await {
            turn.unwrap();
        }
        assert_eq!(asked(&app), second);
        app.advance(1);
    }
}

#[tokio::test]
async fn who_has_nothing_that_lives_is_not_asked_about() {
    let (app, _directory) = TestApp::watched(WatchWay::AccountStatus, &[]).await;
    let service = app.relying_party("service").await;
    service.tokens(&Browser::new(&app), &[]).await;
    app.advance(13 * 3600);
    take_turns(&app.app).await.unwrap();
    assert_eq!(asked(&app), 0);
    service.tokens(&Browser::new(&app), &[]).await;
    app.watch_turn().await;
    assert_eq!(asked(&app), 1, "watched again from the next login on");
}

#[tokio::test]
async fn without_word_from_a_watched_homeserver_things_go_on_for_a_bounded_time() {
    let (app, _directory) = TestApp::watched(WatchWay::AccountStatus, &[("LIFETIMES_UNCONFIRMED", "3600")]).await;
    let (service, browser, tokens) = offline(&app).await;
    app.homeserver
        .script(Endpoint::AccountStatus, Lie::error(502, "M_UNKNOWN"));
    app.advance(3600);
    take_turns(&app.app).await.unwrap();
    let refreshed = service.refreshed(tokens.refresh_token()).await;
    let silently = service.silently(&browser, &[("scope", "openid")]).await;
    for later in [&refreshed, &silently] {
        assert_eq!(
            later.claims["auth_time"], tokens.claims["auth_time"],
            "no fresher than it is"
        );
    }

    app.advance(1);
    let refresh = service.refresh(tokens.refresh_token(), &[]).await;
    assert_eq!(
        (refresh.status.as_u16(), &refresh.json()["error"]),
        (503, &json!("temporarily_unavailable"))
    );
    let answer = browser.get(&service.url(&[("prompt", "none")])).await;
    assert_eq!(service.error(&answer), "login_required");
    let page = browser.open(&service.url(&[])).await;
    assert!(page.has("identifier-form"));

    app.homeserver.honest(Endpoint::AccountStatus);
    app.advance(60);
    take_turns(&app.app).await.unwrap();
    service.refreshed(tokens.refresh_token()).await;
    service.silently(&browser, &[("scope", "openid")]).await;

    // Where nobody asks, sessions and tokens live by their own lifetimes.
    app.homeserver
        .script(Endpoint::AccountStatus, Lie::error(502, "M_UNKNOWN"));
    app.advance(2 * 3600);
    assert_eq!(service.refresh(tokens.refresh_token(), &[]).await.status, 503);
    app.list(&app.homeserver.listed()).await;
    service.refreshed(tokens.refresh_token()).await;
    service.silently(&browser, &[("scope", "openid")]).await;
}

#[tokio::test]
async fn the_delay_is_known_by_homeserver() {
    let (app, _directory) = TestApp::watched(WatchWay::AccountStatus, &[]).await;
    offline(&app).await;
    app.homeserver
        .script(Endpoint::AccountStatus, Lie::error(502, "M_UNKNOWN"));
    app.watch_turn().await;
    let delays = app.app.store.watch_delays(now_of(&app)).await.unwrap();
    assert_eq!(delays, [(NAME.to_owned(), PERIOD)]);
    assert!(logged(&["oldest_answer_seconds=240", NAME]));
    app.homeserver.honest(Endpoint::AccountStatus);
    app.advance(60);
    take_turns(&app.app).await.unwrap();
    let delays = app.app.store.watch_delays(now_of(&app)).await.unwrap();
    assert_eq!(delays, [(NAME.to_owned(), 0)]);
}

#[tokio::test]
async fn without_a_token_nobody_is_asked_and_the_operator_is_told() {
    let directory = WatchTokens::new();
    let app = TestApp::with(&[("WATCH_TOKENS_DIR", directory.path())]).await;
    app.list(&watched(app.homeserver.listed(), WatchWay::AccountStatus))
        .await;
    offline(&app).await;
    app.watch_turn().await;
    assert_eq!(asked(&app), 0);
    assert!(logged(&["there is no token", NAME]));
    directory.put(NAME, "two words");
    app.watch_turn().await;
    assert!(logged(&["holds no access token"]));
    app.watch(WatchWay::AccountStatus, &directory).await;
    app.watch_turn().await;
    assert_eq!(asked(&app), 1, "a new token needs no restart");
}
