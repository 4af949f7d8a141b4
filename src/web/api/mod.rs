//! The API of operators and partners (decision 66): JSON under `/api/v1`, with tokens of `client_credentials`. Each endpoint calls
//! what the console's page calls. The routes are the document: `document.rs` writes it from them.

mod administrations;
mod agents;
mod audit;
mod caller;
mod clients;
mod document;
mod emergency;
mod homeservers;
mod keys;
mod problem;
mod read;
mod statistics;

use std::sync::LazyLock;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::cursor;
use super::layers;
use crate::app::SharedApp;
use crate::domain::role::Role;
use caller::Caller;
pub use caller::{ENDED, audience, standing, take_one};
use problem::Problem;

/// Where the API is.
const BASE: &str = "/api/v1";
/// Where its document is.
pub const DOCUMENT: &str = "/api/v1/openapi.json";

/// The endpoints with their part of the document.
fn endpoints() -> OpenApiRouter<SharedApp> {
    let below = OpenApiRouter::new()
        .routes(routes!(access))
        .merge(clients::routes())
        .merge(administrations::routes())
        .merge(homeservers::routes())
        .merge(keys::routes())
        .merge(agents::routes())
        .merge(emergency::routes())
        .merge(audit::routes())
        .merge(statistics::routes());
    OpenApiRouter::new().nest(BASE, below)
}

/// The routes of the API. `time_limit` is for one request, with its body.
pub fn routes(time_limit: std::time::Duration) -> Router<SharedApp> {
    let wrong_method = async || {
        Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method",
            "this address does not take the method",
        )
    };
    let nothing = async || Problem::not_found();
    let (router, _) = endpoints().split_for_parts();
    router
        .route(DOCUMENT, get(show_document))
        .route("/api", axum::routing::any(nothing))
        .route("/api/{*rest}", axum::routing::any(nothing))
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(move |request, next| {
            layers::in_time(time_limit, request, next, || {
                Problem::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "too_slow",
                    "the request took too long; try again later",
                )
            })
        }))
}

/// `GET /api/v1/openapi.json`: for everybody, since it says nothing of anybody.
async fn show_document(State(app): State<SharedApp>) -> Response {
    static DESCRIBED: LazyLock<OpenApi> = LazyLock::new(|| endpoints().split_for_parts().1);
    match document::write(DESCRIBED.clone(), &app.config.issuer) {
        Ok(document) => Json(document).into_response(),
        Err(error) => Problem::from_inside(&error).into_response(),
    }
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
struct Page<T> {
    /// In the order of the list.
    items: Vec<T>,
    /// The `after` of the next page; none on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Makes a page of one more than fit on it, each with its place.
fn page<T, P: Serialize + Clone>(
    caller: &Caller,
    list: &str,
    mut found: Vec<(P, T)>,
    per_page: u32,
) -> Result<Page<T>, Problem> {
    let list = bound(caller, list);
    Ok(Page {
        next: cursor::cut(&caller.app, &list, &mut found, per_page, |(place, _)| place.clone())?,
        items: found.into_iter().map(|(_, item)| item).collect(),
    })
}

/// The place that a page goes on after.
fn place<P: serde::de::DeserializeOwned>(
    caller: &Caller,
    list: &str,
    after: Option<&str>,
) -> Result<Option<P>, Problem> {
    Ok(cursor::named(&caller.app, &bound(caller, list), after)?)
}

/// A place of one access's list is none of another's.
fn bound(caller: &Caller, list: &str) -> String {
    format!("api\n{}\n{list}", caller.access.client_id)
}

/// The access that a token is of.
#[derive(Serialize, ToSchema)]
struct Access {
    /// `client_id`.
    client_id: String,
    /// As its maker calls it.
    name: String,
    /// The Matrix id of its maker, in whose name it acts.
    matrix_id: String,
    /// `operator`, `support`, `manager` or `partner`.
    role: String,
    /// The administration, for a manager.
    #[serde(skip_serializing_if = "Option::is_none")]
    administration: Option<String>,
    /// What the token is good for.
    scopes: Vec<String>,
    /// Unix seconds; none lives until it is revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
}

/// Which access this token is of, and what it may do.
#[utoipa::path(get, path = "/access", tag = "access", security(("oauth2" = [])),
    responses((status = 200, description = "The access", body = Access)))]
async fn access(caller: Caller) -> Json<Access> {
    let role = caller.access.role.as_ref();
    let (name, administration) = role.map_or(("partner", ""), Role::parts);
    Json(Access {
        client_id: caller.access.client_id.clone(),
        name: caller.access.name.clone(),
        matrix_id: caller.agent.matrix_id.clone(),
        role: name.to_owned(),
        administration: Some(administration.to_owned()).filter(|domain| !domain.is_empty()),
        scopes: caller.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
        expires_at: caller.access.expires_at,
    })
}
