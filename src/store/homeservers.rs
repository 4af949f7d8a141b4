//! What operators keep besides clients: homeservers in their order, and administrations by e-mail domain.

use super::{Store, StoreError, from_json, to_json};
use crate::domain::administration::Administration;
use crate::domain::homeserver::Homeserver;

impl Store {
    /// The homeservers on the list, in the operator's order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_homeservers(&self) -> Result<Vec<Homeserver>, StoreError> {
        let sql = "select document from homeservers order by position, name";
        let rows = on!(self.reads(), db => sqlx::query_as::<_, (String,)>(sql).fetch_all(db).await)?;
        rows.iter().map(|row| from_json(&row.0, "homeservers")).collect()
    }

    /// The homeserver of this name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_homeserver(&self, name: &str) -> Result<Option<Homeserver>, StoreError> {
        let sql = "select document from homeservers where name = $1";
        let row = on!(self.reads(), db => sqlx::query_as::<_, (String,)>(sql).bind(name).fetch_optional(db).await)?;
        row.map(|row| from_json(&row.0, "homeservers")).transpose()
    }

    /// Adds or replaces a homeserver at this place in the order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn upsert_homeserver(&self, homeserver: &Homeserver, position: i64) -> Result<(), StoreError> {
        let document = to_json(homeserver)?;
        let sql = "insert into homeservers (name, position, document) values ($1, $2, $3)
                   on conflict (name) do update set position = excluded.position, document = excluded.document";
        on!(self.writes(), db => {
            sqlx::query(sql).bind(&homeserver.name).bind(position).bind(&document).execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// Takes a homeserver off the list. Its agents stay, and are refused.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_homeserver(&self, name: &str) -> Result<(), StoreError> {
        let sql = "delete from homeservers where name = $1";
        on!(self.writes(), db => sqlx::query(sql).bind(name).execute(db).await.map(drop))?;
        Ok(())
    }

    /// All administrations by domain.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_administrations(&self) -> Result<Vec<Administration>, StoreError> {
        let sql = "select document from administrations order by domain";
        let rows = on!(self.reads(), db => sqlx::query_as::<_, (String,)>(sql).fetch_all(db).await)?;
        rows.iter().map(|row| from_json(&row.0, "administrations")).collect()
    }

    /// The administration of an e-mail domain (lower case): the entry of the domain itself or of its nearest parent.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_administration(&self, email_domain: &str) -> Result<Option<Administration>, StoreError> {
        let sql = "select document from administrations where domain = $1";
        let mut candidate = Some(email_domain);
        while let Some(domain) = candidate {
            let row = on!(self.reads(), db => {
                sqlx::query_as::<_, (String,)>(sql).bind(domain).fetch_optional(db).await
            })?;
            if let Some(row) = row {
                return from_json(&row.0, "administrations").map(Some);
            }
            candidate = domain.split_once('.').map(|(_, parent)| parent);
        }
        Ok(None)
    }

    /// Adds or replaces an administration.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn upsert_administration(&self, administration: &Administration) -> Result<(), StoreError> {
        let document = to_json(administration)?;
        let sql = "insert into administrations (domain, document) values ($1, $2)
                   on conflict (domain) do update set document = excluded.document";
        on!(self.writes(), db => {
            sqlx::query(sql).bind(&administration.domain).bind(&document).execute(db).await.map(drop)
        })?;
        Ok(())
    }
}
