//! Discovery (OpenID Connect Discovery §4, RFC 8414 §3) and the key set (RFC 7517 §5).

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::super::i18n::Language;
use crate::app::SharedApp;
use crate::domain::claims::{self, ACR_VALUES, SCOPES};
use crate::keys::JWKS_MAX_AGE;
use crate::protocol::discovery::{self, Vocabulary};
use crate::secret::fingerprint;

/// Both well-known addresses.
pub async fn document(State(app): State<SharedApp>, headers: HeaderMap) -> Response {
    let languages = Language::ALL.map(Language::as_str);
    let claims: Vec<_> = claims::supported().collect();
    let vocabulary = Vocabulary {
        scopes: SCOPES,
        claims: &claims,
        acr_values: ACR_VALUES,
        ui_locales: &languages,
        registration: app.config.registration.is_on(),
    };
    cached(&headers, &discovery::document(&app.config.issuer, vocabulary))
}

/// The key set.
pub async fn jwks(State(app): State<SharedApp>, headers: HeaderMap) -> Response {
    app.keys.fetched();
    cached(&headers, &app.keys.jwks(app.clock.now()))
}

/// To be cached, and asked for again by its `ETag` (RFC 9110 §13.1.2).
fn cached(request: &HeaderMap, document: &Value) -> Response {
    let body = document.to_string();
    let tag = format!("\"{}\"", fingerprint(&body));
    let names_it =
        |candidate: &str| matches!(candidate.trim(), "*") || candidate.trim().trim_start_matches("W/") == tag;
    let is_known = request
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(names_it));
    let headers = [(CACHE_CONTROL, format!("public, max-age={JWKS_MAX_AGE}")), (ETAG, tag)];
    match is_known {
        true => (StatusCode::NOT_MODIFIED, headers).into_response(),
        false => (headers, [(CONTENT_TYPE, "application/json")], body).into_response(),
    }
}
