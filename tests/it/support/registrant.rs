//! A client that registers itself.

use http::Method;
use serde_json::{Value, json};

use super::browser::{Http, Page};
use super::{RelyingParty, TestApp};

/// The smallest registration.
pub fn minimal() -> Value {
    json!({ "redirect_uris": ["https://rp.example/callback"] })
}

/// The smallest one, with these members.
pub fn with(changes: Value) -> Value {
    let mut body = minimal();
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// Status and code of an error.
pub fn error(answer: &Page) -> (u16, String) {
    let code = answer.json()["error"].as_str().unwrap_or_default().to_owned();
    (answer.status.as_u16(), code)
}

pub struct Registrant {
    pub http: Http,
    base_url: String,
}

impl Registrant {
    pub fn of(app: &TestApp) -> Self {
        Self {
            http: Http::new(app.traffic.clone()),
            base_url: app.base_url.clone(),
        }
    }

    /// An application where everybody may register, and often.
    pub async fn open_app() -> TestApp {
        TestApp::with(&[
            ("REGISTRATION_MODE", "open"),
            ("REGISTRATION_PER_NETWORK_PER_DAY", "1000"),
        ])
        .await
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, &format!("{}{path}", self.base_url))
    }

    /// A registration as it comes.
    pub async fn post(&self, body: &Value) -> Page {
        self.http.send(self.request(Method::POST, "/register").json(body)).await
    }

    /// The smallest registration with these members, which must be good.
    pub async fn register(&self, changes: Value) -> Page {
        let answer = self.post(&with(changes)).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer
    }

    /// A request to the address that a registration was answered with, by its access token.
    pub fn manage(&self, method: Method, registered: &Page) -> reqwest::RequestBuilder {
        let body = registered.json();
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        self.http
            .request(method, &text("registration_client_uri"))
            .bearer_auth(text("registration_access_token"))
    }

    pub async fn get(&self, registered: &Page) -> Page {
        self.http.send(self.manage(Method::GET, registered)).await
    }

    pub async fn put(&self, registered: &Page, body: &Value) -> Page {
        self.http.send(self.manage(Method::PUT, registered).json(body)).await
    }

    pub async fn delete(&self, registered: &Page) -> Page {
        self.http.send(self.manage(Method::DELETE, registered)).await
    }

    /// The client that a registration was answered with.
    pub async fn relying_party(&self, app: &TestApp, registered: &Page) -> RelyingParty {
        let body = registered.json();
        let client = app
            .app
            .store
            .find_client(body["client_id"].as_str().unwrap())
            .await
            .unwrap();
        let secret = body["client_secret"].as_str().map(str::to_owned);
        RelyingParty::new(app, client.unwrap(), secret)
    }
}
