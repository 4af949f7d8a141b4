//! Databases for tests, migrated and empty: SQLite in a file of its own always, PostgreSQL in a database of its own when
//! `TEST_DATABASE_URL` names a server. Each is a copy of one that was migrated once.

use std::path::PathBuf;

use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use tchap_connect::secret::random_bytes;
use tchap_connect::store::Store;
use tokio::sync::OnceCell;
use url::Url;

/// A database that goes when dropped.
pub struct Database {
    pub url: String,
    folder: Option<PathBuf>,
    /// The server and the name of its database there.
    on_server: Option<(String, String)>,
}

impl Database {
    pub async fn sqlite() -> Self {
        static MIGRATED: OnceCell<Vec<u8>> = OnceCell::const_new();
        let migrated = MIGRATED.get_or_init(async || {
            let database = Self::file(&[]);
            migrate(&database.url).await;
            std::fs::read(database.folder.as_ref().unwrap().join(FILE)).unwrap()
        });
        Self::file(migrated.await)
    }

    fn file(content: &[u8]) -> Self {
        let folder = std::env::temp_dir().join(format!("tchap-connect-{}", name()));
        std::fs::create_dir(&folder).unwrap();
        let file = folder.join(FILE);
        if !content.is_empty() {
            std::fs::write(&file, content).unwrap();
        }
        Self {
            url: format!("sqlite:{}", file.display()),
            folder: Some(folder),
            on_server: None,
        }
    }

    pub async fn postgres() -> Option<Self> {
        static MIGRATED: OnceCell<Database> = OnceCell::const_new();
        let server = std::env::var("TEST_DATABASE_URL").ok()?;
        let migrated = MIGRATED.get_or_init(async || {
            let database = Self::on_server(&server, "template0").await;
            migrate(&database.url).await;
            database
        });
        let (_, template) = migrated.await.on_server.as_ref().unwrap();
        Some(Self::on_server(&server, template).await)
    }

    async fn on_server(server: &str, template: &str) -> Self {
        let name = name();
        let mut admin = PgConnection::connect(server).await.unwrap();
        let create = AssertSqlSafe(format!("create database {name} template {template}"));
        sqlx::raw_sql(create).execute(&mut admin).await.unwrap();
        let mut url = Url::parse(server).unwrap();
        url.set_path(&name);
        Self {
            url: url.into(),
            folder: None,
            on_server: Some((server.to_owned(), name)),
        }
    }

    /// One without any table.
    pub async fn empty() -> Self {
        match std::env::var("TEST_DATABASE_URL") {
            Ok(server) => Self::on_server(&server, "template0").await,
            Err(_) => Self::file(&[]),
        }
    }

    /// PostgreSQL where there is one, else SQLite.
    pub async fn any() -> Self {
        match Self::postgres().await {
            Some(database) => database,
            // A run that says PostgreSQL is one.
            None if std::env::var("TEST_DATABASE").is_ok_and(|name| name == "postgres") => {
                panic!("no TEST_DATABASE_URL")
            }
            None => Self::sqlite().await,
        }
    }
}

const FILE: &str = "db.sqlite";

async fn migrate(url: &str) {
    let store = Store::open(url).await.unwrap();
    store.migrate().await.unwrap();
    store.close().await;
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
        let Some((server, name)) = self.on_server.take() else {
            return;
        };
        // Drop cannot wait on the test's own runtime.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let mut admin = PgConnection::connect(&server).await.ok()?;
                let drop = AssertSqlSafe(format!("drop database {name} with (force)"));
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
    let url = database.url.clone();
    let engine = Engine { store, url };
    test(&engine).await;
    engine.store.close().await;
}
