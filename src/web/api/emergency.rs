//! The end of everything of a client, an administration or a homeserver: counted first, then confirmed.

use axum::Json;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::agents::Ended;
use super::caller::Caller;
use super::problem::Problem;
use super::read::Body;
use crate::app::SharedApp;
use crate::console::clients::Refused;
use crate::console::sessions;
use crate::domain::api::ApiScope;
use crate::domain::ending::Target;
use crate::domain::role::Right;
use crate::protocol::client_metadata::is_domain_name;

pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new().routes(routes!(preview)).routes(routes!(end))
}

/// Of what everything ends.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// By `client_id`.
    Client,
    /// By e-mail domain.
    Administration,
    /// By server name.
    Homeserver,
}

/// Whose sessions and tokens would end.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Preview {
    kind: Kind,
    /// Which one.
    name: String,
}

/// Whose sessions and tokens end.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct End {
    kind: Kind,
    /// Which one.
    name: String,
    /// The name, once more.
    confirm: String,
    /// The number of sessions that the preview told: of more, nothing is ended.
    at_most: usize,
}

fn target(kind: Kind, name: &str) -> Result<Target, Problem> {
    let is_name = match kind {
        // Part of a pattern in the database.
        Kind::Administration => is_domain_name(name),
        _ => !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic()),
    };
    let name = match is_name {
        true => name.to_owned(),
        false => return Err(Refused::problem("name", "nothing of this kind can be called so").into()),
    };
    Ok(match kind {
        Kind::Client => Target::Client(name),
        Kind::Administration => Target::Administration(name),
        Kind::Homeserver => Target::Homeserver(name),
    })
}

/// How much would end; nothing is ended.
#[utoipa::path(post, path = "/emergency/preview", tag = "emergency", request_body = Preview,
    security(("oauth2" = ["everything:end"])), responses((status = 200, description = "How much there is", body = Ended)))]
async fn preview(caller: Caller, Body(asked): Body<Preview>) -> Result<Json<Ended>, Problem> {
    caller.require(ApiScope::EverythingEnd, Right::EndEverything)?;
    let target = target(asked.kind, &asked.name)?;
    let toll = caller.app.store.count_living(&target, caller.now).await?;
    Ok(Json(toll.into()))
}

/// Ends everything of a client, an administration or a homeserver. Services are told.
#[utoipa::path(post, path = "/emergency/end", tag = "emergency", request_body = End,
    security(("oauth2" = ["everything:end"])), responses((status = 200, description = "How much was ended", body = Ended)))]
async fn end(caller: Caller, Body(asked): Body<End>) -> Result<Json<Ended>, Problem> {
    caller.require(ApiScope::EverythingEnd, Right::EndEverything)?;
    let target = target(asked.kind, &asked.name)?;
    if asked.confirm != asked.name {
        return Err(Refused::problem("confirm", "is not the name").into());
    }
    let living = caller.app.store.count_living(&target, caller.now).await?;
    if living.sessions > asked.at_most {
        let detail = "there are more sessions than at_most; ask for the preview again";
        return Err(Problem::conflict("more_than_confirmed", detail));
    }
    // On a task of its own: a program that goes away, or an answer that takes too long, does not stop it half-way.
    let (app, actor, now) = (caller.app.clone(), caller.actor(), caller.now);
    let task = tokio::spawn(async move {
        let toll = sessions::end_everything(&app.store, actor, &target, now).await;
        app.logout_queued.notify_one();
        toll
    });
    let toll = task.await.map_err(|error| Problem::from_inside(&error))??;
    Ok(Json(toll.into()))
}
