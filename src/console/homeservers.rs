//! The list of homeservers: what operators change in it. Each replica reads it from the database at every use, so that what is
//! changed here counts everywhere at once.

use serde_json::{Value, json};

use super::edit::{EditError, changes};
use crate::audit;
use crate::domain::audit::{Action, Actor, Event, ObjectKind};
use crate::domain::homeserver::Homeserver;
use crate::store::{Former, Store, StoreError, Versioned};

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
    record(store, now, actor, action, &wanted.name, detail).await?;
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
    record(store, now, actor, Action::HomeserverRetired, name, detail).await?;
    match store.delete_homeserver(name, &former.version).await? {
        true => Ok(()),
        false => Err(EditError::Outdated),
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
    record(store, now, actor, Action::HomeserverChanged, name, detail).await?;
    store.order_homeservers(names).await
}

async fn record(
    store: &Store,
    now: i64,
    actor: Actor,
    action: Action,
    name: &str,
    detail: Value,
) -> Result<(), StoreError> {
    let event = Event {
        actor,
        action,
        object: (ObjectKind::Homeserver, name.to_owned()),
        detail,
    };
    audit::record(store, now, event).await
}
