//! Way in by OAuth 2.0, at the authentication service that the homeserver delegates to (Matrix Client-Server API, "OAuth 2.0
//! API"; RFC 6749, RFC 7636; OpenID Connect Core). The code is redeemed, the ID token verified, the account asked for, and
//! what was granted revoked, whatever happens in between. No device scope is asked for, so no device appears.

mod id_token;
mod metadata;
mod registration;
mod service_keys;

use std::fmt;

use http::{Request, Response, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::form_urlencoded::Serializer;
use zeroize::Zeroizing;

pub use self::{
    metadata::AuthenticationService,
    registration::{ClientError, current_registration},
};
pub(super) use self::{metadata::Services, service_keys::ServiceKeys};
use super::{
    Upstream, UpstreamError,
    session::{AccessToken, LOGOUT_LIMIT, LOGOUT_TRIES, see_through},
};
use crate::{
    domain::{
        agent::IssuerSubject,
        homeserver::{Homeserver, Way},
        identity::UpstreamIdentity,
    },
    secret::{Redacted, SecretError, fingerprint, random_token},
};

/// What one login was begun with; everything that comes back is held against it. To be kept sealed.
#[derive(Clone, Serialize, Deserialize)]
pub struct Attempt {
    issuer: String,
    client_id: String,
    redirect_uri: String,
    /// Unix seconds.
    begun_at: i64,
    verifier: String,
    nonce: String,
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

/// What our own caller, or the agent, wants of the login.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wishes<'a> {
    /// Whom to prefill.
    pub login_hint: Option<&'a str>,
    /// A new login, whoever is signed in there.
    pub fresh: bool,
    /// A login no older than so many seconds.
    pub max_age: Option<u32>,
}

impl Attempt {
    /// Begins a login by this client of ours, to come back to `redirect_uri`.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn begin(
        service: &AuthenticationService,
        client_id: String,
        redirect_uri: String,
        now: i64,
    ) -> Result<Self, SecretError> {
        Ok(Self {
            issuer: service.issuer.clone(),
            client_id,
            redirect_uri,
            begun_at: now,
            verifier: random_token()?,
            nonce: random_token()?,
        })
    }

    /// The issuer that must answer.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where the browser comes back to.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// Where to send the browser (RFC 6749 §4.1.1; Core §3.1.2.1).
    pub fn authorization_url(&self, service: &AuthenticationService, state: &str, wishes: Wishes<'_>) -> String {
        let mut url = service.authorization_endpoint.clone();
        let scope = format!("openid {}", service.matrix_scope);
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("response_mode", "query")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", &scope)
            .append_pair("state", state)
            .append_pair("nonce", &self.nonce)
            .append_pair("code_challenge", &fingerprint(&self.verifier))
            .append_pair("code_challenge_method", "S256");
        if let Some(hint) = wishes.login_hint {
            url.query_pairs_mut().append_pair("login_hint", hint);
        }
        if wishes.fresh {
            url.query_pairs_mut().append_pair("prompt", "login");
        }
        if let Some(max_age) = wishes.max_age {
            url.query_pairs_mut().append_pair("max_age", &max_age.to_string());
        }
        url.into()
    }
}

/// What the token endpoint granted, as far as it concerns us (RFC 6749 §5.1). Only `access_token` need be of the right type
/// to be given back.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    refresh_token: Value,
    #[serde(default)]
    token_type: Value,
    #[serde(default)]
    id_token: Value,
}

impl Upstream {
    /// Redeems the code that the browser brought back, and sees the login through to the revocation even if the caller goes
    /// away meanwhile.
    ///
    /// # Errors
    /// See [`UpstreamError`]; `LoginTokenRefused` when the code is unknown, used, late, or another attempt's;
    /// `ClientRefused` when the service does not know our client any more; `IssuerChanged` when it is not the one that the
    /// login was begun at.
    pub async fn login_with_code(
        &self,
        homeserver: &Homeserver,
        service: &AuthenticationService,
        attempt: &Attempt,
        code: &Redacted,
        now: i64,
    ) -> Result<UpstreamIdentity, UpstreamError> {
        if service.issuer != attempt.issuer {
            return Err(UpstreamError::IssuerChanged);
        }
        let (upstream, homeserver, service) = (self.clone(), homeserver.clone(), service.clone());
        let (attempt, code) = (attempt.clone(), code.clone());
        see_through(async move {
            let granted = upstream.redeem(&service, &attempt, &code).await?;
            let token = AccessToken::new(granted.access_token);
            let outcome = upstream
                .prove(
                    &homeserver,
                    &service,
                    &attempt,
                    &token,
                    (&granted.token_type, &granted.id_token),
                    now,
                )
                .await;
            if let Value::String(refresh) = granted.refresh_token {
                let refresh = AccessToken::new(refresh);
                upstream
                    .revoke(&homeserver, &service, &attempt, &refresh, "refresh_token")
                    .await;
            }
            upstream
                .revoke(&homeserver, &service, &attempt, &token, "access_token")
                .await;
            outcome
        })
        .await
    }

