//! What a request of the API says, read strictly: nothing unknown, nothing twice, no NUL (which PostgreSQL takes in no text).

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use http::header::{CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::problem::Problem;
use crate::secret::constant_time_eq;

/// A JSON body.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let sent = request.headers().get(CONTENT_TYPE);
        let sent = sent.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = sent.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            let detail = "the body must be application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", detail));
        }
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the body is too large"))?;
        let not_json = |error: serde_json::Error| Problem::malformed(format!("the body is not as documented: {error}"));
        let value: Value = serde_json::from_slice(&body).map_err(not_json)?;
        if has_nul(&value) {
            return Err(Problem::malformed("no text may have a NUL in it"));
        }
        if !value.is_object() || has_list_for_object(&value) {
            return Err(Problem::malformed(
                "the body is not as documented: a list stands for an object",
            ));
        }
        serde_json::from_value(value).map(Self).map_err(not_json)
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(list) => list.iter().any(has_nul),
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

/// The members of bodies that are objects themselves.
const OBJECTS: [&str; 6] = ["settings", "why", "admission", "administrations", "oauth", "watch"];

/// serde reads a struct from a list of its members, too; the document says nothing of that.
fn has_list_for_object(value: &Value) -> bool {
    let wrong = |(name, value): (&String, &Value)| {
        (OBJECTS.contains(&name.as_str()) && value.is_array()) || has_list_for_object(value)
    };
    value.as_object().is_some_and(|members| members.iter().any(wrong))
}

/// A query.
pub struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if parts.uri.query().is_some_and(|query| query.contains("%00")) {
            return Err(Problem::malformed("no text may have a NUL in it"));
        }
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(error) => Err(Problem::malformed(error.body_text())),
        }
    }
}

/// What an address names. What nothing can be called is not there.
pub struct Named<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if parts.uri.path().contains("%00") {
            return Err(Problem::not_found());
        }
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(named)| Self(named)).map_err(|_| Problem::not_found())
    }
}

/// On top of what something is written (RFC 9110 §13.1).
pub struct Precondition {
    if_match: Option<String>,
    if_none: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Precondition {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self {
            if_match: header(&parts.headers, IF_MATCH),
            if_none: header(&parts.headers, IF_NONE_MATCH).as_deref() == Some("*"),
        })
    }
}

/// All of a header's lines together: only what is one entity tag matches one.
fn header(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let mut lines = headers
        .get_all(name)
        .iter()
        .map(|line| String::from_utf8_lossy(line.as_bytes()).trim().to_owned());
    let first = lines.next()?;
    Some(lines.fold(first, |all, line| format!("{all},{line}")))
}

impl Precondition {
    /// Lets those through who saw this version.
    ///
    /// # Errors
    /// 428 without `If-Match`, 412 when it is another version.
    pub fn saw(&self, mark: &str) -> Result<(), Problem> {
        match &self.if_match {
            Some(sent) if constant_time_eq(sent, &quoted(mark)) => Ok(()),
            Some(_) => Err(Problem::outdated()),
            None => {
                let detail = "send the ETag of what you read in If-Match, so that nobody else's change is undone";
                Err(Problem::new(StatusCode::PRECONDITION_REQUIRED, "precondition", detail))
            }
        }
    }

    /// The same where it may also be made: then `If-None-Match: *` says that it is to be new.
    ///
    /// # Errors
    /// As [`Precondition::saw`].
    pub fn saw_or_makes(&self, mark: Option<&str>) -> Result<(), Problem> {
        match (mark, self.if_none, &self.if_match) {
            (None, true, None) => Ok(()),
            (_, true, _) | (None, false, Some(_)) => Err(Problem::outdated()),
            (Some(mark), false, _) => self.saw(mark),
            (None, false, None) => self.saw(""),
        }
    }
}

fn quoted(mark: &str) -> String {
    format!("\"{mark}\"")
}

/// The `ETag` of a version.
pub fn etag(mark: &str) -> [(HeaderName, HeaderValue); 1] {
    let value = HeaderValue::from_str(&quoted(mark)).unwrap_or(HeaderValue::from_static("\"\""));
    [(http::header::ETAG, value)]
}
