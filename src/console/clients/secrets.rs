//! A client's secrets: several may live at a time, so that a service changes from one to the next without a pause.

use serde_json::json;

use super::{Author, Refused, new_secret, note};
use crate::app::App;
use crate::domain::audit::Action;
use crate::protocol::client::Client;

/// How many may live at a time.
pub const MAX_SECRETS: usize = 5;

/// Gives a client one more secret, which is answered once and stored as a fingerprint. `lifetime` in seconds; `None` lives until
/// it is retired.
///
/// # Errors
/// [`Refused`].
pub async fn add_secret(
    app: &App,
    author: &Author,
    client: &Client,
    lifetime: Option<i64>,
    now: i64,
) -> Result<String, Refused> {
    if !client.has_secret() {
        return Err(Refused::Missing);
    }
    if app.store.list_client_secrets(&client.id, now).await?.len() >= MAX_SECRETS {
        return Err(Refused::Full);
    }
    let (value, record) = new_secret(now, lifetime.map(|seconds| now + seconds))?;
    let detail = json!({"secret": record.id, "expires_at": record.expires_at});
    note(app, author, Action::ClientSecretAdded, &client.id, detail, now).await?;
    app.store.insert_client_secret(&client.id, &record).await?;
    Ok(value)
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
    note(app, author, Action::ClientSecretRevoked, client_id, detail, now).await?;
    match app.store.delete_client_secret(client_id, secret_id).await? {
        true => Ok(()),
        false => Err(Refused::Missing),
    }
}
