//! The authorization endpoint (RFC 6749 §3.1, Core §3.1.2). What can be answered at once is answered without storing
//! anything; what needs a page becomes a flow.

use axum::extract::{OriginalUri, State};
use axum::response::Response;
use http::Uri;

use super::super::error::{AuthorizeError, PageError, see_other};
use super::super::form::PageForm;
use super::super::login::{self, request::Request};
use super::super::pages::ErrorKind;
use super::super::visitor::Visitor;
use crate::app::SharedApp;
use crate::domain::flow::{Progress, Step};
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
        Step::Issue(claims) => login::finish::issue(&app, &request, person, claims, None, now).await,
        Step::Refuse(denial) if request.answers_at_once(denial) => Err(request.refuse(&app, denial)),
        _ => {
            let flow = login::start_flow(&app, &visitor, &request, true, now).await?;
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
    let flow = login::start_flow(&app, &visitor, &request, false, app.clock.now()).await?;
    Ok(see_other(&login::step_url(&flow.id)))
}

fn query(uri: &Uri) -> Result<Params, PageError> {
    Params::parse(uri.query().unwrap_or_default().as_bytes())
        .map_err(|error| PageError::with_detail(ErrorKind::Request, error.description))
}
