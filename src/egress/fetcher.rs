//! Requests to addresses that clients name (`jwks_uri`, `request_uri`, sector documents, logout URIs, logos): https, to public
//! addresses only, within limits. Whoever runs a client on an internal address lists its host and port.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Request, StatusCode, header};
use tokio::sync::Semaphore;
use url::{Host, Url};

use super::public::is_public;
use super::{Egress, EgressError, EgressOptions, EgressSetupError};

/// How many fetches are under way at once; more wait for their turn within their time limit.
const AT_ONCE: usize = 64;

/// Limits of one fetch.
#[derive(Debug, Clone, Copy)]
pub struct FetchLimits {
    /// Longest answer accepted, in bytes.
    pub max_bytes: usize,
    /// From the first byte sent to the last byte received.
    pub timeout: Duration,
}

/// An answer, whatever its status (but for redirects, which are errors).
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

/// Why nothing was fetched. No text holds a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Not an https address, or one of a network that is not public.
    #[error("the address is not allowed: https and a public address are needed")]
    Forbidden,
    /// The request failed.
    #[error(transparent)]
    Failed(#[from] EgressError),
}

/// `host:port` as the configuration lists them: where a client may be although the address is not public.
pub type Allowed = BTreeSet<(String, u16)>;

/// The guarded fetcher. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Fetcher {
    /// Connects to public addresses only.
    public: Egress,
    /// Connects anywhere: for what is listed.
    listed: Egress,
    allowed: Arc<Allowed>,
    turns: Arc<Semaphore>,
}

impl Fetcher {
    /// A fetcher that trusts these further certification authorities (PEM) and may go to these places besides public ones.
    ///
    /// # Errors
    /// When the TLS client cannot be set up.
    pub fn new(extra_ca: Option<Vec<u8>>, allowed: Allowed) -> Result<Self, EgressSetupError> {
        let options = EgressOptions {
            extra_ca,
            // Limits are given with each fetch.
            timeout: Duration::MAX,
            ..EgressOptions::default()
        };
        Ok(Self {
            listed: Egress::new(options.clone())?,
            public: Egress::new(EgressOptions {
                public_only: true,
                ..options
            })?,
            allowed: Arc::new(allowed),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        })
    }

    /// Fetches a document.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn get(&self, url: &str, limits: FetchLimits) -> Result<Fetched, FetchError> {
        let (egress, url) = self.way_to(url)?;
        let request = Request::get(url.as_str()).body(Vec::new());
        self.send(egress, request, limits).await
    }

    /// Posts a form (already encoded).
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn post_form(&self, url: &str, form: String, limits: FetchLimits) -> Result<Fetched, FetchError> {
        let (egress, url) = self.way_to(url)?;
        let request = Request::post(url.as_str())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.into_bytes());
        self.send(egress, request, limits).await
    }

    /// The client that may go there, and the address as it will be read (numbers and escapes made plain).
    fn way_to(&self, url: &str) -> Result<(&Egress, Url), FetchError> {
        let url = Url::parse(url).map_err(|_| FetchError::Forbidden)?;
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(FetchError::Forbidden);
        };
        let is_listed = self.allowed.contains(&(host.to_string(), port));
        let is_secure = url.scheme() == "https";
        // An address in numbers is looked up nowhere, so it is judged here.
        let literal_is_public = match host {
            Host::Domain(_) => true,
            Host::Ipv4(address) => is_public(address.into()),
            Host::Ipv6(address) => is_public(address.into()),
        };
        let egress = match (is_listed, is_secure, url.scheme()) {
            (true, true, _) | (true, _, "http") => &self.listed,
            (false, true, _) if literal_is_public => &self.public,
            _ => return Err(FetchError::Forbidden),
        };
        Ok((egress, url))
    }

    async fn send(
        &self,
        egress: &Egress,
        request: Result<Request<Vec<u8>>, http::Error>,
        limits: FetchLimits,
    ) -> Result<Fetched, FetchError> {
        let request = request.map_err(|_| FetchError::Forbidden)?;
        let fetch = async {
            let _turn = self.turns.acquire().await;
            egress.exchange(request, limits.max_bytes).await
        };
        let answer = tokio::time::timeout(limits.timeout, fetch).await;
        let (parts, body) = match answer.unwrap_or(Err(EgressError::Timeout)) {
            Ok(answer) => answer.into_parts(),
            Err(EgressError::NotPublic) => return Err(FetchError::Forbidden),
            Err(error) => return Err(error.into()),
        };
        Ok(Fetched {
            status: parts.status,
            headers: parts.headers,
            body,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetcher() -> Fetcher {
        let allowed = [
            ("127.0.0.1".to_owned(), 8443),
            ("localhost".to_owned(), 9000),
            ("[::1]".to_owned(), 443),
        ];
        Fetcher::new(None, allowed.into()).unwrap()
    }

    #[test]
    fn only_https_to_names_and_public_addresses_or_what_is_listed() {
        let fetcher = fetcher();
        for allowed in [
            "https://service.example/jwks",
            "https://1.1.1.1/",
            "https://[2606:4700::1111]/",
            "https://127.0.0.1:8443/x",
            "http://127.0.0.1:8443/x",
            "http://localhost:9000/",
            "https://[::1]/",
        ] {
            assert!(fetcher.way_to(allowed).is_ok(), "{allowed}");
        }
        for forbidden in [
            "",
            "/x",
            "http://service.example/",
            "ftp://service.example/",
            "file:///etc/passwd",
            "data:text/plain,x",
            "https://127.0.0.1/",
            "https://127.0.0.1:8444/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://127.1/",
            "https://%31%32%37.0.0.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://10.0.0.1/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::1]:8443/",
            "https://[fd00::1]/",
            "https://0/",
            "http://localhost:9001/",
            "http://localhost.:9000/",
        ] {
            assert_eq!(
                fetcher.way_to(forbidden).err(),
                Some(FetchError::Forbidden),
                "{forbidden}"
            );
        }
    }

    #[tokio::test]
    async fn a_name_is_judged_by_the_address_it_leads_to() {
        let limits = FetchLimits {
            max_bytes: 10,
            timeout: Duration::from_secs(5),
        };
        let answer = fetcher().get("https://localhost:8443/", limits).await;
        assert_eq!(answer.err(), Some(FetchError::Forbidden));
    }
}
