//! Tokens with which somebody registers clients by themselves (RFC 7591 §3).

use serde_json::json;

use crate::audit;
use crate::domain::audit::{Action, Actor, Event, ObjectKind};
use crate::domain::registration::RegistrationToken;
use crate::secret::{self, SecretError};
use crate::store::{Store, StoreError};

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No randomness.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

/// Makes a token for whoever `note` says, good for `uses` clients and `lifetime` seconds from `now`; its value is to be shown
/// once.
///
/// # Errors
/// [`TokenError`].
pub async fn create(
    store: &Store,
    actor: Actor,
    (note, uses, lifetime): (String, i64, i64),
    now: i64,
) -> Result<(RegistrationToken, String), TokenError> {
    let value = secret::random_token()?;
    let token = RegistrationToken {
        id: secret::random_client_id()?,
        fingerprint: secret::fingerprint(&value),
        note,
        created_at: now,
        expires_at: now + lifetime,
        uses_left: uses,
    };
    let detail = json!({"note": token.note, "uses": uses, "expires_at": token.expires_at});
    record(store, actor, Action::RegistrationTokenCreated, &token.id, detail, now).await?;
    store.insert_registration_token(&token).await?;
    Ok((token, value))
}

/// Revokes a token; what was registered with it stays. `false` if there is none.
///
/// # Errors
/// When the database fails.
pub async fn revoke(store: &Store, actor: Actor, id: &str, now: i64) -> Result<bool, StoreError> {
    let living = store.list_registration_tokens(now).await?;
    if !living.iter().any(|token| token.id == id) {
        return Ok(false);
    }
    record(store, actor, Action::RegistrationTokenRevoked, id, json!({}), now).await?;
    store.revoke_registration_token(id).await
}

async fn record(
    store: &Store,
    actor: Actor,
    action: Action,
    id: &str,
    detail: serde_json::Value,
    now: i64,
) -> Result<(), StoreError> {
    let object = (ObjectKind::RegistrationToken, id);
    audit::record(store, now, Event::new(actor, action, object, detail)).await
}
