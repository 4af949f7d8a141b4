//! UserInfo (Core §5.3), a resource of ours protected by a bearer token (RFC 6750 §2.1, §2.2).

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use serde_json::{Map, Value, json};

use super::super::error::JsonError;
use super::super::form::ClientForm;
use super::super::person::claim_values;
use crate::app::{App, SharedApp};
use crate::domain::claims;
use crate::protocol::client::{Client, SigningAlg};
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::secret::{Redacted, fingerprint};

pub const INVALID_TOKEN: OAuthError =
    OAuthError::new(ErrorCode::InvalidToken, "the token is unknown, expired or revoked");

/// `GET /userinfo`
pub async fn by_get(State(app): State<SharedApp>, headers: HeaderMap) -> Result<Response, JsonError> {
    answer(&app, from_header(&headers)?).await
}

/// `POST /userinfo`, the token in the header or in the form body.
pub async fn by_post(State(app): State<SharedApp>, request: Request) -> Result<Response, JsonError> {
    let header = from_header(request.headers())?;
    let form = match request.headers().contains_key(CONTENT_TYPE) {
        true => ClientForm::from_request(request, &app).await?.0,
        false => Default::default(),
    };
    form.refuse_repeated().map_err(JsonError::bearer)?;
    match (header, form.get("access_token")) {
        (Some(_), Some(_)) => Err(refused("the token was sent in two ways")),
        (header, form) => answer(&app, header.or(form.map(Redacted::new))).await,
    }
}

/// [`bearer_token`], refused as JSON.
pub(super) fn from_header(headers: &HeaderMap) -> Result<Option<Redacted>, JsonError> {
    bearer_token(headers).map_err(JsonError::bearer)
}

/// The bearer token of the `Authorization` header, if there is one.
///
/// # Errors
/// `invalid_request` when there are several headers, `invalid_token` when there is something else in it.
pub fn bearer_token(headers: &HeaderMap) -> Result<Option<Redacted>, OAuthError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let invalid = || INVALID_TOKEN;
    if values.next().is_some() {
        return Err(OAuthError::invalid_request("more than one Authorization header"));
    }
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .ok_or_else(invalid)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(invalid());
    }
    Ok(Some(Redacted::new(token)))
}

fn refused(description: &'static str) -> JsonError {
    JsonError::bearer(OAuthError::invalid_request(description))
}

async fn answer(app: &App, token: Option<Redacted>) -> Result<Response, JsonError> {
    let Some(token) = token else {
        return Err(JsonError::without_credentials());
    };
    let invalid = || JsonError::bearer(INVALID_TOKEN);
    let found = app
        .store
        .find_access_token(&fingerprint(token.expose()), app.clock.now())
        .await?;
    let (token, authorization) = found.ok_or_else(invalid)?;
    let grant = authorization.agent.as_ref().filter(|_| token.scope.contains("openid"));
    let Some(grant) = grant else {
        let error = OAuthError::new(ErrorCode::InsufficientScope, "the token was not granted openid");
        return Err(JsonError::bearer(error));
    };
    // A token for a resource is not one for us (RFC 8707 §2). An empty audience is of the former release, and means us.
    if !(token.audience.is_empty() || token.audience.contains(&app.config.issuer)) {
        return Err(invalid());
    }
    let client = app
        .store
        .find_client(&authorization.client_id)
        .await?
        .filter(|client| !client.disabled);
    let client = client.ok_or_else(invalid)?;
    let values = claim_values(app, &client, &authorization, &token.scope)
        .await?
        .ok_or_else(invalid)?;
    let claims = claims::userinfo(&token.scope, grant, &values);
    let no_store = [(CACHE_CONTROL, "no-store")];
    Ok(match client.algorithms.userinfo_signed_response_alg {
        None => (no_store, Json(claims)).into_response(),
        Some(alg) => {
            let jwt = signed(app, &client, alg, claims)?;
            (no_store, [(CONTENT_TYPE, "application/jwt")], jwt).into_response()
        }
    })
}

/// The claims as a JWT (Core §5.3.2). Without `iat` and `exp` it cannot pass for an ID token (Core §2 requires both).
fn signed(app: &App, client: &Client, alg: SigningAlg, mut claims: Map<String, Value>) -> Result<String, JsonError> {
    claims.insert("iss".to_owned(), json!(app.config.issuer));
    claims.insert("aud".to_owned(), json!(client.id));
    Ok(app.keys.sign("JWT", alg, &claims, app.clock.now())?)
}
