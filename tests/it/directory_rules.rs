//! Where an address leads: by rules before, after or instead of the directory; and what becomes of moved and unknown ones.

use std::sync::Arc;

use serde_json::json;

use crate::support::homeserver::{Endpoint, Lie, ScriptedHomeserver};
use crate::support::{Browser, EMAIL, NAME, PASSWORD, RelyingParty, TestApp};

const OTHER: &str = "b.tchap.test";
const GUESTS: &str = "externe.tchap.test";

/// Jean's homeserver with a rule for `beta.gouv.fr`, another and the guests' one. All answer for the directory; by
/// password.
async fn federation(rules: &str) -> (TestApp, [Arc<ScriptedHomeserver>; 3], RelyingParty) {
    let mut app = TestApp::with(&[("DIRECTORY_RULES", rules)]).await;
    let servers = [
        app.homeserver.clone(),
        Arc::new(ScriptedHomeserver::start(OTHER).await),
        Arc::new(ScriptedHomeserver::start(GUESTS).await),
    ];
    for (number, server) in servers.iter().enumerate() {
        server.offer(&["m.login.password"]);
        server.directory("", GUESTS);
        app.add_homeserver(server, |listed| {
            listed.directory = true;
            listed.guests = number == 2;
            if number == 0 {
                listed.email_domains = vec!["beta.gouv.fr".into()];
            }
        })
        .await;
    }
    let service = app.relying_party("service").await;
    (app, servers, service)
}

async fn identify(app: &TestApp, service: &RelyingParty, typed: &str) -> crate::support::browser::Page {
    let browser = Browser::new(app);
    browser.identify(&browser.open(&service.url(&[])).await, typed).await
}

fn asked(servers: &[Arc<ScriptedHomeserver>]) -> usize {
    servers
        .iter()
        .map(|server| server.requests_to(Endpoint::Directory).len())
        .sum()
}

#[tokio::test]
async fn rules_come_before_after_or_instead_of_the_directory() {
    for (rules, ruled, unruled) in [
        ("first", NAME, Some(OTHER)),
        ("last", OTHER, Some(OTHER)),
        ("only", NAME, None),
    ] {
        let (app, servers, service) = federation(rules).await;
        for server in &servers {
            server.directory(EMAIL, OTHER);
            server.directory("x@elsewhere.fr", OTHER);
        }
        let page = identify(&app, &service, EMAIL).await;
        assert_eq!(page.text("homeserver-name"), ruled, "{rules}");
        let page = identify(&app, &service, "x@elsewhere.fr").await;
        match unruled {
            Some(name) => assert_eq!(page.text("homeserver-name"), name, "{rules}"),
            None => {
                assert!(!page.has("password-form") && page.has("error-message"), "{rules}");
                assert_eq!(asked(&servers), 0);
            }
        }
    }
}

#[tokio::test]
async fn with_rules_last_they_stand_in_for_a_directory_that_fails_or_does_not_know() {
    for fails in [false, true] {
        let (app, servers, service) = federation("last").await;
        for server in servers.iter().filter(|_| fails) {
            server.script(Endpoint::Directory, Lie::text(500, ""));
        }
        let page = identify(&app, &service, EMAIL).await;
        assert!(page.has("password-form"), "{}", page.body);
        assert_eq!(page.text("homeserver-name"), NAME, "fails: {fails}");
    }
}

/// Threat 20: however an agent was led there, an address that a rule covers is believed from that rule's server alone,
/// and one that none covers from nobody where the directory is not asked.
#[tokio::test]
async fn no_order_of_rules_lets_a_homeserver_assert_what_is_not_its_own() {
    for (rules, address) in [
        ("first", EMAIL),
        ("last", EMAIL),
        ("only", EMAIL),
        ("only", "x@elsewhere.fr"),
    ] {
        let (app, servers, service) = federation(rules).await;
        for server in &servers {
            server.directory(address, OTHER);
        }
        let thief = crate::support::homeserver::Account::new("thief", PASSWORD).email(address, 1_600_000_000);
        servers[1].add(thief);
        let browser = Browser::new(&app);
        let page = browser.open(&service.url(&[("scope", "openid email")])).await;
        let page = browser.log_in(&page, &format!("@thief:{OTHER}"), PASSWORD).await;
        assert!(!page.body.contains(address), "{rules} {address}: {}", page.body);
        let page = browser.accept(&page).await;
        let claims = service.claims(&service.redeem(&service.code(&page)).await).await;
        assert_eq!(claims.get("email"), None, "{rules} {address}");
    }
}

