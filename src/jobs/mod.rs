//! Work that is done from time to time, one file each: a first turn at once, then one every period. A job that fails
//! says so once and is tried again at its next turn; it ends when the program shuts down.

pub mod cleanup;
pub mod homeserver_health;
pub mod keys;
pub mod lifecycle_watch;
pub mod logout_delivery;
pub mod statistics;
pub mod tls;

use std::time::Duration;

use tokio::sync::watch;

/// Waits for a job's next turn; `false` when there is none, because `stop` says true or its sender is gone.
async fn next_turn(period: Duration, stop: &mut watch::Receiver<bool>) -> bool {
    tokio::time::timeout(period, stop.wait_for(|stop| *stop)).await.is_err()
}
