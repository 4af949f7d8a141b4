//! Clients as people manage them: partners try out, ask and look after; operators decide. Each act is recorded before it is
//! done, and kept with what was before.

mod edit;
mod given;
mod people;
mod preview;
mod requests;
mod secrets;

use serde_json::{Value, json};

use crate::app::App;
use crate::audit;
use crate::domain::agent::Agent;
use crate::domain::audit::{Action, Actor, Event, ObjectKind};
use crate::domain::claims::SCOPES;
use crate::domain::client_change::{KeptClient, Purpose, Revision};
use crate::domain::identifier::email_domain;
use crate::protocol::client::{Client, ClientSecret, ConsentPolicy};
use crate::protocol::client_metadata::{ClientMetadata, FieldProblem};
use crate::protocol::jwk::PublicKeys;
use crate::protocol::standing::{ClientStage, Standing};
use crate::secret::{self, SecretError, random_client_id, random_id};
use crate::store::{NewClient, Store, StoreError};

pub use edit::{Saved, edit, metadata_of, needs_approval};
pub use given::{put, put_secret, register};
pub use people::{accept, invite, remove_owner, set_testers, uninvite};
pub use preview::{Refusals, would_refuse};
pub use requests::{answer, approve, lacks_for_production, request_production, withdraw_request};
pub use secrets::{MAX_SECRETS, add_secret, retire_secret, rotate_secret};

/// How many clients that are not in production one agent may look after.
pub const MAX_SANDBOXES: i64 = 10;
/// The longest text of a partner's or an operator's own, in characters.
pub const MAX_WORDS: usize = 2000;

/// Who acts.
#[derive(Debug, Clone)]
pub struct Author {
    /// For the audit log.
    pub actor: Actor,
    /// Whether their word is enough where partners have to ask: an operator's.
    pub approves: bool,
}

impl Author {
    /// Whoever may use the command line is an operator.
    pub const COMMAND_LINE: Self = Self {
        actor: Actor::CommandLine,
        approves: true,
    };

    /// What revisions and requests name.
    fn id(&self) -> &str {
        match self.actor.id() {
            "" => self.actor.kind(),
            id => id,
        }
    }
}

/// Why an act was not done.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// What was written cannot be taken.
    #[error("what was written cannot be taken")]
    Problems(Vec<FieldProblem>),
    /// Somebody else changed the client meanwhile.
    #[error("the client was changed meanwhile")]
    Stale,
    /// There are as many as there may be.
    #[error("there are as many as there may be")]
    Full,
    /// A request waits already.
    #[error("a request waits already")]
    Waiting,
    /// This is for an operator to do.
    #[error("this is for an operator to do")]
    ForOperators,
    /// The thing is not there (any more).
    #[error("there is nothing of that kind")]
    Missing,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No randomness.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl Refused {
    /// One thing wrong with one field.
    pub fn problem(field: &str, message: &str) -> Self {
        Self::Problems(vec![FieldProblem::new(field, message)])
    }
}

/// A new client and its secret, to be shown once.
#[derive(Debug)]
pub struct Made {
    /// As it is stored.
    pub client: Client,
    /// `None` for public clients and those that sign with a key.
    pub secret: Option<String>,
}

/// Makes a client that signs in its maker, and whom they invite (at `now`, Unix seconds). Its subjects are its own: it never
/// learns those of the host that it names.
///
/// # Errors
/// [`Refused`].
pub async fn create(
    app: &App,
    author: &Author,
    maker: &Agent,
    wanted: ClientMetadata,
    purpose: Purpose,
    now: i64,
) -> Result<Made, Refused> {
    let id = random_client_id()?;
    let mut wanted = wanted;
    // What only operators say, whichever way it was written.
    if !author.approves {
        wanted.consent = ConsentPolicy::default();
    }
    let mut problems = check_purpose(&purpose, &wanted.scopes);
    let checked = ClientMetadata {
        client_id: id.clone(),
        sector: Some(id),
        ..wanted
    }
    .validate(SCOPES);
    let client = match checked {
        Ok(client) if problems.is_empty() => client,
        Ok(_) => return Err(Refused::Problems(problems)),
        Err(more) => {
            problems.extend(more);
            return Err(Refused::Problems(problems));
        }
    };
    // Counted again when it is written: here so that nothing is fetched or recorded for one too many.
    if app.store.count_sandboxes(author.id()).await? >= MAX_SANDBOXES {
        return Err(Refused::Full);
    }
    check_remote(app, &client, None).await?;
    let mut client = client;
    client.standing = Standing {
        stage: ClientStage::Sandbox,
        testers: [maker.matrix_id.clone()].into(),
        administration: administration(app, maker).await?,
        locked: false,
    };
    let revision = revision(author, None, client.clone(), now)?;
    let new_secret = client.has_secret().then(|| new_secret(now, None)).transpose()?;
    note(
        &app.store,
        author,
        Action::ClientCreated,
        &client.id,
        json!({"stage": "sandbox"}),
        now,
    )
    .await?;
    let record = new_secret.as_ref().map(|(_, record)| record);
    match app
        .store
        .insert_client(&revision, &purpose, record, MAX_SANDBOXES)
        .await?
    {
        NewClient::Made => Ok(Made {
            client,
            secret: new_secret.map(|(secret, _)| secret),
        }),
        NewClient::Full => Err(Refused::Full),
    }
}

fn check_purpose(purpose: &Purpose, wanted: &[String]) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    problems.extend(check_words("purpose", &purpose.purpose));
    for scope in wanted.iter().filter(|scope| *scope != "openid") {
        let reason = purpose.scopes.get(scope).map_or("", String::as_str);
        problems.extend(check_words(&format!("why.{scope}"), reason));
    }
    problems
}

