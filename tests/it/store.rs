//! The storage conformance suite: every claim holds on both engines.

use std::collections::BTreeSet;

use tchap_connect::clock::Clock;
use tchap_connect::domain::administration::Administration;
use tchap_connect::domain::agent::{Agent, AgentEmail};
use tchap_connect::domain::consent::Consent;
use tchap_connect::domain::flow::{Flow, Progress, Stage};
use tchap_connect::domain::grant::{AccessTokenRecord, Authorization, CodeRecord};
use tchap_connect::domain::homeserver::{Homeserver, Way};
use tchap_connect::domain::session::BrowserSession;
use tchap_connect::protocol::client::{Client, ClientAuthMethod, ClientSecret};
use tchap_connect::secret::fingerprint;
use tchap_connect::store::{Store, WebSessionStore};
use tokio::task::JoinSet;
use tower_sessions::SessionStore as _;
use tower_sessions::session::{Id, Record};

use crate::engines::{Engine, on_each_engine};

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
        locale: None,
        created_at: NOW,
        updated_at: NOW,
        closed_at: None,
    }
}

fn flow(id: &str, attempt: Option<&str>, expires_at: i64) -> Flow {
    Flow {
        id: id.to_owned(),
        browser: None,
        client_id: "rp".to_owned(),
        params: "scope=openid&state=%00".to_owned(),
        progress: Progress::default(),
        attempt: attempt.map(fingerprint),
        network: "192.0.2.1".to_owned(),
        created_at: NOW,
        expires_at,
        version: 0,
    }
}

fn grant(id: &str) -> (Authorization, CodeRecord) {
    let authorization = Authorization {
        id: id.to_owned(),
        client_id: "rp".to_owned(),
        agent_id: "agent".to_owned(),
        session_id: "session".to_owned(),
        subject: "subject".to_owned(),
        scope: set(&["openid"]),
        claims: set(&["email"]),
        claims_request: Default::default(),
        nonce: Some("n\0once".to_owned()),
        auth_time: Some(NOW),
        acr: "eidas1".to_owned(),
        amr: vec!["pwd".to_owned()],
        sid: "sid".to_owned(),
        created_at: NOW,
    };
    let code = CodeRecord {
        fingerprint: fingerprint(id),
        authorization_id: id.to_owned(),
        client_id: "rp".to_owned(),
        redirect_uri: "https://rp.example/cb".to_owned(),
        code_challenge: Some("challenge".to_owned()),
        expires_at: NOW + 60,
        consumed_at: None,
    };
    (authorization, code)
}

fn token(name: &str, authorization_id: &str) -> AccessTokenRecord {
    AccessTokenRecord {
        fingerprint: fingerprint(name),
        authorization_id: authorization_id.to_owned(),
        expires_at: NOW + 600,
    }
}

/// A client `rp` and an agent `agent`, which the other rows refer to.
async fn seed(store: &Store) {
    store.upsert_client(&client("rp"), NOW).await.unwrap();
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
    on_each_engine(async |engine| {
        let replicas = at_once(&engine.store, |store, _| async move { store.migrate().await }).await;
        assert!(replicas.iter().all(Result::is_ok), "{replicas:?}");
    })
    .await;
}

#[tokio::test]
async fn clients_come_back_as_they_were_and_unknown_ones_do_not() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        assert_eq!(store.find_client("rp").await.unwrap(), Some(client("rp")));
        assert_eq!(store.find_client("RP").await.unwrap(), None);
        assert_eq!(store.find_client("rp\0").await.unwrap(), None);
        let mut changed = client("rp");
        changed.disabled = true;
        changed.auth_methods = BTreeSet::from([ClientAuthMethod::None]);
        store.upsert_client(&changed, NOW + 1).await.unwrap();
        store.upsert_client(&client("another"), NOW).await.unwrap();
        assert_eq!(store.list_clients().await.unwrap(), vec![client("another"), changed]);
    })
    .await;
}

