//! Form bodies, read into [`Params`] by one function, with a rejection for each audience. axum's own `Form` answers in
//! plain text and takes the last of repeated parameters.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use http::StatusCode;
use http::header::CONTENT_TYPE;

use super::error::{JsonError, PageError};
use super::pages::ErrorKind;
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
