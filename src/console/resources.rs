//! The protected resources that tokens are made for (RFC 8707), as operators keep them.

use serde_json::json;

use super::edit::changes;
use crate::audit;
use crate::domain::audit::{Action, Actor, Event, ObjectKind};
use crate::protocol::resource::Resource;
use crate::store::{Store, StoreError};

/// Adds a resource, or changes the one of its identifier.
///
/// # Errors
/// When the database fails.
pub async fn put(store: &Store, now: i64, actor: Actor, wanted: &Resource) -> Result<(), StoreError> {
    let (action, detail) = match store.find_resource(&wanted.identifier).await? {
        Some(former) if former == *wanted => return Ok(()),
        Some(former) => (Action::ResourceChanged, json!({"changed": changes(&former, wanted)})),
        None => (Action::ResourceCreated, json!({"resource": wanted})),
    };
    let object = (ObjectKind::Resource, wanted.identifier.as_str());
    audit::record(store, now, Event::new(actor, action, object, detail)).await?;
    store.upsert_resource(wanted).await
}
