//! What can go wrong with the database. Texts name statements' outcome and constraints, never a value: rows hold
//! e-mail addresses and fingerprints, connection addresses hold passwords.

use std::io::ErrorKind;

use crate::secret::SecretError;

/// A failure of the storage.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address of the database is not one we know.
    #[error("the database address must be sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE")]
    Url,
    /// The SQLite file cannot be made.
    #[error("the database file cannot be made: {0}")]
    File(ErrorKind),
    /// The database refused or did not answer.
    #[error("the database failed: {0}")]
    Database(String),
    /// The schema could not be brought up to date.
    #[error("the database schema could not be brought up to date: {0}")]
    Migration(String),
    /// A row holds what this program never writes.
    #[error("the database holds an unreadable row ({0})")]
    Corrupt(&'static str),
    /// There were no random bytes for a row's id.
    #[error(transparent)]
    Random(#[from] SecretError),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(describe(&error))
    }
}

impl StoreError {
    pub(super) fn migration(error: sqlx::migrate::MigrateError) -> Self {
        use sqlx::migrate::MigrateError as E;
        Self::Migration(match &error {
            E::Execute(cause) | E::ExecuteMigration(cause, _) => describe(cause),
            E::VersionMismatch(version) => format!("migration {version} was edited after it had been applied"),
            E::Dirty(version) => format!("migration {version} was applied only in part"),
            _ => "the list of applied migrations does not fit this program".to_owned(),
        })
    }
}

pub(super) fn is_missing_table(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| {
        error.code().is_some_and(|code| code == "42P01") || error.message().starts_with("no such table")
    })
}

fn describe(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            // SQLSTATE classes 22 (data) and 23 (constraints) quote values in PostgreSQL's texts.
            if code.starts_with("22") || code.starts_with("23") {
                return format!("code {code}, constraint {}", error.constraint().unwrap_or("none"));
            }
            format!("{} (code {code})", error.message())
        }
        sqlx::Error::Io(error) => format!("connection: {}", error.kind()),
        sqlx::Error::Tls(_) => "the TLS connection could not be made".to_owned(),
        sqlx::Error::PoolTimedOut => "no connection in time: it does not answer, or all are busy".to_owned(),
        sqlx::Error::PoolClosed => "it was closed".to_owned(),
        sqlx::Error::Configuration(_) => "its address or options are not valid".to_owned(),
        sqlx::Error::ColumnDecode { index, .. } => format!("column {index} has an unexpected type"),
        sqlx::Error::ColumnNotFound(name) => format!("column {name} is missing"),
        sqlx::Error::RowNotFound => "an expected row is missing".to_owned(),
        _ => "unexpected answer".to_owned(),
    }
}
