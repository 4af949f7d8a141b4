//! Sign-in for our own pages: the pages are a relying party that nobody else can be, and gets no code.

use super::{HOME, home};
use crate::support::{Browser, EMAIL, PASSWORD, TestApp};

#[tokio::test]
async fn whoever_is_not_signed_in_is_led_there_by_the_ordinary_login() {
    let app = TestApp::start().await;
    let browser = Browser::new(&app);
    let page = browser.open(HOME).await;
    assert!(page.has("identifier-form"));
    assert!(page.body.contains("Tchap Connect"));
    let answer = browser.identify(&page, EMAIL).await;
    let answer = browser
        .submit_once(&answer, "password-form", &[("password", PASSWORD)])
        .await;
    let hop = browser.get(answer.location().as_str()).await;
    assert_eq!(
        hop.location().as_str(),
        format!("{}{HOME}", app.base_url),
        "without a code"
    );
    home(&browser).await;
    assert_eq!(app.open_flows().await, 0);
    // A session made for a service is as good.
    let service = app.relying_party("service").await;
    let elsewhere = Browser::new(&app);
    service.tokens(&elsewhere, &[]).await;
    home(&elsewhere).await;
}

#[tokio::test]
async fn the_page_lives_as_long_as_the_browser_session() {
    let app = TestApp::with(&[("LIFETIMES_SESSION", "3600")]).await;
    let browser = Browser::new(&app);
    browser.sign_in(HOME, EMAIL).await;
    app.advance(3599);
    home(&browser).await;
    app.advance(1);
    assert!(browser.open(HOME).await.has("identifier-form"));

    let browser = Browser::new(&app);
    browser.sign_in(HOME, EMAIL).await;
    let page = browser.open("/logout").await;
    browser.submit(&page, "logout-form", &[("answer", "leave")]).await;
    assert!(browser.open(HOME).await.has("identifier-form"));
}

#[tokio::test]
async fn the_account_that_was_closed_has_no_page() {
    let app = TestApp::start().await;
    let browser = Browser::new(&app);
    browser.sign_in(HOME, EMAIL).await;
    let id = super::agent_id(&app).await;
    app.app.store.close_agent(&id, app.app.clock.now()).await.unwrap();
    assert!(browser.open(HOME).await.has("identifier-form"));
}

/// Threat: the client of our pages cannot be asked for from outside, and its name cannot be registered.
#[tokio::test]
async fn nobody_else_is_our_pages() {
    let app = TestApp::start().await;
    let browser = Browser::new(&app);
    browser.sign_in(HOME, EMAIL).await;
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", "tchap-connect:pages")
        .append_pair("redirect_uri", &format!("{}{HOME}", app.base_url))
        .append_pair("response_type", "code")
        .append_pair("scope", "openid")
        .finish();
    let answer = browser.get(&format!("/authorize?{query}")).await;
    assert_eq!(answer.text("error-code"), "TC-CLIENT-UNKNOWN");
    let mut metadata = tchap_connect::protocol::client_metadata::ClientMetadata {
        client_id: "pages".into(),
        name: "Service".into(),
        redirect_uris: vec!["https://service.example/".into()],
        ..Default::default()
    };
    assert!(metadata.clone().validate(&[]).is_ok());
    metadata.client_id = "tchap-connect:pages".into();
    assert!(metadata.validate(&[]).is_err());
}

#[tokio::test]
async fn an_agent_who_leaves_the_login_is_not_sent_round_and_round() {
    let app = TestApp::start().await;
    let browser = Browser::new(&app);
    let page = browser.open(HOME).await;
    let leave = format!("{}/leave", page.url.path());
    let answer = browser.post(&leave, &[]).await;
    let page = browser.follow(answer).await;
    assert_eq!((page.status.as_u16(), page.url.path()), (200, "/"));
    assert!(page.has("footer-account"));
}
