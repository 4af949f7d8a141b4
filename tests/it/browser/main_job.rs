//! The main job, click by click, and how little it asks of a person.

use super::Scene;
use crate::support::chromium::{ENTER, SHIFT_TAB, SPACE};
use crate::support::real::*;

#[tokio::test]
#[ignore = "needs make test"]
async fn by_password_one_identifier_one_password_one_consent_and_then_nothing() {
    let scene = Scene::new().await;
    let browser = &scene.chromium;

    scene.press_the_button().await;
    assert!(
        browser
            .text("identifier-form")
            .await
            .contains("Adresse électronique professionnelle")
    );
    scene.type_identifier(JEAN).await;
    assert_eq!(
        browser.text("homeserver-name").await,
        DINUM,
        "named before the password is asked for"
    );
    scene.type_password(tchap().password(JEAN)).await;
    assert!(browser.text("consent-items").await.contains(JEAN));
    browser.click("consent-accept").await;
    assert_eq!(scene.claim("email").await, JEAN);
    assert_eq!(scene.claim("name").await, "Jean Dupont");
    assert!(scene.is_at_partner().await);
    assert!(
        browser.has("id-token-at_hash").await,
        "the partner shows the ID token that it verified"
    );

    // Second visit: the partner has forgotten, the provider has not. One click, on the partner's own button.
    scene.partner_forgets().await;
    browser.click("tchap-connect").await;
    assert_eq!(scene.claim("email").await, JEAN);
    assert!(scene.is_at_partner().await);

    // Signed out at the partner is signed out here, on the way back without a question.
    browser.click("sign-out").await;
    browser.see("tchap-connect").await;
    assert!(scene.is_at_partner().await);
    browser.click("tchap-connect").await;
    browser.see("identifier").await;
    assert_eq!(browser.console_warnings().await, Vec::<String>::new());
}

#[tokio::test]
#[ignore = "needs make test"]
async fn by_single_sign_on_across_four_origins() {
    let scene = Scene::new().await;
    let browser = &scene.chromium;

    // A POST at the provider → homeserver → portal; a POST at the portal → homeserver → provider; a POST → partner.
    // Chromium applies form-action to every hop: with one of 'self' none of them would arrive.
    scene.press_the_button().await;
    scene.type_identifier(SOPHIE).await;
    browser.click(tchap().sso_id(SOPHIE)).await;
    assert!(browser.text("consent-items").await.contains(SOPHIE));
    browser.click("consent-accept").await;
    assert_eq!(scene.claim("email").await, SOPHIE);
    assert_eq!(scene.claim("tchap_homeserver").await, FINANCES);
    assert_eq!(browser.console_warnings().await, Vec::<String>::new());

    scene.partner_forgets().await;
    browser.click("tchap-connect").await;
    assert_eq!(scene.claim("email").await, SOPHIE);

    // After a logout her homeserver asks again, as this one always does.
    browser.click("sign-out").await;
    scene.sign_in_by_sso(SOPHIE).await;
    assert_eq!(scene.claim("email").await, SOPHIE);
}

#[tokio::test]
#[ignore = "needs make test"]
async fn by_oauth_and_back_after_a_no() {
    let scene = Scene::new().await;
    let browser = &scene.chromium;
    scene.press_the_button().await;
    scene.type_identifier(NADIA).await;
    browser.click("refuse").await;
    assert_eq!(browser.text("error-code").await, "TC-REFUSED-THERE");
    browser.click("account-other").await;
    scene.type_identifier(NADIA).await;
    browser.click(tchap().oauth_id(NADIA)).await;
    assert!(browser.text("consent-items").await.contains(NADIA));
    browser.click("consent-accept").await;
    assert_eq!(scene.claim("email").await, NADIA);
    assert_eq!(scene.claim("tchap_homeserver").await, EDUCATION);
    assert_eq!(browser.console_warnings().await, Vec::<String>::new());
}

#[tokio::test]
#[ignore = "needs make test"]
async fn without_scripts() {
    let scene = Scene::new().await;
    let browser = &scene.chromium;
    browser.without_scripts().await;
    scene.sign_in_by_password(JEAN).await;
    browser.click("consent-accept").await;
    assert_eq!(scene.claim("email").await, JEAN);
    browser.click("sign-out").await;
    browser.see("tchap-connect").await;
    scene.sign_in_by_sso(SOPHIE).await;
    browser.click("consent-accept").await;
    assert_eq!(scene.claim("email").await, SOPHIE);
}

#[tokio::test]
#[ignore = "needs make test"]
async fn with_the_keyboard_alone() {
    let scene = Scene::new().await;
    let browser = &scene.chromium;
    browser.open(&scene.partner.url).await;
    browser.tab_to("tchap-connect").await;
    browser.press(ENTER).await;

    // The field has the focus at once: no way past the header to it.
    browser.see("identifier").await;
    assert_eq!(browser.focus().await, "identifier");
    browser.press(JEAN).await;
    browser.tab_to("homeserver-summary").await;
    browser.press(SPACE).await;
    browser.tab_to("homeserver").await;
    browser.tab_to("identifier-submit").await;
    browser.press(ENTER).await;

    browser.see("password").await;
    assert_eq!(browser.focus().await, "password");
    browser.press(tchap().password(JEAN)).await;
    browser.tab_to("password-submit").await;
    browser.press(ENTER).await;

    // No field here, so the skip link comes first; it shows itself and leads past the header.
    browser.see("consent-form").await;
    browser.tab_to("skip-to-content").await;
    browser.press(ENTER).await;
    browser.tab_to("consent-accept").await;
    browser.tab_to("consent-refuse").await;
    browser.press(SHIFT_TAB).await;
    assert_eq!(browser.focus().await, "consent-accept");
    browser.press(SPACE).await;
    assert_eq!(scene.claim("email").await, JEAN);
    browser.tab_to("sign-out").await;
    browser.press(SPACE).await;
    browser.see("tchap-connect").await;
}
