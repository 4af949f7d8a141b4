//! The authentication service that each homeserver is known by, and the client that we registered there.

use super::{Store, StoreError};

/// What is known of a homeserver's authentication service.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PinnedIssuer {
    /// Server name of the homeserver.
    pub homeserver: String,
    /// The one issuer that its logins are accepted from.
    pub issuer: String,
    /// The client that we registered there.
    pub client_id: Option<String>,
    /// A fingerprint of what was registered.
    pub registration: Option<String>,
}

impl Store {
    /// What a homeserver is known by.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_pinned_issuer(&self, homeserver: &str) -> Result<Option<PinnedIssuer>, StoreError> {
        let sql = "select homeserver, issuer, client_id, registration from upstream_issuers where homeserver = $1";
        Ok(on!(self.reads(), db => {
            sqlx::query_as::<_, PinnedIssuer>(sql).bind(homeserver).fetch_optional(db).await
        })?)
    }

    /// Pins a homeserver to an issuer and answers what is pinned then, another one when somebody was faster; `None` when the
    /// issuer is another homeserver's.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pin_issuer(
        &self,
        homeserver: &str,
        issuer: &str,
        now: i64,
    ) -> Result<Option<PinnedIssuer>, StoreError> {
        let sql = "insert into upstream_issuers (homeserver, issuer, pinned_at) values ($1, $2, $3)
                   on conflict do nothing";
        on!(self.writes(), db => {
            sqlx::query(sql).bind(homeserver).bind(issuer).bind(now).execute(db).await.map(drop)
        })?;
        self.find_pinned_issuer(homeserver).await
    }

    /// Forgets the issuer of a homeserver, and of whoever has this one: an operator has said whose it is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_pinned_issuer(&self, homeserver: &str, issuer: &str) -> Result<(), StoreError> {
        let sql = "delete from upstream_issuers where homeserver = $1 or issuer = $2";
        on!(self.writes(), db => sqlx::query(sql).bind(homeserver).bind(issuer).execute(db).await.map(drop))?;
        Ok(())
    }

    /// Remembers, or with `None` forgets, the client that we registered at an issuer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn update_upstream_client(
        &self,
        issuer: &str,
        registered: Option<(&str, &str)>,
    ) -> Result<(), StoreError> {
        let sql = "update upstream_issuers set client_id = $2, registration = $3 where issuer = $1";
        on!(self.writes(), db => {
            sqlx::query(sql)
                .bind(issuer)
                .bind(registered.map(|(client_id, _)| client_id))
                .bind(registered.map(|(_, registration)| registration))
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(())
    }
}
