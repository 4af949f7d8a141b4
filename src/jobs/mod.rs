//! Work that is done from time to time, one file each. A job that fails says so once and is tried again at its next
//! turn; it ends when the program shuts down.

pub mod cleanup;
pub mod keys;

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// Runs `job` now and then every `period` until `stop` says true or its sender is gone. A turn that has begun is
/// finished.
async fn every(period: Duration, mut stop: watch::Receiver<bool>, job: impl AsyncFn()) {
    let mut turns = tokio::time::interval(period);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            _ = turns.tick() => job().await,
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}
