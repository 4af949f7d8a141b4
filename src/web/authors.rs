//! How pages and the API call those who did something: by the Matrix id where it is an agent's.

use std::collections::{BTreeSet, HashMap};

use crate::store::{Store, StoreError};

/// The names of a page's agents.
pub struct Authors(HashMap<String, String>);

impl Authors {
    /// Those of these ids, in one statement.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn of(store: &Store, ids: impl IntoIterator<Item = &str>) -> Result<Self, StoreError> {
        let ids: BTreeSet<&str> = ids.into_iter().collect();
        let ids: Vec<_> = ids.into_iter().collect();
        Ok(Self(store.find_matrix_ids(&ids).await?))
    }

    /// What is no agent's id stays as it is.
    pub fn name(&self, id: &str) -> String {
        self.0.get(id).map_or(id, String::as_str).to_owned()
    }
}
