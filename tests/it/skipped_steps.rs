//! Threats 8, 24, 25: steps out of order, forms without their page, flows of another browser, sessions planted before a
//! login, and limits that hold.

use std::sync::Arc;

use crate::support::homeserver::{Endpoint, ScriptedHomeserver};
use crate::support::{Browser, EMAIL, MARIES_EMAIL, NAME, PASSWORD, Page, RelyingParty, TestApp, marie};

async fn at_consent(service: &RelyingParty, browser: &Browser) -> Page {
    let page = browser.open(&service.url(&[])).await;
    let page = browser.log_in(&page, EMAIL, PASSWORD).await;
    assert!(page.has("consent-form"));
    page
}

fn step(page: &Page, name: &str) -> String {
    format!("{}/{name}", page.url)
}

#[tokio::test]
async fn no_later_step_can_be_taken_before_its_turn() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    let consent = [("answer", "accept"), ("shown", "")];
    for (name, fields) in [
        ("password", &[("password", PASSWORD)][..]),
        ("sso", &[("provider", "main")]),
        ("consent", &consent),
        ("choose", &[("account", "current")]),
        ("confirm", &[("answer", "continue")]),
    ] {
        let answer = browser.post(&step(&page, name), fields).await;
        let answer = browser.follow(answer).await;
        let refused = answer.status == 400 && answer.text("error-code") == "TC-FLOW-EXPIRED";
        assert!(refused || answer.has("identifier-form"), "{name}: {}", answer.body);
    }
    assert!(app.homeserver.requests().is_empty(), "no homeserver was asked anything");
    let page = browser.identify(&page, EMAIL).await;
    let answer = browser.post(&step(&page, "consent"), &consent).await;
    assert!(
        browser.follow(answer).await.has("password-form"),
        "consent before the password"
    );
}

#[tokio::test]
async fn consent_needs_the_page_that_was_shown() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let other_flow = at_consent(&service, &browser).await.form("consent-form");
    let page = browser.open(&service.url(&[])).await;
    let elsewhere = other_flow
        .fields
        .iter()
        .find(|(name, _)| name == "shown")
        .unwrap()
        .1
        .clone();
    let (shown, wanted) = (page.form("consent-form").fields[0].1.clone(), ("answer", "accept"));
    let cut = &shown[1..];
    for fields in [
        &[][..],
        &[wanted],
        &[wanted, ("shown", "")],
        &[wanted, ("shown", &elsewhere)],
        &[wanted, ("shown", cut)],
        &[("shown", &shown)],
        &[("shown", &shown), ("answer", "ACCEPT")],
    ] {
        let answer = browser.post(&step(&page, "consent"), fields).await;
        assert!(browser.follow(answer).await.has("consent-form"), "{fields:?}");
    }
    let agent = app
        .app
        .store
        .find_open_agent(NAME, crate::support::JEAN)
        .await
        .unwrap()
        .unwrap();
    let consent = app
        .app
        .store
        .find_consent(&agent.id, "service", app.app.clock.now())
        .await
        .unwrap();
    assert_eq!(consent, None);
    service.code(&browser.accept(&page).await);
}

#[tokio::test]
async fn a_flow_belongs_to_one_browser() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let (owner, other, none) = (Browser::new(&app), Browser::new(&app), Browser::new(&app));
    other.open(&service.url(&[])).await;
    let page = at_consent(&service, &owner).await;
    for stranger in [&other, &none] {
        assert_eq!(
            stranger.get(page.url.as_str()).await.text("error-code"),
            "TC-FLOW-BROWSER"
        );
        for name in [
            "identifier",
            "password",
            "sso",
            "restart",
            "choose",
            "confirm",
            "consent",
            "leave",
        ] {
            let answer = stranger.post(&step(&page, name), &[("answer", "accept")]).await;
            assert_eq!(answer.text("error-code"), "TC-FLOW-BROWSER", "{name}");
        }
    }
    service.code(&owner.accept(&page).await);
}

