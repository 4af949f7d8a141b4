//! Upstream identity → agent: which of a homeserver's assertions are believed, whether the account is still the same
//! person's, and whether it is the one that was typed.

use super::agent::{Agent, AgentEmail, IssuerSubject};
use super::homeserver::{Homeserver, Way};
use super::identifier::normalise_email;

/// The outcome of one login at a homeserver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamIdentity {
    /// Server name of the homeserver that we asked; the server part of `matrix_id` equals it.
    pub homeserver: String,
    /// Full Matrix id, `@local:server`, from whoami.
    pub matrix_id: String,
    /// Display name: no control or direction characters, at most 256 characters. None when there is none.
    pub display_name: Option<String>,
    /// Validated addresses as the homeserver asserts them, earliest `added_at` first.
    pub emails: Vec<ThirdPartyEmail>,
    /// How the agent signed in.
    pub way: Way,
    /// Who the account is to the homeserver's authentication service; with OAuth 2.0 only.
    pub at_issuer: Option<IssuerSubject>,
    /// When the agent proved who they are, as the authentication service says; Unix seconds.
    pub auth_time: Option<i64>,
}

/// An e-mail address bound to a Matrix account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThirdPartyEmail {
    /// The address, lower case.
    pub address: String,
    /// When the agent proved that it is theirs, Unix seconds.
    pub validated_at: i64,
    /// When the homeserver bound it to the account, Unix seconds.
    pub added_at: i64,
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

/// What a service could read as another domain than we do is no address.
fn is_address(text: &str) -> bool {
    normalise_email(text).is_some_and(|address| address == text)
}

/// Whether a known account is still the same person's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continuity {
    /// Nothing says otherwise.
    Same,
    /// The account was deactivated and made anew by whoever has the address now: close the agent, make a new one.
    Recreated,
}

/// Decides whether the account behind `agent` was recreated: the authentication service knows another account by this
/// Matrix id than before, or, where the homeserver is marked so, the address last believed has come back with a newer
/// `added_at`. Every asserted address is looked at, not only the one that would count now:
/// an earlier second address must not hide it.
pub fn continuity(agent: &Agent, identity: &UpstreamIdentity, homeserver: &Homeserver) -> Continuity {
    let came_back = agent.last_believed.as_ref().is_some_and(|known| {
        identity
            .emails
            .iter()
            .any(|email| email.address == known.address && email.added_at > known.added_at)
    });
    let other_subject = match (&agent.at_issuer, &identity.at_issuer) {
        (Some(known), Some(now)) => now.is_other_than(known),
        _ => false,
    };
    if other_subject || homeserver.recreated_by_address && came_back {
        Continuity::Recreated
    } else {
        Continuity::Same
    }
}

