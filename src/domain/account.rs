//! What an agent's own page says of the services that know something of them.

use std::collections::{BTreeMap, BTreeSet};

use super::consent::Consent;
use super::grant::KeptAuthorization;

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

/// The services of an agent by client id, from their living consents, all authorizations that are kept, and the times (first, last)
/// of the sign-ins that are remembered.
pub fn services(
    consents: &[Consent],
    authorizations: &[KeptAuthorization],
    times: &[(String, i64, i64)],
    now: i64,
) -> Vec<Service> {
    let living = authorizations
        .iter()
        .filter(|kept| kept.revoked_at.is_none() && kept.expires_at > now)
        .filter_map(|kept| Some((&kept.authorization, kept.authorization.agent.as_ref()?)));
    let given = consents
        .iter()
        .map(|consent| (&consent.client_id, consent.given_at, &consent.claims))
        .chain(
            living.map(|(authorization, agent)| (&authorization.client_id, authorization.created_at, &agent.claims)),
        );
    let mut services = BTreeMap::new();
    for (client_id, at, claims) in given {
        let service = services.entry(client_id.clone()).or_insert_with(|| Service {
            client_id: client_id.clone(),
            since: at,
            last_used: at,
            given: BTreeSet::new(),
        });
        service.given.extend(claims.iter().cloned());
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

    fn consent(client_id: &str, claims: &[&str], given_at: i64) -> Consent {
        Consent {
            agent_id: "g".into(),
            client_id: client_id.into(),
            claims: claims.iter().map(|claim| (*claim).into()).collect(),
            given_at,
            expires_at: 1000,
        }
    }

    fn kept(client_id: &str, created_at: i64, expires_at: i64, revoked_at: Option<i64>) -> KeptAuthorization {
        let document = serde_json::json!({"id": "a", "client_id": client_id, "scope": ["openid"], "created_at": created_at,
            "agent_id": "g", "session_id": "s", "subject": "u", "claims": ["name"], "demanded_in_userinfo": [],
            "demanded_in_id_token": [], "nonce": null, "auth_time": null, "acr": "eidas1", "amr": [], "sid": "i"});
        KeptAuthorization {
            authorization: serde_json::from_value(document).unwrap(),
            expires_at,
            revoked_at,
        }
    }

    #[test]
    fn what_lives_is_a_service_and_what_is_over_is_none() {
        let found = services(
            &[consent("a", &["email"], 50)],
            &[
                kept("a", 60, 200, None),
                kept("b", 70, 101, None),
                kept("expired", 10, 100, None),
                kept("revoked", 10, 200, Some(20)),
            ],
            &[("a".into(), 5, 90), ("gone".into(), 1, 2)],
            100,
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
