//! The list of homeservers, in the operator's order. It is read from here at each use: whatever changes in it counts at once, in
//! every replica.

use super::{Former, Store, StoreError, Versioned, from_json, to_json};
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

    /// The same with its version.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_homeserver_version(&self, name: &str) -> Result<Option<Versioned<Homeserver>>, StoreError> {
        let sql = "select document from homeservers where name = $1";
        let row = on!(self.reads(), db => sqlx::query_as::<_, (String,)>(sql).bind(name).fetch_optional(db).await)?;
        row.map(|row| Versioned::read(row.0, "homeservers")).transpose()
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

    /// Adds a homeserver at the end, or changes the one that is there; `false` when what is there is not what `former` says.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn save_homeserver(&self, homeserver: &Homeserver, former: Former<'_>) -> Result<bool, StoreError> {
        let document = to_json(homeserver)?;
        let insert = "insert into homeservers (name, position, document)
                      select $1, coalesce(max(position), -1) + 1, $2 from homeservers where true
                      on conflict (name) do nothing";
        let update = "update homeservers set document = $2 where name = $1 and document = $3";
        let rows = match former {
            Former::Absent => on!(self.writes(), db => {
                sqlx::query(insert).bind(&homeserver.name).bind(&document).execute(db).await.map(|done| done.rows_affected())
            }),
            Former::Version(version) => on!(self.writes(), db => {
                sqlx::query(update)
                    .bind(&homeserver.name)
                    .bind(&document)
                    .bind(version)
                    .execute(db)
                    .await
                    .map(|done| done.rows_affected())
            }),
        }?;
        Ok(rows == 1)
    }

    /// Puts the homeservers of these names in this order, in one step.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn order_homeservers(&self, names: &[&str]) -> Result<(), StoreError> {
        let sql = "update homeservers set position = $2 where name = $1";
        transaction!(self, tx => {
            for (position, name) in (0i64..).zip(names) {
                sqlx::query(sql).bind(*name).bind(position).execute(&mut *tx).await?;
            }
        });
        Ok(())
    }

    /// Takes a homeserver off the list if it is still what this version says; its agents stay, and are refused.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_homeserver(&self, name: &str, version: &str) -> Result<bool, StoreError> {
        let sql = "delete from homeservers where name = $1 and document = $2";
        let rows = on!(self.writes(), db => {
            sqlx::query(sql).bind(name).bind(version).execute(db).await.map(|done| done.rows_affected())
        })?;
        Ok(rows == 1)
    }
}
