//! `ReturnTo`: the trust boundary of redirects. Its fields are private and [`ReturnTo::verify`] is its only maker, so a
//! redirect to an unverified URI does not type-check.

use std::net::{Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use super::client::{ApplicationType, Client};
use super::error::OAuthError;
use super::params::Params;
use super::response_mode::{AuthorizationResponse, ResponseMode};

/// A verified place to send the browser back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnTo {
    redirect_uri: String,
    state: Option<String>,
    response_mode: ResponseMode,
}

/// The redirect URI is missing, malformed or not registered: a page, never a redirect (RFC 6749 §4.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the redirect URI is missing or not registered")]
pub struct UnverifiedRedirect;

impl ReturnTo {
    /// Compares the request's `redirect_uri` with the client's registered ones, as strings but for the port of a
    /// loopback address (RFC 8252 §7.3).
    ///
    /// # Errors
    /// [`UnverifiedRedirect`].
    pub fn verify(params: &Params, client: &Client) -> Result<Self, UnverifiedRedirect> {
        let redirect_uri = params
            .get("redirect_uri")
            .filter(|_| !params.is_repeated("redirect_uri"))
            .ok_or(UnverifiedRedirect)?;
        if !client
            .redirect_uris
            .iter()
            .any(|registered| matches(registered, redirect_uri))
        {
            return Err(UnverifiedRedirect);
        }
        let state = params.get("state").filter(|_| !params.is_repeated("state"));
        let response_mode = params
            .get("response_mode")
            .filter(|_| !params.is_repeated("response_mode"));
        let response_mode = response_mode.and_then(ResponseMode::parse);
        Ok(Self {
            redirect_uri: redirect_uri.to_owned(),
            state: state.map(str::to_owned),
            response_mode: response_mode.unwrap_or_default(),
        })
    }

    /// The verified redirect URI, as the request gave it.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// Whom it leads to, for people to read: its host, or its private scheme.
    pub fn place(&self) -> String {
        place_of(&self.redirect_uri)
    }

    /// Whether it is https: loopback and private-scheme clients can be impersonated on the agent's device.
    pub fn is_https(&self) -> bool {
        self.redirect_uri.starts_with("https://")
    }

    /// Whether a browser can post to it: nothing but a web address takes a form.
    pub fn takes_forms(&self) -> bool {
        self.redirect_uri.starts_with("https:") || self.redirect_uri.starts_with("http:")
    }

    /// A successful response with `code`, `state` and `iss` (RFC 6749 §4.1.2, RFC 9207).
    pub fn with_code(&self, code: &str, issuer: &str) -> AuthorizationResponse {
        self.respond(&[("code", code)], issuer)
    }

    /// An error response with `error`, `error_description`, `state` and `iss` (RFC 6749 §4.1.2.1).
    pub fn with_error(&self, error: &OAuthError, issuer: &str) -> AuthorizationResponse {
        self.respond(
            &[("error", error.code.as_str()), ("error_description", error.description)],
            issuer,
        )
    }

    fn respond(&self, members: &[(&'static str, &str)], issuer: &str) -> AuthorizationResponse {
        let state = self.state.as_deref().map(|state| ("state", state));
        let members = members.iter().copied().chain(state).chain([("iss", issuer)]);
        let separator = match self.response_mode {
            ResponseMode::FormPost if self.takes_forms() => {
                return AuthorizationResponse::FormPost {
                    action: self.redirect_uri.clone(),
                    members: members.map(|(name, value)| (name, value.to_owned())).collect(),
                };
            }
            ResponseMode::Fragment => '#',
            _ if self.redirect_uri.contains('?') => '&',
            _ => '?',
        };
        let members = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(members)
            .finish();
        AuthorizationResponse::Redirect(format!("{}{separator}{members}", self.redirect_uri))
    }
}

/// Whom an address leads to: its host, or its scheme where it has none.
pub fn place_of(uri: &str) -> String {
    let host = Url::parse(uri).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.unwrap_or_else(|| uri.split(':').next().unwrap_or_default().to_owned())
}

/// The registered redirect URI that a request's one stands for.
pub fn registered<'a>(client: &'a Client, requested: &str) -> Option<&'a str> {
    let mut uris = client.redirect_uris.iter().map(String::as_str);
    uris.find(|uri| matches(uri, requested))
}

