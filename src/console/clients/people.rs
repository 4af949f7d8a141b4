//! Who looks after a client, and who may try it out.

use std::collections::BTreeSet;

use serde_json::json;

use super::{Author, Refused, note, write};
use crate::app::App;
use crate::domain::agent::Agent;
use crate::domain::audit::Action;
use crate::domain::client_change::{Invitation, KeptClient};
use crate::domain::identifier::MatrixId;
use crate::protocol::client_metadata::FieldProblem;
use crate::protocol::standing::MAX_TESTERS;

/// How long an invitation lives, in seconds.
const LIFETIME: i64 = 24 * 3600;
/// How many look after one client, invitations included.
const MAX_OWNERS: usize = 20;

/// Invites the account of a Matrix id to look after a client too, for a day.
///
/// # Errors
/// [`Refused`].
pub async fn invite(app: &App, author: &Author, client_id: &str, matrix_id: &str, now: i64) -> Result<(), Refused> {
    let matrix_id = MatrixId::parse(matrix_id.trim()).map_err(|_| invalid("matrix_id"))?;
    let owners = app.store.list_client_owners(client_id).await?;
    if owners.iter().any(|owner| owner.1 == matrix_id.as_str()) {
        return Err(Refused::problem("matrix_id", "looks after it already"));
    }
    let invited = app.store.list_client_invitations(client_id, now).await?;
    if owners.len() + invited.len() >= MAX_OWNERS {
        return Err(Refused::Full);
    }
    note(
        &app.store,
        author,
        Action::ClientInvited,
        client_id,
        json!({"matrix_id": matrix_id.as_str()}),
        now,
    )
    .await?;
    let invitation = Invitation {
        client_id: client_id.to_owned(),
        matrix_id: matrix_id.as_str().to_owned(),
        expires_at: now + LIFETIME,
    };
    app.store.upsert_client_invitation(&invitation, author.id()).await?;
    Ok(())
}

fn invalid(field: &str) -> Refused {
    Refused::problem(
        field,
        "expected a Matrix id, for example @jean.dupont-beta.gouv.fr:agent.dinum.tchap.gouv.fr",
    )
}

/// Takes an invitation back.
///
/// # Errors
/// [`Refused`].
pub async fn uninvite(app: &App, author: &Author, client_id: &str, matrix_id: &str, now: i64) -> Result<(), Refused> {
    note(
        &app.store,
        author,
        Action::ClientUninvited,
        client_id,
        json!({"matrix_id": matrix_id}),
        now,
    )
    .await?;
    match app.store.delete_client_invitation(client_id, matrix_id).await? {
        true => Ok(()),
        false => Err(Refused::Missing),
    }
}

/// Takes an invitation up: from now on `agent`, whose account it names, looks after the client.
///
/// # Errors
/// [`Refused`].
pub async fn accept(app: &App, author: &Author, client_id: &str, agent: &Agent, now: i64) -> Result<(), Refused> {
    let invited = app.store.list_invitations_of(&agent.matrix_id, now).await?;
    if !invited.iter().any(|invitation| invitation.client_id == client_id) {
        return Err(Refused::Missing);
    }
    note(
        &app.store,
        author,
        Action::ClientInvitationAccepted,
        client_id,
        json!({}),
        now,
    )
    .await?;
    let taken = app
        .store
        .consume_client_invitation(client_id, &agent.matrix_id, &agent.id, now)
        .await?;
    match taken {
        true => Ok(()),
        false => Err(Refused::Missing),
    }
}

/// Takes a client out of somebody's hands, but not out of the last ones.
///
/// # Errors
/// [`Refused`].
pub async fn remove_owner(
    app: &App,
    author: &Author,
    client_id: &str,
    agent_id: &str,
    now: i64,
) -> Result<(), Refused> {
    note(
        &app.store,
        author,
        Action::ClientUninvited,
        client_id,
        json!({"agent": agent_id}),
        now,
    )
    .await?;
    match app.store.delete_client_owner(client_id, agent_id).await? {
        true => Ok(()),
        false => Err(Refused::Missing),
    }
}

/// Says who may try a client out, by Matrix ids.
///
/// # Errors
/// [`Refused`].
pub async fn set_testers(
    app: &App,
    author: &Author,
    kept: &KeptClient,
    matrix_ids: &[&str],
    now: i64,
) -> Result<(), Refused> {
    let mut testers = BTreeSet::new();
    let mut problems = Vec::new();
    for text in matrix_ids {
        match MatrixId::parse(text) {
            Ok(id) => {
                testers.insert(id.as_str().to_owned());
            }
            Err(_) => problems.push(FieldProblem::new("testers", format!("{text:?} is no Matrix id"))),
        }
    }
    if testers.len() > MAX_TESTERS {
        problems.push(FieldProblem::new("testers", "at most 20"));
    }
    if !problems.is_empty() {
        return Err(Refused::Problems(problems));
    }
    let mut after = kept.client.clone();
    after.standing.testers = testers;
    if after == kept.client {
        return Ok(());
    }
    let detail = json!({"testers": after.standing.testers.len()});
    write(
        &app.store,
        author,
        kept,
        after,
        (Action::ClientInvited, detail),
        false,
        now,
    )
    .await
}
