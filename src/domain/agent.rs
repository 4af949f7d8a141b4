//! The agent: a person behind a Tchap account, keyed by (homeserver, Matrix id), with the facts last seen.

use serde::{Deserialize, Serialize};

/// A validated e-mail address that a homeserver asserted and was entitled to assert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentEmail {
    /// Lower case.
    pub address: String,
    /// When it was added to the account, Unix seconds.
    pub added_at: i64,
}

/// An account as its authentication service knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerSubject {
    /// `iss` of its ID tokens.
    pub issuer: String,
    /// `sub` there.
    pub subject: String,
}

/// An agent as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Random, ours; also the `sub` of public clients.
    pub id: String,
    /// Server name of the account's homeserver.
    pub homeserver: String,
    /// `@local:server`.
    pub matrix_id: String,
    /// As the homeserver gave it, bracket included.
    pub display_name: Option<String>,
    /// The address that counts; see [`super::identity`].
    pub email: Option<AgentEmail>,
    /// The address last believed. It outlives logins at which none is: by it a recreated account is noticed.
    pub last_believed: Option<AgentEmail>,
    /// Who the account was to its authentication service when the agent last came by it.
    pub at_issuer: Option<IssuerSubject>,
    /// Language last chosen on our pages (`fr`, `en`).
    pub locale: Option<String>,
    /// First sign-in, Unix seconds.
    pub created_at: i64,
    /// Last change of the facts above, Unix seconds.
    pub updated_at: i64,
    /// Closed for good (deactivated, erased, recreated), Unix seconds. At most one open agent per account.
    pub closed_at: Option<i64>,
}
