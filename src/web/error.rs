//! Errors by audience: [`PageError`] for people, [`JsonError`] for clients' programs (RFC 6749 §5.2, RFC 6750 §3),
//! [`AuthorizeError`] for the authorization endpoint, which has both. What is not expected goes through
//! [`Incident::report`]: logged once in full, shown as a number only.

use std::fmt::Display;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, LOCATION, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::json;

use super::pages::ErrorKind;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::registration::Rejection;
use crate::protocol::response_mode::AuthorizationResponse;
use crate::protocol::return_to::ReturnTo;
use crate::secret::random_id;

/// The number under which the log tells more.
#[derive(Debug, Clone)]
pub struct Incident(pub String);

impl Incident {
    /// A fresh number.
    pub fn new() -> Self {
        // Without randomness the page still has to say something; the log line carries the same text.
        Self(random_id().unwrap_or_else(|_| "no-random-source".to_owned()))
    }

    /// Logs what went wrong inside, once, and gives it a number.
    pub fn report(error: &dyn Display) -> Self {
        let incident = Self::new();
        tracing::error!(incident.id = incident.0, error = %error, "a request failed inside");
        incident
    }
}

/// An error page for a person. The page itself is written by [`super::layers::late_pages`], which knows the language.
#[derive(Debug, Clone)]
pub struct PageError {
    /// Which page.
    pub kind: ErrorKind,
    /// For the developers of the service; never anything secret.
    pub detail: Option<&'static str>,
    /// The number shown.
    pub incident: Incident,
}

impl PageError {
    /// An expected error: the request cannot be served as it is.
    pub fn new(kind: ErrorKind) -> Self {
        Self {
            kind,
            detail: None,
            incident: Incident::new(),
        }
    }

    /// The same, with a sentence for developers.
    pub fn with_detail(kind: ErrorKind, detail: &'static str) -> Self {
        Self {
            detail: Some(detail),
            ..Self::new(kind)
        }
    }

    fn status(&self) -> StatusCode {
        match self.kind {
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Method => StatusCode::METHOD_NOT_ALLOWED,
            ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorKind::TooMany => StatusCode::TOO_MANY_REQUESTS,
            ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// An OAuth error as JSON.
#[derive(Debug, Clone)]
pub struct JsonError {
    status: StatusCode,
    /// None where the challenge says it all.
    error: Option<OAuthError>,
    challenge: Option<HeaderValue>,
    /// Said instead of the error's own description.
    detail: Option<String>,
}

impl JsonError {
    /// An error at a resource (RFC 6750 §3.1): the challenge says the same as the body.
    pub fn bearer(error: OAuthError) -> Self {
        let status = match error.code {
            ErrorCode::InvalidToken => StatusCode::UNAUTHORIZED,
            ErrorCode::InsufficientScope => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_REQUEST,
        };
        let challenge = format!(
            "Bearer error=\"{}\", error_description=\"{}\"",
            error.code.as_str(),
            error.description
        );
        Self {
            status,
            error: Some(error),
            challenge: HeaderValue::from_str(&challenge).ok(),
            detail: None,
        }
    }

    /// A request without credentials gets the bare challenge (RFC 6750 §3.1).
    pub fn without_credentials() -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            error: None,
            challenge: Some(HeaderValue::from_static("Bearer")),
            detail: None,
        }
    }

    /// Failed client authentication answers with a challenge when the `Authorization` header was used (RFC 6749 §5.2).
    pub fn at_token(error: OAuthError, used_header: bool) -> Self {
        let basic = HeaderValue::from_static("Basic realm=\"token\", charset=\"UTF-8\"");
        Self {
            challenge: (used_header && error.code == ErrorCode::InvalidClient).then_some(basic),
            ..error.into()
        }
    }

    /// The code that the client reads, if there is one.
    pub fn code(&self) -> Option<ErrorCode> {
        self.error.as_ref().map(|error| error.code)
    }

    /// The same error under another status.
    pub fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }
}