#[tokio::test]
async fn rotating_a_secret_gives_the_old_ones_an_end() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        let secret = |id: &str, expires_at| ClientSecret {
            id: id.to_owned(),
            fingerprint: fingerprint(id),
            created_at: NOW,
            expires_at,
        };
        store.insert_client_secret("rp", &secret("a", None)).await.unwrap();
        store
            .insert_client_secret("rp", &secret("b", Some(NOW + 5)))
            .await
            .unwrap();
        store.expire_client_secrets("rp", NOW + 10).await.unwrap();
        store.insert_client_secret("rp", &secret("c", None)).await.unwrap();
        let living = async |now| store.list_client_secrets("rp", now).await.unwrap();
        let (a, b, c) = (
            secret("a", Some(NOW + 10)),
            secret("b", Some(NOW + 5)),
            secret("c", None),
        );
        assert_eq!(living(NOW + 4).await, vec![a.clone(), b, c.clone()]);
        assert_eq!(living(NOW + 9).await, vec![a, c.clone()]);
        assert_eq!(living(NOW + 10).await, vec![c]);
        assert!(store.insert_client_secret("unknown", &secret("d", None)).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn homeservers_keep_their_order() {
    on_each_engine(async |Engine { store, .. }| {
        let server = |name: &str| Homeserver {
            name: name.to_owned(),
            label: "Tchap".to_owned(),
            base_url: "https://matrix.example".to_owned(),
            guests: false,
            ways: vec![Way::Sso, Way::Password],
            email_domains: vec!["gouv.fr".to_owned()],
            directory: true,
            sso_always_asks: false,
            recreated_by_address: false,
        };
        for (position, name) in ["b.test", "a.test", "c.test"].iter().enumerate() {
            store.upsert_homeserver(&server(name), position as i64).await.unwrap();
        }
        store.upsert_homeserver(&server("c.test"), -1).await.unwrap();
        store.delete_homeserver("a.test").await.unwrap();
        assert_eq!(
            store.list_homeservers().await.unwrap(),
            vec![server("c.test"), server("b.test")]
        );
    })
    .await;
}

#[tokio::test]
async fn an_administration_is_found_by_its_nearest_domain() {
    on_each_engine(async |Engine { store, .. }| {
        for domain in ["gouv.fr", "beta.gouv.fr", "ville_x.fr"] {
            let administration = Administration {
                domain: domain.to_owned(),
                name: domain.to_uppercase(),
                siren: None,
                siret: None,
                branch: None,
                organizational_unit: None,
            };
            store.upsert_administration(&administration).await.unwrap();
        }
        let table = [
            ("beta.gouv.fr", Some("beta.gouv.fr")),
            ("x.beta.gouv.fr", Some("beta.gouv.fr")),
            ("xbeta.gouv.fr", Some("gouv.fr")),
            ("gouv.fr", Some("gouv.fr")),
            ("xgouv.fr", None),
            ("gouv.fr.example", None),
            ("ville-x.fr", None),
            ("fr", None),
            ("", None),
        ];
        for (domain, expected) in table {
            let found = store.find_administration(domain).await.unwrap();
            assert_eq!(found.map(|found| found.domain).as_deref(), expected, "{domain}");
        }
        assert_eq!(store.list_administrations().await.unwrap().len(), 3);
    })
    .await;
}

#[tokio::test]
async fn an_account_has_one_open_agent_however_many_sign_in_at_once() {
    on_each_engine(async |Engine { store, .. }| {
        let winners = at_once(store, |store, number| async move {
            store.insert_agent(&agent(&format!("agent-{number}"))).await.unwrap().id
        })
        .await;
        assert_eq!(BTreeSet::from_iter(&winners).len(), 1);
        let winner = agent(&winners[0]);
        assert_eq!(store.find_agent(&winner.id).await.unwrap(), Some(winner.clone()));
        assert_eq!(
            store
                .find_open_agent(&winner.homeserver, &winner.matrix_id)
                .await
                .unwrap(),
            Some(winner)
        );
    })
    .await;
}

#[tokio::test]
async fn a_closed_agent_stays_closed_and_the_account_gets_a_new_one() {
    on_each_engine(async |Engine { store, .. }| {
        let mut first = store.insert_agent(&agent("first")).await.unwrap();
        first.display_name = None;
        first.email = None;
        first.locale = Some("en".to_owned());
        first.updated_at = NOW + 1;
        store.update_agent(&first).await.unwrap();
        assert_eq!(store.find_agent("first").await.unwrap(), Some(first.clone()));

        store.close_agent("first", NOW + 2).await.unwrap();
        store.close_agent("first", NOW + 9).await.unwrap();
        store.update_agent(&first).await.unwrap();
        let closed = store.find_agent("first").await.unwrap().unwrap();
        assert_eq!(closed.closed_at, Some(NOW + 2));
        assert_eq!(
            store
                .find_open_agent(&first.homeserver, &first.matrix_id)
                .await
                .unwrap(),
            None
        );
        assert_eq!(store.insert_agent(&agent("second")).await.unwrap().id, "second");
    })
    .await;
}

#[tokio::test]
async fn subjects_and_sids_are_given_once() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        let session = session("session", NOW + 60);
        store.insert_browser_session(&session).await.unwrap();
        let answers = at_once(store, |store, number| async move {
            let candidate = number.to_string();
            let subject = store.subject("agent", "rp.example", &candidate).await.unwrap();
            (subject, store.sid("session", "rp", &candidate).await.unwrap())
        })
        .await;
        assert_eq!(BTreeSet::from_iter(&answers).len(), 1);
        assert_eq!(store.subject("agent", "other.example", "other").await.unwrap(), "other");
        assert_eq!(
            store.subject("agent", "rp.example", "late").await.unwrap(),
            answers[0].0
        );
        store.delete_browser_session("session").await.unwrap();
        assert!(store.sid("session", "rp", "late").await.is_err());
    })
    .await;
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