#[tokio::test]
async fn a_flow_ends_with_its_time_or_its_answer() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let page = at_consent(&service, &browser).await;
    browser.accept(&page).await;
    for finished in [page.url.to_string(), format!("{}/authorize/unknown", app.base_url)] {
        assert_eq!(browser.get(&finished).await.text("error-code"), "TC-FLOW-EXPIRED");
        assert_eq!(
            browser
                .post(&format!("{finished}/consent"), &[])
                .await
                .text("error-code"),
            "TC-FLOW-EXPIRED"
        );
    }
    assert_eq!(app.open_flows().await, 0);
    let page = browser.open(&service.url(&[("prompt", "login")])).await;
    app.advance(1800);
    assert_eq!(
        browser.get(page.url.as_str()).await.text("error-code"),
        "TC-FLOW-EXPIRED"
    );
}

#[tokio::test]
async fn a_client_that_was_disabled_or_changed_is_noticed_at_every_step() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let page = at_consent(&service, &browser).await;
    let mut changed = service.client.clone();
    changed.redirect_uris = vec!["https://service.example/new".into()];
    app.update(&changed).await;
    assert_eq!(browser.accept(&page).await.text("error-code"), "TC-REDIRECT-URI");
    changed.disabled = true;
    app.update(&changed).await;
    assert_eq!(browser.accept(&page).await.text("error-code"), "TC-CLIENT-UNKNOWN");
}

#[tokio::test]
async fn the_session_id_changes_at_login_and_the_former_one_is_worth_nothing() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    let planted = browser.cookie("tchap-connect").expect("a cookie");
    let page = browser.log_in(&page, EMAIL, PASSWORD).await;
    assert_ne!(browser.cookie("tchap-connect").unwrap(), planted);
    service.code(&browser.accept(&page).await);

    let attacker = Browser::new(&app);
    attacker.set_cookie("tchap-connect", &planted);
    assert_eq!(
        service.error(&attacker.get(&service.url(&[("prompt", "none")])).await),
        "login_required"
    );
}

#[tokio::test]
async fn a_new_login_ends_the_former_session_of_the_browser() {
    let app = TestApp::start().await;
    app.homeserver.add(marie());
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    service.tokens(&browser, &[]).await;
    let jeans = browser.cookie("tchap-connect").unwrap();
    let page = browser.open(&service.url(&[("prompt", "login")])).await;
    browser.log_in(&page, MARIES_EMAIL, PASSWORD).await;
    let former = Browser::new(&app);
    former.set_cookie("tchap-connect", &jeans);
    assert_eq!(
        service.error(&former.get(&service.url(&[("prompt", "none")])).await),
        "login_required"
    );
}

#[tokio::test]
async fn a_login_given_up_by_restarting_is_no_login() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let page = at_consent(&service, &browser).await;
    let restarted = browser.post(&step(&page, "restart"), &[]).await;
    assert!(browser.follow(restarted).await.has("identifier-form"));
    assert_eq!(
        service.error(&browser.get(&service.url(&[("prompt", "none")])).await),
        "login_required"
    );
}

#[tokio::test]
async fn ten_failed_passwords_end_the_flow() {
    let app = TestApp::with(&[("LIMITS_FAILED_PASSWORDS_PER_ACCOUNT", "100")]).await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let page = browser.identify(&browser.open(&service.url(&[])).await, EMAIL).await;
    for _ in 0..10 {
        let page = browser
            .submit(&page, "password-form", &[("password", "wrong password")])
            .await;
        assert!(page.has("password-form"));
    }
    let page = browser.submit(&page, "password-form", &[("password", PASSWORD)]).await;
    assert_eq!(page.text("error-code"), "TC-TOO-MANY-ATTEMPTS");
    assert_eq!(app.homeserver.requests_to(Endpoint::Login).len(), 10);
    assert!(app.homeserver.live_tokens().is_empty());
}