impl From<OAuthError> for JsonError {
    fn from(error: OAuthError) -> Self {
        let status = match error.code {
            ErrorCode::InvalidClient => StatusCode::UNAUTHORIZED,
            ErrorCode::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        Self {
            status,
            error: Some(error),
            challenge: None,
            detail: None,
        }
    }
}

impl From<Rejection> for JsonError {
    fn from(rejection: Rejection) -> Self {
        Self {
            detail: Some(rejection.description),
            ..OAuthError::new(rejection.code, "the metadata cannot be registered").into()
        }
    }
}

impl IntoResponse for JsonError {
    fn into_response(self) -> Response {
        let body = self.error.map(|error| {
            let description = self.detail.as_deref().unwrap_or(error.description);
            Json(json!({"error": error.code.as_str(), "error_description": description}))
        });
        let mut response = match body {
            Some(body) => (self.status, body).into_response(),
            None => self.status.into_response(),
        };
        response
            .headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = self.challenge {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// An error at the authorization endpoint: a page when there is no verified place to return to, else a redirect.
#[derive(Debug)]
pub enum AuthorizeError {
    /// Stay here.
    Page(PageError),
    /// Tell the client; the response comes from a [`ReturnTo`].
    Return(AuthorizationResponse),
    /// Another request of the same browser was faster: show the step that is due now, at this path of ours.
    Again(String),
    /// Something is asked for first, on a page that carries on with what was sent.
    First(Box<Response>),
}

impl AuthorizeError {
    /// An error that goes back to the client.
    pub fn to(return_to: &ReturnTo, error: &OAuthError, issuer: &str) -> Self {
        Self::Return(return_to.with_error(error, issuer))
    }
}

impl IntoResponse for AuthorizeError {
    fn into_response(self) -> Response {
        match self {
            Self::Page(page) => page.into_response(),
            Self::Return(response) => respond(response),
            Self::Again(location) => see_other(&location),
            Self::First(page) => *page,
        }
    }
}

/// Sends an authorization response off. A form is written by [`super::layers::late_pages`], which knows the language.
pub fn respond(response: AuthorizationResponse) -> Response {
    match response {
        AuthorizationResponse::Redirect(location) => see_other(&location),
        form => {
            let mut response = StatusCode::OK.into_response();
            response.extensions_mut().insert(form);
            response
        }
    }
}

/// 303: after a POST the browser must come back with a GET (RFC 9700 §4.12).
pub fn see_other(location: &str) -> Response {
    match HeaderValue::from_str(location) {
        Ok(location) => (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response(),
        Err(error) => internal(error),
    }
}

fn internal(error: impl Display) -> Response {
    PageError::from_inside(&error).into_response()
}

impl PageError {
    /// Something failed inside.
    pub fn from_inside(error: &dyn Display) -> Self {
        Self {
            kind: ErrorKind::Internal,
            detail: None,
            incident: Incident::report(error),
        }
    }
}

/// Errors from inside, for every audience.
macro_rules! inside {
    ($($error:ty),+) => { $(
        impl From<$error> for PageError {
            fn from(error: $error) -> Self {
                Self::from_inside(&error)
            }
        }
        impl From<$error> for AuthorizeError {
            fn from(error: $error) -> Self {
                Self::Page(PageError::from_inside(&error))
            }
        }
        impl From<$error> for JsonError {
            fn from(error: $error) -> Self {
                Incident::report(&error);
                OAuthError::new(ErrorCode::ServerError, "the provider could not answer; try again later").into()
            }
        }
    )+ };
}

inside!(
    crate::store::StoreError,
    crate::keys::KeysError,
    crate::secret::SecretError,
    crate::console::second_factor::FactorError,
    tower_sessions::session::Error,
    askama::Error
);

impl From<PageError> for AuthorizeError {
    fn from(error: PageError) -> Self {
        Self::Page(error)
    }
}
