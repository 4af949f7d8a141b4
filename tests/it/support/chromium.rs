//! Debian's Chromium through chromedriver, used as a person uses it: elements are named by their id, and everything is
//! waited for.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fantoccini::elements::Element;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tchap_connect::secret::random_id;
use url::{ParseError, Url};

use super::real::given;

/// Keys as WebDriver writes them.
pub const TAB: &str = "\u{e004}";
pub const SHIFT_TAB: &str = "\u{e008}\u{e004}";
pub const ENTER: &str = "\u{e007}";
pub const SPACE: &str = "\u{e00d}";

const PATIENCE: Duration = Duration::from_secs(15);

const FOCUS_IS_SHOWN: &str = "
    const box = document.activeElement.getBoundingClientRect();
    const style = getComputedStyle(document.activeElement);
    const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
    const wide = box.width > 0 && box.left >= 0 && box.right <= innerWidth;
    // Of a field of several lines browsers scroll the line with the caret into the window, not all of it.
    const lines = document.activeElement.tagName === 'TEXTAREA' && box.top < innerHeight && box.bottom > 0;
    return outlined && wide && box.height > 0 && (lines || box.top >= 0 && box.bottom <= innerHeight);";

/// One browser with a profile of its own. Its session ends when this is dropped.
pub struct Chromium {
    pub client: Client,
    driver: Url,
    session: String,
    profile: PathBuf,
}

/// A command that WebDriver does not have and chromedriver does.
#[derive(Debug)]
struct Command {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Command {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _url: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

impl Chromium {
    /// `language` as in the browser's own settings.
    pub async fn start(language: &str) -> Self {
        let profile = std::env::temp_dir().join(format!("tchap-connect-chromium-{}", random_id().unwrap()));
        let capabilities = capabilities(language, &profile);
        let driver = Url::parse(&given("TEST_CHROMEDRIVER_URL")).unwrap();
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(driver.as_str())
            .await
            .unwrap();
        // Dropping ends the session, not fantoccini: it would do so on the test's runtime, which is gone by then.
        client.persist().await.unwrap();
        let session = client.session_id().await.unwrap().unwrap();
        let chromium = Self {
            client,
            driver,
            session,
            profile,
        };
        chromium.view(1280, "light").await;
        chromium
    }

