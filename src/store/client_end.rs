//! The end of a client.

use super::logouts::{is_told, queue};
use super::{Store, StoreError, from_json};
use crate::protocol::client::Client;

const CLIENT: &str = "select document from clients where id = $1 and deleted_at is null";
const REVOKE: &str = "update authorizations set revoked_at = $2 where client_id = $1 and revoked_at is null";
const LEAVE: &str = "delete from session_clients where client_id = $1 returning sid, subject";
const MARK: &str = "update clients set deleted_at = $2 where id = $1 and deleted_at is null
                    and version = coalesce($3, version)";
/// What would give somebody power over a client of the same id, were it made again.
pub(super) const BELONGINGS: [&str; 6] = [
    "delete from client_secrets where client_id = $1",
    "delete from client_owners where client_id = $1",
    "delete from client_invitations where client_id = $1",
    "delete from client_registrations where client_id = $1",
    "delete from client_requests where client_id = $1",
    "delete from consents where client_id = $1",
];

impl Store {
    /// Deletes a client for everybody: revokes all that it was given, takes it out of all sessions, queues a logout token for
    /// each, and forgets secrets, owners and consents; all or nothing. Its row stays for a day, so that the tokens are delivered.
    /// `false` when there is none, or not of this `version` any more where one is given.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_client(&self, client_id: &str, version: Option<i64>, now: i64) -> Result<bool, StoreError> {
        transaction!(self, tx => {
            let found: Option<(String,)> = sqlx::query_as(CLIENT).bind(client_id).fetch_optional(&mut *tx).await?;
            let Some((document,)) = found else {
                return Ok(false);
            };
            let client: Client = from_json(&document, "clients")?;
            // Marked first: from then on nobody else writes to it.
            if sqlx::query(MARK).bind(client_id).bind(now).bind(version).execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
            sqlx::query(REVOKE).bind(client_id).bind(now).execute(&mut *tx).await?;
            let left: Vec<(String, Option<String>)> =
                sqlx::query_as(LEAVE).bind(client_id).fetch_all(&mut *tx).await?;
            if is_told(&client) {
                for (sid, subject) in left {
                    if let Some(subject) = subject {
                        queue!(tx, &sid, client_id, subject, now);
                    }
                }
            }
            forget_belongings!(tx, client_id);
        });
        Ok(true)
    }

    /// The client of this id, be it deleted: whom logout tokens are delivered to.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_client_to_tell(&self, id: &str) -> Result<Option<Client>, StoreError> {
        let sql = "select document from clients where id = $1";
        let row = on!(self.reads(), db => sqlx::query_as::<_, (String,)>(sql).bind(id).fetch_optional(db).await)?;
        row.map(|row| from_json(&row.0, "clients")).transpose()
    }

    /// Deletes one secret of a client; `false` when it has none of this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_client_secret(&self, client_id: &str, secret_id: &str) -> Result<bool, StoreError> {
        let sql = "delete from client_secrets where client_id = $1 and id = $2";
        Ok(on!(self.writes(), db => {
            sqlx::query(sql).bind(client_id).bind(secret_id).execute(db).await.map(|done| done.rows_affected() > 0)
        })?)
    }
}
