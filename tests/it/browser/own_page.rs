//! The agent's page: there and back by the ordinary login, and a withdrawal by keyboard, without scripts.

use super::Scene;
use crate::support::chromium::ENTER;
use crate::support::real::*;

#[tokio::test]
#[ignore = "needs make test"]
async fn an_agent_signs_in_for_the_page_and_withdraws_by_keyboard() {
    let scene = Scene::new().await;
    let browser = &scene.chromium;
    browser.open(&scene.app.base_url).await;
    browser.click("footer-account").await;
    scene.type_identifier(JEAN).await;
    scene.type_password(tchap().password(JEAN)).await;
    browser.see("account").await;
    assert_eq!(browser.url().await.path(), "/mon-compte");
    assert!(!browser.has("withdraw-1").await);

    scene.press_the_button().await;
    browser.click("consent-accept").await;
    assert_eq!(scene.claim("email").await, JEAN);
    browser.open(&format!("{}/mon-compte", scene.app.base_url)).await;
    browser.without_scripts().await;
    browser.tab_to("withdraw-1").await;
    browser.press(ENTER).await;
    assert!(browser.text("account-done").await.contains("retiré"));
    assert!(!browser.has("withdraw-1").await);
    browser.see("session-this").await;
    assert_eq!(browser.console_warnings().await, Vec::<String>::new());
}