    pub async fn open(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    pub async fn url(&self) -> Url {
        self.client.current_url().await.unwrap()
    }

    async fn wait_for(&self, css: &str) -> Element {
        let wait = self.client.wait().at_most(PATIENCE).every(Duration::from_millis(20));
        match wait.for_element(Locator::Css(css)).await {
            Ok(element) => element,
            Err(error) => panic!(
                "no {css} ({error}) at {}:\n{}",
                self.url().await,
                self.page_text().await
            ),
        }
    }

    /// The element with this id, once it is there.
    pub async fn see(&self, id: &str) -> Element {
        self.wait_for(&format!("[id=\"{id}\"]")).await
    }

    pub async fn has(&self, id: &str) -> bool {
        let found = self.client.find_all(Locator::Css(&format!("[id=\"{id}\"]"))).await;
        !found.unwrap().is_empty()
    }

    pub async fn text(&self, id: &str) -> String {
        self.see(id).await.text().await.unwrap()
    }

    /// What is in a field.
    pub async fn value(&self, id: &str) -> String {
        self.see(id).await.prop("value").await.unwrap().unwrap_or_default()
    }

    pub async fn click(&self, id: &str) {
        self.see(id).await.click().await.unwrap();
    }

    /// Follows the first link with this address.
    pub async fn follow(&self, href: &str) {
        self.wait_for(&format!("a[href=\"{href}\"]"))
            .await
            .click()
            .await
            .unwrap();
    }

    /// Types into a field that may hold something, and sends its form by the button with this id.
    pub async fn fill(&self, field: &str, text: &str, button: &str) {
        let element = self.see(field).await;
        element.clear().await.unwrap();
        element.send_keys(text).await.unwrap();
        self.click(button).await;
    }

    pub async fn page_text(&self) -> String {
        let body = self.client.find(Locator::Css("body")).await.unwrap();
        body.text().await.unwrap()
    }

    pub async fn html_attribute(&self, name: &str) -> String {
        let html = self.client.find(Locator::Css("html")).await.unwrap();
        html.attr(name).await.unwrap().unwrap_or_default()
    }

    /// Presses keys, wherever the focus is.
    pub async fn press(&self, keys: &str) {
        let focused = self.client.active_element().await.unwrap();
        focused.send_keys(keys).await.unwrap();
    }

    /// The id of what has the focus; its text where it has no id.
    pub async fn focus(&self) -> String {
        let focused = self.client.active_element().await.unwrap();
        match focused.attr("id").await.unwrap() {
            Some(id) => id,
            None => focused.text().await.unwrap(),
        }
    }

    /// Presses Tab until this element has the focus; whatever has it on the way shows so, inside the window.
    pub async fn tab_to(&self, id: &str) {
        let mut passed = Vec::new();
        for _ in 0..20 {
            self.press(TAB).await;
            let here = self.focus().await;
            let shown = self.evaluate(FOCUS_IS_SHOWN).await;
            assert_eq!(shown, json!(true), "the focus on {here:?} cannot be seen");
            if here == id {
                return;
            }
            passed.push(here);
        }
        panic!("Tab does not lead to {id}, only to {passed:?}");
    }

    pub async fn evaluate(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        let path = "goog/cdp/execute";
        self.client.issue_cmd(Command { path, body }).await.unwrap()
    }

    /// The scripts of pages do not run from now on.
    pub async fn without_scripts(&self) {
        let parameters = json!({"value": true});
        self.devtools("Emulation.setScriptExecutionDisabled", parameters).await;
    }

    /// A window of this width, in a light or dark scheme. 1280 by 720 is a small laptop's.
    pub async fn view(&self, width: u32, scheme: &str) {
        let window = json!({"width": width, "height": 720, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", window).await;
        let overlay = json!({"hidden": true});
        self.devtools("Emulation.setScrollbarsHidden", overlay).await;
        // Reduced motion, so that no colour is looked at half-way to another.
        let media = json!({"features": [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        self.devtools("Emulation.setEmulatedMedia", media).await;
    }

    /// The whole page as PNG.
    pub async fn picture(&self) -> Vec<u8> {
        let metrics = self.devtools("Page.getLayoutMetrics", json!({})).await;
        let size = &metrics["cssContentSize"];
        let clip = json!({"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1});
        let parameters = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let picture = self.devtools("Page.captureScreenshot", parameters).await;
        STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()
    }

    /// What the console says about security (a violated policy, above all) and about scripts, since last asked.
    pub async fn console_warnings(&self) -> Vec<String> {
        let body = json!({"type": "browser"});
        let entries = self.client.issue_cmd(Command { path: "se/log", body }).await.unwrap();
        let entries = entries.as_array().cloned().unwrap_or_default();
        // An answer of 4xx is noted too, under "network": pages of refusal have such a status on purpose.
        let matters = |entry: &&Value| entry["source"] != "network";
        entries
            .iter()
            .filter(matters)
            .map(|entry| entry["message"].to_string())
            .collect()
    }
}

fn capabilities(language: &str, profile: &std::path::Path) -> Capabilities {
    let arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-proxy-server",
        "--host-resolver-rules=MAP localhost 127.0.0.1",
        &format!("--user-data-dir={}", profile.display()),
    ];
    let options = json!({"args": arguments, "prefs": {"intl.accept_languages": language}});
    let mut capabilities = Capabilities::new();
    capabilities.insert("browserName".into(), "chrome".into());
    capabilities.insert("goog:chromeOptions".into(), options);
    capabilities.insert("goog:loggingPrefs".into(), json!({"browser": "ALL"}));
    capabilities
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // By hand and blocking: nothing can be awaited here, and a panic must not leave a browser behind.
        let ended = self.driver.socket_addrs(|| None).and_then(|addresses| {
            let mut driver = TcpStream::connect(&*addresses)?;
            driver.set_read_timeout(Some(PATIENCE))?;
            let host = self.driver.authority();
            write!(
                driver,
                "DELETE /session/{} HTTP/1.1\r\nHost: {host}\r\n\r\n",
                self.session
            )?;
            driver.read(&mut [0; 64])
        });
        if let Err(error) = ended {
            eprintln!("a browser is left behind: {error}");
        }
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}
