//! The token endpoint (RFC 6749 §3.2, Core §3.1.3), one file per grant, and the tokens that they issue.

mod authorization_code;
mod client_credentials;
mod refresh_token;

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::CACHE_CONTROL;
use serde::Serialize;

use super::super::error::JsonError;
use super::super::form::ClientForm;
use super::super::person::Values;
use super::super::resources::Target;
use super::{authenticate, registration};
use crate::app::{App, SharedApp};
use crate::domain::claims;
use crate::domain::grant::{AccessTokenRecord, AgentGrant, Authorization};
use crate::keys::PUBLISHED_AFTER;
use crate::protocol::access_token::AccessTokenClaims;
use crate::protocol::client::Client;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::id_token::{IdTokenClaims, at_hash};
use crate::protocol::params::Params;
use crate::protocol::resource;
use crate::protocol::token_request::TokenRequest;
use crate::secret::{fingerprint, random_id, random_token};

/// `POST /token`
pub async fn endpoint(
    State(app): State<SharedApp>,
    headers: HeaderMap,
    ClientForm(params): ClientForm,
) -> Result<Response, JsonError> {
    let now = app.clock.now();
    let client = authenticate::client(&app, &headers, &params, now).await?;
    let answer = granted(&app, &client, &params, now).await;
    if let Some(code) = answer.as_ref().err().and_then(JsonError::code) {
        app.statistics.error(&client.id, code.as_str(), now);
    }
    let answer = answer?;
    registration::used(&app, &client, now).await?;
    Ok(([(CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

/// What an authenticated client gets.
async fn granted(app: &App, client: &Client, params: &Params, now: i64) -> Result<TokenResponse, JsonError> {
    let request = TokenRequest::parse(params)?;
    if !client.may_use(request.grant_type()) {
        let error = OAuthError::new(
            ErrorCode::UnauthorizedClient,
            "the client did not register for this grant_type",
        );
        return Err(error.into());
    }
    let call = Call {
        app,
        client,
        resources: resource::asked(params)?,
        now,
    };
    match request {
        TokenRequest::AuthorizationCode {
            code,
            redirect_uri,
            code_verifier,
        } => authorization_code::redeem(call, &code, &redirect_uri, code_verifier.as_deref()).await,
        TokenRequest::RefreshToken { refresh_token, scope } => {
            refresh_token::refresh(call, &refresh_token, scope.as_deref()).await
        }
        TokenRequest::ClientCredentials { scope } => client_credentials::issue(call, scope.as_deref()).await,
    }
}

/// An authenticated request.
struct Call<'a> {
    app: &'a App,
    client: &'a Client,
    /// The resources that it names.
    resources: BTreeSet<String>,
    now: i64,
}

/// The answer (RFC 6749 §5.1, Core §3.1.3.3).
#[derive(Serialize)]
struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
}

impl TokenResponse {
    fn new(access: AccessToken, id_token: Option<String>, refresh_token: Option<String>) -> Self {
        Self {
            access_token: access.value,
            token_type: "Bearer",
            expires_in: access.record.expires_at - access.record.issued_at,
            scope: words(&access.record.scope),
            id_token,
            refresh_token,
        }
    }
}

/// An access token, to be shown once and stored as a fingerprint.
struct AccessToken {
    value: String,
    record: AccessTokenRecord,
}

impl Call<'_> {
    /// The resources that the tokens of this request are for.
    async fn target(&self, authorization: &Authorization) -> Result<Target, JsonError> {
        Ok(Target::of(self.app, self.client, authorization, self.resources.clone()).await?)
    }

    /// Makes an access token with this scope: random, or a JWT where the resource wants one (RFC 9068 §2).
    fn access_token(
        &self,
        authorization: &Authorization,
        scope: BTreeSet<String>,
        target: Target,
    ) -> Result<AccessToken, JsonError> {
        let scope = target.narrow(scope);
        let lifetime = self.app.config.lifetimes.access_token;
        let (value, lifetime) = match target.jwt() {
            None => (random_token()?, lifetime),
            Some(resource) => {
                // What others verify lives no longer than its key stays published.
                let lifetime = lifetime.min(PUBLISHED_AFTER);
                let agent = authorization.agent.as_ref();
                let claims = AccessTokenClaims {
                    iss: &self.app.config.issuer,
                    sub: agent.map_or(&self.client.id, |agent| &agent.subject),
                    aud: &resource.identifier,
                    client_id: &self.client.id,
                    iat: self.now,
                    exp: self.now + lifetime,
                    jti: random_id()?,
                    scope: words(&scope),
                    auth_time: agent.and_then(|agent| agent.auth_time),
                    acr: agent.map(|agent| agent.acr.as_str()),
                };
                let alg = resource.access_token_signing_alg;
                (self.app.keys.sign("at+jwt", alg, &claims, self.now)?, lifetime)
            }
        };
        let record = AccessTokenRecord {
            fingerprint: fingerprint(&value),
            authorization_id: authorization.id.clone(),
            scope,
            audience: target.audience,
            issued_at: self.now,
            expires_at: self.now + lifetime,
        };
        Ok(AccessToken { value, record })
    }

    /// Signs an ID token beside an access token (Core §3.1.3.6).
    fn id_token(
        &self,
        grant: &AgentGrant,
        nonce: Option<&str>,
        values: &Values,
        access: &AccessToken,
    ) -> Result<String, JsonError> {
        let alg = self.client.id_token_signed_response_alg;
        let claims = IdTokenClaims {
            iss: &self.app.config.issuer,
            sub: &grant.subject,
            aud: &self.client.id,
            iat: self.now,
            exp: self.now + self.app.config.lifetimes.id_token,
            auth_time: grant.auth_time,
            nonce,
            acr: &grant.acr,
            amr: &grant.amr,
            at_hash: at_hash(alg, &access.value),
            sid: &grant.sid,
            extra: claims::id_token_extra(grant, values),
        };
        Ok(self.app.keys.sign("JWT", alg, &claims, self.now)?)
    }

    /// Until when a refresh token that is issued or used now may be used next; `None` when it may not. One that ends
    /// with the browser session ends with it whatever has become of the row in between.
    async fn refreshable_until(&self, authorization: &Authorization) -> Result<Option<i64>, JsonError> {
        let lifetimes = &self.app.config.lifetimes;
        let mut end = authorization.created_at + lifetimes.refresh_token;
        if let Some(session) = authorization.ends_with_session() {
            match self.app.store.find_browser_session(session, self.now).await? {
                Some(session) => end = end.min(session.expires_at),
                None => return Ok(None),
            }
        }
        let until = end.min(self.now + lifetimes.refresh_token_idle);
        Ok((until > self.now).then_some(until))
    }
}

/// A list as OAuth writes it.
fn words(scope: &BTreeSet<String>) -> String {
    scope.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}
