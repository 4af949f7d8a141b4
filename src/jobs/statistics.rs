//! Writes the counts of sign-ins every few seconds, and makes the reports of the days that are over. What comes in while the
//! process stops is written by `serve` at its end.

use std::time::Duration;

use tokio::sync::watch;

use crate::app::SharedApp;

/// What a process that is killed forgets, at most.
const PERIOD: Duration = Duration::from_secs(5);

/// Runs until `stop` says true or its sender is gone.
pub async fn run(app: SharedApp, mut stop: watch::Receiver<bool>) {
    loop {
        if let Err(error) = app.statistics.write(&app.store).await {
            tracing::warn!(%error, "Counts of sign-ins could not be written; trying again soon");
        }
        if let Err(error) = app.reports.prepare(&app.store, app.clock.now()).await {
            tracing::warn!(%error, "Statistics could not be added up; trying again soon");
        }
        if !super::next_turn(PERIOD, &mut stop).await {
            return;
        }
    }
}
