//! What is done to one client from its page: secrets, people, testers, and its end.

use axum::extract::Path;
use axum::response::Response;

use super::super::super::error::{AuthorizeError, see_other};
use super::super::super::form::PageForm;
use super::super::super::pages::console::services::Done;
use super::super::Member;
use super::requests::answered;
use super::show::{Feedback, service_page};
use super::{HOME, Opened, author, form};
use crate::console::clients::{self, Refused};
use crate::protocol::client_metadata::FieldProblem;

/// How long a secret may be made to live, in days; none is until it is retired.
const LIFETIMES: [i64; 2] = [90, 365];
const DAY: i64 = 86_400;

/// `POST /console/services/{id}/secrets`: the answer is the only place where the secret stands.
pub async fn add_secret(
    member: Member,
    Path(id): Path<String>,
    PageForm(form): PageForm,
) -> Result<Response, AuthorizeError> {
    let opened = Opened::to_change(&member, &id, &form).await?;
    if form.get("envoi").is_none() || !member.take_once(&form).await? {
        return Ok(opened.done(Done::Before));
    }
    let days = form.get("duree").and_then(|days| days.parse().ok());
    let lifetime = days.filter(|days| LIFETIMES.contains(days)).map(|days| days * DAY);
    let made = clients::add_secret(
        &member.app.store,
        &author(&member),
        &opened.kept.client,
        lifetime,
        member.now,
    )
    .await;
    match made {
        Ok(secret) => {
            let feedback = Feedback {
                new_secret: Some(secret),
                ..Feedback::default()
            };
            service_page(&member, opened, feedback).await
        }
        Err(refused) => {
            member.give_back(&form).await?;
            answered(&member, opened, Err(refused), Done::Saved, &form).await
        }
    }
}

/// `POST /console/services/{id}/secrets/{secret}/retirer`
pub async fn retire_secret(
    member: Member,
    Path((id, secret)): Path<(String, String)>,
    PageForm(form): PageForm,
) -> Result<Response, AuthorizeError> {
    let opened = Opened::to_change(&member, &id, &form).await?;
    let outcome = clients::retire_secret(&member.app, &author(&member), &id, &secret, member.now).await;
    answered(&member, opened, outcome, Done::Retired, &form).await
}

/// `POST /console/services/{id}/testeurs`
pub async fn testers(
    member: Member,
    Path(id): Path<String>,
    PageForm(form): PageForm,
) -> Result<Response, AuthorizeError> {
    let opened = Opened::to_change(&member, &id, &form).await?;
    let lines = form::lines(form.get("testers").unwrap_or_default());
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let seen = opened.as_seen(&form);
    let outcome = clients::set_testers(&member.app, &author(&member), &seen, &lines, member.now).await;
    answered(&member, opened, outcome, Done::Testers, &form).await
}

/// `POST /console/services/{id}/personnes`
pub async fn invite(
    member: Member,
    Path(id): Path<String>,
    PageForm(form): PageForm,
) -> Result<Response, AuthorizeError> {
    let opened = Opened::to_change(&member, &id, &form).await?;
    let invited = form.get("matrix_id").unwrap_or_default();
    let outcome = clients::invite(&member.app, &author(&member), &id, invited, member.now).await;
    answered(&member, opened, outcome, Done::Invited, &form).await
}

/// `POST /console/services/{id}/personnes/annuler`
pub async fn uninvite(
    member: Member,
    Path(id): Path<String>,
    PageForm(form): PageForm,
) -> Result<Response, AuthorizeError> {
    let opened = Opened::to_change(&member, &id, &form).await?;
    let invited = form.get("matrix_id").unwrap_or_default();
    let outcome = clients::uninvite(&member.app, &author(&member), &id, invited, member.now).await;
    answered(&member, opened, outcome, Done::Uninvited, &form).await
}

/// `POST /console/services/{id}/personnes/retirer`
pub async fn remove_owner(
    member: Member,
    Path(id): Path<String>,
    PageForm(form): PageForm,
) -> Result<Response, AuthorizeError> {
    let opened = Opened::to_change(&member, &id, &form).await?;
    let agent = form.get("agent").unwrap_or_default();
    let outcome = clients::remove_owner(&member.app, &author(&member), &id, agent, member.now).await;
    // Whoever took themselves out does not see the client any more.
    if outcome.is_ok() && agent == member.agent.id {
        return Ok(see_other(&format!("{HOME}?fait={}", Done::Uninvited.as_str())));
    }
    answered(&member, opened, outcome, Done::Uninvited, &form).await
}

/// `POST /console/services/{id}/invitation`: by whoever was invited, who does not see the client yet.
pub async fn accept(
    member: Member,
    Path(id): Path<String>,
    PageForm(form): PageForm,
) -> Result<Response, AuthorizeError> {
    member.require(crate::domain::role::Right::CreateClient)?;
    if !member.is_shown(&form) || id.contains('\0') {
        return Ok(see_other(HOME));
    }
    match clients::accept(&member.app, &author(&member), &id, &member.agent, member.now).await {
        Ok(()) => Ok(see_other(&format!("{HOME}/{id}?fait={}", Done::Joined.as_str()))),
        Err(Refused::Store(error)) => Err(error.into()),
        // No invitation of theirs: the list says which there are.
        Err(_) => Ok(see_other(HOME)),
    }
}

/// `POST /console/services/{id}/desactiver`
pub async fn disable(
    member: Member,
    Path(id): Path<String>,
    PageForm(form): PageForm,
) -> Result<Response, AuthorizeError> {
    set_disabled(member, &id, &form, true, Done::Disabled).await
}

/// `POST /console/services/{id}/activer`
pub async fn enable(
    member: Member,
    Path(id): Path<String>,
    PageForm(form): PageForm,
) -> Result<Response, AuthorizeError> {
    set_disabled(member, &id, &form, false, Done::Enabled).await
}

async fn set_disabled(
    member: Member,
    id: &str,
    form: &crate::protocol::params::Params,
    disabled: bool,
    done: Done,
) -> Result<Response, AuthorizeError> {
    let opened = Opened::to_change(&member, id, form).await?;
    let seen = opened.as_seen(form);
    let outcome = clients::set_disabled(&member.app.store, &author(&member), &seen, disabled, member.now).await;
    answered(&member, opened, outcome, done, form).await
}

/// `POST /console/services/{id}/supprimer`: once its name was typed.
pub async fn delete(
    member: Member,
    Path(id): Path<String>,
    PageForm(form): PageForm,
) -> Result<Response, AuthorizeError> {
    let opened = Opened::to_change(&member, &id, &form).await?;
    let typed = form.get("confirmation").unwrap_or_default();
    match clients::delete(&member.app, &author(&member), &opened.as_seen(&form), typed, member.now).await {
        Ok(()) => Ok(see_other(&format!("{HOME}?fait={}", Done::Deleted.as_str()))),
        Err(Refused::Problems(problems)) => {
            let at_field = |problem: FieldProblem| FieldProblem::new("confirmation", problem.message);
            let problems = problems.into_iter().map(at_field).collect();
            answered(&member, opened, Err(Refused::Problems(problems)), Done::Deleted, &form).await
        }
        Err(refused) => answered(&member, opened, Err(refused), Done::Deleted, &form).await,
    }
}
