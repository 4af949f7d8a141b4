//! `/console/cles`: the signing keys' states and ages, their rotation, and retiring one that somebody else has.

use askama::Template;
use axum::Router;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};

use super::super::error::{AuthorizeError, PageError, see_other};
use super::super::form::PageForm;
use super::super::pages::console::{KEYS, KeysDone, KeysPage, KeysProblem};
use super::super::routes::no_head;
use super::Member;
use crate::app::SharedApp;
use crate::console::keys;
use crate::domain::role::Right;
use crate::keys::KeysError;

pub fn routes() -> Router<SharedApp> {
    Router::new()
        .route("/console/cles", get(show).head(no_head))
        .route("/console/cles/renouvellement", post(rotate))
        .route("/console/cles/retrait", post(withdraw))
}

/// `GET /console/cles`
async fn show(member: Member) -> Result<Response, AuthorizeError> {
    member.require(Right::SeeKeys)?;
    let done = KeysDone::parse(member.query()?.get("fait").unwrap_or_default());
    page(&member, done, None).await
}

/// `POST /console/cles/renouvellement`: `quand=maintenant` when a key is lost or stolen.
async fn rotate(member: Member, PageForm(form): PageForm) -> Result<Response, AuthorizeError> {
    member.confirm(Right::EditKeys, &form).await?;
    let immediately = form.get("quand") == Some("maintenant");
    if immediately && form.get("confirm").is_none() {
        return page(&member, None, Some(KeysProblem::NotConfirmed)).await;
    }
    let app = &member.app;
    keys::rotate(&app.keys, &app.store, member.now, member.actor(), immediately).await?;
    Ok(done(KeysDone::Rotated))
}

/// `POST /console/cles/retrait`
async fn withdraw(member: Member, PageForm(form): PageForm) -> Result<Response, AuthorizeError> {
    member.confirm(Right::EditKeys, &form).await?;
    let (app, kid) = (&member.app, form.get("kid").unwrap_or_default());
    match keys::withdraw(&app.keys, &app.store, member.now, member.actor(), kid).await {
        Ok(()) => Ok(done(KeysDone::Withdrawn)),
        Err(KeysError::NotRetired(_)) => page(&member, None, Some(KeysProblem::NotRetired)).await,
        Err(error) => Err(PageError::from_inside(&error).into()),
    }
}

async fn page(
    member: &Member,
    done: Option<KeysDone>,
    problem: Option<KeysProblem>,
) -> Result<Response, AuthorizeError> {
    let app = &member.app;
    let (keys, published_at) = (app.keys.list(member.now), app.keys.published_at());
    // What this process has not reported yet, too.
    app.keys.report_fetches(&app.store).await?;
    let page = KeysPage {
        layout: member.layout(&KEYS),
        done,
        problem,
        next_rotation: app.config.key_rotation.and_then(|period| app.keys.due_at(period)),
        fetches: app.store.key_set_fetches(published_at).await?,
        published_at,
        keys,
        now: member.now,
        may_edit: member.may(Right::EditKeys),
    };
    Ok(Html(page.render()?).into_response())
}

fn done(done: KeysDone) -> Response {
    see_other(&format!("{}?fait={}", KEYS.path, done.as_str()))
}
