//! Health for the orchestrator, and the page for whoever lands at `/`.

use askama::Template;
use axum::extract::{OriginalUri, State};
use axum::response::Html;
use http::{HeaderMap, StatusCode};

use super::error::PageError;
use super::pages::HomePage;
use super::visitor::{language_of, layout};
use crate::app::SharedApp;

/// The process runs.
pub async fn live() -> &'static str {
    "ok\n"
}

/// The process can serve: the database answers.
pub async fn ready(State(app): State<SharedApp>) -> (StatusCode, &'static str) {
    match app.store.ping().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::warn!(error = %error, "not ready: the database does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
    }
}

/// `/`
pub async fn home(
    State(app): State<SharedApp>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Result<Html<String>, PageError> {
    let language = language_of(&app, &headers, uri.query());
    let page = HomePage {
        layout: layout(&app, language, "/".to_owned()),
        discovery_url: format!("{}/.well-known/openid-configuration", app.config.issuer),
    };
    Ok(Html(page.render()?))
}
