//! Every 30 seconds: reads the signing keys again, so that a rotation by another replica or by the command line is
//! published here in time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::keys::Keys;
use crate::store::Store;

const PERIOD: Duration = Duration::from_secs(30);

/// Runs until `stop` says true or its sender is gone.
pub async fn run(keys: Arc<Keys>, store: Store, mut stop: watch::Receiver<bool>) {
    loop {
        if let Err(error) = keys.reload(&store).await {
            tracing::warn!(%error, "Signing keys could not be read again; going on with those known");
        }
        if !super::next_turn(PERIOD, &mut stop).await {
            return;
        }
    }
}
