//! TLS of our own, over the wire: what it speaks, what it does not, whom it does not wait for, and renewed certificates.

use std::collections::HashMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use tchap_connect::config::Config;
use tchap_connect::jobs;
use tchap_connect::web::{self, Limits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::crypto::aws_lc_rs::{self, cipher_suite as suite};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, SupportedCipherSuite};

use crate::support::app::SEALING_KEY;
use crate::support::tls::{Certificate, authority, pair};
use crate::support::{Browser, TestApp};

const PATIENCE: Duration = Duration::from_secs(10);

fn address(app: &TestApp) -> &str {
    app.base_url.strip_prefix("https://").unwrap()
}

async fn connect(address: &str, client: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let handshake = TlsConnector::from(Arc::new(client)).connect(name, stream);
    tokio::time::timeout(PATIENCE, handshake)
        .await
        .expect("a handshake that ends")
}

/// The certificate that new connections see.
async fn shown(app: &TestApp) -> Vec<u8> {
    let stream = connect(address(app), authority().any_client()).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

fn only(cipher_suite: SupportedCipherSuite) -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![cipher_suite],
        ..aws_lc_rs::default_provider()
    }
}

#[tokio::test]
async fn people_sign_in_and_monitors_ask_over_tls() {
    let files = Certificate::new();
    let app = TestApp::with(&files.settings()).await;
    let browser = Browser::new(&app);
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(browser.get(path).await.status, 200, "{path}");
    }
    let service = app.relying_party("service").await;
    let tokens = service.tokens(&browser, &[]).await;
    assert_eq!(tokens.claims["iss"], app.base_url);
    let page = browser.get(&service.url(&[("prompt", "login")])).await;
    assert_eq!(page.header("strict-transport-security"), "max-age=63072000");
    assert!(page.cookies().iter().all(|(name, _)| name.starts_with("__Host-")));
}

#[tokio::test]
async fn only_forward_secrecy_with_aead_is_spoken() {
    let ecdsa = Certificate::new();
    let rsa = Certificate::of(&rcgen::PKCS_RSA_SHA256);
    for (files, accepted, refused) in [
        (
            &ecdsa,
            [
                suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            ],
            suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        ),
        (
            &rsa,
            [
                suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            ],
            suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ),
    ] {
        let app = TestApp::with(&files.settings()).await;
        let attempt = async |client| connect(address(&app), client).await;
        for cipher in accepted {
            let stream = attempt(authority().client(only(cipher), &[&TLS12], &["http/1.1"]))
                .await
                .unwrap();
            let connection = stream.get_ref().1;
            assert_eq!(connection.negotiated_cipher_suite(), Some(cipher));
            assert_eq!(connection.alpn_protocol(), Some(&b"http/1.1"[..]));
        }
        let error = attempt(authority().client(only(refused), &[&TLS12], &[]))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("HandshakeFailure"), "{error}");
        let any = authority().client(aws_lc_rs::default_provider(), &[&TLS13], &["h2", "http/1.1"]);
        let stream = attempt(any).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        let h2 = authority().client(aws_lc_rs::default_provider(), &[&TLS13], &["h2"]);
        let error = attempt(h2).await.unwrap_err();
        assert!(error.to_string().contains("NoApplicationProtocol"), "RFC 7301: {error}");
    }
}

/// A ClientHello (RFC 5246 §7.4.1.2) of this version that offers this one cipher suite.
fn client_hello(version: u16, cipher_suite: u16) -> Vec<u8> {
    let extensions: [u8; 22] = [
        0, 10, 0, 4, 0, 2, 0, 23, // supported_groups: secp256r1
        0, 11, 0, 2, 1, 0, // ec_point_formats: uncompressed
        0, 13, 0, 4, 0, 2, 4, 3, // signature_algorithms: ecdsa_secp256r1_sha256
    ];
    let mut hello = version.to_be_bytes().to_vec();
    hello.extend([7; 32]);
    hello.extend([0, 0, 2]);
    hello.extend(cipher_suite.to_be_bytes());
    hello.extend([1, 0, 0, extensions.len() as u8]);
    hello.extend(extensions);
    let mut record = vec![22, 3, 1, 0, hello.len() as u8 + 4, 1, 0, 0, hello.len() as u8];
    record.extend(hello);
    record
}

/// Sends this and reads what comes until the server hangs up, or `enough` bytes of it.
async fn answer_to(address: &str, sent: &[u8], enough: usize) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(sent).await.unwrap();
    let mut answer = Vec::new();
    let reading =
        async { while answer.len() < enough && stream.read_buf(&mut answer).await.is_ok_and(|read| read > 0) {} };
    let ended = tokio::time::timeout(PATIENCE, reading).await;
    ended.unwrap_or_else(|_| panic!("still open after {sent:?}"));
    answer
}

