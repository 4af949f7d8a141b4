//! Protected resources, which operators keep (RFC 8707).

use super::{Store, StoreError, from_json, to_json};
use crate::protocol::resource::Resource;

impl Store {
    /// All resources by identifier.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_resources(&self) -> Result<Vec<Resource>, StoreError> {
        let sql = "select document from resources order by identifier";
        let rows = on!(self.reads(), db => sqlx::query_as::<_, (String,)>(sql).fetch_all(db).await)?;
        rows.iter().map(|row| from_json(&row.0, "resources")).collect()
    }

    /// The resource of this identifier.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_resource(&self, identifier: &str) -> Result<Option<Resource>, StoreError> {
        let sql = "select document from resources where identifier = $1";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, (String,)>(sql).bind(identifier).fetch_optional(db).await
        })?;
        row.map(|row| from_json(&row.0, "resources")).transpose()
    }

    /// Adds or replaces a resource.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn upsert_resource(&self, resource: &Resource) -> Result<(), StoreError> {
        let document = to_json(resource)?;
        let sql = "insert into resources (identifier, document) values ($1, $2)
                   on conflict (identifier) do update set document = excluded.document";
        on!(self.writes(), db => {
            sqlx::query(sql).bind(&resource.identifier).bind(&document).execute(db).await.map(drop)
        })?;
        Ok(())
    }
}
