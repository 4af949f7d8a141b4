//! The homeserver side: which homeserver an identifier leads to, which ways in it offers, and one login there that
//! ends with a proved identity and no Matrix session left behind (Matrix Client-Server API, "Legacy API").

mod account_status;
mod checkup;
mod directory;
mod error;
mod health;
mod login_types;
mod mas_admin;
mod oauth;
mod password;
mod profile;
mod routing;
mod session;
mod sso;

use std::{borrow::Cow, sync::Arc, time::Duration};

use futures_util::future::join_all;
use http::{Request, Response};
use ruma::api::{
    MatrixVersion, OutgoingRequest, OutgoingRequestExt, SupportedVersions,
    auth_scheme::{AuthScheme, SendAccessToken},
    path_builder::PathBuilder,
};
use tokio::sync::Semaphore;

use self::error::Step;
pub use self::{
    account_status::{WatchAccess, WatchError},
    checkup::{
        CERTIFICATE_WARNING, CLOCK_FAILED, CLOCK_WARNING, CertificateSeen, Checkup, ServiceSeen, Tested, Unreached,
    },
    directory::DirectoryError,
    error::{NamedAccount, UpstreamError},
    health::{Api, Failure, Health, ServerHealth},
    login_types::{IdentityProvider, Offered, choose_way},
    oauth::{Attempt, AuthenticationService, ClientError, Wishes, current_registration},
    routing::{Route, RouteError},
    sso::redirect_url,
};
use crate::{
    clock::Clock,
    config::DomainRules,
    domain::homeserver::{Homeserver, find},
    egress::{Egress, EgressError},
};

/// The name under which our short-lived session appears in an agent's list of devices.
const DEVICE_NAME: &str = "Se connecter avec Tchap";
/// How long a homeserver may take to say that it is there.
const EXAMINATION: Duration = Duration::from_secs(5);

/// Talks to homeservers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Upstream {
    egress: Egress,
    clock: Clock,
    services: oauth::Services,
    service_keys: oauth::ServiceKeys,
    admin_tokens: mas_admin::AdminTokens,
    health: Health,
    rules: DomainRules,
    answers: directory::Answers,
    /// The one place for a test that somebody asked for.
    tests: Arc<Semaphore>,
    login_types: login_types::LoginTypes,
}

impl Upstream {
    /// Sends everything through `egress`; `rules` say what our domain rules are worth beside the directory.
    pub fn new(egress: Egress, clock: Clock, rules: DomainRules) -> Self {
        Self {
            egress,
            clock,
            services: oauth::Services::default(),
            service_keys: oauth::ServiceKeys::default(),
            admin_tokens: mas_admin::AdminTokens::default(),
            health: Health::default(),
            rules,
            answers: directory::Answers::default(),
            tests: Arc::new(Semaphore::new(1)),
            login_types: login_types::LoginTypes::default(),
        }
    }

    /// What is known of the homeservers' health.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Sends a request to a homeserver, never to its authentication service, and learns how it is.
    async fn send(
        &self,
        homeserver: &Homeserver,
        api: Api,
        limit: Duration,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, EgressError> {
        let outcome = self.egress.send_within(limit, request).await;
        self.health.learn(&homeserver.name, api, &outcome, self.clock.now());
        outcome
    }

    /// Nothing new is begun at a homeserver that is known not to answer. What was begun is seen through.
    fn may_begin(&self, homeserver: &Homeserver) -> Result<(), UpstreamError> {
        match self.health.admit(&homeserver.name, Api::Client, self.clock.now()) {
            true => Ok(()),
            false => Err(UpstreamError::Unreachable("it did not answer a moment ago")),
        }
    }

    /// Finds out how the homeservers are, all at once, each within a few seconds; forgets those not on the list.
    pub async fn examine(&self, homeservers: &[Homeserver]) {
        self.health.keep_only(|name| find(homeservers, name).is_some());
        let asked = homeservers.iter().map(|homeserver| async move {
            let url = format!("{}/_matrix/client/versions", homeserver.base_url);
            if let Ok(request) = Request::get(url).body(Vec::new()) {
                drop(self.send(homeserver, Api::Client, EXAMINATION, request).await);
            }
        });
        join_all(asked).await;
    }

    /// Sends one Matrix request; gives back a success, to be read by the caller, or the homeserver's refusal.
    async fn call<R>(
        &self,
        homeserver: &Homeserver,
        step: Step,
        token: SendAccessToken<'_>,
        request: R,
    ) -> Result<Response<Vec<u8>>, UpstreamError>
    where
        R: OutgoingRequest,
        for<'a> R::Authentication: AuthScheme<Input<'a> = SendAccessToken<'a>>,
        for<'a> R::PathBuilder: PathBuilder<Input<'a> = Cow<'a, SupportedVersions>>,
    {
        let request = http_request(homeserver, token, request)?;
        let response = self
            .send(homeserver, Api::Client, self.egress.timeout(), request)
            .await?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(error::refusal(step, &response))
        }
    }
}

/// The HTTP form of a Matrix request, with the stable paths (`/v3/`) of Matrix 1.1 and later.
fn http_request<R>(
    homeserver: &Homeserver,
    token: SendAccessToken<'_>,
    request: R,
) -> Result<Request<Vec<u8>>, UpstreamError>
where
    R: OutgoingRequest,
    for<'a> R::Authentication: AuthScheme<Input<'a> = SendAccessToken<'a>>,
    for<'a> R::PathBuilder: PathBuilder<Input<'a> = Cow<'a, SupportedVersions>>,
{
    let versions = SupportedVersions {
        versions: [MatrixVersion::V1_1].into(),
        features: Default::default(),
    };
    request
        .try_into_http_request::<Vec<u8>>(&homeserver.base_url, token, Cow::Owned(versions))
        .map_err(|_| UpstreamError::Nonsense("a request for this homeserver cannot be built"))
}

/// The form in which ruma reads an answer.
fn borrowed(response: &Response<Vec<u8>>) -> Response<&[u8]> {
    let mut copy = Response::new(response.body().as_slice());
    *copy.status_mut() = response.status();
    *copy.headers_mut() = response.headers().clone();
    copy
}

#[cfg(test)]
fn sample_homeserver() -> Homeserver {
    use crate::domain::homeserver::Way;

    Homeserver {
        name: "agent.dinum.tchap.test".into(),
        label: "DINUM".into(),
        base_url: "https://matrix.agent.dinum.tchap.test".into(),
        guests: false,
        ways: Way::DEFAULT_ORDER.to_vec(),
        email_domains: Vec::new(),
        directory: false,
        sso_always_asks: false,
        recreated_by_address: false,
        oauth: Default::default(),
        watch: Default::default(),
    }
}
