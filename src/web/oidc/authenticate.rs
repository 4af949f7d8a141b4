//! Client authentication, the same at every endpoint that wants it (RFC 6749 §2.3).

use std::hint::black_box;
use std::sync::LazyLock;

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::super::error::JsonError;
use crate::app::App;
use crate::protocol::client::{Client, ClientAuthMethod};
use crate::protocol::client_assertion;
use crate::protocol::client_auth::{self, Credentials};
use crate::protocol::discovery::TOKEN;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::params::Params;
use crate::secret::fingerprint;
use crate::store::StoreError;

/// What is read in the place of a client that there is not, so that it takes as long (threats.md, row 18): the document of a
/// client that says nothing, as it would be stored.
static NOBODY: LazyLock<String> = LazyLock::new(|| {
    let least = r#"{"id":"nobody","name":"nobody","redirect_uris":[],"auth_methods":[],"scopes":[],"sector":"nobody"}"#;
    let client = serde_json::from_str::<Client>(least).ok();
    client
        .and_then(|client| serde_json::to_string(&client).ok())
        .unwrap_or_default()
});

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
    let client = match credentials.assertion() {
        Some(assertion) => by_assertion(app, client, assertion, now).await?,
        None => by_secret(app, client, &credentials, now).await?,
    };
    client.map_err(at_token)
}

/// A secret, or none of a public client.
async fn by_secret(
    app: &App,
    client: Option<Client>,
    credentials: &Credentials,
    now: i64,
) -> Result<Result<Client, OAuthError>, StoreError> {
    if client.is_none() {
        drop(black_box(serde_json::from_str::<Client>(&NOBODY)));
    }
    let secrets = app.store.list_client_secrets(&credentials.client_id, now).await?;
    // What names no client of ours is anything at all, a secret in the wrong place even: it stays out of the log.
    let known = client.as_ref().map(|client| client.id.clone());
    let verified = client_auth::verify(client, &secrets, credentials);
    match (&verified, known) {
        (Ok(_), _) => {}
        (Err(error), Some(id)) => {
            app.statistics.error(&id, error.code.as_str(), now);
            tracing::info!(client.id = id, "client authentication failed");
        }
        (Err(_), None) => tracing::info!("client authentication failed: there is no such client"),
    }
    Ok(verified)
}

/// `private_key_jwt` (RFC 7523 §3, Core §9). The `jti` is used up last, so that only the client itself can use one up.
async fn by_assertion(
    app: &App,
    client: Option<Client>,
    assertion: &str,
    now: i64,
) -> Result<Result<Client, OAuthError>, StoreError> {
    let method = ClientAuthMethod::PrivateKeyJwt;
    let client = client.filter(|client| !client.disabled && client.auth_methods.contains(&method));
    let known = client.as_ref().map(|client| client.id.as_str()).unwrap_or_default();
    let registered = client
        .as_ref()
        .and_then(|client| client.algorithms.token_endpoint_auth_signing_alg);
    let issuer = app.config.issuer.as_str();
    let audiences = [issuer, &format!("{issuer}{TOKEN}")];
    let signatures = &app.client_signatures;
    let verified = signatures.verify(client.as_ref(), assertion, registered, now).await;
    let mut checked = verified.and_then(|jwt| client_assertion::check(&jwt, known, audiences, now));
    if let Ok(once) = &checked {
        let jti = fingerprint(&once.jti);
        if !app.store.insert_used_jti(known, &jti, once.expires_at).await? {
            checked = Err("its jti was used before");
        }
    }
    if let Err(reason) = checked {
        if !known.is_empty() {
            app.statistics.error(known, ErrorCode::InvalidClient.as_str(), now);
        }
        tracing::info!(client.id = known, reason, "client authentication by assertion failed");
        return Ok(Err(client_auth::FAILED));
    }
    Ok(client.ok_or(client_auth::FAILED))
}
