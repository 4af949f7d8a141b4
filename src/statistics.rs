//! Counts of sign-ins, on their way into the database: gathered in memory and added every few seconds, so that a thousand
//! sign-ins cost the database as little as one, and replicas do not wait for one another's rows (decision 58).

mod reports;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::audit::day_of;
use crate::domain::homeserver::Way;
use crate::domain::statistics::{Counter, Outcome};
use crate::store::{Store, StoreError};

pub use reports::Reports;

/// Of no more counters at a time anything is remembered: some ten megabytes.
const MAX_WAITING: usize = 50_000;

/// A sign-in that ended, well or not.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// To which client.
    pub client_id: &'a str,
    /// Domain of the agent's administration, where it is known.
    pub administration: Option<&'a str>,
    /// Whose account, where it is known.
    pub homeserver: Option<&'a str>,
    /// How the browser session began, or was to begin.
    pub way: Option<Way>,
    /// How it ended.
    pub outcome: Outcome,
}

/// What the monitoring reads: since the process began, by homeserver (empty where it is not known), way and outcome.
pub type Totals = BTreeMap<(String, Option<Way>, Outcome), u64>;

/// How clients fared, until it is written: errors by client, day and code, and when redirect URIs were last given a code.
#[derive(Debug, Default)]
struct Fared {
    errors: BTreeMap<(String, i64, &'static str), i64>,
    redirects: BTreeMap<(String, String), i64>,
}

/// The counts of this process.
#[derive(Debug, Default)]
pub struct Statistics(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    waiting: HashMap<Counter, i64>,
    fared: Fared,
    totals: Totals,
}

impl Statistics {
    /// Counts one at `now`, Unix seconds.
    pub fn count(&self, attempt: Attempt<'_>, now: i64) {
        let counter = Counter {
            day: day_of(now),
            client_id: attempt.client_id.to_owned(),
            administration: attempt.administration.unwrap_or_default().to_owned(),
            way: attempt.way,
            outcome: attempt.outcome,
        };
        let homeserver = attempt.homeserver.unwrap_or_default().to_owned();
        let mut counts = self.counts();
        *counts
            .totals
            .entry((homeserver, attempt.way, attempt.outcome))
            .or_default() += 1;
        if counts.waiting.len() < MAX_WAITING || counts.waiting.contains_key(&counter) {
            *counts.waiting.entry(counter).or_default() += 1;
        }
    }

    /// Counts an OAuth error that a client of ours was answered at `now`, by its code.
    pub fn error(&self, client_id: &str, code: &'static str, now: i64) {
        let errors = &mut self.counts().fared.errors;
        let key = (client_id.to_owned(), day_of(now), code);
        if errors.len() < MAX_WAITING || errors.contains_key(&key) {
            *errors.entry(key).or_default() += 1;
        }
    }

    /// A registered redirect URI was given a code at `now`.
    pub fn redirect(&self, client_id: &str, redirect_uri: &str, now: i64) {
        let redirects = &mut self.counts().fared.redirects;
        let key = (client_id.to_owned(), redirect_uri.to_owned());
        if redirects.len() < MAX_WAITING || redirects.contains_key(&key) {
            redirects.insert(key, now);
        }
    }

    /// Writes how clients fared. What a failure of the database costs are some of these numbers.
    ///
    /// # Errors
    /// When the database fails.
    async fn write_fared(&self, store: &Store) -> Result<(), StoreError> {
        let Fared { errors, redirects } = std::mem::take(&mut self.counts().fared);
        for ((client_id, day, code), count) in errors {
            store.add_client_errors(&client_id, day, code, count).await?;
        }
        for ((client_id, uri), used_at) in redirects {
            store.upsert_client_redirect(&client_id, &uri, used_at).await?;
        }
        Ok(())
    }

    /// Adds what waits to the database. What could not be added waits on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn write(&self, store: &Store) -> Result<(), StoreError> {
        self.write_fared(store).await?;
        let mut waiting: Vec<_> = std::mem::take(&mut self.counts().waiting).into_iter().collect();
        if waiting.is_empty() {
            return Ok(());
        }
        // In one order everywhere: replicas that lock the same rows wait for one another, but never in a circle.
        waiting.sort_unstable();
        let written = store.add_sign_in_counts(&waiting).await;
        if written.is_err() {
            let mut counts = self.counts();
            for (counter, count) in waiting {
                *counts.waiting.entry(counter).or_default() += count;
            }
        }
        written
    }

    /// What the monitoring reads.
    pub fn totals(&self) -> Totals {
        self.counts().totals.clone()
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
