//! The directory finds an agent's homeserver and is not trusted with a password on one word (`tchap.md` §2).

use std::sync::Arc;

use crate::support::homeserver::{Endpoint, ScriptedHomeserver, dead};
use crate::support::secrets::logged;
use crate::support::{Browser, EMAIL, NAME, PASSWORD, TestApp, jean};

/// A federation with a directory and no rules: these servers, and where Jean's address leads according to each.
async fn directory(answers: &[(&str, &str)]) -> (TestApp, Vec<Arc<ScriptedHomeserver>>) {
    let mut app = TestApp::start().await;
    let mut servers = Vec::new();
    for (name, answer) in answers {
        let server = match *name {
            NAME => app.homeserver.clone(),
            other => Arc::new(ScriptedHomeserver::start(other).await),
        };
        server.offer(&["m.login.password"]);
        server.add(jean());
        server.directory("", answer);
        app.add_homeserver(&server, |listed| listed.directory = true).await;
        servers.push(server);
    }
    (app, servers)
}

#[tokio::test]
async fn a_dead_directory_server_stops_no_login() {
    let (app, _servers) = directory(&[(NAME, NAME), ("b.tchap.test", NAME)]).await;
    for name in ["c.tchap.test", "d.tchap.test"] {
        let mut dead = dead(name).await;
        dead.directory = true;
        app.list(&dead).await;
    }
    let service = app.relying_party("service").await;
    for _ in 0..3 {
        let browser = Browser::new(&app);
        let page = browser.open(&service.url(&[])).await;
        assert_eq!(browser.identify(&page, EMAIL).await.text("homeserver-name"), NAME);
    }
}

#[tokio::test]
async fn one_directory_answer_alone_asks_for_no_password() {
    for answers in [
        &[("evil.tchap.test", "evil.tchap.test"), (NAME, NAME)][..],
        &[("evil.tchap.test", "evil.tchap.test"), (NAME, "nowhere.test")],
    ] {
        let (app, servers) = directory(answers).await;
        let service = app.relying_party("service").await;
        let browser = Browser::new(&app);
        let page = browser.open(&service.url(&[])).await;
        let page = browser.identify(&page, EMAIL).await;
        assert!(!page.has("password-form") && page.has("error-message"), "{answers:?}");
        assert!(logged(&["no second directory answer agrees"]));
        assert!(
            servers
                .iter()
                .all(|server| server.requests_to(Endpoint::Login).is_empty())
        );

        // Single sign-on at the homeserver's own page needs no such trust.
        servers
            .iter()
            .for_each(|server| server.offer(&["m.login.sso", "m.login.token"]));
        app.advance(60);
        let answer = browser
            .submit_once(&page, "identifier-form", &[("identifier", EMAIL)])
            .await;
        assert!(answer.header("location").contains("/login/sso/redirect"), "{answers:?}");
    }
}

#[tokio::test]
async fn an_outvoted_server_gets_no_password() {
    let (app, servers) = directory(&[
        ("evil.tchap.test", "evil.tchap.test"),
        (NAME, NAME),
        ("b.tchap.test", NAME),
    ])
    .await;
    let service = app.relying_party("service").await;
    for _ in 0..4 {
        let browser = Browser::new(&app);
        let page = browser.open(&service.url(&[])).await;
        let page = browser.log_in(&page, EMAIL, PASSWORD).await;
        // Where the liar is the one asked about the address that came back, that is not believed, and the agent confirms.
        assert!(page.has("consent-form") || page.has("confirm-form"), "{}", page.body);
    }
    assert!(servers[0].requests_to(Endpoint::Login).is_empty());
    assert_eq!(app.homeserver.requests_to(Endpoint::Login).len(), 4);
}
