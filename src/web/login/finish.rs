//! The end of a login (identity → agent → browser session) and the end of a request (code → redirect).

use std::collections::BTreeSet;

use axum::response::Response;
use serde_json::json;

use super::super::error::{AuthorizeError, PageError, respond};
use super::super::logout::end_session;
use super::super::oidc::registration;
use super::super::pages::ErrorKind;
use super::super::person::Person;
use super::gate;
use super::request::Request;
use super::under_way::UnderWay;
use crate::account::{self, Source};
use crate::app::App;
use crate::audit;
use crate::console::{administrations, roles};
use crate::domain::agent::{AccountState, Agent, IssuerSubject};
use crate::domain::audit::{Action, Actor, Event, ObjectKind};
use crate::domain::claims;
use crate::domain::flow::{ConsentRule, Denial};
use crate::domain::grant::{AgentGrant, Authorization, CodeRecord};
use crate::domain::history::{PastSignIn, sign_in_id};
use crate::domain::homeserver::{Homeserver, Way};
use crate::domain::identity::{Continuity, Facts, UpstreamIdentity, continuity, is_other_account, settle};
use crate::domain::login_problem::LoginProblem;
use crate::domain::session::BrowserSession;
use crate::domain::statistics::Outcome;
use crate::protocol::authorize::Prompt;
use crate::protocol::return_to;
use crate::secret::{fingerprint, random_id, random_token};
use crate::statistics::Attempt;
use crate::upstream::{NamedAccount, UpstreamError};

/// Signs the browser in as the agent who came back from `homeserver`, and saves that in the flow.
pub async fn sign_in(
    step: &mut UnderWay,
    homeserver: &Homeserver,
    identity: &UpstreamIdentity,
) -> Result<(), AuthorizeError> {
    let (app, now) = (step.app.clone(), step.app.clock.now());
    let list = app.store.list_homeservers().await?;
    let known = app
        .store
        .find_open_agent(&identity.homeserver, &identity.matrix_id)
        .await?;
    let email = known.as_ref().and_then(|agent| agent.email.as_ref());
    let believed = app.upstream.believed_emails(&list, identity, email).await;
    let facts = settle(identity, |address| {
        believed.iter().any(|email| email.address == address)
    });
    let language = step.visitor.language(&step.request.checked.ui_locales);
    let agent = recognise(&app, homeserver, identity, known, facts, language.as_str(), now).await?;
    roles::take_up(&app.store, &agent, now).await?;
    let proven = proven_time(homeserver, identity, now);
    let (session, former) = begin_session(step, &agent, identity.way, proven).await?;
    account::seen(&app, homeserver, &agent.id, AccountState::Stands, Source::Login, now).await?;
    administrations::note_sign_in(&app.store, homeserver, &agent, now).await?;
    let fresh = proven.is_some_and(|at| at >= step.flow.created_at);
    let after_logout = !fresh && step.visitor.signed_out().await?;
    let looked_up = std::mem::take(&mut step.flow.progress.looked_up);
    let progress = &mut step.flow.progress;
    progress.other_account = progress
        .typed
        .as_deref()
        .is_some_and(|typed| is_other_account(typed, identity, &believed));
    progress.after_logout = after_logout;
    progress.account_confirmed = false;
    progress.failures = 0;
    progress.logged_in = Some(session.id.clone());
    // The flow is won first: a slower answer of a double click must not leave the browser with a cookie that is gone.
    if let Err(error) = step.save().await {
        if former.as_ref().is_none_or(|former| former.id != session.id) {
            end_session(&app, &session.id, now).await?;
        }
        return Err(error);
    }
    if let Some(former) = former.filter(|former| former.id != session.id) {
        end_session(&app, &former.id, now).await?;
    }
    step.visitor.sign_in(&session.id).await?;
    if looked_up {
        gate::led_to_a_login(step).await?;
    }
    tracing::info!(
        flow.id = step.flow.log_id(),
        client.id = step.flow.client_id,
        agent.id = agent.id,
        homeserver = homeserver.name,
        way = identity.way.as_str(),
        "an agent signed in"
    );
    Ok(())
}

