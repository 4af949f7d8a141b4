//! Which account, and whether it may enter: refusals, mistakes and other accounts.

use tchap_connect::protocol::client::Client;

use super::Scene;
use crate::support::real::*;

#[tokio::test]
#[ignore = "needs make test"]
async fn mistakes_are_told_where_they_were_made() {
    let scene = Scene::new().await;
    let browser = &scene.chromium;
    scene.press_the_button().await;

    scene.type_identifier("jean.dupont@nowhere.example").await;
    assert!(browser.text("error-message").await.contains("Aucun serveur Tchap"));
    assert_eq!(browser.focus().await, "identifier");
    assert_eq!(
        browser.value("identifier").await,
        "jean.dupont@nowhere.example",
        "what was typed stays"
    );

    scene.type_identifier(JEAN).await;
    scene.type_password("not the password").await;
    assert!(
        browser
            .text("error-message")
            .await
            .contains("Identifiant ou mot de passe incorrect")
    );
    assert_eq!(browser.focus().await, "password");
    assert_eq!(browser.value("password").await, "");
    assert_eq!(browser.text("identifier-shown").await, JEAN, "what was typed stays");
    assert!(browser.client.title().await.unwrap().starts_with("Erreur"));

    // The mistake was the account, not the password.
    browser.click("account-change").await;
    assert_eq!(browser.value("identifier").await, JEAN);
    scene.type_identifier(CLAIRE).await;
    scene.type_password(tchap().password(CLAIRE)).await;
    browser.click("consent-accept").await;
    assert_eq!(scene.claim("email").await, CLAIRE);
}

#[tokio::test]
#[ignore = "needs make test"]
async fn a_refused_consent_is_told_in_words_by_the_partner() {
    let scene = Scene::new().await;
    let browser = &scene.chromium;
    scene.sign_in_by_password(JEAN).await;
    browser.click("consent-refuse").await;
    assert!(browser.text("problem").await.contains("access_denied"));
    assert!(
        browser
            .page_text()
            .await
            .contains("Vous avez refusé de transmettre vos données")
    );
    assert!(scene.is_at_partner().await);

    // Nothing is remembered of a refusal: the question comes back, without a new login.
    browser.follow("/se-connecter?lang=fr").await;
    browser.click("consent-accept").await;
    assert_eq!(scene.claim("email").await, JEAN);
}

#[tokio::test]
#[ignore = "needs make test"]
async fn an_account_that_may_not_enter_can_be_changed_or_left() {
    let scene = Scene::new().await;
    let browser = &scene.chromium;
    scene.sign_in_by_password(LOCKED).await;
    assert_eq!(browser.text("error-code").await, "TC-ACCOUNT-LOCKED");
    browser.click("leave").await;
    assert!(browser.text("problem").await.contains("access_denied"));

    scene.sign_in_by_password(ALICE).await;
    assert_eq!(browser.text("error-code").await, "TC-GUEST");
    browser.click("account-other").await;
    scene.type_identifier(JEAN).await;
    scene.type_password(tchap().password(JEAN)).await;
    browser.click("consent-accept").await;
    assert_eq!(scene.claim("email").await, JEAN);
    browser.click("sign-out").await;
    browser.see("tchap-connect").await;

    // The partner changes its mind about guests.
    let admitting = Client {
        admits_guests: true,
        ..scene.partner.client.clone()
    };
    scene.app.update(&admitting).await;
    browser
        .open(&format!("{}/se-connecter?prompt=login", scene.partner.url))
        .await;
    scene.type_identifier(ALICE).await;
    scene.type_password(tchap().password(ALICE)).await;
    browser.click("consent-accept").await;
    assert_eq!(scene.claim("tchap_guest").await, "true");
}

#[tokio::test]
#[ignore = "needs make test"]
async fn another_account_than_the_one_typed_is_named_first() {
    let scene = Scene::new().await;
    let browser = &scene.chromium;
    scene.press_the_button().await;
    scene.type_identifier(SOPHIE).await;
    browser.click(tchap().sso_id(KARIM)).await;
    assert_eq!(browser.text("account-typed").await, SOPHIE);
    assert_eq!(browser.text("account-name").await, "Karim Haddad [DGFIP]");

    browser.click("confirm-change").await;
    scene.type_identifier(SOPHIE).await;
    browser.click(tchap().sso_id(KARIM)).await;
    browser.click("confirm-continue").await;
    browser.click("consent-accept").await;
    assert_eq!(scene.claim("email").await, KARIM);
}

#[tokio::test]
#[ignore = "needs make test"]
async fn the_partner_may_ask_again_whatever_the_session_says() {
    let scene = Scene::new().await;
    let browser = &scene.chromium;
    let again = |prompt: &str| format!("/se-connecter?prompt={prompt}&lang=fr");
    browser.open(&scene.partner.url).await;
    browser.follow(&again("none")).await;
    assert!(browser.text("problem").await.contains("login_required"));

    scene.sign_in_by_password(JEAN).await;
    browser.click("consent-accept").await;
    let subject = scene.claim("sub").await;

    browser.follow(&again("none")).await;
    assert_eq!(scene.claim("sub").await, subject, "silently");

    browser.follow(&again("login")).await;
    scene.type_identifier(JEAN).await;
    scene.type_password(tchap().password(JEAN)).await;
    assert_eq!(scene.claim("sub").await, subject, "the same agent, who agreed before");

    browser.follow(&again("consent")).await;
    browser.click("consent-accept").await;
    assert_eq!(scene.claim("sub").await, subject);

    browser.follow(&again("select_account")).await;
    assert_eq!(browser.text("account-name").await, "Jean Dupont [DINUM]");
    browser.click("account-continue").await;
    assert_eq!(scene.claim("sub").await, subject);

    browser.follow(&again("select_account")).await;
    browser.click("account-other").await;
    scene.type_identifier(CLAIRE).await;
    scene.type_password(tchap().password(CLAIRE)).await;
    browser.click("consent-accept").await;
    assert_eq!(scene.claim("email").await, CLAIRE);
    assert_ne!(scene.claim("sub").await, subject);
}
