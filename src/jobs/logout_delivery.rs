//! Tells relying parties of logouts (Back-Channel Logout §2.5): at once when a session ends, and again until they take
//! notice. The queue is in the database: what a program that dies leaves undone, it or another replica does later.

use std::time::Duration;

use http::StatusCode;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::{App, SharedApp};
use crate::domain::logout::{LogoutDelivery, next_attempt};
use crate::egress::{FetchError, FetchLimits};
use crate::keys::KeysError;
use crate::protocol::logout::{LOGOUT_TOKEN, logout_token};
use crate::secret::{SecretError, random_id};
use crate::store::StoreError;

/// How often the queue is read when nobody calls.
const PERIOD: Duration = Duration::from_secs(15);

/// How many are told at the same time.
const AT_ONCE: usize = 32;

/// What a relying party may take to answer. Its answer says nothing but its status.
const LIMITS: FetchLimits = FetchLimits {
    max_bytes: 64 * 1024,
    timeout: Duration::from_secs(5),
};

/// For so long nobody else takes what is being delivered, in seconds: well above [`LIMITS`].
const LEASE: i64 = 60;

/// Runs until `stop` says true or its sender is gone; attempts under way are finished.
pub async fn run(app: SharedApp, mut stop: watch::Receiver<bool>) {
    let mut under_way = JoinSet::new();
    loop {
        if let Err(error) = begin(&app, &mut under_way, app.clock.now()).await {
            tracing::warn!(%error, "Logout tokens could not be taken from the queue; trying again soon");
        }
        tokio::select! {
            // A slow relying party holds one place, and nobody else up.
            Some(_) = under_way.join_next() => {}
            () = app.logout_queued.notified() => {}
            next = super::next_turn(PERIOD, &mut stop) => if !next { break },
        }
    }
    under_way.join_all().await;
}

/// Delivers all that is due at `now` (Unix seconds) and answers how many attempts that were.
///
/// # Errors
/// When the database fails.
pub async fn deliver_due(app: &SharedApp, now: i64) -> Result<usize, StoreError> {
    let (mut under_way, mut attempts) = (JoinSet::new(), 0);
    loop {
        let begun = begin(app, &mut under_way, now).await?;
        attempts += begun;
        if begun == 0 && under_way.join_next().await.is_none() {
            return Ok(attempts);
        }
    }
}

/// Begins as many attempts as there are places for.
async fn begin(app: &SharedApp, under_way: &mut JoinSet<()>, now: i64) -> Result<usize, StoreError> {
    let room = AT_ONCE.saturating_sub(under_way.len());
    if room == 0 {
        return Ok(0);
    }
    let due = app.store.consume_due_logouts(now, now + LEASE, room as u32).await?;
    let begun = due.len();
    for delivery in due {
        under_way.spawn(attempt(app.clone(), delivery));
    }
    Ok(begun)
}

/// Why a relying party was not told.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// It was removed, disabled, or takes no logout tokens any more.
    #[error("the client has no address for it any more")]
    Nobody,
    #[error("the service answered {0}")]
    Refused(StatusCode),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

async fn attempt(app: SharedApp, mut delivery: LogoutDelivery) {
    let now = app.clock.now();
    match tell(&app, &delivery, now).await {
        Ok(()) => {
            tracing::info!(
                client.id = delivery.client_id,
                attempts = delivery.attempts,
                "a client took a logout token"
            );
            delivery.delivered_at = Some(now);
            delivery.next_attempt_at = None;
            delivery.last_error = None;
        }
        Err(failure) => {
            let again = !matches!(failure, Failure::Nobody);
            delivery.next_attempt_at = next_attempt(delivery.attempts, now).filter(|_| again);
            delivery.last_error = Some(failure.to_string());
            let (id, attempts) = (&delivery.client_id, delivery.attempts);
            match delivery.next_attempt_at {
                Some(_) => {
                    tracing::info!(client.id = id, attempts, error = %failure, "a client did not take a logout token")
                }
                None => {
                    tracing::warn!(client.id = id, attempts, error = %failure, "a client was not told of a logout: given up")
                }
            }
        }
    }
    if let Err(error) = app.store.update_logout_delivery(&delivery).await {
        tracing::warn!(client.id = delivery.client_id, %error, "The outcome of a logout token could not be stored");
    }
}

/// One attempt, with a token of its own: it is short-lived.
async fn tell(app: &App, delivery: &LogoutDelivery, now: i64) -> Result<(), Failure> {
    let client = app.store.find_client_to_tell(&delivery.client_id).await?;
    let client = client.filter(|client| !client.disabled).ok_or(Failure::Nobody)?;
    let uri = client.logout.backchannel_logout_uri.as_deref().ok_or(Failure::Nobody)?;
    let issuer = &app.config.issuer;
    let claims = logout_token(issuer, &client.id, &delivery.subject, &delivery.sid, &random_id()?, now);
    let token = app
        .keys
        .sign(LOGOUT_TOKEN, client.id_token_signed_response_alg, &claims, now)?;
    let form = format!("logout_token={token}");
    match app.fetcher.post_form(uri, form, LIMITS).await?.status {
        // §2.8.
        StatusCode::OK | StatusCode::NO_CONTENT => Ok(()),
        refused => Err(Failure::Refused(refused)),
    }
}
