//! Every page, in French in both themes and in English in one, on a light laptop and on the narrowest phone in the dark: nothing
//! to scroll sideways, nothing that axe-core objects to, and a picture of each for people to look at.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::Scene;
use super::samples::was_looked_at;
use crate::console::{Telephone, cli};
use crate::support::real::*;

pub const SIDEWAYS: &str = "
    const page = document.documentElement;
    if (page.scrollWidth <= page.clientWidth) return [];
    const wide = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > page.clientWidth);
    return ['wider than the window: ' + wide.map(e => e.tagName + '#' + e.id + '.' + e.className).join(' ')];";
// Without `preload`, axe fetches the stylesheets again by script, which the policy forbids and the console then notes.
pub const AXE: &str = "
    const done = arguments[arguments.length - 1];
    const say = violation => violation.nodes.map(node => violation.id + ' ' + node.target + ': ' + node.failureSummary);
    axe.run(document, {preload: false}).then(found => done(found.violations.flatMap(say)), error => done([String(error)]));";

/// A walk through the pages of one theme in one language.
struct Gallery {
    scene: Scene,
    theme: &'static str,
    language: &'static str,
    faults: RefCell<Vec<String>>,
}

impl Gallery {
    async fn open(theme: &'static str, language: &'static str) -> Self {
        let dsfr = given("TEST_DSFR");
        let settings = [("THEME_DSFR_DIR", dsfr.as_str())];
        let settings = if theme == "dsfr" { &settings[..] } else { &[] };
        Self {
            scene: Scene::with(settings, language).await,
            theme,
            language,
            faults: RefCell::default(),
        }
    }

    /// Looks at the page in front from all sides.
    async fn look(&self, page: &str) {
        static AXE_CORE: LazyLock<String> = LazyLock::new(|| std::fs::read_to_string(given("TEST_AXE")).unwrap());
        let browser = &self.scene.chromium;
        assert_eq!(browser.html_attribute("lang").await, self.language, "{page}");
        browser.evaluate(&AXE_CORE).await;
        // Each width once and each scheme once: what is looked at depends on both, but not on the pair.
        for (width, scheme) in [(1280, "light"), (320, "dark")] {
            browser.view(width, scheme).await;
            let name = format!("{page}-{}-{}-{width}-{scheme}", self.language, self.theme);
            self.note(&name, browser.evaluate(SIDEWAYS).await);
            self.note(&name, browser.client.execute_async(AXE, Vec::new()).await.unwrap());
            let file = PathBuf::from(given("TEST_SCREENSHOTS")).join(format!("{name}.png"));
            std::fs::write(file, browser.picture().await).unwrap();
        }
        browser.view(1280, "light").await;
    }

    fn note(&self, page: &str, faults: Value) {
        let faults = faults.as_array().unwrap();
        let faults = faults
            .iter()
            .map(|fault| format!("{page}: {}", fault.as_str().unwrap()));
        self.faults.borrow_mut().extend(faults);
    }

    /// The button of this step is on the screen of a small laptop.
    async fn fits(&self, button: &str) {
        let bottom = format!("return document.getElementById('{button}').getBoundingClientRect().bottom");
        let bottom = self.scene.chromium.evaluate(&bottom).await.as_f64().unwrap();
        if bottom > 720.0 {
            self.note(button, json!([format!("below the first screen, at {bottom}")]));
        }
    }

    async fn close(self) {
        let warnings = self.scene.chromium.console_warnings().await;
        let faults: Vec<_> = self.faults.into_inner().into_iter().chain(warnings).collect();
        assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    }

    async fn around_the_flow(&self) {
        let (browser, provider) = (&self.scene.chromium, &self.scene.app.base_url);
        // The link on every page does the same: the choice is kept in a cookie.
        browser.open(&format!("{provider}/?lang={}", self.language)).await;
        self.look("home").await;
        browser.open(&format!("{provider}/authorize?client_id=nobody")).await;
        self.look("error").await;
        browser
            .open(&format!("{}/?lang={}", self.scene.partner.url, self.language))
            .await;
        self.look("partner-welcome").await;
    }

    async fn by_password(&self) {
        let browser = &self.scene.chromium;
        browser.click("tchap-connect").await;
        browser.see("identifier").await;
        self.look("identifier").await;
        self.fits("identifier-submit").await;
        self.scene.type_identifier("jean.dupont@nowhere.example").await;
        browser.see("error-message").await;
        self.look("identifier-error").await;
        self.scene.type_identifier(LOCKED).await;
        browser.see("password").await;
        self.look("password").await;
        self.fits("password-submit").await;
        self.scene.type_password("not the password").await;
        browser.see("error-message").await;
        self.look("password-error").await;
        self.fits("password-submit").await;
        self.scene.type_password(tchap().password(LOCKED)).await;
        browser.see("error-code").await;
        self.look("problem").await;
        browser.click("account-other").await;
    }