#[tokio::test]
async fn what_is_old_or_no_tls_at_all_is_refused_at_once() {
    let files = Certificate::new();
    let app = TestApp::with(&files.settings()).await;
    let hello = |version, suite| client_hello(version, suite);
    // The same hello with a suite of ours: a ServerHello comes.
    let accepted = answer_to(address(&app), &hello(0x0303, 0xc02b), 6).await;
    assert_eq!((accepted[0], accepted[5]), (22, 2), "{accepted:?}");
    const HANDSHAKE_FAILURE: u8 = 40;
    const PROTOCOL_VERSION: u8 = 70;
    for (name, version, suite, alert) in [
        ("ECDHE with CBC", 0x0303, 0xc023, HANDSHAKE_FAILURE),
        ("ECDHE with CBC and SHA-1", 0x0303, 0xc009, HANDSHAKE_FAILURE),
        ("RSA key exchange", 0x0303, 0x009c, HANDSHAKE_FAILURE),
        ("RSA key exchange with CBC", 0x0303, 0x002f, HANDSHAKE_FAILURE),
        ("DHE", 0x0303, 0x009e, HANDSHAKE_FAILURE),
        ("3DES", 0x0303, 0x000a, HANDSHAKE_FAILURE),
        ("no encryption", 0x0303, 0x0002, HANDSHAKE_FAILURE),
        ("TLS 1.1", 0x0302, 0xc009, PROTOCOL_VERSION),
        ("TLS 1.0", 0x0301, 0xc009, PROTOCOL_VERSION),
        ("SSL 3", 0x0300, 0x002f, PROTOCOL_VERSION),
    ] {
        let answer = answer_to(address(&app), &hello(version, suite), usize::MAX).await;
        assert_eq!(
            (answer.first(), answer.last()),
            (Some(&21), Some(&alert)),
            "{name}: {answer:?}"
        );
    }
    for plain in [
        "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let answer = answer_to(address(&app), plain.as_bytes(), usize::MAX).await;
        assert!(answer.len() < 16 && !answer.starts_with(b"HTTP"), "{plain}: {answer:?}");
    }
}

