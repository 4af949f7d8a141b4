//! Who may do what in the console, decided in one place. A role hangs on the internal agent; partners have none: every
//! signed-in agent who is no guest is one.

/// A role that an operator gave.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Runs the service: everything.
    Operator,
    /// Helps agents and partners: sees everything, ends sessions.
    Support,
    /// Looks after the clients of one administration.
    Manager {
        /// Its e-mail domain.
        administration: String,
    },
}

impl Role {
    /// Its name and its administration (empty but for managers), as stored.
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Operator => ("operator", ""),
            Self::Support => ("support", ""),
            Self::Manager { administration } => ("manager", administration),
        }
    }

    /// The one of this name; `None` for no role, or one without the administration that it needs (or with one too many).
    pub fn parse(name: &str, administration: &str) -> Option<Self> {
        match (name, administration) {
            ("operator", "") => Some(Self::Operator),
            ("support", "") => Some(Self::Support),
            ("manager", administration) if !administration.is_empty() => Some(Self::Manager {
                administration: administration.to_owned(),
            }),
            _ => None,
        }
    }

    /// Whether it counts only once the second factor was given: whoever administers a homeserver can sign in as any account of
    /// it, and must not become an operator by that.
    pub fn needs_second_factor(&self) -> bool {
        matches!(self, Self::Operator | Self::Support)
    }
}

/// What somebody wants to see or do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right<'a> {
    /// Enter the console.
    Enter,
    /// Make a sandbox client.
    CreateClient,
    /// See a client.
    SeeClient {
        /// Whether it is theirs, or they were invited to it.
        owned: bool,
        /// The e-mail domain of the administration that it is of.
        administration: Option<&'a str>,
    },
    /// Change a client, its secrets and its people.
    EditClient {
        /// As for [`Right::SeeClient`].
        owned: bool,
        /// As for [`Right::SeeClient`].
        administration: Option<&'a str>,
    },
    /// List the clients of everybody.
    SeeAllClients,
    /// Answer those who ask for production.
    ApproveClient,
    /// The table of administrations.
    SeeAdministrations,
    /// One of them.
    SeeAdministration {
        /// Its e-mail domain.
        administration: &'a str,
    },
    /// Change it.
    EditAdministrations,
    /// The homeservers and how they are.
    SeeHomeservers,
    /// Change the list.
    EditHomeservers,
    /// The signing keys' states.
    SeeKeys,
    /// Rotate and retire them.
    EditKeys,
    /// The audit log.
    SeeAudit,
    /// The statistics of every service; those of a client go with [`Right::SeeClient`].
    SeeStatistics,
    /// Those of the agents of an administration, at every service.
    SeeAdministrationStatistics {
        /// Its e-mail domain.
        administration: &'a str,
    },
    /// Who has which role.
    SeeRoles,
    /// Give and take roles.
    EditRoles,
    /// Find agents with their sessions and tokens.
    SeeAgents,
    /// End sessions and tokens of an agent.
    EndSessions,
    /// End everything of a client, an administration or a homeserver.
    EndEverything,
    /// Let a program act with this role (a partner's with none) in one's name.
    ActByApi {
        /// One that they have.
        role: Option<&'a Role>,
    },
}

/// The roles of somebody who is signed in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles {
    /// Those given.
    pub granted: Vec<Role>,
    /// The account is a guest's: no partner, and no role counts.
    pub is_guest: bool,
    /// Whether the second factor was given in this browser session.
    pub second_factor: bool,
}

impl Roles {
    /// The same once the second factor is given.
    pub fn with_second_factor(&self) -> Self {
        Self {
            second_factor: true,
            ..self.clone()
        }
    }

    /// The same without what needs a second factor.
    pub fn without_second_factor(&self) -> Self {
        Self {
            second_factor: false,
            ..self.clone()
        }
    }

    /// Whether a role among them needs a second factor.
    pub fn need_second_factor(&self) -> bool {
        !self.is_guest && self.granted.iter().any(Role::needs_second_factor)
    }
}

/// Whether somebody with these roles has the right.
pub fn may(roles: &Roles, right: Right<'_>) -> bool {
    if roles.is_guest {
        return false;
    }
    let counts = |role: &&Role| roles.second_factor || !role.needs_second_factor();
    partner(right)
        || roles.granted.iter().filter(counts).any(|role| match (right, role) {
            // Nobody lends what they have not.
            (Right::ActByApi { role: lent }, role) => lent == Some(role),
            (_, Role::Operator) => true,
            (_, Role::Support) => support(right),
            (_, Role::Manager { administration }) => manager(administration, right),
        })
}

fn partner(right: Right<'_>) -> bool {
    match right {
        Right::Enter | Right::CreateClient | Right::ActByApi { role: None } => true,
        Right::SeeClient { owned, .. } | Right::EditClient { owned, .. } => owned,
        _ => false,
    }
}

fn manager(own: &str, right: Right<'_>) -> bool {
    match right {
        Right::SeeClient { administration, .. } | Right::EditClient { administration, .. } => {
            administration == Some(own)
        }
        Right::SeeAdministration { administration } | Right::SeeAdministrationStatistics { administration } => {
            administration == own
        }
        _ => false,
    }
}

