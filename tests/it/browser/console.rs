//! The console in a real browser: an operator is added by the command line, signs in, enrols a telephone and invites support.

use super::Scene;
use crate::console::Telephone;
use crate::console::cli;
use crate::support::real::*;
use crate::support::secrets::Kind;

impl Scene {
    /// Makes an account an operator by the command line, and leads it through the login and the enrolment.
    pub async fn becomes_operator(&self, email: &str) -> Telephone {
        let (browser, provider) = (&self.chromium, &self.app.base_url);
        let added = cli::json(&self.app, &["add", &tchap().account(email).user_id]);
        let code = added["enrolment_code"].as_str().unwrap();
        self.app.traffic.secret(Kind::Never, code);
        browser.open(&format!("{provider}/console/equipe")).await;
        if browser.has("identifier").await {
            self.type_identifier(email).await;
            self.type_password(tchap().password(email)).await;
        }
        browser.fill("enrolment", code, "enrol").await;
        let telephone = Telephone::of(&browser.text("factor-secret").await);
        browser.fill("code", &telephone.code(&self.app), "give").await;
        browser.see("team").await;
        telephone
    }
}

#[tokio::test]
#[ignore = "needs make test"]
async fn an_operator_is_added_by_command_line_enrols_and_invites_support() {
    let scene = Scene::new().await;
    let browser = &scene.chromium;
    scene.becomes_operator(JEAN).await;
    assert_eq!(browser.url().await.path(), "/console/equipe");
    browser.without_scripts().await;
    let invited = tchap().account(CLAIRE).user_id.clone();
    browser.fill("matrix_id", "claire", "invite").await;
    assert!(browser.text("error-message").await.contains("identifiant Matrix"));
    assert_eq!(browser.value("matrix_id").await, "claire");
    browser.see("matrix_id").await.clear().await.unwrap();
    browser.fill("matrix_id", &invited, "invite").await;
    assert!(browser.text("console-done").await.contains("24 heures"));
    assert!(browser.text("invitation-1").await.contains(&invited));
    browser.click("nav-agents").await;
    browser.fill("identifier", JEAN, "search").await;
    assert!(browser.text("agent-matrix-id").await.starts_with('@'));
    browser.see("end-session-1").await;
    assert_eq!(browser.console_warnings().await, Vec::<String>::new());
}
