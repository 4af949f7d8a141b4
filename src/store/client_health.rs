//! How clients fare: counters by day, written now and then, and what is read of them.

use super::{Store, StoreError};

/// Errors of a client: day (days since 1970), code, how often.
pub type ErrorCount = (i64, String, i64);

impl Store {
    /// Adds to a counter of errors; a client that is gone has none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_client_errors(&self, client_id: &str, day: i64, code: &str, count: i64) -> Result<(), StoreError> {
        let sql = "insert into client_errors (client_id, day, code, count)
                   select id, $2, $3, $4 from clients where id = $1
                   on conflict (client_id, day, code) do update set count = client_errors.count + excluded.count";
        on!(self.writes(), db => {
            sqlx::query(sql).bind(client_id).bind(day).bind(code).bind(count).execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// Writes when a redirect URI was last given a code.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn upsert_client_redirect(&self, client_id: &str, uri: &str, used_at: i64) -> Result<(), StoreError> {
        let sql = "insert into client_redirects (client_id, redirect_uri, used_at)
                   select id, $2, $3 from clients where id = $1
                   on conflict (client_id, redirect_uri) do update set used_at = excluded.used_at
                   where client_redirects.used_at < excluded.used_at";
        on!(self.writes(), db => {
            sqlx::query(sql).bind(client_id).bind(uri).bind(used_at).execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// A client's errors since a day, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_client_errors(&self, client_id: &str, since_day: i64) -> Result<Vec<ErrorCount>, StoreError> {
        let sql = "select day, code, count from client_errors where client_id = $1 and day >= $2
                   order by day desc, count desc, code";
        Ok(on!(self.reads(), db => {
            sqlx::query_as::<_, ErrorCount>(sql).bind(client_id).bind(since_day).fetch_all(db).await
        })?)
    }

    /// When each redirect URI of a client was last given a code, the latest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_client_redirects(&self, client_id: &str) -> Result<Vec<(String, i64)>, StoreError> {
        let sql = "select redirect_uri, used_at from client_redirects where client_id = $1 order by used_at desc";
        Ok(on!(self.reads(), db => {
            sqlx::query_as::<_, (String, i64)>(sql).bind(client_id).fetch_all(db).await
        })?)
    }
}
