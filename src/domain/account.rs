//! What an agent's own page says of the services that know something of them.

use std::collections::{BTreeMap, BTreeSet};

/// A service that an agent gave something to, by a consent that lives or an authorization that does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Which.
    pub client_id: String,
    /// The first that is known of it, Unix seconds.
    pub since: i64,
    /// The last sign-in that is known, Unix seconds.
    pub last_used: i64,
    /// Names of the claims and powers that were given.
    pub given: BTreeSet<String>,
}

/// What an agent gave to a service, by a consent or an authorization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// To which.
    pub client_id: String,
    /// Unix seconds.
    pub at: i64,
    /// Names of claims and powers.
    pub claims: BTreeSet<String>,
}

/// The services of an agent by client id, from what lives of what they were given, and the times (first, last) of the sign-ins
/// that are remembered.
pub fn services(given: Vec<Given>, times: &[(String, i64, i64)]) -> Vec<Service> {
    let mut services = BTreeMap::new();
    for Given { client_id, at, claims } in given {
        let service = services.entry(client_id.clone()).or_insert_with(|| Service {
            client_id,
            since: at,
            last_used: at,
            given: BTreeSet::new(),
        });
        service.given.extend(claims);
        service.since = service.since.min(at);
        service.last_used = service.last_used.max(at);
    }
    for (client_id, first, last) in times {
        if let Some(service) = services.get_mut(client_id) {
            service.since = service.since.min(*first);
            service.last_used = service.last_used.max(*last);
        }
    }
    services.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_was_given_all_that_lives_and_known_since_the_first() {
        let given = |client_id: &str, at, claim: &str| Given {
            client_id: client_id.into(),
            at,
            claims: [claim.to_owned()].into(),
        };
        let found = services(
            vec![given("a", 50, "email"), given("b", 70, "name"), given("a", 60, "name")],
            &[("a".into(), 5, 90), ("gone".into(), 1, 2)],
        );
        let words = |service: &Service| {
            let given = service.given.iter().cloned().collect::<Vec<_>>().join(" ");
            (service.client_id.clone(), service.since, service.last_used, given)
        };
        assert_eq!(
            found.iter().map(words).collect::<Vec<_>>(),
            [
                ("a".into(), 5, 90, "email name".into()),
                ("b".into(), 70, 70, "name".into())
            ]
        );
    }
}
