//! Counts of failed passwords and of registrations, and the browsers that they do not concern.

use super::{Store, StoreError};
use crate::domain::throttle::Limit;

impl Store {
    /// Takes one from a bucket in one statement, so that parallel attempts never share a place; when it is full, up to when
    /// it is filled.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take(&self, bucket: &str, limit: Limit, now: i64) -> Result<Result<(), i64>, StoreError> {
        let take = "insert into throttles (bucket, full_until) values ($1, $2 + $3)
                    on conflict (bucket) do update set full_until =
                    case when throttles.full_until > $2 then throttles.full_until else $2 end + $3
                    where throttles.full_until <= $2 + $4 returning full_until";
        let taken = on!(self.writes(), db => {
            sqlx::query_as::<_, (i64,)>(take)
                .bind(bucket)
                .bind(now)
                .bind(limit.interval)
                .bind(limit.slack)
                .fetch_optional(db)
                .await
        })?;
        if taken.is_some() {
            return Ok(Ok(()));
        }
        let sql = "select full_until from throttles where bucket = $1";
        let full = on!(self.reads(), db => sqlx::query_as::<_, (i64,)>(sql).bind(bucket).fetch_optional(db).await)?;
        Ok(Err(full.map_or(now, |row| row.0)))
    }

    /// Gives one back: what it was taken for was no failure.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn give_back(&self, bucket: &str, limit: Limit) -> Result<(), StoreError> {
        let sql = "update throttles set full_until = full_until - $2 where bucket = $1";
        on!(self.writes(), db => sqlx::query(sql).bind(bucket).bind(limit.interval).execute(db).await.map(drop))?;
        Ok(())
    }

    /// Fills a bucket at least up to this instant.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fill(&self, bucket: &str, full_until: i64) -> Result<(), StoreError> {
        let sql = "insert into throttles (bucket, full_until) values ($1, $2) on conflict (bucket) do update
                   set full_until = excluded.full_until where throttles.full_until < excluded.full_until";
        on!(self.writes(), db => sqlx::query(sql).bind(bucket).bind(full_until).execute(db).await.map(drop))?;
        Ok(())
    }

    /// Remembers a browser in which an account signed in.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn upsert_known_browser(&self, fingerprint: &str, expires_at: i64) -> Result<(), StoreError> {
        let sql = "insert into known_browsers (fingerprint, expires_at) values ($1, $2)
                   on conflict (fingerprint) do update set expires_at = excluded.expires_at";
        on!(self.writes(), db => sqlx::query(sql).bind(fingerprint).bind(expires_at).execute(db).await.map(drop))?;
        Ok(())
    }

    /// Whether an account signed in in this browser.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_known_browser(&self, fingerprint: &str, now: i64) -> Result<bool, StoreError> {
        let sql = "select expires_at from known_browsers where fingerprint = $1 and expires_at > $2";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, (i64,)>(sql).bind(fingerprint).bind(now).fetch_optional(db).await
        })?;
        Ok(row.is_some())
    }
}
