//! Threats 8, 25, 26: what two tabs, a back button, a double click or another site can do to a flow under way. What was
//! shown of one agent is never granted for another.

use std::sync::Arc;

use url::Url;

use crate::support::homeserver::Endpoint;
use crate::support::{Browser, EMAIL, MARIES_EMAIL, PASSWORD, Page, RelyingParty, TestApp, marie};

/// Jean at a page of a flow, in the first tab; Marie signs in to another service in the second.
async fn marie_signs_in_elsewhere(app: &TestApp, browser: &Browser) {
    app.homeserver.add(marie());
    let elsewhere = app.relying_party("elsewhere").await;
    let page = browser.open(&elsewhere.url(&[("prompt", "login")])).await;
    let page = browser.log_in(&page, MARIES_EMAIL, PASSWORD).await;
    browser.accept(&page).await;
}

/// The page that a sign-in at the homeserver left from, and the address of ours that the homeserver sends the browser to.
async fn out_and_back(service: &RelyingParty, browser: &Browser) -> (Page, Url) {
    let page = browser.open(&service.url(&[])).await;
    let away = browser
        .submit_once(&page, "identifier-form", &[("identifier", EMAIL)])
        .await;
    let back = browser.get(away.location().as_str()).await.location();
    (page, back)
}

async fn email_of(service: &RelyingParty, page: &Page) -> String {
    let tokens = service.redeem(&service.code(page)).await;
    service.claims(&tokens).await["email"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test]
async fn a_consent_shown_to_one_agent_is_not_another_ones() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    app.homeserver.add(marie());
    service.sign_in(&Browser::new(&app), &[]).await;
    let maries = Browser::new(&app);
    let page = maries.open(&service.url(&[])).await;
    let page = maries.log_in(&page, MARIES_EMAIL, PASSWORD).await;
    maries.accept(&page).await; // Marie's consent is remembered

    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[("prompt", "consent")])).await;
    let consent = browser.log_in(&page, EMAIL, PASSWORD).await;
    marie_signs_in_elsewhere(&app, &browser).await;
    let asked = browser.accept(&consent).await;
    assert_eq!(asked.text("account-name"), "MARTIN Marie [DINUM]", "{}", asked.body);
    let answer = browser.submit(&asked, "account-form", &[("account", "other")]).await;
    assert!(answer.has("identifier-form"), "{}", answer.body);
}

#[tokio::test]
async fn the_account_chosen_is_the_one_that_was_shown() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    service.tokens(&browser, &[]).await;
    let choose = browser.open(&service.url(&[("prompt", "select_account")])).await;
    marie_signs_in_elsewhere(&app, &browser).await;
    let again = browser.submit(&choose, "account-form", &[("account", "current")]).await;
    assert_eq!(again.text("account-name"), "MARTIN Marie [DINUM]", "{}", again.body);
    let page = browser.submit(&again, "account-form", &[("account", "current")]).await;
    assert_eq!(email_of(&service, &browser.accept(&page).await).await, MARIES_EMAIL);
}

#[tokio::test]
async fn a_login_under_way_as_one_agent_does_not_end_as_another() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    app.homeserver.add(marie());
    let maries = Browser::new(&app);
    maries.sign_in(&service.url(&[]), MARIES_EMAIL).await; // Marie's consent is remembered

    for typed in [true, false] {
        let browser = Browser::new(&app);
        let page = browser.open(&service.url(&[])).await;
        let before = if typed {
            browser.identify(&page, EMAIL).await
        } else {
            page
        };
        let elsewhere = browser.open(&service.url(&[("prompt", "login")])).await;
        browser.log_in(&elsewhere, MARIES_EMAIL, PASSWORD).await;
        let asked = match typed {
            true => {
                browser
                    .submit(&before, "password-form", &[("password", PASSWORD)])
                    .await
            }
            false => browser.identify(&before, EMAIL).await,
        };
        assert!(asked.has("account-form"), "typed {typed}: {}", asked.body);
        assert_eq!(asked.text("account-name"), "MARTIN Marie [DINUM]");
    }
}

#[tokio::test]
async fn to_refuse_is_to_refuse_whatever_another_tab_accepted() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    let first = browser.log_in(&page, EMAIL, PASSWORD).await;
    let second = browser.open(&service.url(&[])).await;
    service.code(&browser.accept(&first).await);
    let answer = browser.submit(&second, "consent-form", &[("answer", "refuse")]).await;
    assert_eq!(service.error(&answer), "access_denied");
}

#[tokio::test]
async fn an_account_confirmed_once_does_not_confirm_the_next() {
    let app = TestApp::start().await;
    app.by_sso();
    app.homeserver.add(marie());
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let first = browser.open(&service.url(&[])).await;
    app.homeserver.sso_as("marie.martin-beta.gouv.fr");
    let confirm = browser.identify(&first, EMAIL).await;
    let page = browser
        .submit(&confirm, "confirm-form", &[("answer", "continue")])
        .await;
    assert!(page.has("consent-form"), "{}", page.body);
    browser.post(&format!("{}/restart", page.url), &[]).await;
    let first = browser.get(page.url.as_str()).await;
    let confirm = browser.identify(&first, EMAIL).await;
    assert!(confirm.has("confirm-form"), "{}", confirm.body);
}

