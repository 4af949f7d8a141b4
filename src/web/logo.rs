//! Clients' logos: fetched once when a client names one, checked, kept, and shown from here. Browsers never fetch them from the
//! client, who would learn of every visitor before they agreed to anything.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};

use super::error::PageError;
use super::pages::ErrorKind;
use crate::app::SharedApp;
use crate::egress::{DocumentError, Fetcher};
use crate::protocol::client::Client;
use crate::store::{Store, StoreError};

/// Whoever opens a logo by itself gets a picture that can do nothing.
const CSP: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";

/// The address of a client's logo; it changes with the logo.
pub fn address(client_id: &str, fetched_at: i64) -> String {
    format!("/clients/{client_id}/logo?v={fetched_at}")
}

/// `GET /clients/{client_id}/logo`
pub async fn show(
    State(app): State<SharedApp>,
    place: Result<Path<String>, PathRejection>,
) -> Result<Response, PageError> {
    let Path(client_id) = place.map_err(|_| PageError::new(ErrorKind::NotFound))?;
    // PostgreSQL takes no NUL in a text.
    let logo = match client_id.contains('\0') {
        true => None,
        false => app.store.find_client_logo(&client_id).await?,
    };
    let (media_type, content) = logo.ok_or_else(|| PageError::new(ErrorKind::NotFound))?;
    let headers = [
        (CONTENT_TYPE, media_type.as_str()),
        (CONTENT_SECURITY_POLICY, CSP),
        (CACHE_CONTROL, "public, max-age=86400"),
    ];
    Ok((headers, content).into_response())
}

/// Fetches the logo that a client names, unless it is here already; forgets another one. A client without a logo is as good:
/// why there is none is only told.
///
/// # Errors
/// When the database fails.
pub async fn fetch(
    store: &Store,
    fetcher: &Fetcher,
    client: &Client,
    now: i64,
) -> Result<Option<DocumentError>, StoreError> {
    // A logo makes a service look like another: nobody has looked at this one yet.
    let vouched_for = client.standing.stage.is_production();
    let Some(uri) = client.presentation.logo_uri.as_ref().filter(|_| vouched_for) else {
        store.delete_client_logo(&client.id).await?;
        return Ok(None);
    };
    if store.find_client_logo_time(&client.id, uri).await?.is_some() {
        return Ok(None);
    }
    match fetcher.logo(uri).await {
        Ok(logo) => store
            .upsert_client_logo(&client.id, uri, &logo, now)
            .await
            .map(|()| None),
        Err(error) => {
            tracing::info!(client.id = client.id, error = %error, "a logo was not taken");
            store.delete_client_logo(&client.id).await?;
            Ok(Some(error))
        }
    }
}
