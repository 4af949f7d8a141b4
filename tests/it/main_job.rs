//! The main job: an agent signs in to a service with Tchap.

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
