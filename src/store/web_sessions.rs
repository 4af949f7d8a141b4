//! The web sessions of `tower-sessions`: what the cookie points at. The id is stored as its SHA-256, so that a copy of
//! the database opens no session.

use async_trait::async_trait;
use time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};

use super::{Store, from_json, to_json};
use crate::clock::Clock;
use crate::secret::fingerprint;

/// Keeps web sessions in the [`Store`].
#[derive(Debug, Clone)]
pub struct WebSessionStore {
    store: Store,
    clock: Clock,
}

impl WebSessionStore {
    /// Web sessions in this store, expiring by this clock.
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }
}

#[async_trait]
impl tower_sessions::SessionStore for WebSessionStore {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let sql = "insert into web_sessions (id, data, expires_at) values ($1, $2, $3) on conflict (id) do nothing";
        let data = to_json(&record.data).map_err(|error| Error::Encode(error.to_string()))?;
        while execute(&self.store, sql, record, &data).await? == 0 {
            record.id = Id::default();
        }
        Ok(())
    }

    // Updates only: a request that was under way when its session ended must not bring it back.
    async fn save(&self, record: &Record) -> Result<()> {
        let sql = "update web_sessions set data = $2, expires_at = $3 where id = $1";
        let data = to_json(&record.data).map_err(|error| Error::Encode(error.to_string()))?;
        execute(&self.store, sql, record, &data).await?;
        Ok(())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let sql = "select data, expires_at from web_sessions where id = $1 and expires_at > $2";
        let (key, now) = (fingerprint(&id.to_string()), self.clock.now());
        let row = on!(self.store.reads(), db => {
            sqlx::query_as::<_, (String, i64)>(sql).bind(&key).bind(now).fetch_optional(db).await
        })
        .map_err(backend)?;
        row.map(|(data, expires_at)| {
            let unreadable = |error: String| Error::Decode(error);
            Ok(Record {
                id: *id,
                data: from_json(&data, "web_sessions").map_err(|error| unreadable(error.to_string()))?,
                expiry_date: OffsetDateTime::from_unix_timestamp(expires_at)
                    .map_err(|error| unreadable(error.to_string()))?,
            })
        })
        .transpose()
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        let key = fingerprint(&id.to_string());
        let sql = "delete from web_sessions where id = $1";
        on!(self.store.writes(), db => sqlx::query(sql).bind(&key).execute(db).await.map(drop)).map_err(backend)
    }
}

async fn execute(store: &Store, sql: &'static str, record: &Record, data: &str) -> Result<u64> {
    let key = fingerprint(&record.id.to_string());
    let expires_at = record.expiry_date.unix_timestamp();
    on!(store.writes(), db => {
        sqlx::query(sql).bind(&key).bind(data).bind(expires_at).execute(db).await.map(|done| done.rows_affected())
    })
    .map_err(backend)
}

fn backend(error: sqlx::Error) -> Error {
    Error::Backend(super::StoreError::from(error).to_string())
}
