//! One administration: added, changed, deleted. Whatever was typed comes back with what is wrong with it.

use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Response};

use super::super::super::error::{AuthorizeError, PageError, see_other};
use super::super::super::form::PageForm;
use super::super::super::pages::ErrorKind;
use super::super::super::pages::console::{
    ADMINISTRATIONS, AdministrationDone, AdministrationForm, AdministrationNotice, AdministrationPage,
};
use super::super::Member;
use super::done;
use crate::console::administrations;
use crate::console::edit::EditError;
use crate::domain::administration::Administration;
use crate::domain::role::Right;
use crate::protocol::admission::Branch;
use crate::protocol::params::Params;
use crate::secret::constant_time_eq;
use crate::store::Versioned;

const ADD: &str = "/console/administrations/ajouter";

/// `GET /console/administrations/ajouter`: `domaine` is filled in.
pub async fn new(member: Member) -> Result<Response, AuthorizeError> {
    member.require(Right::EditAdministrations)?;
    let form = AdministrationForm {
        domain: member.query()?.get("domaine").unwrap_or_default().to_owned(),
        ..AdministrationForm::default()
    };
    page(&member, form, Vec::new(), None, None)
}

/// `GET /console/administrations/domaine/{domain}`
pub async fn show(member: Member, Path(domain): Path<String>) -> Result<Response, AuthorizeError> {
    member.require(Right::SeeAdministration {
        administration: &domain,
    })?;
    let stored = find(&member, &domain).await?.ok_or_else(not_found)?;
    page(&member, filled(&stored), Vec::new(), None, None)
}

/// `POST /console/administrations/ajouter`
pub async fn add(member: Member, PageForm(form): PageForm) -> Result<Response, AuthorizeError> {
    member.require(Right::EditAdministrations)?;
    if !member.is_shown(&form) {
        return Ok(see_other(ADMINISTRATIONS.path));
    }
    let typed = AdministrationForm {
        version: String::new(),
        ..typed(&form)
    };
    save(&member, typed, None).await
}

/// `POST /console/administrations/domaine/{domain}`
pub async fn change(
    member: Member,
    Path(domain): Path<String>,
    PageForm(form): PageForm,
) -> Result<Response, AuthorizeError> {
    member.require(Right::EditAdministrations)?;
    if !member.is_shown(&form) {
        return Ok(see_other(ADMINISTRATIONS.path));
    }
    let stored = find(&member, &domain).await?;
    let typed = AdministrationForm { domain, ..typed(&form) };
    match stored {
        Some(stored) if constant_time_eq(&stored.mark(), &typed.version) => save(&member, typed, Some(&stored)).await,
        stored => outdated(&member, typed, stored),
    }
}

/// `POST /console/administrations/domaine/{domain}/suppression`
pub async fn delete(
    member: Member,
    Path(domain): Path<String>,
    PageForm(form): PageForm,
) -> Result<Response, AuthorizeError> {
    member.require(Right::EditAdministrations)?;
    if !member.is_shown(&form) {
        return Ok(see_other(ADMINISTRATIONS.path));
    }
    let stored = find(&member, &domain).await?.ok_or_else(not_found)?;
    if !constant_time_eq(&stored.mark(), form.get("version").unwrap_or_default()) {
        let notice = Some(AdministrationNotice::Changed);
        return page(&member, filled(&stored), Vec::new(), notice, None);
    }
    if form.get("confirm").unwrap_or_default().trim() != domain {
        let notice = Some(AdministrationNotice::NotConfirmed);
        return page(&member, filled(&stored), Vec::new(), notice, None);
    }
    let store = &member.app.store;
    match administrations::delete(store, member.now, member.actor(), &stored).await {
        Ok(()) => Ok(done(AdministrationDone::Deleted)),
        Err(EditError::Outdated) => {
            let stored = find(&member, &domain).await?.ok_or_else(not_found)?;
            let notice = Some(AdministrationNotice::Changed);
            page(&member, filled(&stored), Vec::new(), notice, None)
        }
        Err(error) => Err(PageError::from_inside(&error).into()),
    }
}