fn support(right: Right<'_>) -> bool {
    match right {
        Right::SeeClient { .. }
        | Right::SeeAllClients
        | Right::SeeAdministrations
        | Right::SeeAdministration { .. }
        | Right::SeeHomeservers
        | Right::SeeKeys
        | Right::SeeAudit
        | Right::SeeStatistics
        | Right::SeeAdministrationStatistics { .. }
        | Right::SeeRoles
        | Right::SeeAgents
        | Right::EndSessions => true,
        Right::Enter
        | Right::CreateClient
        | Right::EditClient { .. }
        | Right::ApproveClient
        | Right::EditAdministrations
        | Right::EditHomeservers
        | Right::EditKeys
        | Right::EditRoles
        | Right::EndEverything
        | Right::ActByApi { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Right<'_> = Right::EditClient {
        owned: true,
        administration: None,
    };
    const OF_BETA: Right<'_> = Right::EditClient {
        owned: false,
        administration: Some("beta.gouv.fr"),
    };
    const OF_BETA_STATISTICS: Right<'_> = Right::SeeAdministrationStatistics {
        administration: "beta.gouv.fr",
    };
    const OTHER_STATISTICS: Right<'_> = Right::SeeAdministrationStatistics {
        administration: "agents.beta.gouv.fr",
    };
    const SEE_BETA: Right<'_> = Right::SeeAdministration {
        administration: "beta.gouv.fr",
    };
    const SEE_OTHER: Right<'_> = Right::SeeAdministration {
        administration: "agents.beta.gouv.fr",
    };
    const OTHERS: Right<'_> = Right::EditClient {
        owned: false,
        administration: None,
    };
    const SEE_OTHERS: Right<'_> = Right::SeeClient {
        owned: false,
        administration: None,
    };

    fn roles(granted: &[Role]) -> Roles {
        Roles {
            granted: granted.to_vec(),
            is_guest: false,
            second_factor: true,
        }
    }

    #[test]
    fn each_role_may_what_the_table_says() {
        let manager = Role::Manager {
            administration: "beta.gouv.fr".to_owned(),
        };
        let lent = [manager.clone(), Role::Support, Role::Operator];
        let people = [
            roles(&[]),
            roles(&[manager]),
            roles(&[Role::Support]),
            roles(&[Role::Operator]),
        ];
        let (no, yes) = (false, true);
        for (right, expected) in [
            (Right::Enter, [yes, yes, yes, yes]),
            (Right::CreateClient, [yes, yes, yes, yes]),
            (OWN, [yes, yes, yes, yes]),
            (OF_BETA, [no, yes, no, yes]),
            (OTHERS, [no, no, no, yes]),
            (SEE_OTHERS, [no, no, yes, yes]),
            (Right::SeeAllClients, [no, no, yes, yes]),
            (Right::ApproveClient, [no, no, no, yes]),
            (Right::SeeAdministrations, [no, no, yes, yes]),
            (SEE_BETA, [no, yes, yes, yes]),
            (SEE_OTHER, [no, no, yes, yes]),
            (Right::EditAdministrations, [no, no, no, yes]),
            (Right::SeeHomeservers, [no, no, yes, yes]),
            (Right::EditHomeservers, [no, no, no, yes]),
            (Right::SeeKeys, [no, no, yes, yes]),
            (Right::EditKeys, [no, no, no, yes]),
            (Right::SeeAudit, [no, no, yes, yes]),
            (Right::SeeStatistics, [no, no, yes, yes]),
            (OF_BETA_STATISTICS, [no, yes, yes, yes]),
            (OTHER_STATISTICS, [no, no, yes, yes]),
            (Right::SeeRoles, [no, no, yes, yes]),
            (Right::EditRoles, [no, no, no, yes]),
            (Right::SeeAgents, [no, no, yes, yes]),
            (Right::EndSessions, [no, no, yes, yes]),
            (Right::EndEverything, [no, no, no, yes]),
            (Right::ActByApi { role: None }, [yes, yes, yes, yes]),
            (Right::ActByApi { role: Some(&lent[0]) }, [no, yes, no, no]),
            (Right::ActByApi { role: Some(&lent[1]) }, [no, no, yes, no]),
            (Right::ActByApi { role: Some(&lent[2]) }, [no, no, no, yes]),
        ] {
            for (person, expected) in people.iter().zip(expected) {
                assert_eq!(may(person, right), expected, "{person:?} {right:?}");
                let guest = Roles {
                    is_guest: true,
                    ..person.clone()
                };
                assert!(!may(&guest, right), "a guest: {right:?}");
                // Without the second factor only what partners and managers may is left.
                let without = may(&person.without_second_factor(), right);
                let left = !person.need_second_factor() || may(&people[0], right);
                assert_eq!(without, expected && left, "{person:?} {right:?}");
            }
        }
    }

    #[test]
    fn roles_are_read_as_written_and_nothing_else() {
        let manager = Role::Manager {
            administration: "beta.gouv.fr".to_owned(),
        };
        for role in [Role::Operator, Role::Support, manager] {
            let (name, administration) = role.parts();
            assert_eq!(Role::parse(name, administration), Some(role.clone()));
        }
        for (name, administration) in [("operator", "x"), ("manager", ""), ("Operator", ""), ("", "")] {
            assert_eq!(Role::parse(name, administration), None, "{name} {administration}");
        }
    }
}
