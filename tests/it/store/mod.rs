//! The storage conformance suite: every claim holds on both engines.

mod changes;
mod grants;
mod lifecycle;
mod lists;
mod login;
mod logouts;
mod operators;

pub use logouts::join;

use std::collections::BTreeSet;

use tchap_connect::domain::agent::{Agent, AgentEmail};
use tchap_connect::domain::flow::{Flow, Progress};
use tchap_connect::domain::homeserver::Way;
use tchap_connect::domain::session::BrowserSession;
use tchap_connect::protocol::client::Client;
use tchap_connect::store::Store;
use tokio::task::JoinSet;

use crate::engines::{Database, Engine, on_each_engine};
use crate::support::put_client;

const NOW: i64 = 1_800_000_000;

fn set(items: &[&str]) -> BTreeSet<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

fn client(id: &str) -> Client {
    serde_json::from_value(serde_json::json!({
        "id": id, "name": "Démarches d'été", "redirect_uris": ["https://rp.example/cb"],
        "auth_methods": ["client_secret_basic"], "scopes": ["openid", "email"], "sector": "rp.example",
    }))
    .unwrap()
}

fn agent(id: &str) -> Agent {
    Agent {
        id: id.to_owned(),
        homeserver: "agent.dinum.tchap.test".to_owned(),
        matrix_id: "@jean.dupont:agent.dinum.tchap.test".to_owned(),
        display_name: Some("Jean Dupont [DINUM]".to_owned()),
        email: Some(AgentEmail {
            address: "jean.dupont@beta.gouv.fr".to_owned(),
            added_at: NOW - 9,
        }),
        last_believed: Some(AgentEmail {
            address: "jean.dupont@gouv.fr".to_owned(),
            added_at: NOW - 99,
        }),
        at_issuer: None,
        locale: None,
        created_at: NOW,
        updated_at: NOW,
        closed_at: None,
        paused: None,
        checked_at: None,
    }
}

fn session(id: &str, expires_at: i64) -> BrowserSession {
    BrowserSession {
        id: id.to_owned(),
        agent_id: "agent".to_owned(),
        way: Way::Password,
        auth_time: Some(NOW),
        created_at: NOW,
        expires_at,
    }
}

fn flow(id: &str, expires_at: i64) -> Flow {
    Flow {
        id: id.to_owned(),
        browser: None,
        client_id: "rp".to_owned(),
        params: "scope=openid&state=%00".to_owned(),
        progress: Progress::default(),
        attempt: None,
        network: "192.0.2.1".to_owned(),
        created_at: NOW,
        expires_at,
        version: 0,
    }
}

/// A client `rp` and an agent `agent`, which the other rows refer to.
async fn seed(store: &Store) {
    put_client(store, &client("rp"), NOW).await;
    store.insert_agent(&agent("agent")).await.unwrap();
}

/// Runs `task` 50 times at once and collects what the tasks answered.
async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    store: &Store,
    task: impl Fn(Store, usize) -> F,
) -> Vec<T> {
    let tasks: JoinSet<T> = (0..50).map(|number| task(store.clone(), number)).collect();
    tasks.join_all().await
}

#[tokio::test]
async fn migrations_are_counted_and_may_run_at_once() {
    on_each_engine(async |engine| {
        assert_eq!(engine.store.pending_migrations().await.unwrap(), 0);
        engine.execute("drop table signing_keys").await;
        engine.execute("delete from _sqlx_migrations").await;
        assert!(engine.store.pending_migrations().await.unwrap() > 0);
        engine.execute("drop table _sqlx_migrations").await;
        assert!(engine.store.pending_migrations().await.unwrap() > 0);
        engine.store.ping().await.unwrap();
    })
    .await;
    let database = Database::empty().await;
    let store = Store::open(&database.url).await.unwrap();
    assert!(store.pending_migrations().await.unwrap() > 0);
    let replicas = at_once(&store, |store, _| async move { store.migrate().await }).await;
    assert!(replicas.iter().all(Result::is_ok), "{replicas:?}");
    assert_eq!(store.pending_migrations().await.unwrap(), 0);
    store.close().await;
}

#[tokio::test]
async fn settings_keep_their_first_value() {
    on_each_engine(async |Engine { store, .. }| {
        assert_eq!(store.setting("name").await.unwrap(), None);
        let answers = at_once(store, |store, number| async move {
            store
                .insert_setting_if_absent("name", &number.to_string())
                .await
                .unwrap()
        })
        .await;
        assert_eq!(BTreeSet::from_iter(&answers).len(), 1);
        assert_eq!(store.setting("name").await.unwrap().as_ref(), Some(&answers[0]));
    })
    .await;
}

#[tokio::test]
async fn errors_show_no_values() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        store.insert_flow(&flow("hush", NOW)).await.unwrap();
        let error = store.insert_flow(&flow("hush", NOW)).await.unwrap_err();
        for text in [format!("{error}"), format!("{error:?}")] {
            assert!(!text.contains("hush"), "{text}");
        }
    })
    .await;
    for url in [
        "mysql://u:hush@h/d",
        "postgres://u:hush@127.0.0.1/d?sslmode=hush",
        "postgres://u:hush@[",
        "sqlite::memory:",
        "hush",
    ] {
        let error = Store::open(url).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hush"), "{error:?}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_sqlite_files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let database = Database::empty().await;
    let Some(path) = database.url.strip_prefix("sqlite:") else {
        return;
    };
    let store = Store::open(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    seed(&store).await;
    for suffix in ["", "-wal", "-shm"] {
        let file = std::fs::metadata(format!("{path}{suffix}")).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600, "{suffix}");
    }
    store.close().await;
}
