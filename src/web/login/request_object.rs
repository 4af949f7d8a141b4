//! Puts the parameters of a request object in the place of those that came with the request (Core §6), before anything is
//! made of them. A flow stores the result: an object is read, and fetched, once.

use std::time::Duration;

use http::StatusCode;

use crate::app::App;
use crate::egress::FetchLimits;
use crate::protocol::client::Client;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::params::Params;
use crate::protocol::request_object::{self, Source};

const LIMITS: FetchLimits = FetchLimits {
    max_bytes: 32 * 1024,
    timeout: Duration::from_secs(5),
};

/// The parameters that count.
pub async fn resolve(app: &App, params: &Params, client: &Client) -> Result<Params, OAuthError> {
    let object = match request_object::source(params, client)? {
        None => return Ok(params.clone()),
        Some(Source::Value(object)) => object.to_owned(),
        Some(Source::Reference(uri)) => fetch(app, client, uri).await?,
    };
    let now = app.clock.now();
    let registered = client.algorithms.request_object_signing_alg;
    let verified = app
        .client_signatures
        .verify(Some(client), &object, registered, now)
        .await;
    let merged = verified.and_then(|jwt| request_object::merge(params, &jwt, &app.config.issuer, now));
    merged.map_err(|reason| {
        tracing::info!(client.id = client.id, reason, "a request object was refused");
        OAuthError::new(ErrorCode::InvalidRequestObject, reason)
    })
}

async fn fetch(app: &App, client: &Client, uri: &str) -> Result<String, OAuthError> {
    let text = match app.fetcher.get_request_object(&client.id, uri, LIMITS).await {
        Ok(answer) if answer.status == StatusCode::OK => {
            String::from_utf8(answer.body).map_err(|_| "no text".to_owned())
        }
        Ok(answer) => Err(format!("status {}", answer.status.as_u16())),
        Err(error) => Err(error.to_string()),
    };
    text.map(|text| text.trim().to_owned()).map_err(|error| {
        tracing::info!(client.id = client.id, error, "a request object could not be fetched");
        OAuthError::new(ErrorCode::InvalidRequestUri, "the request object could not be fetched")
    })
}