#[tokio::test]
async fn parallel_guesses_are_not_relayed_past_the_limit() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Arc::new(Browser::new(&app));
    let page = browser.open(&service.url(&[])).await;
    let page = browser.identify(&page, EMAIL).await;
    let guesses = (0..40).map(|number| {
        let (browser, url) = (browser.clone(), format!("{}/password", page.url));
        tokio::spawn(async move {
            browser
                .post(&url, &[("password", &format!("guess {number}"))])
                .await
                .status
        })
    });
    for guess in guesses.collect::<Vec<_>>() {
        assert!([200, 303].contains(&guess.await.unwrap().as_u16()));
    }
    let relayed = app.homeserver.requests_to(Endpoint::Login).len();
    assert!((1..=10).contains(&relayed), "{relayed} of 40 were relayed");
}

#[tokio::test]
async fn a_page_left_open_during_a_login_ends_at_the_next_step() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Arc::new(Browser::new(&app));
    let page = browser.open(&service.url(&[])).await;
    let page = browser.identify(&page, EMAIL).await;
    let gate = app.homeserver.hold(Endpoint::Login);
    let (clicking, url) = (browser.clone(), format!("{}/password", page.url));
    let first = tokio::spawn(async move { clicking.post(&url, &[("password", PASSWORD)]).await.status });
    gate.reached().await;
    let second = browser.get(page.url.as_str()).await;
    gate.open();
    assert_eq!(first.await.unwrap().as_u16(), 303);
    assert!(second.has("password-form"));
    assert!(browser.get(page.url.as_str()).await.has("consent-form"));
}

#[tokio::test]
async fn a_form_sent_from_another_site_does_nothing() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    let form = format!("{}/identifier", page.url);
    for (name, value) in [
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://evil.example"),
    ] {
        let answer = browser
            .post_with(&form, &[(name, value)], &[("identifier", EMAIL)])
            .await;
        assert_eq!(answer.text("error-code"), "TC-FLOW-BROWSER", "{name}: {value}");
    }
    assert!(browser.get(page.url.as_str()).await.has("identifier-form"));
    let ours = [("sec-fetch-site", "same-origin"), ("origin", "null")];
    let answer = browser.post_with(&form, &ours, &[("identifier", EMAIL)]).await;
    assert!(browser.follow(answer).await.has("password-form"));
}

#[tokio::test]
async fn a_refused_visit_leaves_no_cookie_session() {
    let app = TestApp::with(&[("LIMITS_OPEN_FLOWS_PER_NETWORK", "1")]).await;
    let service = app.relying_party("service").await;
    Browser::new(&app).open(&service.url(&[])).await;
    let late = Browser::new(&app);
    let answer = late.get(&service.url(&[])).await;
    assert_eq!(
        (answer.status.as_u16(), answer.text("error-code").as_str()),
        (429, "TC-TOO-MANY")
    );
    assert_eq!(answer.cookies(), []);
}

#[tokio::test]
async fn a_link_scanner_does_not_use_up_a_login() {
    let app = TestApp::start().await;
    app.by_sso();
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let (page, back) = out_and_back(&service, &browser).await;
    let scanner = Browser::new(&app);
    for address in [back.as_str(), page.url.as_str(), &service.url(&[])] {
        let answer = scanner.head(address).await;
        assert_eq!(answer.status.as_u16(), 405, "HEAD {address}");
    }
    assert_eq!(scanner.get(back.as_str()).await.text("error-code"), "TC-FLOW-BROWSER");
    assert!(browser.open(back.as_str()).await.has("consent-form"));
}

#[tokio::test]
async fn a_login_token_does_not_stay_in_the_address_bar() {
    let app = TestApp::start().await;
    app.by_sso();
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let (_, back) = out_and_back(&service, &browser).await;
    let wrong = format!("{}x", back);
    let stopped = browser.open(&wrong).await;
    assert_eq!(stopped.text("error-code"), "TC-LOGIN-TOKEN");
    assert_eq!(stopped.url.query(), None);
}

#[tokio::test]
async fn addresses_that_are_not_text_get_a_page() {
    let app = TestApp::start().await;
    let browser = Browser::new(&app);
    for path in ["/authorize/%ff", "/login/sso/%ff/x", "/login/sso/a.test/%ff"] {
        let page = browser.get(&format!("{}{path}", app.base_url)).await;
        assert!(page.has("error-code"), "{path}: {}", page.body);
    }
}

#[tokio::test]
async fn a_form_of_a_step_that_is_over_leads_to_the_step_that_is_due() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    let password = browser.identify(&page, EMAIL).await;
    browser.submit(&password, "restart", &[]).await;
    let answer = browser
        .submit(&password, "password-form", &[("password", PASSWORD)])
        .await;
    assert!(answer.has("identifier-form"), "{}", answer.body);
    assert!(app.homeserver.requests_to(Endpoint::Login).is_empty());
}

#[tokio::test]
async fn a_login_out_at_the_homeserver_survives_a_look_at_the_flow() {
    let app = TestApp::start().await;
    app.by_sso();
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let (page, back) = out_and_back(&service, &browser).await;
    // What was heard before is kept for a minute.
    app.advance(60);
    app.homeserver
        .script(Endpoint::LoginTypes, crate::support::homeserver::Lie::invalid_json());
    let look = browser.get(page.url.as_str()).await;
    assert_eq!(look.text("error-code"), "TC-HOMESERVER-INVALID");
    app.homeserver.honest(Endpoint::LoginTypes);
    assert!(browser.open(back.as_str()).await.has("consent-form"));
}
