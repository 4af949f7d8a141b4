//! `/console/agents`: an agent's sessions and tokens, seen and ended; and the end of everything of a client, an administration
//! or a homeserver.

use askama::Template;
use axum::Router;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};

use super::super::cursor;
use super::super::error::{AuthorizeError, PageError, see_other};
use super::super::form::PageForm;
use super::super::pages::ErrorKind;
use super::super::pages::console::{
    AGENTS, AgentPage, AgentService, AgentSession, AgentsPage, EmergencyPage, FoundAgent, Pages,
};
use super::super::routes::no_head;
use super::Member;
use crate::app::SharedApp;
use crate::console::sessions;
use crate::domain::agent::Agent;
use crate::domain::ending::{Target, Toll};
use crate::domain::role::Right;
use crate::domain::session::BrowserSession;
use crate::protocol::client_metadata::is_domain_name;
use crate::protocol::params::Params;
use crate::secret::{constant_time_eq, fingerprint};

/// How many sessions, and services, of an agent stand on one page.
const PER_PAGE: u32 = 50;

pub fn routes() -> Router<SharedApp> {
    Router::new()
        .route("/console/agents", get(show).head(no_head))
        .route("/console/agents/recherche", post(search))
        .route("/console/agents/urgence/apercu", post(preview))
        .route("/console/agents/urgence", post(end_everything))
        .route("/console/agents/{agent}", get(agent).head(no_head))
        .route("/console/agents/{agent}/tout", post(end_all))
        .route("/console/agents/{agent}/sessions/{mark}", post(end_session))
        .route("/console/agents/{agent}/services/{client_id}", post(end_service))
}

/// `GET /console/agents`
async fn show(member: Member) -> Result<Response, AuthorizeError> {
    member.require(Right::SeeAgents)?;
    let number = |query: &Params, name: &str| query.get(name)?.parse().ok();
    let query = member.query()?;
    let toll = number(&query, "sessions").zip(number(&query, "autorisations"));
    let done = toll.map(|(sessions, authorizations)| Toll {
        sessions,
        authorizations,
    });
    render(&AgentsPage { done, ..start(&member) })
}

fn start(member: &Member) -> AgentsPage {
    AgentsPage {
        layout: member.layout(&AGENTS),
        done: None,
        typed: String::new(),
        not_found: false,
        found: Vec::new(),
        emergency: member.may(Right::EndEverything).then(Default::default),
        no_target: false,
    }
}

/// `POST /console/agents/recherche`: by POST, so that no e-mail address stands in an address.
async fn search(member: Member, PageForm(form): PageForm) -> Result<Response, AuthorizeError> {
    member.require(Right::SeeAgents)?;
    if !member.is_shown(&form) {
        return Ok(see_other(AGENTS.path));
    }
    let typed = form.get("identifier").unwrap_or_default();
    let agents = sessions::find(&member.app.store, typed).await?;
    if let [only] = agents.as_slice() {
        return Ok(see_other(&url(&only.id)));
    }
    let found = agents.into_iter().map(|agent| FoundAgent {
        url: url(&agent.id),
        name: name(&agent),
        matrix_id: agent.matrix_id,
    });
    let found: Vec<_> = found.collect();
    render(&AgentsPage {
        typed: typed.to_owned(),
        not_found: found.is_empty(),
        found,
        ..start(&member)
    })
}

fn url(agent_id: &str) -> String {
    format!("{}/{agent_id}", AGENTS.path)
}

fn name(agent: &Agent) -> String {
    agent.display_name.clone().unwrap_or_else(|| agent.matrix_id.clone())
}

async fn find(member: &Member, agent_id: &str) -> Result<Agent, PageError> {
    // PostgreSQL takes no NUL in a text.
    let found = match agent_id.contains('\0') {
        true => None,
        false => member.app.store.find_agent(agent_id).await?,
    };
    found.ok_or_else(|| PageError::new(ErrorKind::NotFound))
}

/// Names a session on this page; the id itself never leaves the server.
fn mark(member: &Member, session: &BrowserSession) -> String {
    fingerprint(&format!("console session\n{}\n{}", member.session.id, session.id))
}

