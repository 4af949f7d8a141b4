//! A homeserver that is down: its agents are told at once which one it is, nobody else waits, and its return is noticed.

use std::sync::Arc;

use crate::support::homeserver::{Endpoint, Lie, ScriptedHomeserver};
use crate::support::{Browser, JEAN, NAME, TestApp, jean};

const OTHER: &str = "b.tchap.test";

/// Two homeservers, of which the first fails.
async fn one_of_two_down() -> (TestApp, Arc<ScriptedHomeserver>) {
    let mut app = TestApp::start().await;
    let other = Arc::new(ScriptedHomeserver::start(OTHER).await);
    other.offer(&["m.login.password"]);
    app.add_homeserver(&other, |_| {}).await;
    let failing = Lie::text(503, "down");
    app.homeserver.script(Endpoint::AuthMetadata, failing.clone());
    app.homeserver.script(Endpoint::LoginTypes, failing);
    (app, other)
}

#[tokio::test]
async fn a_homeserver_that_is_down_is_named_at_once_and_its_return_is_noticed() {
    let (app, _other) = one_of_two_down().await;
    let service = app.relying_party("service").await;
    for attempt in 1..=5 {
        let browser = Browser::new(&app);
        let page = browser.identify(&browser.open(&service.url(&[])).await, JEAN).await;
        assert!(page.text("error-message").contains("ne répond pas"), "{}", page.body);
        assert_eq!(page.text("homeserver-name"), NAME);
        assert_eq!(page.value("identifier"), JEAN, "to try again with one press");
        // After three nothing is asked any more, not even once it answers again.
        assert_eq!(app.homeserver.requests().len(), attempt.min(3));
        if attempt == 4 {
            app.homeserver.honest(Endpoint::AuthMetadata);
            app.homeserver.honest(Endpoint::LoginTypes);
        }
    }
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    let elsewhere = browser.identify(&page, &format!("@x:{OTHER}")).await;
    assert_eq!(elsewhere.text("homeserver-name"), OTHER);
    assert!(elsewhere.has("password-form"), "another homeserver is no worse for it");

    app.advance(20);
    for _ in 0..2 {
        let browser = Browser::new(&app);
        let page = browser.identify(&browser.open(&service.url(&[])).await, JEAN).await;
        assert!(page.has("password-form"), "{}", page.body);
    }
}

#[tokio::test]
async fn refusals_are_no_reason_to_leave_a_homeserver_alone() {
    let (app, _other) = one_of_two_down().await;
    let service = app.relying_party("service").await;
    for (status, errcode) in [(429, "M_LIMIT_EXCEEDED"), (403, "M_FORBIDDEN"), (400, "M_UNKNOWN")] {
        app.homeserver
            .script(Endpoint::AuthMetadata, Lie::error(status, errcode));
        for _ in 0..4 {
            let browser = Browser::new(&app);
            browser.identify(&browser.open(&service.url(&[])).await, JEAN).await;
        }
    }
    assert_eq!(app.homeserver.requests_to(Endpoint::AuthMetadata).len(), 12);
}

#[tokio::test]
async fn a_directory_server_that_fails_is_asked_no_more_for_a_while() {
    let mut app = TestApp::start().await;
    let working = app.homeserver.clone();
    let failing = Arc::new(ScriptedHomeserver::start(OTHER).await);
    failing.script(Endpoint::Directory, Lie::text(500, ""));
    working.directory("", NAME);
    for server in [&working, &failing] {
        app.add_homeserver(server, |listed| listed.directory = true).await;
        server.add(jean());
    }
    let service = app.relying_party("service").await;
    for agent in 0..20 {
        let browser = Browser::new(&app);
        let page = browser.open(&service.url(&[])).await;
        let typed = format!("agent{agent}@beta.gouv.fr");
        working.offer(&["m.login.sso", "m.login.token"]);
        let answer = browser
            .submit_once(&page, "identifier-form", &[("identifier", &typed)])
            .await;
        assert!(answer.header("location").contains("/login/sso/redirect"));
    }
    assert_eq!(failing.requests_to(Endpoint::Directory).len(), 3);
    // It fails as a directory only: its own agents sign in.
    let browser = Browser::new(&app);
    let page = browser
        .identify(&browser.open(&service.url(&[])).await, &format!("@x:{OTHER}"))
        .await;
    assert!(!page.has("error-message"), "{}", page.body);
}
