//! Discovery (OpenID Connect Discovery §4, RFC 8414 §3) and the key set (RFC 7517 §5).

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;

use super::super::i18n::Language;
use crate::app::SharedApp;
use crate::domain::claims::{self, ACR_VALUES, SCOPES};
use crate::keys::JWKS_MAX_AGE;
use crate::protocol::discovery::{self, Vocabulary};

/// Both well-known addresses.
pub async fn document(State(app): State<SharedApp>) -> Response {
    let languages = Language::ALL.map(Language::as_str);
    let claims: Vec<_> = claims::supported().collect();
    let vocabulary = Vocabulary {
        scopes: SCOPES,
        claims: &claims,
        acr_values: ACR_VALUES,
        ui_locales: &languages,
    };
    cached(Json(discovery::document(&app.config.issuer, vocabulary)))
}

/// The key set.
pub async fn jwks(State(app): State<SharedApp>) -> Response {
    cached(Json(app.keys.jwks(app.clock.now())))
}

fn cached(body: impl IntoResponse) -> Response {
    ([(CACHE_CONTROL, format!("public, max-age={JWKS_MAX_AGE}"))], body).into_response()
}
