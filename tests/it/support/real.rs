//! The real homeservers that `tests/run` started: Synapse with the agents of a small Tchap, and a stand-in for a body's
//! single sign-on.

use std::sync::{Arc, LazyLock, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::{Method, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tchap_connect::domain::administration::{Administration, Branch};
use tchap_connect::domain::homeserver::{Homeserver, Way};
use tchap_connect::secret::random_id;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::TestApp;
use super::secrets::Kind;

/// By password.
pub const DINUM: &str = "agent.dinum.tchap.test";
/// By single sign-on.
pub const FINANCES: &str = "agent.finances.tchap.test";
/// The guests' server, by password.
pub const GUESTS: &str = "agent.externe.tchap.test";
/// Behind an authentication service, by OAuth 2.0.
pub const EDUCATION: &str = "agent.education.tchap.test";

pub const JEAN: &str = "jean.dupont@beta.gouv.fr";
pub const CLAIRE: &str = "claire.martin@modernisation.gouv.fr";
pub const ANNE_MARIE: &str = "anne-marie.delatour@dinum.gouv.fr";
pub const LOCKED: &str = "luc.verrou@dinum.gouv.fr";
pub const DEACTIVATED: &str = "paul.ancien@dinum.gouv.fr";
pub const SOPHIE: &str = "sophie.bernard@finances.gouv.fr";
pub const KARIM: &str = "karim.haddad@dgfip.finances.gouv.fr";
pub const ALICE: &str = "alice.martinet@entreprise.test";
pub const NADIA: &str = "nadia.morel@education.gouv.fr";
pub const HUGO: &str = "hugo.petit@education.gouv.fr";

#[derive(Debug, Deserialize)]
pub struct Tchap {
    homeservers: Vec<RealHomeserver>,
    accounts: Vec<RealAccount>,
    auth: RealAuthService,
}

/// The stand-in for an authentication service.
#[derive(Debug, Deserialize)]
pub struct RealAuthService {
    pub url: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct RealHomeserver {
    pub name: String,
    pub label: String,
    pub base_url: String,
    ways: Vec<Way>,
    guests: bool,
    email_domains: Vec<String>,
    admin_token: String,
}

#[derive(Debug, Deserialize)]
pub struct RealAccount {
    pub user_id: String,
    pub email: String,
    pub password: Option<String>,
    /// The id of the agent's button on the page of the single sign-on.
    pub sso_id: Option<String>,
    /// The id of the agent's button on the page of the authentication service.
    pub oauth_id: Option<String>,
}

/// What an environment variable of `tests/run` says.
pub fn given(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set: start these tests with tests/run"))
}

pub fn tchap() -> &'static Tchap {
    static TCHAP: LazyLock<Tchap> = LazyLock::new(|| {
        let document = std::fs::read_to_string(given("TEST_HOMESERVERS")).unwrap();
        serde_json::from_str(&document).unwrap()
    });
    &TCHAP
}

impl Tchap {
    pub fn homeserver(&self, name: &str) -> &RealHomeserver {
        self.homeservers.iter().find(|server| server.name == name).unwrap()
    }

    pub fn account(&self, email: &str) -> &RealAccount {
        self.accounts.iter().find(|account| account.email == email).unwrap()
    }

    pub fn password(&self, email: &str) -> &str {
        self.account(email).password.as_deref().unwrap()
    }

    pub fn sso_id(&self, email: &str) -> &str {
        self.account(email).sso_id.as_deref().unwrap()
    }

    pub fn oauth_id(&self, email: &str) -> &str {
        self.account(email).oauth_id.as_deref().unwrap()
    }

    pub fn issuer(&self) -> String {
        format!("{}/", self.auth.url)
    }

    /// Every token that the authentication service ever granted for an agent, and whether it is alive.
    pub async fn granted(&self, email: &str) -> Vec<(String, bool)> {
        let url = format!("{}/granted?{}", self.auth.url, self.oauth_id(email));
        let request = client().get(url).bearer_auth(&self.homeserver(EDUCATION).admin_token);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        let granted = answer.as_array().unwrap().iter();
        granted
            .map(|it| (it["token"].as_str().unwrap().to_owned(), it["alive"] == true))
            .collect()
    }

    /// The application with these homeservers on its list, and the administrations of their agents.
    pub async fn app(&self, settings: &[(&str, &str)]) -> TestApp {
        let app = TestApp::with(settings).await;
        for homeserver in &self.homeservers {
            app.list(&homeserver.listed(&homeserver.base_url)).await;
        }
        for domain in ["beta.gouv.fr", "dinum.gouv.fr"] {
            app.add_administration(dinum(domain)).await;
        }
        for account in &self.accounts {
            let password = account.password.as_deref().unwrap_or_default();
            app.traffic.secret(Kind::Never, password);
        }
        app
    }
}

fn dinum(domain: &str) -> Administration {
    Administration {
        domain: domain.into(),
        name: "Direction interministérielle du numérique".into(),
        siren: Some("130025265".into()),
        siret: Some("13002526500013".into()),
        branch: Some(Branch::Etat),
        organizational_unit: None,
    }
}

impl RealHomeserver {
    /// Its entry on our list, reached at `base_url`.
    pub fn listed(&self, base_url: &str) -> Homeserver {
        Homeserver {
            name: self.name.clone(),
            label: self.label.clone(),
            base_url: base_url.into(),
            guests: self.guests,
            ways: self.ways.clone(),
            email_domains: self.email_domains.clone(),
            directory: false,
            // True of the stand-in.
            sso_always_asks: self.ways.contains(&Way::Sso),
            recreated_by_address: false,
            oauth: Default::default(),
            watch: Default::default(),
        }
    }

    async fn call(&self, method: Method, path: &str, token: &str, body: Value) -> (StatusCode, Value) {
        let request = client().request(method, format!("{}{path}", self.base_url));
        let answer = request.bearer_auth(token).json(&body).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    /// A new account with an address: its Matrix id and password.
    pub async fn new_account(&self, local_part: &str, email: &str) -> (String, String) {
        let (user_id, password) = (format!("@{local_part}:{}", self.name), random_id().unwrap());
        let threepids = json!([{"medium": "email", "address": email}]);
        let body = json!({"password": password, "displayname": local_part, "threepids": threepids});
        self.administer(Method::PUT, &format!("/_synapse/admin/v2/users/{user_id}"), body)
            .await;
        (user_id, password)
    }

    /// An access token of an ordinary account.
    pub async fn token_of(&self, user_id: &str, password: &str) -> String {
        let body = json!({"type": "m.login.password", "password": password,
            "identifier": {"type": "m.id.user", "user": user_id}});
        let (status, answer) = self.call(Method::POST, "/_matrix/client/v3/login", "", body).await;
        assert_eq!(status, 200, "{answer}");
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// A change by its administrator.
    pub async fn administer(&self, method: Method, path: &str, body: Value) {
        let (status, answer) = self.call(method, path, &self.admin_token, body).await;
        assert!(status.is_success(), "{path}: {answer}");
    }

    /// The token of its administrator.
    pub fn admin_token(&self) -> &str {
        &self.admin_token
    }

    /// The error code of a call with an access token that is dead.
    pub async fn refusal_of(&self, access_token: &str) -> String {
        let path = "/_matrix/client/v3/account/whoami";
        let (_, answer) = self.call(Method::GET, path, access_token, json!({})).await;
        answer["errcode"].as_str().unwrap_or_default().to_owned()
    }

    /// How many devices the account has.
    pub async fn devices(&self, user_id: &str) -> usize {
        let path = format!("/_synapse/admin/v2/users/{user_id}/devices");
        let (status, answer) = self.call(Method::GET, &path, &self.admin_token, json!({})).await;
        assert_eq!(status, 200, "{answer}");
        answer["devices"].as_array().unwrap().len()
    }

    /// Whether this device is in the account's list.
    pub async fn has_device(&self, user_id: &str, device_id: &str) -> bool {
        let path = format!("/_synapse/admin/v2/users/{user_id}/devices");
        let (status, answer) = self.call(Method::GET, &path, &self.admin_token, json!({})).await;
        assert_eq!(status, 200, "{answer}");
        let devices = answer["devices"].as_array().unwrap();
        devices.iter().any(|device| device["device_id"] == device_id)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the tests' own client, on the other side of the wire"
)]
fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    builder.no_proxy().build().unwrap()
}

/// Stands between the application and a real homeserver, changes nothing, and keeps what its login endpoint answered:
/// only so can a test try the access token that nobody else ever sees.
pub struct Tap {
    pub base_url: String,
    logins: Arc<Mutex<Vec<Value>>>,
    task: JoinHandle<()>,
}

struct Pipe {
    client: reqwest::Client,
    target: String,
    logins: Arc<Mutex<Vec<Value>>>,
}

impl Tap {
    pub async fn before(homeserver: &RealHomeserver) -> Self {
        let logins = Arc::default();
        let pipe = Arc::new(Pipe {
            client: client(),
            target: homeserver.base_url.clone(),
            logins: Arc::clone(&logins),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(forward).with_state(pipe);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { base_url, logins, task }
    }

    /// The successful logins so far.
    pub fn logins(&self) -> Vec<Value> {
        self.logins.lock().unwrap().clone()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(State(pipe): State<Arc<Pipe>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = to_bytes(body, usize::MAX).await.unwrap();
    let mut headers = parts.headers;
    headers.remove(header::HOST);
    let url = format!("{}{}", pipe.target, parts.uri);
    let sent = pipe
        .client
        .request(parts.method.clone(), url)
        .headers(headers)
        .body(body);
    let answer = sent.send().await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = answer.bytes().await.unwrap();
    if parts.method == Method::POST && parts.uri.path().ends_with("/login") && status == 200 {
        pipe.logins.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
    }
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response.headers_mut().remove(header::TRANSFER_ENCODING);
    response
}
