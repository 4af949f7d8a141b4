//! Way in by single sign-on: the homeserver's own login page, and the login token it sends the browser back with
//! (Client-Server API, "SSO client login/authentication"). It has neither state nor PKCE: the caller binds the
//! callback address to the browser and to this one homeserver.

use ruma::api::{
    auth_scheme::SendAccessToken,
    client::session::{
        login::v3::{LoginInfo, Token},
        sso_login, sso_login_with_provider,
    },
};

use super::{Upstream, UpstreamError, error::Step, http_request};
use crate::{
    domain::{
        homeserver::{Homeserver, Way},
        identity::UpstreamIdentity,
    },
    secret::Redacted,
};

/// Where to send the browser. `provider` is the id of one of the identity providers that discovery listed;
/// `callback_url` is ours, and comes back with `loginToken` added to its query.
///
/// # Errors
/// `Nonsense` when the homeserver's base URL is not a URL.
pub fn redirect_url(
    homeserver: &Homeserver,
    provider: Option<&str>,
    callback_url: &str,
) -> Result<String, UpstreamError> {
    let callback = callback_url.to_owned();
    let request = match provider {
        None => http_request(homeserver, SendAccessToken::None, sso_login::v3::Request::new(callback))?,
        Some(id) => {
            let request = sso_login_with_provider::v3::Request::new(id.to_owned(), callback);
            http_request(homeserver, SendAccessToken::None, request)?
        }
    };
    Ok(request.uri().to_string())
}

impl Upstream {
    /// Redeems the login token that the browser brought back. It works once, and for seconds only.
    ///
    /// # Errors
    /// See [`UpstreamError`]; `LoginTokenRefused` when it is unknown, used, late, or another homeserver's.
    pub async fn login_with_token(
        &self,
        homeserver: &Homeserver,
        login_token: &Redacted,
    ) -> Result<UpstreamIdentity, UpstreamError> {
        let info = LoginInfo::Token(Token::new(login_token.expose().to_owned()));
        self.sign_in(homeserver, Way::Sso, Step::LoginToken, info).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::sample_homeserver;

    const CALLBACK: &str = "https://connect.example/login/callback/agent.dinum.tchap.test?attempt=a b&c";

    #[test]
    fn the_callback_travels_as_one_parameter() {
        let url = url::Url::parse(&redirect_url(&sample_homeserver(), None, CALLBACK).expect("a URL")).expect("a URL");
        assert_eq!(
            url.origin().ascii_serialization(),
            "https://matrix.agent.dinum.tchap.test"
        );
        assert_eq!(url.path(), "/_matrix/client/v3/login/sso/redirect");
        let query: Vec<_> = url.query_pairs().collect();
        assert_eq!(query, [("redirectUrl".into(), CALLBACK.into())]);
    }

    #[test]
    fn a_provider_is_one_path_segment() {
        let url = redirect_url(&sample_homeserver(), Some("a/../b?c"), CALLBACK).expect("a URL");
        let url = url::Url::parse(&url).expect("a URL");
        assert_eq!(url.path(), "/_matrix/client/v3/login/sso/redirect/a%2F..%2Fb%3Fc");
    }
}
