//! Documents with their versions, so that of two people who change the same thing the second one is told.

use serde::de::DeserializeOwned;

use super::{StoreError, from_json};
use crate::secret::fingerprint;

/// A document as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    /// What it says.
    pub value: T,
    /// The text that is stored.
    pub version: String,
}

impl<T: DeserializeOwned> Versioned<T> {
    /// Reads the column of a table.
    pub(super) fn read(version: String, table: &'static str) -> Result<Self, StoreError> {
        Ok(Self {
            value: from_json(&version, table)?,
            version,
        })
    }
}

impl<T> Versioned<T> {
    /// Stands for the version in forms.
    pub fn mark(&self) -> String {
        fingerprint(&self.version)
    }
}

/// What must be there before something is written in its place.
#[derive(Debug, Clone, Copy)]
pub enum Former<'a> {
    /// Nothing.
    Absent,
    /// This version.
    Version(&'a str),
}
