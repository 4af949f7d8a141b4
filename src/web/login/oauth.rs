//! Sign-in at the homeserver's authentication service: out with an attempt bound to this browser (`state`), back with a code.
//! There is one redirect URI per homeserver: its path names it, and a code brought to another's is refused.

use axum::extract::rejection::PathRejection;
use axum::extract::{OriginalUri, Path, State};
use axum::response::Response;

use super::super::error::{AuthorizeError, PageError, see_other};
use super::super::pages::{ErrorKind, SsoPage};
use super::super::visitor::Visitor;
use super::under_way::UnderWay;
use super::{finish, render};
use crate::app::SharedApp;
use crate::domain::flow::{Stage, Step};
use crate::domain::homeserver::Homeserver;
use crate::domain::identifier::Identifier;
use crate::domain::login_problem::LoginProblem;
use crate::protocol::authorize::Prompt;
use crate::protocol::params::Params;
use crate::secret::{Redacted, fingerprint, random_token};
use crate::upstream::{Attempt, AuthenticationService, ClientError, UpstreamError, Wishes};

async fn server(step: &UnderWay) -> Result<Homeserver, AuthorizeError> {
    let Stage::OAuth { homeserver: name, .. } = &step.flow.progress.stage else {
        return Err(PageError::new(ErrorKind::FlowExpired).into());
    };
    let server = step.app.store.find_homeserver(name).await?;
    Ok(server.ok_or_else(|| PageError::new(ErrorKind::FlowExpired))?)
}

/// What the agent sees who comes back half-way.
pub async fn page(step: &UnderWay) -> Result<Response, AuthorizeError> {
    let server = server(step).await?;
    render(&SsoPage {
        layout: step.layout(),
        service: step.service(),
        action: step.action("oauth"),
        homeserver_name: server.name,
        homeserver_label: server.label,
        providers: Vec::new(),
        change_action: step.action("restart"),
    })
}

/// `POST /authorize/{flow}/oauth`
pub async fn leave(step: UnderWay) -> Result<Response, AuthorizeError> {
    if step.next() != Step::Login || !matches!(step.flow.progress.stage, Stage::OAuth { .. }) {
        return Ok(step.again());
    }
    let server = server(&step).await?;
    send(step, &server).await
}

/// Opens an attempt and sends the browser to the authentication service.
pub async fn send(mut step: UnderWay, server: &Homeserver) -> Result<Response, AuthorizeError> {
    let redirect_uri = step.app.config.oauth_redirect_uri(&server.name);
    let (service, client_id) = match client(&step, server, &redirect_uri).await {
        Ok(found) => found,
        Err(ClientError::Store(error)) => return Err(error.into()),
        Err(ClientError::Upstream(error)) => return failed(step, server, &error).await,
    };
    let state = random_token()?;
    let attempt = Attempt::begin(&service, client_id, redirect_uri, step.now)?;
    let location = attempt.authorization_url(&service, &state, wishes(&step, login_hint(&step, server).as_deref()));
    let plain = serde_json::to_vec(&attempt).map_err(|error| PageError::from_inside(&error))?;
    let fingerprint = fingerprint(&state);
    step.flow.progress.stage = Stage::OAuth {
        homeserver: server.name.clone(),
        until: step.now + step.app.config.lifetimes.login_attempt,
        sealed: Some(step.app.keys.seal(&place(&fingerprint), &plain)?),
    };
    step.flow.attempt = Some(fingerprint);
    step.save().await?;
    Ok(see_other(&location))
}

/// The service, which must be the one that this homeserver is known by, and our client there.
async fn client(
    step: &UnderWay,
    server: &Homeserver,
    redirect_uri: &str,
) -> Result<(AuthenticationService, String), ClientError> {
    let (upstream, store) = (&step.app.upstream, &step.app.store);
    let service = upstream.authentication_service(server, step.now).await?;
    let service = service.ok_or(UpstreamError::NoSuchWay)?;
    let list = store.list_homeservers().await?;
    let ours = (step.app.config.issuer.as_str(), redirect_uri);
    let client_id = upstream
        .oauth_client(store, &list, server, &service, ours, step.now)
        .await?;
    Ok((service, client_id))
}

fn wishes<'a>(step: &UnderWay, login_hint: Option<&'a str>) -> Wishes<'a> {
    let request = &step.request.checked;
    Wishes {
        login_hint,
        fresh: request.prompts(Prompt::Login) || request.max_age == Some(0) || step.flow.progress.login_demanded,
        max_age: request.max_age,
    }
}

/// The address as typed; a Matrix id in the form that MSC4198 gives it.
fn login_hint(step: &UnderWay, server: &Homeserver) -> Option<String> {
    match Identifier::parse(step.flow.progress.typed.as_deref()?)? {
        Identifier::Email(address) => Some(address),
        Identifier::MatrixId(id) => Some(format!("mxid:{}", id.as_str())),
        Identifier::LocalPart(local) => Some(format!("mxid:@{local}:{}", server.name)),
    }
}

