//! The relying parties' own web site: keys, request objects, sector documents; and it keeps what is posted to it.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use http::{Method, StatusCode, Uri, header};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

use crate::support::tls::{Certificate, authority, pair};

#[derive(Default)]
struct Shared {
    documents: Mutex<HashMap<String, (String, Vec<u8>)>>,
    posted: Mutex<Vec<(String, String)>>,
}

pub struct Site {
    /// Host and port.
    pub place: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
    /// With its authority in `cert_file`.
    files: Certificate,
}

/// Speaks TLS with a certificate of the tests' authority.
struct TlsListener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl TlsListener {
    fn new(tcp: TcpListener) -> Self {
        let (cert, key) = pair(&rcgen::PKCS_ECDSA_P256_SHA256);
        let cert = CertificateDer::from_pem_slice(cert.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self { tcp, acceptor }
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.tcp.accept().await.unwrap();
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

impl Site {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = listener.local_addr().unwrap().to_string();
        let shared = Arc::<Shared>::default();
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let listener = TlsListener::new(listener);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let files = Certificate::new();
        files.write(&authority().pem, "");
        Self {
            place,
            shared,
            task,
            files,
        }
    }

    /// The authority of its certificate (PEM).
    pub fn ca_file(&self) -> &str {
        self.files.cert_file.to_str().unwrap()
    }

    pub fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.place)
    }

    /// From now on there is this document at `path`. Returns its address.
    pub fn serve(&self, path: &str, content_type: &str, body: &[u8]) -> String {
        let document = (content_type.to_owned(), body.to_vec());
        self.shared.documents.lock().unwrap().insert(path.to_owned(), document);
        self.url(path)
    }

    /// The forms posted so far, each with its path.
    pub fn posted(&self) -> Vec<(String, String)> {
        self.shared.posted.lock().unwrap().clone()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, method: Method, uri: Uri, body: String) -> Response {
    if method == Method::POST {
        shared.posted.lock().unwrap().push((uri.path().to_owned(), body));
        return StatusCode::OK.into_response();
    }
    match shared.documents.lock().unwrap().get(uri.path()) {
        Some((content_type, body)) => ([(header::CONTENT_TYPE, content_type.clone())], body.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
