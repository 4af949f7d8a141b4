//! The agent behind a browser session or a token, as one client may see them: loaded here, decided in `domain`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::app::App;
use crate::domain::administration::Administration;
use crate::domain::admission;
use crate::domain::agent::{AccountState, Agent};
use crate::domain::claims;
use crate::domain::flow::SignedIn;
use crate::domain::grant::Authorization;
use crate::domain::homeserver::Homeserver;
use crate::domain::identifier::email_domain;
use crate::domain::session::BrowserSession;
use crate::protocol::client::{Client, SubjectType};
use crate::secret::random_id;
use crate::store::StoreError;
use crate::web::error::PageError;
use crate::web::login::request::Request;
use crate::web::visitor::Visitor;

/// Values of claims by name.
pub type Values = BTreeMap<&'static str, Value>;

/// A signed-in agent and what a client would learn of them.
pub struct Person {
    pub session: BrowserSession,
    pub agent: Agent,
    /// The domain of the agent's administration, where there is a row for it.
    pub administration: Option<String>,
    pub subject: String,
    pub acr: &'static str,
    pub admission: Result<(), admission::Refusal>,
    /// What would be given: the claims asked for, registered and with a value, and the powers.
    pub claims: BTreeSet<String>,
    pub values: Values,
    pub remembered: Option<BTreeSet<String>>,
}

impl Person {
    /// Loads the agent behind a browser session; `None` when the session is over, the account closed, or nothing heard of it
    /// for too long.
    pub async fn load(app: &App, request: &Request, session_id: &str, now: i64) -> Result<Option<Self>, PageError> {
        let Some(session) = app.store.find_browser_session(session_id, now).await? else {
            return Ok(None);
        };
        let Some(agent) = app
            .store
            .find_agent(&session.agent_id)
            .await?
            .filter(|agent| agent.closed_at.is_none())
        else {
            return Ok(None);
        };
        let homeserver = app.store.find_homeserver(&agent.homeserver).await?;
        // A new login tells what the homeserver has not told for too long.
        if !is_confirmed(app, &agent, homeserver.as_ref(), now) {
            return Ok(None);
        }
        let client = &request.client;
        let subject = subject(app, client, &agent).await?;
        let administration = administration(app, &agent).await?;
        let values = values(&agent, homeserver.as_ref(), administration.as_ref(), &subject);
        let asked = claims::requested(&request.checked.scope, &request.checked.claims, &client.scopes);
        let claims = asked
            .into_iter()
            .filter(|name| values.contains_key(name.as_str()))
            .chain(request.powers())
            .collect();
        let consent = app.store.find_consent(&agent.id, &client.id, now).await?;
        Ok(Some(Self {
            acr: homeserver.as_ref().map_or("eidas0", claims::acr),
            admission: admission::decide(client, &agent, homeserver.as_ref(), administration.as_ref()),
            administration: administration.map(|row| row.domain),
            remembered: consent.map(|consent| consent.claims),
            session,
            agent,
            subject,
            claims,
            values,
        }))
    }

    /// What the next step depends on.
    pub fn signed_in(&self) -> SignedIn<'_> {
        SignedIn {
            session: &self.session,
            subject: &self.subject,
            acr: self.acr,
            admission: self.admission,
            claims: &self.claims,
            remembered: self.remembered.as_ref(),
        }
    }

    /// What pages call the agent.
    pub fn name(&self) -> &str {
        self.agent.display_name.as_deref().unwrap_or(&self.agent.matrix_id)
    }
}

/// Whose browser this is, for our own pages: the session lives, the account stands, and enough is heard of it.
pub async fn signed_in(app: &App, visitor: &Visitor, now: i64) -> Result<Option<(BrowserSession, Agent)>, PageError> {
    let Some(id) = visitor.signed_in().await? else {
        return Ok(None);
    };
    let Some(session) = app.store.find_browser_session(&id, now).await? else {
        return Ok(None);
    };
    let agent = app.store.find_agent(&session.agent_id).await?;
    let Some(agent) = agent.filter(|agent| agent.account() == AccountState::Stands) else {
        return Ok(None);
    };
    let homeserver = app.store.find_homeserver(&agent.homeserver).await?;
    Ok(is_confirmed(app, &agent, homeserver.as_ref(), now).then_some((session, agent)))
}

/// Whether what is known of an account is recent enough. Where nobody asks its homeserver, sessions and tokens live by their
/// own lifetimes.
pub fn is_confirmed(app: &App, agent: &Agent, homeserver: Option<&Homeserver>, now: i64) -> bool {
    let is_watched = homeserver.is_some_and(|homeserver| homeserver.watch.is_on());
    !is_watched || agent.is_confirmed(app.config.lifetimes.unconfirmed, now)
}

/// [`is_confirmed`] for the agent of an authorization.
pub async fn is_agent_confirmed(app: &App, agent_id: &str, now: i64) -> Result<bool, StoreError> {
    let Some(agent) = app.store.find_agent(agent_id).await? else {
        return Ok(true);
    };
    let homeserver = app.store.find_homeserver(&agent.homeserver).await?;
    Ok(is_confirmed(app, &agent, homeserver.as_ref(), now))
}

/// The values behind an authorization as they are now, as far as a token of `scope` may show them; `None` when the agent
/// may no longer use the client, or there is none.
pub async fn claim_values(
    app: &App,
    client: &Client,
    authorization: &Authorization,
    scope: &BTreeSet<String>,
) -> Result<Option<Values>, StoreError> {
    let Some(grant) = &authorization.agent else {
        return Ok(None);
    };
    let Some(agent) = app.store.find_agent(&grant.agent_id).await? else {
        return Ok(None);
    };
    let homeserver = app.store.find_homeserver(&agent.homeserver).await?;
    let administration = administration(app, &agent).await?;
    if let Err(refusal) = admission::decide(client, &agent, homeserver.as_ref(), administration.as_ref()) {
        tracing::info!(client.id = client.id, agent.id = agent.id, refusal = ?refusal, "a token is refused: not admitted");
        return Ok(None);
    }
    let values = values(&agent, homeserver.as_ref(), administration.as_ref(), &grant.subject);
    Ok(Some(claims::within(
        values,
        &grant.claims,
        &client.scopes,
        &authorization.scope,
        scope,
    )))
}

fn values(
    agent: &Agent,
    homeserver: Option<&Homeserver>,
    administration: Option<&Administration>,
    subject: &str,
) -> Values {
    homeserver.map_or_else(Values::new, |homeserver| {
        claims::values(agent, homeserver, administration, subject)
    })
}

/// The row of the agent's e-mail domain.
async fn administration(app: &App, agent: &Agent) -> Result<Option<Administration>, StoreError> {
    match agent.email.as_ref().and_then(|email| email_domain(&email.address)) {
        Some(domain) => app.store.find_administration(domain).await,
        None => Ok(None),
    }
}

/// `sub` (Core §8): stored once per agent and sector, so that no change of keys ever changes it.
async fn subject(app: &App, client: &Client, agent: &Agent) -> Result<String, PageError> {
    match client.subject_type {
        SubjectType::Public => Ok(agent.id.clone()),
        SubjectType::Pairwise => Ok(app.store.subject(&agent.id, &client.sector, &random_id()?).await?),
    }
}
