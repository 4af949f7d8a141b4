//! What a client's admission rules mean for an agent. Only what is believed counts: without an e-mail address that the
//! homeserver was entitled to assert, an agent is of no administration that is known by one.

use super::Refusal;
use crate::domain::administration::Administration;
use crate::domain::agent::Agent;
use crate::domain::homeserver::{Homeserver, domain_is_under};
use crate::domain::identifier::email_domain;
use crate::protocol::admission::{Administrations, AdmissionRules, Population};

/// Asks the rules. They hold for guests too, who are no agents of the administration of their address: a SIREN or a
/// branch never admits them, their e-mail domain or the guests' homeserver does.
pub fn check(
    rules: &AdmissionRules,
    agent: &Agent,
    homeserver: &Homeserver,
    administration: Option<&Administration>,
) -> Result<(), Refusal> {
    let administration = administration.filter(|row| !homeserver.guests && row.is_of(agent));
    let population = match (homeserver.guests, administration) {
        (true, _) => Some(Population::Partenaire),
        (false, Some(_)) => Some(Population::Agent),
        (false, None) => None,
    };
    let admitted = &rules.administrations;
    if !admitted.is_empty() && !matches(admitted, agent, homeserver, administration) {
        return Err(Refusal::Administration);
    }
    let of_population = population.is_some_and(|population| rules.populations.contains(&population));
    if !rules.populations.is_empty() && !of_population {
        return Err(Refusal::Population);
    }
    Ok(())
}

fn matches(
    admitted: &Administrations,
    agent: &Agent,
    homeserver: &Homeserver,
    administration: Option<&Administration>,
) -> bool {
    let domain = agent.email.as_ref().and_then(|email| email_domain(&email.address));
    let under = |domain: &str| {
        admitted
            .email_domains
            .iter()
            .any(|suffix| domain_is_under(domain, suffix))
    };
    let of = |row: &Administration| {
        row.siren.as_ref().is_some_and(|siren| admitted.siren.contains(siren))
            || row.branch.is_some_and(|branch| admitted.branches.contains(&branch))
    };
    admitted.homeservers.contains(&homeserver.name) || domain.is_some_and(under) || administration.is_some_and(of)
}

#[cfg(test)]
mod tests;
