//! The real binary killed with SIGKILL at any moment: an acknowledged consent survives, and no code is ever spent twice.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tchap_connect::clock::Clock;
use tchap_connect::protocol::client::{Client, ClientAuthMethod};
use tchap_connect::store::Store;
use tokio::task::JoinHandle;

use crate::engines::Database;
use crate::support::app::{SEALING_KEY, signing_keys};
use crate::support::homeserver::ScriptedHomeserver;
use crate::support::secrets::Traffic;
use crate::support::{Browser, EMAIL, NAME, PASSWORD, RelyingParty, client, jean, put_client};

const ISSUER: &str = "http://127.0.0.1:8080";
const ROUNDS: u64 = 8;

/// The binary, killed at the latest when dropped.
struct Server {
    child: Child,
    base_url: String,
}

impl Server {
    fn start(database: &Database) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tchap-connect"));
        let settings = [
            ("MODE", "development"),
            ("LISTEN", "127.0.0.1:0"),
            ("ISSUER", ISSUER),
            ("DATABASE_URL", &database.url),
            ("SEALING_KEY", SEALING_KEY),
            ("LOG_FORMAT", "json"),
        ];
        let variables = settings.map(|(name, value)| (format!("TCHAP_CONNECT_{name}"), value));
        command
            .arg("serve")
            .env_clear()
            .envs(variables)
            .current_dir(std::env::temp_dir());
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let address = loop {
            let mut line = String::new();
            assert_ne!(
                log.read_line(&mut line).unwrap(),
                0,
                "the server ended before it listened"
            );
            let event: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if event["message"] == "Listening" {
                break event["listen"].as_str().unwrap().to_owned();
            }
        };
        // What it still has to say must not fill the pipe.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        let base_url = if address.starts_with("http") {
            address
        } else {
            format!("http://{address}")
        };
        Self { child, base_url }
    }

    /// SIGKILL.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn service(id: &str) -> Client {
    Client {
        auth_methods: [ClientAuthMethod::None].into(),
        ..client(id)
    }
}

async fn prepared(database: &Database, homeserver: &ScriptedHomeserver) {
    let store = Store::open(&database.url).await.unwrap();
    for key in signing_keys().await {
        store.insert_signing_key(key).await.unwrap();
    }
    store.upsert_homeserver(&homeserver.listed(), 0).await.unwrap();
    for round in 0..ROUNDS {
        put_client(&store, &service(&format!("s{round}")), Clock::System.now()).await;
    }
    store.close().await;
}

/// Sends something that may or may not be answered before the server dies.
async fn tried(request: reqwest::RequestBuilder) -> Option<u16> {
    request.send().await.ok().map(|answer| answer.status().as_u16())
}

/// Kills the server while it works on this: a little later in each round, in the last one after the answer.
async fn moment(round: u64, under_way: JoinHandle<Option<u16>>, server: &mut Server) -> Option<u16> {
    if round < ROUNDS - 1 {
        tokio::time::sleep(Duration::from_micros(800 * round)).await;
        server.kill();
        return under_way.await.unwrap();
    }
    let answer = under_way.await.unwrap();
    assert!(answer.is_some(), "this one was answered");
    server.kill();
    answer
}

async fn survives(database: Database) {
    let homeserver = ScriptedHomeserver::start(NAME).await;
    homeserver.offer(&["m.login.password"]);
    homeserver.add(jean());
    prepared(&database, &homeserver).await;

    let mut server = Server::start(&database);
    let traffic = Arc::new(Traffic::new("http://nowhere"));
    let browser = Arc::new(Browser::at(&server.base_url, traffic.clone()));
    let at = |server: &Server, round: u64| {
        RelyingParty::at(
            &server.base_url,
            ISSUER,
            traffic.clone(),
            service(&format!("s{round}")),
            None,
        )
    };
    let first = browser.open(&at(&server, 0).url(&[])).await;
    browser.log_in(&first, EMAIL, PASSWORD).await;

    for round in 0..ROUNDS {
        // Killed while consent is given: a little later in each round.
        let page = browser.open(&at(&server, round).url(&[])).await;
        let shown = page.form("consent-form").fields[0].1.clone();
        let accept = {
            let (browser, url) = (browser.clone(), format!("{}/consent", page.url));
            let fields = [("answer", "accept".to_owned()), ("shown", shown)];
            tokio::spawn(async move { tried(browser.form_request(&url, &fields)).await })
        };
        let answered = moment(round, accept, &mut server).await == Some(303);
        server = Server::start(&database);
        browser.moved_to(&server.base_url);
        let relying_party = at(&server, round);
        let mut answer = browser.open(&relying_party.url(&[])).await;
        if answer.has("consent-form") {
            assert!(!answered, "round {round}: a consent that was acknowledged is lost");
            answer = browser.accept(&answer).await;
        }

        // Killed while two redeem one code.
        let code = relying_party.code(&answer);
        let redeem = || {
            let request = relying_party
                .http
                .request(http::Method::POST, &format!("{}/token", server.base_url));
            tokio::spawn(tried(request.form(&relying_party.form(&code, &[]))))
        };
        let (one, other) = (redeem(), redeem());
        let mut spent = u32::from(moment(round, one, &mut server).await == Some(200));
        spent += u32::from(other.await.unwrap() == Some(200));
        server = Server::start(&database);
        browser.moved_to(&server.base_url);
        for _ in 0..2 {
            let relying_party = at(&server, round);
            let again = relying_party.token(&relying_party.form(&code, &[])).await;
            spent += u32::from(again.status == 200);
        }
        assert!(spent <= 1, "round {round}: a code was spent {spent} times");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_any_moment_no_consent_is_lost_and_no_code_is_spent_twice() {
    survives(Database::sqlite().await).await;
    if let Some(database) = Database::postgres().await {
        survives(database).await;
    }
}
