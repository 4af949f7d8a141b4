//! Codes are spent once; tokens live and die with their authorization; cleanup forgets neither too early.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tchap_connect::domain::grant::{AccessTokenRecord, AgentGrant, Authorization, CodeRecord, RefreshTokenRecord};
use tchap_connect::secret::fingerprint;
use tchap_connect::store::{Refresh, Store};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::{NOW, flow, seed, session, set};
use crate::engines::{Engine, on_each_engine};

/// Besides the client and the agent, the session that grants are made in.
async fn seed_session(store: &Store) {
    seed(store).await;
    let session = session("session", NOW + 365 * 24 * 3600);
    store.insert_browser_session(&session).await.unwrap();
    store.sid("session", "rp", "sid").await.unwrap().unwrap();
}

pub fn grant(id: &str) -> (Authorization, CodeRecord) {
    let authorization = Authorization {
        id: id.to_owned(),
        client_id: "rp".to_owned(),
        scope: set(&["openid"]),
        resources: set(&[]),
        agent: Some(AgentGrant {
            agent_id: "agent".to_owned(),
            session_id: "session".to_owned(),
            subject: "subject".to_owned(),
            claims: set(&["email"]),
            demanded_in_userinfo: set(&["email"]),
            demanded_in_id_token: set(&["acr"]),
            nonce: Some("n\0once".to_owned()),
            auth_time: Some(NOW),
            acr: "eidas1".to_owned(),
            amr: vec!["pwd".to_owned()],
            sid: "sid".to_owned(),
        }),
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

pub fn token(name: &str, authorization_id: &str) -> AccessTokenRecord {
    AccessTokenRecord {
        fingerprint: fingerprint(name),
        authorization_id: authorization_id.to_owned(),
        scope: set(&["openid"]),
        audience: set(&["https://issuer.example"]),
        issued_at: NOW,
        expires_at: NOW + 600,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_parallel_redemptions_of_a_code_give_one_success() {
    on_each_engine(async |Engine { store, url }| {
        seed_session(store).await;
        let (authorization, code) = grant("grant");
        store.insert_authorization(&authorization, &code, false).await.unwrap();
        // Over two replicas, so that not only this program's own queue for the writer is tried.
        let replica = Store::open(url).await.unwrap();
        let redeem = |number: usize| {
            let store = if number.is_multiple_of(2) {
                store.clone()
            } else {
                replica.clone()
            };
            async move {
                let token = token(&number.to_string(), "grant");
                let won = store
                    .redeem_code(&fingerprint("grant"), NOW + 1, &token, None)
                    .await
                    .unwrap();
                let living = store.find_access_token(&token.fingerprint, NOW + 1).await.unwrap();
                assert_eq!(living.is_some(), won);
                won
            }
        };
        let outcomes = (0..50).map(redeem).collect::<JoinSet<bool>>().join_all().await;
        assert_eq!(outcomes.into_iter().filter(|won| *won).count(), 1);
        let (spent, _) = replica.find_code(&code.fingerprint).await.unwrap().unwrap();
        assert_eq!(spent.consumed_at, Some(NOW + 1));
        replica.close().await;
    })
    .await;
}

#[tokio::test]
async fn revoking_an_authorization_kills_its_code_and_tokens() {
    on_each_engine(async |Engine { store, .. }| {
        seed_session(store).await;
        for id in ["spent", "unspent"] {
            let (authorization, code) = grant(id);
            store.insert_authorization(&authorization, &code, false).await.unwrap();
            assert_eq!(
                store.find_code(&fingerprint(id)).await.unwrap(),
                Some((code, authorization))
            );
        }
        assert!(
            store
                .redeem_code(&fingerprint("spent"), NOW, &token("t", "spent"), None)
                .await
                .unwrap()
        );
        let find = async |now| store.find_access_token(&fingerprint("t"), now).await.unwrap();
        assert_eq!(find(NOW + 599).await, Some((token("t", "spent"), grant("spent").0)));
        assert_eq!(find(NOW + 600).await, None);
        for id in ["spent", "unspent"] {
            store.revoke_authorization(id, NOW + 1).await.unwrap();
        }
        assert_eq!(find(NOW + 1).await, None);
        assert!(
            !store
                .redeem_code(&fingerprint("unspent"), NOW, &token("u", "unspent"), None)
                .await
                .unwrap()
        );
    })
    .await;
}

#[tokio::test]
async fn a_redemption_is_whole_or_not_at_all() {
    on_each_engine(async |Engine { store, .. }| {
        seed_session(store).await;
        for id in ["one", "two"] {
            let (authorization, code) = grant(id);
            store.insert_authorization(&authorization, &code, false).await.unwrap();
        }
        let one = fingerprint("one");
        assert!(
            !store
                .redeem_code(&one, NOW + 60, &token("t", "one"), None)
                .await
                .unwrap(),
            "expired"
        );
        assert!(
            !store.redeem_code(&one, NOW, &token("t", "two"), None).await.unwrap(),
            "another's authorization"
        );
        assert!(
            !store
                .redeem_code("unknown", NOW, &token("t", "one"), None)
                .await
                .unwrap()
        );
        assert!(store.redeem_code(&one, NOW, &token("t", "one"), None).await.unwrap());
        // The token's fingerprint is taken: the insert fails, and with it the spending.
        assert!(
            store
                .redeem_code(&fingerprint("two"), NOW, &token("t", "two"), None)
                .await
                .is_err()
        );
        let (two, _) = store.find_code(&fingerprint("two")).await.unwrap().unwrap();
        assert_eq!(two.consumed_at, None);
        assert!(
            store
                .redeem_code(&fingerprint("two"), NOW, &token("u", "two"), None)
                .await
                .unwrap()
        );
    })
    .await;
}

#[tokio::test]
async fn what_the_former_release_stored_of_a_token_means_all_of_its_authorization() {
    on_each_engine(async |engine| {
        let store = &engine.store;
        seed_session(store).await;
        let (authorization, code) = grant("grant");
        store.insert_authorization(&authorization, &code, false).await.unwrap();
        let former = token("t", "grant");
        assert!(store.redeem_code(&code.fingerprint, NOW, &former, None).await.unwrap());
        engine.execute("update access_tokens set details = null").await;
        let (read, _) = store
            .find_access_token(&former.fingerprint, NOW)
            .await
            .unwrap()
            .unwrap();
        let expected = AccessTokenRecord {
            audience: set(&[]),
            ..former
        };
        assert_eq!(read, expected);
    })
    .await;
}

fn refresh_token(name: &str, expires_at: i64) -> RefreshTokenRecord {
    RefreshTokenRecord {
        fingerprint: fingerprint(name),
        authorization_id: "grant".to_owned(),
        created_at: NOW,
        expires_at,
        rotation: None,
    }
}

#[tokio::test]
async fn a_refresh_token_lives_on_or_is_replaced_and_only_its_unused_successor_comes_again() {
    on_each_engine(async |Engine { store, .. }| {
        seed_session(store).await;
        let (authorization, code) = grant("grant");
        store.insert_authorization(&authorization, &code, false).await.unwrap();
        let first = refresh_token("r1", NOW + 1000);
        let t = token("t", "grant");
        assert!(
            store
                .redeem_code(&code.fingerprint, NOW, &t, Some(&first))
                .await
                .unwrap()
        );
        let found = async |name| store.find_refresh_token(&fingerprint(name)).await.unwrap();
        assert_eq!(found("r1").await, Some((first.clone(), authorization)));
        assert_eq!(found("t").await, None);
        let number = Cell::new(0);
        let attempt = async |refresh: Refresh<'_>, now| {
            number.set(number.get() + 1);
            let token = token(&format!("a{}", number.get()), "grant");
            let done = store.refresh(refresh, &token, now).await.unwrap();
            let stored = store
                .find_access_token(&token.fingerprint, now)
                .await
                .unwrap()
                .is_some();
            assert_eq!(stored, done, "all or nothing");
            done
        };

        assert!(attempt(Refresh::Keep(&first, NOW + 2000), NOW + 500).await);
        assert_eq!(found("r1").await.unwrap().0.expires_at, NOW + 2000);
        assert!(!attempt(Refresh::Keep(&first, NOW + 9000), NOW + 2000).await, "expired");

        let (second, third) = (refresh_token("r2", NOW + 3000), refresh_token("r3", NOW + 4000));
        assert!(attempt(Refresh::Rotate(&first, &second, "sealed"), NOW + 501).await);
        assert!(
            !attempt(Refresh::Rotate(&first, &third, "sealed"), NOW + 501).await,
            "once"
        );
        assert!(!attempt(Refresh::Keep(&first, NOW + 9000), NOW + 501).await);
        let rotated = found("r1").await.unwrap().0;
        let rotation = rotated.rotation.clone().unwrap();
        assert_eq!(
            (rotation.at, &*rotation.sealed_successor, rotation.successor_is_fresh),
            (NOW + 501, "sealed", true)
        );
        assert!(attempt(Refresh::Again(&rotation), NOW + 502).await);
        assert_eq!(found("r2").await.unwrap().0, second, "again changes nothing");
        assert!(attempt(Refresh::Rotate(&second, &third, "sealed"), NOW + 503).await);
        assert!(
            !attempt(Refresh::Again(&rotation), NOW + 504).await,
            "the successor was used"
        );
        assert!(!found("r1").await.unwrap().0.rotation.unwrap().successor_is_fresh);

        // The code is remembered as long as the last refresh token, expired tokens are not.
        store.delete_expired(NOW + 3999, 2).await.unwrap();
        assert!(store.find_code(&code.fingerprint).await.unwrap().is_some());
        assert!(found("r2").await.is_none() && found("r3").await.is_some());
        store.revoke_authorization("grant", NOW + 3999).await.unwrap();
        assert!(found("r3").await.is_none());
        assert!(!attempt(Refresh::Keep(&third, NOW + 9000), NOW + 3999).await, "revoked");
        store.delete_expired(NOW + 4000, 2).await.unwrap();
        assert!(store.find_code(&code.fingerprint).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn cleanup_deletes_what_expired_and_remembers_a_spent_code_as_long_as_its_token() {
    on_each_engine(async |Engine { store, .. }| {
        seed_session(store).await;
        for number in 0..5 {
            store.insert_flow(&flow(&number.to_string(), NOW)).await.unwrap();
        }
        store.insert_flow(&flow("living", NOW + 1)).await.unwrap();
        store.insert_browser_session(&session("ended", NOW)).await.unwrap();
        store.sid("ended", "rp", "sid that ended").await.unwrap();
        for id in ["spent", "unspent"] {
            let (authorization, code) = grant(id);
            store.insert_authorization(&authorization, &code, false).await.unwrap();
        }
        assert!(
            store
                .redeem_code(&fingerprint("spent"), NOW, &token("t", "spent"), None)
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

/// What may happen to one code; times in seconds after the last.
#[derive(Debug, Clone)]
enum Event {
    Redeem,
    Revoke,
    Wait(i64),
    Cleanup,
}

/// The promise: a code is spent at most once, within its minute, while its authorization stands; its token lives for
/// ten minutes unless revoked; and a spent code is known as long as that token.
#[derive(Debug, Default)]
struct Model {
    spent: bool,
    revoked: bool,
    gone: bool,
}

async fn play(store: &Store, id: &str, events: &[Event]) {
    let (authorization, code) = grant(id);
    store.insert_authorization(&authorization, &code, false).await.unwrap();
    let (mut now, mut model) = (NOW, Model::default());
    let tokens: Vec<_> = (0..events.len())
        .map(|number| token(&format!("{id}-{number}"), id))
        .collect();
    for (event, token) in events.iter().zip(&tokens) {
        match event {
            Event::Redeem => {
                let expected = !model.spent && !model.revoked && !model.gone && now < code.expires_at;
                let redeemed = store.redeem_code(&code.fingerprint, now, token, None).await.unwrap();
                assert_eq!(redeemed, expected, "{event:?} at {now} in {model:?}");
                model.spent |= redeemed;
            }
            Event::Revoke => {
                store.revoke_authorization(id, now).await.unwrap();
                model.revoked = true;
            }
            Event::Wait(seconds) => now += seconds,
            Event::Cleanup => {
                store.delete_expired(now, 500).await.unwrap();
                let end = if model.spent { NOW + 600 } else { code.expires_at };
                model.gone |= now >= end;
            }
        }
        assert_eq!(store.find_code(&code.fingerprint).await.unwrap().is_none(), model.gone);
        let mut living = 0;
        for token in &tokens {
            living += usize::from(
                store
                    .find_access_token(&token.fingerprint, now)
                    .await
                    .unwrap()
                    .is_some(),
            );
        }
        let expected = model.spent && !model.revoked && now < NOW + 600;
        assert_eq!(living, usize::from(expected), "after {event:?} at {now} in {model:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_a_code_it_is_spent_once_and_remembered_long_enough() {
    let event = prop_oneof![
        3 => Just(Event::Redeem),
        1 => Just(Event::Revoke),
        2 => (1_i64..300).prop_map(Event::Wait),
        1 => Just(Event::Cleanup),
    ];
    let histories = prop::collection::vec(event, 1..12);
    on_each_engine(async |Engine { store, .. }| {
        seed_session(store).await;
        let number = Cell::new(0);
        let mut runner = TestRunner::new(Config {
            cases: 64,
            failure_persistence: None,
            ..Config::default()
        });
        let outcome = runner.run(&histories, |events| {
            number.set(number.get() + 1);
            let id = format!("grant-{}", number.get());
            let played = play(store, &id, &events);
            tokio::task::block_in_place(|| Handle::current().block_on(played));
            Ok(())
        });
        outcome.unwrap();
    })
    .await;
}
