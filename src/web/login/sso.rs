//! Sign-in at the homeserver's own page: out with an attempt bound to this browser, back with a login token. There is no
//! `state` in this protocol, so the attempt id in our callback address does its work, with one callback path per
//! homeserver.

use axum::extract::rejection::PathRejection;
use axum::extract::{OriginalUri, Path, State};
use axum::response::Response;

use super::super::error::{AuthorizeError, PageError, see_other};
use super::super::form::PageForm;
use super::super::pages::{ErrorKind, SsoPage};
use super::super::visitor::Visitor;
use super::under_way::UnderWay;
use super::{finish, render};
use crate::app::SharedApp;
use crate::domain::flow::{Stage, Step};
use crate::domain::homeserver::Homeserver;
use crate::domain::login_problem::LoginProblem;
use crate::protocol::params::Params;
use crate::secret::{Redacted, fingerprint, random_token};
use crate::upstream::redirect_url;

async fn server(step: &UnderWay) -> Result<Homeserver, AuthorizeError> {
    let Stage::Sso { homeserver: name, .. } = &step.flow.progress.stage else {
        return Err(PageError::new(ErrorKind::FlowExpired).into());
    };
    let server = step.app.store.find_homeserver(name).await?;
    Ok(server.ok_or_else(|| PageError::new(ErrorKind::FlowExpired))?)
}

/// Says which server comes next, and offers its identity providers; also what the agent sees who comes back half-way.
pub async fn page(step: &UnderWay) -> Result<Response, AuthorizeError> {
    let server = server(step).await?;
    let providers = match step.app.upstream.login_types(&server).await {
        Ok(offered) => offered.sso.unwrap_or_default(),
        Err(error) => {
            // Only shown: a login that is out at the homeserver may still come back.
            finish::note_failure(step, &server, &error).await?;
            return step.problem(finish::problem(&error));
        }
    };
    let several = providers.len() > 1;
    render(&SsoPage {
        layout: step.layout(),
        service: step.service(),
        action: step.action("sso"),
        homeserver_name: server.name,
        homeserver_label: server.label,
        providers: providers
            .into_iter()
            .filter(|_| several)
            .map(|provider| (provider.id, provider.name))
            .collect(),
        change_action: step.action("restart"),
    })
}

/// `POST /authorize/{flow}/sso`
pub async fn leave(step: UnderWay, PageForm(form): PageForm) -> Result<Response, AuthorizeError> {
    if step.next() != Step::Login || !matches!(step.flow.progress.stage, Stage::Sso { .. }) {
        return Ok(step.again());
    }
    let server = server(&step).await?;
    send(step, &server, form.get("provider")).await
}

/// Opens an attempt and sends the browser to the homeserver.
pub async fn send(mut step: UnderWay, server: &Homeserver, provider: Option<&str>) -> Result<Response, AuthorizeError> {
    let attempt = random_token()?;
    step.flow.attempt = Some(fingerprint(&attempt));
    let until = step.now + step.app.config.lifetimes.login_attempt;
    step.flow.progress.stage = Stage::Sso {
        homeserver: server.name.clone(),
        until,
    };
    let callback = format!("{}/login/sso/{}/{attempt}", step.app.config.issuer, server.name);
    let location = match redirect_url(server, provider, &callback) {
        Ok(location) => location,
        Err(error) => return step.stop(finish::problem(&error)).await,
    };
    step.save().await?;
    Ok(see_other(&location))
}

/// `GET /login/sso/{homeserver}/{attempt}?loginToken=…`
pub async fn come_back(
    State(app): State<SharedApp>,
    place: Result<Path<(String, String)>, PathRejection>,
    visitor: Visitor,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, AuthorizeError> {
    let expired = || PageError::new(ErrorKind::FlowExpired);
    let Path((path_server, attempt)) = place.map_err(|_| expired())?;
    let mut step = UnderWay::come_back(&app, visitor, &attempt).await?;
    let server = server(&step).await?;
    if matches!(step.flow.progress.stage, Stage::Sso { until, .. } if until <= step.now) {
        return step.stop(LoginProblem::LoginTokenSpent).await;
    }
    // A token brought to another server's callback is a mix-up: which server was chosen is kept on our side.
    if server.name != path_server {
        tracing::warn!(
            flow.id = step.flow.log_id(),
            homeserver = server.name,
            "a login came back at another server's address"
        );
        return step.stop(LoginProblem::WrongServer).await;
    }
    let params = Params::parse(uri.query().unwrap_or_default().as_bytes()).unwrap_or_default();
    let token = params
        .get("loginToken")
        .filter(|_| !params.is_repeated("loginToken"))
        .map(Redacted::new);
    let Some(token) = token else {
        return step.stop(LoginProblem::LoginTokenSpent).await;
    };
    match app.upstream.login_with_token(&server, &token).await {
        Ok(identity) => {
            finish::sign_in(&mut step, &server, &identity).await?;
            Ok(step.again())
        }
        Err(error) => {
            finish::note_failure(&step, &server, &error).await?;
            step.stop(finish::problem(&error)).await
        }
    }
}
