//! What becomes of an agent's address and `sub` when the directory says no or cannot be asked (decision 3; threat 20).

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::homeserver::{Endpoint, Lie, ScriptedHomeserver};
use crate::support::{Browser, EMAIL, JEAN, NAME, PASSWORD, RelyingParty, TestApp, jean};

const OTHER: &str = "agent.finances.tchap.test";

/// Two homeservers without domain rules, so that each asks the other's directory; the first one marks recreated accounts.
async fn two_directories() -> (TestApp, RelyingParty, Arc<ScriptedHomeserver>) {
    let mut app = TestApp::start().await;
    let first = app.homeserver.clone();
    app.add_homeserver(&first, |listed| {
        listed.directory = true;
        listed.recreated_by_address = true;
    })
    .await;
    first.directory("", NAME);
    let other = Arc::new(ScriptedHomeserver::start(OTHER).await);
    other.offer(&["m.login.password"]);
    other.directory("", NAME);
    app.add_homeserver(&other, |listed| listed.directory = true).await;
    let service = app.relying_party("service").await;
    (app, service, other)
}

/// UserInfo after a whole login of Jean's.
async fn login(app: &TestApp, service: &RelyingParty) -> Value {
    let answer = Browser::new(app).sign_in(&service.url(&[]), JEAN).await;
    let tokens = service.redeem(&service.code(&answer)).await;
    service.claims(&tokens).await
}

/// The account was made anew by whoever has the address now.
fn recreate(app: &TestApp) {
    let newer = json!({"threepids": [
        {"medium": "email", "address": EMAIL, "validated_at": 1_750_000_000_000_i64, "added_at": 1_750_000_000_000_i64}
    ]});
    app.homeserver
        .script(Endpoint::ThirdPartyIds, Lie::text(200, &newer.to_string()));
}

#[tokio::test]
async fn a_recreated_account_is_noticed_after_a_login_at_which_no_address_was_believed() {
    let (app, service, other) = two_directories().await;
    let before = login(&app, &service).await;
    assert_eq!(before["email"], EMAIL);

    other.directory("", OTHER);
    let between = login(&app, &service).await;
    assert_eq!((&between["email"], &between["sub"]), (&Value::Null, &before["sub"]));

    other.directory("", NAME);
    recreate(&app);
    let after = login(&app, &service).await;
    assert_eq!(after["email"], EMAIL);
    assert_ne!(after["sub"], before["sub"]);
}

#[tokio::test]
async fn while_no_directory_answers_the_address_believed_before_is_kept() {
    let (app, service, other) = two_directories().await;
    let before = login(&app, &service).await;
    other.script(Endpoint::Directory, Lie::error(500, "M_UNKNOWN"));
    let during = login(&app, &service).await;
    assert_eq!((&during["email"], &during["sub"]), (&json!(EMAIL), &before["sub"]));

    recreate(&app);
    let recreated = login(&app, &service).await;
    assert_eq!(recreated["email"], Value::Null, "nobody vouched for the newer one");
    assert_ne!(recreated["sub"], before["sub"]);
}

#[tokio::test]
async fn an_outage_gives_no_address_to_an_agent_who_had_none() {
    let (app, service, other) = two_directories().await;
    other.directory("", OTHER);
    assert_eq!(login(&app, &service).await["email"], Value::Null);
    other.script(Endpoint::Directory, Lie::error(500, "M_UNKNOWN"));
    assert_eq!(login(&app, &service).await["email"], Value::Null, "said no before");

    let (app, service, other) = two_directories().await;
    assert_eq!(login(&app, &service).await["email"], EMAIL);
    other.directory("", OTHER);
    assert_eq!(login(&app, &service).await["email"], Value::Null);
    other.script(Endpoint::Directory, Lie::error(500, "M_UNKNOWN"));
    assert_eq!(login(&app, &service).await["email"], Value::Null, "taken away before");
}

/// A listed server that draws an address to itself lists it too; that must not pass for the account typed.
#[tokio::test]
async fn a_typed_address_that_is_not_believed_is_confirmed_first() {
    let (app, service, other) = two_directories().await;
    other.add(jean());
    for (server, confirmed) in [(OTHER, true), (NAME, false)] {
        let browser = Browser::new(&app);
        let page = browser.open(&service.url(&[])).await;
        let picked = [("identifier", EMAIL), ("homeserver", server)];
        let page = browser.submit(&page, "identifier-form", &picked).await;
        let page = browser.submit(&page, "password-form", &[("password", PASSWORD)]).await;
        assert_eq!(page.has("confirm-form"), confirmed, "{server}");
        assert_eq!(page.has("consent-form"), !confirmed, "{server}");
    }
}

/// Threat 20: a listed server that draws every address to itself takes away nothing that the others vouch for.
#[tokio::test]
async fn many_logins_keep_the_address_whatever_one_directory_server_says() {
    let (mut app, service, _other) = two_directories().await;
    let mut more = Vec::new();
    for (name, says) in [("b.tchap.test", NAME), ("liar.tchap.test", "liar.tchap.test")] {
        let server = Arc::new(ScriptedHomeserver::start(name).await);
        server.directory("", says);
        app.add_homeserver(&server, |listed| listed.directory = true).await;
        more.push(server);
    }
    for turn in 1..=8 {
        assert_eq!(login(&app, &service).await["email"], EMAIL, "login {turn}");
    }
}
