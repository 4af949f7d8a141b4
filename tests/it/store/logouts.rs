//! The end of a session is whole, whoever joins or ends it at the same time; each delivery is taken by one.

use std::collections::BTreeSet;

use tchap_connect::domain::agent::Pause;
use tchap_connect::domain::consent::Consent;
use tchap_connect::protocol::client::{Client, LogoutUris, SubjectType};
use tchap_connect::store::Store;

use super::grants::{grant, token};
use super::{NOW, at_once, client, seed, session};
use crate::engines::{Engine, on_each_engine};
use crate::support::put_client;

fn told(id: &str) -> Client {
    Client {
        logout: LogoutUris {
            backchannel_logout_uri: Some("https://rp.example/logout".into()),
            ..LogoutUris::default()
        },
        ..client(id)
    }
}

/// Someone signs in at a client in this session, which redeems the code.
pub async fn join(store: &Store, session: &str, client: &str) {
    join_as(store, session, client, &format!("{session}-{client}")).await;
}

async fn join_as(store: &Store, session: &str, client: &str, sid: &str) {
    store.sid(session, client, sid).await.unwrap().unwrap();
    let (mut authorization, mut code) = grant(sid);
    let agent = authorization.agent.as_mut().unwrap();
    (agent.session_id, agent.subject) = (session.to_owned(), format!("subject at {client}"));
    sid.clone_into(&mut agent.sid);
    authorization.client_id = client.to_owned();
    code.client_id = client.to_owned();
    assert!(store.insert_authorization(&authorization, &code, false).await.unwrap());
    let token = token(sid, &authorization.id);
    assert!(store.redeem_code(&code.fingerprint, NOW, &token, None).await.unwrap());
}

/// A session in which these clients took part.
async fn session_of(store: &Store, id: &str, clients: &[&str]) {
    store.insert_browser_session(&session(id, NOW + 60)).await.unwrap();
    for client in clients {
        join(store, id, client).await;
    }
}

