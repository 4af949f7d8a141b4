//! The browser session: the truth behind single sign-on. The cookie only points at it.

use serde::{Deserialize, Serialize};

use super::homeserver::Way;

/// A signed-in browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowserSession {
    /// Random, ours; never leaves the server.
    pub id: String,
    /// Whose it is.
    pub agent_id: String,
    /// How the login was done.
    pub way: Way,
    /// When the agent proved who they are, Unix seconds; `None` when the homeserver cannot tell.
    pub auth_time: Option<i64>,
    /// Start, Unix seconds.
    pub created_at: i64,
    /// Absolute end, Unix seconds.
    pub expires_at: i64,
}
