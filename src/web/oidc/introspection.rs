//! Token introspection (RFC 7662), as JSON or as a signed JWT (RFC 9701). Only the client of a token and the resources that
//! it is for learn anything of it; to all others, and of what may not be used now, it says `{"active":false}`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use serde_json::{Value, json};

use super::super::api;
use super::super::error::JsonError;
use super::super::form::ClientForm;
use super::super::person::claim_values;
use super::authenticate;
use crate::app::{App, SharedApp};
use crate::domain::grant::{AccessTokenRecord, Authorization, RefreshUse};
use crate::protocol::client::Client;
use crate::protocol::error::OAuthError;
use crate::secret::fingerprint;

/// The signed form (RFC 9701 §4).
const JWT: &str = "application/token-introspection+jwt";

/// `POST /introspect`
pub async fn endpoint(
    State(app): State<SharedApp>,
    headers: HeaderMap,
    ClientForm(params): ClientForm,
) -> Result<Response, JsonError> {
    let now = app.clock.now();
    let caller = authenticate::client(&app, &headers, &params, now).await?;
    params.refuse_repeated()?;
    let token = params
        .get("token")
        .ok_or(OAuthError::invalid_request("token is missing"))?;
    let known = match caller.is_public() {
        // Anybody can call themselves a public client.
        true => None,
        false => describe(&app, &caller, &fingerprint(token), now).await?,
    };
    let answer = known.unwrap_or_else(|| json!({ "active": false }));
    if !accepts_jwt(&headers) {
        return Ok(([(CACHE_CONTROL, "no-store")], Json(answer)).into_response());
    }
    let claims = json!({
        "iss": app.config.issuer,
        "aud": caller.id,
        "iat": now,
        "token_introspection": answer,
    });
    let alg = caller.algorithms.introspection_signed_response_alg.unwrap_or_default();
    let jwt = app.keys.sign("token-introspection+jwt", alg, &claims, now)?;
    Ok(([(CACHE_CONTROL, "no-store"), (CONTENT_TYPE, JWT)], jwt).into_response())
}

fn accepts_jwt(headers: &HeaderMap) -> bool {
    let named = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let types = named.flat_map(|list| list.split(','));
    let mut essences = types.map(|one| one.split(';').next().unwrap_or_default().trim());
    essences.any(|essence| essence.eq_ignore_ascii_case(JWT))
}

/// What `caller` may know of a token that may be used at `now`.
async fn describe(app: &App, caller: &Client, fingerprint: &str, now: i64) -> Result<Option<Value>, JsonError> {
    if let Some((token, authorization)) = app.store.find_access_token(fingerprint, now).await? {
        let is_theirs = authorization.client_id == caller.id || is_audience(app, caller, &token).await?;
        if !is_theirs || !may_be_used(app, &authorization).await? {
            return Ok(None);
        }
        let audience: Vec<_> = match token.audience.is_empty() {
            true => vec![app.config.issuer.clone()],
            false => token.audience.into_iter().collect(),
        };
        let mut answer = members(
            app,
            &authorization,
            token.scope.iter(),
            token.issued_at,
            token.expires_at,
        );
        answer["token_type"] = json!("Bearer");
        answer["aud"] = match &audience[..] {
            [only] => json!(only),
            several => json!(several),
        };
        return Ok(Some(answer));
    }
    let Some((token, authorization)) = app.store.find_refresh_token(fingerprint).await? else {
        return Ok(None);
    };
    let living = authorization.client_id == caller.id && token.judge(now) == RefreshUse::Living;
    if !living || !may_be_used(app, &authorization).await? || !session_lives(app, &authorization, now).await? {
        return Ok(None);
    }
    let scope = authorization.scope.iter();
    Ok(Some(members(
        app,
        &authorization,
        scope,
        token.created_at,
        token.expires_at,
    )))
}

/// RFC 7662 §2.2, without `username`: the caller may not be entitled to any name.
fn members<'a>(
    app: &App,
    authorization: &Authorization,
    scope: impl Iterator<Item = &'a String>,
    issued_at: i64,
    expires_at: i64,
) -> Value {
    let agent = authorization.agent.as_ref();
    json!({
        "active": true,
        "iss": app.config.issuer,
        "sub": agent.map_or(&authorization.client_id, |agent| &agent.subject),
        "client_id": authorization.client_id,
        "scope": scope.map(String::as_str).collect::<Vec<_>>().join(" "),
        "iat": issued_at,
        "exp": expires_at,
    })
}

/// Whether `caller` is by whom one of the token's resources introspects.
async fn is_audience(app: &App, caller: &Client, token: &AccessTokenRecord) -> Result<bool, JsonError> {
    for identifier in &token.audience {
        let resource = app.store.find_resource(identifier).await?;
        if resource.is_some_and(|resource| resource.client_id.as_ref() == Some(&caller.id)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the client still is one, and admits the agent.
async fn may_be_used(app: &App, authorization: &Authorization) -> Result<bool, JsonError> {
    let client = app.store.find_client(&authorization.client_id).await?;
    let Some(client) = client.filter(|client| !client.disabled) else {
        return Ok(false);
    };
    if authorization.resources.contains(&api::audience(app)) {
        let now = app.clock.now();
        return Ok(api::standing(app, &authorization.client_id, now).await?.is_some());
    }
    let by_itself = authorization.agent.is_none();
    let admitted = claim_values(app, &client, authorization, &authorization.scope).await?;
    Ok(by_itself || admitted.is_some())
}

async fn session_lives(app: &App, authorization: &Authorization, now: i64) -> Result<bool, JsonError> {
    match authorization.ends_with_session() {
        Some(session) => Ok(app.store.find_browser_session(session, now).await?.is_some()),
        None => Ok(true),
    }
}
