//! Token revocation (RFC 7009). A refresh token takes along whatever its authorization issued, an access token only itself.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use http::{HeaderMap, StatusCode};

use super::super::error::JsonError;
use super::super::form::ClientForm;
use super::authenticate;
use crate::app::SharedApp;
use crate::domain::grant::Authorization;
use crate::protocol::client::Client;
use crate::protocol::error::OAuthError;
use crate::secret::fingerprint;

/// A token of another client's is refused and stays alive (RFC 7009 §2.1); the code that RFC 6749 §5.2 has for what was
/// issued to another client.
const OF_ANOTHER: OAuthError = OAuthError::invalid_grant("the token was issued to another client");

/// `POST /revoke`. What is no living token is revoked already (§2.2); `token_type_hint` has nothing to add, since both
/// kinds are looked up.
pub async fn endpoint(
    State(app): State<SharedApp>,
    headers: HeaderMap,
    ClientForm(params): ClientForm,
) -> Result<Response, JsonError> {
    let now = app.clock.now();
    let client = authenticate::client(&app, &headers, &params, now).await?;
    params.refuse_repeated()?;
    let token = params
        .get("token")
        .ok_or(OAuthError::invalid_request("token is missing"))?;
    let fingerprint = fingerprint(token);
    if let Some((token, authorization)) = app.store.find_access_token(&fingerprint, now).await? {
        check_owner(&client, &authorization)?;
        app.store.revoke_access_token(&token.fingerprint, now).await?;
    } else if let Some((_, authorization)) = app.store.find_refresh_token(&fingerprint).await? {
        check_owner(&client, &authorization)?;
        app.store.revoke_authorization(&authorization.id, now).await?;
        tracing::info!(
            client.id = client.id,
            authorization.id = authorization.id,
            "a client revoked an authorization"
        );
    }
    Ok((StatusCode::OK, [(CACHE_CONTROL, "no-store")]).into_response())
}

fn check_owner(client: &Client, authorization: &Authorization) -> Result<(), OAuthError> {
    match authorization.client_id == client.id {
        true => Ok(()),
        false => Err(OF_ANOTHER),
    }
}
