//! Storage: the only module with SQL. One text per statement runs on SQLite (embedded, the default) and PostgreSQL
//! (several replicas); architecture.md §5. Verbs: `find_*` answers an Option, `list_*`, `insert_*`, `update_*`,
//! `upsert_*`, `consume_*`, `revoke_*`, `delete_*`. Times are Unix seconds, given by the caller.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Connection as _;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

/// Evaluates one expression for whichever engine is open, with `$db` bound to its connection pool.
macro_rules! on {
    ($pool:expr, $db:ident => $statement:expr) => {
        match $pool {
            $crate::store::Pool::Sqlite($db) => $statement,
            $crate::store::Pool::Postgres($db) => $statement,
        }
    };
}

/// Runs a block in one transaction and commits it; an early `return` or `?` rolls back.
macro_rules! transaction {
    ($store:expr, $tx:ident => $block:block) => {
        match $store.writes() {
            // IMMEDIATE: a transaction that turns from reading to writing cannot wait for its turn.
            $crate::store::Pool::Sqlite(pool) => {
                let mut $tx = pool.begin_with("BEGIN IMMEDIATE").await?;
                let value = $block;
                $tx.commit().await?;
                value
            }
            $crate::store::Pool::Postgres(pool) => {
                let mut $tx = pool.begin().await?;
                let value = $block;
                $tx.commit().await?;
                value
            }
        }
    };
}

/// Takes from a client what belongs to it, in a transaction.
macro_rules! forget_belongings {
    ($tx:ident, $client_id:expr) => {
        for sql in $crate::store::client_end::BELONGINGS {
            sqlx::query(sql).bind($client_id).execute(&mut *$tx).await?;
        }
    };
}

/// Adds a secret to a client, by itself or in a transaction.
macro_rules! insert_secret {
    ($db:expr, $client_id:expr, $secret:expr) => {
        sqlx::query(
            "insert into client_secrets (id, client_id, fingerprint, created_at, expires_at) values ($1, $2, $3, $4, $5)",
        )
        .bind(&$secret.id)
        .bind($client_id)
        .bind(&$secret.fingerprint)
        .bind($secret.created_at)
        .bind($secret.expires_at)
        .execute($db)
        .await
        .map(drop)
    };
}

mod accounts;
mod administrations;
mod agent_services;
mod agents;
mod api_accesses;
mod audit;
mod cleanup;
mod client_changes;
mod client_end;
mod client_health;
mod client_lists;
mod client_owners;
mod clients;
mod consents;
mod ending;
mod error;
mod flows;
mod grants;
mod history;
mod homeservers;
mod key_set_fetches;
mod lifecycle;
mod logos;
mod logouts;
mod names;
#[cfg(test)]
mod plans;
mod registrations;
mod resources;
mod roles;
mod second_factors;
mod sessions;
mod sign_ins;
mod signing_keys;
mod statistics;
mod throttles;
mod tokens;
mod unknown_domains;
mod upstream_issuers;
mod used_jtis;
mod versioned;
mod web_sessions;

pub use agent_services::{AgentServices, LivingService};
pub use client_changes::NewClient;
pub use client_lists::{ClientFilter, ClientLine, Whose};
pub use error::StoreError;
pub use roles::{GrantedRole, RoleInvitation, RolePlace};
pub use second_factors::StoredFactor;
pub use signing_keys::StoredKey;
pub use tokens::Refresh;
pub use unknown_domains::{MOST_UNKNOWN_DOMAINS, UnknownDomain};
pub use upstream_issuers::PinnedIssuer;
pub use versioned::{Former, Versioned};
pub use web_sessions::WebSessionStore;

const CONNECTIONS: u32 = 8;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// A PostgreSQL connection that lay idle for longer is tested before it is used: a restart takes longer than this.
const TRUSTED_WHILE_IDLE: Duration = Duration::from_secs(1);
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// The database, whichever it is. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    db: Db,
}

#[derive(Debug, Clone)]
enum Db {
    /// One connection writes, the others only read: several writers would poll for the file's lock.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
    Postgres(PgPool),
}

