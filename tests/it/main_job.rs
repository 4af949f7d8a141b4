//! The main job: an agent signs in to a service with Tchap.

use serde_json::{Value, json};

use crate::support::homeserver::{Endpoint, Lie};
use crate::support::relying_party::NONCE;
use crate::support::{Browser, EMAIL, NAME, PASSWORD, TestApp};

#[tokio::test]
async fn an_agent_signs_in_by_password() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);

    let page = browser.open(&service.url(&[])).await;
    let page = browser.identify(&page, EMAIL).await;
    assert_eq!(
        page.text("homeserver-name"),
        NAME,
        "the server is named before the password is asked for"
    );
    let page = browser.submit(&page, "password-form", &[("password", PASSWORD)]).await;
    assert!(
        page.text("consent-items").contains(EMAIL),
        "{}",
        page.text("consent-items")
    );
    let answer = browser.accept(&page).await;

    let tokens = service.redeem(&service.code(&answer)).await;
    assert_eq!(tokens.claims["nonce"], NONCE);
    let claims = service.claims(&tokens).await;
    assert_eq!(claims["name"], "Jean Dupont");
    assert_eq!(
        (&claims["email"], &claims["email_verified"]),
        (&EMAIL.into(), &true.into())
    );
    assert!(
        app.homeserver.live_tokens().is_empty(),
        "the Matrix session is signed out"
    );
    assert_eq!(app.homeserver.issued_tokens(), 1);
}

#[tokio::test]
async fn an_agent_signs_in_by_single_sign_on() {
    let app = TestApp::start().await;
    app.by_sso();
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);

    let page = browser.open(&service.url(&[])).await;
    let page = browser.identify(&page, EMAIL).await;
    let answer = browser.accept(&page).await;
    let tokens = service.redeem(&service.code(&answer)).await;
    assert_eq!(tokens.claims["acr"], "eidas1");
    assert_eq!(tokens.claims["amr"], Value::Null, "only the homeserver knows how");
    assert_eq!(
        tokens.claims["auth_time"],
        Value::Null,
        "only the homeserver knows when"
    );
    assert_eq!(service.claims(&tokens).await["email"], EMAIL);
    assert!(app.homeserver.live_tokens().is_empty());

    let sent = &app.homeserver.requests_to(Endpoint::SsoRedirect)[0];
    let callback = format!("{}/login/sso/{NAME}/", app.base_url);
    let query: Vec<_> = url::form_urlencoded::parse(sent.query.as_bytes())
        .into_owned()
        .collect();
    assert!(
        query[0].1.starts_with(&callback),
        "one callback path per homeserver: {query:?}"
    );
}

#[tokio::test]
async fn an_agent_picks_one_of_several_identity_providers() {
    let app = TestApp::start().await;
    app.by_sso();
    let provider = |id: &str| json!({"id": id, "name": id.to_uppercase()});
    let flows = json!({"flows": [
        {"type": "m.login.sso", "identity_providers": [provider("proconnect"), provider("other")]},
        {"type": "m.login.token"}
    ]});
    app.homeserver
        .script(Endpoint::LoginTypes, Lie::text(200, &flows.to_string()));
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let page = browser.identify(&browser.open(&service.url(&[])).await, EMAIL).await;
    assert!(page.text("sso-submit").contains("PROCONNECT") && page.text("sso-submit-2").contains("OTHER"));
    let page = browser.submit(&page, "sso-form", &[("provider", "other")]).await;
    assert!(page.has("consent-form"));
    let sent = &app.homeserver.requests_to(Endpoint::SsoRedirect)[0];
    assert!(sent.path.ends_with("/other"), "{}", sent.path);
}

#[tokio::test]
async fn the_second_visit_shows_no_page() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let first = service.tokens(&browser, &[("max_age", "1000")]).await;
    app.advance(60);
    let second = service.silently(&browser, &[("max_age", "1000")]).await;
    for same in ["sub", "sid", "auth_time", "acr", "amr"] {
        assert_eq!(first.claims[same], second.claims[same], "{same}");
    }
    assert_ne!(first.access_token, second.access_token);
    assert_eq!(second.claims["iat"], app.app.clock.now());
    assert_eq!(app.open_flows().await, 0, "a silent sign-in stores no flow");
    assert_eq!(app.homeserver.issued_tokens(), 1, "one login at the homeserver");
}

#[tokio::test]
async fn a_second_service_asks_for_consent_only_and_gets_another_sid() {
    let app = TestApp::start().await;
    let (one, two) = (app.relying_party("one").await, app.relying_party("two").await);
    let browser = Browser::new(&app);
    let first = one.tokens(&browser, &[]).await;
    let page = browser.open(&two.url(&[])).await;
    let answer = browser.accept(&page).await;
    let second = two.redeem(&two.code(&answer)).await;
    assert_ne!(
        first.claims["sid"], second.claims["sid"],
        "a sid would undo pairwise subjects"
    );
    assert_ne!(first.claims["sub"], second.claims["sub"]);
}

#[tokio::test]
async fn a_browser_session_ends_at_its_time_however_busy_it_was() {
    let app = TestApp::with(&[("LIFETIMES_SESSION", "3600")]).await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    service.tokens(&browser, &[]).await;
    app.advance(3000);
    service.silently(&browser, &[]).await;
    app.advance(599);
    service.silently(&browser, &[]).await;
    app.advance(1);
    let page = browser.open(&service.url(&[])).await;
    assert!(page.has("identifier-form"), "{page:?}");
}

#[tokio::test]
async fn sids_differ_between_sessions() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let first = service.tokens(&Browser::new(&app), &[]).await;
    let second = service.tokens(&Browser::new(&app), &[]).await;
    assert_ne!(first.claims["sid"], second.claims["sid"]);
    assert_eq!(first.claims["sub"], second.claims["sub"]);
}
