//! Accesses to the API: what a program may do in the name of the agent who made it.

use std::collections::BTreeSet;

use super::role::{Right, Role, Roles, may};

/// What a token for the API is good for. The agent's own rights limit it further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApiScope {
    /// Read clients.
    ClientsRead,
    /// Make and change them, with their secrets and testers.
    ClientsWrite,
    /// Answer those who ask for production.
    ClientsApprove,
    /// Read the table of administrations.
    AdministrationsRead,
    /// Change it.
    AdministrationsWrite,
    /// Read the list of homeservers, and how they are.
    HomeserversRead,
    /// Change and test them.
    HomeserversWrite,
    /// Read the signing keys' states.
    KeysRead,
    /// Rotate and retire them.
    KeysWrite,
    /// Find agents, with their sessions.
    AgentsRead,
    /// End sessions and tokens of an agent.
    SessionsEnd,
    /// End everything of a client, an administration or a homeserver.
    EverythingEnd,
    /// Read the audit log.
    AuditRead,
    /// Read statistics.
    StatisticsRead,
}

impl ApiScope {
    /// All.
    pub const ALL: [Self; 14] = [
        Self::ClientsRead,
        Self::ClientsWrite,
        Self::ClientsApprove,
        Self::AdministrationsRead,
        Self::AdministrationsWrite,
        Self::HomeserversRead,
        Self::HomeserversWrite,
        Self::KeysRead,
        Self::KeysWrite,
        Self::AgentsRead,
        Self::SessionsEnd,
        Self::EverythingEnd,
        Self::AuditRead,
        Self::StatisticsRead,
    ];

    /// Its name in tokens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientsRead => "clients:read",
            Self::ClientsWrite => "clients:write",
            Self::ClientsApprove => "clients:approve",
            Self::AdministrationsRead => "administrations:read",
            Self::AdministrationsWrite => "administrations:write",
            Self::HomeserversRead => "homeservers:read",
            Self::HomeserversWrite => "homeservers:write",
            Self::KeysRead => "keys:read",
            Self::KeysWrite => "keys:write",
            Self::AgentsRead => "agents:read",
            Self::SessionsEnd => "sessions:end",
            Self::EverythingEnd => "everything:end",
            Self::AuditRead => "audit:read",
            Self::StatisticsRead => "statistics:read",
        }
    }

    /// Nothing is changed with it.
    pub fn only_reads(self) -> bool {
        self.as_str().ends_with(":read")
    }

    /// The one of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }

    /// What it is for, in a sentence for developers.
    pub fn description(self) -> &'static str {
        match self {
            Self::ClientsRead => "Read clients, their history and health",
            Self::ClientsWrite => "Make and change clients, their secrets and testers, and ask for production",
            Self::ClientsApprove => "Read and answer requests for production",
            Self::AdministrationsRead => "Read the table of administrations",
            Self::AdministrationsWrite => "Change the table of administrations",
            Self::HomeserversRead => "Read the homeservers and how they are",
            Self::HomeserversWrite => "Change, test and retire homeservers",
            Self::KeysRead => "Read the states of the signing keys",
            Self::KeysWrite => "Rotate and retire signing keys",
            Self::AgentsRead => "Find agents by an exact identifier, with their sessions",
            Self::SessionsEnd => "End sessions and tokens of an agent",
            Self::EverythingEnd => "End everything of a client, an administration or a homeserver",
            Self::AuditRead => "Read the audit log",
            Self::StatisticsRead => "Read statistics",
        }
    }

    /// The least right without which it is good for nothing.
    fn right(self) -> Right<'static> {
        let (owned, administration) = (true, None);
        match self {
            Self::ClientsRead | Self::StatisticsRead => Right::SeeClient { owned, administration },
            Self::ClientsWrite => Right::EditClient { owned, administration },
            Self::ClientsApprove => Right::ApproveClient,
            Self::AdministrationsRead => Right::SeeAdministrations,
            Self::AdministrationsWrite => Right::EditAdministrations,
            Self::HomeserversRead => Right::SeeHomeservers,
            Self::HomeserversWrite => Right::EditHomeservers,
            Self::KeysRead => Right::SeeKeys,
            Self::KeysWrite => Right::EditKeys,
            Self::AgentsRead => Right::SeeAgents,
            Self::SessionsEnd => Right::EndSessions,
            Self::EverythingEnd => Right::EndEverything,
            Self::AuditRead => Right::SeeAudit,
        }
    }

    /// Those that an access with this role may have; a partner's has none.
    pub fn of_role(role: Option<&Role>) -> Vec<Self> {
        let roles = roles(role, false);
        let may_use = |scope: &Self| may(&roles, scope.right());
        Self::ALL.into_iter().filter(may_use).collect()
    }
}

