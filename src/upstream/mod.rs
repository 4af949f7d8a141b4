//! The homeserver side: which homeserver an identifier leads to, which ways in it offers, and one login there that
//! ends with a proved identity and no Matrix session left behind (Matrix Client-Server API, "Legacy API").

mod account_status;
mod checkup;
mod directory;
mod error;
mod login_types;
mod oauth;
mod password;
mod profile;
mod routing;
mod session;
mod sso;

use std::borrow::Cow;

use http::{Request, Response};
use ruma::api::{
    MatrixVersion, OutgoingRequest, OutgoingRequestExt, SupportedVersions,
    auth_scheme::{AuthScheme, SendAccessToken},
    path_builder::PathBuilder,
};

use self::error::Step;
pub use self::{
    account_status::WatchError,
    checkup::{Checkup, ServiceSeen, Unreached},
    directory::DirectoryError,
    error::UpstreamError,
    login_types::{IdentityProvider, Offered, choose_way},
    oauth::{Attempt, AuthenticationService, ClientError, Wishes, current_registration},
    routing::{Route, RouteError},
    sso::redirect_url,
};
use crate::{domain::homeserver::Homeserver, egress::Egress};

/// The name under which our short-lived session appears in an agent's list of devices.
const DEVICE_NAME: &str = "Se connecter avec Tchap";

/// Talks to homeservers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Upstream {
    egress: Egress,
    services: oauth::Services,
}

impl Upstream {
    /// Sends everything through `egress`.
    pub fn new(egress: Egress) -> Self {
        Self {
            egress,
            services: oauth::Services::default(),
        }
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
        let response = self.egress.send(http_request(homeserver, token, request)?).await?;
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
