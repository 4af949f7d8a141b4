//! Requests to addresses that clients name (`jwks_uri`, `request_uri`, sector documents, logout URIs, logos): https only,
//! public addresses only, few at a time (protocol.md §7). Servers that the operator lists by host and port are exempt.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use reqwest::dns::Resolve;
use tokio::sync::Semaphore;
use url::{Host, Url};

use super::public::{PublicOnly, SystemNames, is_public};
use super::{EgressError, EgressSetupError, builder, exchange};

/// Fetches at a time, and as many deliveries, waiting included in the time limit: whoever makes us fetch cannot make us open
/// endless connections, nor keep others from being told of a logout.
const AT_A_TIME: usize = 32;

/// Fetches at a time for one client that anybody can make us begin, by an authorization request in its name.
const FOR_ONE_CLIENT: usize = 2;

/// Limits of one fetch.
#[derive(Debug, Clone, Copy)]
pub struct FetchLimits {
    /// Longest answer accepted, in bytes.
    pub max_bytes: usize,
    /// From the first byte sent to the last byte received.
    pub timeout: Duration,
}

/// What the operator decides.
#[derive(Debug, Clone, Default)]
pub struct FetchOptions {
    /// Host (as in a URL) and port of servers whose address need not be public.
    pub allow: Vec<(String, u16)>,
    /// Certification authorities trusted besides the system's, in PEM.
    pub extra_ca: Option<Vec<u8>>,
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
    /// As much as may be is being fetched for this client already.
    #[error("too many fetches for this client are under way")]
    Busy,
    /// The request failed.
    #[error(transparent)]
    Failed(EgressError),
}

impl From<EgressError> for FetchError {
    fn from(error: EgressError) -> Self {
        match error {
            EgressError::NotPublic => Self::Forbidden,
            error => Self::Failed(error),
        }
    }
}

/// The guarded fetcher. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Fetcher {
    /// Connects to public addresses only.
    guarded: reqwest::Client,
    /// Connects anywhere: for servers on the list.
    listed: reqwest::Client,
    allow: Arc<[(String, u16)]>,
    is_public: fn(IpAddr) -> bool,
    documents: Arc<Semaphore>,
    requests: Arc<Semaphore>,
    deliveries: Arc<Semaphore>,
    /// Request objects under way, by client.
    under_way: Arc<Mutex<HashMap<String, usize>>>,
}

/// One of a client's places, given back when it goes.
struct Place {
    under_way: Arc<Mutex<HashMap<String, usize>>>,
    client_id: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        match under_way.get_mut(&self.client_id) {
            Some(places) if *places > 1 => *places -= 1,
            _ => drop(under_way.remove(&self.client_id)),
        }
    }
}

impl Fetcher {
    /// Makes the clients.
    ///
    /// # Errors
    /// When the extra CA file holds no certificate, or no certification authority is known at all.
    pub fn new(options: FetchOptions) -> Result<Self, EgressSetupError> {
        Self::over(options, Arc::new(SystemNames), is_public)
    }

    fn over(
        options: FetchOptions,
        names: Arc<dyn Resolve>,
        is_public: fn(IpAddr) -> bool,
    ) -> Result<Self, EgressSetupError> {
        // Each fetch makes its own connection, whose address is checked then.
        let builder = || Ok(builder(options.extra_ca.as_deref())?.pool_max_idle_per_host(0));
        let guard = PublicOnly {
            names: names.clone(),
            is_public,
        };
        Ok(Self {
            guarded: builder()?.dns_resolver(guard).build().map_err(EgressSetupError::Tls)?,
            listed: builder()?.dns_resolver(names).build().map_err(EgressSetupError::Tls)?,
            allow: options.allow.into(),
            is_public,
            documents: Arc::new(Semaphore::new(AT_A_TIME)),
            requests: Arc::new(Semaphore::new(AT_A_TIME)),
            under_way: Arc::default(),
            deliveries: Arc::new(Semaphore::new(AT_A_TIME)),
        })
    }

    /// Fetches a document.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn get(&self, url: &str, limits: FetchLimits) -> Result<Fetched, FetchError> {
        self.send(&self.documents, Method::GET, url, None, limits).await
    }

    /// Fetches a request object. Whoever writes an authorization request makes us do it, so these have turns of their own,
    /// and each client a few.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn get_request_object(
        &self,
        client_id: &str,
        url: &str,
        limits: FetchLimits,
    ) -> Result<Fetched, FetchError> {
        let _place = self.place(client_id).ok_or(FetchError::Busy)?;
        self.send(&self.requests, Method::GET, url, None, limits).await
    }

    fn place(&self, client_id: &str) -> Option<Place> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let places = under_way.entry(client_id.to_owned()).or_default();
        (*places < FOR_ONE_CLIENT).then(|| {
            *places += 1;
            Place {
                under_way: self.under_way.clone(),
                client_id: client_id.to_owned(),
            }
        })
    }

    /// Posts a form (already encoded).
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn post_form(&self, url: &str, form: String, limits: FetchLimits) -> Result<Fetched, FetchError> {
        self.send(&self.deliveries, Method::POST, url, Some(form), limits).await
    }

    async fn send(
        &self,
        turns: &Semaphore,
        method: Method,
        url: &str,
        form: Option<String>,
        limits: FetchLimits,
    ) -> Result<Fetched, FetchError> {
        let url = Url::parse(url).map_err(|_| FetchError::Forbidden)?;
        let client = self.client_for(&url).ok_or(FetchError::Forbidden)?;
        let mut request = reqwest::Request::new(method, url);
        if let Some(form) = form {
            let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
            request.headers_mut().insert(header::CONTENT_TYPE, form_type);
            *request.body_mut() = Some(form.into());
        }
        let fetch = async {
            let _turn = turns.acquire().await.map_err(|_| EgressError::Broken)?;
            exchange(client, request, limits.max_bytes).await
        };
        let answer = tokio::time::timeout(limits.timeout, fetch).await;
        let (parts, body) = answer.unwrap_or(Err(EgressError::Timeout))?.into_parts();
        Ok(Fetched {
            status: parts.status,
            headers: parts.headers,
            body,
        })
    }

    /// The client that may go to this address. An address in numbers, in whatever form (`Url` reads them all), goes
    /// through no resolver and is checked here.
    fn client_for(&self, url: &Url) -> Option<&reqwest::Client> {
        let (host, port) = (url.host()?, url.port_or_known_default()?);
        let is_listed = self
            .allow
            .iter()
            .any(|(listed, at)| Some(listed.as_str()) == url.host_str() && *at == port);
        let is_loopback = match &host {
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
            Host::Domain(name) => *name == "localhost",
        };
        let is_bare = url.username().is_empty() && url.password().is_none();
        match (url.scheme(), host) {
            _ if !is_bare => None,
            ("https", _) if is_listed => Some(&self.listed),
            ("http", _) if is_listed && is_loopback => Some(&self.listed),
            ("https", Host::Domain(_)) => Some(&self.guarded),
            ("https", Host::Ipv4(address)) => (self.is_public)(address.into()).then_some(&self.guarded),
            ("https", Host::Ipv6(address)) => (self.is_public)(address.into()).then_some(&self.guarded),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