/// Whether the account that came back is not the one typed: an e-mail address that is none of the `believed` ones (any
/// homeserver can list the one typed), another Matrix id, another local part.
pub fn is_other_account(typed: &str, identity: &UpstreamIdentity, believed: &[ThirdPartyEmail]) -> bool {
    let typed = typed.trim().to_lowercase();
    let matrix_id = identity.matrix_id.to_lowercase();
    let same = match typed.strip_prefix('@') {
        Some(id) if id.contains(':') => typed == matrix_id,
        None if typed.contains('@') => believed.iter().any(|email| email.address.to_lowercase() == typed),
        local_part => matrix_id
            .strip_prefix('@')
            .and_then(|id| id.split_once(':'))
            .is_some_and(|(local, _)| local == local_part.unwrap_or(&typed)),
    };
    !same
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(address: &str, added_at: i64) -> ThirdPartyEmail {
        ThirdPartyEmail {
            address: address.to_owned(),
            validated_at: added_at,
            added_at,
        }
    }

    fn identity(emails: &[(&str, i64)]) -> UpstreamIdentity {
        UpstreamIdentity {
            homeserver: "agent.test".to_owned(),
            matrix_id: "@jean.dupont-beta.gouv.fr:agent.test".to_owned(),
            display_name: Some("Jean Dupont [DINUM]".to_owned()),
            emails: emails.iter().map(|(address, at)| email(address, *at)).collect(),
            way: Way::Sso,
            at_issuer: None,
            auth_time: None,
        }
    }

    fn agent(last_believed: Option<(&str, i64)>) -> Agent {
        Agent {
            id: "a".to_owned(),
            homeserver: "agent.test".to_owned(),
            matrix_id: "@jean.dupont-beta.gouv.fr:agent.test".to_owned(),
            display_name: Some("Jean Dupont [DINUM]".to_owned()),
            email: None,
            last_believed: last_believed.map(|(address, added_at)| AgentEmail {
                address: address.to_owned(),
                added_at,
            }),
            at_issuer: None,
            locale: None,
            created_at: 0,
            updated_at: 0,
            closed_at: None,
            paused: None,
            checked_at: None,
        }
    }

    fn homeserver(recreated_by_address: bool) -> Homeserver {
        serde_json::from_value(serde_json::json!({
            "name": "agent.test", "label": "Test", "base_url": "https://matrix.agent.test", "ways": ["sso"],
            "recreated_by_address": recreated_by_address,
        }))
        .unwrap()
    }

    #[test]
    fn of_the_entitled_addresses_the_earliest_counts() {
        let entitled = |address: &str| address.ends_with(".gouv.fr");
        for (emails, expected, unentitled) in [
            (&[][..], None, 0),
            (&[("x@elysee.fr", 1)], None, 1),
            (
                &[("b@b.gouv.fr", 2), ("x@elysee.fr", 1), ("c@c.gouv.fr", 3)],
                Some("b@b.gouv.fr"),
                1,
            ),
            (&[("b@b.gouv.fr", 2), ("a@b.gouv.fr", 2)], Some("a@b.gouv.fr"), 0),
            // What others could read as another domain is no address, whatever the rule says of its end.
            (&[("x@elysee.fr@b.gouv.fr", 1)], None, 1),
            (&[("x@elysee.fr,y@b.gouv.fr", 1)], None, 1),
            (
                &[("x@elysee.fr\ny.gouv.fr", 1), ("@b.gouv.fr", 1), (".gouv.fr", 1)],
                None,
                3,
            ),
        ] {
            let facts = settle(&identity(emails), entitled);
            assert_eq!(
                facts.email.map(|email| email.address).as_deref(),
                expected,
                "{emails:?}"
            );
            assert_eq!(facts.unentitled, unentitled, "{emails:?}");
        }
    }

    #[test]
    fn a_blank_display_name_is_none() {
        let blank = UpstreamIdentity {
            display_name: Some(" \t".to_owned()),
            ..identity(&[])
        };
        assert_eq!(settle(&blank, |_| true).display_name, None);
    }

    #[test]
    fn the_same_address_with_a_newer_date_is_a_recreated_account_where_marked_so() {
        let known = agent(Some(("a@b.fr", 100)));
        for (emails, expected) in [
            (&[("a@b.fr", 100)][..], Continuity::Same),
            (&[("a@b.fr", 99)], Continuity::Same),
            (&[("a@b.fr", 101)], Continuity::Recreated),
            // A second address, even an earlier one, does not hide it.
            (&[("z@b.fr", 50), ("a@b.fr", 101)], Continuity::Recreated),
            // A rename is none.
            (&[("z@b.fr", 101)], Continuity::Same),
            (&[], Continuity::Same),
        ] {
            assert_eq!(
                continuity(&known, &identity(emails), &homeserver(true)),
                expected,
                "{emails:?}"
            );
            assert_eq!(
                continuity(&known, &identity(emails), &homeserver(false)),
                Continuity::Same
            );
        }
        let unknown = continuity(&agent(None), &identity(&[("a@b.fr", 101)]), &homeserver(true));
        assert_eq!(unknown, Continuity::Same);
    }

    #[test]
    fn another_subject_of_the_same_issuer_is_a_recreated_account() {
        let at = |issuer: &str, subject: &str| {
            Some(IssuerSubject {
                issuer: issuer.to_owned(),
                subject: subject.to_owned(),
            })
        };
        for (known, now, expected) in [
            (None, None, Continuity::Same),
            (None, at("a", "1"), Continuity::Same),
            (at("a", "1"), None, Continuity::Same),
            (at("a", "1"), at("a", "1"), Continuity::Same),
            (at("a", "1"), at("a", "2"), Continuity::Recreated),
            (at("a", "1"), at("b", "2"), Continuity::Same),
        ] {
            let known = Agent {
                at_issuer: known,
                ..agent(None)
            };
            let now = UpstreamIdentity {
                at_issuer: now,
                ..identity(&[])
            };
            let found = continuity(&known, &now, &homeserver(false));
            assert_eq!(found, expected, "{:?} {:?}", known.at_issuer, now.at_issuer);
        }
    }

    #[test]
    fn the_typed_account_is_recognised_by_address_id_or_local_part() {
        let identity = identity(&[("jean.dupont@beta.gouv.fr", 1), ("jd@example.fr", 2)]);
        for same in [
            "jean.dupont@beta.gouv.fr",
            " Jean.Dupont@Beta.gouv.fr ",
            "jd@example.fr",
            "@jean.dupont-beta.gouv.fr:agent.test",
            "@Jean.Dupont-beta.gouv.fr:agent.test",
            "jean.dupont-beta.gouv.fr",
            "@jean.dupont-beta.gouv.fr",
        ] {
            assert!(!is_other_account(same, &identity, &identity.emails), "{same}");
        }
        for other in [
            "",
            "@",
            "jean.dupont",
            "marie.martin@beta.gouv.fr",
            "jean.dupont-beta.gouv.fr@agent.test",
            "@jean.dupont-beta.gouv.fr:other.test",
            "@jean.dupont-beta.gouv.fr:agent.test:8448",
            "@marie.martin-beta.gouv.fr:agent.test",
        ] {
            assert!(is_other_account(other, &identity, &identity.emails), "{other}");
        }
        let believed = &identity.emails[1..];
        assert!(
            is_other_account("jean.dupont@beta.gouv.fr", &identity, believed),
            "only asserted"
        );
        assert!(!is_other_account("jd@example.fr", &identity, believed));
    }
}
