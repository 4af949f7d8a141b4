//! The provider under test, known by its discovery document: ours, or npm's certified `oidc-provider`.

use std::sync::Arc;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tchap_connect::clock::Clock;
use tchap_connect::protocol::client::Client;
use tchap_connect::secret::random_id;

use super::keys::PartyKey;
use super::party::Party;
use super::site::Site;
use crate::support::browser::Http;
use crate::support::real::given;
use crate::support::secrets::Traffic;
use crate::support::{Browser, EMAIL, PASSWORD, Page, TestApp, client};

/// The suite's redirect URI for the alias `restated`.
pub const CALLBACK: &str = "https://localhost.emobix.co.uk:8443/test/a/restated/callback";

pub struct Provider {
    /// Its discovery document.
    pub metadata: Value,
    /// Every authorization request of the plan asks for `response_mode=form_post`.
    pub form_post: bool,
    /// The plan's clients authenticate by it; they have secrets otherwise.
    pub key: Option<Arc<PartyKey>>,
    pub http: Http,
    /// Of its relying parties.
    pub site: Site,
    traffic: Arc<Traffic>,
    app: Option<TestApp>,
}

/// Where a visit to the authorization endpoint ended, and what the person was asked on the way.
#[derive(Debug)]
pub struct Visit {
    pub page: Page,
    pub logins: usize,
    pub consents: usize,
    /// Of a logout.
    pub confirmations: usize,
}

impl Provider {
    pub async fn ours(form_post: bool) -> Self {
        let site = Site::start().await;
        let app = TestApp::with(&[("FETCH_ALLOW", &site.place)]).await;
        let issuer = app.base_url.clone();
        Self::at(&issuer, app.traffic.clone(), Some(app), site, form_post).await
    }

    /// The one that `tests/run` started.
    pub async fn certified() -> Self {
        let issuer = given("TEST_OIDC_PROVIDER");
        let traffic = Arc::new(Traffic::new(&issuer));
        Self::at(&issuer, traffic, None, Site::start().await, false).await
    }

    async fn at(issuer: &str, traffic: Arc<Traffic>, app: Option<TestApp>, site: Site, form_post: bool) -> Self {
        let http = Http::new(traffic.clone());
        let request = http.request(Method::GET, &format!("{issuer}/.well-known/openid-configuration"));
        let document = http.send(request).await;
        assert_eq!(document.status, 200, "{}", document.body);
        Self {
            metadata: document.json(),
            form_post,
            key: None,
            http,
            site,
            traffic,
            app,
        }
    }

    /// Ours, for what no protocol can tell it: to rotate its keys.
    pub fn app(&self) -> &TestApp {
        self.app.as_ref().expect("our provider")
    }

    /// A member of the discovery document that must be text.
    pub fn text(&self, member: &str) -> &str {
        self.metadata[member]
            .as_str()
            .unwrap_or_else(|| panic!("no {member} in {}", self.metadata))
    }

    /// Whether a list of the discovery document has this value.
    pub fn lists(&self, member: &str, value: &str) -> bool {
        let list = self.metadata[member].as_array();
        list.is_some_and(|values| values.iter().any(|one| one == value))
    }

    /// By the provider's clock, in Unix seconds.
    pub fn now(&self) -> i64 {
        let system = || Clock::System.now();
        self.app.as_ref().map_or_else(system, |app| app.app.clock.now())
    }

    /// A browser without cookies.
    pub fn browser(&self) -> Browser {
        Browser::at(self.text("issuer"), self.traffic.clone())
    }

    pub async fn get(&self, url: &str) -> Page {
        self.http.send(self.http.request(Method::GET, url)).await
    }

    /// Seconds pass, by the provider's clock.
    pub async fn wait(&self, seconds: u32) {
        match &self.app {
            Some(app) => app.advance(seconds.into()),
            None => {
                let url = format!("{}/test/advance?seconds={seconds}", self.text("issuer"));
                assert_eq!(self.get(&url).await.status, 200);
            }
        }
    }

    /// Registers a relying party with the suite's redirect URI and this metadata besides.
    pub async fn register(&self, metadata: Value) -> Party<'_> {
        if self.metadata["registration_endpoint"].is_null() {
            return Party::new(self, store_client(self.app(), metadata).await);
        }
        let answer = self.registration(metadata).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        Party::new(self, answer.json())
    }

    /// The answer to a registration request.
    pub async fn registration(&self, metadata: Value) -> Page {
        let mut wanted = json!({"client_name": "Restated", "redirect_uris": [CALLBACK]});
        if let Some(key) = &self.key {
            wanted["token_endpoint_auth_method"] = json!("private_key_jwt");
            wanted["jwks"] = key.jwks();
        }
        merge(&mut wanted, &metadata);
        let url = self.text("registration_endpoint");
        self.http.send(self.http.request(Method::POST, url).json(&wanted)).await
    }

    /// Goes to an address and does what a willing person does there, until the relying party or a page without a step.
    pub async fn visit(&self, browser: &Browser, url: &str) -> Visit {
        let page = browser.open(url).await;
        self.walk(browser, page).await
    }

    /// The same from a page on.
    pub async fn walk(&self, browser: &Browser, page: Page) -> Visit {
        let steps = [
            ("identifier-form", "identifier", EMAIL),
            ("password-form", "password", PASSWORD),
            ("consent-form", "answer", "accept"),
            ("logout-form", "answer", "leave"),
        ];
        let mut visit = Visit {
            page,
            logins: 0,
            consents: 0,
            confirmations: 0,
        };
        while let Some((form, field, value)) = steps.iter().find(|(form, ..)| visit.page.has(form)) {
            visit.logins += usize::from(*form == "password-form");
            visit.consents += usize::from(*form == "consent-form");
            visit.confirmations += usize::from(*form == "logout-form");
            visit.page = browser.submit(&visit.page, form, &[(field, value)]).await;
            assert!(
                visit.logins + visit.consents < 5,
                "going round in circles: {:?}",
                visit.page
            );
        }
        visit
    }
}

/// Puts the members of one object into another.
pub fn merge(target: &mut Value, more: &Value) {
    for (name, value) in more.as_object().into_iter().flatten() {
        target[name] = value.clone();
    }
}

async fn store_client(app: &TestApp, metadata: Value) -> Value {
    let mut wanted = serde_json::to_value(client("restated")).unwrap();
    wanted["id"] = json!(random_id().unwrap());
    wanted["redirect_uris"] = json!([CALLBACK]);
    merge(&mut wanted, &metadata);
    if let Some(method) = metadata.get("token_endpoint_auth_method") {
        wanted["auth_methods"] = json!([method]);
    }
    let registered = app
        .register(serde_json::from_value::<Client>(wanted.clone()).unwrap())
        .await;
    wanted["client_id"] = json!(registered.client.id);
    wanted["client_secret"] = json!(registered.secret);
    wanted["token_endpoint_auth_method"] = metadata["token_endpoint_auth_method"].clone();
    wanted
}
