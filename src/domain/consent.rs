//! Consent: which claims an agent agreed to give to a client, and until when that is remembered.

use std::collections::BTreeSet;

/// A remembered consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// Who agreed.
    pub agent_id: String,
    /// For which client.
    pub client_id: String,
    /// Names of the claims that were shown and agreed to.
    pub claims: BTreeSet<String>,
    /// Unix seconds.
    pub given_at: i64,
    /// Unix seconds.
    pub expires_at: i64,
}
