//! The table of administrations.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::caller::Caller;
use super::problem::Problem;
use super::read::{Asked, Body, Named, Precondition, etag};
use super::{Page, page, place};
use crate::app::SharedApp;
use crate::console::administrations;
use crate::domain::administration::{Administration, term};
use crate::domain::api::ApiScope;
use crate::domain::role::Right;
use crate::protocol::admission::Branch;

const PER_PAGE: u32 = 50;

pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, save, delete))
}

/// What a list of administrations is narrowed to.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// The beginning of a domain, a number or a word of a name.
    search: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
}

/// Administrations by domain.
#[utoipa::path(get, path = "/administrations", tag = "administrations", params(Filter),
    security(("oauth2" = ["administrations:read"])),
    responses((status = 200, description = "A page of the list", body = Page<Administration>)))]
async fn list(caller: Caller, Asked(asked): Asked<Filter>) -> Result<Json<Page<Administration>>, Problem> {
    caller.require(ApiScope::AdministrationsRead, Right::SeeAdministrations)?;
    let search = asked.search.unwrap_or_default().trim().to_owned();
    let list = format!("administrations\n{search}");
    let after: Option<String> = place(&caller, &list, asked.after.as_deref())?;
    let term = term(&search);
    let store = &caller.app.store;
    let found = match (search.is_empty(), term.is_empty()) {
        // Nothing is called so.
        (false, true) => Vec::new(),
        (is_all, _) => {
            let term = Some(term.as_str()).filter(|_| !is_all);
            store
                .list_administration_page(after.as_deref(), term, PER_PAGE + 1)
                .await?
        }
    };
    let found = found.into_iter().map(|one| (one.domain.clone(), one)).collect();
    page(&caller, &list, found, PER_PAGE).map(Json)
}

/// The administration of an e-mail domain.
#[utoipa::path(get, path = "/administrations/{domain}", tag = "administrations",
    params(("domain" = String, Path, description = "E-mail domain")), security(("oauth2" = ["administrations:read"])),
    responses((status = 200, description = "The administration", body = Administration,
        headers(("ETag" = String, description = "Its version")))))]
async fn show(caller: Caller, Named(domain): Named<String>) -> Result<Response, Problem> {
    caller.require(ApiScope::AdministrationsRead, Right::SeeAdministrations)?;
    answer(&caller, &domain).await
}

async fn answer(caller: &Caller, domain: &str) -> Result<Response, Problem> {
    let stored = caller.app.store.find_administration_version(domain).await?;
    let stored = stored.ok_or_else(Problem::not_found)?;
    Ok((etag(&stored.mark()), Json(stored.value)).into_response())
}

/// An administration as it is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WantedAdministration {
    /// The name agents and services read.
    name: String,
    /// 9 digits, Luhn; that of the SIRET when it is left out.
    siren: Option<String>,
    /// 14 digits, Luhn, starting with the SIREN.
    siret: Option<String>,
    /// Which public service.
    branch: Option<Branch>,
    /// A part of the body, when the domain stands for one.
    organizational_unit: Option<String>,
}

/// Changes the administration of a domain, or adds it (`If-None-Match: *`).
#[utoipa::path(put, path = "/administrations/{domain}", tag = "administrations", request_body = WantedAdministration,
    params(("domain" = String, Path, description = "E-mail domain"),
        ("If-Match" = Option<String>, Header, description = "The ETag of what was read, to change it"),
        ("If-None-Match" = Option<String>, Header, description = "`*`, to add it")),
    security(("oauth2" = ["administrations:write"])),
    responses((status = 200, description = "The administration as it is now", body = Administration,
        headers(("ETag" = String, description = "Its version")))))]
async fn save(
    caller: Caller,
    Named(domain): Named<String>,
    precondition: Precondition,
    Body(wanted): Body<WantedAdministration>,
) -> Result<Response, Problem> {
    caller.require(ApiScope::AdministrationsWrite, Right::EditAdministrations)?;
    let store = &caller.app.store;
    let former = store.find_administration_version(&domain).await?;
    precondition.saw_or_makes(former.as_ref().map(|former| former.mark()).as_deref())?;
    let wanted = Administration {
        domain,
        name: wanted.name,
        siren: wanted.siren,
        siret: wanted.siret,
        branch: wanted.branch,
        organizational_unit: wanted.organizational_unit,
    }
    .with_siren_of_siret();
    administrations::save(store, caller.now, caller.actor(), &wanted, former.as_ref()).await?;
    answer(&caller, &wanted.domain).await
}

/// Deletes an administration.
#[utoipa::path(delete, path = "/administrations/{domain}", tag = "administrations",
    params(("domain" = String, Path, description = "E-mail domain"),
        ("If-Match" = String, Header, description = "The ETag of what was read")),
    security(("oauth2" = ["administrations:write"])), responses((status = 204, description = "It is gone")))]
async fn delete(
    caller: Caller,
    Named(domain): Named<String>,
    precondition: Precondition,
) -> Result<StatusCode, Problem> {
    caller.require(ApiScope::AdministrationsWrite, Right::EditAdministrations)?;
    let store = &caller.app.store;
    let stored = store.find_administration_version(&domain).await?;
    let stored = stored.ok_or_else(Problem::not_found)?;
    precondition.saw(&stored.mark())?;
    administrations::delete(store, caller.now, caller.actor(), &stored).await?;
    Ok(StatusCode::NO_CONTENT)
}
