//! `/console/administrations`: the table of administrations by pages, as a file, and the domains that it lacks.

mod edit;
mod import;

use askama::Template;
use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};

use super::super::cursor;
use super::super::error::{AuthorizeError, see_other};
use super::super::pages::console::{ADMINISTRATIONS, AdministrationDone, AdministrationsPage, UnknownDomainsPage};
use super::super::routes::no_head;
use super::Member;
use crate::app::SharedApp;
use crate::domain::administration::{table, term};
use crate::domain::role::Right;
use crate::store::{MOST_UNKNOWN_DOMAINS, UnknownDomain};

/// How many stand on one page.
const PER_PAGE: u32 = 50;
/// How many the export reads at a time.
const BATCH: u32 = 500;
const UNKNOWN: &str = "/console/administrations/inconnus";
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
    let after: Option<String> = cursor::named(&member.app, &list, params.get("suite"))?;
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
    let next = cursor::cut(&member.app, &list, &mut administrations, PER_PAGE, |last| {
        last.domain.clone()
    })?;
    let page = AdministrationsPage {
        layout: member.layout(&ADMINISTRATIONS),
        done: AdministrationDone::parse(params.get("fait").unwrap_or_default()),
        may_edit: member.may(Right::EditAdministrations),
        first_url: after.is_some().then(|| url("suite", "")),
        next_url: next.map(|place| url("suite", &place)),
        query,
        administrations,
    };
    Ok(Html(page.render()?).into_response())
}

/// `GET /console/administrations/export`: the whole table, as the import takes it, written while it is read.
async fn export(member: Member) -> Result<Response, AuthorizeError> {
    member.require(Right::SeeAdministrations)?;
    let begin = (member.app.store.clone(), Some(None::<String>));
    let pieces = stream::try_unfold(begin, |(store, after)| async move {
        let Some(after) = after else { return Ok(None) };
        let read = store.list_administration_page(after.as_deref(), None, BATCH).await?;
        let text = match after {
            None => table::write(&read)?,
            Some(_) => table::write_lines(&read)?,
        };
        let is_more = read.len() == BATCH as usize;
        let next = read
            .into_iter()
            .next_back()
            .filter(|_| is_more)
            .map(|last| Some(last.domain));
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Some((text, (store, next))))
    });
    let head = [
        (CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (CONTENT_DISPOSITION, "attachment; filename=\"administrations.csv\""),
    ];
    Ok((head, Body::from_stream(pieces)).into_response())
}

/// `GET /console/administrations/inconnus`: `suite` is the page, sealed.
async fn unknown(member: Member) -> Result<Response, AuthorizeError> {
    member.require(Right::SeeAdministrations)?;
    let (store, list) = (&member.app.store, UNKNOWN);
    let after: Option<(i64, String)> = cursor::named(&member.app, list, member.query()?.get("suite"))?;
    let place = after.as_ref().map(|(sign_ins, domain)| (*sign_ins, domain.as_str()));
    let mut domains = store.list_unknown_domain_page(place, PER_PAGE + 1).await?;
    let place = |last: &UnknownDomain| (last.sign_ins, last.domain.clone());
    let next = cursor::cut(&member.app, list, &mut domains, PER_PAGE, place)?;
    let page = UnknownDomainsPage {
        layout: member.layout(&ADMINISTRATIONS),
        is_full: store.count_unknown_domains().await? >= i64::from(MOST_UNKNOWN_DOMAINS),
        domains,
        may_edit: member.may(Right::EditAdministrations),
        first_url: after.map(|_| UNKNOWN.to_owned()),
        next_url: next.map(|place| format!("{UNKNOWN}?suite={place}")),
    };
    Ok(Html(page.render()?).into_response())
}

/// The list again, which says what was done.
fn done(done: AdministrationDone) -> Response {
    see_other(&format!("{}?fait={}", ADMINISTRATIONS.path, done.as_str()))
}
