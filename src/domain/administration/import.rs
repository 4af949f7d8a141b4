//! An import of administrations before it is done: what it would add and change. It never takes anything away.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Administration;

/// What an import would do, as it is shown and, once confirmed, done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// In the order of the table.
    pub changes: Vec<Change>,
    /// What says what is known.
    pub unchanged: Vec<Administration>,
}

/// One line of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// As it will be.
    pub administration: Administration,
    /// As it was when the preview was made, if it was there: what is there now must be the same.
    pub former: Option<Former>,
}

/// An administration as it was stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// What it said.
    pub administration: Administration,
    /// The text of which it was read.
    pub version: String,
}

impl Import {
    /// What `wanted` would do to what is stored, by domain.
    pub fn new(wanted: Vec<Administration>, mut stored: BTreeMap<String, Former>) -> Self {
        let mut import = Self::default();
        for administration in wanted {
            match stored.remove(&administration.domain) {
                Some(former) if former.administration == administration => import.unchanged.push(administration),
                former => import.changes.push(Change { administration, former }),
            }
        }
        import
    }

    /// How many are new.
    pub fn added(&self) -> usize {
        self.changes.iter().filter(|change| change.former.is_none()).count()
    }

    /// How many are known and will say something else.
    pub fn changed(&self) -> usize {
        self.changes.len() - self.added()
    }
}
