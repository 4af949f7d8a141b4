//! The whole application in this process, on a port and a database of its own, with its clock held still.

use std::sync::Arc;

use tchap_connect::app::{App, SharedApp};
use tchap_connect::clock::Clock;
use tchap_connect::config::Config;
use tchap_connect::domain::administration::Administration;
use tchap_connect::domain::claims::SCOPES;
use tchap_connect::domain::client_change::Revision;
use tchap_connect::domain::homeserver::Homeserver;
use tchap_connect::keys::Keys;
use tchap_connect::protocol::client::{Client, ClientAuthMethod, ClientSecret, GrantType};
use tchap_connect::protocol::client_metadata::ClientMetadata;
use tchap_connect::secret::{Redacted, SealingKey, fingerprint, random_id, random_token};
use tchap_connect::store::{Former, Store, StoredKey};
use tchap_connect::web::{self, Limits};
use tokio::net::TcpListener;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

use super::RelyingParty;
use super::auth_service::AuthService;
use super::homeserver::{Account, ScriptedHomeserver};
use super::secrets::{Kind, Traffic, collect_logs};
use crate::engines::Database;

/// The first homeserver, and its one account.
pub const NAME: &str = "agent.dinum.tchap.test";
pub const LOCAL_PART: &str = "jean.dupont-beta.gouv.fr";
pub const JEAN: &str = "@jean.dupont-beta.gouv.fr:agent.dinum.tchap.test";
pub const EMAIL: &str = "jean.dupont@beta.gouv.fr";
pub const PASSWORD: &str = "correct horse battery";
pub const MARIES_EMAIL: &str = "marie.martin@beta.gouv.fr";
/// When Jean's address was added to his account.
pub const ADDED_AT: i64 = 1_600_000_000;
/// For what never answers: soon over, and still long enough for honest answers when every core is busy.
pub const SHORT_TIMEOUT: (&str, &str) = ("UPSTREAM_TIMEOUT_SECONDS", "4");

pub const SEALING_KEY: &str = "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a";

pub fn jean() -> Account {
    Account::new(LOCAL_PART, PASSWORD)
        .named("Jean Dupont [DINUM]")
        .email(EMAIL, ADDED_AT)
}

/// A second account, for another person at the same homeserver.
pub fn marie() -> Account {
    Account::new("marie.martin-beta.gouv.fr", PASSWORD)
        .named("MARTIN Marie [DINUM]")
        .email(MARIES_EMAIL, ADDED_AT)
}

/// A confidential https client that asks for consent and may have every scope.
pub fn client(id: &str) -> Client {
    let metadata = ClientMetadata {
        client_id: id.into(),
        name: format!("Service {id}"),
        redirect_uris: vec![format!("https://{id}.example/callback")],
        scopes: SCOPES.iter().map(|scope| (*scope).to_owned()).collect(),
        ..ClientMetadata::default()
    };
    metadata.validate(SCOPES).unwrap()
}

/// The same with refresh tokens.
pub fn refreshing(id: &str) -> Client {
    Client {
        grant_types: [GrantType::AuthorizationCode, GrantType::RefreshToken].into(),
        ..client(id)
    }
}

/// The same without a secret.
pub fn refreshing_public(id: &str) -> Client {
    Client {
        auth_methods: [ClientAuthMethod::None].into(),
        ..refreshing(id)
    }
}

/// Writes a client as it is, past all checks and records.
pub async fn put_client(store: &Store, client: &Client, now: i64) {
    let known = store.find_kept_client(&client.id).await.unwrap();
    let revision = Revision {
        id: random_id().unwrap(),
        client_id: client.id.clone(),
        author: "tests".to_owned(),
        at: now,
        before: None,
        after: client.clone(),
    };
    let done = match known {
        Some(known) => store.update_client(known.version, &revision, false).await,
        None => store.create_client(&revision).await,
    };
    assert!(done.unwrap(), "{}", client.id);
}

/// A running application. When it ends, its logs and answers are searched for every secret that it met.
pub struct TestApp {
    pub app: SharedApp,
    /// Where it listens: the issuer, unless the test configured another one.
    pub base_url: String,
    /// The first homeserver on its list: Jean's, by password.
    pub homeserver: Arc<ScriptedHomeserver>,
    pub traffic: Arc<Traffic>,
    homeservers: Vec<Arc<ScriptedHomeserver>>,
    task: JoinHandle<()>,
    /// Goes last.
    database: Database,
}

