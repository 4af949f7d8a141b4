//! The lifecycle watch: what a homeserver's answer about accounts means, and when it is not believed.

use super::agent::{AccountState, IssuerSubject, Pause};

/// An agent whose account is to be asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// Row id.
    pub agent_id: String,
    /// `@local:server`.
    pub matrix_id: String,
    /// Who the account was to its authentication service when the agent last came by it.
    pub at_issuer: Option<IssuerSubject>,
    /// Why the account does not stand, as far as is known.
    pub paused: Option<Pause>,
}

/// What a homeserver says of one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing speaks against it, and the account is not paused for any of these reasons. Of others the answer knows nothing.
    Stands(&'static [Pause]),
    /// It does not stand for now.
    Paused(Pause),
    /// It was deactivated or erased, or made anew as another account.
    Closed,
}

/// An answer that takes so many accounts at once away may be a disaster, or a homeserver in trouble.
const MANY: usize = 20;

/// What an answer about `watched` changes; `None` for what stays as it is. `sees`: whether this way of asking could also show
/// the end of a pause.
pub fn change(watched: &Watched, standing: Standing, sees: impl Fn(Pause) -> bool) -> Option<AccountState> {
    match (standing, watched.paused) {
        (Standing::Closed, _) => Some(AccountState::Closed),
        (Standing::Paused(pause), None) => Some(AccountState::Paused(pause)),
        // A reason that this way cannot see is not forgotten for one that it sees.
        (Standing::Paused(pause), Some(known)) if pause != known && sees(known) => Some(AccountState::Paused(pause)),
        (Standing::Stands(ruled_out), Some(known)) if ruled_out.contains(&known) => Some(AccountState::Stands),
        (Standing::Paused(_) | Standing::Stands(_), _) => None,
    }
}

/// Whether an answer about `asked` accounts, which takes `lost` of them away, is believed: at most half of them, or fewer
/// than `MANY`. A homeserver that has lost its database must not close thousands of accounts for good.
pub fn is_credible(asked: usize, lost: usize) -> bool {
    lost < MANY || lost * 2 <= asked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_an_answer_can_show_changes_anything() {
        use AccountState as State;
        const BOTH: &[Pause] = &[Pause::Missing, Pause::Expired];
        let sees = |pause| BOTH.contains(&pause);
        for (known, standing, expected) in [
            (None, Standing::Stands(BOTH), None),
            (
                None,
                Standing::Paused(Pause::Expired),
                Some(State::Paused(Pause::Expired)),
            ),
            (None, Standing::Closed, Some(State::Closed)),
            (Some(Pause::Expired), Standing::Stands(BOTH), Some(State::Stands)),
            (Some(Pause::Expired), Standing::Stands(&[Pause::Missing]), None),
            (Some(Pause::Locked), Standing::Stands(BOTH), None),
            (Some(Pause::Expired), Standing::Paused(Pause::Expired), None),
            (
                Some(Pause::Missing),
                Standing::Paused(Pause::Expired),
                Some(State::Paused(Pause::Expired)),
            ),
            (Some(Pause::Locked), Standing::Paused(Pause::Expired), None),
            (Some(Pause::Locked), Standing::Closed, Some(State::Closed)),
        ] {
            let watched = Watched {
                agent_id: "a".to_owned(),
                matrix_id: "@a:h".to_owned(),
                at_issuer: None,
                paused: known,
            };
            assert_eq!(change(&watched, standing, sees), expected, "{known:?} {standing:?}");
        }
    }

    #[test]
    fn an_answer_that_takes_most_accounts_away_is_not_believed() {
        for (asked, lost, believed) in [
            (1, 1, true),
            (19, 19, true),
            (20, 20, false),
            (39, 20, false),
            (40, 20, true),
            (500, 250, true),
            (500, 251, false),
            (0, 0, true),
        ] {
            assert_eq!(is_credible(asked, lost), believed, "{lost} of {asked}");
        }
    }
}
