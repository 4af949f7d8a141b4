//! Sessions and tokens of agents, for operators and support: found by an exact identifier, seen, and ended one by one, or all
//! of a client, an administration or a homeserver.

use serde_json::{Value, json};

use crate::audit;
use crate::domain::agent::Agent;
use crate::domain::audit::{Action, Actor, Event, ObjectKind};
use crate::domain::ending::{Target, Toll};
use crate::domain::identifier::{MatrixId, normalise_email};
use crate::store::{Store, StoreError};

/// The agents of an exact identifier: a Matrix id, an e-mail address, or a `sub` as a client knows it.
///
/// # Errors
/// When the database fails.
pub async fn find(store: &Store, identifier: &str) -> Result<Vec<Agent>, StoreError> {
    let identifier = identifier.trim();
    if let Ok(matrix_id) = MatrixId::parse(identifier) {
        let agent = store
            .find_open_agent(matrix_id.server_name(), matrix_id.as_str())
            .await?;
        return Ok(agent.into_iter().collect());
    }
    let mut ids = Vec::new();
    if let Some(address) = normalise_email(identifier) {
        ids = store.find_agents_by_email(&address).await?;
    } else if is_subject(identifier) {
        ids.extend(store.find_agent_by_subject(identifier).await?);
        // Public clients know agents by our own id.
        ids.push(identifier.to_owned());
    }
    let mut agents = Vec::new();
    for id in ids {
        agents.extend(store.find_agent(&id).await?);
    }
    Ok(agents)
}

fn is_subject(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !text.is_empty() && text.len() <= 64 && text.bytes().all(fits)
}

/// Ends all sessions and tokens of an agent. Whoever calls wakes the delivery of logout tokens.
///
/// # Errors
/// When the database fails.
pub async fn end_agent(store: &Store, actor: Actor, agent_id: &str, now: i64) -> Result<Toll, StoreError> {
    record(
        store,
        actor,
        Action::AgentSessionsEnded,
        (ObjectKind::Agent, agent_id),
        json!({"of": "all"}),
        now,
    )
    .await?;
    store.end_agent(agent_id, now).await
}

/// Ends one browser session of an agent, as a logout would. Whoever calls wakes the delivery of logout tokens.
///
/// # Errors
/// When the database fails.
pub async fn end_session(
    store: &Store,
    actor: Actor,
    (agent_id, session_id): (&str, &str),
    now: i64,
) -> Result<(), StoreError> {
    let detail = json!({"of": "one session"});
    record(
        store,
        actor,
        Action::AgentSessionsEnded,
        (ObjectKind::Agent, agent_id),
        detail,
        now,
    )
    .await?;
    store.end_browser_session(session_id, now).await?;
    Ok(())
}

/// Takes from a client all that an agent gave it. Whoever calls wakes the delivery of logout tokens.
///
/// # Errors
/// When the database fails.
pub async fn end_client_of_agent(
    store: &Store,
    actor: Actor,
    (agent_id, client_id): (&str, &str),
    now: i64,
) -> Result<(), StoreError> {
    let detail = json!({"client_id": client_id});
    record(
        store,
        actor,
        Action::AgentSessionsEnded,
        (ObjectKind::Agent, agent_id),
        detail,
        now,
    )
    .await?;
    store.withdraw(agent_id, client_id, now).await
}

/// Ends everything of a target, agent by agent: what is begun goes on where it stopped when it is asked for again. Whoever
/// calls wakes the delivery of logout tokens.
///
/// # Errors
/// When the database fails.
pub async fn end_everything(store: &Store, actor: Actor, target: &Target, now: i64) -> Result<Toll, StoreError> {
    let (action, kind) = match target {
        Target::Client(_) => (Action::ClientGrantsRevoked, ObjectKind::Client),
        Target::Administration(_) => (Action::AdministrationSessionsEnded, ObjectKind::Administration),
        Target::Homeserver(_) => (Action::HomeserverSessionsEnded, ObjectKind::Homeserver),
    };
    let counted = store.count_living(target, now).await?;
    let detail = json!({"sessions": counted.sessions, "authorizations": counted.authorizations});
    record(store, actor, action, (kind, target.parts().1), detail, now).await?;
    let mut toll = Toll::default();
    loop {
        let agents = store.list_living_agents(target, now).await?;
        if agents.is_empty() {
            break;
        }
        for agent_id in agents {
            match target {
                Target::Client(client_id) => store.withdraw(&agent_id, client_id, now).await?,
                _ => toll += store.end_agent(&agent_id, now).await?,
            }
        }
    }
    if let Target::Client(client_id) = target {
        store.revoke_client_authorizations(client_id, now).await?;
        toll = counted;
    }
    Ok(toll)
}

async fn record(
    store: &Store,
    actor: Actor,
    action: Action,
    (kind, id): (ObjectKind, &str),
    detail: Value,
    now: i64,
) -> Result<(), StoreError> {
    let event = Event {
        actor,
        action,
        object: (kind, id.to_owned()),
        detail,
    };
    audit::record(store, now, event).await
}
