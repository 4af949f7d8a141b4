//! A scripted homeserver inside the test process: honest by default (it answers like Synapse), and every refusal,
//! delay and lie on demand. It remembers every request, and which of the tokens that it issued are still alive.

mod answers;
mod script;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{Router, extract::State};
use http::HeaderMap;
use tchap_connect::domain::homeserver::{Homeserver, Way};
use tokio::{net::TcpListener, task::JoinHandle};

pub use self::script::{Endpoint, Gate, Lie};

/// An account of the scripted homeserver.
#[derive(Clone, Debug)]
pub struct Account {
    pub local_part: String,
    pub password: String,
    pub display_name: Option<String>,
    /// Entries of `threepids`, as sent.
    pub third_party_ids: Vec<serde_json::Value>,
    pub state: AccountState,
}

/// What became of an account; each answers as `tchap.md` §7 says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountState {
    Active,
    Deactivated,
    Expired,
    Locked,
    Suspended,
}

impl Account {
    pub fn new(local_part: &str, password: &str) -> Self {
        Self {
            local_part: local_part.into(),
            password: password.into(),
            display_name: None,
            third_party_ids: Vec::new(),
            state: AccountState::Active,
        }
    }

    pub fn named(mut self, display_name: &str) -> Self {
        self.display_name = Some(display_name.into());
        self
    }

    /// A validated address; `added_at` in Unix seconds.
    pub fn email(self, address: &str, added_at: i64) -> Self {
        let at = added_at * 1000;
        self.third_party_id(
            serde_json::json!({"medium": "email", "address": address, "validated_at": at, "added_at": at}),
        )
    }

    /// An entry of `threepids` exactly as given.
    pub fn third_party_id(mut self, entry: serde_json::Value) -> Self {
        self.third_party_ids.push(entry);
        self
    }

