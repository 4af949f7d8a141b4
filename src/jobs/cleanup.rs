//! Every minute: deletes what has expired, and signing keys too old for any `id_token_hint`.

use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::keys::KEPT_FOR_HINTS;
use crate::store::{Store, StoreError};

const PERIOD: Duration = Duration::from_secs(60);
const BATCH: u32 = 500;

/// Runs until `stop` says true or its sender is gone; a turn that has begun is finished.
pub async fn run(store: Store, clock: Clock, mut stop: watch::Receiver<bool>) {
    loop {
        match delete(&store, clock.now()).await {
            Ok(0) => {}
            Ok(rows) => tracing::debug!(rows, "Deleted expired rows"),
            Err(error) => tracing::warn!(%error, "Expired rows could not be deleted; trying again in a minute"),
        }
        if !super::next_turn(PERIOD, &mut stop).await {
            return;
        }
    }
}

async fn delete(store: &Store, now: i64) -> Result<u64, StoreError> {
    let keys = store.delete_signing_keys_retired_before(now - KEPT_FOR_HINTS).await?;
    Ok(keys + store.delete_expired(now, BATCH).await?)
}
