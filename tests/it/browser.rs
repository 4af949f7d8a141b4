//! In a real browser, with real homeservers and the partner site: what only a browser shows.

mod accounts;
mod console;
mod form_post;
mod gallery;
mod languages;
mod main_job;
mod own_page;
mod samples;
mod stories;

use crate::support::TestApp;
use crate::support::chromium::Chromium;
use crate::support::partner_site::PartnerSite;
use crate::support::real::tchap;

/// The provider, a partner site and a browser of somebody who was never here.
struct Scene {
    app: TestApp,
    partner: PartnerSite,
    chromium: Chromium,
}

impl Scene {
    async fn new() -> Self {
        Self::with(&[], "fr-FR,fr").await
    }

    async fn with(settings: &[(&str, &str)], language: &str) -> Self {
        let app = tchap().app(settings).await;
        Self {
            partner: PartnerSite::start(&app).await,
            chromium: Chromium::start(language).await,
            app,
        }
    }

    /// The partner's first page, and its button.
    async fn press_the_button(&self) {
        self.chromium.open(&self.partner.url).await;
        self.chromium.click("tchap-connect").await;
    }

    async fn type_identifier(&self, identifier: &str) {
        self.chromium.fill("identifier", identifier, "identifier-submit").await;
    }

    async fn type_password(&self, password: &str) {
        self.chromium.fill("password", password, "password-submit").await;
    }

    /// From the partner's button up to the consent.
    async fn sign_in_by_password(&self, email: &str) {
        self.press_the_button().await;
        self.type_identifier(email).await;
        self.type_password(tchap().password(email)).await;
    }

    /// From the partner's button up to the consent.
    async fn sign_in_by_sso(&self, email: &str) {
        self.press_the_button().await;
        self.type_identifier(email).await;
        self.chromium.click(tchap().sso_id(email)).await;
    }

    /// The partner forgets who is there; the provider does not.
    async fn partner_forgets(&self) {
        self.chromium.open(&self.partner.url).await;
        // Those of the page in front.
        self.chromium.client.delete_all_cookies().await.unwrap();
        self.chromium.open(&self.partner.url).await;
    }

    /// What the partner site received under this name.
    async fn claim(&self, name: &str) -> String {
        let row = self.chromium.see(&format!("userinfo-{name}")).await;
        let value = row.find(fantoccini::Locator::Css(".value")).await.unwrap();
        value.text().await.unwrap()
    }

    /// Whether the page in front is the partner's.
    async fn is_at_partner(&self) -> bool {
        self.chromium.url().await.as_str().starts_with(&self.partner.url)
    }
}