#[tokio::test]
async fn ending_a_session_tells_who_took_part_and_queues_what_is_to_be_sent() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        let public = Client {
            subject_type: SubjectType::Public,
            ..told("public")
        };
        let disabled = Client {
            disabled: true,
            ..told("disabled")
        };
        for client in [told("told"), public, disabled, told("absent")] {
            put_client(store, &client, NOW).await;
        }
        session_of(store, "one", &["rp", "told", "public", "disabled"]).await;
        session_of(store, "two", &["told"]).await;
        let ended = store.end_browser_session("one", NOW).await.unwrap();
        let ended: Vec<_> = ended
            .iter()
            .map(|one| (one.client.id.as_str(), one.sid.as_str()))
            .collect();
        assert_eq!(
            ended,
            [("public", "one-public"), ("rp", "one-rp"), ("told", "one-told")]
        );
        assert!(store.end_browser_session("one", NOW).await.unwrap().is_empty(), "once");
        assert_eq!(store.find_browser_session("one", NOW).await.unwrap(), None);
        assert!(store.find_browser_session("two", NOW).await.unwrap().is_some());

        let due = store.consume_due_logouts(NOW, NOW + 60, 10).await.unwrap();
        let due: BTreeSet<_> = due
            .iter()
            .map(|one| {
                (
                    one.client_id.as_str(),
                    one.subject.as_str(),
                    one.sid.as_str(),
                    one.attempts,
                )
            })
            .collect();
        let expected = [
            ("public", "subject at public", "one-public", 1),
            ("told", "subject at told", "one-told", 1),
        ];
        assert_eq!(due, BTreeSet::from(expected));
        assert!(
            store
                .consume_due_logouts(NOW + 59, NOW + 99, 10)
                .await
                .unwrap()
                .is_empty()
        );
        assert_eq!(store.consume_due_logouts(NOW + 60, NOW + 99, 1).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_delivery_is_taken_by_one_replica() {
    on_each_engine(async |Engine { store, url }| {
        seed(store).await;
        put_client(store, &told("told"), NOW).await;
        for number in 0..40 {
            let id = number.to_string();
            session_of(store, &id, &["told"]).await;
            store.end_browser_session(&id, NOW).await.unwrap();
        }
        let replica = Store::open(url).await.unwrap();
        let taken = at_once(store, |store, number| {
            let store = if number.is_multiple_of(2) {
                store
            } else {
                replica.clone()
            };
            async move { store.consume_due_logouts(NOW, NOW + 60, 3).await.unwrap() }
        })
        .await
        .concat();
        let sids: BTreeSet<_> = taken.iter().map(|one| &one.sid).collect();
        assert_eq!(taken.len(), sids.len(), "none twice");
        assert!(taken.iter().all(|one| one.attempts == 1));
        let rest = store.consume_due_logouts(NOW, NOW + 60, 50).await.unwrap();
        assert_eq!(taken.len() + rest.len(), 40, "none lost");
        replica.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_joins_an_ending_session_is_told_or_refused() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        for number in 1..50 {
            put_client(store, &client(&format!("c{number}")), NOW).await;
        }
        session_of(store, "session", &["rp"]).await;
        let outcomes = at_once(store, |store, number| async move {
            let id = format!("c{number}");
            match number {
                0 => Err(store.end_browser_session("session", NOW).await.unwrap()),
                _ => Ok(store.sid("session", &id, &format!("sid {id}")).await.unwrap()),
            }
        })
        .await;
        let joined: BTreeSet<_> = outcomes
            .iter()
            .filter_map(|one| one.as_ref().ok()?.as_deref())
            .collect();
        let ended = outcomes.iter().find_map(|one| one.as_ref().err()).unwrap();
        let told: BTreeSet<_> = ended
            .iter()
            .map(|one| one.sid.as_str())
            .filter(|sid| *sid != "session-rp")
            .collect();
        assert_eq!(joined, told);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_given_in_a_session_that_has_ended() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        session_of(store, "session", &[]).await;
        store.sid("session", "rp", "sid").await.unwrap().unwrap();
        let given = at_once(store, |store, number| async move {
            let (authorization, code) = grant(&format!("g{number}"));
            if number == 25 {
                store.end_browser_session("session", NOW).await.unwrap();
            }
            (
                store.insert_authorization(&authorization, &code, false).await.unwrap(),
                code,
            )
        })
        .await;
        for (given, code) in given {
            let found = store.find_code(&code.fingerprint).await.unwrap();
            assert_eq!(found.is_some(), given);
            let token = token(&code.fingerprint, &code.authorization_id);
            assert!(
                !store
                    .redeem_code(&code.fingerprint, NOW + 1, &token, None)
                    .await
                    .unwrap()
            );
        }
        let (offline, code) = grant("late");
        assert!(!store.insert_authorization(&offline, &code, false).await.unwrap());
    })
    .await;
}

/// Both hold the agent's sessions; in two orders, they would wait for each other for ever.
#[tokio::test(flavor = "multi_thread")]
async fn withdrawals_and_the_end_of_an_account_do_not_wait_for_each_other() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        for round in 0..5 {
            // Not in the order of their ids.
            for number in (0..20).rev() {
                session_of(store, &format!("s{round}-{number:02}"), &["rp"]).await;
            }
            at_once(store, |store, number| async move {
                match number {
                    10 => drop(store.pause_agent("agent", Pause::Locked, NOW, NOW).await.unwrap()),
                    _ => store.withdraw("agent", "rp", NOW).await.unwrap(),
                }
            })
            .await;
            assert!(store.list_browser_sessions("agent", NOW).await.unwrap().is_empty());
            store.confirm_agent("agent", None, NOW, NOW).await.unwrap();
        }
        at_once(store, |store, number| async move {
            match number {
                10 => drop(store.close_agent("agent", NOW).await.unwrap()),
                _ => store.withdraw("agent", "rp", NOW).await.unwrap(),
            }
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_withdrawal_is_of_one_agent_and_one_client_and_leaves_the_sessions() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        for id in ["told", "other"] {
            put_client(store, &told(id), NOW).await;
        }
        session_of(store, "one", &["told", "other"]).await;
        session_of(store, "two", &["told", "rp"]).await;
        for client_id in ["told", "other"] {
            let consent = Consent {
                agent_id: "agent".into(),
                client_id: client_id.into(),
                claims: ["email".to_owned()].into(),
                given_at: NOW,
                expires_at: NOW + 9,
            };
            store.upsert_consent(&consent).await.unwrap();
        }
        store.withdraw("another", "told", NOW).await.unwrap();
        assert!(store.consume_due_logouts(NOW, NOW + 60, 10).await.unwrap().is_empty());
        assert_eq!(store.list_consents("agent", NOW).await.unwrap().len(), 2);

        store.withdraw("agent", "told", NOW).await.unwrap();
        let due = store.consume_due_logouts(NOW, NOW + 60, 10).await.unwrap();
        let due: BTreeSet<_> = due.iter().map(|one| (one.sid.as_str(), one.subject.as_str())).collect();
        let subject = "subject at told";
        assert_eq!(due, [("one-told", subject), ("two-told", subject)].into());
        let consents = store.list_consents("agent", NOW).await.unwrap();
        assert_eq!(
            consents.iter().map(|one| one.client_id.as_str()).collect::<Vec<_>>(),
            ["other"]
        );
        for kept in store.list_authorizations("agent").await.unwrap() {
            let is_withdrawn = kept.authorization.client_id == "told";
            assert_eq!(
                kept.revoked_at,
                is_withdrawn.then_some(NOW),
                "{}",
                kept.authorization.id
            );
        }
        assert_eq!(store.list_browser_sessions("agent", NOW).await.unwrap().len(), 2);
        assert_eq!(store.find_sid("one", "told").await.unwrap(), None);
        assert!(store.find_sid("one", "other").await.unwrap().is_some());
        store.withdraw("agent", "told", NOW + 1).await.unwrap();
        assert!(
            store.consume_due_logouts(NOW, NOW + 60, 10).await.unwrap().is_empty(),
            "once"
        );
        // A later end of the session has another `sid` to tell.
        join_as(store, "one", "told", "again").await;
        assert_eq!(store.end_browser_session("one", NOW).await.unwrap().len(), 2);
    })
    .await;
}

