//! The authorization endpoint (RFC 6749 §3.1, Core §3.1.2). What can be answered at once is answered without storing
//! anything; what needs a page becomes a flow.

use axum::extract::{OriginalUri, State};
use axum::response::Response;
use http::Uri;
use http::header::SET_COOKIE;

use super::super::error::{AuthorizeError, PageError, see_other};
use super::super::form::PageForm;
use super::super::login::{self, request::Request};
use super::super::pages::ErrorKind;
use super::super::visitor::Visitor;
use crate::app::SharedApp;
use crate::domain::flow::{Progress, Step};
use crate::protocol::authorize::Prompt;
use crate::protocol::params::Params;

/// `GET /authorize`
pub async fn by_get(
    State(app): State<SharedApp>,
    visitor: Visitor,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, AuthorizeError> {
    let request = Request::check(&app, query(&uri)?).await?;
    let now = app.clock.now();
    let person = request.person(&app, visitor.signed_in().await?.as_deref(), now).await?;
    match request.next_step(&Progress::default(), person.as_ref(), now, now) {
        // Silent requests are for programs to make: a page would not stop them.
        Step::Issue(claims) if request.checked.prompts(Prompt::None) => {
            login::finish::issue(&app, &request, person, claims, None, now).await
        }
        Step::Issue(claims) => {
            let turns = visitor.turns();
            if turns.is_loop() {
                let flow = login::start_flow(&app, &visitor, &request, Progress::in_a_loop(), true, now).await?;
                return Ok(see_other(&login::step_url(&flow.id)));
            }
            let mut answer = login::finish::issue(&app, &request, person, claims, None, now).await?;
            answer
                .headers_mut()
                .append(SET_COOKIE, visitor.turns_cookie(&app, turns)?);
            Ok(answer)
        }
        Step::Refuse(denial) if request.answers_at_once(denial) => {
            login::counting::refused(&app, &request, person.as_ref(), denial, now);
            Err(request.refuse(&app, denial))
        }
        _ => {
            let flow = login::start_flow(&app, &visitor, &request, Progress::default(), true, now).await?;
            Ok(see_other(&login::step_url(&flow.id)))
        }
    }
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
