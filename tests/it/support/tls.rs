//! A certification authority for the tests, certificates of its making in files, and clients that trust it.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SignatureAlgorithm};
use tchap_connect::clock::Clock;
use tchap_connect::secret::random_id;
use time::OffsetDateTime;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
    /// As operators have it in a file.
    pub pem: String,
}

/// Made once for the whole run.
pub fn authority() -> &'static Authority {
    static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        Authority {
            issuer,
            der: certificate.der().clone(),
            pem: certificate.pem(),
        }
    });
    &AUTHORITY
}

impl Authority {
    /// For HTTP clients that shall trust it.
    pub fn certificate(&self) -> reqwest::Certificate {
        reqwest::Certificate::from_der(&self.der).unwrap()
    }

    /// For files of further certification authorities.
    pub fn pem(&self) -> String {
        let der = STANDARD.encode(&self.der);
        format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n")
    }

    /// For TLS clients that trust it, and offer what they are told to.
    pub fn client(
        &self,
        provider: CryptoProvider,
        versions: &[&'static SupportedProtocolVersion],
        alpn: &[&str],
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }

    /// A client as they come.
    pub fn any_client(&self) -> ClientConfig {
        self.client(aws_lc_rs::default_provider(), &[&version::TLS13, &version::TLS12], &[])
    }
}

/// The two files of a server at 127.0.0.1 and localhost, in a folder that goes when dropped.
pub struct Certificate {
    pub cert_file: PathBuf,
    pub key_file: PathBuf,
    folder: PathBuf,
}

impl Certificate {
    pub fn new() -> Self {
        Self::of(&rcgen::PKCS_ECDSA_P256_SHA256)
    }

    pub fn of(alg: &'static SignatureAlgorithm) -> Self {
        let folder = std::env::temp_dir().join(format!("tchap-connect-tls-{}", random_id().unwrap()));
        fs::create_dir(&folder).unwrap();
        let files = Self {
            cert_file: folder.join("cert.pem"),
            key_file: folder.join("key.pem"),
            folder,
        };
        let (cert, key) = pair(alg);
        files.write(&cert, &key);
        files
    }

    /// What a [`super::TestApp`] needs to speak TLS with it.
    pub fn settings(&self) -> [(&str, &str); 2] {
        [
            ("TLS_CERT_FILE", self.cert_file.to_str().unwrap()),
            ("TLS_KEY_FILE", self.key_file.to_str().unwrap()),
        ]
    }

    /// Puts other contents into the files.
    pub fn write(&self, cert: &str, key: &str) {
        fs::write(&self.cert_file, cert).unwrap();
        fs::write(&self.key_file, key).unwrap();
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A certificate of the authority's and its private key, both PEM.
pub fn pair(alg: &'static SignatureAlgorithm) -> (String, String) {
    pair_for(alg, 365 * 24 * 3600)
}

/// The same, good for so many seconds.
pub fn pair_for(alg: &'static SignatureAlgorithm, seconds: i64) -> (String, String) {
    let key = KeyPair::generate_for(alg).unwrap();
    let mut params = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
    params.not_after = OffsetDateTime::from_unix_timestamp(Clock::System.now() + seconds).unwrap();
    let cert = params.signed_by(&key, &authority().issuer).unwrap();
    (cert.pem(), key.serialize_pem())
}