#[tokio::test]
async fn browser_sessions_end() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        let by_sso = BrowserSession {
            way: Way::Sso,
            auth_time: None,
            ..session("sso", NOW + 60)
        };
        for session in [&session("pwd", NOW + 60), &by_sso] {
            store.insert_browser_session(session).await.unwrap();
            let found = store.find_browser_session(&session.id, NOW + 59).await.unwrap();
            assert_eq!(found.as_ref(), Some(session));
        }
        assert_eq!(store.find_browser_session("sso", NOW + 60).await.unwrap(), None);
        store.delete_browser_session("pwd").await.unwrap();
        assert_eq!(store.find_browser_session("pwd", NOW).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn of_racing_steps_of_a_flow_one_wins() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        store.insert_flow(&flow("flow", None, NOW + 60)).await.unwrap();
        let outcomes = at_once(store, |store, number| async move {
            let mut step = flow("flow", None, NOW + 60);
            step.progress.stage = Stage::Sso {
                homeserver: number.to_string(),
                until: NOW + 60,
            };
            (store.update_flow(&step).await.unwrap(), step.progress)
        })
        .await;
        let winners: Vec<_> = outcomes.into_iter().filter(|(won, _)| *won).collect();
        assert_eq!(winners.len(), 1);
        let stored = store.find_flow("flow", NOW).await.unwrap().unwrap();
        assert_eq!((stored.version, &stored.progress), (1, &winners[0].1));
        assert_eq!(store.find_flow("flow", NOW + 60).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_login_attempt_is_consumed_once_and_outdates_steps_under_way() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        let started = flow("flow", Some("attempt"), NOW + 60);
        store.insert_flow(&started).await.unwrap();
        store.insert_flow(&flow("late", Some("late"), NOW)).await.unwrap();
        assert_eq!(store.consume_attempt(&fingerprint("late"), NOW).await.unwrap(), None);
        let found = at_once(store, |store, _| async move {
            store.consume_attempt(&fingerprint("attempt"), NOW).await.unwrap()
        })
        .await;
        let winners: Vec<Flow> = found.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1);
        assert_eq!((winners[0].version, winners[0].attempt.as_deref()), (1, None));
        assert!(
            !store.update_flow(&started).await.unwrap(),
            "a stale step brought the attempt back"
        );
        assert!(store.update_flow(&winners[0]).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn open_flows_are_counted_per_network() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        for (id, expires_at) in [("a", NOW + 1), ("b", NOW + 60), ("c", NOW)] {
            store.insert_flow(&flow(id, None, expires_at)).await.unwrap();
        }
        assert_eq!(store.count_open_flows("192.0.2.1", NOW).await.unwrap(), 2);
        assert_eq!(store.count_open_flows("192.0.2.2", NOW).await.unwrap(), 0);
        store.delete_flow("b").await.unwrap();
        assert_eq!(store.count_open_flows("192.0.2.1", NOW).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_consent_is_remembered_until_it_ends_or_is_replaced() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        let consent = |claims: &[&str], expires_at| Consent {
            agent_id: "agent".to_owned(),
            client_id: "rp".to_owned(),
            claims: set(claims),
            given_at: NOW,
            expires_at,
        };
        store.upsert_consent(&consent(&["email"], NOW + 60)).await.unwrap();
        let wider = consent(&["email", "siret"], NOW + 90);
        store.upsert_consent(&wider).await.unwrap();
        assert_eq!(store.find_consent("agent", "rp", NOW + 89).await.unwrap(), Some(wider));
        assert_eq!(store.find_consent("agent", "rp", NOW + 90).await.unwrap(), None);
        assert_eq!(store.find_consent("agent", "other", NOW).await.unwrap(), None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_parallel_redemptions_of_a_code_give_one_success() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        let (authorization, code) = grant("grant");
        store.insert_authorization(&authorization, &code).await.unwrap();
        let outcomes = at_once(store, |store, number| async move {
            let token = token(&number.to_string(), "grant");
            let won = store.redeem_code(&fingerprint("grant"), NOW + 1, &token).await.unwrap();
            let living = store.find_access_token(&token.fingerprint, NOW + 1).await.unwrap();
            assert_eq!(living.is_some(), won);
            won
        })
        .await;
        assert_eq!(outcomes.into_iter().filter(|won| *won).count(), 1);
        let (spent, _) = store.find_code(&code.fingerprint).await.unwrap().unwrap();
        assert_eq!(spent.consumed_at, Some(NOW + 1));
    })
    .await;
}

#[tokio::test]
async fn revoking_an_authorization_kills_its_code_and_tokens() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        for id in ["spent", "unspent"] {
            let (authorization, code) = grant(id);
            store.insert_authorization(&authorization, &code).await.unwrap();
            assert_eq!(
                store.find_code(&fingerprint(id)).await.unwrap(),
                Some((code, authorization))
            );
        }
        assert!(
            store
                .redeem_code(&fingerprint("spent"), NOW, &token("t", "spent"))
                .await
                .unwrap()
        );
        let find = async |now| store.find_access_token(&fingerprint("t"), now).await.unwrap();
        assert_eq!(find(NOW + 599).await, Some(grant("spent").0));
        assert_eq!(find(NOW + 600).await, None);
        for id in ["spent", "unspent"] {
            store.revoke_authorization(id, NOW + 1).await.unwrap();
        }
        assert_eq!(find(NOW + 1).await, None);
        assert!(
            !store
                .redeem_code(&fingerprint("unspent"), NOW, &token("u", "unspent"))
                .await
                .unwrap()
        );
    })
    .await;
}

