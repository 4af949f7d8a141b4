//! What counts once (RFC 7523 §3, RFC 9449 §11.1): who signed it and the fingerprint of its `jti`.

use super::{Store, StoreError};

impl Store {
    /// Uses a `jti` up; `false` when it was used before. It is remembered until `expires_at`, by when what carries it must
    /// be refused anyway.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn insert_used_jti(&self, signer: &str, jti: &str, expires_at: i64) -> Result<bool, StoreError> {
        let sql = "insert into used_jtis (signer, jti, expires_at) values ($1, $2, $3)
                   on conflict (signer, jti) do nothing";
        let rows = on!(self.writes(), db => {
            let query = sqlx::query(sql).bind(signer).bind(jti).bind(expires_at);
            query.execute(db).await.map(|done| done.rows_affected())
        })?;
        Ok(rows == 1)
    }

    /// Gives a `jti` back: what carried it came to nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_used_jti(&self, signer: &str, jti: &str) -> Result<(), StoreError> {
        let sql = "delete from used_jtis where signer = $1 and jti = $2";
        on!(self.writes(), db => sqlx::query(sql).bind(signer).bind(jti).execute(db).await.map(drop))?;
        Ok(())
    }
}
