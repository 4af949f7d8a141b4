//! What is counted of sign-ins, and what of the counts is shown: no group of fewer than five, and none that the others tell.

use std::collections::BTreeMap;

use super::admission::Refusal;
use super::flow::Denial;
use super::homeserver::Way;
use super::login_problem::LoginProblem;

/// Groups of fewer are not shown.
pub const SMALLEST: i64 = 5;

/// The periods that are shown, in days before today.
pub const PERIODS: [i64; 3] = [30, 7, 365];

/// How a sign-in ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// The service got a code.
    SignedIn,
    /// The service, or this provider, does not admit the agent.
    NotAdmitted,
    /// The agent did not want to.
    Declined,
    /// The homeserver did not accept what the agent proved.
    WrongCredentials,
    /// The account is closed or paused.
    AccountEnded,
    /// The homeserver did not answer, or not in a way that makes sense.
    HomeserverFailed,
    /// Too many attempts.
    Throttled,
    /// The service demands what this login is not.
    NotAsDemanded,
}

impl Outcome {
    /// All.
    pub const ALL: [Self; 8] = [
        Self::SignedIn,
        Self::NotAdmitted,
        Self::Declined,
        Self::WrongCredentials,
        Self::AccountEnded,
        Self::HomeserverFailed,
        Self::Throttled,
        Self::NotAsDemanded,
    ];

    /// As stored and exported.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignedIn => "signed_in",
            Self::NotAdmitted => "not_admitted",
            Self::Declined => "declined",
            Self::WrongCredentials => "wrong_credentials",
            Self::AccountEnded => "account_ended",
            Self::HomeserverFailed => "homeserver_failed",
            Self::Throttled => "throttled",
            Self::NotAsDemanded => "not_as_demanded",
        }
    }

    /// That of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == name)
    }

    /// What a login that stopped counts as; `None`: as nothing.
    pub fn of_problem(problem: LoginProblem) -> Option<Self> {
        use LoginProblem as P;
        Some(match problem {
            P::Deactivated | P::Expired | P::Locked | P::Suspended => Self::AccountEnded,
            P::Throttled { .. } | P::TooManyAttempts => Self::Throttled,
            P::HomeserverUnreachable | P::HomeserverInvalid | P::WrongServer | P::NoWayIn => Self::HomeserverFailed,
            P::LoginTokenSpent => Self::WrongCredentials,
            P::RefusedThere => Self::Declined,
            P::GuestRefused | P::AdministrationRefused | P::PopulationRefused | P::NotAdmitted | P::NotATester => {
                Self::NotAdmitted
            }
            P::AcrUnreachable | P::FreshLoginUnproven | P::OtherAgent => Self::NotAsDemanded,
            P::LoginLoop => return None,
        })
    }

    /// What a refusal counts as. A service that only looks whether somebody is signed in has refused nobody.
    pub fn of_denial(denial: Denial) -> Option<Self> {
        match denial {
            Denial::LoginRequired | Denial::ConsentRequired | Denial::InteractionRequired => None,
            Denial::OtherAgent | Denial::NotFresh | Denial::UnmetAcr => Some(Self::NotAsDemanded),
            Denial::Admission(Refusal::Closed | Refusal::Paused(_)) => Some(Self::AccountEnded),
            Denial::Admission(_) => Some(Self::NotAdmitted),
        }
    }
}

/// One counter of a day.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Counter {
    /// Days since 1970-01-01, UTC.
    pub day: i64,
    /// The service.
    pub client_id: String,
    /// Domain of the administration; empty when it is not known.
    pub administration: String,
    /// How the browser session began; `None` when no way was chosen yet.
    pub way: Option<Way>,
    /// How it ended.
    pub outcome: Outcome,
}

/// Of which sign-ins numbers are shown.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All.
    Everything,
    /// Those to one client.
    Client(String),
    /// Those of the agents of one administration, by its domain.
    Administration(String),
}

/// How often something ended in some way on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayCount {
    /// Days since 1970-01-01.
    pub day: i64,
    /// Which way, if any was chosen.
    pub way: Option<Way>,
    /// How it ended.
    pub outcome: Outcome,
    /// So often.
    pub count: i64,
}

/// Numbers in groups; `None` is hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups<K> {
    /// In the order given.
    pub groups: Vec<(K, Option<i64>)>,
    /// All of them together.
    pub total: Option<i64>,
}

impl<K> Groups<K> {
    /// Nobody is in any of them.
    pub fn is_zero(&self) -> bool {
        self.total == Some(0)
    }

