//! Who is it? From what the agent types to the homeserver and the way to sign in there.

use axum::response::Response;

use super::super::error::AuthorizeError;
use super::super::form::PageForm;
use super::super::logout::end_session;
use super::super::pages::{IdentifierError, IdentifierPage};
use super::under_way::UnderWay;
use super::{gate, oauth, render, sso};
use crate::domain::flow::{Stage, Step};
use crate::domain::homeserver::{self, Homeserver, RouteTrust, Way};
use crate::domain::identifier::Identifier;
use crate::domain::login_problem::LoginProblem;
use crate::upstream::{Offered, Route, RouteError, UpstreamError, choose_way};

/// The first page of a login.
pub async fn page(
    step: &UnderWay,
    typed: Option<&str>,
    error: Option<IdentifierError>,
) -> Result<Response, AuthorizeError> {
    page_about(step, typed, error, None).await
}

/// The same, with the homeserver that the error is about.
async fn page_about(
    step: &UnderWay,
    typed: Option<&str>,
    error: Option<IdentifierError>,
    server: Option<Homeserver>,
) -> Result<Response, AuthorizeError> {
    let known = typed
        .or(step.flow.progress.typed.as_deref())
        .or(step.request.checked.login_hint.as_deref());
    let homeservers = step.app.store.list_homeservers().await?;
    let choice = match homeservers.as_slice() {
        [_] => Vec::new(),
        several => several
            .iter()
            .map(|server| (server.name.clone(), server.label.clone()))
            .collect(),
    };
    render(&IdentifierPage {
        layout: step.layout(),
        service: step.service(),
        action: step.action("identifier"),
        value: known.unwrap_or_default().to_owned(),
        error,
        server: server.map(|server| (server.name, server.label)),
        homeservers: choice,
    })
}

/// `POST /authorize/{flow}/identifier`
pub async fn submit(mut step: UnderWay, PageForm(form): PageForm) -> Result<Response, AuthorizeError> {
    if step.next() != Step::Login {
        // Another tab signed in meanwhile: is it the account that was about to be typed?
        step.flow.progress.account_changed = true;
        step.save().await?;
        return Ok(step.again());
    }
    let typed = form.get("identifier").unwrap_or_default().trim().to_owned();
    let homeservers = step.app.store.list_homeservers().await?;
    let picked = form
        .get("homeserver")
        .and_then(|name| homeserver::find(&homeservers, name));
    let identifier = match (typed.is_empty(), Identifier::parse(&typed)) {
        (true, _) => return page(&step, Some(&typed), Some(IdentifierError::Empty)).await,
        (false, None) => return page(&step, Some(&typed), Some(IdentifierError::Malformed)).await,
        (false, Some(identifier)) => identifier,
    };
    let looked_up = picked.is_none() && step.app.upstream.asks_directory(&homeservers, &identifier);
    if looked_up && let Err(seconds) = gate::look_up(&step).await? {
        return page(&step, Some(&typed), Some(IdentifierError::TooMany { seconds })).await;
    }
    let decision = match picked {
        Some(server) => {
            with_way(
                &step,
                Route {
                    homeserver: server.clone(),
                    trust: RouteTrust::TypedByAgent,
                },
            )
            .await
        }
        None => decide(&step, &homeservers, &identifier, form.get("guest").is_some()).await,
    };
    match decision {
        Ok((server, way, offered)) => {
            step.flow.progress.typed = Some(typed.clone());
            step.flow.progress.looked_up = looked_up;
            go(step, server, way, offered, typed).await
        }
        Err(Stop::Field(error)) => page(&step, Some(&typed), Some(error)).await,
        Err(Stop::At(server, error)) => page_about(&step, Some(&typed), Some(error), Some(*server)).await,
        Err(Stop::Problem(problem)) => step.stop(problem).await,
    }
}

/// `POST /authorize/{flow}/restart`: another account.
pub async fn restart(mut step: UnderWay) -> Result<Response, AuthorizeError> {
    start_over(&mut step).await?;
    Ok(step.again())
}

/// Back to the first page of the login. A session that this flow made is given up with it.
pub async fn start_over(step: &mut UnderWay) -> Result<(), AuthorizeError> {
    if let Some(session) = step.flow.progress.logged_in.take() {
        end_session(&step.app, &session, step.now).await?;
    }
    let progress = &mut step.flow.progress;
    progress.stage = Stage::Identifier;
    progress.login_demanded = true;
    progress.other_account = false;
    progress.after_logout = false;
    progress.account_confirmed = false;
    progress.account_chosen = None;
    step.flow.attempt = None;
    step.save().await
}

