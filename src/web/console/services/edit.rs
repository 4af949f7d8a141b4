//! A client's metadata in a form: errors beside the fields, what was typed never lost, and whom a change would shut out.

use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Response};

use super::super::super::error::AuthorizeError;
use super::super::super::form::PageForm;
use super::super::super::pages::console::services::{Alert, Done, Preview, SERVICES, ServiceFormPage};
use super::super::super::pages::console::services_form::Form;
use super::super::Member;
use super::form::{self, Typed};
use super::{Opened, author, explain};
use crate::console::clients::{self, Saved};
use crate::domain::admission::preview::Registry;
use crate::domain::client_change::field_changes;
use crate::domain::role::Right;
use crate::protocol::client::Client;
use crate::protocol::client_metadata::{ClientMetadata, FieldProblem};

/// Of so many agents at most it is asked whether they would be shut out, while somebody waits.
const MOST: u64 = 50_000;

/// What a page of the form shows besides what was typed.
#[derive(Default)]
struct Feedback {
    problems: Vec<FieldProblem>,
    alert: Option<Alert>,
    stale: Option<Vec<String>>,
    preview: Option<Preview>,
}

/// `GET /console/services/{id}/modifier`
pub async fn show(member: Member, Path(id): Path<String>) -> Result<Response, AuthorizeError> {
    let opened = Opened::load(&member, &id).await?;
    // Asked before the form is filled in, so that nothing typed is lost.
    member.require_fresh(opened.edit())?;
    let typed = form::write(&clients::metadata_of(&opened.kept.client));
    page(&member, &opened, &typed, Feedback::default())
}

/// `POST /console/services/{id}/modifier`
pub async fn save(
    member: Member,
    Path(id): Path<String>,
    PageForm(sent): PageForm,
) -> Result<Response, AuthorizeError> {
    let opened = Opened::to_change(&member, &id, &sent).await?;
    let boxes: Vec<_> = form::scopes().map(form::scope_field).collect();
    let fields = form::FIELDS.iter().copied().chain(boxes.iter().map(String::as_str));
    let fields: Vec<_> = fields.chain(["reasons"]).collect();
    let typed = form::typed(&sent, &fields);
    let known = &opened.kept.client;
    let wanted = match form::read(&typed, clients::metadata_of(known)) {
        Ok(wanted) => wanted,
        Err(problems) => return wrong(&member, &opened, &typed, problems),
    };
    if sent.get("geste") == Some("essai") {
        return dry_run(&member, &opened, &typed, wanted).await;
    }
    let seen = opened.as_seen(&sent);
    if seen.version != opened.kept.version {
        return stale(&member, &opened, &typed, wanted);
    }
    let reasons = typed.get("reasons").map_or("", |text| text.trim());
    match clients::edit(
        &member.app,
        &author(&member),
        &seen,
        wanted.clone(),
        reasons,
        member.now,
    )
    .await
    {
        Ok(Saved::Applied) => Ok(opened.done(Done::Saved)),
        Ok(Saved::Requested) => Ok(opened.done(Done::Requested)),
        Ok(Saved::Unchanged) => Ok(opened.done(Done::Unchanged)),
        Err(clients::Refused::Stale) => {
            let opened = Opened::load(&member, &id).await?;
            stale(&member, &opened, &typed, wanted)
        }
        Err(refused) => {
            let (alert, problems) = explain(refused)?;
            let feedback = Feedback {
                problems,
                alert: Some(alert),
                ..Feedback::default()
            };
            page(&member, &opened, &typed, feedback)
        }
    }
}

fn wrong(
    member: &Member,
    opened: &Opened,
    typed: &Typed,
    problems: Vec<FieldProblem>,
) -> Result<Response, AuthorizeError> {
    let feedback = Feedback {
        problems,
        alert: Some(Alert::Problems),
        ..Feedback::default()
    };
    page(member, opened, typed, feedback)
}

/// The client as the form describes it, as far as that makes one.
fn described(known: &Client, wanted: ClientMetadata) -> Result<Client, Vec<FieldProblem>> {
    // Of what a resource adds to the scopes nothing can be typed here.
    let scopes = wanted.scopes.clone();
    let ours = form::scopes().map(str::to_owned);
    let all: Vec<String> = ours.chain(scopes).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let mut client = wanted.validate(&all)?;
    crate::domain::client_change::keep_what_operators_say(&mut client, known);
    Ok(client)
}

/// Somebody else was faster: what was typed stays, the members that differ are named, and the next save is on top of theirs.
fn stale(member: &Member, opened: &Opened, typed: &Typed, wanted: ClientMetadata) -> Result<Response, AuthorizeError> {
    let known = &opened.kept.client;
    let members = match described(known, wanted) {
        Ok(client) => field_changes(Some(known), &client),
        Err(problems) => return wrong(member, opened, typed, problems),
    };
    let feedback = Feedback {
        stale: Some(members.into_iter().map(|change| change.field).collect()),
        ..Feedback::default()
    };
    page(member, opened, typed, feedback)
}

/// Whom the rules as typed would refuse; nothing is saved.
async fn dry_run(
    member: &Member,
    opened: &Opened,
    typed: &Typed,
    wanted: ClientMetadata,
) -> Result<Response, AuthorizeError> {
    let known = &opened.kept.client;
    let then = match described(known, wanted) {
        Ok(client) => client,
        Err(problems) => return wrong(member, opened, typed, problems),
    };
    let store = &member.app.store;
    let registry = Registry::new(store.list_homeservers().await?, store.list_administrations().await?);
    let (before, after) = ((&registry, known), (&registry, &then));
    let found = clients::would_refuse(store, before, after, member.now, MOST, |_, _| {}).await?;
    let feedback = Feedback {
        preview: Some(Preview {
            agents: found.agents,
            refused: found.refused,
            partly: found.partly,
        }),
        ..Feedback::default()
    };
    page(member, opened, typed, feedback)
}

fn page(member: &Member, opened: &Opened, typed: &Typed, feedback: Feedback) -> Result<Response, AuthorizeError> {
    let layout = member.layout(&SERVICES);
    let client = &opened.kept.client;
    let operator = member.may(Right::ApproveClient);
    let mut form = Form::new(layout.text, typed, &feedback.problems, form::field_of);
    let scopes: Vec<_> = form::scopes().collect();
    let page = ServiceFormPage {
        groups: form.metadata(&scopes, operator),
        has_errors: form.has_errors(),
        layout,
        name: Some(client.name.clone()),
        action: format!("{}/modifier", opened.url()),
        back_url: opened.url(),
        version: opened.kept.version,
        once: String::new(),
        stale: feedback.stale,
        alert: feedback.alert,
        asks: client.standing.stage.is_production() && !operator,
        preview: feedback.preview,
    };
    Ok(Html(page.render()?).into_response())
}
