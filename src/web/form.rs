//! Form bodies, read into [`Params`] by one function, with a rejection for each audience. axum's own `Form` answers in
//! plain text and takes the last of repeated parameters.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use http::header::{CONTENT_TYPE, ORIGIN};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::error::{JsonError, PageError};
use super::pages::ErrorKind;
use crate::app::App;
use crate::audit;
use crate::domain::audit::{Action, Actor, Event, ObjectKind};
use crate::protocol::error::OAuthError;
use crate::protocol::params::Params;

/// A form sent by a browser; refused with a page.
pub struct PageForm(pub Params);

/// A form sent by a client's program; refused with JSON.
pub struct ClientForm(pub Params);

enum Rejection {
    ContentType,
    TooLarge,
    Malformed(OAuthError),
}

async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Params, Rejection> {
    let content_type = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Rejection::ContentType);
    }
    let body = Bytes::from_request(request, state)
        .await
        .map_err(|_| Rejection::TooLarge)?;
    Params::parse(&body).map_err(Rejection::Malformed)
}

impl<S: Send + Sync> FromRequest<S> for PageForm {
    type Rejection = PageError;

    async fn from_request(request: Request, state: &S) -> Result<Self, PageError> {
        read(request, state)
            .await
            .map(Self)
            .map_err(|rejection| match rejection {
                Rejection::ContentType => PageError::with_detail(ErrorKind::Request, "the body must be form-encoded"),
                Rejection::TooLarge => PageError::new(ErrorKind::TooLarge),
                Rejection::Malformed(error) => PageError::with_detail(ErrorKind::Request, error.description),
            })
    }
}

impl<S: Send + Sync> FromRequest<S> for ClientForm {
    type Rejection = JsonError;

    async fn from_request(request: Request, state: &S) -> Result<Self, JsonError> {
        read(request, state)
            .await
            .map(Self)
            .map_err(|rejection| match rejection {
                Rejection::ContentType => OAuthError::invalid_request("the body must be form-encoded").into(),
                Rejection::TooLarge => JsonError::from(OAuthError::invalid_request("the body is too large"))
                    .with_status(StatusCode::PAYLOAD_TOO_LARGE),
                Rejection::Malformed(error) => error.into(),
            })
    }
}

/// Refuses a form that another site sent, and notes it once an hour for each network: somebody's browser was led there.
///
/// # Errors
/// The page that says so.
pub async fn refuse_foreign(app: &App, headers: &HeaderMap, network: &str, now: i64) -> Result<(), PageError> {
    if is_from_our_page(headers, &app.config.issuer) {
        return Ok(());
    }
    let event = Event {
        actor: Actor::System,
        action: Action::ForeignForm,
        object: (ObjectKind::Network, network.to_owned()),
        detail: Value::Null,
    };
    audit::record_once(&app.store, now, event, 3600).await?;
    Err(PageError::new(ErrorKind::FlowBrowser))
}

/// Whether a form was sent by a page of ours, as far as the browser says. `SameSite=Lax` lets sibling hosts through. (A page
/// with `no-referrer` sends `Origin: null` for its own forms; only browsers without `Sec-Fetch-Site` leave it at that, and
/// there the secret address of the form has to do.)
fn is_from_our_page(headers: &HeaderMap, issuer: &str) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    match (text("sec-fetch-site"), text(ORIGIN.as_str())) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin == issuer || origin == "null",
        (None, None) => true,
    }
}
