//! What is known of each homeserver's health, in this process: a circuit breaker that spares agents the wait for a server
//! that does not answer, and lets one request in a while through to notice that it does again. Time is passed in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Response;

use crate::egress::EgressError;

/// So many failures in a row, and nothing more is asked for a while.
const FAILURES: u32 = 3;
/// How long nothing is asked then, in seconds. An agent whose homeserver is back waits no longer than this.
const PAUSE: i64 = 20;

/// What of a homeserver is asked: its directory may fail while its agents sign in well, and the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Api {
    /// The Client-Server API: logins.
    Client,
    /// The directory.
    Directory,
}

/// How a homeserver failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No complete answer in time.
    Timeout,
    /// No connection.
    Connect,
    /// The connection broke.
    Broken,
    /// It said that it is failing: this status.
    Status(u16),
}

/// What is known of one homeserver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerHealth {
    /// Since when it has been failing, Unix seconds; `None` while it works or was never asked.
    pub failing_since: Option<i64>,
    /// When it last answered, Unix seconds.
    pub last_success: Option<i64>,
    /// When and how it last failed, Unix seconds; kept when it works again.
    pub last_failure: Option<(i64, Failure)>,
    failures: u32,
    paused_until: i64,
}

impl ServerHealth {
    /// Whether it may be asked at `now`. After a pause one request may, and the pause begins anew until its outcome is known.
    fn admit(&mut self, now: i64) -> bool {
        if self.failures < FAILURES {
            return true;
        }
        // A clock that was set back must not lock anybody out.
        if now < self.paused_until && self.paused_until <= now + PAUSE {
            return false;
        }
        self.paused_until = now + PAUSE;
        true
    }

    fn record(&mut self, failure: Option<Failure>, now: i64) {
        let Some(failure) = failure else {
            *self = Self {
                last_success: Some(now),
                last_failure: self.last_failure,
                ..Self::default()
            };
            return;
        };
        self.last_failure = Some((now, failure));
        self.failures = self.failures.saturating_add(1);
        self.failing_since.get_or_insert(now);
        self.paused_until = now + PAUSE;
    }

    /// Whether it is given up for the moment.
    pub fn is_down(&self) -> bool {
        self.failures >= FAILURES
    }
}

/// The health of all homeservers. Cheap to clone, and then the same.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<HashMap<(String, Api), ServerHealth>>>);

impl Health {
    fn servers(&self) -> MutexGuard<'_, HashMap<(String, Api), ServerHealth>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a homeserver.
    pub fn of(&self, homeserver: &str, api: Api) -> ServerHealth {
        let key = (homeserver.to_owned(), api);
        self.servers().get(&key).copied().unwrap_or_default()
    }

    /// Whether a homeserver may be asked at `now` (Unix seconds). Takes the one place after a pause.
    pub(super) fn admit(&self, homeserver: &str, api: Api, now: i64) -> bool {
        let mut servers = self.servers();
        let server = servers.get_mut(&(homeserver.to_owned(), api));
        server.is_none_or(|server| server.admit(now))
    }

    /// Learns from the outcome of a request. A refusal is an answer: only silence and the server's own failures count.
    pub(super) fn learn(&self, homeserver: &str, api: Api, outcome: &Result<Response<Vec<u8>>, EgressError>, now: i64) {
        let failure = match outcome {
            Ok(response) => {
                let status = response.status();
                status.is_server_error().then(|| Failure::Status(status.as_u16()))
            }
            Err(EgressError::Timeout) => Some(Failure::Timeout),
            Err(EgressError::Connect) => Some(Failure::Connect),
            Err(EgressError::Broken) => Some(Failure::Broken),
            Err(EgressError::TooLarge | EgressError::Redirected) => None,
            // Nothing was sent.
            Err(EgressError::NotPublic | EgressError::InvalidRequest) => return,
        };
        let (was, is) = {
            let mut servers = self.servers();
            let server = servers.entry((homeserver.to_owned(), api)).or_default();
            let was = server.is_down();
            server.record(failure, now);
            (was, server.is_down())
        };
        match (was, is) {
            (false, true) => tracing::warn!(
                homeserver,
                ?api,
                "a homeserver does not answer: it is left alone for a while"
            ),
            (true, false) => tracing::info!(homeserver, ?api, "a homeserver answers again"),
            _ => {}
        }
    }

