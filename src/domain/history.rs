//! What is remembered of sign-ins, for the agents themselves: when, to which service, by which way.

use super::homeserver::Way;
use super::session::BrowserSession;
use crate::secret::fingerprint;

/// What happens again within so many seconds in one session is one sign-in: a service may ask in silence every few seconds.
const BUCKET: i64 = 3600;

/// A service got codes for an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastSignIn {
    /// See [`sign_in_id`].
    pub id: String,
    /// Whose it was.
    pub agent_id: String,
    /// To which service.
    pub client_id: String,
    /// What the service was called then.
    pub client_name: String,
    /// How the browser session had begun.
    pub way: Way,
    /// When it got the first of them, Unix seconds.
    pub at: i64,
}

/// One id for all sign-ins of a session to a service by one way within an hour of the clock. It tells nothing of what it is made of.
pub fn sign_in_id(session: &BrowserSession, client_id: &str, now: i64) -> String {
    let (hour, way) = (now.div_euclid(BUCKET), session.way.as_str());
    fingerprint(&format!("sign-in\n{}\n{way}\n{hour}\n{client_id}", session.id))
}
