//! What a login leaves: agents, subjects, sessions, flows, consents.

use std::collections::BTreeSet;

use tchap_connect::clock::Clock;
use tchap_connect::domain::consent::Consent;
use tchap_connect::domain::flow::Flow;
use tchap_connect::domain::homeserver::Way;
use tchap_connect::domain::session::BrowserSession;
use tchap_connect::secret::fingerprint;
use tchap_connect::store::WebSessionStore;
use tower_sessions::SessionStore as _;
use tower_sessions::session::{Id, Record};

use super::{NOW, agent, at_once, flow, seed, session, set};
use crate::engines::{Engine, on_each_engine};

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
        first.last_believed = first.email.take();
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
            (subject, store.sid("session", "rp", &candidate).await.unwrap().unwrap())
        })
        .await;
        assert_eq!(BTreeSet::from_iter(&answers).len(), 1);
        assert_eq!(store.subject("agent", "other.example", "other").await.unwrap(), "other");
        assert_eq!(
            store.subject("agent", "rp.example", "late").await.unwrap(),
            answers[0].0
        );
        store.end_browser_session("session", NOW).await.unwrap();
        assert_eq!(store.sid("session", "rp", "late").await.unwrap(), None);
    })
    .await;
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
        store.end_browser_session("pwd", NOW).await.unwrap();
        assert_eq!(store.find_browser_session("pwd", NOW).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn of_racing_steps_of_a_flow_one_wins() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        store.insert_flow(&flow("flow", NOW + 60)).await.unwrap();
        let outcomes = at_once(store, |store, number| async move {
            let mut step = flow("flow", NOW + 60);
            step.progress.typed = Some(number.to_string());
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

fn attempted(id: &str, attempt: &str, expires_at: i64) -> Flow {
    Flow {
        attempt: Some(fingerprint(attempt)),
        browser: Some("browser".to_owned()),
        ..flow(id, expires_at)
    }
}

#[tokio::test]
async fn a_login_attempt_is_consumed_once_and_outdates_steps_under_way() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        let started = attempted("flow", "attempt", NOW + 60);
        store.insert_flow(&started).await.unwrap();
        store.insert_flow(&attempted("late", "late", NOW)).await.unwrap();
        assert_eq!(
            store
                .consume_attempt(&fingerprint("late"), "browser", NOW)
                .await
                .unwrap(),
            None
        );
        let found = at_once(store, |store, _| async move {
            store
                .consume_attempt(&fingerprint("attempt"), "browser", NOW)
                .await
                .unwrap()
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
            store.insert_flow(&flow(id, expires_at)).await.unwrap();
        }
        assert_eq!(store.count_open_flows("192.0.2.1", NOW).await.unwrap(), 2);
        assert_eq!(store.count_open_flows("192.0.2.2", NOW).await.unwrap(), 0);
        store.delete_flow("b").await.unwrap();
        assert_eq!(store.count_open_flows("192.0.2.1", NOW).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_consent_is_remembered_until_it_ends_and_adds_to_the_former_one() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        let consent = |claims: &[&str], given_at, expires_at| Consent {
            agent_id: "agent".to_owned(),
            client_id: "rp".to_owned(),
            claims: set(claims),
            given_at,
            expires_at,
        };
        store.upsert_consent(&consent(&["email"], NOW, NOW + 60)).await.unwrap();
        store
            .upsert_consent(&consent(&["siret"], NOW + 59, NOW + 90))
            .await
            .unwrap();
        let both = consent(&["email", "siret"], NOW + 59, NOW + 90);
        assert_eq!(store.find_consent("agent", "rp", NOW + 89).await.unwrap(), Some(both));
        assert_eq!(store.find_consent("agent", "rp", NOW + 90).await.unwrap(), None);
        assert_eq!(store.find_consent("agent", "other", NOW).await.unwrap(), None);

        let alone = consent(&["name"], NOW + 90, NOW + 150);
        store.upsert_consent(&alone).await.unwrap();
        assert_eq!(
            store.find_consent("agent", "rp", NOW + 90).await.unwrap(),
            Some(alone),
            "what ended is over"
        );

        at_once(store, |store, number| async move {
            let one = Consent {
                claims: [number.to_string()].into(),
                ..consent(&[], NOW + 99, NOW + 199)
            };
            store.upsert_consent(&one).await.unwrap();
        })
        .await;
        let all = store.find_consent("agent", "rp", NOW + 99).await.unwrap().unwrap();
        assert_eq!(all.claims.len(), 51, "none is lost in a race");
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
