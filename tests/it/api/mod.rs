//! The API: who may ask what of it, what an access stands on, and the work of partners and operators by programs.

mod access;
mod accesses;
mod document;
mod story;

use http::Method;
use serde_json::Value;
use tchap_connect::console::api::{Wanted, create};
use tchap_connect::domain::agent::Agent;
use tchap_connect::domain::api::ApiScope;
use tchap_connect::domain::audit::Actor;
use tchap_connect::domain::role::Role;

use crate::support::browser::Http;
use crate::support::{Page, TestApp};

/// A program with an access.
#[derive(Clone)]
pub struct Program {
    http: Http,
    base_url: String,
    pub client_id: String,
    secret: String,
    token: Option<String>,
}

impl Program {
    /// One without any token.
    pub fn nobody(app: &TestApp) -> Self {
        Self {
            http: Http::new(app.traffic.clone()),
            base_url: app.base_url.clone(),
            client_id: String::new(),
            secret: String::new(),
            token: None,
        }
    }

    /// One with a token from elsewhere.
    pub fn with_token(app: &TestApp, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..Self::nobody(app)
        }
    }

    /// One with an access that was made for it.
    pub fn of(app: &TestApp, client_id: &str, secret: &str) -> Self {
        Self {
            client_id: client_id.to_owned(),
            secret: secret.to_owned(),
            ..Self::nobody(app)
        }
    }

    /// An access of this agent's with all the scopes of the role, and a token.
    pub async fn acting(app: &TestApp, agent: &Agent, role: Option<Role>) -> Self {
        let scopes = ApiScope::of_role(role.as_ref());
        let mut program = Self::made(app, agent, role, &scopes).await;
        program.authenticate().await;
        program
    }

    pub async fn made(app: &TestApp, agent: &Agent, role: Option<Role>, scopes: &[ApiScope]) -> Self {
        let wanted = Wanted {
            name: "CI".into(),
            role,
            scopes: scopes.iter().copied().collect(),
            days: Some(30),
        };
        let actor = Actor::Agent(agent.id.clone());
        let (access, secret) = create(&app.app, actor, agent, &wanted, app.app.clock.now())
            .await
            .unwrap();
        app.traffic.secret(crate::support::secrets::Kind::Never, &secret);
        Self::of(app, &access.client_id, &secret)
    }

    /// Asks for a token.
    pub async fn ask(&self, form: &[(&str, &str)]) -> Page {
        let form: Vec<_> = [("grant_type", "client_credentials")].iter().chain(form).collect();
        let request = self
            .http
            .request(Method::POST, &format!("{}/token", self.base_url))
            .basic_auth(&self.client_id, Some(&self.secret))
            .form(&form);
        self.http.send(request).await
    }

    /// Posts a form to another endpoint, with the access's own credentials.
    pub async fn ask_to(&self, path: &str, form: &[(&str, &str)]) -> Page {
        let mut request = self
            .http
            .request(Method::POST, &format!("{}{path}", self.base_url))
            .form(form);
        // A token in the form stands alone.
        if path != "/userinfo" {
            request = request.basic_auth(&self.client_id, Some(&self.secret));
        }
        self.http.send(request).await
    }

    pub async fn authenticate(&mut self) {
        self.authenticate_for(None).await;
    }

    pub async fn authenticate_for(&mut self, scope: Option<&str>) {
        let scope: Vec<_> = scope.map(|scope| ("scope", scope)).into_iter().collect();
        let answer = self.ask(&scope).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        self.token = Some(answer.json()["access_token"].as_str().unwrap().to_owned());
    }

    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap()
    }

    /// A request to the API with these headers.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>, headers: &[(&str, &str)]) -> Page {
        let mut request = self.http.request(method, &format!("{}/api/v1{path}", self.base_url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.http.send(request).await
    }

    pub async fn get(&self, path: &str) -> Page {
        self.send(Method::GET, path, None, &[]).await
    }

    /// A change on top of what was read at `read`.
    pub async fn change(&self, read: &str, method: Method, path: &str, body: Option<&Value>) -> Page {
        let read = self.get(read).await;
        assert_eq!(read.status, 200, "{} {}", read.url, read.body);
        let tag = read.header("etag").to_owned();
        self.send(method, path, body, &[("if-match", &tag)]).await
    }
}

/// Checks an answer's status and, of a problem, its word.
#[track_caller]
pub fn assert_problem(page: &Page, status: u16, code: &str) {
    assert_eq!(page.status.as_u16(), status, "{} {}", page.url, page.body);
    assert_eq!(page.header("content-type"), "application/problem+json", "{}", page.url);
    assert_eq!(page.header("cache-control"), "no-store");
    let problem = page.json();
    assert_eq!(
        (problem["code"].as_str(), problem["status"].as_u64()),
        (Some(code), Some(u64::from(status))),
        "{} {}",
        page.url,
        page.body
    );
}
