//! The second factor: enrolled with a one-time code of the command line, given with each session, reset from the command line.

use serde_json::Value;
use totp_rs::TotpError;

use crate::audit;
use crate::domain::agent::Agent;
use crate::domain::audit::{Action, Actor, Event, ObjectKind};
use crate::domain::identifier::MatrixId;
use crate::domain::second_factor::{Authenticator, INVITED_FOR, SECRET_BYTES, bucket, enrolment_code, limit};
use crate::keys::Keys;
use crate::secret::{SecretError, fingerprint, random_bytes, random_client_id};
use crate::store::{Store, StoreError, StoredFactor};

/// What kept a second factor from being used. Nothing of it is the agent's fault.
#[derive(Debug, thiserror::Error)]
pub enum FactorError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no randomness, or the secret does not open.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The secret is none.
    #[error("a stored second factor is not usable: {0}")]
    Totp(#[from] TotpError),
}

/// Whether a code was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It was.
    Taken,
    /// It is not the one, or was used.
    Wrong,
    /// Too many were wrong: none is looked at for so many seconds.
    Wait(i64),
}

/// A one-time code with which an account enrols its second factor within a day; a former one counts no more.
///
/// # Errors
/// When the database fails.
pub async fn offer(
    store: &Store,
    actor: Actor,
    (matrix_id, agent): (&MatrixId, Option<&Agent>),
    now: i64,
) -> Result<String, FactorError> {
    let code = random_client_id()?;
    let agent_id = agent.map(|agent| agent.id.as_str());
    let object = match agent_id {
        Some(id) => (ObjectKind::Agent, id.to_owned()),
        None => (ObjectKind::Invitation, matrix_id.to_string()),
    };
    record(store, now, actor, Action::SecondFactorOffered, object, Value::Null).await?;
    store
        .upsert_factor_enrolment(matrix_id.as_str(), agent_id, &fingerprint(&code), now + INVITED_FOR)
        .await?;
    Ok(code)
}

/// Begins the enrolment in a browser session with the one-time code.
///
/// # Errors
/// When the database fails or there is no randomness.
pub async fn begin(
    store: &Store,
    keys: &Keys,
    agent: &Agent,
    session_id: &str,
    typed: &str,
    now: i64,
) -> Result<Answer, FactorError> {
    if let Err(wait) = take(store, agent, now).await? {
        return Ok(Answer::Wait(wait));
    }
    let code = fingerprint(&enrolment_code(typed));
    let sealed = keys.seal(&place(&agent.id), &random_bytes::<SECRET_BYTES>()?)?;
    let account = (agent.id.as_str(), agent.matrix_id.as_str());
    match store
        .begin_second_factor(account, &code, session_id, &sealed, now)
        .await?
    {
        true => store.give_back(&bucket(&agent.id), limit()).await?,
        false => return failed(store, agent, now).await,
    }
    Ok(Answer::Taken)
}

/// The application's side of a stored second factor.
///
/// # Errors
/// When the secret does not open.
pub fn authenticator(
    keys: &Keys,
    agent: &Agent,
    stored: &StoredFactor,
    service: &str,
) -> Result<Authenticator, FactorError> {
    let secret = keys.unseal(&place(&agent.id), &stored.sealed_secret)?;
    Ok(Authenticator::new(secret, service, &agent.matrix_id)?)
}

/// Takes the code that an application shows: the browser session has given its second factor then, and one that was being
/// enrolled stands. A code counts once.
///
/// # Errors
/// When the database fails or the secret does not open.
pub async fn give(
    store: &Store,
    keys: &Keys,
    agent: &Agent,
    session_id: &str,
    code: &str,
    now: i64,
) -> Result<Answer, FactorError> {
    let Some(stored) = store.find_stored_factor(&agent.id).await? else {
        return Ok(Answer::Wrong);
    };
    if let Err(wait) = take(store, agent, now).await? {
        return Ok(Answer::Wait(wait));
    }
    let Some(step) = authenticator(keys, agent, &stored, "")?.step(code, now) else {
        return failed(store, agent, now).await;
    };
    if stored.confirmed_at.is_none() {
        let (actor, object) = (Actor::Agent(agent.id.clone()), (ObjectKind::Agent, agent.id.clone()));
        record(store, now, actor, Action::SecondFactorEnrolled, object, Value::Null).await?;
    }
    let sealed = &stored.sealed_secret;
    if !store
        .consume_factor_step(&agent.id, sealed, session_id, step, now)
        .await?
    {
        return failed(store, agent, now).await;
    }
    store.give_back(&bucket(&agent.id), limit()).await?;
    Ok(Answer::Taken)
}

/// Forgets the second factor of an agent who lost it, and that any session gave it; `false` when there was none.
///
/// # Errors
/// When the database fails.
pub async fn reset(store: &Store, actor: Actor, agent_id: &str, now: i64) -> Result<bool, FactorError> {
    let object = (ObjectKind::Agent, agent_id.to_owned());
    record(store, now, actor, Action::SecondFactorReset, object, Value::Null).await?;
    Ok(store.delete_second_factor(agent_id).await?)
}

/// Ties a sealed secret to its row.
fn place(agent_id: &str) -> String {
    format!("second_factors/{agent_id}")
}

/// Takes one of the tries; `Err`: how long there is none, in seconds.
async fn take(store: &Store, agent: &Agent, now: i64) -> Result<Result<(), i64>, StoreError> {
    let taken = store.take(&bucket(&agent.id), limit(), now).await?;
    let Err(full_until) = taken else { return Ok(Ok(())) };
    let event = security(agent, Action::SecondFactorThrottled);
    audit::record_once(store, now, event, limit().interval).await?;
    Ok(Err(limit().wait(full_until, now)))
}

async fn failed(store: &Store, agent: &Agent, now: i64) -> Result<Answer, FactorError> {
    audit::record(store, now, security(agent, Action::SecondFactorFailed)).await?;
    Ok(Answer::Wrong)
}

fn security(agent: &Agent, action: Action) -> Event {
    Event {
        actor: Actor::Agent(agent.id.clone()),
        action,
        object: (ObjectKind::Agent, agent.id.clone()),
        detail: Value::Null,
    }
}

async fn record(
    store: &Store,
    now: i64,
    actor: Actor,
    action: Action,
    object: (ObjectKind, String),
    detail: Value,
) -> Result<(), StoreError> {
    let event = Event {
        actor,
        action,
        object,
        detail,
    };
    audit::record(store, now, event).await
}
