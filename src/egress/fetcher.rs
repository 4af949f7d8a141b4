//! Requests to addresses that clients name (`jwks_uri`, `request_uri`, sector documents, logout URIs, logos): protocol.md §7.

use std::time::Duration;

use http::{HeaderMap, Request, StatusCode, header};

use super::{Egress, EgressError};

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

/// The guarded fetcher. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Fetcher {
    egress: Egress,
}

impl Fetcher {
    /// Over this client.
    pub fn new(egress: Egress) -> Self {
        Self { egress }
    }

    /// Fetches a document.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn get(&self, url: &str, limits: FetchLimits) -> Result<Fetched, FetchError> {
        let request = Request::get(url).body(Vec::new());
        self.send(request.map_err(|_| FetchError::Forbidden)?, limits).await
    }

    /// Posts a form (already encoded).
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn post_form(&self, url: &str, form: String, limits: FetchLimits) -> Result<Fetched, FetchError> {
        let request = Request::post(url)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.into_bytes());
        self.send(request.map_err(|_| FetchError::Forbidden)?, limits).await
    }

    async fn send(&self, request: Request<Vec<u8>>, limits: FetchLimits) -> Result<Fetched, FetchError> {
        let (parts, body) = self.egress.send_within(limits.timeout, request).await?.into_parts();
        if body.len() > limits.max_bytes {
            return Err(EgressError::TooLarge.into());
        }
        Ok(Fetched {
            status: parts.status,
            headers: parts.headers,
            body,
        })
    }
}
