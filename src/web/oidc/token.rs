//! The token endpoint (RFC 6749 §3.2, Core §3.1.3).

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::CACHE_CONTROL;
use serde_json::json;

use super::super::error::JsonError;
use super::super::form::ClientForm;
use super::super::person::claim_values;
use super::authenticate;
use crate::app::{App, SharedApp};
use crate::domain::claims;
use crate::domain::grant::{AccessTokenRecord, Authorization, CodeRecord};
use crate::protocol::client::Client;
use crate::protocol::id_token::{IdTokenClaims, at_hash};
use crate::protocol::token_request::TokenRequest;
use crate::secret::{fingerprint, random_token};

/// `POST /token`
pub async fn endpoint(
    State(app): State<SharedApp>,
    headers: HeaderMap,
    ClientForm(params): ClientForm,
) -> Result<Response, JsonError> {
    let now = app.clock.now();
    let client = authenticate::client(&app, &headers, &params, now).await?;
    let TokenRequest::AuthorizationCode {
        code,
        redirect_uri,
        code_verifier,
    } = TokenRequest::parse(&params)?;

    let (record, authorization) = find_code(&app, &code, &client).await?;
    if record.consumed_at.is_some() {
        return Err(replayed(&app, &client, &authorization, now).await?);
    }
    record.check(&client.id, &redirect_uri, code_verifier.as_deref(), now)?;

    let access_token = random_token()?;
    let id_token = id_token(&app, &client, &authorization, &access_token, now).await?;
    let token = AccessTokenRecord {
        fingerprint: fingerprint(&access_token),
        authorization_id: authorization.id.clone(),
        expires_at: now + app.config.lifetimes.access_token,
    };
    if !app.store.redeem_code(&record.fingerprint, now, &token).await? {
        // Somebody else spent it between our look and our hand.
        return Err(replayed(&app, &client, &authorization, now).await?);
    }
    tracing::info!(
        client.id = client.id,
        authorization.id = authorization.id,
        "tokens issued for a code"
    );
    let scope = authorization
        .scope
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(" ");
    let body = json!({
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": app.config.lifetimes.access_token,
        "scope": scope,
        "id_token": id_token,
    });
    Ok(([(CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

async fn find_code(app: &App, code: &str, client: &Client) -> Result<(CodeRecord, Authorization), JsonError> {
    let found = app.store.find_code(&fingerprint(code)).await?;
    // Another client's attempt is refused and burns nothing of the owner's.
    found
        .filter(|(record, _)| record.client_id == client.id)
        .ok_or_else(|| CodeRecord::REFUSED.into())
}

/// A second redemption: one of the two is a thief's, so what the first one got dies (RFC 6749 §4.1.2).
async fn replayed(app: &App, client: &Client, authorization: &Authorization, now: i64) -> Result<JsonError, JsonError> {
    tracing::warn!(
        client.id = client.id,
        authorization.id = authorization.id,
        "a spent code came again: its tokens are revoked"
    );
    app.store.revoke_authorization(&authorization.id, now).await?;
    Ok(CodeRecord::REFUSED.into())
}

async fn id_token(
    app: &App,
    client: &Client,
    authorization: &Authorization,
    access_token: &str,
    now: i64,
) -> Result<String, JsonError> {
    // An account that was closed between authorization and redemption gets nothing (every way asks admission).
    let grant = authorization.agent.as_ref().ok_or(CodeRecord::REFUSED)?;
    let values = claim_values(app, client, grant).await?.ok_or(CodeRecord::REFUSED)?;
    let claims = IdTokenClaims {
        iss: &app.config.issuer,
        sub: &grant.subject,
        aud: &client.id,
        iat: now,
        exp: now + app.config.lifetimes.id_token,
        auth_time: grant.auth_time,
        nonce: grant.nonce.as_deref(),
        acr: &grant.acr,
        amr: &grant.amr,
        at_hash: at_hash(client.id_token_signed_response_alg, access_token),
        sid: &grant.sid,
        extra: claims::id_token_extra(grant, &values),
    };
    Ok(app
        .keys
        .sign("JWT", client.id_token_signed_response_alg, &claims, now)?)
}
