//! `client_credentials` (RFC 6749 §4.4): a client on its own behalf, at a resource. No agent, so no ID token and none of the
//! scopes about agents; no refresh token either (§4.4.3).

use std::collections::BTreeSet;

use http::StatusCode;

use super::super::super::api;
use super::super::super::error::JsonError;
use super::{Call, TokenResponse};
use crate::domain::grant::Authorization;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::secret::random_id;

/// Anybody may make an access: its program keeps the token that it has.
const TOO_MANY: OAuthError = OAuthError::new(
    ErrorCode::TemporarilyUnavailable,
    "too many tokens for this access: use each for as long as it lives",
);

/// Issues a token for the resources that the request names, or the only one that the client has.
pub async fn issue(call: Call<'_>, scope: Option<&str>) -> Result<TokenResponse, JsonError> {
    let Call { app, client, now, .. } = call;
    let resources = match (call.resources.is_empty(), &client.requests.resources[..]) {
        (true, [only]) => BTreeSet::from([only.clone()]),
        _ => call.resources.clone(),
    };
    let mut authorization = Authorization {
        id: random_id()?,
        client_id: client.id.clone(),
        scope: BTreeSet::new(),
        resources,
        agent: None,
        created_at: now,
    };
    let target = call.target(&authorization).await?;
    let access = match target.audience.contains(&api::audience(app)) {
        true => Some(api::standing(app, &client.id, now).await?.ok_or(api::ENDED)?.access),
        false => None,
    };
    if access.is_some() && api::take_one(app, &client.id, now).await?.is_err() {
        return Err(JsonError::from(TOO_MANY).with_status(StatusCode::TOO_MANY_REQUESTS));
    }
    let asked: Option<BTreeSet<&str>> = scope.map(|list| list.split(' ').collect());
    authorization.scope = target
        .resource_scopes()
        .filter(|word| client.scopes.contains(*word))
        .filter(|word| asked.as_ref().is_none_or(|asked| asked.contains(word.as_str())))
        .cloned()
        .collect();
    let token = call.access_token(&authorization, authorization.scope.clone(), target)?;
    let maker = access.as_ref().map(|access| access.agent_id.as_str());
    app.store
        .insert_client_authorization(&authorization, &token.record, maker)
        .await?;
    if access.is_some() {
        app.store.use_api_access(&client.id, now).await?;
    }
    tracing::info!(
        client.id = client.id,
        authorization.id = authorization.id,
        "a token issued to a client for itself"
    );
    Ok(TokenResponse::new(token, None, None))
}
