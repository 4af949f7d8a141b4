//! Admission: may this agent use this client? Asked on every way to a token.

pub mod preview;
mod rules;

use super::administration::Administration;
use super::agent::{AccountState, Agent, Pause};
use super::homeserver::Homeserver;
use crate::protocol::client::Client;

/// Why an agent may not use a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The account is a guest's and the client does not admit guests.
    Guest,
    /// The account is closed for good.
    Closed,
    /// The account does not stand for now.
    Paused(Pause),
    /// The account's homeserver is not (or no longer) on the list.
    UnknownHomeserver,
    /// The client is not in production yet, and the agent is none of its testers.
    NotATester,
    /// The client admits administrations, and the agent is of none of them.
    Administration,
    /// The client admits populations, and the agent is of none of them.
    Population,
}

/// Decides whether `agent`, whose account is on `homeserver` (if that is still on the list), may use `client`.
/// `administration` is the row found by the agent's e-mail domain; a row of another domain counts for nothing.
///
/// # Errors
/// The reason why not.
pub fn decide(
    client: &Client,
    agent: &Agent,
    homeserver: Option<&Homeserver>,
    administration: Option<&Administration>,
) -> Result<(), Refusal> {
    match agent.account() {
        AccountState::Stands => {}
        AccountState::Paused(pause) => return Err(Refusal::Paused(pause)),
        AccountState::Closed => return Err(Refusal::Closed),
    }
    let homeserver = homeserver.ok_or(Refusal::UnknownHomeserver)?;
    if !client.standing.lets_in(&agent.matrix_id) {
        return Err(Refusal::NotATester);
    }
    if homeserver.guests && !client.admits_guests {
        return Err(Refusal::Guest);
    }
    rules::check(&client.admission, agent, homeserver, administration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_open_accounts_of_listed_servers_and_guests_only_where_admitted() {
        for (closed, listed, guests, admits_guests, verdict) in [
            (false, true, false, false, Ok(())),
            (false, true, false, true, Ok(())),
            (false, true, true, true, Ok(())),
            (false, true, true, false, Err(Refusal::Guest)),
            (false, false, false, true, Err(Refusal::UnknownHomeserver)),
            (true, true, false, true, Err(Refusal::Closed)),
            (true, true, true, false, Err(Refusal::Closed)),
            (true, false, false, true, Err(Refusal::Closed)),
        ] {
            let client: Client = serde_json::from_value(serde_json::json!({
                "id": "c", "name": "C", "redirect_uris": [], "auth_methods": ["none"], "scopes": [], "sector": "s",
                "admits_guests": admits_guests,
            }))
            .unwrap();
            let homeserver: Homeserver = serde_json::from_value(serde_json::json!({
                "name": "h", "label": "H", "base_url": "https://h", "ways": [], "guests": guests,
            }))
            .unwrap();
            let agent = Agent {
                id: "a".to_owned(),
                homeserver: "h".to_owned(),
                matrix_id: "@a:h".to_owned(),
                display_name: None,
                email: None,
                last_believed: None,
                at_issuer: None,
                locale: None,
                created_at: 0,
                updated_at: 0,
                closed_at: closed.then_some(1),
                paused: None,
                checked_at: None,
            };
            let homeserver = listed.then_some(&homeserver);
            let is_paused = Agent {
                paused: Some(Pause::Locked),
                ..agent.clone()
            };
            let locked = match closed {
                true => Refusal::Closed,
                false => Refusal::Paused(Pause::Locked),
            };
            assert_eq!(decide(&client, &is_paused, homeserver, None), Err(locked));
            assert_eq!(
                decide(&client, &agent, homeserver, None),
                verdict,
                "closed {closed}, listed {listed}, guests {guests}, admits {admits_guests}"
            );
        }
    }

    #[test]
    fn a_client_that_says_nothing_of_guests_admits_none() {
        let client: Client = serde_json::from_value(serde_json::json!({
            "id": "c", "name": "C", "redirect_uris": [], "auth_methods": ["none"], "scopes": [], "sector": "s",
        }))
        .unwrap();
        assert!(!client.admits_guests);
    }
}
