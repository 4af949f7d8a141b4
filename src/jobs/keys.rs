//! Every 30 seconds: reads the signing keys again, so that a rotation by another replica or by the command line is
//! published here in time, and makes the next ones when those that sign are old enough. Reports fetches of the key set.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::keys::Keys;
use crate::store::Store;

const PERIOD: Duration = Duration::from_secs(30);

/// Runs until `stop` says true or its sender is gone. `rotation`: how long a key signs, in seconds; `None` as long as
/// nobody rotates it by command.
pub async fn run(keys: Arc<Keys>, store: Store, clock: Clock, rotation: Option<i64>, mut stop: watch::Receiver<bool>) {
    loop {
        let turn = match rotation {
            Some(period) => keys.rotate_when_due(&store, clock.now(), period).await,
            None => keys.reload(&store).await,
        };
        if let Err(error) = turn {
            tracing::warn!(%error, "Signing keys could not be read again or made; going on with those known");
        }
        if let Err(error) = keys.report_fetches(&store).await {
            tracing::warn!(%error, "Fetches of the key set could not be reported; trying again");
        }
        if !super::next_turn(PERIOD, &mut stop).await {
            return;
        }
    }
}