    /// Forgets the homeservers that are not on the list any more.
    pub(super) fn keep_only(&self, is_listed: impl Fn(&str) -> bool) {
        self.servers().retain(|(name, _), _| is_listed(name));
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn answer(status: StatusCode) -> Result<Response<Vec<u8>>, EgressError> {
        let mut response = Response::new(Vec::new());
        *response.status_mut() = status;
        Ok(response)
    }

    #[test]
    fn three_failures_in_a_row_pause_a_server_and_one_answer_ends_it() {
        let health = Health::default();
        let fail = |now| health.learn("a.test", Api::Client, &Err(EgressError::Timeout), now);
        fail(100);
        fail(101);
        assert!(health.admit("a.test", Api::Client, 101), "two are no pattern");
        fail(102);
        assert!(health.of("a.test", Api::Client).is_down());
        assert_eq!(health.of("a.test", Api::Client).failing_since, Some(100));
        assert!(!health.admit("a.test", Api::Client, 121));
        assert!(health.admit("b.test", Api::Client, 121), "another server");
        assert!(health.admit("a.test", Api::Directory, 121), "another part of it");
        // One, and only one, finds out how it is.
        assert!(health.admit("a.test", Api::Client, 122));
        assert!(!health.admit("a.test", Api::Client, 122));
        // Its outcome never came: the next one, a pause later.
        assert!(health.admit("a.test", Api::Client, 142));
        health.learn("a.test", Api::Client, &answer(StatusCode::OK), 143);
        assert!(health.admit("a.test", Api::Client, 143) && health.admit("a.test", Api::Client, 143));
        assert_eq!(health.of("a.test", Api::Client).last_success, Some(143));
        assert_eq!(health.of("a.test", Api::Client).failing_since, None);
        let last = Some((102, Failure::Timeout));
        assert_eq!(health.of("a.test", Api::Client).last_failure, last, "is still known");
        // A failure much later begins a new count.
        fail(200);
        assert!(!health.of("a.test", Api::Client).is_down());
    }

    #[test]
    fn only_silence_and_its_own_failures_count() {
        let failures = [
            Err(EgressError::Timeout),
            Err(EgressError::Connect),
            Err(EgressError::Broken),
            answer(StatusCode::INTERNAL_SERVER_ERROR),
            answer(StatusCode::BAD_GATEWAY),
        ];
        let answers = [
            answer(StatusCode::OK),
            answer(StatusCode::FORBIDDEN),
            answer(StatusCode::NOT_FOUND),
            answer(StatusCode::TOO_MANY_REQUESTS),
            Err(EgressError::Redirected),
            Err(EgressError::TooLarge),
            Err(EgressError::InvalidRequest),
        ];
        for (outcomes, down) in [(&failures[..], true), (&answers[..], false)] {
            for outcome in outcomes {
                let health = Health::default();
                (0..10).for_each(|now| health.learn("a.test", Api::Client, outcome, now));
                assert_eq!(health.of("a.test", Api::Client).is_down(), down, "{outcome:?}");
            }
        }
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out_and_the_unlisted_are_forgotten() {
        let health = Health::default();
        (0..3).for_each(|_| health.learn("a.test", Api::Client, &Err(EgressError::Connect), 1_000_000));
        assert!(!health.admit("a.test", Api::Client, 1_000_000));
        assert!(health.admit("a.test", Api::Client, 500));
        health.keep_only(|name| name != "a.test");
        assert_eq!(health.of("a.test", Api::Client), ServerHealth::default());
    }
}
