//! Upstream identity → agent (placeholder).

use super::homeserver::Way;

/// A third-party e-mail address as asserted by the homeserver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThirdPartyEmail {
    /// Lower case.
    pub address: String,
    /// Unix seconds.
    pub validated_at: i64,
    /// Unix seconds.
    pub added_at: i64,
}

/// Who came back from a homeserver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamIdentity {
    /// Server name.
    pub homeserver: String,
    /// `@local:server`.
    pub matrix_id: String,
    /// As given.
    pub display_name: Option<String>,
    /// Validated addresses only.
    pub emails: Vec<ThirdPartyEmail>,
    /// How the login was done.
    pub way: Way,
}
