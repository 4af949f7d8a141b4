//! How many failed passwords are relayed (threats: rate-limit evasion, locking others out), how many addresses are looked up
//! for whoever does not sign in, how often clients register, and how much programs ask of the API. A limit is a bucket that lets `burst` through at once and then one per `interval`; the database keeps one instant per bucket.

use super::homeserver::Homeserver;
use super::identifier::Identifier;
use crate::secret::fingerprint;

/// A full burst comes back after this long, in seconds. Synapse's own default lets five logins through, then one every 333
/// seconds: with fewer at once and more between them, we stop before it does.
const WINDOW: i64 = 1800;
const DAY: i64 = 86_400;
const HOUR: i64 = 3600;

/// A limit: so many at once, then one every so often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Seconds until one more is let through.
    pub interval: i64,
    /// How far ahead of the present a bucket may be filled, in seconds.
    pub slack: i64,
}

impl Limit {
    /// `burst` failures or look-ups per half hour, at least one.
    pub fn per_half_hour(burst: i64) -> Self {
        Self::within(WINDOW, burst)
    }

    /// `burst` registrations at once, and then so many over a day, at least one.
    pub fn per_day(burst: i64) -> Self {
        Self::within(DAY, burst)
    }

    /// `burst` requests at once, and then so many over an hour, at least one.
    pub fn per_hour(burst: i64) -> Self {
        Self::within(HOUR, burst)
    }

    fn within(window: i64, burst: i64) -> Self {
        let burst = burst.max(1);
        let interval = (window / burst).max(1);
        Self {
            interval,
            slack: interval * (burst - 1),
        }
    }

    /// How long a bucket filled up to `full_until` refuses, in seconds.
    pub fn wait(self, full_until: i64, now: i64) -> i64 {
        (full_until - self.slack - now).max(0)
    }
}

/// The bucket of an account: one for every way to write it (letter case, `+tag`, e-mail address or the Matrix id that Tchap
/// makes of it). Two accounts may share one; nobody is recognised by it. A fingerprint, so that no address is stored.
pub fn account_bucket(homeserver: &Homeserver, identifier: &Identifier) -> String {
    let written = match identifier {
        Identifier::Email(address) => match address.split_once('@') {
            Some((local, domain)) => format!("{}-{domain}", local.split('+').next().unwrap_or_default()),
            None => address.clone(),
        },
        Identifier::MatrixId(id) => id.local_part().to_owned(),
        Identifier::LocalPart(local) => local.clone(),
    };
    let kept = |c: &char| c.is_ascii_alphanumeric() || "_-./=".contains(*c);
    let canonical: String = written.to_ascii_lowercase().chars().filter(kept).collect();
    format!("account/{}", fingerprint(&format!("{}\n{canonical}", homeserver.name)))
}

/// The bucket of a network (an IPv4 address, an IPv6 /64).
pub fn network_bucket(network: &str) -> String {
    format!("network/{network}")
}

/// The bucket of a network's look-ups.
pub fn look_up_bucket(network: &str) -> String {
    format!("look-up/network/{network}")
}

/// The bucket of one flow's look-ups. A fingerprint: the id of a flow is the token of its forms.
pub fn flow_bucket(flow_id: &str) -> String {
    format!("look-up/flow/{}", fingerprint(flow_id))
}

/// The bucket of the changes by API in an agent's name, whichever access they come with; or of the tokens of an access.
pub fn api_bucket(whose: &str) -> String {
    format!("api/{whose}")
}

/// The bucket of a network's registrations and replacements.
pub fn registration_bucket(network: &str) -> String {
    format!("registration/{network}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(typed: &str) -> String {
        let homeserver: Homeserver = serde_json::from_value(serde_json::json!({
            "name": "h.fr", "label": "H", "base_url": "https://h", "ways": [], "guests": false,
        }))
        .unwrap();
        account_bucket(&homeserver, &Identifier::parse(typed).unwrap())
    }

    #[test]
    fn every_spelling_of_an_account_shares_a_bucket() {
        let one = bucket("jean.dupont@beta.gouv.fr");
        for other in [
            "Jean.Dupont@BETA.gouv.fr",
            " jean.dupont+test@beta.gouv.fr ",
            "jean.dupont+@beta.gouv.fr",
            "jean.dupont-beta.gouv.fr",
            "@jean.dupont-beta.gouv.fr",
            "@JEAN.dupont-beta.gouv.fr:h.fr",
        ] {
            assert_eq!(bucket(other), one, "{other}");
        }
        for another in [
            "jean.dupond@beta.gouv.fr",
            "jean.dupont@gamma.gouv.fr",
            "jean.dupont-beta.gouv.fr2",
        ] {
            assert_ne!(bucket(another), one, "{another}");
        }
        assert!(!one.contains("jean"));
    }

    #[test]
    fn a_limit_waits_until_the_next_one() {
        let limit = Limit::per_half_hour(4);
        assert_eq!((limit.interval, limit.slack), (450, 1350));
        // Four at once fill it up to now + 1800: the next one is let through 450 seconds later.
        assert_eq!(limit.wait(1800, 0), 450);
        assert_eq!(limit.wait(1800, 450), 0);
        assert_eq!(limit.wait(0, 10), 0);
        assert_eq!(Limit::per_day(20).interval, 4320);
        assert_eq!(Limit::per_half_hour(0), Limit::per_half_hour(1));
        assert_eq!(Limit::per_half_hour(1_000_000).interval, 1);
    }
}
