//! `/console/serveurs`: the list of homeservers, how they are, tests on demand, and taking them off the list.

mod edit;

use askama::Template;
use axum::Router;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};

use super::super::error::{AuthorizeError, PageError, see_other};
use super::super::form::PageForm;
use super::super::pages::ErrorKind;
use super::super::pages::console::{
    ApiHealth, Discovered, HOMESERVERS, HomeserverDone, HomeserverEntry, HomeserverNotice, HomeserverPage,
    HomeserversPage, TestLine, homeserver_test,
};
use super::super::routes::no_head;
use super::super::status;
use super::Member;
use crate::app::{App, SharedApp};
use crate::console::edit::EditError;
use crate::console::homeservers::{self, Shift};
use crate::domain::homeserver::Homeserver;
use crate::domain::role::Right;
use crate::secret::constant_time_eq;
use crate::store::{PinnedIssuer, Versioned};
use crate::upstream::{Api, Tested};

pub fn routes() -> Router<SharedApp> {
    Router::new()
        .route("/console/serveurs", get(show).head(no_head))
        .route(
            "/console/serveurs/ajouter",
            get(edit::new).post(edit::add).head(no_head),
        )
        .route("/console/serveurs/nom/{name}", get(show_one).head(no_head))
        .route(
            "/console/serveurs/nom/{name}/modifier",
            get(edit::show).post(edit::change).head(no_head),
        )
        .route("/console/serveurs/nom/{name}/place", post(shift))
        .route("/console/serveurs/nom/{name}/examen", post(test))
        .route("/console/serveurs/nom/{name}/retrait", post(retire))
}

/// `GET /console/serveurs`
async fn show(member: Member) -> Result<Response, AuthorizeError> {
    member.require(Right::SeeHomeservers)?;
    let list = member.app.store.list_homeservers().await?.into_iter();
    let page = HomeserversPage {
        layout: member.layout(&HOMESERVERS),
        done: HomeserverDone::parse(member.query()?.get("fait").unwrap_or_default()),
        homeservers: list.map(|one| entry(&member.app, one, member.now)).collect(),
        may_edit: member.may(Right::EditHomeservers),
    };
    Ok(Html(page.render()?).into_response())
}

/// `GET /console/serveurs/nom/{name}`
async fn show_one(member: Member, Path(name): Path<String>) -> Result<Response, AuthorizeError> {
    member.require(Right::SeeHomeservers)?;
    let stored = find(&member, &name).await?.ok_or_else(not_found)?;
    page(&member, stored, None, None).await
}

/// `POST /console/serveurs/nom/{name}/place`: one place up or down.
async fn shift(member: Member, Path(name): Path<String>, PageForm(form): PageForm) -> Result<Response, AuthorizeError> {
    member.require(Right::EditHomeservers)?;
    let shift = match form.get("vers") {
        Some("haut") => Shift::Up,
        Some("bas") => Shift::Down,
        _ => return Ok(see_other(HOMESERVERS.path)),
    };
    if !member.is_shown(&form) {
        return Ok(see_other(HOMESERVERS.path));
    }
    match homeservers::shift(&member.app.store, member.now, member.actor(), &name, shift).await {
        Ok(()) => Ok(done(HomeserverDone::Moved)),
        Err(EditError::Outdated) => Err(not_found().into()),
        Err(error) => Err(PageError::from_inside(&error).into()),
    }
}

/// `POST /console/serveurs/nom/{name}/examen`: asks what a login would, without a trace there.
async fn test(member: Member, Path(name): Path<String>, PageForm(form): PageForm) -> Result<Response, AuthorizeError> {
    member.require(Right::EditHomeservers)?;
    if !member.is_shown(&form) {
        return Ok(see_other(HOMESERVERS.path));
    }
    let app = &member.app;
    let stored = find(&member, &name).await?.ok_or_else(not_found)?;
    let layout = member.layout(&HOMESERVERS);
    let lines = match homeservers::test(app, member.now, member.actor(), &stored.value).await? {
        Tested::Done(found) => {
            let held_to = homeservers::held_to(&app.store, &stored.value).await?;
            homeserver_test::lines(&layout.text, &stored.value, held_to.as_deref(), &found, member.now)
        }
        Tested::TooSlow => homeserver_test::too_slow(&layout.text),
        Tested::Busy => return page(&member, stored, None, Some(HomeserverNotice::Busy)).await,
    };
    page(&member, stored, Some(lines), None).await
}

