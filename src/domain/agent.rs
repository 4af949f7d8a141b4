//! The agent: a person behind a Tchap account, keyed by (homeserver, Matrix id), with the facts last seen.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A validated e-mail address that a homeserver asserted and was entitled to assert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentEmail {
    /// Lower case.
    pub address: String,
    /// When it was added to the account, Unix seconds.
    pub added_at: i64,
}

/// An account as its authentication service knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerSubject {
    /// `iss` of its ID tokens.
    pub issuer: String,
    /// `sub` there.
    pub subject: String,
}

impl IssuerSubject {
    /// From two columns that are both set or neither.
    pub fn from_stored(issuer: Option<String>, subject: Option<String>) -> Option<Self> {
        let (issuer, subject) = issuer.zip(subject)?;
        Some(Self { issuer, subject })
    }

    /// Whether this is another account than `known`. Subjects of two issuers say nothing of each other.
    pub fn is_other_than(&self, known: &Self) -> bool {
        self.issuer == known.issuer && self.subject != known.subject
    }
}

/// An agent as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Random, ours; also the `sub` of public clients.
    pub id: String,
    /// Server name of the account's homeserver.
    pub homeserver: String,
    /// `@local:server`.
    pub matrix_id: String,
    /// As the homeserver gave it, bracket included.
    pub display_name: Option<String>,
    /// The address that counts; see [`super::identity`].
    pub email: Option<AgentEmail>,
    /// The address last believed. It outlives logins at which none is: by it a recreated account is noticed.
    pub last_believed: Option<AgentEmail>,
    /// Who the account was to its authentication service when the agent last came by it.
    pub at_issuer: Option<IssuerSubject>,
    /// Language last chosen on our pages (`fr`, `en`).
    pub locale: Option<String>,
    /// First sign-in, Unix seconds.
    pub created_at: i64,
    /// Last change of the facts above, Unix seconds.
    pub updated_at: i64,
    /// Closed for good (deactivated, erased, recreated), Unix seconds. At most one open agent per account.
    pub closed_at: Option<i64>,
    /// Why the account does not stand for now.
    pub paused: Option<Pause>,
    /// When the homeserver last said anything of the account (a login, or an answer to the watch), Unix seconds.
    pub checked_at: Option<i64>,
}

/// Why an account does not stand for now; it may again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// An administrator locked it.
    Locked,
    /// It was not renewed in time.
    Expired,
    /// An administrator restricted it.
    Suspended,
    /// Its homeserver knows no such account (any more): moved away, or the answer of a server in trouble.
    Missing,
}

impl Pause {
    const ALL: [Self; 4] = [Self::Locked, Self::Expired, Self::Suspended, Self::Missing];

    /// Its name in the database and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::Expired => "expired",
            Self::Suspended => "suspended",
            Self::Missing => "missing",
        }
    }

    /// The one of this name; a reason that this release does not know is one all the same.
    pub fn from_stored(name: &str) -> Self {
        let known = Self::ALL.into_iter().find(|pause| pause.as_str() == name);
        known.unwrap_or(Self::Locked)
    }
}

/// What has become of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// It may be used.
    Stands,
    /// Not for now.
    Paused(Pause),
    /// Never again.
    Closed,
}

impl fmt::Display for AccountState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stands => "stands",
            Self::Paused(pause) => pause.as_str(),
            Self::Closed => "closed",
        })
    }
}

impl Agent {
    /// What is known of the account.
    pub fn account(&self) -> AccountState {
        match (self.closed_at, self.paused) {
            (Some(_), _) => AccountState::Closed,
            (None, Some(pause)) => AccountState::Paused(pause),
            (None, None) => AccountState::Stands,
        }
    }

    /// Whether what is known of the account is at most `limit` seconds old at `now`.
    pub fn is_confirmed(&self, limit: i64, now: i64) -> bool {
        now.saturating_sub(self.checked_at.unwrap_or(self.created_at)) <= limit
    }
}
