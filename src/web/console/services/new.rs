//! A new client: two minutes from a name to configuration that works.

use std::collections::BTreeMap;

use askama::Template;
use axum::response::{Html, IntoResponse, Response};

use super::super::super::error::{AuthorizeError, see_other};
use super::super::super::form::PageForm;
use super::super::super::pages::console::services::{Alert, Done, SERVICES, ServiceFormPage};
use super::super::super::pages::console::services_form::Form;
use super::super::super::pages::console::stacks::Stack;
use super::super::Member;
use super::form::{self, Typed};
use super::show::{Feedback, service_page};
use super::{HOME, Opened, author, explain};
use crate::console::clients;
use crate::domain::client_change::Purpose;
use crate::domain::role::Right;
use crate::protocol::client_metadata::{ClientMetadata, FieldProblem};
use crate::secret::random_id;

const FIELDS: [&str; 8] = [
    "name",
    "purpose",
    "redirect_uris",
    "application_type",
    "stack",
    "token_endpoint_auth_method",
    "jwks_uri",
    "jwks",
];

/// `GET /console/services/nouveau`
pub async fn show(member: Member) -> Result<Response, AuthorizeError> {
    member.require(Right::CreateClient)?;
    let typed = Typed::from([
        ("scope_profile".to_owned(), "on".to_owned()),
        ("scope_email".to_owned(), "on".to_owned()),
    ]);
    page(&member, &typed, &[], None)
}

/// `POST /console/services/nouveau`
pub async fn create(member: Member, PageForm(form): PageForm) -> Result<Response, AuthorizeError> {
    member.require(Right::CreateClient)?;
    if !member.is_shown(&form) || form.get("envoi").is_none() {
        return Ok(see_other(HOME));
    }
    let scopes: Vec<_> = form::scopes().collect();
    let whys: Vec<_> = scopes.iter().map(|scope| format!("why_{scope}")).collect();
    let boxes: Vec<_> = scopes.iter().map(|scope| form::scope_field(scope)).collect();
    let fields = FIELDS.into_iter().chain(whys.iter().chain(&boxes).map(String::as_str));
    let typed = form::typed(&form, &fields.collect::<Vec<_>>());
    let wanted = match form::read(&typed, ClientMetadata::default()) {
        Ok(wanted) => wanted,
        Err(problems) => return page(&member, &typed, &problems, Some(Alert::Problems)),
    };
    let text = |field: &str| typed.get(field).map_or("", |text| text.trim()).to_owned();
    let stack = Stack::parse(&text("stack")).unwrap_or_default();
    let why = |scope: &&&str| (**scope).to_owned();
    let asked = scopes
        .iter()
        .filter(|scope| wanted.scopes.iter().any(|asked| asked == **scope));
    let purpose = Purpose {
        stack: stack.as_str().to_owned(),
        purpose: text("purpose"),
        scopes: asked
            .map(|scope| (why(&scope), text(&format!("why_{scope}"))))
            .collect::<BTreeMap<_, _>>(),
    };
    if !member.take_once(&form).await? {
        return Ok(see_other(&format!("{HOME}?fait={}", Done::Before.as_str())));
    }
    match clients::create(
        &member.app,
        &author(&member),
        &member.agent,
        wanted,
        purpose,
        member.now,
    )
    .await
    {
        Ok(made) => {
            let opened = Opened::load(&member, &made.client.id).await?;
            let feedback = Feedback {
                new_secret: made.secret,
                ..Feedback::default()
            };
            service_page(&member, opened, feedback).await
        }
        Err(refused) => {
            member.give_back(&form).await?;
            let (alert, problems) = explain(refused)?;
            page(&member, &typed, &problems, Some(alert))
        }
    }
}

fn page(
    member: &Member,
    typed: &Typed,
    problems: &[FieldProblem],
    alert: Option<Alert>,
) -> Result<Response, AuthorizeError> {
    let layout = member.layout(&SERVICES);
    // `why.email` is the problem, `why_email` the field.
    let field_of = |problem: &FieldProblem| problem.field.replace("why.", "why_");
    let problems: Vec<_> = problems
        .iter()
        .map(|problem| FieldProblem::new(field_of(problem), problem.message.clone()))
        .collect();
    let mut form = Form::new(layout.text, typed, &problems, form::field_of);
    let scopes: Vec<_> = form::scopes().collect();
    let page = ServiceFormPage {
        groups: form.new_client(&scopes),
        has_errors: form.has_errors(),
        layout,
        name: None,
        action: format!("{HOME}/nouveau"),
        back_url: HOME.to_owned(),
        version: 0,
        once: random_id()?,
        stale: None,
        alert,
        asks: false,
        preview: None,
    };
    Ok(Html(page.render()?).into_response())
}