/// The browser session of this login, stored, and the one that the browser had. A new login of the same agent goes on with
/// the same session, so that a logout reaches every client that took part since the first one.
async fn begin_session(
    step: &UnderWay,
    agent: &Agent,
    way: Way,
    proven: Option<i64>,
) -> Result<(BrowserSession, Option<BrowserSession>), AuthorizeError> {
    let (app, now) = (&step.app, step.app.clock.now());
    let former = match step.visitor.signed_in().await? {
        Some(id) => app.store.find_browser_session(&id, now).await?,
        None => None,
    };
    let expires_at = now + app.config.lifetimes.session;
    if let Some(same) = former.as_ref().filter(|former| former.agent_id == agent.id) {
        let renewed = BrowserSession {
            way,
            // What is not proven now leaves what was proven before.
            auth_time: same.auth_time.max(proven),
            // Nor does it make the session last longer, else single sign-on would keep it open for ever.
            expires_at: if proven > same.auth_time {
                expires_at
            } else {
                same.expires_at
            },
            ..same.clone()
        };
        if app.store.update_browser_session(&renewed, now).await? {
            return Ok((renewed, former));
        }
    }
    let begun = BrowserSession {
        id: random_id()?,
        agent_id: agent.id.clone(),
        way,
        auth_time: proven,
        created_at: now,
        expires_at,
    };
    app.store.insert_browser_session(&begun).await?;
    Ok((begun, former))
}

/// Only a password relayed now, an authentication service that says so, or a server that always asks, tells when the
/// agent proved who they are. Never fresher than known.
fn proven_time(homeserver: &Homeserver, identity: &UpstreamIdentity, now: i64) -> Option<i64> {
    match identity.way {
        Way::OAuth => identity.auth_time.map(|at| at.min(now)),
        Way::Password => Some(now),
        Way::Sso => homeserver.sso_always_asks.then_some(now),
    }
}

/// The agent behind an account: the one known, brought up to date, or a new one. A recreated account is a new agent.
async fn recognise(
    app: &App,
    homeserver: &Homeserver,
    identity: &UpstreamIdentity,
    known: Option<Agent>,
    facts: Facts,
    language: &str,
    now: i64,
) -> Result<Agent, PageError> {
    match known {
        Some(known) if continuity(&known, identity, homeserver) == Continuity::Same => {
            update(app, known, identity.at_issuer.clone(), facts, language, now).await
        }
        former => {
            if let Some(former) = former {
                let event = Event {
                    actor: Actor::System,
                    action: Action::AccountRecreated,
                    object: (ObjectKind::Agent, former.id.clone()),
                    detail: json!({"homeserver": homeserver.name}),
                };
                audit::record(&app.store, now, event).await?;
                let closed = AccountState::Closed;
                account::seen(app, homeserver, &former.id, closed, Source::Login, now).await?;
            }
            insert(app, identity, facts, language, now).await
        }
    }
}

async fn update(
    app: &App,
    known: Agent,
    at_issuer: Option<IssuerSubject>,
    facts: Facts,
    language: &str,
    now: i64,
) -> Result<Agent, PageError> {
    let agent = Agent {
        display_name: facts.display_name,
        last_believed: facts.email.clone().or_else(|| known.last_believed.clone()),
        email: facts.email,
        at_issuer: at_issuer.or_else(|| known.at_issuer.clone()),
        locale: Some(language.to_owned()),
        ..known.clone()
    };
    if agent == known {
        return Ok(known);
    }
    let agent = Agent {
        updated_at: now,
        ..agent
    };
    app.store.update_agent(&agent).await?;
    Ok(agent)
}

async fn insert(
    app: &App,
    identity: &UpstreamIdentity,
    facts: Facts,
    language: &str,
    now: i64,
) -> Result<Agent, PageError> {
    let agent = Agent {
        id: random_id()?,
        homeserver: identity.homeserver.clone(),
        matrix_id: identity.matrix_id.clone(),
        display_name: facts.display_name,
        last_believed: facts.email.clone(),
        email: facts.email,
        at_issuer: identity.at_issuer.clone(),
        locale: Some(language.to_owned()),
        created_at: now,
        updated_at: now,
        closed_at: None,
        paused: None,
        checked_at: None,
    };
    Ok(app.store.insert_agent(&agent).await?)
}

/// Logs a login that failed at the homeserver, once. What became of an account that the homeserver's side has named counts from now
/// on; one that was seen deactivated is closed for good: its next owner is another agent.
pub async fn note_failure(step: &UnderWay, homeserver: &Homeserver, error: &UpstreamError) -> Result<(), PageError> {
    tracing::warn!(
        flow.id = step.flow.log_id(),
        client.id = step.flow.client_id,
        homeserver = homeserver.name,
        error.kind = error.kind(),
        error = %error,
        "a login failed at the homeserver"
    );
    if let Some((account, state)) = error.named_account() {
        let (store, homeserver_name) = (&step.app.store, &homeserver.name);
        let agent = match account {
            NamedAccount::MatrixId(id) => store.find_open_agent(homeserver_name, id).await?,
            NamedAccount::AtIssuer(at) => store.find_open_agent_at_issuer(homeserver_name, at).await?,
        };
        if let Some(agent) = agent {
            account::seen(&step.app, homeserver, &agent.id, state, Source::Login, step.now).await?;
        }
    }
    Ok(())
}

