//! Sign-in for our own pages (decision 51). They are a relying party like any other, up to the last step: where others get a
//! code, the browser goes back to the page, and the browser session that the login made is what the page stands on. The client
//! exists in this program only: nobody can register it, ask for it from outside, or find it in the database.

use axum::extract::FromRequestParts as _;
use http::Method;
use http::request::Parts;

use super::super::error::{AuthorizeError, PageError};
use super::super::form::refuse_foreign;
use super::super::i18n::{Language, Text};
use super::super::visitor::Visitor;
use super::super::{account, console, person};
use super::request::Request;
use super::{start_flow, step_url};
use crate::app::{App, SharedApp};
use crate::domain::agent::Agent;
use crate::domain::claims::SCOPES;
use crate::domain::flow::Progress;
use crate::domain::session::BrowserSession;
use crate::protocol::client::{Client, SubjectType};
use crate::protocol::client_metadata::ClientMetadata;
use crate::protocol::params::Params;
use crate::secret::random_token;

/// No registered client has a colon in its id.
const ID: &str = "tchap-connect:pages";

/// Before the id of a client: the same client as its partner tries it, whose codes go nowhere.
const TRIAL: &str = "tchap-connect:try:";

/// The pages that a login may come back to; below the console, to any.
const PAGES: [&str; 2] = [account::HOME, console::HOME];

/// Whether this client is our own pages, whom nobody has to agree to.
pub fn is(client: &Client) -> bool {
    client.id == ID
}

/// Whether what a login is for stays here: nothing is issued, nothing remembered.
pub fn stays_here(client: &Client) -> bool {
    is(client) || client.id.starts_with(TRIAL)
}

/// Our own pages or a client on trial, when `client_id` names them.
pub async fn find(app: &App, client_id: &str) -> Result<Option<Client>, PageError> {
    if let Some(id) = client_id.strip_prefix(TRIAL) {
        let client = app.store.find_client(id).await?;
        return Ok(client
            .filter(|client| !client.disabled)
            .map(|client| on_trial(app, client)));
    }
    if client_id != ID {
        return Ok(None);
    }
    let issuer = &app.config.issuer;
    let metadata = ClientMetadata {
        client_id: "pages".to_owned(),
        name: Text::new(Language::default()).get("site-name"),
        redirect_uris: PAGES.iter().map(|page| format!("{issuer}{page}")).collect(),
        // No subject is made for us: the agent's own id will do.
        subject_type: SubjectType::Public,
        admits_guests: true,
        ..ClientMetadata::default()
    };
    let client = metadata
        .validate(&[])
        .map_err(|_| PageError::from_inside(&"our own pages are no valid client"))?;
    let id = ID.to_owned();
    Ok(Some(Client { id, ..client }))
}

/// A browser that is signed in, as our own pages meet it.
pub struct Visit {
    pub visitor: Visitor,
    pub session: BrowserSession,
    pub agent: Agent,
    pub now: i64,
}

/// Who asks for `page`, or for the place in the console that is named. Forms of other sites are refused; whoever is not signed
/// in is led there by way of a login.
pub async fn receive(
    app: &SharedApp,
    parts: &mut Parts,
    page: &str,
    place: Option<&str>,
) -> Result<Visit, AuthorizeError> {
    let visitor = Visitor::from_request_parts(parts, app).await?;
    if parts.method != Method::GET {
        refuse_foreign(app, &parts.headers, &visitor.network, app.clock.now()).await?;
    }
    let now = app.clock.now();
    if let Some((session, agent)) = person::signed_in(app, &visitor, now).await? {
        return Ok(Visit {
            visitor,
            session,
            agent,
            now,
        });
    }
    // A POST is not repeated after the login: the page shows itself, and the agent decides again.
    if parts.method != Method::GET {
        return Err(AuthorizeError::Again(place.unwrap_or(page).to_owned()));
    }
    // The agent left the login, or it was refused.
    if parts.uri.query().unwrap_or_default().starts_with("error=") {
        return Err(AuthorizeError::Again("/".to_owned()));
    }
    let flow_id = flow(app, &visitor, page, place, now).await?;
    Err(AuthorizeError::Again(step_url(&flow_id)))
}

/// Where the browser goes once the login is done: the place it was begun from, else the page.
pub fn destination(request: &Request) -> String {
    let place = request.params.get("state").and_then(console::own_place);
    place.map_or_else(|| request.checked.return_to.redirect_uri().to_owned(), str::to_owned)
}

async fn flow(
    app: &App,
    visitor: &Visitor,
    page: &str,
    place: Option<&str>,
    now: i64,
) -> Result<String, AuthorizeError> {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("response_type", "code")
        .append_pair("client_id", ID)
        .append_pair("redirect_uri", &format!("{}{page}", app.config.issuer))
        .append_pair("scope", "openid")
        .extend_pairs(place.map(|place| ("state", place)))
        .finish();
    let params = Params::parse(query.as_bytes()).map_err(|error| PageError::from_inside(&error.description))?;
    let client = find(app, ID)
        .await?
        .ok_or_else(|| PageError::from_inside(&"our own pages are no client"))?;
    let request = Request::of(app, client, params).await?;
    Ok(start_flow(app, visitor, &request, Progress::default(), true, now)
        .await?
        .id)
}

/// Where a client on trial sends the browser back to: a page of ours.
pub fn trial_page(client_id: &str) -> String {
    format!("/console/services/{client_id}/essai/resultat")
}

/// The client as its agents meet it, but that it sends them back to us.
fn on_trial(app: &App, client: Client) -> Client {
    Client {
        redirect_uris: vec![format!("{}{}", app.config.issuer, trial_page(&client.id))],
        id: format!("{TRIAL}{}", client.id),
        ..client
    }
}

/// What a client on trial asks for: all that it may.
///
/// # Errors
/// When it cannot ask at all.
pub async fn trial(app: &App, client: &Client) -> Result<Request, AuthorizeError> {
    let client = on_trial(app, client.clone());
    let scope = client.scopes.iter().filter(|scope| SCOPES.contains(&scope.as_str()));
    let scope = scope.map(String::as_str).collect::<Vec<_>>().join(" ");
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("response_type", "code")
        .append_pair("client_id", &client.id)
        .append_pair("redirect_uri", &client.redirect_uris[0])
        .append_pair("scope", &scope)
        .append_pair("code_challenge", &random_token()?)
        .append_pair("code_challenge_method", "S256")
        .finish();
    let params = Params::parse(query.as_bytes()).map_err(|error| PageError::from_inside(&error.description))?;
    Request::of(app, client, params).await
}

/// Begins the login of a client on trial: the way there.
///
/// # Errors
/// As [`trial`].
pub async fn begin_trial(app: &App, visitor: &Visitor, client: &Client, now: i64) -> Result<String, AuthorizeError> {
    let request = trial(app, client).await?;
    let flow = start_flow(app, visitor, &request, Progress::default(), true, now).await?;
    Ok(step_url(&flow.id))
}
