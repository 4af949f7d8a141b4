//! The password, relayed once to the homeserver that the page named, and to no other.

use axum::response::Response;
use http::header::SET_COOKIE;

use super::super::error::{AuthorizeError, PageError};
use super::super::form::PageForm;
use super::super::pages::{ErrorKind, PasswordError, PasswordPage};
use super::under_way::UnderWay;
use super::{counting, finish, gate, render};
use crate::domain::flow::{Stage, Step};
use crate::domain::homeserver::Homeserver;
use crate::domain::identifier::Identifier;
use crate::domain::login_problem::LoginProblem;
use crate::domain::statistics::Outcome;
use crate::secret::Redacted;
use crate::upstream::UpstreamError;

/// After so many failed passwords a flow is over: the agent goes back to the service and starts again.
const MAX_FAILURES: u32 = 10;
/// Longer passwords are not relayed, in bytes.
const MAX_PASSWORD: usize = 1024;

struct Asked {
    server: Homeserver,
    identifier: String,
    needs_matrix_id: bool,
}

/// The flow must be at its password stage, and the homeserver still on the list.
async fn asked(step: &UnderWay) -> Result<Asked, AuthorizeError> {
    let Stage::Password {
        homeserver: name,
        identifier,
        needs_matrix_id,
    } = &step.flow.progress.stage
    else {
        return Err(PageError::new(ErrorKind::FlowExpired).into());
    };
    let server = step.app.store.find_homeserver(name).await?;
    let server = server.ok_or_else(|| PageError::new(ErrorKind::FlowExpired))?;
    Ok(Asked {
        server,
        identifier: identifier.clone(),
        needs_matrix_id: *needs_matrix_id,
    })
}

/// The password page; it names the server before it asks.
pub async fn page(step: &UnderWay, error: Option<PasswordError>) -> Result<Response, AuthorizeError> {
    let Asked {
        server,
        identifier,
        needs_matrix_id,
    } = asked(step).await?;
    render(&PasswordPage {
        layout: step.layout(),
        service: step.service(),
        action: step.action("password"),
        homeserver_name: server.name,
        homeserver_label: server.label,
        identifier,
        needs_matrix_id,
        error,
        change_action: step.action("restart"),
    })
}

/// `POST /authorize/{flow}/password`
pub async fn submit(mut step: UnderWay, PageForm(form): PageForm) -> Result<Response, AuthorizeError> {
    if step.next() != Step::Login || !matches!(step.flow.progress.stage, Stage::Password { .. }) {
        return Ok(step.again());
    }
    let Asked {
        server,
        identifier,
        needs_matrix_id,
    } = asked(&step).await?;
    if step.flow.progress.failures >= MAX_FAILURES {
        return step.stop(LoginProblem::TooManyAttempts).await;
    }
    let typed = form
        .get("identifier")
        .filter(|_| needs_matrix_id)
        .map_or(identifier, |typed| typed.trim().to_owned());
    step.flow.progress.stage = Stage::Password {
        homeserver: server.name.clone(),
        identifier: typed.clone(),
        needs_matrix_id,
    };
    let password = form
        .get("password")
        .filter(|password| password.len() <= MAX_PASSWORD)
        .map(Redacted::new);
    let Some(password) = password else {
        return page(&step, Some(PasswordError::Empty)).await;
    };
    let identifier = match Identifier::parse(&typed) {
        Some(Identifier::Email(_)) | None if needs_matrix_id => {
            return page(&step, Some(PasswordError::MatrixIdNeeded)).await;
        }
        Some(identifier) => identifier,
        None => return page(&step, Some(PasswordError::Wrong)).await,
    };
    let attempt = match gate::pass(&step, &server, &identifier).await? {
        Ok(attempt) => attempt,
        Err(wait) => {
            counting::stopped(&step, &step.flow.progress.stage, Outcome::Throttled);
            let throttled = PasswordError::Throttled { seconds: Some(wait) };
            return page(&step, Some(throttled)).await;
        }
    };
    // Counted before it is relayed: parallel guesses cannot share one count, the slower ones are not relayed at all.
    step.flow.progress.failures += 1;
    if let Err(error) = step.save().await {
        attempt.was_no_failure(&step).await?;
        return Err(error);
    }
    match step
        .app
        .upstream
        .login_with_password(&server, &identifier, &password)
        .await
    {
        Ok(identity) => {
            let cookie = attempt.was_right(&step, &identity.matrix_id.to_string()).await?;
            finish::sign_in(&mut step, &server, &identity).await?;
            let mut response = step.again();
            response.headers_mut().append(SET_COOKIE, cookie);
            Ok(response)
        }
        Err(error) => {
            match error {
                UpstreamError::WrongCredentials => {}
                UpstreamError::Throttled { retry_after_seconds } => {
                    attempt.was_throttled(&step, retry_after_seconds).await?;
                }
                _ => attempt.was_no_failure(&step).await?,
            }
            failed(step, &server, error).await
        }
    }
}

async fn failed(mut step: UnderWay, server: &Homeserver, error: UpstreamError) -> Result<Response, AuthorizeError> {
    finish::note_failure(&step, server, &error).await?;
    let count = |outcome| counting::stopped(&step, &step.flow.progress.stage, outcome);
    match error {
        UpstreamError::WrongCredentials => count(Outcome::WrongCredentials),
        UpstreamError::Throttled { .. } => count(Outcome::Throttled),
        UpstreamError::Unreachable(_) => count(Outcome::HomeserverFailed),
        // The login goes on, or is counted when it stops.
        _ => {}
    }
    let shown = match error {
        UpstreamError::WrongCredentials => return page(&step, Some(PasswordError::Wrong)).await,
        UpstreamError::EmailRefused => {
            if let Stage::Password { needs_matrix_id, .. } = &mut step.flow.progress.stage {
                *needs_matrix_id = true;
            }
            PasswordError::MatrixIdNeeded
        }
        UpstreamError::Throttled { retry_after_seconds } => PasswordError::Throttled {
            seconds: retry_after_seconds,
        },
        UpstreamError::Unreachable(_) => PasswordError::HomeserverUnreachable,
        other => return step.stop(finish::problem(&other)).await,
    };
    // No password was judged.
    step.flow.progress.failures -= 1;
    step.save().await?;
    page(&step, Some(shown)).await
}
