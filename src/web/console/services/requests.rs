//! What partners ask operators for: the queue, the asking and the answers.

use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Response};

use super::super::super::authors::Authors;
use super::super::super::cursor;
use super::super::super::error::AuthorizeError;
use super::super::super::form::PageForm;
use super::super::super::pages::console::services::{Done, QueueEntry, QueuePage, RequestView, SERVICES};
use super::super::Member;
use super::show::{Feedback, service_page};
use super::{HOME, Opened, QUEUE, author, explain};
use crate::console::clients::{self, Refused};
use crate::domain::client_change::{ChangeRequest, KeptClient, field_changes};
use crate::domain::role::Right;
use crate::protocol::params::Params;

const PER_PAGE: u32 = 50;

/// `GET /console/services/demandes`
pub async fn queue(member: Member) -> Result<Response, AuthorizeError> {
    member.require(Right::ApproveClient)?;
    let query = member.query()?;
    let after: Option<(i64, String)> = cursor::named(&member.app, QUEUE, query.get("apres"))?;
    let after = after.as_ref().map(|(at, id)| (*at, id.as_str()));
    let store = &member.app.store;
    let mut found = store.list_client_requests(after, PER_PAGE + 1).await?;
    let place = |(last, _): &(ChangeRequest, KeptClient)| (last.requested_at, last.client_id.clone());
    let next = cursor::cut(&member.app, QUEUE, &mut found, PER_PAGE, place)?;
    let authors = Authors::of(store, found.iter().map(|(request, _)| request.requested_by.as_str())).await?;
    let entries = found.iter().map(|(request, kept)| QueueEntry {
        name: kept.client.name.clone(),
        url: format!("{HOME}/{}", request.client_id),
        request: view(&authors, kept, request),
    });
    let page = QueuePage {
        layout: member.layout(&SERVICES),
        done: query.get("fait").and_then(Done::parse),
        entries: entries.collect(),
        next_url: next.map(|place| format!("{QUEUE}?apres={place}")),
        first_url: after.map(|_| QUEUE.to_owned()),
    };
    Ok(Html(page.render()?).into_response())
}

/// A request as pages show it.
pub fn view(authors: &Authors, kept: &KeptClient, request: &ChangeRequest) -> RequestView {
    RequestView {
        by: authors.name(&request.requested_by),
        at: request.requested_at,
        reasons: request.reasons.clone(),
        changes: match request.answered_at {
            None => field_changes(Some(&kept.client), &request.wanted),
            Some(_) => Vec::new(),
        },
        answered: request.answered_at.map(|_| request.answer.clone()),
        is_stale: request.base_version != kept.version,
    }
}

/// `POST /console/services/{id}/demande`
pub async fn ask(member: Member, Path(id): Path<String>, PageForm(form): PageForm) -> Result<Response, AuthorizeError> {
    let opened = Opened::to_change(&member, &id, &form).await?;
    let reasons = words(&form, "reasons");
    let seen = opened.as_seen(&form);
    let outcome = clients::request_production(&member.app, &author(&member), &seen, &reasons, member.now).await;
    answered(&member, opened, outcome, Done::Requested, &form).await
}

/// `POST /console/services/{id}/demande/approuver`: what was shown is what is granted.
pub async fn approve(
    member: Member,
    Path(id): Path<String>,
    PageForm(form): PageForm,
) -> Result<Response, AuthorizeError> {
    member.require(Right::ApproveClient)?;
    let opened = Opened::to_change(&member, &id, &form).await?;
    let outcome = match shown(&member, &id, &form).await? {
        Some(request) => {
            clients::approve(
                &member.app,
                &author(&member),
                &opened.as_seen(&form),
                &request,
                member.now,
            )
            .await
        }
        None => Err(Refused::Stale),
    };
    answered(&member, opened, outcome, Done::Approved, &form).await
}

/// `POST /console/services/{id}/demande/repondre`
pub async fn answer(
    member: Member,
    Path(id): Path<String>,
    PageForm(form): PageForm,
) -> Result<Response, AuthorizeError> {
    member.require(Right::ApproveClient)?;
    let opened = Opened::to_change(&member, &id, &form).await?;
    let text = words(&form, "answer");
    let outcome = match shown(&member, &id, &form).await? {
        Some(request) => {
            clients::answer(&member.app, &author(&member), &opened.kept, &request, &text, member.now).await
        }
        None => Err(Refused::Stale),
    };
    answered(&member, opened, outcome, Done::Answered, &form).await
}

/// `POST /console/services/{id}/demande/retirer`
pub async fn withdraw(
    member: Member,
    Path(id): Path<String>,
    PageForm(form): PageForm,
) -> Result<Response, AuthorizeError> {
    let opened = Opened::to_change(&member, &id, &form).await?;
    let outcome = clients::withdraw_request(&member.app, &author(&member), &opened.kept, member.now).await;
    answered(&member, opened, outcome, Done::Withdrawn, &form).await
}

/// The request that the form was shown for, if it still waits.
async fn shown(member: &Member, id: &str, form: &Params) -> Result<Option<ChangeRequest>, AuthorizeError> {
    let asked_at = form.get("demande").and_then(|at| at.parse::<i64>().ok());
    let request = member.app.store.find_client_request(id).await?;
    Ok(request.filter(|request| request.answered_at.is_none() && Some(request.requested_at) == asked_at))
}

fn words(form: &Params, field: &str) -> String {
    form.get(field)
        .unwrap_or_default()
        .replace("\r\n", "\n")
        .trim()
        .to_owned()
}

/// The page of the client after an act: what was done, or why not, with what was typed.
pub async fn answered(
    member: &Member,
    opened: Opened,
    outcome: Result<(), Refused>,
    done: Done,
    form: &Params,
) -> Result<Response, AuthorizeError> {
    match outcome {
        Ok(()) => Ok(opened.done(done)),
        Err(refused) => {
            let (alert, problems) = explain(refused)?;
            let feedback = Feedback {
                alert: Some(alert),
                problems,
                typed: super::form::typed(form, &["reasons", "answer", "testers", "matrix_id", "confirmation"]),
                ..Feedback::default()
            };
            let opened = Opened::load(member, &opened.kept.client.id).await?;
            service_page(member, opened, feedback).await
        }
    }
}