/// What is given while it is withdrawn is withdrawn too, or was not given.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_given_past_a_withdrawal() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        session_of(store, "session", &[]).await;
        store.sid("session", "rp", "sid").await.unwrap().unwrap();
        let given = at_once(store, |store, number| async move {
            let (authorization, code) = grant(&format!("g{number}"));
            if number == 25 {
                store.withdraw("agent", "rp", NOW).await.unwrap();
            }
            store.insert_authorization(&authorization, &code, false).await.unwrap()
        })
        .await;
        assert!(given.contains(&false));
        for kept in store.list_authorizations("agent").await.unwrap() {
            assert_eq!(kept.revoked_at, Some(NOW), "{}", kept.authorization.id);
        }
    })
    .await;
}

/// The request was read before the withdrawal, and its `sid` is made after it.
#[tokio::test]
async fn what_stands_on_a_consent_is_not_given_once_that_is_withdrawn() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        session_of(store, "session", &[]).await;
        let consent = Consent {
            agent_id: "agent".into(),
            client_id: "rp".into(),
            claims: ["email".to_owned()].into(),
            given_at: NOW,
            expires_at: NOW + 9,
        };
        store.upsert_consent(&consent).await.unwrap();
        store.withdraw("agent", "rp", NOW).await.unwrap();
        store.sid("session", "rp", "sid").await.unwrap().unwrap();
        let give = async |id: &str, agreed: bool| {
            let (authorization, code) = grant(id);
            store.insert_authorization(&authorization, &code, agreed).await.unwrap()
        };
        assert!(!give("withdrawn", true).await);
        assert!(give("never-asks", false).await);
        store.upsert_consent(&consent).await.unwrap();
        assert!(give("agreed-again", true).await);
    })
    .await;
}
