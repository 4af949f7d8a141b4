//! `/console/administrations`: the table of administrations by pages, as a file, and the domains that it lacks.

mod edit;
mod import;

use askama::Template;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};

use super::super::cursor;
use super::super::error::{AuthorizeError, PageError, see_other};
use super::super::pages::console::{ADMINISTRATIONS, AdministrationDone, AdministrationsPage, UnknownDomainsPage};
use super::super::routes::no_head;
use super::Member;
use crate::app::SharedApp;
use crate::domain::administration::{table, term};
use crate::domain::role::Right;
use crate::store::MOST_UNKNOWN_DOMAINS;

/// How many stand on one page.
const PER_PAGE: u32 = 50;
/// Longer texts are looked for by their beginning, in characters.
const MAX_QUERY: usize = 200;
/// The largest table that is read, in bytes.
const MAX_TABLE: usize = 2 * 1024 * 1024;

pub fn routes() -> Router<SharedApp> {
    let import = get(import::form)
        .post(import::upload)
        .head(no_head)
        .layer(DefaultBodyLimit::max(MAX_TABLE));
    Router::new()
        .route("/console/administrations", get(show).head(no_head))
        .route("/console/administrations/export", get(export).head(no_head))
        .route("/console/administrations/inconnus", get(unknown).head(no_head))
        .route("/console/administrations/import", import)
        .route(
            "/console/administrations/import/{id}",
            get(import::preview).post(import::confirm).head(no_head),
        )
        .route(
            "/console/administrations/ajouter",
            get(edit::new).post(edit::add).head(no_head),
        )
        .route(
            "/console/administrations/domaine/{domain}",
            get(edit::show).post(edit::change).head(no_head),
        )
        .route(
            "/console/administrations/domaine/{domain}/suppression",
            post(edit::delete),
        )
}

/// `GET /console/administrations`: `q` what is looked for, `suite` the page, sealed.
async fn show(member: Member) -> Result<Response, AuthorizeError> {
    member.require(Right::SeeAdministrations)?;
    let params = member.query()?;
    let query: String = params
        .get("q")
        .unwrap_or_default()
        .trim()
        .chars()
        .take(MAX_QUERY)
        .collect();
    let list = format!("administrations\n{query}");
    let after: Option<String> = match params.get("suite") {
        Some(sealed) => Some(cursor::open(&member.app, &list, sealed)?),
        None => None,
    };
    let term = term(&query);
    let mut administrations = match (query.is_empty(), term.is_empty()) {
        // Nothing is called so.
        (false, true) => Vec::new(),
        (is_all, _) => {
            let term = Some(term.as_str()).filter(|_| !is_all);
            let store = &member.app.store;
            store
                .list_administration_page(after.as_deref(), term, PER_PAGE + 1)
                .await?
        }
    };
    let url = |name: &str, value: &str| {
        let mut url = url::form_urlencoded::Serializer::new(String::new());
        if !query.is_empty() {
            url.append_pair("q", &query);
        }
        if !value.is_empty() {
            url.append_pair(name, value);
        }
        format!("{}?{}", ADMINISTRATIONS.path, url.finish())
    };
    let is_more = administrations.len() > PER_PAGE as usize;
    administrations.truncate(PER_PAGE as usize);
    let last = administrations.last().filter(|_| is_more);
    let page = AdministrationsPage {
        layout: member.layout(&ADMINISTRATIONS),
        done: AdministrationDone::parse(params.get("fait").unwrap_or_default()),
        may_edit: member.may(Right::EditAdministrations),
        first_url: after.is_some().then(|| url("suite", "")),
        next_url: match last {
            Some(last) => Some(url("suite", &cursor::seal(&member.app, &list, &last.domain)?)),
            None => None,
        },
        query,
        administrations,
    };
    Ok(Html(page.render()?).into_response())
}

/// `GET /console/administrations/export`: the whole table, as the import takes it.
async fn export(member: Member) -> Result<Response, AuthorizeError> {
    member.require(Right::SeeAdministrations)?;
    let all = member.app.store.list_administrations().await?;
    let text = table::write(&all).map_err(|error| PageError::from_inside(&error))?;
    let head = [
        (CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (CONTENT_DISPOSITION, "attachment; filename=\"administrations.csv\""),
    ];
    Ok((head, text).into_response())
}

/// `GET /console/administrations/inconnus`
async fn unknown(member: Member) -> Result<Response, AuthorizeError> {
    member.require(Right::SeeAdministrations)?;
    let domains = member.app.store.list_unknown_domains().await?;
    let page = UnknownDomainsPage {
        layout: member.layout(&ADMINISTRATIONS),
        is_full: domains.len() >= MOST_UNKNOWN_DOMAINS as usize,
        domains,
        may_edit: member.may(Right::EditAdministrations),
    };
    Ok(Html(page.render()?).into_response())
}

/// The list again, which says what was done.
fn done(done: AdministrationDone) -> Response {
    see_other(&format!("{}?fait={}", ADMINISTRATIONS.path, done.as_str()))
}