#[tokio::test]
async fn whoever_says_nothing_or_half_of_it_is_not_waited_for() {
    let files = Certificate::new();
    let app = TestApp::with(&files.settings()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let limits = Limits {
        header: Duration::from_millis(300),
        request: Duration::from_millis(300),
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(web::serve(listener, app.app.clone(), limits, async {
        drop(stopped.await);
    }));
    let hello = client_hello(0x0303, 0xc02b);
    for sent in [&[][..], &hello[..20], &[22]] {
        assert!(answer_to(&address, sent, usize::MAX).await.is_empty(), "{sent:?}");
    }
    // After the handshake, too.
    let mut silent = connect(&address, authority().any_client()).await.unwrap();
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(PATIENCE, silent.read_to_end(&mut rest)).await;
    assert!(closed.is_ok() && rest.is_empty());
    drop(stop);
    tokio::time::timeout(PATIENCE, server).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_server_that_stops_waits_for_requests_and_not_for_handshakes() {
    let files = Certificate::new();
    let app = TestApp::with(&files.settings()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let limits = Limits {
        header: Duration::from_secs(600),
        request: Duration::from_secs(600),
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(web::serve(listener, app.app.clone(), limits, async {
        drop(stopped.await);
    }));
    let mut silent = TcpStream::connect(&address).await.unwrap();
    let mut idle = connect(&address, authority().any_client()).await.unwrap();
    let mut busy = connect(&address, authority().any_client()).await.unwrap();
    let request = "POST /token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n\
                   expect: 100-continue\r\ncontent-length: 12\r\n\r\n";
    busy.write_all(request.as_bytes()).await.unwrap();
    let mut begun = [0; 12];
    // The handler reads the body: the request is under way.
    busy.read_exact(&mut begun).await.unwrap();
    assert_eq!(&begun, b"HTTP/1.1 100");
    drop(stop);
    for quiet in [
        tokio::time::timeout(PATIENCE, silent.read(&mut [0; 1])).await,
        tokio::time::timeout(PATIENCE, idle.read(&mut [0; 1])).await,
    ] {
        assert_eq!(quiet.expect("hung up on").unwrap_or(0), 0);
    }
    assert!(!server.is_finished(), "a request is open");
    busy.write_all(b"grant_type=x").await.unwrap();
    let mut answer = String::new();
    busy.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.contains("HTTP/1.1 401") || answer.contains("HTTP/1.1 400"),
        "{answer}"
    );
    tokio::time::timeout(PATIENCE, server).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_and_a_broken_one_never() {
    let files = Certificate::new();
    let app = TestApp::with(&files.settings()).await;
    let tls = app.app.tls.clone().unwrap();
    let first = shown(&app).await;
    assert!(!tls.reload().unwrap(), "nothing has changed");

    let (cert, key) = pair(&rcgen::PKCS_ECDSA_P256_SHA256);
    let (_, other_key) = pair(&rcgen::PKCS_ECDSA_P256_SHA256);
    let half = &cert[..cert.len() / 2];
    for (name, broken_cert, broken_key) in [
        ("a certificate and another's key", &*cert, &*other_key),
        ("half a certificate", half, &*key),
        ("no certificate", "", &*key),
        ("no key", &*cert, ""),
        ("two keys", &*key, &*key),
        (
            "garbage",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            &*key,
        ),
    ] {
        files.write(broken_cert, broken_key);
        let error = tls.reload().expect_err(name).to_string();
        assert!(!error.contains("BEGIN") && !error.contains(&key[40..60]), "{error}");
        assert_eq!(shown(&app).await, first, "{name}");
    }
    std::fs::remove_file(&files.key_file).unwrap();
    assert!(tls.reload().is_err());
    assert_eq!(shown(&app).await, first);

    files.write(&cert, &key);
    let open = connect(address(&app), authority().any_client()).await.unwrap();
    assert!(tls.reload().unwrap());
    let second = shown(&app).await;
    assert_ne!(second, first);
    assert!(!tls.reload().unwrap());
    drop(open);

    let (cert, key) = pair(&rcgen::PKCS_ECDSA_P256_SHA256);
    files.write(&cert, &key);
    // Told to end before it begins, the job takes one turn.
    let (_sender, stop) = watch::channel(true);
    jobs::tls::run(tls, stop).await;
    assert_ne!(shown(&app).await, second);
}

fn problems(settings: &[(&str, &str)]) -> Vec<(String, String)> {
    let usual = [
        ("DATABASE_URL", "sqlite:a.db"),
        ("SEALING_KEY", SEALING_KEY),
        ("ISSUER", "https://connect.example.gouv.fr"),
    ];
    // The last one wins.
    let variables = usual
        .iter()
        .chain(settings)
        .map(|(name, value)| (format!("TCHAP_CONNECT_{name}"), (*value).to_owned()));
    let variables: HashMap<_, _> = variables.collect();
    let found = Config::parse(None, variables).err().map(|problems| problems.0);
    let found = found.unwrap_or_default().into_iter();
    found.map(|problem| (problem.key, problem.message)).collect()
}

#[test]
fn the_configuration_names_a_certificate_and_its_own_key() {
    let (ours, other) = (Certificate::new(), Certificate::new());
    let [cert, key] = ours.settings();
    let [_, other_key] = other.settings();
    let private = |files: &Certificate, mode| {
        std::fs::set_permissions(&files.key_file, Permissions::from_mode(mode)).unwrap();
    };
    private(&ours, 0o640);
    private(&other, 0o600);
    assert_eq!(problems(&[cert, key]), [], "trusted_proxies need not be given");
    let keys = |settings: &[(&str, &str)]| {
        let found = problems(settings);
        found.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
    };
    assert_eq!(keys(&[]), ["trusted_proxies"]);
    assert_eq!(keys(&[cert]), ["tls.key_file"]);
    assert_eq!(keys(&[key]), ["tls.cert_file"]);
    assert_eq!(keys(&[cert, other_key]), ["tls.cert_file"]);
    assert_eq!(
        keys(&[cert, ("TLS_KEY_FILE", cert.1)]),
        ["tls.key_file"],
        "readable by all"
    );
    assert_eq!(keys(&[("TLS_CERT_FILE", key.1), key]), ["tls.cert_file"]);
    assert_eq!(keys(&[cert, ("TLS_KEY_FILE", "/nonexistent")]), ["tls.key_file"]);
    let development = [("MODE", "development"), ("ISSUER", "http://127.0.0.1:8080"), cert, key];
    assert_eq!(keys(&development), ["issuer"]);
    private(&ours, 0o644);
    let found = problems(&[cert, key]);
    assert!(found[0].1.contains("chmod 600"), "{found:?}");
    assert_eq!(found.len(), 1);
    let with_key = std::fs::read_to_string(&ours.key_file).unwrap();
    assert!(found.iter().all(|(_, message)| !message.contains(&with_key[30..50])));
}