    pub fn state(mut self, state: AccountState) -> Self {
        self.state = state;
        self
    }
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub endpoint: Endpoint,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Recorded {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// A token that this homeserver issued.
#[derive(Clone, Debug)]
struct Session {
    token: String,
    local_part: String,
    device_id: String,
    alive: bool,
}

#[derive(Debug, Default)]
struct Memory {
    accounts: Vec<Account>,
    lies: HashMap<Endpoint, Lie>,
    /// `GET /login`'s flows, as sent.
    flows: Vec<serde_json::Value>,
    accepts_email: bool,
    /// Who has a single sign-on session at this homeserver.
    sso_agent: Option<String>,
    login_tokens: HashMap<String, String>,
    sessions: Vec<Session>,
    requests: Vec<Recorded>,
    /// Address → server; the empty address is the answer for all others.
    directory: HashMap<String, serde_json::Value>,
    /// What the homeserver publishes of its authentication service, and where.
    auth_metadata: Option<(Endpoint, serde_json::Value)>,
    /// With which accounts may be asked about.
    watch_token: Option<String>,
    counter: u64,
}

#[derive(Debug)]
struct Shared {
    name: String,
    memory: Mutex<Memory>,
}

impl Shared {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The running homeserver; it stops when dropped.
#[derive(Debug)]
pub struct ScriptedHomeserver {
    shared: Arc<Shared>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for ScriptedHomeserver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ScriptedHomeserver {
    /// Starts on a free loopback port, offering SSO and password, accepting e-mail addresses, with no directory.
    pub async fn start(name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            name: name.into(),
            memory: Mutex::default(),
        });
        let router = Router::new().fallback(answers::answer).with_state(shared.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("serving") });
        let homeserver = Self { shared, address, task };
        homeserver.memory().accepts_email = true;
        homeserver.offer(&["m.login.sso", "m.login.token", "m.login.password"]);
        homeserver
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.shared.memory()
    }

    /// Its entry on the provider's list: both ways in, no rules.
    pub fn listed(&self) -> Homeserver {
        listed(&self.shared.name, &self.base_url())
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn add(&self, account: Account) {
        self.memory().accounts.push(account);
    }

    pub fn state(&self, local_part: &str) -> Option<AccountState> {
        let memory = self.memory();
        let mut accounts = memory.accounts.iter();
        Some(accounts.find(|account| account.local_part == local_part)?.state)
    }

    /// Changes an account's state; a deactivation ends its sessions.
    pub fn set_state(&self, local_part: &str, state: AccountState) {
        let mut memory = self.memory();
        memory
            .accounts
            .iter_mut()
            .filter(|account| account.local_part == local_part)
            .for_each(|account| {
                account.state = state;
            });
        if state == AccountState::Deactivated {
            memory
                .sessions
                .iter_mut()
                .filter(|s| s.local_part == local_part)
                .for_each(|s| s.alive = false);
        }
    }

    /// The token with which accounts may be asked about.
    pub fn watched_with(&self, token: &str) {
        self.memory().watch_token = Some(token.into());
    }

    /// Which login types discovery lists; SSO is then answered with one identity provider, `main`.
    pub fn offer(&self, types: &[&str]) {
        let flow = |login_type: &&str| match *login_type {
            "m.login.sso" => {
                serde_json::json!({"type": "m.login.sso", "identity_providers": [{"id": "main", "name": "Main"}]})
            }
            other => serde_json::json!({"type": other}),
        };
        self.memory().flows = types.iter().map(flow).collect();
    }

    /// Publishes its authentication service from now on, in the current form, or has none.
    pub fn publish(&self, metadata: Option<serde_json::Value>) {
        self.publish_at(Endpoint::AuthMetadata, metadata);
    }

    /// The same in one of the older forms.
    pub fn publish_at(&self, endpoint: Endpoint, metadata: Option<serde_json::Value>) {
        self.memory().auth_metadata = metadata.map(|metadata| (endpoint, metadata));
    }

    /// An access token that the authentication service issues.
    pub fn grant(&self, local_part: &str) -> String {
        let mut memory = self.memory();
        let token = format!("mat_{:08}_{local_part}", memory.next());
        memory.sessions.push(Session {
            token: token.clone(),
            local_part: local_part.into(),
            device_id: String::new(),
            alive: true,
        });
        token
    }

    /// An access token that the authentication service takes back.
    pub fn end_session(&self, token: &str) {
        let mut memory = self.memory();
        let ended = memory.sessions.iter_mut().filter(|session| session.token == token);
        ended.for_each(|session| session.alive = false);
    }

    /// As matrix-authentication-service: an e-mail address as identifier is 400 `M_UNKNOWN`.
    pub fn refuse_email(&self) {
        self.memory().accepts_email = false;
    }

    /// Whose browser session the SSO pages find: the redirect then comes back at once with a login token.
    pub fn sso_as(&self, local_part: &str) {
        self.memory().sso_agent = Some(local_part.into());
    }

    /// A login token as SSO would bring back.
    pub fn login_token(&self, local_part: &str) -> String {
        self.memory().new_login_token(local_part)
    }

    /// The directory's answer for an address (in lower case); `""` is the answer for all others.
    pub fn directory(&self, address: &str, homeserver: &str) {
        self.directory_says(address, serde_json::json!({"hs": homeserver, "invited": false}));
    }

    /// The directory's answer for an address, word for word.
    pub fn directory_says(&self, address: &str, answer: serde_json::Value) {
        self.memory().directory.insert(address.into(), answer);
    }

    /// From now on an endpoint misbehaves.
    pub fn script(&self, endpoint: Endpoint, lie: Lie) {
        self.memory().lies.insert(endpoint, lie);
    }

    /// From now on an endpoint is honest again.
    pub fn honest(&self, endpoint: Endpoint) {
        self.memory().lies.remove(&endpoint);
    }

    /// Requests to an endpoint wait until the gate is opened, and are then answered honestly.
    pub fn hold(&self, endpoint: Endpoint) -> Gate {
        let gate = Gate::closed();
        self.script(endpoint, Lie::Hold(gate.clone()));
        gate
    }

    /// What was asked of an endpoint, in order.
    pub fn requests_to(&self, endpoint: Endpoint) -> Vec<Recorded> {
        self.requests()
            .into_iter()
            .filter(|request| request.endpoint == endpoint)
            .collect()
    }

    /// Everything that was asked, in order.
    pub fn requests(&self) -> Vec<Recorded> {
        self.memory().requests.clone()
    }

    /// How many access tokens were ever issued.
    pub fn issued_tokens(&self) -> usize {
        self.memory().sessions.len()
    }

    /// Access tokens that were issued and are not signed out.
    pub fn live_tokens(&self) -> Vec<String> {
        self.memory()
            .sessions
            .iter()
            .filter(|session| session.alive)
            .map(|session| session.token.clone())
            .collect()
    }

    /// Every secret of this homeserver that went over the wire: to be looked for in logs and answers.
    pub fn secrets(&self) -> Vec<String> {
        let memory = self.memory();
        let tokens = memory.sessions.iter().map(|session| session.token.clone());
        let passwords = memory.accounts.iter().map(|account| account.password.clone());
        tokens
            .chain(passwords)
            .chain(memory.login_tokens.keys().cloned())
            .chain(memory.watch_token.clone())
            .collect()
    }
}

impl Memory {
    fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// Login tokens stay in the map once used (with nobody behind them), so that `secrets` knows them.
    fn new_login_token(&mut self, local_part: &str) -> String {
        let token = format!("login-token-{:08}-{local_part}", self.next());
        self.login_tokens.insert(token.clone(), local_part.into());
        token
    }
}

/// An entry on the provider's list for any name and address.
pub fn listed(name: &str, base_url: &str) -> Homeserver {
    Homeserver {
        name: name.into(),
        label: format!("Serveur {name}"),
        base_url: base_url.into(),
        guests: false,
        ways: Way::default_order(),
        email_domains: Vec::new(),
        directory: false,
        sso_always_asks: false,
        recreated_by_address: false,
        oauth: Default::default(),
        watch: Default::default(),
    }
}

/// An entry whose port nobody listens on.
pub async fn dead(name: &str) -> Homeserver {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    listed(name, &format!("http://{}", listener.local_addr().expect("an address")))
}

type AppState = State<Arc<Shared>>;
