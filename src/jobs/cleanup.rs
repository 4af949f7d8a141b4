//! Every minute: deletes what has expired, signing keys too old for any `id_token_hint`, and the oldest whole days of the
//! audit log and of the statistics.

use std::time::Duration;

use tokio::sync::watch;

use crate::audit;
use crate::clock::Clock;
use crate::config::Retention;
use crate::domain::audit::{day_of, day_start};
use crate::keys::KEPT_FOR_HINTS;
use crate::store::{Store, StoreError};

const PERIOD: Duration = Duration::from_secs(60);
const BATCH: u32 = 500;

/// Runs until `stop` says true or its sender is gone; a turn that has begun is finished.
pub async fn run(store: Store, clock: Clock, retention: Retention, mut stop: watch::Receiver<bool>) {
    loop {
        match delete(&store, retention, clock.now()).await {
            Ok(0) => {}
            Ok(rows) => tracing::debug!(rows, "Deleted expired rows"),
            Err(error) => tracing::warn!(%error, "Expired rows could not be deleted; trying again in a minute"),
        }
        if !super::next_turn(PERIOD, &mut stop).await {
            return;
        }
    }
}

async fn delete(store: &Store, retention: Retention, now: i64) -> Result<u64, StoreError> {
    store.index_administrations(BATCH).await?;
    let keys = store.delete_signing_keys_retired_before(now - KEPT_FOR_HINTS).await?;
    let expired = store.delete_expired(now, BATCH).await?;
    let first_kept = |days| day_of(now) - days;
    let acts_from = first_kept(retention.administrative_acts);
    if let Some(purge) = store.purge_audit_acts(acts_from, now).await? {
        audit::log(&purge);
    }
    let events_from = day_start(first_kept(retention.security_events));
    let events = store.delete_audit_events(events_from, BATCH).await?;
    let counts = store
        .delete_sign_in_counts(first_kept(retention.statistics), BATCH)
        .await?;
    Ok(keys + expired + events + counts)
}
