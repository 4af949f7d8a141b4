//! The list of homeservers: how they are, tests on demand, and taking them off the list.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::i18n::{Language, Text};
use super::super::pages::console::homeserver_test::{TestOutcome, lines, too_slow};
use super::caller::Caller;
use super::problem::Problem;
use super::read::{Asked, Body, Named, Precondition, etag};
use crate::app::SharedApp;
use crate::console::homeservers;
use crate::domain::api::ApiScope;
use crate::domain::homeserver::{Homeserver, OAuthSettings, Watch, Way};
use crate::domain::role::Right;
use crate::upstream::{Api, Tested};

pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, save, retire))
        .routes(routes!(test))
}

/// How a homeserver is.
#[derive(Serialize, ToSchema)]
struct HomeserverHealth {
    /// Since when it answers nothing of use, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_since: Option<i64>,
    /// When it last answered, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_success: Option<i64>,
}

/// A homeserver and how it is.
#[derive(Serialize, ToSchema)]
struct Listed {
    homeserver: Homeserver,
    health: HomeserverHealth,
}

/// The list of homeservers.
#[derive(Serialize, ToSchema)]
struct List {
    /// In the order that agents meet.
    homeservers: Vec<Listed>,
}

fn listed(caller: &Caller, homeserver: Homeserver) -> Listed {
    let health = caller.app.upstream.health().of(&homeserver.name, Api::Client);
    let health = HomeserverHealth {
        failing_since: health.failing_since,
        last_success: health.last_success,
    };
    Listed { homeserver, health }
}

/// The homeservers in the order that agents meet.
#[utoipa::path(get, path = "/homeservers", tag = "homeservers", security(("oauth2" = ["homeservers:read"])),
    responses((status = 200, description = "The list", body = List)))]
async fn list(caller: Caller) -> Result<Json<List>, Problem> {
    caller.require(ApiScope::HomeserversRead, Right::SeeHomeservers)?;
    let all = caller.app.store.list_homeservers().await?.into_iter();
    Ok(Json(List {
        homeservers: all.map(|one| listed(&caller, one)).collect(),
    }))
}

/// One homeserver.
#[utoipa::path(get, path = "/homeservers/{name}", tag = "homeservers",
    params(("name" = String, Path, description = "Server name")), security(("oauth2" = ["homeservers:read"])),
    responses((status = 200, description = "The homeserver", body = Listed,
        headers(("ETag" = String, description = "Its version")))))]
async fn show(caller: Caller, Named(name): Named<String>) -> Result<Response, Problem> {
    caller.require(ApiScope::HomeserversRead, Right::SeeHomeservers)?;
    answer(&caller, &name).await
}

async fn answer(caller: &Caller, name: &str) -> Result<Response, Problem> {
    let stored = caller.app.store.find_homeserver_version(name).await?;
    let stored = stored.ok_or_else(Problem::not_found)?;
    Ok((etag(&stored.mark()), Json(listed(caller, stored.value))).into_response())
}

/// A homeserver as it is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WantedHomeserver {
    /// What agents read on pages.
    label: String,
    /// Base URL of its client API, without a trailing slash.
    base_url: String,
    /// Its accounts are guests.
    #[serde(default)]
    guests: bool,
    /// The ways in that are switched on, most preferred first.
    #[serde(default = "Way::default_order")]
    ways: Vec<Way>,
    /// E-mail domains it is entitled to.
    #[serde(default)]
    email_domains: Vec<String>,
    /// It offers the directory endpoint.
    #[serde(default)]
    directory: bool,
    /// Its single sign-on asks for credentials at every login.
    #[serde(default)]
    sso_always_asks: bool,
    /// An account whose address has a newer `added_at` is another agent.
    #[serde(default)]
    recreated_by_address: bool,
    /// What is said of its authentication service.
    #[serde(default)]
    oauth: OAuthSettings,
    /// How it is asked whether accounts still stand.
    #[serde(default)]
    watch: Watch,
}

/// Changes a homeserver, or adds it at the end of the list (`If-None-Match: *`).
#[utoipa::path(put, path = "/homeservers/{name}", tag = "homeservers", request_body = WantedHomeserver,
    params(("name" = String, Path, description = "Server name"),
        ("If-Match" = Option<String>, Header, description = "The ETag of what was read, to change it"),
        ("If-None-Match" = Option<String>, Header, description = "`*`, to add it")),
    security(("oauth2" = ["homeservers:write"])),
    responses((status = 200, description = "The homeserver as it is now", body = Listed,
        headers(("ETag" = String, description = "Its version")))))]
