//! What is remembered of sign-ins, for the agents themselves: when, to which service, by which way.

use super::homeserver::Way;

/// A service got a code for an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastSignIn {
    /// That of the authorization it ended in.
    pub id: String,
    /// Whose it was.
    pub agent_id: String,
    /// To which service.
    pub client_id: String,
    /// What the service was called then.
    pub client_name: String,
    /// How the browser session had begun.
    pub way: Way,
    /// Unix seconds.
    pub at: i64,
}
