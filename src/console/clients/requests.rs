//! Asking for production, and the answer.

use serde_json::json;

use super::{Author, Refused, check_words, note_seen, revision};
use crate::app::App;
use crate::domain::audit::Action;
use crate::domain::client_change::{ChangeRequest, KeptClient};
use crate::protocol::client::{ApplicationType, Client};
use crate::protocol::client_metadata::FieldProblem;
use crate::protocol::standing::ClientStage;
use crate::web::logo;

/// What a client has to say before everybody may meet it.
pub fn lacks_for_production(client: &Client) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    let web = client.application_type == ApplicationType::Web;
    if web && client.redirect_uris.iter().any(|uri| !uri.starts_with("https://")) {
        let message = "addresses on this machine are for trying out: in production each one is https";
        problems.push(FieldProblem::new("redirect_uris", message));
    }
    if client.presentation.contacts.is_empty() {
        problems.push(FieldProblem::new(
            "contacts",
            "required: whom agents and we can write to",
        ));
    }
    if client.presentation.policy_uri.is_none() {
        let message = "required: what the service does with personal data";
        problems.push(FieldProblem::new("policy_uri", message));
    }
    problems
}

/// Asks an operator to open a sandbox to everybody.
///
/// # Errors
/// [`Refused`].
pub async fn request_production(
    app: &App,
    author: &Author,
    kept: &KeptClient,
    reasons: &str,
    now: i64,
) -> Result<(), Refused> {
    let client = &kept.client;
    if client.standing.stage != ClientStage::Sandbox {
        return Err(Refused::Waiting);
    }
    let mut problems = lacks_for_production(client);
    problems.extend(check_words("reasons", reasons));
    if !problems.is_empty() {
        return Err(Refused::Problems(problems));
    }
    let mut wanted = client.clone();
    wanted.standing.stage = ClientStage::Production;
    wanted.standing.testers.clear();
    let mut waiting = client.clone();
    waiting.standing.stage = ClientStage::Requested;
    let request = ChangeRequest {
        client_id: client.id.clone(),
        wanted,
        reasons: reasons.to_owned(),
        base_version: kept.version,
        requested_by: author.id().to_owned(),
        requested_at: now,
        answer: None,
        answered_at: None,
    };
    let revision = revision(author, Some(client.clone()), waiting, now)?;
    let act = (Action::ClientProductionRequested, json!({"stage": "production"}));
    note_seen(&app.store, author, kept, act, now).await?;
    match app.store.insert_client_request(&request, Some(&revision)).await? {
        true => Ok(()),
        false => Err(Refused::Stale),
    }
}

/// Does what was asked for. An operator grants what they saw: a client that changed since is looked at again.
///
/// # Errors
/// [`Refused`].
pub async fn approve(
    app: &App,
    author: &Author,
    kept: &KeptClient,
    request: &ChangeRequest,
    now: i64,
) -> Result<(), Refused> {
    if !author.approves {
        return Err(Refused::ForOperators);
    }
    if request.answered_at.is_some() {
        return Err(Refused::Missing);
    }
    if request.base_version != kept.version {
        return Err(Refused::Stale);
    }
    let revision = revision(author, Some(kept.client.clone()), request.wanted.clone(), now)?;
    let detail = json!({"requested_by": request.requested_by});
    note_seen(
        &app.store,
        author,
        kept,
        (Action::ClientProductionApproved, detail),
        now,
    )
    .await?;
    let change = Some((kept.version, &revision));
    if !app.store.answer_client_request(request, None, change, now).await? {
        return Err(Refused::Stale);
    }
    logo::fetch(&app.store, &app.fetcher, &request.wanted, now).await?;
    Ok(())
}

/// Answers otherwise: the client stays what it is, and its owner reads why.
///
/// # Errors
/// [`Refused`].
pub async fn answer(
    app: &App,
    author: &Author,
    kept: &KeptClient,
    request: &ChangeRequest,
    words: &str,
    now: i64,
) -> Result<(), Refused> {
    if !author.approves {
        return Err(Refused::ForOperators);
    }
    if let Some(problem) = check_words("answer", words) {
        return Err(Refused::Problems(vec![problem]));
    }
    let back = back_to_sandbox(author, kept, now)?;
    note_seen(
        &app.store,
        author,
        kept,
        (Action::ClientProductionAnswered, json!({})),
        now,
    )
    .await?;
    let change = back.as_ref().map(|revision| (kept.version, revision));
    match app
        .store
        .answer_client_request(request, Some(words), change, now)
        .await?
    {
        true => Ok(()),
        false => Err(Refused::Stale),
    }
}

/// Takes a request back.
///
/// # Errors
/// [`Refused`].
pub async fn withdraw_request(app: &App, author: &Author, kept: &KeptClient, now: i64) -> Result<(), Refused> {
    let request = app.store.find_client_request(&kept.client.id).await?;
    let waits = |request: &ChangeRequest| request.answered_at.is_none();
    let request = request.filter(waits).ok_or(Refused::Missing)?;
    let back = back_to_sandbox(author, kept, now)?;
    let act = (Action::ClientProductionAnswered, json!({"withdrawn": true}));
    note_seen(&app.store, author, kept, act, now).await?;
    let change = back.as_ref().map(|revision| (kept.version, revision));
    match app.store.answer_client_request(&request, None, change, now).await? {
        true => Ok(()),
        false => Err(Refused::Stale),
    }
}

fn back_to_sandbox(
    author: &Author,
    kept: &KeptClient,
    now: i64,
) -> Result<Option<crate::domain::client_change::Revision>, Refused> {
    if kept.client.standing.stage != ClientStage::Requested {
        return Ok(None);
    }
    let mut after = kept.client.clone();
    after.standing.stage = ClientStage::Sandbox;
    Ok(Some(revision(author, Some(kept.client.clone()), after, now)?))
}
