//! Against a real Synapse that delegates its login to an authentication service (a stand-in for that one): what a scripted
//! homeserver can only claim to imitate.

use crate::support::real::*;
use crate::support::secrets::Kind;
use crate::support::{Browser, Page, RelyingParty, TestApp};

/// Up to the login page of the authentication service, or past it where the agent has a session there.
async fn leave(browser: &Browser, service: &RelyingParty, email: &str, changes: &[(&str, &str)]) -> Page {
    let page = browser.open(&service.url(changes)).await;
    browser.identify(&page, email).await
}

/// The agent's button there, then whatever comes after.
async fn press(browser: &Browser, portal: &Page, id: &str) -> Page {
    browser.submit(portal, "login", &[("agent", id)]).await
}

async fn start() -> (TestApp, RelyingParty) {
    let app = tchap().app(&[]).await;
    let service = app.relying_party("service").await;
    (app, service)
}

#[tokio::test]
#[ignore = "needs make test"]
async fn an_agent_signs_in_and_neither_token_nor_device_is_left() {
    let (app, service) = start().await;
    let browser = Browser::new(&app);
    let portal = leave(&browser, &service, HUGO, &[]).await;
    let page = press(&browser, &portal, tchap().oauth_id(HUGO)).await;
    let tokens = service.redeem(&service.code(&browser.accept(&page).await)).await;
    assert_eq!(tokens.claims["auth_time"], app.app.clock.now(), "as the service says");
    let claims = service.claims(&tokens).await;
    for (name, value) in [("email", HUGO), ("given_name", "Hugo"), ("family_name", "PETIT")] {
        assert_eq!(claims[name], value);
    }
    let homeserver = tchap().homeserver(EDUCATION);
    assert_eq!(homeserver.devices(&tchap().account(HUGO).user_id).await, 0);
    let granted = tchap().granted(HUGO).await;
    assert!(!granted.is_empty());
    for (token, alive) in granted {
        assert!(!alive, "a token is left alive");
        app.traffic.secret(Kind::Never, &token);
    }
}

#[tokio::test]
#[ignore = "needs make test"]
async fn the_agents_no_has_its_page() {
    let (app, service) = start().await;
    let browser = Browser::new(&app);
    let portal = leave(&browser, &service, NADIA, &[]).await;
    let page = press(&browser, &portal, "").await;
    assert_eq!(page.text("error-code"), "TC-REFUSED-THERE");
}

#[tokio::test]
#[ignore = "needs make test"]
async fn a_service_that_ignores_prompt_login_proves_nothing_new() {
    let (app, service) = start().await;
    let browser = Browser::new(&app);
    let portal = leave(&browser, &service, NADIA, &[("prompt", "login")]).await;
    let page = press(&browser, &portal, tchap().oauth_id(NADIA)).await;
    let tokens = service.redeem(&service.code(&browser.accept(&page).await)).await;
    assert_eq!(
        tokens.claims["auth_time"],
        app.app.clock.now(),
        "the first login is one"
    );
    app.advance(50);
    let page = leave(&browser, &service, NADIA, &[("prompt", "login")]).await;
    assert_eq!(page.text("error-code"), "TC-FRESH-LOGIN", "its own session still lives");
}

#[tokio::test]
#[ignore = "needs make test"]
async fn a_client_made_by_operations_and_a_named_issuer() {
    let (app, service) = start().await;
    let homeserver = tchap().homeserver(EDUCATION);
    let mut listed = homeserver.listed(&homeserver.base_url);
    listed.oauth.issuer = Some("https://auth.example/".into());
    app.list(&listed).await;
    let page = leave(&Browser::new(&app), &service, NADIA, &[]).await;
    assert_eq!(page.text("error-code"), "TC-HOMESERVER-INVALID");
    listed.oauth.issuer = Some(tchap().issuer());
    app.list(&listed).await;
    assert!(
        leave(&Browser::new(&app), &service, NADIA, &[])
            .await
            .body
            .contains(NADIA)
    );
}