/// What an access stands for: the one role that it was made with, whose second factor was given then.
fn roles(role: Option<&Role>, is_guest: bool) -> Roles {
    Roles {
        granted: role.cloned().into_iter().collect(),
        is_guest,
        second_factor: true,
    }
}

/// An access to the API: a client of the `client_credentials` grant, bound to the agent who made it. Times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiAccess {
    /// `client_id`.
    pub client_id: String,
    /// As its maker calls it.
    pub name: String,
    /// Its maker, in whose name it acts.
    pub agent_id: String,
    /// The role that it acts with; `None` for a partner's.
    pub role: Option<Role>,
    /// What its tokens may be good for.
    pub scopes: BTreeSet<String>,
    /// When it was made.
    pub created_at: i64,
    /// Its end; `None` lives until it is revoked.
    pub expires_at: Option<i64>,
    /// When it last got a token.
    pub last_used_at: Option<i64>,
}

impl ApiAccess {
    /// The roles that count at `now`, given those that its maker has by now; `None` when the access counts no more.
    pub fn roles(&self, granted: &[Role], is_guest: bool, has_second_factor: bool, now: i64) -> Option<Roles> {
        if is_guest || self.is_over(now) {
            return None;
        }
        match &self.role {
            Some(role) if !granted.contains(role) || (role.needs_second_factor() && !has_second_factor) => None,
            role => Some(roles(role.as_ref(), is_guest)),
        }
    }

    /// Whether its end has come.
    pub fn is_over(&self, now: i64) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_is_named_and_offered_to_the_roles_that_have_its_right() {
        let names: BTreeSet<_> = ApiScope::ALL.iter().map(|scope| scope.as_str()).collect();
        assert_eq!(names.len(), ApiScope::ALL.len());
        assert!(
            ApiScope::ALL
                .iter()
                .all(|scope| ApiScope::parse(scope.as_str()) == Some(*scope))
        );
        let words =
            |role: Option<&Role>| -> Vec<_> { ApiScope::of_role(role).iter().map(|one| one.as_str()).collect() };
        let manager = Role::Manager {
            administration: "beta.gouv.fr".into(),
        };
        let partner = ["clients:read", "clients:write", "statistics:read"];
        assert_eq!(words(None), partner);
        assert_eq!(words(Some(&manager)), partner);
        assert_eq!(words(Some(&Role::Operator)).len(), ApiScope::ALL.len());
        let support = [
            "clients:read",
            "clients:write",
            "administrations:read",
            "homeservers:read",
            "keys:read",
            "agents:read",
            "sessions:end",
            "audit:read",
            "statistics:read",
        ];
        assert_eq!(words(Some(&Role::Support)), support);
    }

    #[test]
    fn an_access_counts_while_its_maker_has_what_it_was_made_with() {
        let access = |role: Option<Role>| ApiAccess {
            client_id: "c".into(),
            name: "n".into(),
            agent_id: "a".into(),
            role,
            scopes: BTreeSet::new(),
            created_at: 0,
            expires_at: Some(100),
            last_used_at: None,
        };
        let both = [Role::Operator, Role::Support];
        let operator = access(Some(Role::Operator));
        let counts = operator.roles(&both, false, true, 99).unwrap();
        assert_eq!((counts.granted, counts.second_factor), (vec![Role::Operator], true));
        assert_eq!(
            operator.roles(&[Role::Support], false, true, 99),
            None,
            "the role is gone"
        );
        assert_eq!(
            operator.roles(&both, false, false, 99),
            None,
            "the second factor is gone"
        );
        assert_eq!(operator.roles(&both, true, true, 99), None, "a guest");
        assert_eq!(operator.roles(&both, false, true, 100), None, "over");
        // A partner's stays a partner's whatever roles its maker has.
        let partner = access(None).roles(&both, false, false, 99).unwrap();
        assert_eq!(partner.granted, []);
        assert_eq!(access(None).roles(&[], true, false, 99), None);
    }
}
