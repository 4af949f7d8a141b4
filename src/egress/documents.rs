//! What clients name by address and we fetch once: sector documents and logos.

use std::time::Duration;

use http::StatusCode;

use super::{FetchError, FetchLimits, Fetcher};
use crate::domain::logo::{self, Logo, LogoError};

const TIMEOUT: Duration = Duration::from_secs(5);
/// A sector of a thousand redirect URIs fits.
const MAX_SECTOR_DOCUMENT: usize = 128 * 1024;

/// Why there is no document. No text holds a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// It could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The server has none.
    #[error("the server answered {0} instead of 200")]
    Status(StatusCode),
    /// It is not a logo.
    #[error(transparent)]
    Logo(#[from] LogoError),
}

impl Fetcher {
    /// The document at a `sector_identifier_uri` (Registration §5).
    ///
    /// # Errors
    /// [`DocumentError`].
    pub async fn sector_document(&self, uri: &str) -> Result<Vec<u8>, DocumentError> {
        self.document(uri, MAX_SECTOR_DOCUMENT).await
    }

    /// The picture at a `logo_uri`.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub async fn logo(&self, uri: &str) -> Result<Logo, DocumentError> {
        Ok(logo::check(self.document(uri, logo::MAX_BYTES).await?)?)
    }

    /// The JWK Set at a `jwks_uri`.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub async fn key_set(&self, uri: &str) -> Result<Vec<u8>, DocumentError> {
        self.document(uri, crate::protocol::jwk::MAX_BYTES).await
    }

    async fn document(&self, uri: &str, max_bytes: usize) -> Result<Vec<u8>, DocumentError> {
        let limits = FetchLimits {
            max_bytes,
            timeout: TIMEOUT,
        };
        let fetched = self.get(uri, limits).await?;
        match fetched.status {
            StatusCode::OK => Ok(fetched.body),
            other => Err(DocumentError::Status(other)),
        }
    }
}
