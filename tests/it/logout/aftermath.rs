//! After a logout: which tokens are dead, and how the next login goes.

use tchap_connect::protocol::client::{GrantType, RefreshRule};

use super::{assert_page, is_signed_in, leaving, logout};
use crate::support::{Browser, EMAIL, PASSWORD, TestApp};

/// What ends with the session is dead; what was given for longer lives on.
#[tokio::test]
async fn tokens_end_with_the_session_and_those_of_other_sessions_do_not() {
    let app = TestApp::start().await;
    let (service, other) = (app.register(leaving("service")).await, app.relying_party("other").await);
    let (browser, elsewhere) = (Browser::new(&app), Browser::new(&app));
    let tokens = service.tokens(&browser, &[]).await;
    let at_other = {
        let page = browser.open(&other.url(&[])).await;
        other.redeem(&other.code(&browser.accept(&page).await)).await
    };
    let unspent = service.code(&browser.get(&service.url(&[])).await);
    let of_another_session = service.tokens(&elsewhere, &[]).await;
    browser.open(&logout(&[("id_token_hint", &tokens.id_token)])).await;
    for (service, dead) in [(&service, &tokens), (&other, &at_other)] {
        assert_eq!(service.userinfo(&dead.access_token).await.status, 401);
    }
    let answer = service.token(&service.form(&unspent, &[])).await;
    assert_eq!(answer.json()["error"], "invalid_grant");
    service.claims(&of_another_session).await;
    assert!(is_signed_in(&service, &elsewhere).await);
}

#[tokio::test]
async fn refresh_tokens_end_with_the_session_but_for_offline_access() {
    let app = TestApp::start().await;
    let mut registered = leaving("service");
    registered.grant_types.insert(GrantType::RefreshToken);
    registered.refresh_tokens = RefreshRule::Always;
    let service = app.register(registered).await;
    let browser = Browser::new(&app);
    let offline = service
        .tokens(&browser, &[("scope", "openid email offline_access")])
        .await;
    let bound = service.silently(&browser, &[("scope", "openid email")]).await;
    assert_eq!(bound.claims["sid"], offline.claims["sid"]);
    service.refreshed(bound.refresh_token()).await;
    browser.open(&logout(&[("id_token_hint", &bound.id_token)])).await;
    let answer = service.refresh(bound.refresh_token(), &[]).await;
    assert_eq!(answer.json()["error"], "invalid_grant");
    assert_eq!(service.userinfo(&bound.access_token).await.status, 401);
    service.claims(&offline).await;
    service.refreshed(offline.refresh_token()).await;
}

/// A client that signs somebody in after their logout would never be told of it.
#[tokio::test]
async fn a_code_is_worth_nothing_after_the_logout_even_for_offline_access() {
    let app = TestApp::start().await;
    let mut registered = leaving("service");
    registered.grant_types.insert(GrantType::RefreshToken);
    let service = app.register(registered).await;
    let browser = Browser::new(&app);
    let scope = [("scope", "openid email offline_access")];
    let offline = service.tokens(&browser, &scope).await;
    let unspent = service.code(&browser.get(&service.url(&scope)).await);
    browser.open(&logout(&[("id_token_hint", &offline.id_token)])).await;
    let answer = service.token(&service.form(&unspent, &[])).await;
    assert_eq!(answer.json()["error"], "invalid_grant", "{}", answer.body);
    service.refreshed(offline.refresh_token()).await;
}

/// The homeserver would sign the same agent in again without a word.
#[tokio::test]
async fn the_next_login_by_single_sign_on_confirms_the_account() {
    let mut app = TestApp::start().await;
    app.by_sso();
    let service = app.register(leaving("service")).await;
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    let page = browser.identify(&page, EMAIL).await;
    let tokens = service.redeem(&service.code(&browser.accept(&page).await)).await;
    let leave = async |id_token: &str| {
        assert_page(
            &browser.open(&logout(&[("id_token_hint", id_token)])).await,
            "signed-out",
        );
    };
    leave(&tokens.id_token).await;

    let page = browser.open(&service.url(&[])).await;
    let page = browser.identify(&page, EMAIL).await;
    assert_eq!(page.text("account-name"), "Jean Dupont [DINUM]");
    assert!(page.has("confirm-form") && !page.has("account-typed"), "{}", page.body);
    let answer = browser.submit(&page, "confirm-form", &[("answer", "change")]).await;
    assert!(answer.has("identifier-form"));
    assert!(!is_signed_in(&service, &browser).await);
    // Once asked it is not asked again until the next logout.
    let page = browser.identify(&answer, EMAIL).await;
    let tokens = service.redeem(&service.code(&page)).await;
    leave(&tokens.id_token).await;
    let page = browser.open(&service.url(&[])).await;
    let page = browser.identify(&page, EMAIL).await;
    let answer = browser.submit(&page, "confirm-form", &[("answer", "continue")]).await;
    let tokens = service.redeem(&service.code(&answer)).await;
    assert!(is_signed_in(&service, &browser).await);

    // Whoever has just proven who they are is not asked.
    leave(&tokens.id_token).await;
    let homeserver = app.homeserver.clone();
    app.add_homeserver(&homeserver, |listed| listed.sso_always_asks = true)
        .await;
    let page = browser.open(&service.url(&[])).await;
    service.code(&browser.identify(&page, EMAIL).await);
}

#[tokio::test]
async fn a_login_by_password_after_a_logout_asks_nothing_more() {
    let app = TestApp::start().await;
    let service = app.register(leaving("service")).await;
    let browser = Browser::new(&app);
    let tokens = service.tokens(&browser, &[]).await;
    browser.open(&logout(&[("id_token_hint", &tokens.id_token)])).await;
    let page = browser.open(&service.url(&[])).await;
    service.code(&browser.log_in(&page, EMAIL, PASSWORD).await);
}