#[tokio::test]
async fn a_giant_password_is_not_relayed() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let page = browser.identify(&browser.open(&service.url(&[])).await, EMAIL).await;
    let giant = "x".repeat(2000);
    let page = browser.submit(&page, "password-form", &[("password", &giant)]).await;
    assert!(page.has("error-message") && page.has("password-form"));
    assert!(app.homeserver.requests_to(Endpoint::Login).is_empty());
}

#[tokio::test]
async fn two_racing_answers_of_one_flow_give_one_code() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Arc::new(Browser::new(&app));
    let page = at_consent(&service, &browser).await;
    let answers: Vec<_> = (0..8)
        .map(|_| {
            let (browser, page) = (browser.clone(), page.clone());
            tokio::spawn(async move { browser.accept(&page).await })
        })
        .collect();
    let mut codes = 0;
    for answer in answers {
        let answer = answer.await.unwrap();
        codes += usize::from(answer.header("location").contains("code="));
    }
    assert_eq!(codes, 1);
}

/// Threat 22.
#[tokio::test]
async fn open_flows_are_capped_per_network_which_only_a_listed_proxy_may_name() {
    let full = "TC-TOO-MANY";
    let start = async |app: &TestApp, service: &RelyingParty, from: &str| {
        let browser = Browser::new(app).with_header("x-forwarded-for", from);
        let page = browser.open(&service.url(&[])).await;
        assert_eq!(page.status == 429, !page.has("identifier-form"));
        (page.status == 429).then(|| page.text("error-code"))
    };
    let cap = ("LIMITS_OPEN_FLOWS_PER_NETWORK", "3");
    let direct = TestApp::with(&[cap]).await;
    let service = direct.relying_party("service").await;
    for number in 1..=3 {
        assert_eq!(start(&direct, &service, &format!("198.51.100.{number}")).await, None);
    }
    assert_eq!(
        start(&direct, &service, "198.51.100.9").await.as_deref(),
        Some(full),
        "the header is not believed"
    );
    let silent = Browser::new(&direct).get(&service.url(&[("prompt", "none")])).await;
    assert_eq!(
        service.error(&silent),
        "login_required",
        "what stores no flow is not capped"
    );
    direct.advance(1800);
    assert_eq!(
        start(&direct, &service, "198.51.100.9").await,
        None,
        "expired flows count no more"
    );

    let behind = TestApp::with(&[cap, ("TRUSTED_PROXIES", "127.0.0.1/32")]).await;
    let service = behind.relying_party("service").await;
    for number in 1..=3 {
        assert_eq!(
            start(&behind, &service, &format!("203.0.113.{number}, 198.51.100.1")).await,
            None
        );
    }
    assert_eq!(
        start(&behind, &service, "198.51.100.1").await.as_deref(),
        Some(full),
        "the last hop counts"
    );
    assert_eq!(start(&behind, &service, "198.51.100.2").await, None);
    for number in 1..=3 {
        assert_eq!(start(&behind, &service, &format!("2001:db8::{number}")).await, None);
    }
    assert_eq!(
        start(&behind, &service, "2001:db8::ffff:1").await.as_deref(),
        Some(full),
        "an IPv6 network is a /64"
    );
}

#[tokio::test]
async fn a_homeserver_taken_off_the_list_between_two_steps_gets_no_password() {
    let mut app = TestApp::start().await;
    let other = Arc::new(ScriptedHomeserver::start("other.tchap.test").await);
    app.add_homeserver(&other, |_| {}).await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let page = browser
        .identify(&browser.open(&service.url(&[])).await, crate::support::JEAN)
        .await;
    app.unlist(NAME).await;
    let page = browser.submit(&page, "password-form", &[("password", PASSWORD)]).await;
    assert_eq!(page.text("error-code"), "TC-FLOW-EXPIRED");
    assert!(app.homeserver.requests_to(Endpoint::Login).is_empty());
}
