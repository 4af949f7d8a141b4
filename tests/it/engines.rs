//! Databases for tests: SQLite in a file of its own always, PostgreSQL in a schema of its own when `TEST_DATABASE_URL`
//! names a server.

use std::path::PathBuf;

use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use tchap_connect::secret::random_bytes;
use tchap_connect::store::Store;

/// A database that goes when dropped.
pub struct Database {
    pub url: String,
    folder: Option<PathBuf>,
    schema: Option<(String, String)>,
}

impl Database {
    pub fn sqlite() -> Self {
        let folder = std::env::temp_dir().join(format!("tchap-connect-{}", name()));
        std::fs::create_dir(&folder).unwrap();
        Self {
            url: format!("sqlite:{}", folder.join("db.sqlite").display()),
            folder: Some(folder),
            schema: None,
        }
    }

    pub async fn postgres() -> Option<Self> {
        let server = std::env::var("TEST_DATABASE_URL").ok()?;
        let name = name();
        let mut admin = PgConnection::connect(&server).await.unwrap();
        let create = AssertSqlSafe(format!("create schema {name}"));
        sqlx::raw_sql(create).execute(&mut admin).await.unwrap();
        let separator = if server.contains('?') { '&' } else { '?' };
        Some(Self {
            url: format!("{server}{separator}options=-c%20search_path%3D{name}"),
            folder: None,
            schema: Some((server, name)),
        })
    }

    /// PostgreSQL where there is one, else SQLite.
    pub async fn any() -> Self {
        Self::postgres().await.unwrap_or_else(Self::sqlite)
    }
}

fn name() -> String {
    let digits = random_bytes::<8>().unwrap().map(|byte| format!("{byte:02x}")).concat();
    format!("test_{digits}")
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
        let Some((server, name)) = self.schema.take() else {
            return;
        };
        // Drop cannot wait on the test's own runtime. A schema that is still in use stays: the server is a test's.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let mut admin = PgConnection::connect(&server).await.ok()?;
                let drop = AssertSqlSafe(format!("set lock_timeout = '2s'; drop schema {name} cascade"));
                sqlx::raw_sql(drop).execute(&mut admin).await.ok()
            })
        });
        let _ = dropping.join();
    }
}

/// A migrated, empty database.
pub struct Engine {
    pub store: Store,
    pub url: String,
}

impl Engine {
    /// The first column of each row, read behind the store's back.
    pub async fn texts(&self, sql: &'static str) -> Vec<String> {
        let rows: Vec<(String,)> = if self.url.starts_with("sqlite:") {
            let mut db = SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::query_as(sql).fetch_all(&mut db).await.unwrap()
        } else {
            let mut db = PgConnection::connect(&self.url).await.unwrap();
            sqlx::query_as(sql).fetch_all(&mut db).await.unwrap()
        };
        rows.into_iter().map(|row| row.0).collect()
    }

    /// Changes rows behind the store's back.
    pub async fn execute(&self, sql: &'static str) {
        if self.url.starts_with("sqlite:") {
            let mut db = SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::query(sql).execute(&mut db).await.unwrap();
        } else {
            let mut db = PgConnection::connect(&self.url).await.unwrap();
            sqlx::query(sql).execute(&mut db).await.unwrap();
        }
    }
}

/// Runs `test` on the engine that this run of the tests is for; `make test` runs them for each.
pub async fn on_each_engine(test: impl AsyncFn(&Engine)) {
    let database = Database::any().await;
    let store = Store::open(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    let url = database.url.clone();
    let engine = Engine { store, url };
    test(&engine).await;
    engine.store.close().await;
}