/// `GET /console/agents/{agent}`
async fn agent(member: Member, Path(agent_id): Path<String>) -> Result<Response, AuthorizeError> {
    member.require(Right::SeeAgents)?;
    let agent = find(&member, &agent_id).await?;
    let query = member.query()?;
    let (sessions, session_pages) = sessions_page(&member, &agent, query.get("sessions")).await?;
    let (services, service_pages) = services_page(&member, &agent, query.get("services")).await?;
    let page = AgentPage {
        done: query.get("fait").is_some(),
        url: url(&agent.id),
        name: name(&agent),
        email: agent.email.as_ref().map(|email| email.address.clone()),
        state: agent.account(),
        first_seen: agent.created_at,
        sessions,
        session_pages,
        services,
        service_pages,
        matrix_id: agent.matrix_id,
        layout: member.layout(&AGENTS),
    };
    render(&page)
}

/// A page of the agent's living sessions, the newest first.
async fn sessions_page(
    member: &Member,
    agent: &Agent,
    place: Option<&str>,
) -> Result<(Vec<AgentSession>, Pages), PageError> {
    let (app, list) = (&member.app, format!("agent sessions\n{}", agent.id));
    let before: Option<(i64, String)> = cursor::named(app, &list, place)?;
    let before = before.as_ref().map(|(at, id)| (*at, id.as_str()));
    let store = &app.store;
    let mut found = store
        .list_browser_session_page(&agent.id, member.now, before, PER_PAGE + 1)
        .await?;
    let next = cursor::cut(app, &list, &mut found, PER_PAGE, |last| {
        (last.created_at, last.id.clone())
    })?;
    let sessions = found.iter().map(|session| AgentSession {
        mark: mark(member, session),
        way: session.way,
        begun_at: session.created_at,
        ends_at: session.expires_at,
    });
    Ok((
        sessions.collect(),
        Pages::of(&url(&agent.id), "sessions", before.is_some(), next),
    ))
}

/// A page of the services that hold something living of the agent.
async fn services_page(
    member: &Member,
    agent: &Agent,
    place: Option<&str>,
) -> Result<(Vec<AgentService>, Pages), PageError> {
    let (app, list) = (&member.app, format!("agent services\n{}", agent.id));
    let after: Option<String> = cursor::named(app, &list, place)?;
    let store = &app.store;
    let mut found = store
        .list_living_services(&agent.id, member.now, after.as_deref(), PER_PAGE + 1)
        .await?;
    let next = cursor::cut(app, &list, &mut found, PER_PAGE, |last| last.client_id.clone())?;
    let ids: Vec<_> = found.iter().map(|service| service.client_id.as_str()).collect();
    let names = store.find_client_names(&ids).await?;
    let services = found.iter().map(|service| AgentService {
        name: names.get(&service.client_id).unwrap_or(&service.client_id).clone(),
        client_id: service.client_id.clone(),
        authorizations: service.authorizations,
        offline: service.offline > 0,
        until: service.until,
    });
    Ok((
        services.collect(),
        Pages::of(&url(&agent.id), "services", after.is_some(), next),
    ))
}

/// `POST /console/agents/{agent}/tout`
async fn end_all(
    member: Member,
    Path(agent_id): Path<String>,
    PageForm(form): PageForm,
) -> Result<Response, AuthorizeError> {
    member.confirm(Right::EndSessions, &form).await?;
    let agent = find(&member, &agent_id).await?;
    sessions::end_agent(&member.app.store, member.actor(), &agent.id, member.now).await?;
    Ok(ended(&member, &agent))
}

/// `POST /console/agents/{agent}/sessions/{mark}`
async fn end_session(
    member: Member,
    Path((agent_id, marked)): Path<(String, String)>,
    PageForm(form): PageForm,
) -> Result<Response, AuthorizeError> {
    member.confirm(Right::EndSessions, &form).await?;
    let agent = find(&member, &agent_id).await?;
    let store = &member.app.store;
    let all = store.list_browser_sessions(&agent.id, member.now).await?;
    let session = all
        .iter()
        .find(|session| constant_time_eq(&mark(&member, session), &marked));
    let session = session.ok_or_else(|| PageError::new(ErrorKind::NotFound))?;
    sessions::end_session(store, member.actor(), (&agent.id, &session.id), member.now).await?;
    Ok(ended(&member, &agent))
}

