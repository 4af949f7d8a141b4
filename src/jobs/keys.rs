//! Every 30 seconds: reads the signing keys again, so that a rotation by another replica or by the command line is
//! published here in time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::keys::Keys;
use crate::store::Store;

const PERIOD: Duration = Duration::from_secs(30);

/// Runs until `stop` says true.
pub async fn run(keys: Arc<Keys>, store: Store, stop: watch::Receiver<bool>) {
    super::every(PERIOD, stop, async || {
        if let Err(error) = keys.reload(&store).await {
            tracing::warn!(%error, "Signing keys could not be read again; going on with those known");
        }
    })
    .await;
}
