//! Agents, found by an exact identifier only, with their sessions.

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
use crate::console::sessions;
use crate::domain::agent;
use crate::domain::api::ApiScope;
use crate::domain::ending::Toll;
use crate::domain::role::Right;
use crate::domain::session::BrowserSession;
use crate::secret::{constant_time_eq, fingerprint};

pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(search))
        .routes(routes!(show))
        .routes(routes!(list_sessions, end_all))
        .routes(routes!(end_session))
}

/// An agent.
#[derive(Serialize, ToSchema)]
struct Agent {
    /// Ours.
    id: String,
    /// `@local:server`.
    matrix_id: String,
    /// As the homeserver gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The address that counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// `stands`, `closed`, or why it is paused.
    state: String,
    /// First sign-in, Unix seconds.
    created_at: i64,
}

impl From<agent::Agent> for Agent {
    fn from(agent: agent::Agent) -> Self {
        Self {
            state: agent.account().to_string(),
            id: agent.id,
            matrix_id: agent.matrix_id,
            name: agent.display_name,
            email: agent.email.map(|email| email.address),
            created_at: agent.created_at,
        }
    }
}

/// Who is looked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Search {
    /// A whole Matrix id, e-mail address, or `sub` as a client knows it.
    identifier: String,
}

/// Those who were found.
#[derive(Serialize, ToSchema)]
struct Found {
    /// Several when an address was of several accounts.
    agents: Vec<Agent>,
}

/// Finds agents by an exact identifier. By POST, so that no e-mail address stands in an address.
#[utoipa::path(post, path = "/agents/search", tag = "agents", request_body = Search,
    security(("oauth2" = ["agents:read"])), responses((status = 200, description = "Who was found", body = Found)))]
async fn search(caller: Caller, Body(search): Body<Search>) -> Result<Json<Found>, Problem> {
    caller.require(ApiScope::AgentsRead, Right::SeeAgents)?;
    let found = sessions::find(&caller.app.store, &search.identifier).await?;
    Ok(Json(Found {
        agents: found.into_iter().map(Agent::from).collect(),
    }))
}

async fn find(caller: &Caller, id: &str) -> Result<agent::Agent, Problem> {
    caller.app.store.find_agent(id).await?.ok_or_else(Problem::not_found)
}

/// One agent.
#[utoipa::path(get, path = "/agents/{id}", tag = "agents", params(("id" = String, Path, description = "Our id")),
    security(("oauth2" = ["agents:read"])), responses((status = 200, description = "The agent", body = Agent)))]
async fn show(caller: Caller, Named(id): Named<String>) -> Result<Json<Agent>, Problem> {
    caller.require(ApiScope::AgentsRead, Right::SeeAgents)?;
    Ok(Json(find(&caller, &id).await?.into()))
}

/// A browser session of an agent.
#[derive(Serialize, ToSchema)]
struct Session {
    /// Names it for this access.
    mark: String,
    /// How it began: `oauth`, `sso` or `password`.
    way: &'static str,
    /// Unix seconds.
    begun_at: i64,
    /// Unix seconds.
    ends_at: i64,
}

/// The living sessions of an agent.
#[derive(Serialize, ToSchema)]
struct Sessions {
    sessions: Vec<Session>,
}

/// Names a session for this access; the id itself never leaves the server.
fn mark(caller: &Caller, session: &BrowserSession) -> String {
    fingerprint(&format!("api session\n{}\n{}", caller.access.client_id, session.id))
}

/// The living sessions of an agent.
#[utoipa::path(get, path = "/agents/{id}/sessions", tag = "agents",
    params(("id" = String, Path, description = "Our id")), security(("oauth2" = ["agents:read"])),
    responses((status = 200, description = "The sessions", body = Sessions)))]
async fn list_sessions(caller: Caller, Named(id): Named<String>) -> Result<Json<Sessions>, Problem> {
    caller.require(ApiScope::AgentsRead, Right::SeeAgents)?;
    let agent = find(&caller, &id).await?;
    let sessions = caller.app.store.list_browser_sessions(&agent.id, caller.now).await?;
    let sessions = sessions.iter().map(|session| Session {
        mark: mark(&caller, session),
        way: session.way.as_str(),
        begun_at: session.created_at,
        ends_at: session.expires_at,
    });
    Ok(Json(Sessions {
        sessions: sessions.collect(),
    }))
}

/// How much was ended.
#[derive(Serialize, ToSchema)]
pub struct Ended {
    /// Browser sessions; of a client: those it took part in.
    sessions: usize,
    /// What tokens hung on.
    authorizations: usize,
}

impl From<Toll> for Ended {
    fn from(toll: Toll) -> Self {
        Self {
            sessions: toll.sessions,
            authorizations: toll.authorizations,
        }
    }
}

/// Ends all sessions and tokens of an agent.
#[utoipa::path(delete, path = "/agents/{id}/sessions", tag = "agents",
    params(("id" = String, Path, description = "Our id")), security(("oauth2" = ["sessions:end"])),
    responses((status = 200, description = "How much was ended", body = Ended)))]
async fn end_all(caller: Caller, Named(id): Named<String>) -> Result<Json<Ended>, Problem> {
    caller.require(ApiScope::SessionsEnd, Right::EndSessions)?;
    let agent = find(&caller, &id).await?;
    let toll = sessions::end_agent(&caller.app.store, caller.actor(), &agent.id, caller.now).await?;
    caller.app.logout_queued.notify_one();
    Ok(Json(toll.into()))
}

/// Ends one browser session of an agent, as a logout would.
#[utoipa::path(delete, path = "/agents/{id}/sessions/{mark}", tag = "agents",
    params(("id" = String, Path, description = "Our id"), ("mark" = String, Path, description = "Of the session")),
    security(("oauth2" = ["sessions:end"])), responses((status = 204, description = "It has ended")))]
async fn end_session(caller: Caller, Named((id, marked)): Named<(String, String)>) -> Result<StatusCode, Problem> {
    caller.require(ApiScope::SessionsEnd, Right::EndSessions)?;
    let agent = find(&caller, &id).await?;
    let store = &caller.app.store;
    let all = store.list_browser_sessions(&agent.id, caller.now).await?;
    let session = all
        .iter()
        .find(|session| constant_time_eq(&mark(&caller, session), &marked));
    let session = session.ok_or_else(Problem::not_found)?;
    sessions::end_session(store, caller.actor(), (&agent.id, &session.id), caller.now).await?;
    caller.app.logout_queued.notify_one();
    Ok(StatusCode::NO_CONTENT)
}