/// What ends the search for a homeserver.
enum Stop {
    /// Said beside the field.
    Field(IdentifierError),
    /// The same, about a homeserver.
    At(Box<Homeserver>, IdentifierError),
    /// A page of its own.
    Problem(LoginProblem),
}

type Decision = Result<(Homeserver, Way, Offered), Stop>;

async fn decide(step: &UnderWay, homeservers: &[Homeserver], identifier: &Identifier, is_guest: bool) -> Decision {
    let upstream = &step.app.upstream;
    let route = upstream
        .route(homeservers, identifier)
        .await
        .map_err(|error| route_stop(step, error))?;
    // The directory names the guests' server for guests, and for whatever it does not know: a misspelt address too.
    let by_directory = matches!(route.trust, RouteTrust::DirectoryOne | RouteTrust::DirectoryAgreed);
    if by_directory && route.homeserver.guests && !is_guest {
        let server = Box::new(route.homeserver);
        return Err(Stop::At(server, IdentifierError::UnknownAddress));
    }
    let trusted = route.trust.allows_password();
    let (server, way, offered) = with_way(step, route).await?;
    if way != Way::Password || trusted {
        return Ok((server, way, offered));
    }
    // One directory answer alone could draw every password to one server: a second one must agree.
    let confirmed = upstream
        .route_for_password(homeservers, identifier)
        .await
        .map_err(|error| route_stop(step, error))?;
    if !confirmed.trust.allows_password() {
        tracing::warn!(
            homeserver = server.name,
            "no second directory answer agrees: no password is asked for"
        );
        return Err(Stop::Field(IdentifierError::DirectoryUnavailable));
    }
    with_way(step, confirmed).await
}

/// Finds out which way the homeserver offers; never falls from one that fails to the next.
async fn with_way(step: &UnderWay, route: Route) -> Decision {
    let server = route.homeserver;
    let offered = step.app.upstream.offered(&server, step.now).await.map_err(|error| {
        tracing::warn!(
            flow.id = step.flow.log_id(),
            homeserver = server.name,
            error.kind = error.kind(),
            error = %error,
            "a homeserver did not say how to sign in"
        );
        match error {
            UpstreamError::NoSuchWay => Stop::Problem(LoginProblem::NoWayIn),
            UpstreamError::Unreachable(_) => Stop::At(Box::new(server.clone()), IdentifierError::HomeserverUnreachable),
            UpstreamError::Throttled { retry_after_seconds } => Stop::Problem(LoginProblem::Throttled {
                seconds: retry_after_seconds,
            }),
            _ => Stop::Problem(LoginProblem::HomeserverInvalid),
        }
    })?;
    match choose_way(&server, &offered) {
        Some(way) => Ok((server, way, offered)),
        None => Err(Stop::Problem(LoginProblem::NoWayIn)),
    }
}

fn route_stop(step: &UnderWay, error: RouteError) -> Stop {
    tracing::info!(
        flow.id = step.flow.log_id(),
        error.kind = error.kind(),
        "an identifier leads to no homeserver"
    );
    Stop::Field(match error {
        RouteError::NotListed | RouteError::NeedsServer | RouteError::Unknown => IdentifierError::UnknownDomain,
        RouteError::DirectoryUnreachable => IdentifierError::DirectoryUnavailable,
    })
}

async fn go(
    mut step: UnderWay,
    server: Homeserver,
    way: Way,
    offered: Offered,
    identifier: String,
) -> Result<Response, AuthorizeError> {
    step.flow.progress.stage = match way {
        Way::Password => Stage::Password {
            homeserver: server.name.clone(),
            identifier,
            needs_matrix_id: false,
        },
        Way::Sso => Stage::Sso {
            homeserver: server.name.clone(),
            until: step.now,
        },
        Way::OAuth => return oauth::send(step, &server).await,
    };
    // Several identity providers: the agent picks one on the page; otherwise there is nothing to choose.
    let choice = offered.sso.is_some_and(|providers| providers.len() > 1);
    if way == Way::Sso && !choice {
        return sso::send(step, &server, None).await;
    }
    step.save().await?;
    Ok(step.again())
}
