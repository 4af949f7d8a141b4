//! Asking for production, or for a change in production; and the answer.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::super::authors::Authors;
use super::super::caller::Caller;
use super::super::problem::Problem;
use super::super::read::{Asked, Body, Named, Precondition, etag};
use super::super::{Page, page, place};
use super::{Client, Opened, PER_PAGE, mark};
use crate::console::clients;
use crate::domain::api::ApiScope;
use crate::domain::client_change::{ChangeRequest, FieldChange, KeptClient, field_changes};
use crate::domain::role::Right;

/// What somebody asks an operator for.
#[derive(Serialize, ToSchema)]
pub struct Request {
    /// The client.
    client_id: String,
    /// Its name as it is now.
    name: String,
    /// In the words of who asks.
    reasons: String,
    /// The Matrix id of who asks.
    requested_by: String,
    /// Unix seconds.
    requested_at: i64,
    /// What would change; empty once it was answered.
    changes: Vec<FieldChange>,
    /// The client changed since: what was asked for cannot be granted any more.
    stale: bool,
    /// When it was answered, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    answered_at: Option<i64>,
    /// Why it was not granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
}

fn view(authors: &Authors, kept: &KeptClient, request: &ChangeRequest) -> Request {
    Request {
        client_id: request.client_id.clone(),
        name: kept.client.name.clone(),
        reasons: request.reasons.clone(),
        requested_by: authors.name(&request.requested_by),
        requested_at: request.requested_at,
        changes: match request.answered_at {
            None => field_changes(Some(&kept.client), &request.wanted),
            Some(_) => Vec::new(),
        },
        stale: request.base_version != kept.version,
        answered_at: request.answered_at,
        answer: request.answer.clone(),
    }
}

/// Stands for a request and the client that it is about, so that what is granted is what was read.
fn request_mark(kept: &KeptClient, request: &ChangeRequest) -> String {
    format!("{}-{}", mark(kept), request.requested_at)
}

/// Where a page begins.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct From {
    /// `next` of the page before.
    pub after: Option<String>,
}

/// The requests that wait for an operator, the oldest first.
#[utoipa::path(get, path = "/requests", tag = "requests", params(From), security(("oauth2" = ["clients:approve"])),
    responses((status = 200, description = "A page of the list", body = Page<Request>)))]
pub async fn waiting(caller: Caller, Asked(asked): Asked<From>) -> Result<Json<Page<Request>>, Problem> {
    caller.require(ApiScope::ClientsApprove, Right::ApproveClient)?;
    let after: Option<(i64, String)> = place(&caller, "requests", asked.after.as_deref())?;
    let after = after.as_ref().map(|(at, id)| (*at, id.as_str()));
    let store = &caller.app.store;
    let waiting = store.list_client_requests(after, PER_PAGE + 1).await?;
    let authors = Authors::of(store, waiting.iter().map(|(request, _)| request.requested_by.as_str())).await?;
    let found = waiting.into_iter().map(|(request, kept)| {
        let item = view(&authors, &kept, &request);
        ((request.requested_at, request.client_id), item)
    });
    page(&caller, "requests", found.collect(), PER_PAGE).map(Json)
}

/// The last request about a client, with the ETag by which it is granted.
#[utoipa::path(get, path = "/clients/{id}/request", tag = "requests",
    params(("id" = String, Path, description = "client_id")), security(("oauth2" = ["clients:read"])),
    responses((status = 200, description = "The request", body = Request,
        headers(("ETag" = String, description = "Its version, and that of the client")))))]
pub async fn show(caller: Caller, Named(id): Named<String>) -> Result<Response, Problem> {
    let opened = Opened::read(&caller, &id).await?;
    let request = caller.app.store.find_client_request(&id).await?;
    let request = request.ok_or_else(Problem::not_found)?;
    let authors = Authors::of(&caller.app.store, [request.requested_by.as_str()]).await?;
    let body = view(&authors, &opened.kept, &request);
    Ok((etag(&request_mark(&opened.kept, &request)), Json(body)).into_response())
}

