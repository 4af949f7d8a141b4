//! `/mon-compte`: what services know of the agent and since when, the sessions, the history, and the agent's word on each.

mod data;
mod overview;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::response::Response;
use axum::routing::{get, post};
use http::request::Parts;

use super::error::{AuthorizeError, PageError, see_other};
use super::form::PageForm;
use super::login::own_pages::{self, Visit};
use super::logout::end_session;
use super::pages::{Done, ErrorKind, Layout};
use super::routes::no_head;
use super::visitor::Visitor;
use crate::app::SharedApp;
use crate::domain::account::{self, Service};
use crate::domain::agent::Agent;
use crate::domain::session::BrowserSession;
use crate::protocol::params::Params;
use crate::secret::{constant_time_eq, fingerprint};

/// The page's address.
pub const HOME: &str = "/mon-compte";
const HISTORY: &str = "/mon-compte/connexions";
const DATA: &str = "/mon-compte/donnees";

/// The routes of the agent's page.
pub fn routes() -> Router<SharedApp> {
    Router::new()
        .route(HOME, get(overview::show).head(no_head))
        .route(HISTORY, get(overview::history).head(no_head))
        .route(DATA, get(data::download).head(no_head))
        .route("/mon-compte/services/{client_id}", post(withdraw))
        .route("/mon-compte/sessions/autres", post(end_others))
        .route("/mon-compte/sessions/{mark}", post(end_one))
}

/// The agent whose browser asks for their page. Whoever is not signed in is led there by way of a login.
pub struct Owner {
    app: SharedApp,
    visitor: Visitor,
    session: BrowserSession,
    agent: Agent,
    now: i64,
}

impl FromRequestParts<SharedApp> for Owner {
    type Rejection = AuthorizeError;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, AuthorizeError> {
        let Visit {
            visitor,
            session,
            agent,
            now,
        } = own_pages::receive(app, parts, HOME, None).await?;
        Ok(Self {
            app: app.clone(),
            visitor,
            session,
            agent,
            now,
        })
    }
}

impl Owner {
    /// Stands for the session whose page was shown, in its forms: what was shown to one agent is not done for another.
    fn shown(&self) -> String {
        fingerprint(&format!("account\n{}", self.session.id))
    }

    /// Whether this very session was shown the page that the form is of.
    fn is_shown(&self, form: &Params) -> bool {
        constant_time_eq(form.get("shown").unwrap_or_default(), &self.shown())
    }

    /// Names another session on this page; the id itself never leaves the server.
    fn mark(&self, other: &BrowserSession) -> String {
        fingerprint(&format!("session\n{}\n{}", self.session.id, other.id))
    }

    fn layout(&self, uri: &http::Uri) -> Layout {
        let here = uri.path_and_query().map_or(HOME, |here| here.as_str());
        self.visitor.layout(&self.app, &[], here.to_owned())
    }

    async fn sessions(&self) -> Result<Vec<BrowserSession>, PageError> {
        Ok(self.app.store.list_browser_sessions(&self.agent.id, self.now).await?)
    }

    /// The services of ids from `first` to `last`.
    async fn services(&self, first: &str, last: &str) -> Result<Vec<Service>, PageError> {
        let store = &self.app.store;
        let known = store
            .list_agent_services(&self.agent.id, self.now, (first, last))
            .await?;
        Ok(account::services(known.given, &known.times))
    }
}

/// The page again, which says what was done.
fn done(done: Done) -> Response {
    see_other(&format!("{HOME}?fait={}", done.as_str()))
}

/// `POST /mon-compte/services/{client_id}`: the service knows the agent no longer, and is told.
async fn withdraw(
    owner: Owner,
    client_id: Result<Path<String>, PathRejection>,
    PageForm(form): PageForm,
) -> Result<Response, AuthorizeError> {
    if !owner.is_shown(&form) {
        return Ok(see_other(HOME));
    }
    let Path(client_id) = client_id.map_err(|_| PageError::new(ErrorKind::NotFound))?;
    // PostgreSQL takes no NUL in a text.
    if client_id.contains('\0') || owner.services(&client_id, &client_id).await?.is_empty() {
        return Err(PageError::new(ErrorKind::NotFound).into());
    }
    owner.app.store.withdraw(&owner.agent.id, &client_id, owner.now).await?;
    owner.app.logout_queued.notify_one();
    tracing::info!(
        client.id = client_id,
        agent.id = owner.agent.id,
        "an agent withdrew what they had given a service"
    );
    Ok(done(Done::Withdrawn))
}

/// `POST /mon-compte/sessions/{mark}`
async fn end_one(
    owner: Owner,
    mark: Result<Path<String>, PathRejection>,
    PageForm(form): PageForm,
) -> Result<Response, AuthorizeError> {
    if !owner.is_shown(&form) {
        return Ok(see_other(HOME));
    }
    let Path(mark) = mark.map_err(|_| PageError::new(ErrorKind::NotFound))?;
    let sessions = owner.sessions().await?;
    let session = sessions
        .iter()
        .find(|session| constant_time_eq(&owner.mark(session), &mark) && session.id != owner.session.id)
        .ok_or_else(|| PageError::new(ErrorKind::NotFound))?;
    end_session(&owner.app, &session.id, owner.now).await?;
    tracing::info!(agent.id = owner.agent.id, "an agent ended another session of theirs");
    Ok(done(Done::SessionEnded))
}

/// `POST /mon-compte/sessions/autres`: all but this one.
async fn end_others(owner: Owner, PageForm(form): PageForm) -> Result<Response, AuthorizeError> {
    if !owner.is_shown(&form) {
        return Ok(see_other(HOME));
    }
    let sessions = owner.sessions().await?;
    for session in sessions.iter().filter(|session| session.id != owner.session.id) {
        end_session(&owner.app, &session.id, owner.now).await?;
    }
    tracing::info!(agent.id = owner.agent.id, "an agent ended all other sessions of theirs");
    Ok(done(Done::OthersEnded))
}
