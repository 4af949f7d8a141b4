//! The table of administrations: what operators change in it, and the domains that it lacks.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::edit::{EditError, changes};
use crate::audit;
use crate::domain::administration::Administration;
use crate::domain::administration::import::{self, Import};
use crate::domain::agent::Agent;
use crate::domain::audit::{Action, Actor, Event, ObjectKind};
use crate::domain::homeserver::Homeserver;
use crate::domain::identifier::email_domain;
use crate::secret::{fingerprint, random_id};
use crate::store::{Former, Store, StoreError, Versioned};

/// How long an import waits for the word of who saw its preview, in seconds.
const IMPORT_WAITS: i64 = 3600;

/// Adds an administration, or changes the one that was seen.
///
/// # Errors
/// [`EditError`].
pub async fn save(
    store: &Store,
    now: i64,
    actor: Actor,
    wanted: &Administration,
    former: Option<&Versioned<Administration>>,
) -> Result<(), EditError> {
    wanted.validate().map_err(EditError::Invalid)?;
    let (action, detail, expected) = match former {
        Some(former) if former.value == *wanted => return Ok(()),
        Some(former) => (
            Action::AdministrationChanged,
            json!({"changed": changes(&former.value, wanted)}),
            Former::Version(&former.version),
        ),
        None if store.find_administration_version(&wanted.domain).await?.is_some() => return Err(EditError::Exists),
        None => (
            Action::AdministrationCreated,
            json!({"administration": wanted}),
            Former::Absent,
        ),
    };
    let object = (ObjectKind::Administration, wanted.domain.clone());
    let event = Event {
        actor,
        action,
        object,
        detail,
    };
    audit::record(store, now, event).await?;
    if !store.save_administrations(&[(wanted, expected)]).await? {
        return Err(EditError::Outdated);
    }
    forget_covered(store, &[wanted]).await?;
    Ok(())
}

/// Deletes an administration as it was seen.
///
/// # Errors
/// [`EditError::Outdated`]; when the database fails.
pub async fn delete(
    store: &Store,
    now: i64,
    actor: Actor,
    former: &Versioned<Administration>,
) -> Result<(), EditError> {
    let domain = &former.value.domain;
    let event = Event {
        actor,
        action: Action::AdministrationDeleted,
        object: (ObjectKind::Administration, domain.clone()),
        detail: json!({"administration": former.value}),
    };
    audit::record(store, now, event).await?;
    match store.delete_administration(domain, &former.version).await? {
        true => Ok(()),
        false => Err(EditError::Outdated),
    }
}

/// Finds out what a table would change, and keeps that for the agent who is shown it; answers its id. Nothing is changed.
///
/// # Errors
/// When the database fails.
pub async fn preview(
    store: &Store,
    now: i64,
    agent_id: &str,
    wanted: Vec<Administration>,
) -> Result<String, StoreError> {
    let stored = store.list_administration_versions().await?.into_iter();
    let stored: BTreeMap<_, _> = stored
        .map(|stored| {
            let former = import::Former {
                administration: stored.value,
                version: stored.version,
            };
            (former.administration.domain.clone(), former)
        })
        .collect();
    let id = random_id()?;
    let import = Import::new(wanted, stored);
    let until = now + IMPORT_WAITS;
    store
        .upsert_administration_import(agent_id, &id, &import, until)
        .await?;
    Ok(id)
}

/// What has become of an import that was confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// It is done, as it was shown.
    Done(Import),
    /// Nothing was done, since somebody changed what it was to change; what it would do now is kept under this id.
    ShowAgain(String),
    /// There is none of this id any more.
    Gone,
}

/// Does what the preview of this id showed to this agent: all of it, or nothing.
///
/// # Errors
/// When the database fails; nothing is done then.
pub async fn import(store: &Store, now: i64, agent_id: &str, id: &str) -> Result<Imported, StoreError> {
    let Some(import) = store.consume_administration_import(agent_id, id, now).await? else {
        return Ok(Imported::Gone);
    };
    let written: Vec<_> = import.changes.iter().map(|change| &change.administration).collect();
    let text = serde_json::to_string(&written).unwrap_or_default();
    let event = Event {
        actor: Actor::Agent(agent_id.to_owned()),
        action: Action::AdministrationsImported,
        object: (ObjectKind::Administration, String::new()),
        detail: json!({
            "added": import.added(),
            "changed": import.changed(),
            "sha256": fingerprint(&text),
        }),
    };
    audit::record(store, now, event).await?;
    let former = |change: &import::Change| change.former.as_ref().map(|former| former.version.clone());
    let versions: Vec<_> = import.changes.iter().map(former).collect();
    let expected = versions.iter().map(|version| match version {
        Some(version) => Former::Version(version),
        None => Former::Absent,
    });
    let entries: Vec<_> = written.iter().copied().zip(expected).collect();
    if store.save_administrations(&entries).await? {
        forget_covered(store, &written).await?;
        return Ok(Imported::Done(import));
    }
    let wanted = import.changes.into_iter().map(|change| change.administration);
    let wanted = wanted.chain(import.unchanged).collect();
    preview(store, now, agent_id, wanted).await.map(Imported::ShowAgain)
}

/// Counts a sign-in whose e-mail domain no administration covers. Guests are of none.
///
/// # Errors
/// When the database fails.
pub async fn note_sign_in(store: &Store, homeserver: &Homeserver, agent: &Agent, now: i64) -> Result<(), StoreError> {
    let domain = agent.email.as_ref().and_then(|email| email_domain(&email.address));
    match domain {
        Some(domain) if !homeserver.guests && store.find_administration(domain).await?.is_none() => {
            store.count_unknown_domain(domain, now).await
        }
        _ => Ok(()),
    }
}

/// What is covered now is unknown no longer.
async fn forget_covered(store: &Store, saved: &[&Administration]) -> Result<(), StoreError> {
    let saved: BTreeSet<&str> = saved.iter().map(|one| one.domain.as_str()).collect();
    let parents = |domain: &str| {
        let mut next = Some(domain);
        std::iter::from_fn(move || {
            let current = next?;
            next = current.split_once('.').map(|(_, parent)| parent);
            Some(current)
        })
        .any(|domain| saved.contains(domain))
    };
    let unknown = store.list_unknown_domains().await?.into_iter();
    let covered: Vec<_> = unknown.map(|one| one.domain).filter(|domain| parents(domain)).collect();
    store.delete_unknown_domains(&covered).await
}
