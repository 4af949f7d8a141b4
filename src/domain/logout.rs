//! The end of a browser session: who took part in it, and when a service that did not take notice is told again.

use crate::protocol::client::Client;

/// The pause after the first failed attempt, in seconds; each later one is three times as long.
const FIRST_PAUSE: i64 = 20;

/// After so many attempts nobody is told any more: the last one is about 18 hours after the logout.
const MAX_ATTEMPTS: u32 = 9;

/// A client for which a browser session gave tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// As registered.
    pub client: Client,
    /// By which it knows the session.
    pub sid: String,
}

/// A logout token to be delivered, or delivered, or given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutDelivery {
    /// Row id.
    pub id: String,
    /// To whom.
    pub client_id: String,
    /// `sub` as this client knows it.
    pub subject: String,
    /// By which it knows the session.
    pub sid: String,
    /// When the session ended, Unix seconds.
    pub created_at: i64,
    /// Begun so far.
    pub attempts: u32,
    /// When the next attempt is due, Unix seconds; `None` when it is over.
    pub next_attempt_at: Option<i64>,
    /// When the client took it, Unix seconds.
    pub delivered_at: Option<i64>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
}

/// When to try again after the attempt of this number (from 1) failed at `now`, Unix seconds; `None`: never.
pub fn next_attempt(attempts: u32, now: i64) -> Option<i64> {
    (attempts < MAX_ATTEMPTS).then(|| now + FIRST_PAUSE * 3_i64.pow(attempts.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_grow_and_end_within_a_day() {
        let mut now = 0;
        let mut pauses = Vec::new();
        for attempt in 1.. {
            let Some(next) = next_attempt(attempt, now) else { break };
            pauses.push(next - now);
            now = next;
        }
        assert_eq!(pauses, [20, 60, 180, 540, 1620, 4860, 14_580, 43_740]);
        assert!((12 * 3600..24 * 3600).contains(&now), "{now}");
        assert_eq!(next_attempt(0, 7), Some(27));
        assert_eq!(next_attempt(u32::MAX, 7), None);
    }
}
