//! How often the key set was fetched, by all replicas together, since its newest keys were published.

use super::{Store, StoreError};

impl Store {
    /// Adds so many fetches to those since `published_at` (Unix seconds), and forgets those of older keys.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_key_set_fetches(&self, published_at: i64, fetches: i64) -> Result<(), StoreError> {
        let add = "insert into key_set_fetches (published_at, fetches) values ($1, $2)
                   on conflict (published_at) do update set fetches = key_set_fetches.fetches + excluded.fetches";
        let forget = "delete from key_set_fetches where published_at < $1";
        transaction!(self, tx => {
            sqlx::query(add).bind(published_at).bind(fetches).execute(&mut *tx).await?;
            sqlx::query(forget).bind(published_at).execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// The fetches since `published_at` that replicas have reported.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn key_set_fetches(&self, published_at: i64) -> Result<i64, StoreError> {
        let sql = "select fetches from key_set_fetches where published_at = $1";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, (i64,)>(sql).bind(published_at).fetch_optional(db).await
        })?;
        Ok(row.map_or(0, |row| row.0))
    }
}
