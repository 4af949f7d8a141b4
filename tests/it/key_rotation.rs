//! Rotation of signing keys on both engines: by schedule among replicas, by command, and what becomes of a stolen key.

use serde_json::{Value, json};
use tchap_connect::keys::{KEPT_FOR_HINTS, KeyInfo, KeyState, Keys, KeysError};
use tchap_connect::protocol::client::SigningAlg;

use crate::engines::{Engine, on_each_engine};
use crate::keys::{kid, start};

const NOW: i64 = 1_800_000_000;
const DAY: i64 = 24 * 3600;
const PERIOD: i64 = 90 * DAY;
/// From its publication to its first signature.
const AHEAD: i64 = 660;
const ALGORITHMS: usize = SigningAlg::ALL.len();

fn kids(jwks: &Value) -> Vec<&str> {
    let keys = jwks["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].as_str().unwrap()).collect()
}

/// The key that signs with ES256.
fn signer(keys: &Keys, now: i64) -> String {
    kid(&keys.sign("JWT", SigningAlg::ES256, &json!({}), now).unwrap())
}

/// All ES256 keys, oldest first.
fn es256(keys: &Keys, now: i64) -> Vec<KeyInfo> {
    keys.list(now).into_iter().filter(|key| key.alg == "ES256").collect()
}

fn states(keys: &Keys, now: i64) -> Vec<KeyState> {
    es256(keys, now).iter().map(|key| key.state).collect()
}

#[tokio::test]
async fn a_rotated_key_is_published_before_it_signs_and_after_it_was_replaced() {
    on_each_engine(async |Engine { store, .. }| {
        let keys = start(store, NOW).await;
        let token = keys.sign("JWT", SigningAlg::RS256, &json!({ "n": 1 }), NOW).unwrap();
        let old = kid(&token);
        let other_replica = start(store, NOW).await;
        keys.rotate(store, NOW + 100, false).await.unwrap();
        let signing = |now| kid(&keys.sign("JWT", SigningAlg::RS256, &json!({}), now).unwrap());
        let state = |kid: &str, now| keys.list(now).iter().find(|key| key.kid == kid).unwrap().state;

        let at_once = keys.jwks(NOW + 100);
        assert_eq!(kids(&at_once).len(), 2 * ALGORITHMS);
        assert_eq!(kids(&at_once)[0], old, "in a stable order, the oldest first");
        let new = kids(&at_once)[1];
        assert_eq!(
            (state(&old, NOW + 100), state(new, NOW + 100)),
            (KeyState::Active, KeyState::Next)
        );
        assert_eq!(signing(NOW + 100 + 659), old);
        let takes_over = NOW + 100 + 660;
        assert_eq!(signing(takes_over), new);
        assert_eq!(
            (state(&old, takes_over), state(new, takes_over)),
            (KeyState::Retired, KeyState::Active)
        );

        assert!(kids(&keys.jwks(takes_over + 3599)).contains(&old.as_str()));
        assert!(!kids(&keys.jwks(takes_over + 3600)).contains(&old.as_str()));
        assert!(keys.verify("JWT", &token).is_ok(), "an old hint still verifies");

        other_replica.reload(store).await.unwrap();
        assert_eq!(other_replica.jwks(NOW + 100), at_once);

        store.delete_signing_keys_retired_before(takes_over).await.unwrap();
        keys.reload(store).await.unwrap();
        assert!(keys.verify("JWT", &token).is_ok(), "not yet 13 months");
        store
            .delete_signing_keys_retired_before(takes_over + KEPT_FOR_HINTS)
            .await
            .unwrap();
        keys.reload(store).await.unwrap();
        assert!(matches!(keys.verify("JWT", &token), Err(KeysError::Token)));
        assert_eq!(keys.list(takes_over).len(), ALGORITHMS);
    })
    .await;
}

#[tokio::test]
async fn an_immediate_rotation_signs_at_once() {
    on_each_engine(async |Engine { store, .. }| {
        let keys = start(store, NOW).await;
        let before = kid(&keys.sign("JWT", SigningAlg::ES256, &json!({}), NOW).unwrap());
        keys.rotate(store, NOW + 5, true).await.unwrap();
        let after = kid(&keys.sign("JWT", SigningAlg::ES256, &json!({}), NOW + 5).unwrap());
        assert_ne!(before, after);
        assert_eq!(kids(&keys.jwks(NOW + 5)).len(), 2 * ALGORITHMS);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_rotate_by_schedule_make_one_key_per_algorithm() {
    on_each_engine(async |Engine { store, .. }| {
        let (one, two, three) = tokio::join!(start(store, NOW), start(store, NOW), start(store, NOW));
        let replicas = [&one, &two, &three];
        let turn = async |now: i64| {
            // Their clocks differ a little.
            let turns = tokio::join!(
                one.rotate_when_due(store, now, PERIOD),
                two.rotate_when_due(store, now + 2, PERIOD),
                three.rotate_when_due(store, now + 40, PERIOD),
            );
            turns.0.and(turns.1).and(turns.2).unwrap();
        };
        turn(NOW + PERIOD - 41).await;
        assert_eq!(one.list(NOW).len(), ALGORITHMS, "not old enough");

        let due = NOW + PERIOD;
        for later in [0, 30, 60, AHEAD - 1, AHEAD + 60, AHEAD + 3600, PERIOD - 60] {
            turn(due + later).await;
            for replica in replicas {
                assert_eq!(replica.list(due).len(), 2 * ALGORITHMS, "{later} seconds later");
            }
        }
        let keys = es256(&one, due);
        let takes_over = keys[1].active_from;
        // Of each algorithm another replica may have been the first.
        let new: Vec<_> = one
            .list(due)
            .iter()
            .map(|key| key.active_from)
            .filter(|from| *from > due)
            .collect();
        let (first, last) = (*new.iter().min().unwrap(), *new.iter().max().unwrap());
        assert_eq!(new.len(), ALGORITHMS);
        assert!((due + AHEAD..=due + 40 + AHEAD).contains(&first) && last <= due + 40 + AHEAD);
        for (now, active) in [(takes_over - 1, &keys[0]), (takes_over, &keys[1])] {
            for replica in replicas {
                assert_eq!(signer(replica, now), active.kid);
            }
        }
        for replica in replicas {
            assert_eq!(kids(&replica.jwks(due)), kids(&one.jwks(due)));
            assert_eq!(
                kids(&replica.jwks(due)).len(),
                2 * ALGORITHMS,
                "published before it signs"
            );
            assert_eq!(kids(&replica.jwks(first + 3599)).len(), 2 * ALGORITHMS);
            assert_eq!(
                kids(&replica.jwks(last + 3600)).len(),
                ALGORITHMS,
                "and after it was replaced"
            );
        }
        turn(takes_over + PERIOD).await;
        for replica in replicas {
            assert_eq!(
                states(replica, takes_over + PERIOD),
                [KeyState::Retired, KeyState::Active, KeyState::Next]
            );
        }
    })
    .await;
}

#[tokio::test]
async fn one_key_on_its_way_is_enough() {
    on_each_engine(async |Engine { store, .. }| {
        let keys = start(store, NOW).await;
        keys.rotate_when_due(store, NOW + PERIOD, PERIOD).await.unwrap();
        keys.rotate(store, NOW + PERIOD + 5, false).await.unwrap();
        assert_eq!(states(&keys, NOW + PERIOD + 5), [KeyState::Active, KeyState::Next]);
        // A replica whose memory is old decides by the database.
        let behind = start(store, NOW).await;
        keys.rotate(store, NOW + 2 * PERIOD, false).await.unwrap();
        behind.rotate(store, NOW + 2 * PERIOD, false).await.unwrap();
        assert_eq!(es256(&behind, NOW).len(), 3);
    })
    .await;
}

#[tokio::test]
async fn an_immediate_rotation_overtakes_a_key_on_its_way() {
    on_each_engine(async |Engine { store, .. }| {
        let keys = start(store, NOW).await;
        keys.rotate(store, NOW, false).await.unwrap();
        keys.rotate(store, NOW + 5, true).await.unwrap();
        let [first, overtaken, newest] = &es256(&keys, NOW + 5)[..] else {
            panic!("three keys");
        };
        assert_eq!(
            (first.state, overtaken.state, newest.state),
            (KeyState::Retired, KeyState::Retired, KeyState::Active)
        );
        assert_eq!((first.retired_at, overtaken.retired_at), (Some(NOW + 5), Some(NOW + 5)));
        for now in [NOW + 5, NOW + AHEAD, NOW + DAY] {
            assert_eq!(
                signer(&keys, now),
                newest.kid,
                "the one that may be stolen too never signs"
            );
        }
        store.delete_signing_keys_retired_before(NOW + 6).await.unwrap();
        keys.reload(store).await.unwrap();
        assert_eq!(es256(&keys, NOW + 5).len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_stolen_key_is_withdrawn_once_another_signs() {
    on_each_engine(async |Engine { store, .. }| {
        let keys = start(store, NOW).await;
        let replica = start(store, NOW).await;
        let hint = keys
            .sign("JWT", SigningAlg::ES256, &json!({ "sub": "a" }), NOW)
            .unwrap();
        let stolen = kid(&hint);
        let refused = async |kid: &str, now| {
            let error = keys.withdraw(store, kid, now).await.unwrap_err();
            assert!(matches!(error, KeysError::NotRetired(_)), "{error}");
        };
        refused(&stolen, NOW).await;
        keys.rotate(store, NOW, false).await.unwrap();
        let next = es256(&keys, NOW)[1].kid.clone();
        refused(&stolen, NOW).await;
        refused(&next, NOW).await;
        refused("unknown", NOW).await;

        keys.rotate(store, NOW, true).await.unwrap();
        let bystander = keys.sign("JWT", SigningAlg::RS256, &json!({}), NOW - 1).unwrap();
        assert!(kids(&keys.jwks(NOW)).contains(&&*stolen), "replaced is not enough");
        keys.withdraw(store, &stolen, NOW).await.unwrap();
        keys.withdraw(store, &next, NOW).await.unwrap();
        replica.reload(store).await.unwrap();
        for keys in [&keys, &replica] {
            for kid in [&stolen, &next] {
                assert!(!kids(&keys.jwks(NOW)).contains(&&**kid), "no longer published");
            }
            assert!(
                matches!(keys.verify("JWT", &hint), Err(KeysError::Token)),
                "nor believed"
            );
            assert_eq!(states(keys, NOW), [KeyState::Active]);
            assert!(keys.verify("JWT", &bystander).is_ok(), "the others stay");
        }
        refused(&stolen, NOW).await;
    })
    .await;
}
