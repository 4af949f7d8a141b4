//! Admission: may this agent use this client? Asked on every way to a token.

use super::agent::Agent;
use super::homeserver::Homeserver;
use crate::protocol::client::Client;

/// Why an agent may not use a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The account is a guest's and the client does not admit guests.
    Guest,
    /// The account is closed for good.
    Closed,
    /// The account's homeserver is not (or no longer) on the list.
    UnknownHomeserver,
}

/// Decides whether `agent`, whose account is on `homeserver` (if that is still on the list), may use `client`.
///
/// # Errors
/// The reason why not.
pub fn decide(client: &Client, agent: &Agent, homeserver: Option<&Homeserver>) -> Result<(), Refusal> {
    if agent.closed_at.is_some() {
        return Err(Refusal::Closed);
    }
    let homeserver = homeserver.ok_or(Refusal::UnknownHomeserver)?;
    if homeserver.guests && !client.admits_guests {
        return Err(Refusal::Guest);
    }
    Ok(())
}