impl TestApp {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With settings of its own, by variable name without the prefix; in TLS with those of [`super::tls::Certificate`].
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        Self::on(Database::any().await, settings).await
    }

    pub async fn on(database: Database, settings: &[(&str, &str)]) -> Self {
        collect_logs();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let tls = settings.iter().any(|(name, _)| *name == "TLS_CERT_FILE");
        let base_url = format!("{}://{address}", if tls { "https" } else { "http" });
        let config = config(&base_url, &database.url, settings);
        let store = Store::open(&database.url).await.unwrap();
        // Real time to start with: cookie sessions are dated by it.
        let clock = Clock::fixed(Clock::System.now());
        for key in signing_keys().await {
            store.insert_signing_key(key).await.unwrap();
        }
        let app = Arc::new(App::build(config, store, clock).await.unwrap());
        let limits = Limits::of(&app.config);
        let task = tokio::spawn(web::serve(listener, app.clone(), limits, std::future::pending()));

        let homeserver = ScriptedHomeserver::start(NAME).await;
        homeserver.offer(&["m.login.password"]);
        homeserver.add(jean());
        let homeserver = Arc::new(homeserver);
        let mut started = Self {
            app,
            homeserver: homeserver.clone(),
            traffic: Arc::new(Traffic::new(&base_url)),
            base_url,
            homeservers: Vec::new(),
            task,
            database,
        };
        started.add_homeserver(&homeserver, |_| {}).await;
        started
    }

    /// The first homeserver offers single sign-on only, and finds Jean's session there.
    pub fn by_sso(&self) {
        self.homeserver.offer(&["m.login.sso", "m.login.token"]);
        self.homeserver.sso_as(LOCAL_PART);
    }

    /// The first homeserver delegates its login to an authentication service, where Jean is signed in.
    pub async fn by_oauth(&self) -> AuthService {
        self.oauth_of(&self.homeserver.clone()).await
    }

    /// The same for another homeserver.
    pub async fn oauth_of(&self, homeserver: &Arc<ScriptedHomeserver>) -> AuthService {
        AuthService::start(homeserver, LOCAL_PART, &self.app.clock, &self.traffic).await
    }

    /// Where its database is.
    pub fn database_url(&self) -> &str {
        &self.database.url
    }

    /// How many flows are stored.
    pub async fn open_flows(&self) -> i64 {
        let now = self.app.clock.now();
        self.app.store.count_open_flows("127.0.0.1", now).await.unwrap()
    }

    /// Seconds pass.
    pub fn advance(&self, seconds: i64) {
        self.app.clock.advance(seconds);
    }

    /// Puts a homeserver on the list, with its entry changed; or changes the entry of one that is there.
    pub async fn add_homeserver(&mut self, homeserver: &Arc<ScriptedHomeserver>, change: impl FnOnce(&mut Homeserver)) {
        let mut listed = homeserver.listed();
        change(&mut listed);
        self.list(&listed).await;
        self.homeservers.push(homeserver.clone());
    }

    /// Puts an entry on the list of homeservers.
    pub async fn list(&self, homeserver: &Homeserver) {
        let known = self.app.store.list_homeservers().await.unwrap();
        let position = known
            .iter()
            .position(|other| other.name == homeserver.name)
            .unwrap_or(known.len());
        self.app
            .store
            .upsert_homeserver(homeserver, position as i64)
            .await
            .unwrap();
    }

    /// Takes a homeserver off the list.
    pub async fn unlist(&self, name: &str) {
        let store = &self.app.store;
        let stored = store.find_homeserver_version(name).await.unwrap().unwrap();
        assert!(store.delete_homeserver(name, &stored.version).await.unwrap());
    }

    /// Adds an administration, or changes the one of its domain.
    pub async fn add_administration(&self, administration: Administration) {
        let store = &self.app.store;
        let stored = store.find_administration_version(&administration.domain).await.unwrap();
        let former = stored
            .as_ref()
            .map_or(Former::Absent, |stored| Former::Version(&stored.version));
        assert!(store.save_administrations(&[(&administration, former)]).await.unwrap());
    }

    /// Registers a client of this name as it comes.
    pub async fn relying_party(&self, id: &str) -> RelyingParty {
        self.register(client(id)).await
    }

    /// Registers a client, or changes it, with a new secret if it is a confidential one.
    pub async fn register(&self, client: Client) -> RelyingParty {
        let now = self.app.clock.now();
        put_client(&self.app.store, &client, now).await;
        let secret = match client.has_secret() {
            true => Some(self.new_secret(&client.id).await),
            false => None,
        };
        RelyingParty::new(self, client, secret)
    }

    /// Changes what is known of a client.
    pub async fn update(&self, client: &Client) {
        put_client(&self.app.store, client, self.app.clock.now()).await;
    }

    /// One more secret for a client.
    pub async fn new_secret(&self, client_id: &str) -> String {
        let value = random_token().unwrap();
        let secret = ClientSecret {
            id: random_id().unwrap(),
            fingerprint: fingerprint(&value),
            created_at: self.app.clock.now(),
            expires_at: None,
        };
        self.app.store.insert_client_secret(client_id, &secret).await.unwrap();
        self.traffic.secret(Kind::Never, &value);
        value
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.task.abort();
        if std::thread::panicking() {
            return;
        }
        let theirs = self
            .homeservers
            .iter()
            .flat_map(|homeserver| homeserver.secrets())
            .collect();
        let leaks = self.traffic.leaks(theirs);
        assert!(
            leaks.is_empty(),
            "secrets where they have no business:\n{}",
            leaks.join("\n")
        );
    }
}

fn config(base_url: &str, database: &str, settings: &[(&str, &str)]) -> Config {
    let ours = [
        ("MODE", "development"),
        ("ISSUER", base_url),
        ("DATABASE_URL", database),
        ("SEALING_KEY", SEALING_KEY),
    ];
    // The last one wins.
    let variables = ours
        .iter()
        .chain(settings)
        .map(|(name, value)| (format!("TCHAP_CONNECT_{name}"), (*value).to_owned()));
    let variables: std::collections::HashMap<_, _> = variables.collect();
    Config::parse(None, variables).unwrap_or_else(|problems| panic!("{problems}"))
}

/// Made once for the whole run: an RSA key takes its time.
pub async fn signing_keys() -> &'static Vec<StoredKey> {
    static KEYS: OnceCell<Vec<StoredKey>> = OnceCell::const_new();
    KEYS.get_or_init(async || {
        let database = Database::sqlite().await;
        let store = Store::open(&database.url).await.unwrap();
        let sealing = SealingKey::parse(&Redacted::new(SEALING_KEY)).unwrap();
        Keys::load_or_generate(&store, sealing, 1_700_000_000).await.unwrap();
        let keys = store.list_signing_keys().await.unwrap();
        store.close().await;
        keys
    })
    .await
}
