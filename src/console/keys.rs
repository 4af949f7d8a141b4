//! The signing keys: what operators do to them.

use serde_json::json;

use crate::audit;
use crate::domain::audit::{Action, Actor, Event, ObjectKind};
use crate::keys::{KeyState, Keys, KeysError};
use crate::store::Store;

/// Makes new keys; see [`Keys::rotate`].
///
/// # Errors
/// When the database fails or a key cannot be made.
pub async fn rotate(keys: &Keys, store: &Store, now: i64, actor: Actor, immediately: bool) -> Result<(), KeysError> {
    let event = Event {
        actor,
        action: Action::KeysRotated,
        object: (ObjectKind::Key, String::new()),
        detail: json!({"immediately": immediately}),
    };
    audit::record(store, now, event).await?;
    keys.rotate(store, now, immediately).await
}

/// Retires a replaced key before its time; see [`Keys::withdraw`].
///
/// # Errors
/// [`KeysError::NotRetired`]; when the database fails.
pub async fn withdraw(keys: &Keys, store: &Store, now: i64, actor: Actor, kid: &str) -> Result<(), KeysError> {
    keys.reload(store).await?;
    let is_retired = |key: &crate::keys::KeyInfo| key.kid == kid && key.state == KeyState::Retired;
    if !keys.list(now).iter().any(is_retired) {
        return Err(KeysError::NotRetired(kid.to_owned()));
    }
    let event = Event {
        actor,
        action: Action::KeyRetired,
        object: (ObjectKind::Key, kid.to_owned()),
        detail: json!({}),
    };
    audit::record(store, now, event).await?;
    keys.withdraw(store, kid, now).await
}
