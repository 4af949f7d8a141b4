//! A browser session goes on over new logins of the same agent, and ends with a login of another.

use super::{is_signed_in, leaving, logout};
use crate::support::logout_receiver::with_receivers;
use crate::support::{Browser, EMAIL, MARIES_EMAIL, PASSWORD, RelyingParty, TestApp, client, marie};
use tchap_connect::jobs::logout_delivery::deliver_due;
use tchap_connect::protocol::client::Client;

async fn log_in_again(service: &RelyingParty, browser: &Browser, identifier: &str) -> String {
    let page = browser.open(&service.url(&[("prompt", "login")])).await;
    let mut answer = browser.log_in(&page, identifier, PASSWORD).await;
    if answer.has("consent-form") {
        answer = browser.accept(&answer).await;
    }
    service.code(&answer)
}

#[tokio::test]
async fn a_new_login_of_the_same_agent_goes_on_with_the_same_session() {
    let app = TestApp::start().await;
    let (service, other) = (app.register(leaving("service")).await, app.relying_party("other").await);
    let browser = Browser::new(&app);
    let first = service.tokens(&browser, &[("max_age", "10000")]).await;
    let cookie = browser.cookie("tchap-connect").unwrap();
    app.advance(100);
    let code = log_in_again(&other, &browser, EMAIL).await;
    let at_other = other.redeem(&code).await;
    assert_ne!(
        browser.cookie("tchap-connect").unwrap(),
        cookie,
        "the cookie's id changes all the same"
    );
    let again = service.silently(&browser, &[("max_age", "10000")]).await;
    assert_eq!(again.claims["sid"], first.claims["sid"]);
    assert_eq!(again.claims["auth_time"], app.app.clock.now());
    assert_ne!(
        again.claims["sid"], at_other.claims["sid"],
        "each client has its own name for it"
    );
    service.claims(&first).await;

    // It lives on from the new login.
    app.advance(12 * 3600 - 50);
    assert!(is_signed_in(&service, &browser).await);
    app.advance(50);
    assert!(!is_signed_in(&service, &browser).await);
}

#[tokio::test]
async fn a_hint_from_before_the_new_login_still_names_the_session() {
    let app = TestApp::start().await;
    let service = app.register(leaving("service")).await;
    let browser = Browser::new(&app);
    let first = service.tokens(&browser, &[]).await;
    log_in_again(&service, &browser, EMAIL).await;
    browser.open(&logout(&[("id_token_hint", &first.id_token)])).await;
    assert!(!is_signed_in(&service, &browser).await);
}

#[tokio::test]
async fn a_new_login_that_proves_nothing_leaves_the_time_that_was_proven() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let first = service.tokens(&browser, &[("max_age", "10000")]).await;
    assert_eq!(first.claims["amr"], serde_json::json!(["pwd"]));
    app.by_sso();
    app.advance(100);
    let page = browser.open(&service.url(&[("prompt", "login")])).await;
    let page = browser.identify(&page, EMAIL).await;
    assert_eq!(page.text("error-code"), "TC-FRESH-LOGIN", "not proven to be fresh");
    let again = service.silently(&browser, &[("max_age", "10000")]).await;
    assert_eq!(
        again.claims["auth_time"], first.claims["auth_time"],
        "never fresher than known"
    );
    assert_eq!(again.claims["sid"], first.claims["sid"]);
    assert!(
        again.claims["amr"].is_null(),
        "the last login was not by a password of ours"
    );
    // Nor does it prolong the session.
    app.advance(12 * 3600 - 101);
    assert!(is_signed_in(&service, &browser).await);
    app.advance(1);
    assert!(!is_signed_in(&service, &browser).await);
}

#[tokio::test]
async fn a_login_as_another_agent_ends_the_session_properly() {
    let (app, [receiver]) = with_receivers().await;
    app.homeserver.add(marie());
    let mut registered = client("service");
    registered.logout.backchannel_logout_uri = Some(receiver.url.clone());
    let service = app.register(registered).await;
    let browser = Browser::new(&app);
    let jeans = service.tokens(&browser, &[]).await;
    let code = log_in_again(&service, &browser, EMAIL).await;
    let again = service.redeem(&code).await;
    assert_eq!(
        deliver_due(&app.app, app.app.clock.now()).await.unwrap(),
        0,
        "the same agent: nothing has ended"
    );

    let code = log_in_again(&service, &browser, MARIES_EMAIL).await;
    let maries = service.redeem(&code).await;
    for dead in [&jeans, &again] {
        assert_eq!(service.userinfo(&dead.access_token).await.status, 401);
    }
    service.claims(&maries).await;
    assert_eq!(deliver_due(&app.app, app.app.clock.now()).await.unwrap(), 1);
    let (_, told) = receiver.only();
    assert_eq!(
        (&told["sid"], &told["sub"]),
        (&jeans.claims["sid"], &jeans.claims["sub"])
    );
    assert_ne!(maries.claims["sid"], jeans.claims["sid"]);
}

#[tokio::test]
async fn a_login_given_up_by_restarting_tells_who_took_part() {
    let (app, [receiver]) = with_receivers().await;
    let service = app
        .register(Client {
            logout: tchap_connect::protocol::client::LogoutUris {
                backchannel_logout_uri: Some(receiver.url.clone()),
                ..Default::default()
            },
            ..client("service")
        })
        .await;
    let other = app.relying_party("other").await;
    let browser = Browser::new(&app);
    service.tokens(&browser, &[]).await;
    let page = browser.open(&other.url(&[("prompt", "login")])).await;
    let page = browser.log_in(&page, EMAIL, PASSWORD).await;
    assert!(page.has("consent-form"));
    browser.post(&format!("{}/restart", page.url), &[]).await;
    assert!(!is_signed_in(&service, &browser).await);
    assert_eq!(deliver_due(&app.app, app.app.clock.now()).await.unwrap(), 1);
    receiver.only();
}

#[tokio::test]
async fn sessions_that_expire_are_deleted_without_a_word() {
    let (app, [receiver]) = with_receivers().await;
    let mut registered = client("service");
    registered.logout.backchannel_logout_uri = Some(receiver.url.clone());
    let service = app.register(registered).await;
    service.tokens(&Browser::new(&app), &[]).await;
    app.advance(12 * 3600);
    app.app.store.delete_expired(app.app.clock.now(), 100).await.unwrap();
    assert_eq!(deliver_due(&app.app, app.app.clock.now()).await.unwrap(), 0);
    assert!(receiver.tokens().is_empty());
}
