//! Every outgoing request of this program goes through here: HTTP clients that follow no redirect, keep no cookie, read
//! no proxy from the environment, and give up on answers that take too long or grow too large. [`Egress`] talks to
//! homeservers, which the operator lists; [`Fetcher`] to addresses that clients name.

mod documents;
mod fetcher;
mod probe;
mod public;

use std::time::Duration;

use http::{HeaderMap, Request, Response, header};

pub use documents::DocumentError;
pub use fetcher::{FetchError, FetchLimits, FetchOptions, Fetched, Fetcher};
pub use probe::{Reach, has_address, reach};
use public::NotPublic;
use reqwest::tls::TlsInfo;

use crate::tls;

/// How long the connection alone may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const USER_AGENT: &str = concat!("tchap-connect/", env!("CARGO_PKG_VERSION"));

/// Limits of outgoing requests.
#[derive(Clone, Debug)]
pub struct EgressOptions {
    /// From the first byte sent to the last byte received.
    pub timeout: Duration,
    /// Longest answer accepted, in bytes.
    pub max_body_bytes: usize,
    /// Certification authorities trusted besides the system's, in PEM.
    pub extra_ca: Option<Vec<u8>>,
}

impl Default for EgressOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            max_body_bytes: 1024 * 1024,
            extra_ca: None,
        }
    }
}

/// Why the client could not be made.
#[derive(Debug, thiserror::Error)]
pub enum EgressSetupError {
    /// The extra CA file holds no certificate in PEM.
    #[error("the extra CA file holds no PEM certificate")]
    NoCertificate,
    /// The TLS library refused the certificates, or found none at all on this system.
    #[error("the TLS client cannot be set up: {0}")]
    Tls(#[source] reqwest::Error),
}

/// Why there is no answer. None of these texts holds a URL: query strings may carry tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// The time limit passed before the last byte.
    #[error("no complete answer within the time limit")]
    Timeout,
    /// No connection: name not found, port closed, TLS refused.
    #[error("no connection to the server")]
    Connect,
    /// The connection broke, or what came back is not HTTP.
    #[error("the connection broke before the end of the answer")]
    Broken,
    /// The answer is longer than the limit.
    #[error("the answer is larger than the limit")]
    TooLarge,
    /// The name leads to no public address ([`Fetcher`] only).
    #[error("the host has no public address")]
    NotPublic,
    /// The server sent us elsewhere. We do not go.
    #[error("the server answered with a redirect")]
    Redirected,
    /// The request itself cannot be sent (scheme, host).
    #[error("the request cannot be sent")]
    InvalidRequest,
}

/// The guarded client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Egress {
    client: reqwest::Client,
    timeout: Duration,
    max_body_bytes: usize,
}

impl Egress {
    /// Makes the client.
    ///
    /// # Errors
    /// When the extra CA file is unreadable, or no certification authority is known at all.
    pub fn new(options: EgressOptions) -> Result<Self, EgressSetupError> {
        let builder = builder(options.extra_ca.as_deref())?;
        Ok(Self {
            client: builder.tls_info(true).build().map_err(EgressSetupError::Tls)?,
            timeout: options.timeout,
            max_body_bytes: options.max_body_bytes,
        })
    }

    /// The time limit of [`Self::send`].
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Sends a request and reads the whole answer within the limits. Any status but a redirect is an answer.
    ///
    /// # Errors
    /// See [`EgressError`].
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, EgressError> {
        self.send_within(self.timeout, request).await
    }

