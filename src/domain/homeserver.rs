//! The list of homeservers that operators keep, and what it decides: which of them an identifier leads to, and
//! which of them is entitled to assert an e-mail address. Nothing outside the list is ever contacted.

mod listed;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::agent::Pause;
use super::identifier::{Identifier, MatrixId, email_domain};

/// A homeserver that agents may sign in at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Homeserver {
    /// Server name: what stands after the colon in a Matrix id. Lower case.
    pub name: String,
    /// What agents read on pages ("Éducation").
    pub label: String,
    /// Base URL of its client API, without a trailing slash.
    pub base_url: String,
    /// Its accounts are guests, not public agents.
    #[serde(default)]
    pub guests: bool,
    /// The ways in that are switched on, most preferred first.
    #[serde(default = "Way::default_order")]
    pub ways: Vec<Way>,
    /// E-mail domains it is entitled to, sub-domains included. Lower case.
    #[serde(default)]
    pub email_domains: Vec<String>,
    /// It offers the directory endpoint `/_matrix/identity/api/v1/info`.
    #[serde(default)]
    pub directory: bool,
    /// Its single sign-on asks for credentials at every login, so that a login by it has a known time.
    #[serde(default)]
    pub sso_always_asks: bool,
    /// An account whose address has a newer `added_at` is a recreated account, another agent.
    #[serde(default)]
    pub recreated_by_address: bool,
    /// What operators say of its authentication service.
    #[serde(default, skip_serializing_if = "OAuthSettings::is_silent")]
    pub oauth: OAuthSettings,
    /// How it is asked whether accounts still stand.
    #[serde(default, skip_serializing_if = "Watch::is_silent")]
    pub watch: Watch,
}

/// What operators say of a homeserver's authentication service (OAuth 2.0); each may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OAuthSettings {
    /// Our client there, made by its operator; without one we register ourselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Its issuer; without one the first that is seen counts from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
}

impl OAuthSettings {
    fn is_silent(&self) -> bool {
        *self == Self::default()
    }
}

/// How a homeserver is asked whether accounts still stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Watch {
    /// By which of its interfaces; without one nobody asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub way: Option<WatchWay>,
    /// Where that is, when it is not at `base_url` (an admin API belongs behind a proxy that lets only the watch through).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Our client at the authentication service, whose secret is asked for ([`WatchWay::MasAdmin`] only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

impl Watch {
    /// Whether anybody asks.
    pub fn is_on(&self) -> bool {
        self.way.is_some()
    }

    fn is_silent(&self) -> bool {
        *self == Self::default()
    }
}

/// An interface by which a homeserver says whether accounts still stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WatchWay {
    /// MSC3720, with an ordinary account of ours: hundreds of accounts per request.
    AccountStatus,
    /// Synapse's admin API, with a full administrator's token: one account per request.
    SynapseAdmin,
    /// The admin API of its authentication service (matrix-authentication-service), as a client of that service: one account
    /// per request.
    MasAdmin,
}

impl WatchWay {
    /// How many accounts one request asks about.
    pub fn batch(self) -> u32 {
        match self {
            Self::AccountStatus => 500,
            Self::SynapseAdmin | Self::MasAdmin => 1,
        }
    }

    /// Whether it can show that an account is paused for this reason, and so that it no longer is.
    pub fn sees(self, pause: Pause) -> bool {
        match self {
            // Expiry where the homeserver includes it.
            Self::AccountStatus => matches!(pause, Pause::Missing | Pause::Expired),
            Self::SynapseAdmin => matches!(pause, Pause::Missing | Pause::Locked | Pause::Suspended),
            Self::MasAdmin => matches!(pause, Pause::Missing | Pause::Locked),
        }
    }
}

/// A way to sign in at a homeserver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// OAuth 2.0 at the homeserver's authentication service.
    OAuth,
    /// `m.login.sso`, then `m.login.token`.
    Sso,
    /// `m.login.password`.
    Password,
}

impl Way {
    /// The preference when operators say nothing.
    pub const DEFAULT_ORDER: [Self; 3] = [Self::OAuth, Self::Sso, Self::Password];

    /// [`Self::DEFAULT_ORDER`] as a list.
    pub fn default_order() -> Vec<Self> {
        Self::DEFAULT_ORDER.to_vec()
    }

    /// Its name in configuration, database and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OAuth => "oauth",
            Self::Sso => "sso",
            Self::Password => "password",
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown way to sign in; the known ones are oauth, sso and password")]
pub struct UnknownWay;

impl FromStr for Way {
    type Err = UnknownWay;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::DEFAULT_ORDER
            .into_iter()
            .find(|way| way.as_str() == text)
            .ok_or(UnknownWay)
    }
}

/// What directory servers said about one e-mail address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryFinding {
    /// The homeserver to talk to; always on the list.
    pub homeserver: String,
    /// Where the account will move, if it will, and if that server is on the list.
    pub new_homeserver: Option<String>,
    /// The servers that gave this answer, each once.
    pub answered_by: Vec<String>,
}

/// Why a homeserver was chosen; it decides what may be asked of the agent there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteTrust {
    /// Our own domain rule, or the only homeserver there is.
    OwnRule,
    /// The agent named it: a full Matrix id, or picked from the list.
    TypedByAgent,
    /// Two directory answers from different servers agree.
    DirectoryAgreed,
    /// One directory answer. Any listed server could draw all passwords to itself that way.
    DirectoryOne,
}

