//! Finds out every minute how the homeservers are, so that what is known of them is true without logins too.

use std::time::Duration;

use tokio::sync::watch;

use crate::app::SharedApp;

const PERIOD: Duration = Duration::from_secs(60);

/// Runs until `stop` says true or its sender is gone.
pub async fn run(app: SharedApp, mut stop: watch::Receiver<bool>) {
    loop {
        match app.store.list_homeservers().await {
            Ok(homeservers) => app.upstream.examine(&homeservers).await,
            Err(error) => tracing::warn!(%error, "The list of homeservers could not be read; trying again in a minute"),
        }
        if !super::next_turn(PERIOD, &mut stop).await {
            return;
        }
    }
}
