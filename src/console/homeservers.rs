//! The list of homeservers: what operators change in it. Each replica reads it from the database at every use, so that what is
//! changed here counts everywhere at once.

use serde_json::json;

use super::edit::{EditError, changes};
use crate::app::App;
use crate::audit;
use crate::domain::audit::{Action, Actor, Event, ObjectKind};
use crate::domain::homeserver::Homeserver;
use crate::store::{Former, Store, StoreError, Versioned};
use crate::upstream::Tested;

/// Adds a homeserver at the end of the list, or changes the one that was seen.
///
/// # Errors
/// [`EditError`].
pub async fn save(
    store: &Store,
    now: i64,
    actor: Actor,
    wanted: &Homeserver,
    former: Option<&Versioned<Homeserver>>,
) -> Result<(), EditError> {
    wanted.validate().map_err(EditError::Invalid)?;
    let (action, detail, expected) = match former {
        Some(former) if former.value == *wanted => return Ok(()),
        Some(former) => (
            Action::HomeserverChanged,
            json!({"changed": changes(&former.value, wanted)}),
            Former::Version(&former.version),
        ),
        None if store.find_homeserver(&wanted.name).await?.is_some() => return Err(EditError::Exists),
        None => (Action::HomeserverCreated, json!({"homeserver": wanted}), Former::Absent),
    };
    let event = Event::new(actor, action, (ObjectKind::Homeserver, &wanted.name), detail);
    audit::record(store, now, event).await?;
    match store.save_homeserver(wanted, expected).await? {
        true => Ok(()),
        false => Err(EditError::Outdated),
    }
}

/// Which way a homeserver moves in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shift {
    /// Towards the first.
    Up,
    /// Towards the last.
    Down,
}

/// Moves a homeserver by one place in the order that agents and the directory meet.
///
/// # Errors
/// [`EditError::Outdated`] when it is not on the list any more; when the database fails.
pub async fn shift(store: &Store, now: i64, actor: Actor, name: &str, shift: Shift) -> Result<(), EditError> {
    let list = store.list_homeservers().await?;
    let mut names: Vec<&str> = list.iter().map(|one| one.name.as_str()).collect();
    let at = names.iter().position(|one| *one == name).ok_or(EditError::Outdated)?;
    let to = match shift {
        Shift::Up => at.checked_sub(1),
        Shift::Down => Some(at + 1).filter(|to| *to < names.len()),
    };
    let Some(to) = to else { return Ok(()) };
    names.swap(at, to);
    order(store, now, actor, name, &names).await?;
    Ok(())
}

/// Takes a homeserver off the list, as it was seen: nobody signs in there from now on, and its agents are refused. `own` is the
/// homeserver of whoever does it.
///
/// # Errors
/// [`EditError::LocksOut`] when it is their own, [`EditError::Outdated`]; when the database fails.
pub async fn retire(
    store: &Store,
    now: i64,
    actor: Actor,
    former: &Versioned<Homeserver>,
    own: &str,
) -> Result<(), EditError> {
    let name = &former.value.name;
    if name == own {
        return Err(EditError::LocksOut);
    }
    let detail = json!({"homeserver": former.value});
    let event = Event::new(actor, Action::HomeserverRetired, (ObjectKind::Homeserver, name), detail);
    audit::record(store, now, event).await?;
    match store.delete_homeserver(name, &former.version).await? {
        true => Ok(()),
        false => Err(EditError::Outdated),
    }
}

/// Asks a homeserver what a login would, without a trace there; that it was asked is recorded.
///
/// # Errors
/// When the database fails.
pub async fn test(app: &App, now: i64, actor: Actor, homeserver: &Homeserver) -> Result<Tested, StoreError> {
    let list = app.store.list_homeservers().await?;
    let name = &homeserver.name;
    let event = Event::new(
        actor,
        Action::HomeserverTested,
        (ObjectKind::Homeserver, name),
        json!({}),
    );
    audit::record(&app.store, now, event).await?;
    let domain = homeserver.email_domains.first().unwrap_or(name);
    Ok(app.upstream.test(&list, homeserver, &format!("doctor@{domain}")).await)
}

/// The issuer that logins hold a homeserver to: that of the list, else the one seen first.
///
/// # Errors
/// When the database fails.
pub async fn held_to(store: &Store, homeserver: &Homeserver) -> Result<Option<String>, StoreError> {
    match &homeserver.oauth.issuer {
        Some(named) => Ok(Some(named.clone())),
        None => Ok(store
            .find_pinned_issuer(&homeserver.name)
            .await?
            .map(|pinned| pinned.issuer)),
    }
}

/// Makes the list begin with these, in this order; what is on it besides goes on after them.
///
/// # Errors
/// [`EditError`].
pub async fn put_list(store: &Store, now: i64, actor: &Actor, wanted: &[Homeserver]) -> Result<(), EditError> {
    for homeserver in wanted {
        let former = store.find_homeserver_version(&homeserver.name).await?;
        save(store, now, actor.clone(), homeserver, former.as_ref()).await?;
    }
    let list = store.list_homeservers().await?;
    let is_wanted = |name: &str| wanted.iter().any(|one| one.name == name);
    let others = list.iter().map(|one| one.name.as_str()).filter(|name| !is_wanted(name));
    let names: Vec<&str> = wanted.iter().map(|one| one.name.as_str()).chain(others).collect();
    if !list.iter().map(|one| one.name.as_str()).eq(names.iter().copied()) {
        order(store, now, actor.clone(), "", &names).await?;
    }
    Ok(())
}

async fn order(store: &Store, now: i64, actor: Actor, name: &str, names: &[&str]) -> Result<(), StoreError> {
    let detail = json!({"order": names});
    let event = Event::new(actor, Action::HomeserverChanged, (ObjectKind::Homeserver, name), detail);
    audit::record(store, now, event).await?;
    store.order_homeservers(names).await
}
