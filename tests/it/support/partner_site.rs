//! The partner site of `examples/`, as a program of its own and, under the name `localhost`, on another site than the
//! provider at 127.0.0.1: browsers treat cookies accordingly.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use tchap_connect::protocol::client::{Client, LogoutUris, SigningAlg};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::real::given;
use super::{TestApp, client};

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
        let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let client = Client {
            name: "Service de démonstration".into(),
            redirect_uris: vec![format!("{url}/retour")],
            id_token_signed_response_alg: SigningAlg::ES256,
            logout: LogoutUris {
                post_logout_redirect_uris: vec![format!("{url}/")],
                ..LogoutUris::default()
            },
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
        assert!(
            said.contains("listening on"),
            "the partner site did not start: {said:?}"
        );
        let address = said.trim().rsplit(' ').next().unwrap().to_owned();
        Self {
            url,
            client: registered.client,
            process,
            front: tokio::spawn(pass_on(listener, address)),
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

/// Passes connections on. The site must know its own address before it listens.
async fn pass_on(listener: TcpListener, inside: String) {
    loop {
        let (mut outer, _) = listener.accept().await.unwrap();
        let inside = inside.clone();
        tokio::spawn(async move {
            let mut inner = TcpStream::connect(inside).await.ok()?;
            tokio::io::copy_bidirectional(&mut outer, &mut inner).await.ok()
        });
    }
}