async fn save(
    caller: Caller,
    Named(name): Named<String>,
    precondition: Precondition,
    Body(wanted): Body<WantedHomeserver>,
) -> Result<Response, Problem> {
    caller.require(ApiScope::HomeserversWrite, Right::EditHomeservers)?;
    let store = &caller.app.store;
    let former = store.find_homeserver_version(&name).await?;
    precondition.saw_or_makes(former.as_ref().map(|former| former.mark()).as_deref())?;
    let wanted = Homeserver {
        name,
        label: wanted.label,
        base_url: wanted.base_url,
        guests: wanted.guests,
        ways: wanted.ways,
        email_domains: wanted.email_domains,
        directory: wanted.directory,
        sso_always_asks: wanted.sso_always_asks,
        recreated_by_address: wanted.recreated_by_address,
        oauth: wanted.oauth,
        watch: wanted.watch,
    };
    homeservers::save(store, caller.now, caller.actor(), &wanted, former.as_ref()).await?;
    answer(&caller, &wanted.name).await
}

/// What confirms that a homeserver is taken off the list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Confirmation {
    /// Its name, once more.
    confirm: String,
}

/// Takes a homeserver off the list: nobody signs in there from now on. The last one that the maker of the access signs in at stays.
#[utoipa::path(delete, path = "/homeservers/{name}", tag = "homeservers",
    params(("name" = String, Path, description = "Server name"), Confirmation,
        ("If-Match" = String, Header, description = "The ETag of what was read")),
    security(("oauth2" = ["homeservers:write"])), responses((status = 204, description = "It is off the list")))]
async fn retire(
    caller: Caller,
    Named(name): Named<String>,
    precondition: Precondition,
    Asked(asked): Asked<Confirmation>,
) -> Result<StatusCode, Problem> {
    caller.require(ApiScope::HomeserversWrite, Right::EditHomeservers)?;
    let store = &caller.app.store;
    let stored = store.find_homeserver_version(&name).await?;
    let stored = stored.ok_or_else(Problem::not_found)?;
    precondition.saw(&stored.mark())?;
    if asked.confirm != name {
        return Err(crate::console::clients::Refused::problem("confirm", "is not its name").into());
    }
    let own = &caller.agent.homeserver;
    homeservers::retire(store, caller.now, caller.actor(), &stored, own).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One thing that was looked at.
#[derive(Serialize, ToSchema)]
struct TestLine {
    /// `ok`, `warning` or `failed`.
    outcome: &'static str,
    /// What was found, in English.
    words: String,
    /// What exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// What a login at a homeserver would meet.
#[derive(Serialize, ToSchema)]
struct Test {
    /// In the order of a login.
    lines: Vec<TestLine>,
}

/// Asks a homeserver what a login would, without a trace there.
#[utoipa::path(post, path = "/homeservers/{name}/test", tag = "homeservers",
    params(("name" = String, Path, description = "Server name")), security(("oauth2" = ["homeservers:write"])),
    responses((status = 200, description = "What was found", body = Test)))]
async fn test(caller: Caller, Named(name): Named<String>) -> Result<Json<Test>, Problem> {
    caller.require(ApiScope::HomeserversWrite, Right::EditHomeservers)?;
    let app = &caller.app;
    let stored = app.store.find_homeserver_version(&name).await?;
    let stored = stored.ok_or_else(Problem::not_found)?.value;
    let text = Text::new(Language::En);
    let lines = match homeservers::test(app, caller.now, caller.actor(), &stored).await? {
        Tested::Done(found) => {
            let held_to = homeservers::held_to(&app.store, &stored).await?;
            lines(&text, &stored, held_to.as_deref(), &found, caller.now)
        }
        Tested::TooSlow => too_slow(&text),
        Tested::Busy => {
            return Err(Problem::conflict(
                "busy",
                "another test is under way; try again in a moment",
            ));
        }
    };
    let line = |line: super::super::pages::console::TestLine| TestLine {
        outcome: match line.outcome {
            TestOutcome::Ok => "ok",
            TestOutcome::Warning => "warning",
            TestOutcome::Failed => "failed",
        },
        words: line.words,
        detail: line.detail,
    };
    Ok(Json(Test {
        lines: lines.into_iter().map(line).collect(),
    }))
}
