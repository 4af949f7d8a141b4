//! What the API answers when it does not do what was asked: one document for all of it (RFC 9457), with the challenge of RFC
//! 6750 where the token is what is wrong.

use std::fmt::Display;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::error::{Incident, PageError};
use super::super::pages::ErrorKind;
use crate::console::clients::Refused;
use crate::console::edit::EditError;
use crate::domain::api::ApiScope;
use crate::protocol::client_metadata::FieldProblem;
use crate::protocol::error::{ErrorCode, OAuthError};

/// Longer texts about what was sent are cut, in characters.
const MAX_DETAIL: usize = 300;

/// Why something was not done (RFC 9457; its `type` is always `about:blank`, and `code` tells apart what shares a status).
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// The status in words.
    #[schema(value_type = String)]
    title: &'static str,
    /// A word that does not change.
    #[schema(value_type = String)]
    code: &'static str,
    /// What is wrong and what to do, for a developer.
    detail: String,
    /// What is wrong with which field of the body.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<FieldProblem>,
    #[serde(skip)]
    challenge: Option<Box<HeaderValue>>,
    #[serde(skip)]
    retry_after: Option<i64>,
}

impl Problem {
    /// An answer with this status.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let detail: String = detail.into();
        Self {
            status: status.as_u16(),
            title: status.canonical_reason().unwrap_or_default(),
            code,
            detail: detail.chars().take(MAX_DETAIL).collect(),
            problems: Vec::new(),
            challenge: None,
            retry_after: None,
        }
    }

    /// 404: there is nothing of the kind for whoever asks.
    pub fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "there is nothing here, or not for this access",
        )
    }

    /// 400: the request cannot be read.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", detail)
    }

    /// 403: the scope is there, the right is not.
    pub fn forbidden() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "the role of this access has no right to it",
        )
    }

    /// 409: it cannot be done as things stand.
    pub fn conflict(code: &'static str, detail: &'static str) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 412: somebody else changed it.
    pub fn outdated() -> Self {
        let detail = "it is of another version by now; read it again, and send the new ETag in If-Match";
        Self::new(StatusCode::PRECONDITION_FAILED, "outdated", detail)
    }

    /// 422: fields that cannot be.
    pub fn invalid(problems: Vec<FieldProblem>) -> Self {
        Self {
            problems,
            ..Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid",
                "what was sent can be read, and cannot be taken; see problems",
            )
        }
    }

    /// 401: no token (RFC 6750 §3.1: the bare challenge).
    pub fn without_token() -> Self {
        Self {
            challenge: Some(Box::new(HeaderValue::from_static("Bearer realm=\"api\""))),
            ..Self::new(
                StatusCode::UNAUTHORIZED,
                "no_token",
                "send an access token for this API as a bearer token",
            )
        }
    }

    /// 401, or 400 for what is no request with a token at all (RFC 6750 §3.1).
    pub fn bearer(error: OAuthError) -> Self {
        let status = match error.code {
            ErrorCode::InvalidToken => StatusCode::UNAUTHORIZED,
            _ => StatusCode::BAD_REQUEST,
        };
        Self {
            challenge: challenge(error.code.as_str(), error.description, ""),
            ..Self::new(status, error.code.as_str(), error.description)
        }
    }

    /// 403: a token without this scope (RFC 6750 §3.1).
    pub fn insufficient_scope(scope: ApiScope) -> Self {
        let code = ErrorCode::InsufficientScope.as_str();
        let scope = scope.as_str();
        Self {
            challenge: challenge(code, "the token lacks a scope", &format!(", scope=\"{scope}\"")),
            ..Self::new(
                StatusCode::FORBIDDEN,
                code,
                format!("the token lacks the scope {scope}"),
            )
        }
    }

    /// 429: too much was asked; so many seconds later there is more (RFC 9110 §10.2.3).
    pub fn too_many(wait: i64) -> Self {
        Self {
            retry_after: Some(wait),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many",
                "too many requests in this agent's name; Retry-After says when to go on, in seconds",
            )
        }
    }

    /// 500: what nobody expected, logged once in full.
    pub fn from_inside(error: &dyn Display) -> Self {
        let Incident(number) = Incident::report(error);
        let detail = format!("the provider could not do it; the log tells more under {number}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }
}

fn challenge(code: &str, description: &str, further: &str) -> Option<Box<HeaderValue>> {
    let text = format!("Bearer realm=\"api\", error=\"{code}\", error_description=\"{description}\"{further}");
    HeaderValue::from_str(&text).ok().map(Box::new)
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        let challenge = self.challenge.take();
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, [(CONTENT_TYPE, "application/problem+json")], body).into_response();
        if let Some(challenge) = challenge {
            response.headers_mut().insert(WWW_AUTHENTICATE, *challenge);
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Problems(problems) => Self::invalid(problems),
            Refused::Stale => Self::outdated(),
            Refused::Full => Self::conflict("full", "there are as many as there may be"),
            Refused::Waiting => Self::conflict("waiting", "a request waits already, or there is nothing to ask for"),
            Refused::ForOperators => Self::conflict("for_operators", "only an operator can do this"),
            Refused::Missing => Self::not_found(),
            Refused::Store(error) => Self::from_inside(&error),
            Refused::Secret(error) => Self::from_inside(&error),
        }
    }
}

impl From<EditError> for Problem {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Invalid(problems) => Self::invalid(problems),
            EditError::Exists | EditError::Outdated => Self::outdated(),
            EditError::LocksOut => Self::conflict("locks_out", "whoever does it could not sign in any more"),
            EditError::Store(error) => Self::from_inside(&error),
        }
    }
}

/// Places in lists are opened by the code of the pages.
impl From<PageError> for Problem {
    fn from(error: PageError) -> Self {
        match error.kind {
            ErrorKind::NotFound => Self::not_found(),
            ErrorKind::Internal => Self::from_inside(&"see the incident before"),
            _ => Self::malformed(error.detail.unwrap_or("the request cannot be read")),
        }
    }
}

macro_rules! inside {
    ($($error:ty),+) => { $(
        impl From<$error> for Problem {
            fn from(error: $error) -> Self {
                Self::from_inside(&error)
            }
        }
    )+ };
}

inside!(crate::store::StoreError, crate::keys::KeysError);
