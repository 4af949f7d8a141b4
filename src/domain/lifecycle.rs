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

/// So long, in seconds, closures are counted against what one homeserver is believed.
pub const CLOSURES_PERIOD: i64 = 24 * 3600;

/// So many are believed in any case: accounts end every day.
const FEW: usize = 20;

/// How many more closures of one homeserver are believed, with so many agents watched there and so many closed within the
/// last [`CLOSURES_PERIOD`]: a twentieth of them, or `FEW`. A closure is for good, so that a homeserver restored from the
/// wrong copy must not close everybody.
pub fn closures_believed(watched: usize, closed: usize) -> usize {
    FEW.max(watched / 20).saturating_sub(closed)
}

/// What a homeserver's answers change, and how many closures were not believed for good: these accounts are paused, which
/// refuses them on every way and can be taken back.
pub fn changes<'a>(
    answers: &[(&'a Watched, Standing)],
    mut believed: usize,
    sees: impl Fn(Pause) -> bool,
) -> (Vec<(&'a Watched, AccountState)>, usize) {
    let mut withheld = 0;
    let mut changes = Vec::new();
    for (watched, standing) in answers {
        let standing = match standing {
            Standing::Closed if believed == 0 => {
                withheld += 1;
                Standing::Paused(Pause::Missing)
            }
            Standing::Closed => {
                believed -= 1;
                Standing::Closed
            }
            other => *other,
        };
        if let Some(state) = change(watched, standing, &sees) {
            changes.push((*watched, state));
        }
    }
    (changes, withheld)
}

/// What an answer about `watched` changes; `None` for what stays as it is. `sees`: whether this way of asking could also show
/// the end of a pause.
fn change(watched: &Watched, standing: Standing, sees: impl Fn(Pause) -> bool) -> Option<AccountState> {
    match (standing, watched.paused) {
        (Standing::Closed, _) => Some(AccountState::Closed),
        (Standing::Paused(pause), None) => Some(AccountState::Paused(pause)),
        // A reason that this way cannot see is not forgotten for one that it sees.
        (Standing::Paused(pause), Some(known)) if pause != known && sees(known) => Some(AccountState::Paused(pause)),
        (Standing::Stands(ruled_out), Some(known)) if ruled_out.contains(&known) => Some(AccountState::Stands),
        (Standing::Paused(_) | Standing::Stands(_), _) => None,
    }
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
    fn no_more_closures_are_believed_in_a_day_than_really_happen() {
        for (watched, closed, believed) in [
            (3, 0, 20),
            (400, 0, 20),
            (3000, 0, 150),
            (3000, 149, 1),
            (3000, 150, 0),
            (100, 500, 0),
        ] {
            assert_eq!(closures_believed(watched, closed), believed, "{closed} of {watched}");
        }
    }

    #[test]
    fn closures_beyond_what_is_believed_are_pauses() {
        let agents: Vec<Watched> = (0..4)
            .map(|n| Watched {
                agent_id: n.to_string(),
                matrix_id: format!("@{n}:h"),
                at_issuer: None,
                paused: (n == 3).then_some(Pause::Missing),
            })
            .collect();
        let answers: Vec<_> = agents.iter().map(|agent| (agent, Standing::Closed)).collect();
        let (changes, withheld) = changes(&answers, 1, |pause| pause == Pause::Missing);
        let changes: Vec<_> = changes
            .iter()
            .map(|(agent, state)| (agent.agent_id.as_str(), *state))
            .collect();
        let paused = AccountState::Paused(Pause::Missing);
        assert_eq!(changes, [("0", AccountState::Closed), ("1", paused), ("2", paused)]);
        assert_eq!(withheld, 3);
    }
}