/// The connections that a statement runs on.
enum Pool<'a> {
    Sqlite(&'a SqlitePool),
    Postgres(&'a PgPool),
}

impl Store {
    /// Opens `sqlite:PATH` (the file is made, readable by its owner only) or `postgres://…`.
    ///
    /// # Errors
    /// [`StoreError::Url`] for any other address, [`StoreError::Database`] when the database does not answer.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::open_with(url, CONNECTIONS).await
    }

    /// [`Store::open`] with at most this many connections to PostgreSQL.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_with(url: &str, max_connections: u32) -> Result<Self, StoreError> {
        let db = match url.split_once(':') {
            Some(("sqlite", path)) => open_sqlite(path.strip_prefix("//").unwrap_or(path)).await?,
            Some(("postgres" | "postgresql", _)) => {
                let options = PgConnectOptions::from_str(url).map_err(|_| StoreError::Url)?;
                let pool = PgPoolOptions::new()
                    .max_connections(max_connections)
                    .acquire_timeout(ACQUIRE_TIMEOUT)
                    // A test is a round trip, as dear as the statement itself: only what lay idle may be gone.
                    .test_before_acquire(false)
                    .before_acquire(|connection, meta| {
                        Box::pin(async move {
                            if meta.idle_for > TRUSTED_WHILE_IDLE {
                                connection.ping().await?;
                            }
                            Ok(true)
                        })
                    })
                    .connect_with(options.application_name("tchap-connect"))
                    .await?;
                Db::Postgres(pool)
            }
            _ => return Err(StoreError::Url),
        };
        Ok(Self { db })
    }

    /// Brings the schema up to date. Safe when several replicas do it at once.
    ///
    /// # Errors
    /// [`StoreError::Migration`] when a migration fails or an applied one was edited.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        on!(self.writes(), db => migrations().run(db).await).map_err(StoreError::migration)?;
        self.fill_in_name_keys().await
    }

    /// How many migrations this program has that the database has not.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn pending_migrations(&self) -> Result<usize, StoreError> {
        let sql = "select version from _sqlx_migrations order by version";
        let applied = match on!(self.reads(), db => sqlx::query_as::<_, (i64,)>(sql).fetch_all(db).await) {
            Ok(rows) => rows,
            Err(error) if error::is_missing_table(&error) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let is_applied = |version| applied.iter().any(|row| row.0 == version);
        Ok(migrations().iter().filter(|known| !is_applied(known.version)).count())
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// When there is none.
    pub async fn ping(&self) -> Result<(), StoreError> {
        on!(self.reads(), db => sqlx::query("select 1").execute(db).await.map(drop))?;
        Ok(())
    }

    /// Closes all connections; SQLite folds its write-ahead log into the file.
    pub async fn close(&self) {
        match &self.db {
            Db::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Db::Postgres(pool) => pool.close().await,
        }
    }

    /// A setting that the program keeps for itself.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let sql = "select value from settings where name = $1";
        let row = on!(self.reads(), db => sqlx::query_as::<_, (String,)>(sql).bind(name).fetch_optional(db).await)?;
        Ok(row.map(|row| row.0))
    }

    /// Stores a setting if it has no value yet, and answers the value that stands.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn insert_setting_if_absent(&self, name: &str, value: &str) -> Result<String, StoreError> {
        let sql = "insert into settings (name, value) values ($1, $2)
                   on conflict (name) do update set value = settings.value returning value";
        let row = on!(self.writes(), db => {
            sqlx::query_as::<_, (String,)>(sql).bind(name).bind(value).fetch_one(db).await
        })?;
        Ok(row.0)
    }

    fn reads(&self) -> Pool<'_> {
        match &self.db {
            Db::Sqlite { readers, .. } => Pool::Sqlite(readers),
            Db::Postgres(pool) => Pool::Postgres(pool),
        }
    }

    fn writes(&self) -> Pool<'_> {
        match &self.db {
            Db::Sqlite { writer, .. } => Pool::Sqlite(writer),
            Db::Postgres(pool) => Pool::Postgres(pool),
        }
    }
}

/// The embedded migrations. Newer ones than this program knows are tolerated: schema changes expand first, so that
/// the former release still runs while replicas are replaced one by one.
fn migrations() -> Migrator {
    let mut migrations = sqlx::migrate!();
    migrations.set_ignore_missing(true);
    migrations
}

async fn open_sqlite(path: &str) -> Result<Db, StoreError> {
    if path.is_empty() || path.starts_with(':') || path.contains('?') {
        return Err(StoreError::Url);
    }
    create_private_file(Path::new(path))?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .journal_mode(SqliteJournalMode::Wal)
        // FULL: a power cut must not un-spend a code.
        .synchronous(SqliteSynchronous::Full);
    let pool = || {
        SqlitePoolOptions::new()
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // A connection to a file does not go stale; each test would cost as much as a read.
            .test_before_acquire(false)
    };
    let writer = pool()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options.clone())
        .await?;
    let readers = pool()
        .max_connections(CONNECTIONS)
        .connect_with(options.pragma("query_only", "on"))
        .await?;
    Ok(Db::Sqlite { writer, readers })
}

/// Makes the database file with mode 0600 if it is missing; SQLite gives its `-wal` and `-shm` the same mode.
fn create_private_file(path: &Path) -> Result<(), StoreError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(StoreError::File(error.kind())),
        _ => Ok(()),
    }
}

/// Writes a value into a JSON column.
fn to_json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Corrupt("a value that is not JSON"))
}

/// Reads a JSON column; `what` names the table, for the error's text.
fn from_json<T: DeserializeOwned>(text: &str, what: &'static str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Corrupt(what))
}
