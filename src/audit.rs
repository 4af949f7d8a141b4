//! The one way into the audit log. An administrative act is recorded before it is done, and not done when that fails; a
//! security event is recorded when it is noticed. Each is logged too, so that what is shipped elsewhere knows the chain.

use crate::domain::audit::chain::{Ends, Report, Walk};
use crate::domain::audit::{Class, Entry, Event, Link};
use crate::secret::{fingerprint, random_id};
use crate::store::{Store, StoreError};

/// How many acts are read at a time.
const BATCH: u32 = 1000;

/// Records an event at `now`, Unix seconds.
///
/// # Errors
/// When the database fails: nothing was recorded, so nothing may be done.
pub async fn record(store: &Store, now: i64, event: Event) -> Result<(), StoreError> {
    let entry = match event.action.class() {
        Class::Administrative => store.append_audit_act(now, &event).await?,
        Class::Security => {
            let entry = Entry::new(random_id()?, now, &event);
            store.insert_audit_event(&entry).await?;
            entry
        }
    };
    log(&entry);
    Ok(())
}

/// Records a security event at most once per `window` seconds for the same action and object: whoever provokes it must not
/// fill the log with it.
///
/// # Errors
/// When the database fails.
pub async fn record_once(store: &Store, now: i64, event: Event, window: i64) -> Result<(), StoreError> {
    let (kind, id) = &event.object;
    let turn = now.div_euclid(window);
    let same = fingerprint(&format!("{}\n{}\n{turn}\n{id}", event.action.as_str(), kind.as_str()));
    let entry = Entry::new(same, now, &event);
    if store.insert_audit_event(&entry).await? {
        log(&entry);
    }
    Ok(())
}

/// Walks along the whole chain. `known`: places with hashes that somebody has from elsewhere.
///
/// # Errors
/// When the database fails.
pub async fn verify(store: &Store, known: &[Link]) -> Result<Report, StoreError> {
    'again: loop {
        let mut ends = audit_ends(store).await?;
        let mut walk = Walk::new(ends.clone(), known.to_vec());
        let mut after = (ends.purged_day, i64::MAX);
        loop {
            let acts = store.list_audit_acts(after, BATCH).await?;
            for act in &acts {
                walk.step(act);
                after = act.link.as_ref().map_or(after, |link| (link.day, link.number));
            }
            if !acts.is_empty() {
                continue;
            }
            // Nothing follows: the end is the end, unless something was appended or purged in this moment.
            let seen = std::mem::replace(&mut ends, audit_ends(store).await?);
            if seen.purged_day != ends.purged_day {
                continue 'again;
            }
            if seen == ends {
                return Ok(walk.finish(&ends.head));
            }
        }
    }
}

async fn audit_ends(store: &Store) -> Result<Ends, StoreError> {
    store.find_audit_ends().await?.ok_or(StoreError::Corrupt("audit_chain"))
}

/// Logs what was recorded.
pub fn log(entry: &Entry) {
    let place = entry.link.as_ref();
    tracing::info!(
        target: "audit",
        event = entry.action,
        actor.kind = entry.actor_kind,
        actor.id = entry.actor_id,
        object.kind = entry.object_kind,
        object.id = entry.object_id,
        detail = entry.detail,
        chain.place = place.map(|link| link.place()),
        chain.hash = place.map(|link| link.hash.as_str()),
        "{}",
        entry.class
    );
}
