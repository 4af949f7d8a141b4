//! Threat 34: sites that send the browser round and round. The loop is stopped with a page; whoever is there goes on.

use crate::support::{Browser, EMAIL, PASSWORD, TestApp};

const LOOP: &str = "TC-LOGIN-LOOP";

#[tokio::test]
async fn a_service_that_asks_again_and_again_is_stopped() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    service.tokens(&browser, &[]).await;
    for turn in 1..=15 {
        let answer = browser.get(&service.url(&[])).await;
        assert!(!service.code(&answer).is_empty(), "turn {turn}");
    }
    let page = browser.open(&service.url(&[])).await;
    assert!(page.body.contains(LOOP), "{}", page.body);
    // Its other requests are its own business, and another browser is not meant.
    let silent = browser.get(&service.url(&[("prompt", "none")])).await;
    assert!(!service.code(&silent).is_empty());
    let other = Browser::new(&app);
    service.tokens(&other, &[]).await;

    let left = browser.submit(&page, "leave", &[]).await;
    assert_eq!(service.error(&left), "access_denied");
    let again = browser.open(&service.url(&[])).await;
    assert!(
        again.body.contains(LOOP),
        "still the same twenty seconds: {}",
        again.body
    );
    let page = browser.submit(&again, "restart", &[]).await;
    let page = browser.log_in(&page, EMAIL, PASSWORD).await;
    assert!(
        !service.code(&page).is_empty(),
        "somebody who signs in goes on: {}",
        page.body
    );

    app.advance(20);
    let answer = browser.get(&service.url(&[])).await;
    assert!(!service.code(&answer).is_empty());
}

/// Another site's form brings no cookie; the GET that it leads to does.
#[tokio::test]
async fn a_service_that_asks_by_post_is_stopped_too() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    service.tokens(&browser, &[]).await;
    let post = async |changes: &[(&str, &str)]| {
        let stored = Browser::new(&app)
            .post("/authorize", &service.parameters(changes))
            .await;
        browser.follow(stored).await
    };
    for turn in 1..=15 {
        // The two ways of asking share one count.
        let answer = match turn % 5 {
            0 => browser.get(&service.url(&[])).await,
            _ => post(&[]).await,
        };
        assert!(!service.code(&answer).is_empty(), "turn {turn}");
    }
    let page = post(&[]).await;
    assert!(page.body.contains(LOOP), "{}", page.body);
    assert!(browser.open(&service.url(&[])).await.body.contains(LOOP));
    let silent = post(&[("prompt", "none")]).await;
    assert!(!service.code(&silent).is_empty());

    let page = browser.submit(&page, "restart", &[]).await;
    let page = browser.log_in(&page, EMAIL, PASSWORD).await;
    assert!(!service.code(&page).is_empty(), "who is there goes on: {}", page.body);
    app.advance(20);
    assert!(!service.code(&post(&[]).await).is_empty());
}

#[tokio::test]
async fn logins_that_lead_from_the_homeserver_back_to_us_are_stopped() {
    let app = TestApp::start().await;
    app.by_sso();
    let services = [
        app.relying_party("service").await,
        app.relying_party("federation").await,
    ];
    let browser = Browser::new(&app);
    for turn in 0..4 {
        let page = browser.open(&services[turn % 2].url(&[])).await;
        let away = browser
            .submit_once(&page, "identifier-form", &[("identifier", EMAIL)])
            .await;
        assert!(
            away.location().as_str().starts_with(&app.homeserver.base_url()),
            "turn {turn}"
        );
    }
    let page = browser.open(&services[0].url(&[])).await;
    assert!(page.body.contains(LOOP), "{}", page.body);
    let elsewhere = Browser::new(&app).open(&services[0].url(&[])).await;
    assert!(elsewhere.has("identifier-form"), "another browser is not meant");

    let page = browser.submit(&page, "restart", &[]).await;
    assert!(page.has("identifier-form"), "who is there goes on: {}", page.body);
    let consent = browser.submit(&page, "identifier-form", &[("identifier", EMAIL)]).await;
    let answer = browser.accept(&consent).await;
    assert!(!services[0].code(&answer).is_empty());
}