impl RouteTrust {
    /// May the agent's password be asked for? A single directory answer is not enough.
    pub fn allows_password(self) -> bool {
        self != Self::DirectoryOne
    }
}

/// Where an identifier leads without asking anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalRoute<'a> {
    /// To this homeserver.
    Found(&'a Homeserver, RouteTrust),
    /// Only the directory can tell.
    AskDirectory,
    /// The Matrix id names a server that is not on the list.
    NotListed,
    /// A bare local part, and several homeservers it could be on.
    NeedsServer,
}

/// The homeserver of that name.
pub fn find<'a>(homeservers: &'a [Homeserver], name: &str) -> Option<&'a Homeserver> {
    homeservers.iter().find(|homeserver| homeserver.name == name)
}

/// Is `domain` the domain `suffix` or below it? Compared label by label: `evilgouv.fr` is not under `gouv.fr`.
pub fn domain_is_under(domain: &str, suffix: &str) -> bool {
    match domain.strip_suffix(suffix) {
        Some(rest) => !suffix.is_empty() && (rest.is_empty() || rest.ends_with('.')),
        None => false,
    }
}

/// The homeservers whose domain rule matches best: all that share the longest matching suffix, in list order.
///
/// Usually one. Two while an administration moves from one homeserver to another.
pub fn ruled_by<'a>(homeservers: &'a [Homeserver], domain: &str) -> Vec<&'a Homeserver> {
    let best = |homeserver: &Homeserver| {
        let matching = homeserver
            .email_domains
            .iter()
            .filter(|suffix| domain_is_under(domain, suffix));
        matching.map(String::len).max()
    };
    let Some(longest) = homeservers.iter().filter_map(best).max() else {
        return Vec::new();
    };
    homeservers
        .iter()
        .filter(|homeserver| best(homeserver) == Some(longest))
        .collect()
}

/// Where an identifier leads by our own list alone.
pub fn route_locally<'a>(homeservers: &'a [Homeserver], identifier: &Identifier) -> LocalRoute<'a> {
    match identifier {
        Identifier::MatrixId(id) => route_matrix_id(homeservers, id),
        Identifier::LocalPart(_) => match homeservers {
            [only] => LocalRoute::Found(only, RouteTrust::OwnRule),
            _ => LocalRoute::NeedsServer,
        },
        Identifier::Email(address) => {
            match rule_for(homeservers, address).or_else(|| sole_without_rules(homeservers)) {
                Some(homeserver) => LocalRoute::Found(homeserver, RouteTrust::OwnRule),
                None => LocalRoute::AskDirectory,
            }
        }
    }
}

/// The homeserver that our own rules name for an address (normalised).
pub fn rule_for<'a>(homeservers: &'a [Homeserver], address: &str) -> Option<&'a Homeserver> {
    ruled_by(homeservers, email_domain(address)?).first().copied()
}

fn route_matrix_id<'a>(homeservers: &'a [Homeserver], id: &MatrixId) -> LocalRoute<'a> {
    match find(homeservers, id.server_name()) {
        Some(homeserver) => LocalRoute::Found(homeserver, RouteTrust::TypedByAgent),
        None => LocalRoute::NotListed,
    }
}

fn sole_without_rules(homeservers: &[Homeserver]) -> Option<&Homeserver> {
    match homeservers {
        [only] if only.email_domains.is_empty() => Some(only),
        _ => None,
    }
}

/// Who decides whether a server is entitled to assert addresses of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entitlement {
    /// Our own list says yes.
    Yes,
    /// Our own list says no.
    No,
    /// No rule covers the domain: the directory decides.
    AskDirectory,
}

/// What our own list says about `asserting` claiming `address`.
pub fn entitlement(homeservers: &[Homeserver], asserting: &str, address: &str) -> Entitlement {
    let (Some(domain), Some(_)) = (email_domain(address), find(homeservers, asserting)) else {
        return Entitlement::No;
    };
    let ruled = ruled_by(homeservers, domain);
    if ruled.is_empty() {
        match sole_without_rules(homeservers) {
            Some(_) => Entitlement::Yes,
            None => Entitlement::AskDirectory,
        }
    } else if ruled.iter().any(|homeserver| homeserver.name == asserting) {
        Entitlement::Yes
    } else {
        Entitlement::No
    }
}

/// What directory servers other than the one that asserts an address say of it: a server that would assert `x@elysee.fr` would
/// also answer that it is the one to ask. Two must agree to give and to take away, since one may lie or be the first one's
/// accomplice; where only one other offers the directory, its word has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Testimony {
    needed: usize,
    yes: usize,
    no: usize,
}

impl Testimony {
    /// Nothing heard yet of so many servers.
    pub fn of(witnesses: usize) -> Self {
        Self {
            needed: witnesses.min(2),
            yes: 0,
            no: 0,
        }
    }

    /// One server's answer.
    pub fn hear(&mut self, yes: bool) {
        match yes {
            true => self.yes += 1,
            false => self.no += 1,
        }
    }

    /// Whether the address is the asserting server's; `None` while too few agree. Where there is no witness it is not.
    pub fn verdict(self) -> Option<bool> {
        match self.needed {
            0 => Some(false),
            needed if self.no >= needed => Some(false),
            needed if self.yes >= needed => Some(true),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
