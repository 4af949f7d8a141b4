//! The authorization endpoint (RFC 6749 §3.1, Core §3.1.2). What can be answered at once is answered without storing
//! anything; what needs a page becomes a flow.

use axum::extract::{OriginalUri, State};
use axum::response::{IntoResponse, Response};
use http::Uri;
use http::header::SET_COOKIE;

use super::super::error::{AuthorizeError, PageError, see_other};
use super::super::form::PageForm;
use super::super::login::{self, request::Request};
use super::super::pages::ErrorKind;
use super::super::visitor::Visitor;
use crate::app::{App, SharedApp};
use crate::domain::flow::{Progress, Step};
use crate::domain::login_loop::Turns;
use crate::protocol::authorize::Prompt;
use crate::protocol::params::Params;

/// `GET /authorize`
pub async fn by_get(
    State(app): State<SharedApp>,
    visitor: Visitor,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, AuthorizeError> {
    let (params, turns) = (query(&uri)?, visitor.turns());
    let asks_in_silence = params.get("prompt") == Some("none");
    let request = match Request::check(&app, params).await {
        Err(AuthorizeError::Return(_)) if !asks_in_silence && turns.is_loop() => {
            tracing::warn!("a service that repeats a request which is refused was stopped");
            return Err(
                PageError::with_detail(ErrorKind::Request, "the service repeats a request that is refused").into(),
            );
        }
        Err(refusal @ AuthorizeError::Return(_)) if !asks_in_silence => {
            return counted(&app, &visitor, turns, refusal.into_response());
        }
        checked => checked?,
    };
    let now = app.clock.now();
    let person = request.person(&app, visitor.signed_in().await?.as_deref(), now).await?;
    let step = request.next_step(&Progress::default(), person.as_ref(), now, now);
    // Silent requests are for programs to make: a page would not stop them.
    let silent = request.checked.prompts(Prompt::None);
    let at_once = match step {
        Step::Issue(_) => true,
        Step::Refuse(denial) => request.answers_at_once(denial),
        _ => false,
    };
    let in_a_loop = at_once && !silent && turns.is_loop();
    let answer = match step {
        Step::Issue(claims) if !in_a_loop => login::finish::issue(&app, &request, person, claims, None, now).await?,
        Step::Refuse(denial) if at_once && !in_a_loop => {
            login::counting::refused(&app, &request, person.as_ref(), denial, now);
            request.refuse(&app, denial).into_response()
        }
        _ => {
            let progress = match in_a_loop {
                true => Progress::in_a_loop(),
                false => Progress::default(),
            };
            let flow = login::start_flow(&app, &visitor, &request, progress, true, now).await?;
            return Ok(see_other(&login::step_url(&flow.id)));
        }
    };
    match silent {
        true => Ok(answer),
        false => counted(&app, &visitor, turns, answer),
    }
}

/// An answer without a page, which the browser brings back as one more of them.
fn counted(app: &App, visitor: &Visitor, turns: Turns, mut answer: Response) -> Result<Response, AuthorizeError> {
    let cookie = visitor.turns_cookie(app, turns)?;
    answer.headers_mut().append(SET_COOKIE, cookie);
    Ok(answer)
}

/// `POST /authorize` (Core §3.1.2.1). A POST from another site brings no `Lax` cookie: it only checks and stores, and the
/// GET that follows reads the session.
pub async fn by_post(
    State(app): State<SharedApp>,
    visitor: Visitor,
    PageForm(params): PageForm,
) -> Result<Response, AuthorizeError> {
    let request = Request::check(&app, params).await?;
    let flow = login::start_flow(&app, &visitor, &request, Progress::default(), false, app.clock.now()).await?;
    Ok(see_other(&login::step_url(&flow.id)))
}

fn query(uri: &Uri) -> Result<Params, PageError> {
    Params::parse(uri.query().unwrap_or_default().as_bytes())
        .map_err(|error| PageError::with_detail(ErrorKind::Request, error.description))
}
