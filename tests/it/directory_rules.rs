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
    federation_with(&[("DIRECTORY_RULES", rules)]).await
}

async fn federation_with(settings: &[(&str, &str)]) -> (TestApp, [Arc<ScriptedHomeserver>; 3], RelyingParty) {
    let mut app = TestApp::with(settings).await;
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

fn must_wait(page: &crate::support::browser::Page) -> bool {
    page.has("error-message") && page.text("error-message").contains("Trop de recherches")
}

/// Threat 26: nobody makes us ask the directory without end.
#[tokio::test]
async fn one_flow_makes_so_many_look_ups_and_then_waits() {
    let (app, servers, service) = federation("first").await;
    let browser = Browser::new(&app);
    let mut page = browser.open(&service.url(&[])).await;
    let mut number = 0;
    while !must_wait(&page) {
        assert!(number <= 20, "{}", page.body);
        number += 1;
        page = browser.identify(&page, &format!("x{number}@elsewhere.fr")).await;
    }
    assert_eq!(number, 11);
    assert!(page.text("error-message").contains("3 minutes"), "{}", page.body);
    assert_eq!(page.value("identifier"), "x11@elsewhere.fr", "what was typed stays");
    let before = asked(&servers);
    page = browser.identify(&page, "y@elsewhere.fr").await;
    assert!(must_wait(&page));
    assert_eq!(asked(&servers), before);
    // What needs no look-up goes on, and so does another browser.
    assert!(browser.identify(&page, EMAIL).await.has("password-form"));
    let elsewhere = identify(&app, &service, "z@elsewhere.fr").await;
    assert!(!must_wait(&elsewhere), "{}", elsewhere.body);
    assert!(asked(&servers) > before);
    // A place comes back with time.
    let page = browser.open(&service.url(&[])).await;
    app.advance(180);
    assert!(!must_wait(&browser.identify(&page, "y@elsewhere.fr").await));
}

#[tokio::test]
async fn a_network_makes_so_many_look_ups_that_lead_to_no_login() {
    let settings = [
        ("DIRECTORY_RULES", "last"),
        ("TRUSTED_PROXIES", "127.0.0.1"),
        ("LIMITS_LOOK_UPS_PER_NETWORK", "3"),
    ];
    let (app, servers, service) = federation_with(&settings).await;
    servers.iter().for_each(|server| server.directory(EMAIL, NAME));
    let from = |address: &str| Browser::new(&app).with_header("x-forwarded-for", address);
    // Whoever signs in costs nothing, however many they are.
    for _ in 0..5 {
        let browser = from("2001:db8:1:2::1");
        let page = browser.open(&service.url(&[("prompt", "login")])).await;
        let page = browser.log_in(&page, EMAIL, PASSWORD).await;
        assert!(
            !page.has("error-message") && !page.has("identifier-form"),
            "{}",
            page.body
        );
    }
    for number in 1..=3 {
        let browser = from(&format!("2001:db8:1:2::{number}"));
        let page = browser.open(&service.url(&[])).await;
        let page = browser.identify(&page, &format!("x{number}@elsewhere.fr")).await;
        assert!(!must_wait(&page), "{}", page.body);
    }
    let before = asked(&servers);
    let browser = from("2001:db8:1:2:ffff::9");
    let page = browser.open(&service.url(&[])).await;
    let page = browser.identify(&page, "x4@elsewhere.fr").await;
    assert!(must_wait(&page), "{}", page.body);
    assert_eq!(asked(&servers), before);
    // Neither a full Matrix id nor another network is meant.
    let id = browser.identify(&page, crate::support::JEAN).await;
    assert!(id.has("password-form"), "{}", id.body);
    let other = from("2001:db8:1:3::1");
    let page = other.open(&service.url(&[])).await;
    assert!(!must_wait(&other.identify(&page, "x5@elsewhere.fr").await));
}

/// Who looks at the page again and again, or picks the server again and again, asks the homeserver once a minute.
#[tokio::test]
async fn login_types_are_asked_for_once_a_minute() {
    let app = TestApp::start().await;
    let providers = json!([{"id": "one", "name": "One"}, {"id": "two", "name": "Two"}]);
    let flows = json!([{"type": "m.login.sso", "identity_providers": providers}, {"type": "m.login.token"}]);
    app.homeserver.script(
        Endpoint::LoginTypes,
        Lie::text(200, &json!({"flows": flows}).to_string()),
    );
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    let page = browser.identify(&page, EMAIL).await;
    assert!(page.has("sso-form"), "{}", page.body);
    for _ in 0..5 {
        browser.open(page.url.as_str()).await;
        identify(&app, &service, EMAIL).await;
    }
    assert_eq!(app.homeserver.requests_to(Endpoint::LoginTypes).len(), 1);
    app.advance(60);
    browser.open(page.url.as_str()).await;
    assert_eq!(app.homeserver.requests_to(Endpoint::LoginTypes).len(), 2);
}