    /// As [`Self::send`], with a time limit of its own where that is shorter.
    ///
    /// # Errors
    /// See [`EgressError`].
    pub async fn send_within(
        &self,
        limit: Duration,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, EgressError> {
        let exchange = self.exchange(request);
        tokio::time::timeout(limit.min(self.timeout), exchange)
            .await
            .unwrap_or(Err(EgressError::Timeout))
    }

    async fn exchange(&self, mut request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, EgressError> {
        mark_secrets(request.headers_mut());
        let request = reqwest::Request::try_from(request).map_err(|_| EgressError::InvalidRequest)?;
        exchange(&self.client, request, self.max_body_bytes).await
    }
}

/// What every client of ours begins with.
#[expect(clippy::disallowed_methods, reason = "the one place where HTTP clients are made")]
fn builder(extra_ca: Option<&[u8]>) -> Result<reqwest::ClientBuilder, EgressSetupError> {
    let builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy();
    let Some(pem) = extra_ca else {
        return Ok(builder);
    };
    let certificates = reqwest::Certificate::from_pem_bundle(pem).map_err(EgressSetupError::Tls)?;
    match certificates.is_empty() {
        true => Err(EgressSetupError::NoCertificate),
        false => Ok(builder.tls_certs_merge(certificates)),
    }
}

/// Sends a request and reads the whole answer. The time limit is the caller's.
async fn exchange(
    client: &reqwest::Client,
    request: reqwest::Request,
    max_bytes: usize,
) -> Result<Response<Vec<u8>>, EgressError> {
    let mut answer = client.execute(request).await.map_err(|error| kind_of(&error))?;
    if answer.status().is_redirection() {
        return Err(EgressError::Redirected);
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| kind_of(&error))? {
        // Counted as it arrives: Content-Length is only a promise.
        if body.len() + chunk.len() > max_bytes {
            return Err(EgressError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    let mut response = Response::new(body);
    *response.status_mut() = answer.status();
    *response.headers_mut() = std::mem::take(answer.headers_mut());
    if let Some(tls) = answer.extensions_mut().remove::<TlsInfo>() {
        response.extensions_mut().insert(tls);
    }
    Ok(response)
}

/// When the certificate of the server that gave this answer of [`Egress::send`] ends, in Unix seconds; `None` without TLS.
pub fn certificate_end(response: &Response<Vec<u8>>) -> Option<i64> {
    let tls = response.extensions().get::<TlsInfo>()?;
    tls::certificate_end(tls.peer_certificate()?)
}

/// Keeps access tokens out of the HTTP library's own debug output.
fn mark_secrets(headers: &mut HeaderMap) {
    if let Some(value) = headers.get_mut(header::AUTHORIZATION) {
        value.set_sensitive(true);
    }
}

fn kind_of(error: &reqwest::Error) -> EgressError {
    if NotPublic::is_behind(error) {
        EgressError::NotPublic
    } else if error.is_timeout() {
        EgressError::Timeout
    } else if error.is_connect() {
        EgressError::Connect
    } else if error.is_builder() {
        EgressError::InvalidRequest
    } else {
        EgressError::Broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_ca(pem: &str) -> Result<Egress, EgressSetupError> {
        Egress::new(EgressOptions {
            extra_ca: Some(pem.into()),
            ..EgressOptions::default()
        })
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        assert!(matches!(with_ca(""), Err(EgressSetupError::NoCertificate)));
        assert!(matches!(
            with_ca("not a certificate"),
            Err(EgressSetupError::NoCertificate)
        ));
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(with_ca(garbage), Err(EgressSetupError::Tls(_))));
    }

    #[tokio::test]
    async fn what_is_no_web_address_is_not_sent() {
        let egress = Egress::new(EgressOptions::default()).expect("a client");
        for url in ["/relative", "127.0.0.1:1"] {
            let request = Request::get(url).body(Vec::new()).expect("a request");
            assert_eq!(
                egress.send(request).await.err(),
                Some(EgressError::InvalidRequest),
                "{url}"
            );
        }
    }

    #[test]
    fn access_tokens_are_marked_secret() {
        let mut request = Request::new(Vec::<u8>::new());
        request.headers_mut().insert(
            header::AUTHORIZATION,
            http::HeaderValue::from_static("Bearer syt_secret"),
        );
        mark_secrets(request.headers_mut());
        assert!(!format!("{request:?}").contains("syt_secret"));
    }
}
