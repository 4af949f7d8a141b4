//! What is done to one client: disabled and enabled, its testers, its secrets.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::caller::Caller;
use super::super::problem::Problem;
use super::super::read::{Body, Named, Precondition};
use super::{Client, Opened, mark};
use crate::console::clients;

const DAY: i64 = 86_400;

/// Disables a client: it is treated as unknown. Where an operator's program with `clients:approve` does it, only operators enable
/// it again; otherwise its owners may.
#[utoipa::path(post, path = "/clients/{id}/disable", tag = "clients",
    params(("id" = String, Path, description = "client_id"),
        ("If-Match" = String, Header, description = "The ETag of what was read")),
    security(("oauth2" = ["clients:write"])),
    responses((status = 200, description = "The client as it is now", body = Client,
        headers(("ETag" = String, description = "Its version")))))]
pub async fn disable(
    caller: Caller,
    Named(id): Named<String>,
    precondition: Precondition,
) -> Result<Response, Problem> {
    set_disabled(caller, &id, precondition, true).await
}

/// Enables a client that was disabled.
#[utoipa::path(post, path = "/clients/{id}/enable", tag = "clients",
    params(("id" = String, Path, description = "client_id"),
        ("If-Match" = String, Header, description = "The ETag of what was read")),
    security(("oauth2" = ["clients:write"])),
    responses((status = 200, description = "The client as it is now", body = Client,
        headers(("ETag" = String, description = "Its version")))))]
pub async fn enable(caller: Caller, Named(id): Named<String>, precondition: Precondition) -> Result<Response, Problem> {
    set_disabled(caller, &id, precondition, false).await
}

async fn set_disabled(
    caller: Caller,
    id: &str,
    precondition: Precondition,
    disabled: bool,
) -> Result<Response, Problem> {
    let opened = Opened::write(&caller, id).await?;
    precondition.saw(&mark(&opened.kept))?;
    clients::set_disabled(&caller.app.store, &caller.author(), &opened.kept, disabled, caller.now).await?;
    Opened::answer(&caller, id).await
}

/// Who may try a client out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Testers {
    /// Matrix ids, at most 20.
    testers: Vec<String>,
}

/// Says who may try a client out before it is in production.
#[utoipa::path(put, path = "/clients/{id}/testers", tag = "clients", request_body = Testers,
    params(("id" = String, Path, description = "client_id"),
        ("If-Match" = String, Header, description = "The ETag of what was read")),
    security(("oauth2" = ["clients:write"])),
    responses((status = 200, description = "The client as it is now", body = Client,
        headers(("ETag" = String, description = "Its version")))))]
pub async fn set_testers(
    caller: Caller,
    Named(id): Named<String>,
    precondition: Precondition,
    Body(wanted): Body<Testers>,
) -> Result<Response, Problem> {
    let opened = Opened::write(&caller, &id).await?;
    precondition.saw(&mark(&opened.kept))?;
    let testers: Vec<&str> = wanted.testers.iter().map(String::as_str).collect();
    clients::set_testers(&caller.app, &caller.author(), &opened.kept, &testers, caller.now).await?;
    Opened::answer(&caller, &id).await
}

/// A living secret, by everything but its value.
#[derive(Serialize, ToSchema)]
pub struct Secret {
    /// Tells secrets apart.
    id: String,
    /// Unix seconds.
    created_at: i64,
    /// Unix seconds; none lives until it is retired.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
}

/// The living secrets of a client.
#[derive(Serialize, ToSchema)]
pub struct Secrets {
    /// The oldest first.
    secrets: Vec<Secret>,
}

/// The living secrets of a client, without their values.
#[utoipa::path(get, path = "/clients/{id}/secrets", tag = "clients",
    params(("id" = String, Path, description = "client_id")), security(("oauth2" = ["clients:read"])),
    responses((status = 200, description = "The secrets", body = Secrets)))]
pub async fn secrets(caller: Caller, Named(id): Named<String>) -> Result<Json<Secrets>, Problem> {
    Opened::read(&caller, &id).await?;
    let living = caller.app.store.list_client_secrets(&id, caller.now).await?;
    let secrets = living.into_iter().map(|secret| Secret {
        id: secret.id,
        created_at: secret.created_at,
        expires_at: secret.expires_at,
    });
    Ok(Json(Secrets {
        secrets: secrets.collect(),
    }))
}

/// How long a secret lives.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSecret {
    /// Days, at most ten years; without it the secret lives until it is retired.
    #[schema(minimum = 1, maximum = 3650)]
    days: Option<u16>,
}

/// A new secret.
#[derive(Serialize, ToSchema)]
pub struct AddedSecret {
    /// Shown here and nowhere else.
    client_secret: String,
}

/// Gives a client one more secret: several may live at a time.
#[utoipa::path(post, path = "/clients/{id}/secrets", tag = "clients", request_body = NewSecret,
    params(("id" = String, Path, description = "client_id")), security(("oauth2" = ["clients:write"])),
    responses((status = 201, description = "The secret", body = AddedSecret)))]
pub async fn add_secret(
    caller: Caller,
    Named(id): Named<String>,
    Body(wanted): Body<NewSecret>,
) -> Result<Response, Problem> {
    let opened = Opened::write(&caller, &id).await?;
    if wanted.days.is_some_and(|days| days == 0 || days > 3650) {
        return Err(clients::Refused::problem("days", "1 to 3650").into());
    }
    let lifetime = wanted.days.map(|days| i64::from(days) * DAY);
    let author = caller.author();
    let client_secret =
        clients::add_secret(&caller.app.store, &author, &opened.kept.client, lifetime, caller.now).await?;
    Ok((StatusCode::CREATED, Json(AddedSecret { client_secret })).into_response())
}

/// Retires a secret: it ends at once.
#[utoipa::path(delete, path = "/clients/{id}/secrets/{secret}", tag = "clients",
    params(("id" = String, Path, description = "client_id"), ("secret" = String, Path, description = "Its id")),
    security(("oauth2" = ["clients:write"])), responses((status = 204, description = "It is retired")))]
pub async fn retire_secret(
    caller: Caller,
    Named((id, secret)): Named<(String, String)>,
) -> Result<StatusCode, Problem> {
    Opened::write(&caller, &id).await?;
    clients::retire_secret(&caller.app, &caller.author(), &id, &secret, caller.now).await?;
    Ok(StatusCode::NO_CONTENT)
}
