//! Who gets which role. A role hangs on the internal agent; an account that never signed in is invited, and the agent who
//! signs in with it within a day gets the role.

use serde_json::json;

use crate::audit;
use crate::domain::agent::Agent;
use crate::domain::audit::{Action, Actor, Event, ObjectKind};
use crate::domain::identifier::MatrixId;
use crate::domain::role::Role;
use crate::domain::second_factor::INVITED_FOR;
use crate::secret::{SecretError, random_id};
use crate::store::{RoleInvitation, Store, StoreError};

/// Why a role cannot be given or taken.
#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    /// It is no full Matrix id.
    #[error("not a Matrix id of the form @local:server")]
    MatrixId,
    /// Its server is not on the list.
    #[error("its server is not on the list of homeservers, so nobody can sign in with it")]
    Homeserver,
    /// Its server is one of guests.
    #[error("its server is one of guests, who run nothing here")]
    Guest,
    /// No administration of this domain.
    #[error("there is no administration of this e-mail domain")]
    Administration,
    /// The agent has the role.
    #[error("has this role already")]
    Given,
    /// The agent has it not (any more).
    #[error("has no such role")]
    NotGiven,
    /// Nobody would be left to give it back.
    #[error("is the last operator, who can be removed from the command line only")]
    LastOperator,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system has no randomness.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

/// What became of an invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invited {
    /// The agent of this id is known and has the role now.
    Given(String),
    /// Whoever signs in with the account until then (Unix seconds) gets it.
    Until(i64),
}

/// An account that may have a role: the open agent, if it ever signed in.
///
/// # Errors
/// [`RoleError`].
pub async fn account(store: &Store, matrix_id: &str) -> Result<(MatrixId, Option<Agent>), RoleError> {
    let matrix_id = MatrixId::parse(matrix_id.trim()).map_err(|_| RoleError::MatrixId)?;
    let homeserver = store.find_homeserver(matrix_id.server_name()).await?;
    let homeserver = homeserver.ok_or(RoleError::Homeserver)?;
    if homeserver.guests {
        return Err(RoleError::Guest);
    }
    let agent = store.find_open_agent(&homeserver.name, matrix_id.as_str()).await?;
    Ok((matrix_id, agent))
}

/// Gives an account a role, or invites it until it signs in.
///
/// # Errors
/// [`RoleError`].
pub async fn invite(store: &Store, actor: Actor, matrix_id: &str, role: &Role, now: i64) -> Result<Invited, RoleError> {
    let (matrix_id, agent) = account(store, matrix_id).await?;
    if let Role::Manager { administration } = role {
        let found = store.find_administration(administration).await?;
        // That of a parent domain is another one.
        found
            .filter(|found| found.domain == *administration)
            .ok_or(RoleError::Administration)?;
    }
    let by = by(&actor);
    if let Some(agent) = agent {
        if store.find_roles(&agent.id).await?.contains(role) {
            return Err(RoleError::Given);
        }
        let object = (ObjectKind::Agent, agent.id.clone());
        audit::record(store, now, event(actor, Action::RoleGiven, object, role, None)).await?;
        store.insert_role(&agent.id, role, by.as_deref(), now).await?;
        return Ok(Invited::Given(agent.id));
    }
    let invitation = RoleInvitation {
        id: random_id()?,
        matrix_id: matrix_id.into(),
        role: role.clone(),
        invited_at: now,
        invited_by: by,
        expires_at: now + INVITED_FOR,
    };
    let object = (ObjectKind::Invitation, invitation.id.clone());
    let invited = Some(invitation.matrix_id.as_str());
    audit::record(store, now, event(actor, Action::RoleInvited, object, role, invited)).await?;
    store.upsert_role_invitation(&invitation).await?;
    Ok(Invited::Until(invitation.expires_at))
}

/// Takes a role from an agent. The last operator loses theirs from the command line only.
///
/// # Errors
/// [`RoleError`].
pub async fn remove(store: &Store, actor: Actor, agent_id: &str, role: &Role, now: i64) -> Result<(), RoleError> {
    if !store.find_roles(agent_id).await?.contains(role) {
        return Err(RoleError::NotGiven);
    }
    let last_too = actor == Actor::CommandLine;
    if *role == Role::Operator && !last_too && !store.is_other_operator(agent_id).await? {
        return Err(RoleError::LastOperator);
    }
    let object = (ObjectKind::Agent, agent_id.to_owned());
    audit::record(store, now, event(actor, Action::RoleRemoved, object, role, None)).await?;
    match store.delete_role(agent_id, role, last_too).await? {
        true => Ok(()),
        // Another operator was faster.
        false => Err(RoleError::LastOperator),
    }
}

/// Takes an invitation back; `false` when there is none of this id.
///
/// # Errors
/// When the database fails.
pub async fn withdraw(store: &Store, actor: Actor, id: &str, now: i64) -> Result<bool, StoreError> {
    // PostgreSQL takes no NUL in a text.
    let found = match id.contains('\0') {
        true => None,
        false => store.find_role_invitation(id, now).await?,
    };
    let Some(invitation) = found else { return Ok(false) };
    let object = (ObjectKind::Invitation, invitation.id.clone());
    let invited = Some(invitation.matrix_id.as_str());
    let action = Action::RoleInvitationWithdrawn;
    audit::record(store, now, event(actor, action, object, &invitation.role, invited)).await?;
    store.delete_role_invitation(id).await
}

/// The roles to which the account of an agent who signs in was invited become theirs.
///
/// # Errors
/// When the database fails.
pub async fn take_up(store: &Store, agent: &Agent, now: i64) -> Result<(), StoreError> {
    for invitation in store.list_role_invitations_of(&agent.matrix_id, now).await? {
        let actor = invitation.invited_by.clone().map_or(Actor::CommandLine, Actor::Agent);
        let object = (ObjectKind::Agent, agent.id.clone());
        audit::record(
            store,
            now,
            event(actor, Action::RoleGiven, object, &invitation.role, None),
        )
        .await?;
        store.consume_role_invitation(&invitation, &agent.id, now).await?;
    }
    Ok(())
}

fn by(actor: &Actor) -> Option<String> {
    match actor {
        Actor::Agent(id) => Some(id.clone()),
        _ => None,
    }
}

fn event(actor: Actor, action: Action, object: (ObjectKind, String), role: &Role, invited: Option<&str>) -> Event {
    let (name, administration) = role.parts();
    let mut detail = json!({"role": name});
    if !administration.is_empty() {
        detail["administration"] = administration.into();
    }
    if let Some(matrix_id) = invited {
        detail["matrix_id"] = matrix_id.into();
    }
    Event {
        actor,
        action,
        object,
        detail,
    }
}
