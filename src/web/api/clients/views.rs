//! How a client came to be what it is, and how it fares.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::super::authors::Authors;
use super::super::super::console::services::health as fares;
use super::super::caller::Caller;
use super::super::problem::Problem;
use super::super::read::{Asked, Named};
use super::super::{Page, page, place};
use super::requests::From;
use super::{Opened, PER_PAGE};
use crate::domain::audit::day_name;
use crate::domain::client_change::{FieldChange, field_changes};

/// A change of a client.
#[derive(Serialize, ToSchema)]
pub struct Revision {
    /// Unix seconds.
    at: i64,
    /// The Matrix id of who did it.
    by: String,
    /// It was made then.
    first: bool,
    /// What changed.
    changes: Vec<FieldChange>,
}

/// The changes of a client, the newest first.
#[utoipa::path(get, path = "/clients/{id}/history", tag = "clients",
    params(("id" = String, Path, description = "client_id"), From), security(("oauth2" = ["clients:read"])),
    responses((status = 200, description = "A page of the list", body = Page<Revision>)))]
pub async fn history(
    caller: Caller,
    Named(id): Named<String>,
    Asked(asked): Asked<From>,
) -> Result<Json<Page<Revision>>, Problem> {
    Opened::read(&caller, &id).await?;
    let list = format!("history\n{id}");
    let before: Option<(i64, String)> = place(&caller, &list, asked.after.as_deref())?;
    let before = before.as_ref().map(|(at, id)| (*at, id.as_str()));
    let store = &caller.app.store;
    let revisions = store.list_client_revisions(&id, before, PER_PAGE + 1).await?;
    let authors = Authors::of(store, revisions.iter().map(|revision| revision.author.as_str())).await?;
    let found = revisions.into_iter().map(|revision| {
        let item = Revision {
            at: revision.at,
            by: authors.name(&revision.author),
            first: revision.before.is_none(),
            changes: field_changes(revision.before.as_ref(), &revision.after),
        };
        ((revision.at, revision.id), item)
    });
    page(&caller, &list, found.collect(), PER_PAGE).map(Json)
}

/// How a client fares.
#[derive(Serialize, ToSchema)]
pub struct Health {
    /// When it last got a code, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used: Option<i64>,
    /// Sign-ins on the last days on which there were some.
    sign_ins: Vec<DayCount>,
    /// Errors of the last days by code.
    errors: Vec<ErrorCount>,
    /// Redirect URIs that no code was ever given to.
    unused_redirect_uris: Vec<String>,
    /// Logout tokens that were not taken.
    failed_logouts: Vec<FailedLogout>,
    /// When its last secret ends, if that is soon; Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    secrets_end: Option<i64>,
}

/// So many on a day.
#[derive(Serialize, ToSchema)]
pub struct DayCount {
    /// `2026-11-24`, UTC.
    day: String,
    /// None where they are so few that they could be somebody.
    count: Option<u64>,
}

/// So many errors of a code on a day.
#[derive(Serialize, ToSchema)]
pub struct ErrorCount {
    /// `2026-11-24`, UTC.
    day: String,
    /// The OAuth error.
    code: String,
    /// How often.
    count: u64,
}

/// A logout token that was not taken.
#[derive(Serialize, ToSchema)]
pub struct FailedLogout {
    /// Unix seconds.
    at: i64,
    /// How often it was tried.
    attempts: u32,
    /// The last error.
    error: String,
    /// Nobody tries again.
    given_up: bool,
}

/// How a client fares: sign-ins, errors, unused addresses, failed logouts.
#[utoipa::path(get, path = "/clients/{id}/health", tag = "clients",
    params(("id" = String, Path, description = "client_id")), security(("oauth2" = ["clients:read"])),
    responses((status = 200, description = "How it fares", body = Health)))]
pub async fn health(caller: Caller, Named(id): Named<String>) -> Result<Json<Health>, Problem> {
    let opened = Opened::read(&caller, &id).await?;
    let secrets = caller.app.store.list_client_secrets(&id, caller.now).await?;
    let found = fares::load(&caller.app, &opened.kept.client, &secrets, caller.now).await?;
    let sign_ins = found.sign_ins.into_iter().map(|(day, count)| DayCount {
        day: day_name(day),
        count,
    });
    let errors = found.errors.into_iter().map(|(day, code, count)| ErrorCount {
        day: day_name(day),
        code,
        count,
    });
    let failed = found.deliveries.into_iter().map(|delivery| FailedLogout {
        at: delivery.at,
        attempts: delivery.attempts,
        error: delivery.error,
        given_up: delivery.given_up,
    });
    Ok(Json(Health {
        last_used: found.last_used,
        sign_ins: sign_ins.collect(),
        errors: errors.collect(),
        unused_redirect_uris: found.unused,
        failed_logouts: failed.collect(),
        secrets_end: found.secrets_end,
    }))
}
