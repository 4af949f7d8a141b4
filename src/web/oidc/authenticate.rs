//! Client authentication, the same at every endpoint that wants it (RFC 6749 §2.3).

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::super::error::JsonError;
use super::registration;
use crate::app::App;
use crate::protocol::client::Client;
use crate::protocol::client_auth;
use crate::protocol::error::OAuthError;
use crate::protocol::params::Params;

/// The client that a request of a program comes from.
pub async fn client(app: &App, headers: &HeaderMap, params: &Params, now: i64) -> Result<Client, JsonError> {
    let header = headers.get(AUTHORIZATION);
    let at_token = |error| JsonError::at_token(error, header.is_some());
    if headers.get_all(AUTHORIZATION).iter().count() > 1 {
        return Err(at_token(OAuthError::invalid_request(
            "more than one Authorization header",
        )));
    }
    // A header that is not even text is a header all the same: it must not pass for a public client.
    let header_text = header.map(|value| value.to_str().unwrap_or_default());
    let credentials = client_auth::read(header_text, params).map_err(at_token)?;
    let client = app.store.find_client(&credentials.client_id).await?;
    let secrets = app.store.list_client_secrets(&credentials.client_id, now).await?;
    // What names no client of ours is anything at all, a secret in the wrong place even: it stays out of the log.
    let known = client.as_ref().map(|client| client.id.clone());
    let client = client_auth::verify(client, &secrets, &credentials).map_err(|error| {
        match known {
            Some(id) => tracing::info!(client.id = id, "client authentication failed"),
            None => tracing::info!("client authentication failed: there is no such client"),
        }
        at_token(error)
    })?;
    // Whoever knows a public client's id could keep it.
    if !client.is_public() {
        registration::used(app, &client, now).await?;
    }
    Ok(client)
}
