//! Runs a test on every engine: SQLite in a file of its own always, PostgreSQL in a schema of its own when
//! `TEST_DATABASE_URL` names a server.

use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use tchap_connect::secret::random_bytes;
use tchap_connect::store::Store;

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

/// Runs `test` once per engine.
pub async fn on_each_engine(test: impl AsyncFn(&Engine)) {
    let name: String = random_bytes::<8>().unwrap().map(|byte| format!("{byte:02x}")).concat();

    let folder = std::env::temp_dir().join(format!("tchap-connect-test-{name}"));
    std::fs::create_dir(&folder).unwrap();
    run(format!("sqlite:{}", folder.join("db.sqlite").display()), &test).await;
    std::fs::remove_dir_all(&folder).unwrap();

    let Ok(server) = std::env::var("TEST_DATABASE_URL") else {
        return;
    };
    let mut admin = PgConnection::connect(&server).await.unwrap();
    let create = AssertSqlSafe(format!("create schema test_{name}"));
    sqlx::raw_sql(create).execute(&mut admin).await.unwrap();
    let separator = if server.contains('?') { '&' } else { '?' };
    run(
        format!("{server}{separator}options=-c%20search_path%3Dtest_{name}"),
        &test,
    )
    .await;
    let drop = AssertSqlSafe(format!("drop schema test_{name} cascade"));
    sqlx::raw_sql(drop).execute(&mut admin).await.unwrap();
}

async fn run(url: String, test: &impl AsyncFn(&Engine)) {
    let store = Store::open(&url).await.unwrap();
    store.migrate().await.unwrap();
    let engine = Engine { store, url };
    test(&engine).await;
    engine.store.close().await;
}
