//! The end of an account is whole and happens once; turns and agents of the watch are taken by one, and come back.

use std::collections::BTreeSet;

use tchap_connect::domain::agent::{Agent, Pause};
use tchap_connect::protocol::client::{Client, LogoutUris};
use tchap_connect::store::Store;

use super::{NOW, agent, at_once, client, join, seed, session};
use crate::engines::{Engine, on_each_engine};
use crate::support::put_client;

const HOMESERVER: &str = "agent.dinum.tchap.test";

async fn signed_in(store: &Store, sessions: &[&str]) {
    seed(store).await;
    let told = Client {
        logout: LogoutUris {
            backchannel_logout_uri: Some("https://rp.example/logout".into()),
            ..LogoutUris::default()
        },
        ..client("told")
    };
    put_client(store, &told, NOW).await;
    for id in sessions {
        store.insert_browser_session(&session(id, NOW + 600)).await.unwrap();
        join(store, id, "told").await;
    }
}

#[tokio::test]
async fn an_account_is_closed_once_with_every_session_and_token() {
    on_each_engine(async |engine| {
        let store = &engine.store;
        signed_in(store, &["one", "two"]).await;
        let closings = at_once(store, |store, number| async move {
            match number % 2 {
                0 => store.close_agent("agent", NOW).await.unwrap(),
                _ => {
                    store.end_browser_session("two", NOW).await.unwrap();
                    None
                }
            }
        })
        .await;
        let ended: Vec<_> = closings.into_iter().flatten().collect();
        assert!(ended == [2] || ended == [1], "{ended:?}");
        assert_eq!(
            store.list_logout_deliveries("told", 10).await.unwrap().len(),
            2,
            "each session once"
        );
        let alive = engine
            .texts("select id from authorizations where revoked_at is null")
            .await;
        assert!(alive.is_empty(), "{alive:?}");
        assert!(engine.texts("select id from browser_sessions").await.is_empty());
        let now = NOW + 1;
        assert_eq!(store.pause_agent("agent", Pause::Locked, now, now).await.unwrap(), None);
        assert!(!store.confirm_agent("agent", None, now, now).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn what_is_known_later_counts() {
    on_each_engine(async |Engine { store, .. }| {
        signed_in(store, &["one"]).await;
        let paused = async || store.find_agent("agent").await.unwrap().unwrap().paused;
        store.confirm_agent("agent", None, NOW + 5, NOW + 240).await.unwrap();
        let late = store
            .pause_agent("agent", Pause::Locked, NOW + 4, NOW + 6)
            .await
            .unwrap();
        assert_eq!(
            (late, paused().await),
            (None, None),
            "the login came after the question"
        );
        let ended = store
            .pause_agent("agent", Pause::Locked, NOW + 5, NOW + 6)
            .await
            .unwrap();
        assert_eq!((ended, paused().await), (Some(1), Some(Pause::Locked)));
        let again = store
            .pause_agent("agent", Pause::Locked, NOW + 7, NOW + 7)
            .await
            .unwrap();
        assert_eq!(again, None, "said once");
        let keeping = Some(Pause::Locked);
        assert!(!store.confirm_agent("agent", keeping, NOW + 8, NOW + 240).await.unwrap());
        assert_eq!(paused().await, Some(Pause::Locked));
        assert!(
            store
                .confirm_agent("agent", Some(Pause::Suspended), NOW + 9, NOW + 240)
                .await
                .unwrap()
        );
        assert_eq!(paused().await, None);
    })
    .await;
}

#[tokio::test]
async fn a_turn_is_taken_by_one_and_lapses() {
    on_each_engine(async |Engine { store, .. }| {
        let taken = async |now: i64| {
            let turns = at_once(store, move |store, _| async move {
                store.consume_watch_turn(HOMESERVER, now, now + 30).await.unwrap()
            })
            .await;
            turns.into_iter().filter(|taken| *taken).count()
        };
        assert_eq!(taken(NOW).await, 1);
        assert_eq!(taken(NOW + 29).await, 0);
        assert!(
            store
                .consume_watch_turn("other.tchap.test", NOW, NOW + 30)
                .await
                .unwrap()
        );
        assert_eq!(taken(NOW + 30).await, 1, "whoever had it has died");
        store.update_watch_turn(HOMESERVER, NOW + 31).await.unwrap();
        assert_eq!(taken(NOW + 30).await, 0);
        assert_eq!(taken(NOW + 31).await, 1, "given back");
    })
    .await;
}

#[tokio::test]
async fn agents_are_taken_by_one_come_back_and_leave_when_nothing_of_them_lives() {
    on_each_engine(async |Engine { store, .. }| {
        for number in 0..10 {
            let agent = Agent {
                matrix_id: format!("@{number}:{HOMESERVER}"),
                ..agent(&number.to_string())
            };
            store.insert_agent(&agent).await.unwrap();
            let mut session = session(&number.to_string(), NOW + if number < 7 { 600 } else { 0 });
            session.agent_id = number.to_string();
            store.insert_browser_session(&session).await.unwrap();
        }
        let taken = at_once(store, |store, _| async move {
            store.consume_due_checks(HOMESERVER, NOW, NOW + 30, 2).await.unwrap()
        })
        .await;
        // Of racing takers some find only what others have just taken; what is left over is there for the next one.
        let rest = store.consume_due_checks(HOMESERVER, NOW, NOW + 30, 50).await.unwrap();
        let taken = taken.into_iter().chain([rest]);
        let ids: Vec<_> = taken.flatten().flatten().map(|watched| watched.agent_id).collect();
        assert_eq!(ids.len(), 7, "each once, and only with a living session: {ids:?}");
        assert_eq!(BTreeSet::from_iter(&ids).len(), 7);
        assert!(!store.is_check_due(HOMESERVER, NOW + 29).await.unwrap());

        // Two are answered for; the program dies with the others.
        store
            .update_checks(["0", "1"].into_iter(), NOW, NOW + 240)
            .await
            .unwrap();
        assert!(store.is_check_due(HOMESERVER, NOW + 30).await.unwrap());
        let again = store
            .consume_due_checks(HOMESERVER, NOW + 30, NOW + 60, 50)
            .await
            .unwrap()
            .unwrap();
        let again: BTreeSet<_> = again.into_iter().map(|watched| watched.agent_id).collect();
        assert_eq!(again, ["2", "3", "4", "5", "6"].map(String::from).into());
        assert_eq!(
            store
                .consume_due_checks(HOMESERVER, NOW + 30, NOW + 60, 50)
                .await
                .unwrap(),
            None
        );
        assert_eq!(
            store.watch_delays(NOW + 30).await.unwrap(),
            [(HOMESERVER.to_owned(), 30)]
        );
    })
    .await;
}
