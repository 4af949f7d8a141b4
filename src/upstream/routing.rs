//! From what the agent typed to the homeserver they sign in at, with how much that choice may be trusted.

use super::{Upstream, directory::DirectoryError};
use crate::config::DomainRules;
use crate::domain::{
    homeserver::{Homeserver, LocalRoute, RouteTrust, find, route_locally, rule_for},
    identifier::Identifier,
};

/// The homeserver to sign in at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The homeserver; always from the list.
    pub homeserver: Homeserver,
    /// Why this one. A password is asked for only if `trust.allows_password()`.
    pub trust: RouteTrust,
}

/// Why an identifier leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// The Matrix id, or the directory, names a server that is not on the list.
    #[error("the homeserver is not on the list")]
    NotListed,
    /// A bare local part, and several homeservers: ask for an e-mail address or the full Matrix id.
    #[error("a local part alone does not tell which homeserver")]
    NeedsServer,
    /// No rule matches the address, and no directory could be asked: ask for the full Matrix id or a choice.
    #[error("no rule covers the address and there is no directory")]
    Unknown,
    /// No directory server answered: try later, or type the full Matrix id.
    #[error("no directory server answered")]
    DirectoryUnreachable,
}

impl RouteError {
    /// A stable word for logs and page codes.
    pub fn kind(self) -> &'static str {
        match self {
            Self::NotListed => "homeserver_not_listed",
            Self::NeedsServer => "homeserver_needed",
            Self::Unknown => "homeserver_unknown",
            Self::DirectoryUnreachable => "directory_unreachable",
        }
    }
}

impl From<DirectoryError> for RouteError {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::NotOffered => Self::Unknown,
            DirectoryError::NotListed => Self::NotListed,
            DirectoryError::Unreachable => Self::DirectoryUnreachable,
        }
    }
}

impl Upstream {
    /// Finds the homeserver: by our own list, by the directory, in the order that the configuration says.
    ///
    /// # Errors
    /// See [`RouteError`].
    pub async fn route(&self, homeservers: &[Homeserver], identifier: &Identifier) -> Result<Route, RouteError> {
        self.route_by(homeservers, identifier, 1).await
    }

    /// As [`Self::route`], but asks the directory for a second, agreeing answer. To be used before a password is
    /// asked for on a route that does not allow it. The homeserver may come out another one (the first answer was
    /// outvoted): then its ways in are to be discovered anew. Where nobody agrees, the trust stays `DirectoryOne`
    /// and no password may be asked for.
    ///
    /// # Errors
    /// See [`RouteError`].
    pub async fn route_for_password(
        &self,
        homeservers: &[Homeserver],
        identifier: &Identifier,
    ) -> Result<Route, RouteError> {
        self.route_by(homeservers, identifier, 2).await
    }

    /// Whether it takes the directory to find out where an identifier leads: up to one request to each of its servers.
    pub fn asks_directory(&self, homeservers: &[Homeserver], identifier: &Identifier) -> bool {
        match (route_locally(homeservers, identifier), identifier) {
            // One homeserver: there is nothing to ask anybody.
            (LocalRoute::Found(_, _), Identifier::Email(_)) => self.rules == DomainRules::Last && homeservers.len() > 1,
            (LocalRoute::AskDirectory, Identifier::Email(_)) => self.rules != DomainRules::Only,
            _ => false,
        }
    }

    async fn route_by(
        &self,
        homeservers: &[Homeserver],
        identifier: &Identifier,
        agreeing: usize,
    ) -> Result<Route, RouteError> {
        let asks_directory = self.asks_directory(homeservers, identifier);
        let (homeserver, trust) = match (route_locally(homeservers, identifier), identifier) {
            (LocalRoute::Found(_, _), Identifier::Email(address)) if asks_directory => {
                self.by_directory_then_rule(homeservers, address, agreeing).await?
            }
            (LocalRoute::Found(homeserver, trust), _) => (homeserver, trust),
            (LocalRoute::NotListed, _) => return Err(RouteError::NotListed),
            (LocalRoute::NeedsServer, _) => return Err(RouteError::NeedsServer),
            (LocalRoute::AskDirectory, Identifier::Email(address)) if asks_directory => {
                self.by_directory(homeservers, address, agreeing).await?
            }
            (LocalRoute::AskDirectory, _) => return Err(RouteError::Unknown),
        };
        Ok(Route {
            homeserver: homeserver.clone(),
            trust,
        })
    }

    async fn by_directory<'a>(
        &self,
        homeservers: &'a [Homeserver],
        address: &str,
        agreeing: usize,
    ) -> Result<(&'a Homeserver, RouteTrust), RouteError> {
        let finding = self.lookup(homeservers, address, agreeing).await?;
        let homeserver = find(homeservers, &finding.homeserver).ok_or(RouteError::NotListed)?;
        if let Some(new) = &finding.new_homeserver {
            tracing::info!(
                homeserver = homeserver.name,
                to = new,
                "an account is announced to move; until it has, its agent signs in where it is"
            );
        }
        let trust = match finding.answered_by.len() > 1 {
            true => RouteTrust::DirectoryAgreed,
            false => RouteTrust::DirectoryOne,
        };
        Ok((homeserver, trust))
    }

    /// An address that a rule covers, where the directory is asked first. The guests' server is its answer to what it does
    /// not know: the rule knows better then.
    async fn by_directory_then_rule<'a>(
        &self,
        homeservers: &'a [Homeserver],
        address: &str,
        agreeing: usize,
    ) -> Result<(&'a Homeserver, RouteTrust), RouteError> {
        let rule = rule_for(homeservers, address).map(|homeserver| (homeserver, RouteTrust::OwnRule));
        match (self.by_directory(homeservers, address, agreeing).await, rule) {
            (Ok((homeserver, _)), Some((ruled, trust))) if homeserver.guests || homeserver.name == ruled.name => {
                Ok((ruled, trust))
            }
            (Err(_), Some(ruled)) => Ok(ruled),
            (found, _) => found,
        }
    }
}
