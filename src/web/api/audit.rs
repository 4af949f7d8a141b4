//! The audit log, by pages.

use axum::Json;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::console::journal;
use super::super::pages::console::JournalForm;
use super::caller::Caller;
use super::problem::Problem;
use super::read::Asked;
use super::{Page, page, place};
use crate::app::SharedApp;
use crate::domain::api::ApiScope;
use crate::domain::role::Right;

const PER_PAGE: u32 = 50;

pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new().routes(routes!(list))
}

/// What events are narrowed to.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// `administrative` or `security`.
    class: Option<String>,
    /// For example `client.changed`.
    action: Option<String>,
    /// `agent`, `client`, `command_line` or `system`.
    actor: Option<String>,
    /// The internal id of the agent, or the `client_id`, with its kind.
    actor_id: Option<String>,
    /// For example `client`.
    object: Option<String>,
    /// Its id, with its kind.
    object_id: Option<String>,
    /// The first day, for example `2026-11-01`.
    from: Option<String>,
    /// The last day.
    through: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
}

/// An event.
#[derive(Serialize, ToSchema)]
struct Event {
    /// Unique.
    id: String,
    /// Unix seconds.
    at: i64,
    /// `administrative` or `security`.
    class: String,
    /// What was done.
    action: String,
    /// Who did it.
    actor: Thing,
    /// To what.
    object: Thing,
    /// What else matters; `api_access` says by which access to the API.
    detail: Value,
    /// Its place in the chain; administrative acts only.
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<Link>,
}

/// Somebody or something.
#[derive(Serialize, ToSchema)]
struct Thing {
    /// Of which kind.
    kind: String,
    /// Which one; empty where there is but one.
    id: String,
}

/// A place in the chain.
#[derive(Serialize, ToSchema)]
struct Link {
    /// The day and the number on it, as `2026-11-24/7`.
    place: String,
    /// For this act and all before it.
    hash: String,
}

/// The audit log, the newest events first.
#[utoipa::path(get, path = "/audit", tag = "audit", params(Filter), security(("oauth2" = ["audit:read"])),
    responses((status = 200, description = "A page of the log", body = Page<Event>)))]
async fn list(caller: Caller, Asked(asked): Asked<Filter>) -> Result<Json<Page<Event>>, Problem> {
    caller.require(ApiScope::AuditRead, Right::SeeAudit)?;
    let text = |given: &Option<String>| given.as_deref().unwrap_or_default().trim().to_owned();
    let form = JournalForm {
        class: text(&asked.class),
        action: text(&asked.action),
        actor_kind: text(&asked.actor),
        actor_id: text(&asked.actor_id),
        object_kind: text(&asked.object),
        object_id: text(&asked.object_id),
        from: text(&asked.from),
        through: text(&asked.through),
    };
    let filter = journal::filter(&form)?;
    let list = format!("audit\n{}", filter.to_json());
    let before: Option<(i64, String)> = place(&caller, &list, asked.after.as_deref())?;
    let before = before.as_ref().map(|(at, id)| (*at, id.as_str()));
    let mut found = Vec::new();
    for entry in caller
        .app
        .store
        .list_audit_events(&filter, before, PER_PAGE + 1)
        .await?
    {
        let place = (entry.at, entry.id.clone());
        let event = Event {
            id: entry.id,
            at: entry.at,
            class: entry.class,
            action: entry.action,
            actor: Thing {
                kind: entry.actor_kind,
                id: entry.actor_id,
            },
            object: Thing {
                kind: entry.object_kind,
                id: entry.object_id,
            },
            detail: serde_json::from_str(&entry.detail).unwrap_or_default(),
            chain: entry.link.map(|link| Link {
                place: link.place(),
                hash: link.hash,
            }),
        };
        found.push((place, event));
    }
    page(&caller, &list, found, PER_PAGE).map(Json)
}
