//! The form of a homeserver. Where agents' passwords go is decided here, so the second factor is asked for again; whatever was
//! typed comes back.

use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Response};

use super::super::super::error::{AuthorizeError, PageError};
use super::super::super::form::PageForm;
use super::super::super::pages::console::{
    HOMESERVERS, HomeserverDone, HomeserverForm, HomeserverFormPage, HomeserverNotice,
};
use super::super::Member;
use super::{address, done, find, not_found};
use crate::console::edit::EditError;
use crate::console::homeservers;
use crate::domain::homeserver::{Homeserver, OAuthSettings, Watch, Way};
use crate::domain::role::Right;
use crate::protocol::params::Params;
use crate::secret::constant_time_eq;
use crate::store::Versioned;

const ADD: &str = "/console/serveurs/ajouter";
/// In their order on the page.
const FIELDS: [&str; 9] = [
    "name",
    "label",
    "base_url",
    "ways",
    "email_domains",
    "oauth_issuer",
    "oauth_client_id",
    "watch_base_url",
    "watch_client_id",
];

/// `GET /console/serveurs/ajouter`: asks for the name, then (`nom`) shows the form with what a name tells.
pub async fn new(member: Member) -> Result<Response, AuthorizeError> {
    member.require_fresh(Right::EditHomeservers)?;
    let query = member.query()?;
    let form = match query.get("nom").map(|name| name.trim().to_lowercase()) {
        Some(name) if !name.is_empty() => filled(&Homeserver::assumed(&name, None), String::new()),
        _ => HomeserverForm::default(),
    };
    page(&member, form, Vec::new(), None, None)
}

/// `GET /console/serveurs/nom/{name}/modifier`
pub async fn show(member: Member, Path(name): Path<String>) -> Result<Response, AuthorizeError> {
    member.require_fresh(Right::EditHomeservers)?;
    let stored = find(&member, &name).await?.ok_or_else(not_found)?;
    page(&member, filled(&stored.value, stored.mark()), Vec::new(), None, None)
}

/// `POST /console/serveurs/ajouter`
pub async fn add(member: Member, PageForm(form): PageForm) -> Result<Response, AuthorizeError> {
    member.confirm(Right::EditHomeservers, &form).await?;
    let typed = HomeserverForm {
        version: String::new(),
        ..typed(&form)
    };
    save(&member, typed, None).await
}

/// `POST /console/serveurs/nom/{name}/modifier`
pub async fn change(
    member: Member,
    Path(name): Path<String>,
    PageForm(form): PageForm,
) -> Result<Response, AuthorizeError> {
    member.confirm(Right::EditHomeservers, &form).await?;
    let stored = find(&member, &name).await?;
    let typed = HomeserverForm { name, ..typed(&form) };
    match stored {
        Some(stored) if constant_time_eq(&stored.mark(), &typed.version) => save(&member, typed, Some(&stored)).await,
        stored => outdated(&member, typed, stored),
    }
}

async fn save(
    member: &Member,
    typed: HomeserverForm,
    former: Option<&Versioned<Homeserver>>,
) -> Result<Response, AuthorizeError> {
    let Some(wanted) = wanted(&typed) else {
        let which = if typed.watch_way().is_err() {
            "watch_way"
        } else {
            "ways"
        };
        return page(member, typed, vec![which], None, None);
    };
    match homeservers::save(&member.app.store, member.now, member.actor(), &wanted, former).await {
        Ok(()) => Ok(done(HomeserverDone::Saved)),
        Err(EditError::Invalid(problems)) => {
            // As the form names them: `oauth.issuer`, `email_domains[2]`.
            let named = |field: &str| field.split('[').next().unwrap_or_default().replace('.', "_");
            let wrong: Vec<_> = problems.iter().map(|problem| named(&problem.field)).collect();
            let errors = FIELDS
                .into_iter()
                .filter(|field| wrong.iter().any(|wrong| wrong == field));
            page(member, typed, errors.collect(), None, None)
        }
        Err(EditError::Exists) => {
            let stored = find(member, &wanted.name).await?.map(|stored| stored.value);
            page(member, typed, Vec::new(), Some(HomeserverNotice::Exists), stored)
        }
        Err(EditError::Outdated) => {
            let stored = find(member, &wanted.name).await?;
            outdated(member, typed, stored)
        }
        Err(error) => Err(PageError::from_inside(&error).into()),
    }
}

