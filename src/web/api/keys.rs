//! The signing keys: their states, rotation, and retiring one that somebody else has.

use axum::Json;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::caller::Caller;
use super::problem::Problem;
use super::read::{Body, Named};
use crate::app::SharedApp;
use crate::console::keys;
use crate::domain::api::ApiScope;
use crate::domain::role::Right;
use crate::keys::{KeyInfo, KeysError};

pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(rotate))
        .routes(routes!(withdraw))
}

/// The signing keys.
#[derive(Serialize, ToSchema)]
struct Keys {
    /// Those that are published, and those that are not any more.
    keys: Vec<KeyInfo>,
    /// When the next ones are made of themselves, Unix seconds; none where that is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_rotation: Option<i64>,
    /// When the newest ones were published, Unix seconds.
    published_at: i64,
}

fn view(caller: &Caller) -> Keys {
    let app = &caller.app;
    Keys {
        keys: app.keys.list(caller.now),
        next_rotation: app.config.key_rotation.and_then(|period| app.keys.due_at(period)),
        published_at: app.keys.published_at(),
    }
}

/// The signing keys with their states.
#[utoipa::path(get, path = "/keys", tag = "keys", security(("oauth2" = ["keys:read"])),
    responses((status = 200, description = "The keys", body = Keys)))]
async fn list(caller: Caller) -> Result<Json<Keys>, Problem> {
    caller.require(ApiScope::KeysRead, Right::SeeKeys)?;
    Ok(Json(view(&caller)))
}

/// How keys are rotated.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rotation {
    /// They sign at once, for when a key is lost or stolen: services that keep the key set fail until they fetch it again.
    immediately: bool,
}

/// Makes new signing keys.
#[utoipa::path(post, path = "/keys/rotate", tag = "keys", request_body = Rotation,
    security(("oauth2" = ["keys:write"])), responses((status = 200, description = "The keys as they are now", body = Keys)))]
async fn rotate(caller: Caller, Body(wanted): Body<Rotation>) -> Result<Json<Keys>, Problem> {
    caller.require(ApiScope::KeysWrite, Right::EditKeys)?;
    let app = &caller.app;
    keys::rotate(&app.keys, &app.store, caller.now, caller.actor(), wanted.immediately).await?;
    Ok(Json(view(&caller)))
}

/// Retires a replaced key before its time.
#[utoipa::path(delete, path = "/keys/{kid}", tag = "keys", params(("kid" = String, Path, description = "kid")),
    security(("oauth2" = ["keys:write"])), responses((status = 204, description = "It is published no more")))]
async fn withdraw(caller: Caller, Named(kid): Named<String>) -> Result<StatusCode, Problem> {
    caller.require(ApiScope::KeysWrite, Right::EditKeys)?;
    let app = &caller.app;
    match keys::withdraw(&app.keys, &app.store, caller.now, caller.actor(), &kid).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(KeysError::NotRetired(_)) => Err(Problem::conflict(
            "not_replaced",
            "there is no key of this kid that was replaced",
        )),
        Err(error) => Err(error.into()),
    }
}