/// `POST /console/serveurs/nom/{name}/retrait`
async fn retire(
    member: Member,
    Path(name): Path<String>,
    PageForm(form): PageForm,
) -> Result<Response, AuthorizeError> {
    member.confirm(Right::EditHomeservers, &form).await?;
    let stored = find(&member, &name).await?.ok_or_else(not_found)?;
    if !constant_time_eq(&stored.mark(), form.get("version").unwrap_or_default()) {
        return page(&member, stored, None, Some(HomeserverNotice::Changed)).await;
    }
    if form.get("confirm").unwrap_or_default().trim() != name {
        return page(&member, stored, None, Some(HomeserverNotice::NotConfirmed)).await;
    }
    let own = &member.agent.homeserver;
    match homeservers::retire(&member.app.store, member.now, member.actor(), &stored, own).await {
        Ok(()) => Ok(done(HomeserverDone::Retired)),
        Err(EditError::LocksOut) => page(&member, stored, None, Some(HomeserverNotice::LocksOut)).await,
        Err(EditError::Outdated) => page(&member, stored, None, Some(HomeserverNotice::Changed)).await,
        Err(error) => Err(PageError::from_inside(&error).into()),
    }
}

async fn page(
    member: &Member,
    stored: Versioned<Homeserver>,
    test: Option<Vec<TestLine>>,
    notice: Option<HomeserverNotice>,
) -> Result<Response, AuthorizeError> {
    let app = &member.app;
    let pinned = pinned(app, &stored.value.name).await?;
    let known = app.upstream.known_service(&stored.value, member.now);
    let is_watched = stored.value.watch.is_on();
    let page = HomeserverPage {
        layout: member.layout(&HOMESERVERS),
        address: address(&stored.value.name),
        discovered: Discovered {
            service: known.map(|service| service.map(|service| service.issuer)),
            client_id: pinned.as_ref().and_then(|pinned| pinned.client_id.clone()),
            pinned: pinned.map(|pinned| pinned.issuer),
        },
        version: stored.mark(),
        has_watch_token: is_watched && app.config.read_watch_token(&stored.value.name).is_ok(),
        entry: entry(app, stored.value, member.now),
        test,
        notice,
        may_edit: member.may(Right::EditHomeservers),
    };
    Ok(Html(page.render()?).into_response())
}

fn entry(app: &App, homeserver: Homeserver, now: i64) -> HomeserverEntry {
    let health = |api| {
        let health = app.upstream.health().of(&homeserver.name, api);
        ApiHealth {
            state: status::state(health, now),
            last_success: health.last_success,
            last_failure: health.last_failure,
        }
    };
    HomeserverEntry {
        health: health(Api::Client),
        directory: homeserver.directory.then(|| health(Api::Directory)),
        homeserver,
    }
}

async fn pinned(app: &App, name: &str) -> Result<Option<PinnedIssuer>, PageError> {
    Ok(app.store.find_pinned_issuer(name).await?)
}

async fn find(member: &Member, name: &str) -> Result<Option<Versioned<Homeserver>>, PageError> {
    // PostgreSQL takes no NUL in a text.
    if name.contains('\0') {
        return Ok(None);
    }
    Ok(member.app.store.find_homeserver_version(name).await?)
}

fn not_found() -> PageError {
    PageError::new(ErrorKind::NotFound)
}

fn address(name: &str) -> String {
    format!("{}/nom/{name}", HOMESERVERS.path)
}

/// The list again, which says what was done.
fn done(done: HomeserverDone) -> Response {
    see_other(&format!("{}?fait={}", HOMESERVERS.path, done.as_str()))
}
