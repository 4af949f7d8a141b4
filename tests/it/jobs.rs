//! Periodic jobs: a first turn at once, an end when told.

use std::sync::Arc;

use tchap_connect::clock::Clock;
use tchap_connect::config::Retention;
use tchap_connect::jobs;
use tchap_connect::keys::{KEPT_FOR_HINTS, Keys};
use tchap_connect::protocol::client::SigningAlg;
use tchap_connect::secret::{Redacted, SealingKey};
use tokio::sync::watch;

use crate::engines::{Engine, on_each_engine};

const NOW: i64 = 1_800_000_000;
const RETENTION: Retention = Retention {
    administrative_acts: 365,
    security_events: 30,
    statistics: 400,
};

#[tokio::test]
async fn jobs_take_a_turn_and_end_when_told() {
    on_each_engine(async |Engine { store, .. }| {
        let sealing = || SealingKey::parse(&Redacted::new("0a".repeat(32))).unwrap();
        let keys = Arc::new(Keys::load_or_generate(store, sealing(), NOW).await.unwrap());
        let command_line = Keys::load_or_generate(store, sealing(), NOW).await.unwrap();
        command_line.rotate(store, NOW, false).await.unwrap();
        let algorithms = SigningAlg::ALL.len();
        assert_eq!(keys.list(NOW).len(), algorithms);

        // Told to end before they begin: they take their first turn and end.
        let (_sender, stop) = watch::channel(true);
        let turn = async |now, rotation| {
            let clock = Clock::fixed(now);
            let job = jobs::keys::run(keys.clone(), store.clone(), clock, rotation, stop.clone());
            tokio::spawn(job).await.unwrap();
        };
        turn(NOW + 10 * KEPT_FOR_HINTS, None).await;
        assert_eq!(keys.list(NOW).len(), 2 * algorithms, "the rotation is known here");
        turn(NOW + 1659, Some(1000)).await;
        assert_eq!(keys.list(NOW).len(), 2 * algorithms, "not old enough");
        turn(NOW + 1660, Some(1000)).await;
        assert_eq!(keys.list(NOW).len(), 3 * algorithms, "by schedule");

        let clock = Clock::fixed(NOW + 2 * KEPT_FOR_HINTS);
        tokio::spawn(jobs::cleanup::run(store.clone(), clock, RETENTION, stop))
            .await
            .unwrap();
        assert_eq!(
            store.list_signing_keys().await.unwrap().len(),
            algorithms,
            "too old for any hint"
        );
    })
    .await;
}

#[tokio::test]
async fn a_job_survives_a_failing_database_and_ends_with_its_sender() {
    on_each_engine(async |Engine { store, .. }| {
        store.close().await;
        let (sender, stop) = watch::channel(false);
        drop(sender);
        tokio::spawn(jobs::cleanup::run(store.clone(), Clock::fixed(NOW), RETENTION, stop))
            .await
            .unwrap();
    })
    .await;
}