async fn save(
    member: &Member,
    typed: AdministrationForm,
    former: Option<&Versioned<Administration>>,
) -> Result<Response, AuthorizeError> {
    let (wanted, knows_branch) = wanted(&typed);
    if !knows_branch {
        return page(member, typed, vec!["branch".to_owned()], None, None);
    }
    let saved = administrations::save(&member.app.store, member.now, member.actor(), &wanted, former).await;
    match saved {
        Ok(()) => Ok(done(AdministrationDone::Saved)),
        Err(EditError::Invalid(problems)) => {
            let errors = problems.into_iter().map(|problem| problem.field).collect();
            page(member, typed, errors, None, None)
        }
        Err(EditError::Exists) => {
            let stored = find(member, &wanted.domain).await?.map(|stored| stored.value);
            page(member, typed, Vec::new(), Some(AdministrationNotice::Exists), stored)
        }
        Err(EditError::Outdated) => {
            let stored = find(member, &wanted.domain).await?;
            outdated(member, typed, stored)
        }
        Err(error) => Err(PageError::from_inside(&error).into()),
    }
}

/// What was typed, beside what somebody else has stored meanwhile: to save again overwrites that, knowingly.
fn outdated(
    member: &Member,
    typed: AdministrationForm,
    stored: Option<Versioned<Administration>>,
) -> Result<Response, AuthorizeError> {
    let (notice, version) = match &stored {
        Some(stored) => (AdministrationNotice::Changed, stored.mark()),
        None => (AdministrationNotice::Deleted, String::new()),
    };
    let typed = AdministrationForm { version, ..typed };
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
    form: AdministrationForm,
    errors: Vec<String>,
    notice: Option<AdministrationNotice>,
    stored: Option<Administration>,
) -> Result<Response, AuthorizeError> {
    let address = format!("/console/administrations/domaine/{}", form.domain);
    let is_new = form.version.is_empty();
    let page = AdministrationPage {
        layout: member.layout(&ADMINISTRATIONS),
        action: if is_new { ADD.to_owned() } else { address.clone() },
        delete_action: (!is_new).then(|| format!("{address}/suppression")),
        form,
        errors,
        notice,
        stored,
        may_edit: member.may(Right::EditAdministrations),
        may_list: member.may(Right::SeeAdministrations),
    };
    Ok(Html(page.render()?).into_response())
}

async fn find(member: &Member, domain: &str) -> Result<Option<Versioned<Administration>>, PageError> {
    // PostgreSQL takes no NUL in a text.
    if domain.contains('\0') {
        return Ok(None);
    }
    Ok(member.app.store.find_administration_version(domain).await?)
}

fn not_found() -> PageError {
    PageError::new(ErrorKind::NotFound)
}

fn typed(form: &Params) -> AdministrationForm {
    let text = |name: &str| form.get(name).unwrap_or_default().trim().to_owned();
    let digits = |name: &str| text(name).split_whitespace().collect();
    AdministrationForm {
        domain: text("domain").to_lowercase(),
        name: text("name"),
        siren: digits("siren"),
        siret: digits("siret"),
        branch: text("branch"),
        organizational_unit: text("organizational_unit"),
        version: text("version"),
    }
}

fn filled(stored: &Versioned<Administration>) -> AdministrationForm {
    let one = stored.value.clone();
    AdministrationForm {
        domain: one.domain,
        name: one.name,
        siren: one.siren.unwrap_or_default(),
        siret: one.siret.unwrap_or_default(),
        branch: one.branch.map(Branch::as_str).unwrap_or_default().to_owned(),
        organizational_unit: one.organizational_unit.unwrap_or_default(),
        version: stored.mark(),
    }
}

/// What the form asks for, and whether it names a branch that there is, or none.
fn wanted(form: &AdministrationForm) -> (Administration, bool) {
    let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let branch = some(&form.branch).map(|text| Branch::parse(&text));
    let administration = Administration {
        domain: form.domain.clone(),
        name: form.name.clone(),
        siren: some(&form.siren),
        siret: some(&form.siret),
        branch: branch.flatten(),
        organizational_unit: some(&form.organizational_unit),
    };
    (administration.with_siren_of_siret(), branch != Some(None))
}
