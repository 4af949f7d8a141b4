//! `authorization_code` (RFC 6749 §4.1.3, Core §3.1.3).

use serde_json::json;

use super::super::super::error::JsonError;
use super::super::super::person::claim_values;
use super::{Call, TokenResponse};
use crate::audit;
use crate::domain::audit::{Action, Actor, Event, ObjectKind};
use crate::domain::grant::{Authorization, CodeRecord, RefreshTokenRecord};
use crate::secret::{fingerprint, random_token};

/// Redeems a code.
pub async fn redeem(
    call: Call<'_>,
    code: &str,
    redirect_uri: &str,
    code_verifier: Option<&str>,
) -> Result<TokenResponse, JsonError> {
    let Call { app, client, now, .. } = call;
    // Another client's attempt is refused and burns nothing of the owner's.
    let found = app.store.find_code(&fingerprint(code)).await?;
    let (record, authorization) = found
        .filter(|(record, _)| record.client_id == client.id)
        .ok_or(CodeRecord::REFUSED)?;
    if record.consumed_at.is_some() {
        // Who finds an old callback address of a public client has proved nothing yet, and ends nothing.
        if client.is_public() {
            record.check_binding(&client.id, redirect_uri, code_verifier)?;
        }
        return Err(replayed(&call, &authorization).await?);
    }
    record.check(&client.id, redirect_uri, code_verifier, now)?;
    // An account that was closed between authorization and redemption gets nothing (every way asks admission).
    let grant = authorization.agent.as_ref().ok_or(CodeRecord::REFUSED)?;
    let values = claim_values(app, client, &authorization, &authorization.scope)
        .await?
        .ok_or(CodeRecord::REFUSED)?;

    let target = call.target(&authorization).await?;
    let access = call.access_token(&authorization, authorization.scope.clone(), target)?;
    let id_token = call.id_token(grant, grant.nonce.as_deref(), &values, &access)?;
    let refresh = refresh_token(&call, &authorization).await?;
    let (refresh_token, refresh_record) = refresh.unzip();
    let redeemed = app
        .store
        .redeem_code(&record.fingerprint, now, &access.record, refresh_record.as_ref())
        .await?;
    if !redeemed {
        // Somebody else spent it between our look and our hand.
        return Err(replayed(&call, &authorization).await?);
    }
    tracing::info!(
        client.id = client.id,
        authorization.id = authorization.id,
        "tokens issued for a code"
    );
    Ok(TokenResponse::new(access, Some(id_token), refresh_token))
}

/// A second redemption: one of the two is a thief's, so what the first one got dies (RFC 6749 §4.1.2).
async fn replayed(call: &Call<'_>, authorization: &Authorization) -> Result<JsonError, JsonError> {
    call.app.store.revoke_authorization(&authorization.id, call.now).await?;
    let event = Event {
        actor: Actor::Client(call.client.id.clone()),
        action: Action::CodeReplayed,
        object: (ObjectKind::Authorization, authorization.id.clone()),
        detail: json!({"agent": authorization.agent.as_ref().map(|grant| &grant.agent_id)}),
    };
    // However often it comes.
    audit::record_once(&call.app.store, call.now, event, 24 * 3600).await?;
    Ok(CodeRecord::REFUSED.into())
}

/// The first refresh token of an authorization, for those who get one.
async fn refresh_token(
    call: &Call<'_>,
    authorization: &Authorization,
) -> Result<Option<(String, RefreshTokenRecord)>, JsonError> {
    if !authorization.is_refreshable(call.client) {
        return Ok(None);
    }
    let Some(expires_at) = call.refreshable_until(authorization).await? else {
        return Ok(None);
    };
    let token = random_token()?;
    let record = RefreshTokenRecord {
        fingerprint: fingerprint(&token),
        authorization_id: authorization.id.clone(),
        created_at: call.now,
        expires_at,
        rotation: None,
    };
    Ok(Some((token, record)))
}