#[tokio::test]
async fn an_unknown_address_is_said_to_be_so_and_a_guest_goes_on() {
    let (app, servers, service) = federation("first").await;
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    let page = browser.identify(&page, "jaen@elsewhere.fr").await;
    assert!(page.text("error-message").contains("externes"), "{}", page.body);
    assert_eq!(page.text("homeserver-name"), GUESTS);
    assert_eq!(page.value("identifier"), "jaen@elsewhere.fr");
    assert!(servers[2].requests_to(Endpoint::LoginTypes).is_empty());
    // Pressed, the two answers that a password needs are still asked for.
    let guest = browser.submit(&page, "identifier-form", &[("guest", "yes")]).await;
    assert_eq!(guest.text("homeserver-name"), GUESTS);
    assert!(guest.has("password-form"), "{}", guest.body);
    for server in &servers[..2] {
        server.directory("jaen@elsewhere.fr", "nowhere.test");
    }
    let guest = browser.submit(&page, "identifier-form", &[("guest", "yes")]).await;
    assert!(!guest.has("password-form"), "one answer alone asks for no password");
    // The agent meant another server.
    let page = browser.open(&service.url(&[])).await;
    let page = browser.identify(&page, "jean@known-nowhere.fr").await;
    assert!(page.has("error-message") && !page.has("password-form"));
}

#[tokio::test]
async fn an_answer_off_the_list_leads_nowhere() {
    let (app, servers, service) = federation("first").await;
    for server in &servers {
        server.directory("", "nowhere.test");
    }
    let page = identify(&app, &service, "x@elsewhere.fr").await;
    assert!(
        page.has("error-message") && page.has("homeserver-list"),
        "{}",
        page.body
    );
    assert!(!page.body.contains("nowhere.test"));
}

#[tokio::test]
async fn an_announced_move_leads_where_the_account_still_is_until_it_has_moved() {
    let address = "x@elsewhere.fr";
    let (app, servers, service) = federation("first").await;
    for server in &servers {
        server.directory_says(address, json!({"hs": NAME, "new_hs": OTHER}));
    }
    assert_eq!(identify(&app, &service, address).await.text("homeserver-name"), NAME);
    // It has moved: nothing that was heard before is remembered.
    for server in &servers {
        server.directory(address, OTHER);
    }
    assert_eq!(identify(&app, &service, address).await.text("homeserver-name"), OTHER);
}

#[tokio::test]
async fn answers_are_remembered_for_minutes_and_the_unknown_is_not() {
    let (app, servers, service) = federation("first").await;
    servers
        .iter()
        .for_each(|server| server.directory("x@elsewhere.fr", OTHER));
    for _ in 0..6 {
        assert_eq!(
            identify(&app, &service, "x@elsewhere.fr").await.text("homeserver-name"),
            OTHER
        );
    }
    assert!(asked(&servers) <= 3, "each server once: {}", asked(&servers));
    app.advance(300);
    let before = asked(&servers);
    identify(&app, &service, "x@elsewhere.fr").await;
    assert!(asked(&servers) > before);
    let before = asked(&servers);
    identify(&app, &service, "new@elsewhere.fr").await;
    servers
        .iter()
        .for_each(|server| server.directory("new@elsewhere.fr", OTHER));
    assert_eq!(
        identify(&app, &service, "new@elsewhere.fr")
            .await
            .text("homeserver-name"),
        OTHER
    );
    assert!(asked(&servers) > before + 1);
}
