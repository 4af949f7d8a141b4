//! Clients as the command line and its files give them: an operator's word, without an owner.

use serde_json::json;

use super::secrets::replace;
use super::{Author, Refused, new_secret, note, revision, write};
use crate::domain::audit::Action;
use crate::domain::client_change::{KeptClient, field_changes};
use crate::protocol::client::{Client, ClientSecret};
use crate::secret;
use crate::store::Store;

/// Adds a client as it is, and gives it a secret if it is one that has any, to be shown once.
///
/// # Errors
/// [`Refused::Stale`] when it is there already; when the database fails.
pub async fn register(store: &Store, author: &Author, client: &Client, now: i64) -> Result<Option<String>, Refused> {
    create(store, author, client, now).await?;
    if !client.has_secret() {
        return Ok(None);
    }
    let (value, record) = new_secret(now, None)?;
    replace(store, author, &client.id, &record, now).await?;
    Ok(Some(value))
}

/// Makes a client what it is to be: adds it, or changes the one that was seen (`known`). A request for production that waits is
/// answered by the change of stage.
///
/// # Errors
/// [`Refused::Stale`] when it is another meanwhile; when the database fails.
pub async fn put(
    store: &Store,
    author: &Author,
    wanted: &Client,
    known: Option<&KeptClient>,
    now: i64,
) -> Result<(), Refused> {
    let Some(known) = known else {
        return create(store, author, wanted, now).await;
    };
    let changes = field_changes(Some(&known.client), wanted);
    if changes.is_empty() {
        return Ok(());
    }
    let fields: Vec<_> = changes.iter().map(|change| change.field.as_str()).collect();
    let withdraws = known.client.standing.stage != wanted.standing.stage;
    let act = (Action::ClientChanged, json!({ "fields": fields }));
    write(store, author, known, wanted.clone(), act, withdraws, now).await
}

/// Makes the secret of this fingerprint the one of a client; the former ones work for `keep` seconds more.
///
/// # Errors
/// When the database fails.
pub async fn put_secret(
    store: &Store,
    author: &Author,
    client_id: &str,
    fingerprint: &str,
    keep: i64,
    now: i64,
) -> Result<(), Refused> {
    let secret = ClientSecret {
        id: secret::random_id()?,
        fingerprint: fingerprint.to_owned(),
        created_at: now,
        expires_at: None,
    };
    Ok(replace(store, author, client_id, &secret, now + keep).await?)
}

async fn create(store: &Store, author: &Author, client: &Client, now: i64) -> Result<(), Refused> {
    let revision = revision(author, None, client.clone(), now)?;
    let detail = json!({"stage": client.standing.stage.as_str()});
    note(store, author, Action::ClientCreated, &client.id, detail, now).await?;
    match store.create_client(&revision).await? {
        true => Ok(()),
        false => Err(Refused::Stale),
    }
}