    async fn by_single_sign_on(&self) {
        let browser = &self.scene.chromium;
        browser.see("identifier").await;
        let flow = browser.url().await;
        self.scene.type_identifier(SOPHIE).await;
        browser.see(tchap().sso_id(SOPHIE)).await;
        // Somebody who comes back half-way.
        browser.open(flow.as_str()).await;
        browser.see("sso-form").await;
        self.look("sso").await;
        browser.click("sso-submit").await;
        browser.click(tchap().sso_id(KARIM)).await;
        browser.see("confirm-form").await;
        self.look("confirm").await;
        browser.click("confirm-continue").await;
        browser.click("consent-accept").await;
        browser.see("claims").await;
        self.look("partner-claims").await;
    }

    async fn as_another(&self) {
        let browser = &self.scene.chromium;
        browser
            .follow(&format!("/se-connecter?prompt=select_account&lang={}", self.language))
            .await;
        browser.see("account-form").await;
        self.look("choose").await;
        browser.click("account-other").await;
        self.scene.type_identifier(JEAN).await;
        self.scene.type_password(tchap().password(JEAN)).await;
        browser.see("consent-form").await;
        self.look("consent").await;
        browser.click("consent-refuse").await;
        browser.see("problem").await;
        self.look("partner-problem").await;
    }

    async fn at_home(&self) {
        let (browser, provider) = (&self.scene.chromium, &self.scene.app.base_url);
        browser
            .open(&format!("{provider}/mon-compte?lang={}", self.language))
            .await;
        browser.see("account").await;
        self.look("account").await;
        browser.open(&format!("{provider}/mon-compte/connexions")).await;
        browser.see("account-history").await;
        self.look("account-history").await;
    }

    async fn in_the_console(&self) {
        let (browser, provider) = (&self.scene.chromium, &self.scene.app.base_url);
        browser
            .open(&format!("{provider}/console?lang={}", self.language))
            .await;
        browser.see("console").await;
        self.look("console-partner").await;
        let added = cli::json(&self.scene.app, &["add", &tchap().account(JEAN).user_id]);
        let code = added["enrolment_code"].as_str().unwrap();
        browser.open(&format!("{provider}/console")).await;
        browser.see("enrol-form").await;
        self.look("console-factor-enrol").await;
        browser.fill("enrolment", code, "enrol").await;
        let telephone = Telephone::of(&browser.text("factor-secret").await);
        self.look("console-factor-scan").await;
        browser.fill("code", "000000", "give").await;
        browser.see("error-message").await;
        self.look("console-factor-error").await;
        browser.fill("code", &telephone.code(&self.scene.app), "give").await;
        browser.see("console").await;
        self.look("console").await;
        browser.click("nav-team").await;
        self.look("console-team").await;
        browser.fill("matrix_id", "jean", "invite").await;
        browser.see("error-message").await;
        self.look("console-team-error").await;
        browser.click("nav-agents").await;
        self.look("console-agents").await;
        browser.fill("identifier", JEAN, "search").await;
        browser.see("agent").await;
        self.look("console-agent").await;
        browser.click("nav-agents").await;
        browser.fill("name", "nobody", "preview").await;
        browser.see("toll").await;
        self.look("console-emergency").await;
    }

    async fn signing_out(&self) {
        let (browser, provider) = (&self.scene.chromium, &self.scene.app.base_url);
        browser.open(&format!("{provider}/logout?lang={}", self.language)).await;
        browser.see("logout-form").await;
        self.look("logout").await;
        browser.click("logout-stay").await;
        browser.see("still-signed-in").await;
        self.look("still-signed-in").await;
        browser.open(&format!("{provider}/logout")).await;
        browser.click("logout-leave").await;
        browser.see("signed-out").await;
        self.look("signed-out").await;
    }

    async fn walk(theme: &'static str, language: &'static str) {
        if was_looked_at() {
            return;
        }
        let gallery = Self::open(theme, language).await;
        gallery.around_the_flow().await;
        gallery.by_password().await;
        gallery.by_single_sign_on().await;
        gallery.as_another().await;
        gallery.at_home().await;
        gallery.in_the_console().await;
        gallery.signing_out().await;
        gallery.close().await;
    }
}

#[tokio::test]
#[ignore = "needs make test"]
async fn french_in_the_neutral_theme() {
    Gallery::walk("neutral", "fr").await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn english_in_the_neutral_theme() {
    Gallery::walk("neutral", "en").await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn french_in_the_states_design_system() {
    Gallery::walk("dsfr", "fr").await;
}
