//! `refresh_token` (RFC 6749 §6, Core §12, RFC 9700 §4.14.2). Confidential clients keep theirs; those of public clients are
//! replaced at each use, and a replaced one that comes again ends the family, but for one lost response.

use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::json;

use super::super::super::error::JsonError;
use super::super::super::person::{claim_values, is_agent_confirmed};
use super::{AccessToken, Call, TokenResponse};
use crate::audit;
use crate::domain::audit::{Action, Actor, Event, ObjectKind};
use crate::domain::grant::{Authorization, RefreshTokenRecord, RefreshUse, Rotation};
use crate::protocol::authorize::OFFLINE_ACCESS;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::secret::{Redacted, SealingKey, SecretError, fingerprint, random_token};
use crate::store::Refresh;

/// The homeserver has not said for too long whether the account stands. Not `invalid_grant`: the client would throw its token
/// away, which is good again once the homeserver answers.
const UNCONFIRMED: OAuthError = OAuthError::new(
    ErrorCode::TemporarilyUnavailable,
    "it is not known for now whether the account still stands; try again later",
);

/// Answers a refresh token with new tokens.
pub async fn refresh(call: Call<'_>, token: &Redacted, scope: Option<&str>) -> Result<TokenResponse, JsonError> {
    // Whoever was slower at replacing a token looks again, and then finds it replaced.
    for _ in 0..2 {
        if let Some(answer) = attempt(&call, token, scope).await? {
            return Ok(answer);
        }
    }
    Err(RefreshTokenRecord::REFUSED.into())
}

/// `None` when somebody else used the token between our look and our hand.
async fn attempt(call: &Call<'_>, token: &Redacted, scope: Option<&str>) -> Result<Option<TokenResponse>, JsonError> {
    let Call { app, client, now, .. } = *call;
    let found = app.store.find_refresh_token(&fingerprint(token.expose())).await?;
    // Another client's attempt is refused and ends nothing of the owner's.
    let (record, authorization) = found
        .filter(|(_, authorization)| authorization.client_id == client.id)
        .ok_or(RefreshTokenRecord::REFUSED)?;
    let lost = match record.judge(now) {
        RefreshUse::Living => None,
        RefreshUse::LostResponse(rotation) => Some(rotation),
        RefreshUse::Expired => return Err(RefreshTokenRecord::REFUSED.into()),
        RefreshUse::Reused => return Err(reused(call, &authorization).await?),
    };
    let scope = narrowed(call, &authorization, scope)?;
    // An agent who is not admitted gets nothing, but may be again: the family stays.
    let grant = authorization.agent.as_ref().ok_or(RefreshTokenRecord::REFUSED)?;
    let values = claim_values(app, client, &authorization, &scope)
        .await?
        .ok_or(RefreshTokenRecord::REFUSED)?;
    if !is_agent_confirmed(app, &grant.agent_id, now).await? {
        return Err(JsonError::from(UNCONFIRMED).with_status(StatusCode::SERVICE_UNAVAILABLE));
    }
    let until = call.refreshable_until(&authorization).await?;
    let until = until.ok_or(RefreshTokenRecord::REFUSED)?;

    let target = call.target(&authorization).await?;
    let openid = scope.contains("openid");
    let access = call.access_token(&authorization, scope, target)?;
    let id_token = match openid {
        // Without a nonce: it belongs to the first one (Core §12.2).
        true => Some(call.id_token(grant, None, &values, &access)?),
        false => None,
    };
    let refresh_token = match lost {
        Some(rotation) => same_again(call, token, &record, rotation, &access).await?,
        None if client.is_public() => rotate(call, token, &record, until, &access).await?,
        None => keep(call, token, &record, until, &access).await?,
    };
    let Some(refresh_token) = refresh_token else {
        return Ok(None);
    };
    tracing::info!(
        client.id = client.id,
        authorization.id = authorization.id,
        lost_response = lost.is_some(),
        "tokens issued for a refresh token"
    );
    Ok(Some(TokenResponse::new(access, id_token, Some(refresh_token))))
}

/// What is asked for, which must have been granted (RFC 6749 §6), or all of it; less what the client is no longer
/// registered for.
fn narrowed(
    call: &Call<'_>,
    authorization: &Authorization,
    asked: Option<&str>,
) -> Result<BTreeSet<String>, OAuthError> {
    let granted = &authorization.scope;
    let asked: BTreeSet<String> = match asked {
        Some(list) => list
            .split(' ')
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect(),
        None => granted.clone(),
    };
    if !asked.is_subset(granted) {
        let description = "the scope is wider than what was granted";
        return Err(OAuthError::new(ErrorCode::InvalidScope, description));
    }
    let registered =
        |word: &String| matches!(word.as_str(), "openid" | OFFLINE_ACCESS) || call.client.scopes.contains(word);
    Ok(asked.into_iter().filter(registered).collect())
}

/// One of the two who used the token is a thief: whatever the family has is dead.
async fn reused(call: &Call<'_>, authorization: &Authorization) -> Result<JsonError, JsonError> {
    call.app.store.revoke_authorization(&authorization.id, call.now).await?;
    let event = Event {
        actor: Actor::Client(call.client.id.clone()),
        action: Action::RefreshTokenReused,
        object: (ObjectKind::Authorization, authorization.id.clone()),
        detail: json!({"agent": authorization.agent.as_ref().map(|grant| &grant.agent_id)}),
    };
    // However often it comes.
    audit::record_once(&call.app.store, call.now, event, 24 * 3600).await?;
    Ok(RefreshTokenRecord::REFUSED.into())
}

async fn keep(
    call: &Call<'_>,
    token: &Redacted,
    record: &RefreshTokenRecord,
    until: i64,
    access: &AccessToken,
) -> Result<Option<String>, JsonError> {
    let kept = call
        .app
        .store
        .refresh(Refresh::Keep(record, until), &access.record, call.now)
        .await?;
    Ok(kept.then(|| token.expose().to_owned()))
}

async fn rotate(
    call: &Call<'_>,
    token: &Redacted,
    record: &RefreshTokenRecord,
    until: i64,
    access: &AccessToken,
) -> Result<Option<String>, JsonError> {
    let successor = random_token()?;
    let sealed = SealingKey::derived_from(token)?.seal(&place(record), successor.as_bytes())?;
    let next = RefreshTokenRecord {
        fingerprint: fingerprint(&successor),
        authorization_id: record.authorization_id.clone(),
        created_at: call.now,
        expires_at: until,
        rotation: None,
    };
    let refresh = Refresh::Rotate(record, &next, &sealed);
    let rotated = call.app.store.refresh(refresh, &access.record, call.now).await?;
    Ok(rotated.then_some(successor))
}

async fn same_again(
    call: &Call<'_>,
    token: &Redacted,
    record: &RefreshTokenRecord,
    rotation: &Rotation,
    access: &AccessToken,
) -> Result<Option<String>, JsonError> {
    let successor = SealingKey::derived_from(token)?.open(&place(record), &rotation.sealed_successor)?;
    let successor = String::from_utf8(successor).map_err(|_| SecretError::Open)?;
    let again = call
        .app
        .store
        .refresh(Refresh::Again(rotation), &access.record, call.now)
        .await?;
    Ok(again.then_some(successor))
}

/// What ties a sealed successor to its row.
fn place(record: &RefreshTokenRecord) -> String {
    format!("refresh_tokens/{}", record.fingerprint)
}
