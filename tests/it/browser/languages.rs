//! French first, English on demand, and the choice stays.

use super::Scene;
use crate::support::real::*;

#[tokio::test]
#[ignore = "needs make test"]
async fn the_language_chosen_on_a_page_stays_to_the_end() {
    let scene = Scene::new().await;
    let browser = &scene.chromium;
    scene.press_the_button().await;
    assert_eq!(browser.html_attribute("lang").await, "fr");
    browser.click("switch-language").await;
    assert!(browser.text("identifier-form").await.contains("Work e-mail address"));
    assert_eq!(browser.html_attribute("lang").await, "en");
    scene.type_identifier(JEAN).await;
    scene.type_password("not the password").await;
    assert!(
        browser
            .text("error-message")
            .await
            .contains("Wrong identifier or password")
    );
    scene.type_password(tchap().password(JEAN)).await;
    assert_eq!(browser.text("consent-accept").await, "Accept and continue");
    browser.click("consent-accept").await;
    assert_eq!(scene.claim("locale").await, "en");

    // It stays for the next flow too, though the partner asks for French.
    browser.follow("/se-connecter?prompt=consent&lang=fr").await;
    browser.see("consent-form").await;
    assert_eq!(browser.html_attribute("lang").await, "en");
}

#[tokio::test]
#[ignore = "needs make test"]
async fn the_partner_hands_its_language_over() {
    let scene = Scene::new().await;
    let browser = &scene.chromium;
    browser.open(&format!("{}/?lang=en", scene.partner.url)).await;
    browser.click("tchap-connect").await;
    scene.type_identifier(SOPHIE).await;
    browser.click(tchap().sso_id(SOPHIE)).await;
    browser.see("consent-form").await;
    assert_eq!(browser.html_attribute("lang").await, "en", "over four origins");
    browser.click("consent-accept").await;
    assert_eq!(scene.claim("locale").await, "en");
    assert!(browser.page_text().await.contains("You are signed in with Tchap"));
}