    /// Hides groups smaller than [`SMALLEST`], and with them the next smallest ones until nobody can tell any of them from the
    /// total: at least two, five or more together, and not each one a single. Where that cannot be, the total is hidden too.
    /// A group of none is shown: there is nobody in it.
    pub fn hiding_small(groups: Vec<(K, i64)>) -> Self {
        let total = groups.iter().map(|(_, count)| count).sum();
        let mut by_size: Vec<i64> = groups
            .iter()
            .map(|(_, count)| *count)
            .filter(|count| *count > 0)
            .collect();
        by_size.sort_unstable();
        let small = by_size.iter().filter(|count| **count < SMALLEST).count();
        let is_told = |hidden: usize| {
            let sum: i64 = by_size.iter().take(hidden).sum();
            hidden > 0 && (hidden < 2 || sum < SMALLEST || sum <= hidden as i64)
        };
        let mut hidden = small;
        while is_told(hidden) && hidden < by_size.len() {
            hidden += 1;
        }
        // Equals share their fate: which of them is shown must not depend on the order.
        let limit = hidden
            .checked_sub(1)
            .and_then(|last| by_size.get(last))
            .copied()
            .unwrap_or(0);
        let of = |count: i64| (count == 0 || count > limit).then_some(count);
        Self {
            groups: groups.into_iter().map(|(key, count)| (key, of(count))).collect(),
            total: (!is_told(hidden)).then_some(total),
        }
    }

    /// All hidden: another view of the same numbers would tell them.
    fn hide_all(&mut self) {
        self.total = None;
        self.groups.iter_mut().for_each(|(_, count)| *count = None);
    }
}

/// What is shown of some days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Sign-ins by day, every day of the period.
    pub signed_in: Groups<i64>,
    /// Refused and failed ones by day.
    pub refused: Groups<i64>,
    /// Sign-ins by way.
    pub ways: Groups<Option<Way>>,
    /// Refused and failed ones by reason.
    pub reasons: Groups<Outcome>,
    /// Sign-ins by service.
    pub clients: Groups<String>,
    /// Sign-ins by administration.
    pub administrations: Groups<String>,
}

impl Report {
    /// Puts together what is shown of the days from `from` up to, not including, `until`. `clients` and `administrations` count
    /// sign-ins only, the most first; empty where there is to be no such table.
    pub fn of(
        from: i64,
        until: i64,
        counts: &[DayCount],
        clients: Vec<(String, i64)>,
        administrations: Vec<(String, i64)>,
    ) -> Self {
        let of = |signed_in: bool| {
            counts
                .iter()
                .filter(move |one| (one.outcome == Outcome::SignedIn) == signed_in)
        };
        let mut report = Self {
            signed_in: by_day(from, until, of(true)),
            refused: by_day(from, until, of(false)),
            ways: by(of(true), |one| one.way),
            reasons: by(of(false), |one| one.outcome),
            clients: Groups::hiding_small(clients),
            administrations: Groups::hiding_small(administrations),
        };
        // The tables share their totals: what one of them must hide, none may tell.
        let told = report.signed_in.total.is_some()
            && report.ways.total.is_some()
            && report.clients.total.is_some()
            && report.administrations.total.is_some();
        if !told {
            report.signed_in.hide_all();
            report.ways.hide_all();
            report.clients.hide_all();
            report.administrations.hide_all();
        }
        if report.refused.total.is_none() || report.reasons.total.is_none() {
            report.refused.hide_all();
            report.reasons.hide_all();
        }
        report
    }
}

fn by_day<'a>(from: i64, until: i64, counts: impl Iterator<Item = &'a DayCount>) -> Groups<i64> {
    let mut days: BTreeMap<i64, i64> = (from..until).map(|day| (day, 0)).collect();
    for one in counts {
        if let Some(sum) = days.get_mut(&one.day) {
            *sum += one.count;
        }
    }
    Groups::hiding_small(days.into_iter().collect())
}

fn by<'a, K: Ord + Copy>(counts: impl Iterator<Item = &'a DayCount>, key: impl Fn(&DayCount) -> K) -> Groups<K> {
    let mut sums: BTreeMap<K, i64> = BTreeMap::new();
    for one in counts {
        *sums.entry(key(one)).or_default() += one.count;
    }
    let mut groups: Vec<_> = sums.into_iter().collect();
    groups.sort_by_key(|(_, count)| -count);
    Groups::hiding_small(groups)
}

#[cfg(test)]
mod tests;
