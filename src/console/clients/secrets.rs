//! A client's secrets: several may live at a time, so that a service changes from one to the next without a pause.

use serde_json::json;

use super::{Author, Refused, new_secret, note};
use crate::app::App;
use crate::domain::audit::Action;
use crate::protocol::client::{Client, ClientSecret};
use crate::store::{Store, StoreError};

/// How many may live at a time.
pub const MAX_SECRETS: usize = 5;

/// Gives a client one more secret, which is answered once and stored as a fingerprint. `lifetime` in seconds; `None` lives until
/// it is retired.
///
/// # Errors
/// [`Refused`].
pub async fn add_secret(
    store: &Store,
    author: &Author,
    client: &Client,
    lifetime: Option<i64>,
    now: i64,
) -> Result<String, Refused> {
    if !client.has_secret() {
        return Err(Refused::Missing);
    }
    if store.list_client_secrets(&client.id, now).await?.len() >= MAX_SECRETS {
        return Err(Refused::Full);
    }
    let (value, record) = new_secret(now, lifetime.map(|seconds| now + seconds))?;
    let detail = json!({"secret": record.id, "expires_at": record.expires_at});
    note(store, author, Action::ClientSecretAdded, &client.id, detail, now).await?;
    store.insert_client_secret(&client.id, &record).await?;
    Ok(value)
}

/// Gives a client a new secret in place of all that it has, which work for `keep` seconds more; the new one is answered once.
///
/// # Errors
/// [`Refused`].
pub async fn rotate_secret(
    store: &Store,
    author: &Author,
    client: &Client,
    keep: i64,
    now: i64,
) -> Result<String, Refused> {
    if !client.has_secret() {
        return Err(Refused::Missing);
    }
    let (value, record) = new_secret(now, None)?;
    replace(store, author, &client.id, &record, now + keep).await?;
    Ok(value)
}

/// Makes `secret` the one of a client; the former ones end at `until` (Unix seconds), unless theirs is earlier.
pub(super) async fn replace(
    store: &Store,
    author: &Author,
    client_id: &str,
    secret: &ClientSecret,
    until: i64,
) -> Result<(), StoreError> {
    let detail = json!({"secret": secret.id, "expires_at": null, "former_expire_at": until});
    note(
        store,
        author,
        Action::ClientSecretAdded,
        client_id,
        detail,
        secret.created_at,
    )
    .await?;
    store.expire_client_secrets(client_id, until).await?;
    store.insert_client_secret(client_id, secret).await
}

/// Ends a secret at once.
///
/// # Errors
/// [`Refused`].
pub async fn retire_secret(
    app: &App,
    author: &Author,
    client_id: &str,
    secret_id: &str,
    now: i64,
) -> Result<(), Refused> {
    let living = app.store.list_client_secrets(client_id, now).await?;
    if !living.iter().any(|secret| secret.id == secret_id) {
        return Err(Refused::Missing);
    }
    let detail = json!({"secret": secret_id});
    note(&app.store, author, Action::ClientSecretRevoked, client_id, detail, now).await?;
    match app.store.delete_client_secret(client_id, secret_id).await? {
        true => Ok(()),
        false => Err(Refused::Missing),
    }
}