/// Ties what is sealed to its attempt.
fn place(attempt: &str) -> String {
    format!("flows/attempt/{attempt}")
}

async fn failed(step: UnderWay, server: &Homeserver, error: &UpstreamError) -> Result<Response, AuthorizeError> {
    finish::note_failure(&step, server, error).await?;
    step.stop(finish::problem(error)).await
}

/// `GET /login/oauth/{homeserver}?state=…&code=…` or `…&error=…` (RFC 6749 §4.1.2)
pub async fn come_back(
    State(app): State<SharedApp>,
    place_name: Result<Path<String>, PathRejection>,
    visitor: Visitor,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, AuthorizeError> {
    let expired = || PageError::new(ErrorKind::FlowExpired);
    let Path(path_server) = place_name.map_err(|_| expired())?;
    let params = Params::parse(uri.query().unwrap_or_default().as_bytes()).unwrap_or_default();
    let single = |name: &str| params.get(name).filter(|_| !params.is_repeated(name));
    let state = single("state").ok_or_else(expired)?;
    let mut step = UnderWay::come_back(&app, visitor, state).await?;
    let server = server(&step).await?;
    // A code brought to another server's redirect URI is a mix-up: which server was chosen is kept on our side.
    if server.name != path_server {
        tracing::warn!(
            flow.id = step.flow.log_id(),
            homeserver = server.name,
            "a login came back at another server's address"
        );
        return step.stop(LoginProblem::WrongServer).await;
    }
    let attempt = match opened(&step, &fingerprint(state))? {
        Some(attempt) => attempt,
        None => return step.stop(LoginProblem::LoginTokenSpent).await,
    };
    if let Some(error) = single("error") {
        return refused(step, &server, error).await;
    }
    // RFC 9207: not every service sends it, but whoever does must be right.
    if params.get("iss").is_some_and(|issuer| issuer != attempt.issuer()) {
        return failed(step, &server, &UpstreamError::IssuerChanged).await;
    }
    let Some(code) = single("code").map(Redacted::new) else {
        return step.stop(LoginProblem::LoginTokenSpent).await;
    };
    let outcome = match client(&step, &server, attempt.redirect_uri()).await {
        Ok((service, _)) => {
            app.upstream
                .login_with_code(&server, &service, &attempt, &code, step.now)
                .await
        }
        Err(ClientError::Store(error)) => return Err(error.into()),
        Err(ClientError::Upstream(error)) => Err(error),
    };
    match outcome {
        Ok(identity) => {
            finish::sign_in(&mut step, &server, &identity).await?;
            Ok(step.again())
        }
        Err(error) => {
            if matches!(error, UpstreamError::ClientRefused(_)) {
                // It has forgotten us: the next login registers anew.
                app.store.update_upstream_client(attempt.issuer(), None).await?;
            }
            failed(step, &server, &error).await
        }
    }
}

/// What the attempt was begun with; `None` when it comes back too late.
fn opened(step: &UnderWay, attempt: &str) -> Result<Option<Attempt>, PageError> {
    let Stage::OAuth {
        until,
        sealed: Some(sealed),
        ..
    } = &step.flow.progress.stage
    else {
        return Ok(None);
    };
    if *until <= step.now {
        return Ok(None);
    }
    let plain = step.app.keys.unseal(&place(attempt), sealed)?;
    serde_json::from_slice(&plain)
        .map(Some)
        .map_err(|error| PageError::from_inside(&error))
}

/// An error that the authentication service sent the browser back with (RFC 6749 §4.1.2.1). Only words that are known are
/// logged: anybody can write the others into an address.
async fn refused(step: UnderWay, server: &Homeserver, error: &str) -> Result<Response, AuthorizeError> {
    let (word, problem) = match error {
        "access_denied" => ("access_denied", LoginProblem::RefusedThere),
        "login_required" | "interaction_required" | "consent_required" => ("…_required", LoginProblem::RefusedThere),
        "server_error" => ("server_error", LoginProblem::HomeserverUnreachable),
        "temporarily_unavailable" => ("temporarily_unavailable", LoginProblem::HomeserverUnreachable),
        "invalid_scope" => ("invalid_scope", LoginProblem::HomeserverInvalid),
        "unauthorized_client" => ("unauthorized_client", LoginProblem::HomeserverInvalid),
        "invalid_request" => ("invalid_request", LoginProblem::HomeserverInvalid),
        _ => ("another one", LoginProblem::HomeserverInvalid),
    };
    tracing::info!(
        flow.id = step.flow.log_id(),
        client.id = step.flow.client_id,
        homeserver = server.name,
        error = word,
        "the authentication service sent the agent back with an error"
    );
    step.stop(problem).await
}
