//! Whom a change of a client would shut out, of those who used it lately: `apply --dry-run` and the console ask here.

use crate::domain::admission::Refusal;
use crate::domain::admission::preview::{Registry, newly_refused};
use crate::domain::agent::Agent;
use crate::protocol::client::Client;
use crate::store::{Store, StoreError};

/// How long sign-ins are known, in seconds.
const WINDOW: i64 = 30 * 24 * 3600;
/// Agents per query.
const BATCH: u32 = 5_000;

/// What one client's agents would notice.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Refusals {
    /// Agents who signed in in the last 30 days, or hold something that still lives.
    pub agents: u64,
    /// Those of them who are admitted now and would be refused.
    pub refused: u64,
    /// There are more agents than were asked about.
    pub partly: bool,
}

/// Asks both decisions for each agent of a client, `most` at most; `note` gets who would be refused.
///
/// # Errors
/// When the database fails.
pub async fn would_refuse(
    store: &Store,
    now: (&Registry, &Client),
    then: (&Registry, &Client),
    instant: i64,
    most: u64,
    mut note: impl FnMut(Refusal, Agent),
) -> Result<Refusals, StoreError> {
    let (mut found, mut after) = (Refusals::default(), String::new());
    loop {
        let since = instant - WINDOW;
        let batch = store
            .list_client_agents(&now.1.id, since, instant, &after, BATCH)
            .await?;
        let Some(last) = batch.last() else { return Ok(found) };
        if found.agents >= most {
            found.partly = true;
            return Ok(found);
        }
        after.clone_from(&last.id);
        for agent in batch {
            found.agents += 1;
            if let Some(refusal) = newly_refused(now, then, &agent) {
                found.refused += 1;
                note(refusal, agent);
            }
        }
    }
}
