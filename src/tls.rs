//! TLS of our own (RFC 8446, RFC 9325): the versions and suites that it speaks, the certificate that it shows, and how
//! that is exchanged while running. All of rustls that this program touches is here.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{Error, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

use crate::secret::sha256;

const VERSIONS: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];

/// Where the certificate and its key are, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and those between it and a root.
    pub cert_file: PathBuf,
    /// Its private key.
    pub key_file: PathBuf,
}

/// What is wrong with the files. Says nothing of what is in them.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate's file cannot be read.
    #[error("the certificate {} cannot be read: {source}", path.display())]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The key's file cannot be read.
    #[error("the private key {} cannot be read: {source}", path.display())]
    Key {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No certificate in PEM form.
    #[error("{} holds no certificate in PEM form, or a broken one", .0.display())]
    NoCertificate(PathBuf),
    /// No private key in PEM form.
    #[error("{} holds no private key in PEM form", .0.display())]
    NoKey(PathBuf),
    /// They do not belong together, or are of a kind that TLS cannot use.
    #[error("the certificate and the private key cannot be used together: {0}")]
    Unusable(Error),
}

impl TlsError {
    /// Whether it is the key's file that must be looked at.
    pub fn is_of_key(&self) -> bool {
        matches!(self, Self::Key { .. } | Self::NoKey(_))
    }
}

/// The server's side of TLS.
pub struct Tls {
    files: TlsFiles,
    current: RwLock<Current>,
}

struct Current {
    config: Arc<ServerConfig>,
    /// Of both files' contents.
    digest: [u8; 32],
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// When they do not make a server; see [`TlsError`].
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let contents = Contents::read(&files)?;
        let current = RwLock::new(contents.current(&files)?);
        Ok(Self { files, current })
    }

    /// Reads the files again; `true` when new connections see what has changed.
    ///
    /// # Errors
    /// [`TlsError`]; the former certificate stays in use then.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let contents = Contents::read(&self.files)?;
        if contents.digest() == self.read().digest {
            return Ok(false);
        }
        let current = contents.current(&self.files)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = current;
        Ok(true)
    }

    /// The handshake. It has no time limit of its own.
    ///
    /// # Errors
    /// When the client speaks no TLS, or none of ours, or goes away.
    pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> io::Result<TlsStream<S>> {
        let acceptor = TlsAcceptor::from(self.read().config.clone());
        acceptor.accept(stream).await
    }

    fn read(&self) -> RwLockReadGuard<'_, Current> {
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TlsFiles {
    /// When the certificate ends, in Unix seconds; `None` if it is none that can be read.
    ///
    /// # Errors
    /// When the files do not make a server; see [`TlsError`].
    pub fn end(&self) -> Result<Option<i64>, TlsError> {
        let contents = Contents::read(self)?;
        contents.current(self)?;
        let first = CertificateDer::pem_slice_iter(&contents.certificates).next();
        Ok(first.and_then(Result::ok).and_then(|der| certificate_end(&der)))
    }
}

/// When a certificate ends (notAfter, RFC 5280 §4.1.2.5), in Unix seconds; `None` if this is none.
pub fn certificate_end(der: &[u8]) -> Option<i64> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.files.fmt(f)
    }
}

/// What is in the two files.
struct Contents {
    certificates: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Contents {
    fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let owned = Path::to_owned;
        let certificates = std::fs::read(&files.cert_file).map_err(|source| TlsError::Certificate {
            path: owned(&files.cert_file),
            source,
        })?;
        let key = std::fs::read(&files.key_file).map_err(|source| TlsError::Key {
            path: owned(&files.key_file),
            source,
        })?;
        Ok(Self {
            certificates,
            key: Zeroizing::new(key),
        })
    }

    fn digest(&self) -> [u8; 32] {
        sha256([sha256(&self.certificates), sha256(&self.key)].as_flattened())
    }

    fn current(&self, files: &TlsFiles) -> Result<Current, TlsError> {
        let chain = CertificateDer::pem_slice_iter(&self.certificates).collect::<Result<Vec<_>, _>>();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| TlsError::NoCertificate(files.cert_file.clone()))?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| TlsError::NoKey(files.key_file.clone()))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(VERSIONS)
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(TlsError::Unusable)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Current {
            config: Arc::new(config),
            digest: self.digest(),
        })
    }
}

/// All of TLS 1.3, and of TLS 1.2 what has both forward secrecy and AES-GCM (RFC 9325 §4.2).
fn provider() -> CryptoProvider {
    use aws_lc_rs::cipher_suite as suite;
    CryptoProvider {
        cipher_suites: vec![
            suite::TLS13_AES_256_GCM_SHA384,
            suite::TLS13_AES_128_GCM_SHA256,
            suite::TLS13_CHACHA20_POLY1305_SHA256,
            suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        ],
        ..aws_lc_rs::default_provider()
    }
}
