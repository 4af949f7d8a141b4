//! Signing keys as stored: private halves sealed, public halves as JWK. States follow from `active_from`.

use super::{Store, StoreError};

/// A signing key's row.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StoredKey {
    /// `kid`.
    pub id: String,
    /// JWA name.
    pub alg: String,
    /// Counts the keys of one algorithm, from 1.
    pub serial: i64,
    /// PKCS#8, sealed.
    pub sealed_private: String,
    /// JWK (JSON).
    pub public_jwk: String,
    /// Unix seconds.
    pub created_at: i64,
    /// When it starts to sign, Unix seconds.
    pub active_from: i64,
}

impl Store {
    /// All signing keys, by algorithm, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_signing_keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        let sql = "select id, alg, serial, sealed_private, public_jwk, created_at, active_from from signing_keys
                   order by alg, serial";
        Ok(on!(self.reads(), db => sqlx::query_as::<_, StoredKey>(sql).fetch_all(db).await)?)
    }

    /// Adds a key; `false` when another replica added one of the same algorithm and serial first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn insert_signing_key(&self, key: &StoredKey) -> Result<bool, StoreError> {
        let sql = "insert into signing_keys (id, alg, serial, sealed_private, public_jwk, created_at, active_from)
                   values ($1, $2, $3, $4, $5, $6, $7) on conflict (alg, serial) do nothing";
        let rows = on!(self.writes(), db => {
            sqlx::query(sql)
                .bind(&key.id)
                .bind(&key.alg)
                .bind(key.serial)
                .bind(&key.sealed_private)
                .bind(&key.public_jwk)
                .bind(key.created_at)
                .bind(key.active_from)
                .execute(db)
                .await
                .map(|done| done.rows_affected())
        })?;
        Ok(rows == 1)
    }

    /// Deletes a key that has been replaced at `now`; `false` when there is no such key or it has not been.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_retired_signing_key(&self, id: &str, now: i64) -> Result<bool, StoreError> {
        let sql = "delete from signing_keys where id = $1 and exists (select 1 from signing_keys successor
                   where successor.alg = signing_keys.alg and successor.serial > signing_keys.serial
                   and successor.active_from <= $2)";
        let rows = on!(self.writes(), db => {
            sqlx::query(sql).bind(id).bind(now).execute(db).await.map(|done| done.rows_affected())
        })?;
        Ok(rows == 1)
    }

    /// Deletes the keys whose successor became active before `cutoff`; answers how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_signing_keys_retired_before(&self, cutoff: i64) -> Result<u64, StoreError> {
        let sql = "delete from signing_keys where exists (select 1 from signing_keys successor
                   where successor.alg = signing_keys.alg and successor.serial > signing_keys.serial
                   and successor.active_from < $1)";
        let rows = on!(self.writes(), db => {
            sqlx::query(sql).bind(cutoff).execute(db).await.map(|done| done.rows_affected())
        })?;
        Ok(rows)
    }
}
