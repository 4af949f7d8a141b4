//! The partner site of `examples/`, as a program of its own, on another site than the provider and on https as in real
//! life: browsers treat its cookies and ours accordingly, and its consents are remembered.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use tchap_connect::protocol::client::{Client, SigningAlg};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::real::given;
use super::{TestApp, client};

/// Chromium takes this name for loopback.
pub const HOST: &str = "service.test";

pub struct PartnerSite {
    /// Without a trailing slash.
    pub url: String,
    /// As registered.
    pub client: Client,
    process: Child,
    front: JoinHandle<()>,
}

impl PartnerSite {
    /// Starts it, registered with the application.
    pub async fn start(app: &TestApp) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{HOST}:{}", listener.local_addr().unwrap().port());
        let client = Client {
            name: "Service de démonstration".into(),
            redirect_uris: vec![format!("{url}/retour")],
            id_token_signed_response_alg: SigningAlg::ES256,
            ..client("partner")
        };
        let registered = app.register(client).await;
        let mut process = Command::new(given("TEST_PARTNER_SITE"))
            .args(["--issuer", &app.base_url, "--client-id", "partner"])
            .args(["--client-secret", registered.secret.as_deref().unwrap()])
            .args(["--listen", "127.0.0.1:0", "--url", &url])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut said)
            .unwrap();
        let address = said.trim().rsplit(' ').next().unwrap().to_owned();
        Self {
            url,
            client: registered.client,
            process,
            front: tokio::spawn(end_tls(listener, address)),
        }
    }
}

impl Drop for PartnerSite {
    fn drop(&mut self) {
        self.front.abort();
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a reverse proxy does: https on the outside, http on the inside.
async fn end_tls(listener: TcpListener, inside: String) {
    let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    loop {
        let (outer, _) = listener.accept().await.unwrap();
        let (acceptor, inside) = (acceptor.clone(), inside.clone());
        tokio::spawn(async move {
            // A browser opens connections that it then does not use: not an error.
            let mut outer = acceptor.accept(outer).await.ok()?;
            let mut inner = TcpStream::connect(inside).await.ok()?;
            tokio::io::copy_bidirectional(&mut outer, &mut inner).await.ok()
        });
    }
}
