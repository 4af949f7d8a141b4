//! Clients as JSON documents, and their secrets' fingerprints.

use super::{Store, StoreError, from_json};
use crate::domain::names::plain;
use crate::protocol::client::{Client, ClientSecret};

#[derive(sqlx::FromRow)]
struct SecretRow {
    id: String,
    fingerprint: String,
    created_at: i64,
    expires_at: Option<i64>,
}

/// What a name is searched and sorted by: without case and accents, and in hexadecimal digits, which every collation of
/// PostgreSQL sorts like SQLite does.
pub(super) fn name_key(name: &str) -> String {
    let bytes = plain(name).into_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Store {
    /// Fills in the names that are searched, where the former release wrote a client.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn fill_in_name_keys(&self) -> Result<(), StoreError> {
        let sql = "select document from clients where name_key = '' and stage <> 'api'";
        let rows = on!(self.writes(), db => sqlx::query_as::<_, (String,)>(sql).fetch_all(db).await)?;
        let update = "update clients set name_key = $2, stage = $3 where id = $1 and name_key = ''";
        for (document,) in rows {
            let client: Client = from_json(&document, "clients")?;
            on!(self.writes(), db => {
                sqlx::query(update)
                    .bind(&client.id)
                    .bind(name_key(&client.name))
                    .bind(client.standing.stage.as_str())
                    .execute(db)
                    .await
                    .map(drop)
            })?;
        }
        Ok(())
    }

    /// The client of this id, disabled or not.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_client(&self, id: &str) -> Result<Option<Client>, StoreError> {
        let sql = "select document from clients where id = $1 and deleted_at is null";
        let row = on!(self.reads(), db => sqlx::query_as::<_, (String,)>(sql).bind(id).fetch_optional(db).await)?;
        row.map(|row| from_json(&row.0, "clients")).transpose()
    }

    /// All clients by id; accesses to the API are none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_clients(&self) -> Result<Vec<Client>, StoreError> {
        let sql = "select document from clients where deleted_at is null and stage <> 'api' order by id";
        let rows = on!(self.reads(), db => sqlx::query_as::<_, (String,)>(sql).fetch_all(db).await)?;
        rows.iter().map(|row| from_json(&row.0, "clients")).collect()
    }

    /// Adds a secret to a client.
    ///
    /// # Errors
    /// When the database fails or the client does not exist.
    pub async fn insert_client_secret(&self, client_id: &str, secret: &ClientSecret) -> Result<(), StoreError> {
        on!(self.writes(), db => insert_secret!(db, client_id, secret))?;
        Ok(())
    }

    /// A client's living secrets, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_client_secrets(&self, client_id: &str, now: i64) -> Result<Vec<ClientSecret>, StoreError> {
        let sql = "select id, fingerprint, created_at, expires_at from client_secrets
                   where client_id = $1 and (expires_at is null or expires_at > $2) order by created_at, id";
        let rows = on!(self.reads(), db => {
            sqlx::query_as::<_, SecretRow>(sql).bind(client_id).bind(now).fetch_all(db).await
        })?;
        Ok(rows.into_iter().map(ClientSecret::from).collect())
    }

    /// Gives all of a client's secrets an end, unless theirs is earlier. Rotation calls it before it inserts the new
    /// secret.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn expire_client_secrets(&self, client_id: &str, expires_at: i64) -> Result<(), StoreError> {
        let sql = "update client_secrets set expires_at = $2
                   where client_id = $1 and (expires_at is null or expires_at > $2)";
        on!(self.writes(), db => sqlx::query(sql).bind(client_id).bind(expires_at).execute(db).await.map(drop))?;
        Ok(())
    }
}

impl From<SecretRow> for ClientSecret {
    fn from(row: SecretRow) -> Self {
        Self {
            id: row.id,
            fingerprint: row.fingerprint,
            created_at: row.created_at,
            expires_at: row.expires_at,
        }
    }
}
