//! Every 30 seconds: reads the TLS certificate and its key again, so that a renewed one needs no restart.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::tls::Tls;

const PERIOD: Duration = Duration::from_secs(30);

/// Runs until `stop` says true or its sender is gone.
pub async fn run(tls: Arc<Tls>, mut stop: watch::Receiver<bool>) {
    let mut said = None;
    loop {
        match tls.reload() {
            Ok(false) => said = None,
            Ok(true) => {
                said = None;
                tracing::info!("The TLS certificate has changed: new connections see the new one");
            }
            Err(error) => {
                let error = error.to_string();
                if said.as_ref() != Some(&error) {
                    tracing::error!(
                        error,
                        "The TLS certificate cannot be renewed: the former one stays in use"
                    );
                    said = Some(error);
                }
            }
        }
        if !super::next_turn(PERIOD, &mut stop).await {
            return;
        }
    }
}
