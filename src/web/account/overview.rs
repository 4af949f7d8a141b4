//! The agent's page itself, and the pages of the history.

use askama::Template;
use axum::extract::OriginalUri;
use axum::response::{Html, IntoResponse, Response};

use super::super::error::{AuthorizeError, PageError};
use super::super::pages::console::Pages;
use super::super::pages::{
    AccountPage, ConsentKind, Done, ErrorKind, HistoryPage, ServiceEntry, SessionEntry, SignInEntry,
};
use super::super::{cursor, logo};
use super::{DATA, HISTORY, HOME, Owner};
use crate::domain::account::Service;
use crate::domain::history::PastSignIn;
use crate::protocol::authorize::OFFLINE_ACCESS;
use crate::protocol::client::SubjectType;
use crate::protocol::params::Params;

/// How many sign-ins the first page shows, and each page of the history.
const FIRST: u32 = 5;
const PER_PAGE: u32 = 50;

/// `GET /mon-compte`
pub async fn show(owner: Owner, OriginalUri(uri): OriginalUri) -> Result<Response, AuthorizeError> {
    let query = query(&uri)?;
    let (services, service_pages) = services(&owner, query.get("services")).await?;
    let (sessions, session_pages) = sessions(&owner, query.get("sessions")).await?;
    let sign_ins = owner
        .app
        .store
        .list_past_sign_ins(&owner.agent.id, None, FIRST + 1)
        .await?;
    let agent = &owner.agent;
    let page = AccountPage {
        layout: owner.layout(&uri),
        done: Done::parse(query.get("fait").unwrap_or_default()),
        shown: owner.shown(),
        name: agent.display_name.clone().unwrap_or_else(|| agent.matrix_id.clone()),
        matrix_id: agent.matrix_id.clone(),
        email: agent.email.as_ref().map(|email| email.address.clone()),
        services,
        service_pages,
        sessions,
        session_pages,
        others_action: format!("{HOME}/sessions/autres"),
        history_url: (sign_ins.len() > FIRST as usize).then(|| HISTORY.to_owned()),
        sign_ins: sign_ins.into_iter().take(FIRST as usize).map(line).collect(),
        data_url: DATA.to_owned(),
    };
    Ok(Html(page.render()?).into_response())
}

/// A page of the services that the agent gave something to.
async fn services(owner: &Owner, place: Option<&str>) -> Result<(Vec<ServiceEntry>, Pages), AuthorizeError> {
    let (app, list) = (&owner.app, format!("account services\n{}", owner.agent.id));
    let after: Option<String> = cursor::named(app, &list, place)?;
    let store = &app.store;
    let mut clients = store
        .list_agent_clients(&owner.agent.id, owner.now, after.as_deref(), PER_PAGE + 1)
        .await?;
    let next = cursor::cut(app, &list, &mut clients, PER_PAGE, String::clone)?;
    let mut services = Vec::new();
    if let (Some(first), Some(last)) = (clients.first(), clients.last()) {
        for service in owner.services(first, last).await? {
            services.extend(entry(owner, service).await?);
        }
    }
    Ok((services, Pages::of(HOME, "services", after.is_some(), next)))
}

/// A page of the agent's sessions, the newest first.
async fn sessions(owner: &Owner, place: Option<&str>) -> Result<(Vec<SessionEntry>, Pages), AuthorizeError> {
    let (app, list) = (&owner.app, format!("account sessions\n{}", owner.agent.id));
    let before: Option<(i64, String)> = cursor::named(app, &list, place)?;
    let before = before.as_ref().map(|(at, id)| (*at, id.as_str()));
    let store = &app.store;
    let mut found = store
        .list_browser_session_page(&owner.agent.id, owner.now, before, PER_PAGE + 1)
        .await?;
    let next = cursor::cut(app, &list, &mut found, PER_PAGE, |last| {
        (last.created_at, last.id.clone())
    })?;
    let sessions = found.into_iter().map(|session| SessionEntry {
        action: (session.id != owner.session.id).then(|| format!("{HOME}/sessions/{}", owner.mark(&session))),
        way: session.way,
        begun_at: session.created_at,
        ends_at: session.expires_at,
    });
    Ok((sessions.collect(), Pages::of(HOME, "sessions", before.is_some(), next)))
}

/// `GET /mon-compte/connexions`: `avant` names the sign-in after which (in time: before which) the page goes on.
pub async fn history(owner: Owner, OriginalUri(uri): OriginalUri) -> Result<Response, AuthorizeError> {
    let query = query(&uri)?;
    let list = format!("history\n{}", owner.agent.id);
    let before: Option<(i64, String)> = cursor::named(&owner.app, &list, query.get("avant"))?;
    let newest_url = before.is_some().then(|| HISTORY.to_owned());
    let store = &owner.app.store;
    let before = before.as_ref().map(|(at, id)| (*at, id.as_str()));
    let mut sign_ins = store.list_past_sign_ins(&owner.agent.id, before, PER_PAGE + 1).await?;
    let older = cursor::cut(&owner.app, &list, &mut sign_ins, PER_PAGE, |last| {
        (last.at, last.id.clone())
    })?;
    let page = HistoryPage {
        layout: owner.layout(&uri),
        back_url: HOME.to_owned(),
        newest_url,
        older_url: older.map(|place| format!("{HISTORY}?avant={place}")),
        sign_ins: sign_ins.into_iter().map(line).collect(),
    };
    Ok(Html(page.render()?).into_response())
}

fn query(uri: &http::Uri) -> Result<Params, PageError> {
    Params::parse(uri.query().unwrap_or_default().as_bytes())
        .map_err(|error| PageError::with_detail(ErrorKind::Request, error.description))
}

fn line(sign_in: PastSignIn) -> SignInEntry {
    SignInEntry {
        service: sign_in.client_name,
        way: sign_in.way,
        at: sign_in.at,
    }
}

async fn entry(owner: &Owner, service: Service) -> Result<Option<ServiceEntry>, PageError> {
    let store = &owner.app.store;
    let Some(client) = store.find_client(&service.client_id).await? else {
        return Ok(None);
    };
    let logo = match &client.presentation.logo_uri {
        Some(uri) => store.find_client_logo_time(&client.id, uri).await?,
        None => None,
    };
    let public = client.subject_type == SubjectType::Public;
    let mut kinds: Vec<ConsentKind> = Vec::new();
    let mut places = Vec::new();
    for name in &service.given {
        let kind = match name.as_str() {
            OFFLINE_ACCESS => Some(ConsentKind::OfflineAccess),
            name => ConsentKind::of(name, public),
        };
        match (kind, name.strip_prefix("resource:")) {
            (Some(kind), _) if !kinds.contains(&kind) => kinds.push(kind),
            (None, Some(identifier)) => {
                let resource = store.find_resource(identifier).await?;
                places.push(resource.map_or_else(|| identifier.to_owned(), |resource| resource.name));
            }
            _ => {}
        }
    }
    kinds.sort_by_key(|kind| ConsentKind::ALL.iter().position(|other| other == kind));
    Ok(Some(ServiceEntry {
        action: format!("{HOME}/services/{}", client.id),
        logo: logo.map(|fetched_at| logo::address(&client.id, fetched_at)),
        name: client.name,
        since: service.since,
        last_used: service.last_used,
        kinds,
        places,
    }))
}