fn matches(registered: &str, requested: &str) -> bool {
    if registered == requested {
        return true;
    }
    // RFC 8252 §7.3: a native application cannot know its loopback port beforehand. Everything else must be the same
    // text, which is compared with both ports cut out of it.
    match (without_loopback_port(registered), without_loopback_port(requested)) {
        (Some(registered), Some(requested)) => registered == requested,
        _ => false,
    }
}

fn without_loopback_port(uri: &str) -> Option<(&str, &str)> {
    let host = ["http://127.0.0.1", "http://[::1]"]
        .into_iter()
        .find(|host| uri.starts_with(host))?;
    let rest = &uri[host.len()..];
    let rest = match rest.strip_prefix(':') {
        None => rest,
        Some(port) => {
            let digits = port.bytes().take_while(u8::is_ascii_digit).count();
            port[..digits].parse::<u16>().ok()?;
            &port[digits..]
        }
    };
    (rest.is_empty() || rest.starts_with(['/', '?'])).then_some((host, rest))
}

/// Why a redirect URI cannot be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedirectUriError {
    /// No absolute URI, or it carries what has no place in one.
    #[error("not an absolute URI with a plain host, without fragment, user name and control characters")]
    Malformed,
    /// http anywhere but on loopback.
    #[error("http is only for 127.0.0.1, [::1] and localhost: use https")]
    Http,
    /// A private scheme of a web client, or one without a dot.
    #[error("only native clients have private schemes, and these contain a dot (RFC 8252 7.1)")]
    Scheme,
    /// Its query has a member of our own responses: the client could not tell which one is ours.
    #[error("its query has code, state, iss, error or error_description, which are for the answer")]
    Response,
}

/// The members of an authorization response (RFC 6749 §4.1.2, RFC 9207).
const RESPONSE_MEMBERS: [&str; 5] = ["code", "state", "iss", "error", "error_description"];

/// Whether a redirect URI may be registered: https, http on loopback, and for native clients a private scheme with a
/// dot (RFC 8252 §7); nothing else. It must be written as a browser would write it: what parsers read differently
/// (`https:///host`, `%2e`, `\\`, numbers for addresses, empty user names, signs in a host) is refused, and so is a query with a
/// member of our responses.
///
/// # Errors
/// What is wrong with it.
pub fn check_registrable(uri: &str, application: ApplicationType) -> Result<(), RedirectUriError> {
    let parsed = Url::parse(uri).map_err(|_| RedirectUriError::Malformed)?;
    let is_normal = parsed.as_str() == uri || (parsed.path() == "/" && parsed.as_str() == format!("{uri}/"));
    let has_user = !parsed.username().is_empty() || parsed.password().is_some();
    let ends_with_dot = parsed.host_str().is_some_and(|host| host.ends_with('.'));
    let odd = |c: char| !c.is_ascii_graphic() || matches!(c, '\\' | '#');
    if !is_normal || has_user || ends_with_dot || !has_plain_host(&parsed) || uri.contains(odd) {
        return Err(RedirectUriError::Malformed);
    }
    if parsed.query_pairs().any(|(name, _)| RESPONSE_MEMBERS.contains(&&*name)) {
        return Err(RedirectUriError::Response);
    }
    match parsed.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(&parsed) => Ok(()),
        "http" => Err(RedirectUriError::Http),
        scheme if application == ApplicationType::Native && scheme.contains('.') => Ok(()),
        _ => Err(RedirectUriError::Scheme),
    }
}

/// Whether a URL's host, if it has one, is an address or of letters, digits, dots and hyphens: parsers let more pass (`;`,
/// `'`, `,`), which means something else where hosts are listed, as in a Content-Security-Policy.
pub fn has_plain_host(url: &Url) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    match url.host() {
        Some(Host::Domain(name)) => name.bytes().all(plain),
        _ => true,
    }
}

/// Whether a URL's host is this machine: `127.0.0.1`, `[::1]` or `localhost`.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address == Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(address)) => address == Ipv6Addr::LOCALHOST,
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests;
