//! Whom a change would shut out: the same decision, for what is registered and for what is wanted.

use std::collections::BTreeMap;

use super::{Refusal, decide};
use crate::domain::administration::Administration;
use crate::domain::agent::Agent;
use crate::domain::homeserver::Homeserver;
use crate::domain::identifier::email_domain;
use crate::protocol::client::Client;

/// All that decisions look up, at one moment.
#[derive(Debug, PartialEq, Eq)]
pub struct Registry {
    homeservers: BTreeMap<String, Homeserver>,
    administrations: BTreeMap<String, Administration>,
}

impl Registry {
    /// These homeservers and administrations; of two with one name or domain the last counts.
    pub fn new(
        homeservers: impl IntoIterator<Item = Homeserver>,
        administrations: impl IntoIterator<Item = Administration>,
    ) -> Self {
        let by_name = homeservers.into_iter().map(|one| (one.name.clone(), one));
        let by_domain = administrations.into_iter().map(|one| (one.domain.clone(), one));
        Self {
            homeservers: by_name.collect(),
            administrations: by_domain.collect(),
        }
    }

    /// The agent's administration: that of their domain or of its nearest parent.
    pub fn administration(&self, agent: &Agent) -> Option<&Administration> {
        let domain = agent.email.as_ref().and_then(|email| email_domain(&email.address));
        let mut domains = std::iter::successors(domain, |domain| Some(domain.split_once('.')?.1));
        domains.find_map(|domain| self.administrations.get(domain))
    }

    fn decide(&self, client: &Client, agent: &Agent) -> Result<(), Refusal> {
        let homeserver = self.homeservers.get(&agent.homeserver);
        decide(client, agent, homeserver, self.administration(agent))
    }
}

/// Why the client as it is wanted would refuse an agent whom it admits as it is; `None` when nothing changes for them.
pub fn newly_refused(
    (before, client): (&Registry, &Client),
    (after, wanted): (&Registry, &Client),
    agent: &Agent,
) -> Option<Refusal> {
    before.decide(client, agent).ok()?;
    after.decide(wanted, agent).err()
}