/// Checks a text of somebody's own: there, not endless, nothing invisible but line ends.
fn check_words(field: &str, words: &str) -> Option<FieldProblem> {
    let hostile = |c: char| c != '\n' && crate::protocol::text::is_hostile(c);
    let message = match words {
        words if words.trim().is_empty() => "required: say it in a sentence",
        words if words.chars().count() > MAX_WORDS => "too long: at most 2000 characters",
        words if words.chars().any(hostile) => "contains control or invisible characters",
        _ => return None,
    };
    Some(FieldProblem::new(field, message))
}

/// What only a look at the client's own server tells: its key set, when it is another than before.
async fn check_remote(app: &App, client: &Client, known: Option<&Client>) -> Result<(), Refused> {
    let uri = client.keys.jwks_uri.as_deref();
    let Some(uri) = uri.filter(|uri| known.and_then(|known| known.keys.jwks_uri.as_deref()) != Some(*uri)) else {
        return Ok(());
    };
    let fetched = match app.fetcher.key_set(uri).await {
        Ok(body) => body,
        Err(error) => return Err(Refused::problem("jwks_uri", &error.to_string())),
    };
    match PublicKeys::from_slice(&fetched) {
        Ok(_) => Ok(()),
        Err(error) => Err(Refused::problem("jwks_uri", &error.to_string())),
    }
}

/// The administration of an agent, by the e-mail address that counts.
async fn administration(app: &App, agent: &Agent) -> Result<Option<String>, StoreError> {
    let domain = agent.email.as_ref().and_then(|email| email_domain(&email.address));
    let Some(domain) = domain else { return Ok(None) };
    Ok(app.store.find_administration(domain).await?.map(|row| row.domain))
}

/// Treats a client as unknown from now on, or no longer. What an operator disabled, only operators enable.
///
/// # Errors
/// [`Refused`].
pub async fn set_disabled(
    store: &Store,
    author: &Author,
    kept: &KeptClient,
    disabled: bool,
    now: i64,
) -> Result<(), Refused> {
    if !disabled && kept.client.standing.locked && !author.approves {
        return Err(Refused::ForOperators);
    }
    let mut after = kept.client.clone();
    after.disabled = disabled;
    after.standing.locked = disabled && (author.approves || after.standing.locked);
    if after == kept.client {
        return Ok(());
    }
    let action = match disabled {
        true => Action::ClientDisabled,
        false => Action::ClientEnabled,
    };
    write(store, author, kept, after, (action, json!({})), false, now).await
}

/// Deletes a client whose name was typed, in the version that was seen: all that it was given ends, and it is told.
///
/// # Errors
/// [`Refused`].
pub async fn delete(app: &App, author: &Author, kept: &KeptClient, typed: &str, now: i64) -> Result<(), Refused> {
    let client = &kept.client;
    if client.standing.locked && !author.approves {
        return Err(Refused::ForOperators);
    }
    if typed != client.name {
        return Err(Refused::problem("name", "is not the name of the client"));
    }
    let act = (Action::ClientDeleted, json!({"name": client.name}));
    note_seen(&app.store, author, kept, act, now).await?;
    if !app.store.delete_client(&client.id, Some(kept.version), now).await? {
        return Err(Refused::Stale);
    }
    app.logout_queued.notify_one();
    Ok(())
}

/// Records that somebody tries a sign-in as a client; nothing else is done here.
///
/// # Errors
/// When the database fails.
pub async fn note_trial(app: &App, author: &Author, client_id: &str, now: i64) -> Result<(), StoreError> {
    note(&app.store, author, Action::ClientTried, client_id, json!({}), now).await
}

/// Records a change and writes it on top of the version that was seen.
async fn write(
    store: &Store,
    author: &Author,
    kept: &KeptClient,
    after: Client,
    act: (Action, Value),
    withdraws: bool,
    now: i64,
) -> Result<(), Refused> {
    let revision = revision(author, Some(kept.client.clone()), after, now)?;
    note_seen(store, author, kept, act, now).await?;
    match store.update_client(kept.version, &revision, withdraws).await? {
        true => Ok(()),
        false => Err(Refused::Stale),
    }
}

fn revision(author: &Author, before: Option<Client>, after: Client, now: i64) -> Result<Revision, SecretError> {
    Ok(Revision {
        id: random_id()?,
        client_id: after.id.clone(),
        author: author.id().to_owned(),
        at: now,
        before,
        after,
    })
}

/// Records what is about to be done to a client as it was seen. Where it is another by now nothing will be done, so nothing is
/// recorded; the write looks again.
async fn note_seen(
    store: &Store,
    author: &Author,
    kept: &KeptClient,
    (action, detail): (Action, Value),
    now: i64,
) -> Result<(), Refused> {
    let stored = store.find_kept_client(&kept.client.id).await?;
    if stored.is_none_or(|stored| stored.version != kept.version) {
        return Err(Refused::Stale);
    }
    Ok(note(store, author, action, &kept.client.id, detail, now).await?)
}

async fn note(
    store: &Store,
    author: &Author,
    action: Action,
    client_id: &str,
    detail: Value,
    now: i64,
) -> Result<(), StoreError> {
    let event = Event::new(author.actor.clone(), action, (ObjectKind::Client, client_id), detail);
    audit::record(store, now, event).await
}

pub(super) fn new_secret(now: i64, expires_at: Option<i64>) -> Result<(String, ClientSecret), SecretError> {
    let value = secret::random_token()?;
    let record = ClientSecret {
        id: random_id()?,
        fingerprint: secret::fingerprint(&value),
        created_at: now,
        expires_at,
    };
    Ok((value, record))
}
