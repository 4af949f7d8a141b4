//! Upstream identity → agent: which of a homeserver's assertions are believed, whether the account is still the same
//! person's, and whether it is the one that was typed.

use super::agent::{Agent, AgentEmail};
use super::homeserver::{Homeserver, Way};

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

/// What of an upstream identity is believed and stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// As the homeserver gave it; `None` when blank.
    pub display_name: Option<String>,
    /// The address that counts: of the entitled ones the earliest added, never "the one typed".
    pub email: Option<AgentEmail>,
    /// How many addresses were left out because the homeserver is not entitled to them or they are no addresses; for
    /// the log, which never sees an address.
    pub unentitled: usize,
}

/// Decides what is believed. `entitled` says whether an address is assigned to the very homeserver that asserts it.
pub fn settle(identity: &UpstreamIdentity, entitled: impl Fn(&str) -> bool) -> Facts {
    let believed: Vec<&ThirdPartyEmail> = identity
        .emails
        .iter()
        .filter(|email| is_address(&email.address) && entitled(&email.address))
        .collect();
    Facts {
        display_name: identity.display_name.clone().filter(|name| !name.trim().is_empty()),
        email: believed
            .iter()
            .min_by_key(|email| (email.added_at, &email.address))
            .map(|email| AgentEmail {
                address: email.address.clone(),
                added_at: email.added_at,
            }),
        unentitled: identity.emails.len() - believed.len(),
    }
}

/// One `@` with something on both sides and nothing that two readers could take for two things: what a service would
/// read as another domain than we do is no address.
fn is_address(text: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '<' | '>' | ',' | ';' | '\\');
    text.split_once('@').is_some_and(|(local_part, domain)| {
        !local_part.is_empty() && !domain.is_empty() && !domain.contains('@') && !text.contains(odd)
    })
}

/// Whether a known account is still the same person's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continuity {
    /// Nothing says otherwise.
    Same,
    /// The account was deactivated and made anew by whoever has the address now: close the agent, make a new one.
    Recreated,
}

/// Decides whether the account behind `agent` was recreated: where the homeserver is marked so, the agent's address
/// has come back with a newer `added_at`. Every asserted address is looked at, not only the one that would count now:
/// an earlier second address must not hide it.
pub fn continuity(agent: &Agent, identity: &UpstreamIdentity, homeserver: &Homeserver) -> Continuity {
    let came_back = agent.email.as_ref().is_some_and(|known| {
        identity
            .emails
            .iter()
            .any(|email| email.address == known.address && email.added_at > known.added_at)
    });
    if homeserver.recreated_by_address && came_back {
        Continuity::Recreated
    } else {
        Continuity::Same
    }
}

/// Whether what is stored differs from the facts just seen, so that `updated_at` moves.
pub fn changed(agent: &Agent, facts: &Facts) -> bool {
    agent.display_name != facts.display_name || agent.email != facts.email
}

/// Whether the account that came back is not the one typed: an e-mail address that is none of its validated ones,
/// another Matrix id, another local part.
pub fn is_other_account(typed: &str, identity: &UpstreamIdentity) -> bool {
    let typed = typed.trim().to_lowercase();
    let matrix_id = identity.matrix_id.to_lowercase();
    let same = match typed.strip_prefix('@') {
        Some(id) if id.contains(':') => typed == matrix_id,
        None if typed.contains('@') => identity
            .emails
            .iter()
            .any(|email| email.address.to_lowercase() == typed),
        local_part => matrix_id
            .strip_prefix('@')
            .and_then(|id| id.split_once(':'))
            .is_some_and(|(local, _)| local == local_part.unwrap_or(&typed)),
    };
    !same
}
