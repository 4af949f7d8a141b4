//! Clients' logos as fetched and checked.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Store, StoreError};
use crate::domain::logo::Logo;

/// A logo as stored: its media type and content.
pub type StoredLogo = (String, Vec<u8>);

impl Store {
    /// Stores a client's logo, instead of the one it had.
    ///
    /// # Errors
    /// When the database fails or the client does not exist.
    pub async fn upsert_client_logo(
        &self,
        client_id: &str,
        source_uri: &str,
        logo: &Logo,
        now: i64,
    ) -> Result<(), StoreError> {
        let sql = "insert into client_logos (client_id, source_uri, media_type, content, fetched_at)
                   select id, $2, $3, $4, $5 from clients where id = $1
                   on conflict (client_id) do update set source_uri = excluded.source_uri,
                   media_type = excluded.media_type, content = excluded.content, fetched_at = excluded.fetched_at";
        let content = STANDARD.encode(&logo.content);
        on!(self.writes(), db => {
            sqlx::query(sql)
                .bind(client_id)
                .bind(source_uri)
                .bind(logo.media_type)
                .bind(&content)
                .bind(now)
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(())
    }

    /// A client's logo.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_client_logo(&self, client_id: &str) -> Result<Option<StoredLogo>, StoreError> {
        let sql = "select media_type, content from client_logos where client_id = $1";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, (String, String)>(sql).bind(client_id).fetch_optional(db).await
        })?;
        let decode = |(media_type, content): (String, String)| {
            let content = STANDARD
                .decode(content)
                .map_err(|_| StoreError::Corrupt("client_logos"))?;
            Ok((media_type, content))
        };
        row.map(decode).transpose()
    }

    /// When the logo from this address was fetched for this client, in Unix seconds; `None` when it was not.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_client_logo_time(&self, client_id: &str, source_uri: &str) -> Result<Option<i64>, StoreError> {
        let sql = "select fetched_at from client_logos where client_id = $1 and source_uri = $2";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, (i64,)>(sql).bind(client_id).bind(source_uri).fetch_optional(db).await
        })?;
        Ok(row.map(|row| row.0))
    }

    /// Deletes a client's logo.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_client_logo(&self, client_id: &str) -> Result<(), StoreError> {
        let sql = "delete from client_logos where client_id = $1";
        on!(self.writes(), db => sqlx::query(sql).bind(client_id).execute(db).await.map(drop))?;
        Ok(())
    }
}