/// The page for a login that failed at the homeserver.
pub fn problem(error: &UpstreamError) -> LoginProblem {
    match error {
        UpstreamError::WrongCredentials | UpstreamError::LoginTokenRefused => LoginProblem::LoginTokenSpent,
        UpstreamError::Deactivated { .. } => LoginProblem::Deactivated,
        UpstreamError::Expired { .. } => LoginProblem::Expired,
        UpstreamError::Locked { .. } => LoginProblem::Locked,
        UpstreamError::Suspended => LoginProblem::Suspended,
        UpstreamError::Throttled { retry_after_seconds } => LoginProblem::Throttled {
            seconds: *retry_after_seconds,
        },
        UpstreamError::EmailRefused | UpstreamError::NoSuchWay => LoginProblem::NoWayIn,
        UpstreamError::WrongServer => LoginProblem::WrongServer,
        UpstreamError::Unreachable(_) => LoginProblem::HomeserverUnreachable,
        UpstreamError::Nonsense(_)
        | UpstreamError::ClientRefused(_)
        | UpstreamError::IssuerChanged
        | UpstreamError::IssuerShared => LoginProblem::HomeserverInvalid,
    }
}

/// Issues a code for what was agreed to, ends the flow (if there is one) and sends the browser back with the code (Core
/// §3.1.2.5).
pub async fn issue(
    app: &App,
    request: &Request,
    person: Option<Person>,
    claims: BTreeSet<String>,
    flow_id: Option<&str>,
    now: i64,
) -> Result<Response, AuthorizeError> {
    let person = person.ok_or_else(|| PageError::from_inside(&"a code without an agent"))?;
    let code = random_token()?;
    // The session ended at this very moment: a request that is asked in silence is answered in silence.
    let ended = || match request.checked.prompts(Prompt::None) {
        true => request.refuse(app, Denial::LoginRequired),
        false => PageError::new(ErrorKind::FlowExpired).into(),
    };
    let attempt = Attempt {
        client_id: &request.client.id,
        administration: person.administration.as_deref(),
        homeserver: Some(&person.agent.homeserver),
        way: Some(person.session.way),
        outcome: Outcome::SignedIn,
    };
    let sid = app
        .store
        .sid(&person.session.id, &request.client.id, &random_id()?)
        .await?
        .ok_or_else(ended)?;
    let sign_in = PastSignIn {
        id: sign_in_id(&person.session, &request.client.id, now),
        agent_id: person.agent.id.clone(),
        client_id: request.client.id.clone(),
        client_name: request.client.name.clone(),
        way: person.session.way,
        at: now,
    };
    let authorization = Authorization {
        id: random_id()?,
        client_id: request.client.id.clone(),
        scope: request.checked.scope.clone(),
        resources: request.audience.clone(),
        agent: Some(AgentGrant {
            agent_id: person.agent.id,
            session_id: person.session.id,
            subject: person.subject,
            claims,
            demanded_in_userinfo: request.checked.claims.userinfo.keys().cloned().collect(),
            demanded_in_id_token: request.checked.claims.id_token.keys().cloned().collect(),
            nonce: request.checked.nonce.clone(),
            auth_time: person.session.auth_time,
            acr: person.acr.to_owned(),
            amr: claims::amr(person.session.way),
            sid,
        }),
        created_at: now,
    };
    let record = CodeRecord {
        fingerprint: fingerprint(&code),
        authorization_id: authorization.id.clone(),
        client_id: request.client.id.clone(),
        redirect_uri: request.checked.return_to.redirect_uri().to_owned(),
        code_challenge: request.checked.code_challenge.clone(),
        expires_at: now + app.config.lifetimes.code,
        consumed_at: None,
    };
    // Of two racing requests of one flow only one gets a code.
    if let Some(flow_id) = flow_id
        && !app.store.delete_flow(flow_id).await?
    {
        return Err(PageError::new(ErrorKind::FlowExpired).into());
    }
    let agreed = request.consent_rule() != ConsentRule::Never;
    if !app.store.insert_authorization(&authorization, &record, agreed).await? {
        return Err(ended());
    }
    app.store
        .insert_past_sign_in(&sign_in, now + app.config.lifetimes.sign_ins)
        .await?;
    registration::used(app, &request.client, now).await?;
    app.statistics.count(attempt, now);
    let redirect_uri = request.checked.return_to.redirect_uri();
    if let Some(uri) = return_to::registered(&request.client, redirect_uri) {
        app.statistics.redirect(&request.client.id, uri, now);
    }
    tracing::info!(
        client.id = request.client.id,
        authorization.id = authorization.id,
        "an authorization was given"
    );
    Ok(respond(request.checked.return_to.with_code(&code, &app.config.issuer)))
}