#[tokio::test]
async fn a_redemption_is_whole_or_not_at_all() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        for id in ["one", "two"] {
            let (authorization, code) = grant(id);
            store.insert_authorization(&authorization, &code).await.unwrap();
        }
        let one = fingerprint("one");
        assert!(
            !store.redeem_code(&one, NOW + 60, &token("t", "one")).await.unwrap(),
            "expired"
        );
        assert!(
            !store.redeem_code(&one, NOW, &token("t", "two")).await.unwrap(),
            "another's authorization"
        );
        assert!(!store.redeem_code("unknown", NOW, &token("t", "one")).await.unwrap());
        assert!(store.redeem_code(&one, NOW, &token("t", "one")).await.unwrap());
        // The token's fingerprint is taken: the insert fails, and with it the spending.
        assert!(
            store
                .redeem_code(&fingerprint("two"), NOW, &token("t", "two"))
                .await
                .is_err()
        );
        let (two, _) = store.find_code(&fingerprint("two")).await.unwrap().unwrap();
        assert_eq!(two.consumed_at, None);
        assert!(
            store
                .redeem_code(&fingerprint("two"), NOW, &token("u", "two"))
                .await
                .unwrap()
        );
    })
    .await;
}

#[tokio::test]
async fn cleanup_deletes_what_expired_and_remembers_a_spent_code_as_long_as_its_token() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        for number in 0..5 {
            store.insert_flow(&flow(&number.to_string(), None, NOW)).await.unwrap();
        }
        store.insert_flow(&flow("living", None, NOW + 1)).await.unwrap();
        store.insert_browser_session(&session("ended", NOW)).await.unwrap();
        store.sid("ended", "rp", "sid").await.unwrap();
        for id in ["spent", "unspent"] {
            let (authorization, code) = grant(id);
            store.insert_authorization(&authorization, &code).await.unwrap();
        }
        assert!(
            store
                .redeem_code(&fingerprint("spent"), NOW, &token("t", "spent"))
                .await
                .unwrap()
        );

        assert_eq!(store.delete_expired(NOW, 2).await.unwrap(), 6);
        assert!(store.find_flow("living", NOW).await.unwrap().is_some());
        let known = async |id| store.find_code(&fingerprint(id)).await.unwrap().is_some();
        assert!(known("spent").await && known("unspent").await);
        store.delete_expired(NOW + 60, 2).await.unwrap();
        assert!(known("spent").await && !known("unspent").await);
        store.delete_expired(NOW + 600, 2).await.unwrap();
        assert!(!known("spent").await);
        assert_eq!(store.delete_expired(NOW + 600, 2).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn web_session_ids_are_stored_as_fingerprints() {
    on_each_engine(async |engine| {
        let clock = Clock::fixed(NOW);
        let sessions = WebSessionStore::new(engine.store.clone(), clock.clone());
        let mut record = web_session(Id(7), NOW + 60);
        sessions.create(&mut record).await.unwrap();
        assert_eq!(record.id, Id(7));
        assert_eq!(
            engine.texts("select id from web_sessions").await,
            vec![fingerprint(&Id(7).to_string())]
        );

        let mut colliding = web_session(Id(7), NOW + 60);
        sessions.create(&mut colliding).await.unwrap();
        assert_ne!(colliding.id, Id(7), "a collision gets another id");

        record.data.insert("locale".to_owned(), "en".into());
        record.expiry_date += time::Duration::seconds(30);
        sessions.save(&record).await.unwrap();
        clock.advance(89);
        assert_eq!(sessions.load(&Id(7)).await.unwrap(), Some(record.clone()));
        clock.advance(1);
        assert_eq!(sessions.load(&Id(7)).await.unwrap(), None, "expired");
        clock.advance(-90);
        sessions.delete(&Id(7)).await.unwrap();
        sessions.save(&record).await.unwrap();
        assert_eq!(
            sessions.load(&Id(7)).await.unwrap(),
            None,
            "saving brought an ended session back"
        );
    })
    .await;
}

fn web_session(id: Id, expires_at: i64) -> Record {
    Record {
        id,
        data: [("flow".to_owned(), "é".into())].into(),
        expiry_date: time::OffsetDateTime::from_unix_timestamp(expires_at).unwrap(),
    }
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
        let (authorization, code) = grant("grant");
        store.insert_authorization(&authorization, &code).await.unwrap();
        let error = store.insert_authorization(&authorization, &code).await.unwrap_err();
        for text in [format!("{error}"), format!("{error:?}")] {
            assert!(!text.contains("grant"), "{text}");
        }
    })
    .await;
    for url in [
        "mysql://u:hush@h/d",
        "postgres://u:hush@127.0.0.1:1/d",
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
    on_each_engine(async |engine| {
        let Some(path) = engine.url.strip_prefix("sqlite:") else {
            return;
        };
        seed(&engine.store).await;
        for suffix in ["", "-wal", "-shm"] {
            let mode = std::fs::metadata(format!("{path}{suffix}"))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600, "{suffix}");
        }
    })
    .await;
}