/// What was typed, beside what somebody else has stored meanwhile: to save again overwrites that, knowingly.
fn outdated(
    member: &Member,
    typed: HomeserverForm,
    stored: Option<Versioned<Homeserver>>,
) -> Result<Response, AuthorizeError> {
    let (notice, version) = match &stored {
        Some(stored) => (HomeserverNotice::Changed, stored.mark()),
        None => (HomeserverNotice::Deleted, String::new()),
    };
    let typed = HomeserverForm { version, ..typed };
    page(
        member,
        typed,
        Vec::new(),
        Some(notice),
        stored.map(|stored| stored.value),
    )
}

fn page(
    member: &Member,
    form: HomeserverForm,
    errors: Vec<&'static str>,
    notice: Option<HomeserverNotice>,
    stored: Option<Homeserver>,
) -> Result<Response, AuthorizeError> {
    let page = HomeserverFormPage {
        layout: member.layout(&HOMESERVERS),
        action: match form.version.is_empty() {
            true => ADD.to_owned(),
            false => format!("{}/modifier", address(&form.name)),
        },
        form,
        errors,
        notice,
        stored,
    };
    Ok(Html(page.render()?).into_response())
}

fn typed(form: &Params) -> HomeserverForm {
    let text = |name: &str| form.get(name).unwrap_or_default().trim().to_owned();
    let is_on = |name: &str| form.get(name).is_some();
    HomeserverForm {
        name: text("name").to_lowercase(),
        label: text("label"),
        base_url: text("base_url").trim_end_matches('/').to_owned(),
        ways: [text("way1"), text("way2"), text("way3")],
        guests: is_on("guests"),
        email_domains: text("email_domains"),
        directory: is_on("directory"),
        sso_always_asks: is_on("sso_always_asks"),
        recreated_by_address: is_on("recreated_by_address"),
        oauth_client_id: text("oauth_client_id"),
        oauth_issuer: text("oauth_issuer"),
        watch_way: text("watch_way"),
        watch_base_url: text("watch_base_url"),
        watch_client_id: text("watch_client_id"),
        version: text("version"),
    }
}

fn filled(one: &Homeserver, version: String) -> HomeserverForm {
    let way = |at: usize| one.ways.get(at).map(|way| way.as_str().to_owned()).unwrap_or_default();
    HomeserverForm {
        name: one.name.clone(),
        label: one.label.clone(),
        base_url: one.base_url.clone(),
        ways: [way(0), way(1), way(2)],
        guests: one.guests,
        email_domains: one.email_domains.join("\n"),
        directory: one.directory,
        sso_always_asks: one.sso_always_asks,
        recreated_by_address: one.recreated_by_address,
        oauth_client_id: one.oauth.client_id.clone().unwrap_or_default(),
        oauth_issuer: one.oauth.issuer.clone().unwrap_or_default(),
        watch_way: HomeserverForm::watch_name(one.watch.way),
        watch_base_url: one.watch.base_url.clone().unwrap_or_default(),
        watch_client_id: one.watch.client_id.clone().unwrap_or_default(),
        version,
    }
}

/// What the form asks for; `None` when it names a way that there is not.
fn wanted(form: &HomeserverForm) -> Option<Homeserver> {
    let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let ways = form.ways.iter().filter(|way| !way.is_empty());
    let domains = form
        .email_domains
        .split(|c: char| c.is_whitespace() || c == ',' || c == ';');
    let assumed = Homeserver::assumed(&form.name, some(&form.base_url).as_deref());
    Some(Homeserver {
        label: some(&form.label).unwrap_or(assumed.label),
        base_url: assumed.base_url,
        guests: form.guests,
        ways: ways.map(|way| way.parse::<Way>().ok()).collect::<Option<_>>()?,
        email_domains: domains.filter(|one| !one.is_empty()).map(str::to_lowercase).collect(),
        directory: form.directory,
        sso_always_asks: form.sso_always_asks,
        recreated_by_address: form.recreated_by_address,
        oauth: OAuthSettings {
            client_id: some(&form.oauth_client_id),
            issuer: some(&form.oauth_issuer),
        },
        watch: Watch {
            way: form.watch_way().ok()?,
            base_url: some(&form.watch_base_url),
            client_id: some(&form.watch_client_id),
        },
        name: assumed.name,
    })
}