/// `POST /console/agents/{agent}/services/{client_id}`
async fn end_service(
    member: Member,
    Path((agent_id, client_id)): Path<(String, String)>,
    PageForm(form): PageForm,
) -> Result<Response, AuthorizeError> {
    member.confirm(Right::EndSessions, &form).await?;
    let agent = find(&member, &agent_id).await?;
    let store = &member.app.store;
    // PostgreSQL takes no NUL in a text.
    if client_id.contains('\0') || !store.is_living_service(&agent.id, &client_id, member.now).await? {
        return Err(PageError::new(ErrorKind::NotFound).into());
    }
    let what = (agent.id.as_str(), client_id.as_str());
    sessions::end_client_of_agent(store, member.actor(), what, member.now).await?;
    Ok(ended(&member, &agent))
}

/// The page again, which says so; services are told.
fn ended(member: &Member, agent: &Agent) -> Response {
    member.app.logout_queued.notify_one();
    see_other(&format!("{}?fait=fin", url(&agent.id)))
}

/// What the form names, if it can be a thing of that kind.
fn target(form: &Params) -> Option<Target> {
    let name = form.get("name").unwrap_or_default().trim();
    let target = Target::parse(form.get("kind").unwrap_or_default(), name)?;
    let is_name = match &target {
        // Part of a pattern in the database.
        Target::Administration(domain) => is_domain_name(domain),
        Target::Client(name) | Target::Homeserver(name) => {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic())
        }
    };
    is_name.then_some(target)
}

/// `POST /console/agents/urgence/apercu`: how much would end.
async fn preview(member: Member, PageForm(form): PageForm) -> Result<Response, AuthorizeError> {
    member.confirm(Right::EndEverything, &form).await?;
    match target(&form) {
        Some(target) => confirm(&member, target, None).await,
        None => {
            let text = |name: &str| form.get(name).unwrap_or_default().to_owned();
            render(&AgentsPage {
                emergency: Some((text("kind"), text("name"))),
                no_target: true,
                ..start(&member)
            })
        }
    }
}

/// `POST /console/agents/urgence`: once its name is typed.
async fn end_everything(member: Member, PageForm(form): PageForm) -> Result<Response, AuthorizeError> {
    member.confirm(Right::EndEverything, &form).await?;
    let Some(target) = target(&form) else {
        return Ok(see_other(AGENTS.path));
    };
    let typed = form.get("confirm").unwrap_or_default();
    if typed.trim() != target.parts().1 {
        return confirm(&member, target, Some(typed.to_owned())).await;
    }
    // On a task of its own: a browser that goes away, or an answer that takes too long, does not stop it half-way.
    let (app, actor, now) = (member.app.clone(), member.actor(), member.now);
    let task = tokio::spawn(async move {
        let toll = sessions::end_everything(&app.store, actor, &target, now).await;
        app.logout_queued.notify_one();
        toll
    });
    let toll = task.await.map_err(|error| PageError::from_inside(&error))??;
    let Toll {
        sessions,
        authorizations,
    } = toll;
    let done = format!("{}?sessions={sessions}&autorisations={authorizations}", AGENTS.path);
    Ok(see_other(&done))
}

async fn confirm(member: &Member, target: Target, typed: Option<String>) -> Result<Response, AuthorizeError> {
    let page = EmergencyPage {
        layout: member.layout(&AGENTS),
        toll: member.app.store.count_living(&target, member.now).await?,
        target,
        unconfirmed: typed.is_some(),
        typed: typed.unwrap_or_default(),
    };
    render(&page)
}

fn render(page: &impl Template) -> Result<Response, AuthorizeError> {
    Ok(Html(page.render()?).into_response())
}