    async fn redeem(
        &self,
        service: &AuthenticationService,
        attempt: &Attempt,
        code: &Redacted,
    ) -> Result<Granted, UpstreamError> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", &attempt.redirect_uri),
            ("client_id", &attempt.client_id),
            ("code_verifier", &attempt.verifier),
        ];
        let response = self
            .egress
            .send(form_request(service.token_endpoint.as_str(), &form)?)
            .await?;
        if !response.status().is_success() {
            return Err(token_refusal(&response));
        }
        let body = Zeroizing::new(response.into_body());
        serde_json::from_slice(&body).map_err(|_| UpstreamError::Nonsense("a token answer that cannot be read"))
    }

    /// The ID token first: until it is verified, the access token may be another homeserver's and goes nowhere.
    async fn prove(
        &self,
        homeserver: &Homeserver,
        service: &AuthenticationService,
        attempt: &Attempt,
        token: &AccessToken,
        (token_type, id_token): (&Value, &Value),
        now: i64,
    ) -> Result<UpstreamIdentity, UpstreamError> {
        if !token_type
            .as_str()
            .is_some_and(|kind| kind.eq_ignore_ascii_case("Bearer"))
        {
            return Err(UpstreamError::Nonsense("an access token that is no bearer token"));
        }
        let Some(id_token) = id_token.as_str() else {
            return Err(UpstreamError::Nonsense("a token answer without ID token"));
        };
        let proven = self
            .held_against_keys(service, now, |keys| {
                id_token::verify(id_token, keys, attempt, token.expose(), now)
            })
            .await?;
        let identity = self.identify(homeserver, Way::OAuth, None, token).await?;
        Ok(UpstreamIdentity {
            at_issuer: Some(IssuerSubject {
                issuer: attempt.issuer.clone(),
                subject: proven.subject,
            }),
            auth_time: proven.auth_time,
            ..identity
        })
    }

    /// Best effort within a few seconds: the login counts even if this fails, but then the log says so (RFC 7009).
    async fn revoke(
        &self,
        homeserver: &Homeserver,
        service: &AuthenticationService,
        attempt: &Attempt,
        token: &AccessToken,
        kind: &'static str,
    ) {
        let form = [
            ("token", token.expose()),
            ("token_type_hint", kind),
            ("client_id", &attempt.client_id),
        ];
        for _ in 0..LOGOUT_TRIES {
            let Ok(request) = form_request(service.revocation_endpoint.as_str(), &form) else {
                break;
            };
            match self.egress.send_within(LOGOUT_LIMIT, request).await {
                Ok(answer) if answer.status().is_success() => return,
                _ => {}
            }
        }
        tracing::warn!(
            homeserver = homeserver.name,
            token.kind = kind,
            "a token of the authentication service could not be revoked; it lives on until it expires"
        );
    }
}

fn form_request(url: &str, form: &[(&str, &str)]) -> Result<Request<Vec<u8>>, UpstreamError> {
    let body = Serializer::new(String::new()).extend_pairs(form).finish();
    Request::post(url)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json")
        .body(body.into_bytes())
        .map_err(|_| UpstreamError::Nonsense("a request for the authentication service cannot be built"))
}

/// The `error` of an OAuth error answer (RFC 6749 §5.2).
fn token_refusal(response: &Response<Vec<u8>>) -> UpstreamError {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    let refusal = serde_json::from_slice::<Refusal>(response.body()).ok();
    match (
        response.status(),
        refusal.as_ref().map(|refusal| refusal.error.as_str()),
    ) {
        (StatusCode::TOO_MANY_REQUESTS, _) => UpstreamError::Throttled {
            retry_after_seconds: None,
        },
        (status, _) if status.is_server_error() => UpstreamError::Unreachable("it reports a failure of its own"),
        (_, Some("invalid_grant")) => UpstreamError::LoginTokenRefused,
        (_, Some("invalid_client" | "unauthorized_client")) => UpstreamError::ClientRefused("it is not known"),
        _ => UpstreamError::Nonsense("a refusal of the token endpoint that fits no case"),
    }
}
