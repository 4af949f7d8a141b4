//! What pages call agents and clients by, for all of a page in one statement.

use std::collections::HashMap;

use sqlx::AssertSqlSafe;

use super::{Store, StoreError, from_json};

/// So many at a time: no engine takes any number of parameters.
const BATCH: usize = 500;

/// All that is read of a client's document.
#[derive(serde::Deserialize)]
struct Named {
    name: String,
}

impl Store {
    /// The Matrix ids of agents by internal id; ids that are no agent's are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_matrix_ids(&self, ids: &[&str]) -> Result<HashMap<String, String>, StoreError> {
        self.find_by_id("select id, matrix_id from agents where id in", ids)
            .await
    }

    /// The names of clients by `client_id`; those that are gone are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_client_names(&self, ids: &[&str]) -> Result<HashMap<String, String>, StoreError> {
        let documents = self
            .find_by_id("select id, document from clients where id in", ids)
            .await?;
        let name = |(id, document): (String, String)| Ok((id, from_json::<Named>(&document, "clients")?.name));
        documents.into_iter().map(name).collect()
    }

    async fn find_by_id(&self, select: &str, ids: &[&str]) -> Result<HashMap<String, String>, StoreError> {
        let mut found = HashMap::new();
        for ids in ids.chunks(BATCH) {
            let places: Vec<_> = (1..=ids.len()).map(|number| format!("${number}")).collect();
            let sql = format!("{select} ({})", places.join(", "));
            found.extend(on!(self.reads(), db => {
                let query = sqlx::query_as::<_, (String, String)>(AssertSqlSafe(sql));
                ids.iter().fold(query, |query, id| query.bind(*id)).fetch_all(db).await
            })?);
        }
        Ok(found)
    }
}
