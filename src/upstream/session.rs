//! One login from its first request to its last: sign in, ask who it is, sign out at once. The Matrix token can read
//! an agent's messages: it lives here (and in `oauth` for the way of that name) only, for these seconds, and is signed
//! out on every path.

use std::time::Duration;

use http::Response as HttpResponse;
use ruma::api::{
    IncomingResponseExt,
    auth_scheme::SendAccessToken,
    client::{
        account::whoami,
        session::{
            login::v3::{LoginInfo, Request, Response},
            logout,
        },
    },
};
use serde::Deserialize;
use tracing::{Instrument, Span};
use zeroize::Zeroizing;

use super::{Api, DEVICE_NAME, NamedAccount, Upstream, UpstreamError, borrowed, error::Step, http_request};
use crate::{
    domain::{
        homeserver::{Homeserver, Way},
        identifier::MatrixId,
        identity::UpstreamIdentity,
    },
    secret::Redacted,
};

/// How long one try to sign out may take.
pub(super) const LOGOUT_LIMIT: Duration = Duration::from_secs(3);
pub(super) const LOGOUT_TRIES: usize = 2;

/// A Matrix access token: wiped from memory when dropped, never printed.
#[derive(Debug)]
pub(super) struct AccessToken(Redacted);

impl AccessToken {
    pub(super) fn new(token: String) -> Self {
        Self(Redacted::new(token))
    }

    pub(super) fn expose(&self) -> &str {
        self.0.expose()
    }

    pub(super) fn sent(&self) -> SendAccessToken<'_> {
        SendAccessToken::Always(self.0.expose())
    }
}

impl Upstream {
    /// Signs in, and sees the login through to the sign-out even if the caller goes away meanwhile: an agent who
    /// closes the browser in that moment must not leave a session behind.
    pub(super) async fn sign_in(
        &self,
        homeserver: &Homeserver,
        way: Way,
        step: Step,
        info: LoginInfo,
    ) -> Result<UpstreamIdentity, UpstreamError> {
        let (upstream, homeserver) = (self.clone(), homeserver.clone());
        see_through(async move { upstream.whole_login(&homeserver, way, step, info).await }).await
    }

    async fn whole_login(
        &self,
        homeserver: &Homeserver,
        way: Way,
        step: Step,
        info: LoginInfo,
    ) -> Result<UpstreamIdentity, UpstreamError> {
        let mut request = Request::new(info);
        // No device_id of ours: signing out deletes the device with all its tokens, so with a fixed one two logins
        // of one agent at the same moment (a browser that restores its tabs) would end each other.
        request.initial_device_display_name = Some(DEVICE_NAME.to_owned());
        let response = self.call(homeserver, step, SendAccessToken::None, request).await?;
        let body = Zeroizing::new(response.into_body());
        let Ok(session) = Response::try_from_http_response(HttpResponse::new(body.as_slice())) else {
            if let Ok(Opened { access_token }) = serde_json::from_slice(&body) {
                self.sign_out(homeserver, &AccessToken::new(access_token)).await;
            }
            return Err(UpstreamError::Nonsense("a login answer that cannot be read"));
        };
        let token = AccessToken::new(session.access_token);
        let outcome = match own_account(homeserver, session.user_id.as_str()) {
            Ok(account) => self.identify(homeserver, way, Some(&account), &token).await,
            Err(error) => Err(error),
        };
        self.sign_out(homeserver, &token).await;
        outcome
    }

    /// Asks the homeserver whom the token belongs to, and believes nothing that does not fit. `signed_in` is the account
    /// that its login answer named, if it has one.
    pub(super) async fn identify(
        &self,
        homeserver: &Homeserver,
        way: Way,
        signed_in: Option<&MatrixId>,
        token: &AccessToken,
    ) -> Result<UpstreamIdentity, UpstreamError> {
        let questions = self.ask_who(homeserver, way, signed_in, token);
        let outcome = tokio::time::timeout(self.egress.timeout(), questions).await;
        outcome.unwrap_or(Err(UpstreamError::Unreachable("no complete answer in time")))
    }

    async fn ask_who(
        &self,
        homeserver: &Homeserver,
        way: Way,
        signed_in: Option<&MatrixId>,
        token: &AccessToken,
    ) -> Result<UpstreamIdentity, UpstreamError> {
        let named = |id: &MatrixId| NamedAccount::MatrixId(id.to_string());
        let about = |error: UpstreamError| match signed_in {
            Some(id) => error.about(named(id)),
            None => error,
        };
        // Always asked: an expired account signs in well enough and is refused only here.
        let owner = self.whoami(homeserver, token).await.map_err(about)?;
        let matrix_id = own_account(homeserver, &owner)?;
        if signed_in.is_some_and(|id| *id != matrix_id) {
            return Err(UpstreamError::WrongServer);
        }
        let (emails, display_name) = tokio::join!(
            self.emails(homeserver, token),
            self.display_name(homeserver, &matrix_id, token)
        );
        Ok(UpstreamIdentity {
            homeserver: homeserver.name.clone(),
            display_name: display_name.map_err(|error| error.about(named(&matrix_id)))?,
            emails: emails.map_err(|error| error.about(named(&matrix_id)))?,
            matrix_id: matrix_id.into(),
            way,
            at_issuer: None,
            auth_time: None,
        })
    }

    async fn whoami(&self, homeserver: &Homeserver, token: &AccessToken) -> Result<String, UpstreamError> {
        let request = whoami::v3::Request::new();
        let response = self
            .call(homeserver, Step::Authenticated, token.sent(), request)
            .await?;
        whoami::v3::Response::try_from_http_response(borrowed(&response))
            .map(|answer| answer.user_id.into())
            .map_err(|_| UpstreamError::Nonsense("a whoami answer that cannot be read"))
    }

    /// Best effort within a few seconds: the login counts even if this fails, but then the log says so.
    async fn sign_out(&self, homeserver: &Homeserver, token: &AccessToken) {
        for _ in 0..LOGOUT_TRIES {
            let Ok(request) = http_request(homeserver, token.sent(), logout::v3::Request::new()) else {
                break;
            };
            match self.send(homeserver, Api::Client, LOGOUT_LIMIT, request).await {
                // 401: the token is dead already.
                Ok(answer) if answer.status().is_success() || answer.status() == http::StatusCode::UNAUTHORIZED => {
                    return;
                }
                _ => {}
            }
        }
        tracing::warn!(
            homeserver = homeserver.name,
            "a Matrix session could not be signed out; it stays in the agent's list of devices as \"{DEVICE_NAME}\""
        );
    }
}

/// Runs a login to its end even if the caller goes away meanwhile.
pub(super) async fn see_through(
    login: impl Future<Output = Result<UpstreamIdentity, UpstreamError>> + Send + 'static,
) -> Result<UpstreamIdentity, UpstreamError> {
    let outcome = tokio::spawn(login.instrument(Span::current())).await;
    outcome.unwrap_or(Err(UpstreamError::Unreachable("the login was interrupted")))
}

/// The account that a homeserver names, if it is one of its own.
fn own_account(homeserver: &Homeserver, user_id: &str) -> Result<MatrixId, UpstreamError> {
    MatrixId::parse(user_id)
        .ok()
        .filter(|id| id.server_name() == homeserver.name)
        .ok_or(UpstreamError::WrongServer)
}

/// The one thing to save from a login answer that is otherwise nonsense.
#[derive(Deserialize)]
struct Opened {
    access_token: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_printed() {
        let token = AccessToken(Redacted::new("syt_secret"));
        assert_eq!(format!("{token:?}"), "AccessToken([redacted])");
    }
}