/// Why somebody asks.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reasons {
    /// In a sentence, for the operator.
    reasons: String,
}

/// Asks an operator to open a sandbox to everybody.
#[utoipa::path(post, path = "/clients/{id}/request", tag = "requests", request_body = Reasons,
    params(("id" = String, Path, description = "client_id"),
        ("If-Match" = String, Header, description = "The ETag of the client")),
    security(("oauth2" = ["clients:write"])),
    responses((status = 200, description = "The client as it is now", body = Client,
        headers(("ETag" = String, description = "Its version")))))]
pub async fn ask(
    caller: Caller,
    Named(id): Named<String>,
    precondition: Precondition,
    Body(wanted): Body<Reasons>,
) -> Result<Response, Problem> {
    let opened = Opened::write(&caller, &id).await?;
    precondition.saw(&mark(&opened.kept))?;
    let reasons = wanted.reasons.trim();
    clients::request_production(&caller.app, &caller.author(), &opened.kept, reasons, caller.now).await?;
    Opened::answer(&caller, &id).await
}

/// Takes a request back.
#[utoipa::path(delete, path = "/clients/{id}/request", tag = "requests",
    params(("id" = String, Path, description = "client_id")), security(("oauth2" = ["clients:write"])),
    responses((status = 204, description = "It is withdrawn")))]
pub async fn withdraw(caller: Caller, Named(id): Named<String>) -> Result<StatusCode, Problem> {
    let opened = Opened::write(&caller, &id).await?;
    clients::withdraw_request(&caller.app, &caller.author(), &opened.kept, caller.now).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A request that waits, as the operator read it.
async fn open(caller: &Caller, id: &str, precondition: Precondition) -> Result<(Opened, ChangeRequest), Problem> {
    caller.require(ApiScope::ClientsApprove, Right::ApproveClient)?;
    let opened = Opened::load(caller, id).await?;
    let request = caller.app.store.find_client_request(id).await?;
    let request = request.filter(|request| request.answered_at.is_none());
    let request = request.ok_or_else(Problem::not_found)?;
    precondition.saw(&request_mark(&opened.kept, &request))?;
    Ok((opened, request))
}

/// Grants what was asked for.
#[utoipa::path(post, path = "/clients/{id}/request/approve", tag = "requests",
    params(("id" = String, Path, description = "client_id"),
        ("If-Match" = String, Header, description = "The ETag of the request")),
    security(("oauth2" = ["clients:approve"])),
    responses((status = 200, description = "The client as it is now", body = Client,
        headers(("ETag" = String, description = "Its version")))))]
pub async fn approve(
    caller: Caller,
    Named(id): Named<String>,
    precondition: Precondition,
) -> Result<Response, Problem> {
    let (opened, request) = open(&caller, &id, precondition).await?;
    clients::approve(&caller.app, &caller.author(), &opened.kept, &request, caller.now).await?;
    Opened::answer(&caller, &id).await
}

/// Why something is not granted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// In a sentence, for who asked.
    answer: String,
}

/// Answers otherwise: the client stays what it is, and its owner reads why.
#[utoipa::path(post, path = "/clients/{id}/request/answer", tag = "requests", request_body = Words,
    params(("id" = String, Path, description = "client_id"),
        ("If-Match" = String, Header, description = "The ETag of the request")),
    security(("oauth2" = ["clients:approve"])),
    responses((status = 200, description = "The client as it is now", body = Client,
        headers(("ETag" = String, description = "Its version")))))]
pub async fn answer(
    caller: Caller,
    Named(id): Named<String>,
    precondition: Precondition,
    Body(words): Body<Words>,
) -> Result<Response, Problem> {
    let (opened, request) = open(&caller, &id, precondition).await?;
    let (author, text) = (caller.author(), words.answer.trim());
    clients::answer(&caller.app, &author, &opened.kept, &request, text, caller.now).await?;
    Opened::answer(&caller, &id).await
}
