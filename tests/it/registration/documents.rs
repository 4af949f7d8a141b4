//! Documents that a registration names: fetched by us, and whose word they are. Threats 6, 14 and 15.

use std::sync::Arc;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::support::TestApp;
use crate::support::registrant::{Registrant, error, with};
use crate::support::tls::{Certificate, authority};

/// An https server on loopback that answers every request with this document.
async fn https_document(certificate: &Certificate, document: String) -> String {
    let (uri, gate) = gated_document(certificate, document).await;
    gate.open.add_permits(1000);
    uri
}

/// Who asks for a document, and when it is answered.
#[derive(Clone)]
pub(super) struct Gate {
    /// One for each request that came.
    pub(super) asked: Arc<Semaphore>,
    /// One for each request that may be answered.
    pub(super) open: Arc<Semaphore>,
}

/// The same, which answers when it is let.
pub(super) async fn gated_document(certificate: &Certificate, document: String) -> (String, Gate) {
    let key = PrivateKeyDer::from_pem_file(&certificate.key_file).unwrap();
    let chain = vec![CertificateDer::from_pem_file(&certificate.cert_file).unwrap()];
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{document}",
        document.len()
    );
    let gate = Gate {
        asked: Arc::new(Semaphore::new(0)),
        open: Arc::new(Semaphore::new(0)),
    };
    let Gate { asked, open } = gate.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut request = [0; 4096];
            drop(stream.read(&mut request).await);
            asked.add_permits(1);
            open.acquire().await.unwrap().forget();
            drop(stream.write_all(answer.as_bytes()).await);
            drop(stream.shutdown().await);
        }
    });
    (format!("https://{address}/uris.json"), gate)
}

/// An application where everybody may register, that may fetch these documents.
pub(super) async fn app_with_documents(certificate: &Certificate, uris: &[&str], changes: &[(&str, &str)]) -> TestApp {
    let ca_file = certificate.cert_file.with_file_name("ca.pem");
    std::fs::write(&ca_file, authority().pem()).unwrap();
    let place = |uri: &&str| uri.trim_start_matches("https://").split('/').next().unwrap().to_owned();
    let allow = uris.iter().map(place).collect::<Vec<_>>().join(",");
    let own = [
        ("REGISTRATION_MODE", "open"),
        ("FETCH_ALLOW", &allow),
        ("FETCH_CA_FILE", ca_file.to_str().unwrap()),
    ];
    TestApp::with(&[&own, changes].concat()).await
}

/// Core 8.1, Registration 5: several hosts make one sector when a document on one host lists them all.
#[tokio::test]
async fn a_sector_document_speaks_for_several_hosts() {
    let certificate = Certificate::new();
    let uris = ["https://a.example/callback", "https://b.example/callback"];
    let document = https_document(&certificate, json!(uris).to_string()).await;
    let bad = https_document(&certificate, json!(uris[..1]).to_string()).await;
    let nonsense = https_document(&certificate, "{\"0\":1}".to_owned()).await;
    let long = https_document(&certificate, json!([uris[0], uris[1], "x".repeat(200_000)]).to_string()).await;
    let app = app_with_documents(&certificate, &[&document, &bad, &nonsense, &long], &[]).await;
    let registrant = Registrant::of(&app);
    let body = |sector: &str| json!({ "redirect_uris": uris, "sector_identifier_uri": sector });
    let registered = registrant.post(&body(&document)).await;
    assert_eq!(registered.status, 201, "{}", registered.body);
    assert_eq!(registered.json()["sector_identifier_uri"], document);
    let service = registrant.relying_party(&app, &registered).await;
    assert_eq!(service.client.sector, "127.0.0.1");
    for uri in [&bad, &nonsense, &long] {
        let answer = registrant.post(&body(uri)).await;
        assert_eq!(error(&answer), (400, "invalid_client_metadata".into()));
        let mut replaced = body(uri);
        replaced["client_id"] = registered.json()["client_id"].clone();
        assert_eq!(
            registrant.put(&registered, &replaced).await.status,
            400,
            "at a replacement too"
        );
    }
    let without = registrant.post(&json!({ "redirect_uris": uris })).await;
    assert_eq!(error(&without), (400, "invalid_client_metadata".into()));
}

/// Threat 14: naming another service's host besides an address of one's own does not show its subjects.
#[tokio::test]
async fn nobody_gets_the_sector_of_another_service() {
    let app = Registrant::open_app().await;
    let registrant = Registrant::of(&app);
    let victim = registrant
        .register(json!({ "redirect_uris": ["https://victim.gouv.fr/cb"] }))
        .await;
    assert_eq!(
        registrant.relying_party(&app, &victim).await.client.sector,
        "victim.gouv.fr"
    );
    for (kind, uris) in [
        ("web", json!(["https://victim.gouv.fr/cb", "http://127.0.0.1/cb"])),
        ("web", json!(["https://victim.gouv.fr/cb", "http://[::1]/cb"])),
        ("web", json!(["https://victim.gouv.fr/cb", "http://localhost/cb"])),
        ("native", json!(["fr.evil.app:/cb", "https://victim.gouv.fr/cb"])),
        ("web", json!(["https://demarches/cb"])),
        ("web", json!(["https://203.0.113.7/cb"])),
    ] {
        let body = json!({ "application_type": kind, "redirect_uris": uris });
        let client = registrant
            .relying_party(&app, &registrant.register(body).await)
            .await
            .client;
        assert_eq!(client.sector, client.id, "{uris}");
    }
    let short = with(json!({ "sector_identifier_uri": "https://demarches/uris.json" }));
    let answer = registrant.post(&short).await;
    assert_eq!(error(&answer), (400, "invalid_client_metadata".into()));
    assert!(answer.body.contains("full host name"), "{}", answer.body);
}

/// Threat 14: what an operator says while a replacement is under way stands; and a client that is gone stays so.
#[tokio::test]
async fn a_slow_replacement_undoes_nothing() {
    let certificate = Certificate::new();
    let uris = json!(["https://a.example/callback", "https://b.example/callback"]);
    let document = https_document(&certificate, uris.to_string()).await;
    let (slow, gate) = gated_document(&certificate, uris.to_string()).await;
    let app = app_with_documents(&certificate, &[&document, &slow], &[]).await;
    let registrant = Registrant::of(&app);
    let body = |sector: &str| json!({ "redirect_uris": uris, "sector_identifier_uri": sector });
    for what in ["disabled", "taken over", "deleted", "nothing"] {
        let registered = registrant.post(&body(&document)).await;
        assert_eq!(registered.status, 201, "{}", registered.body);
        let mut client = registrant.relying_party(&app, &registered).await.client;
        let mut replaced = body(&slow);
        replaced["client_id"] = client.id.clone().into();
        let store = &app.app.store;
        let meanwhile = async {
            gate.asked.acquire().await.unwrap().forget();
            match what {
                "disabled" => {
                    client.disabled = true;
                    app.update(&client).await;
                }
                // An operator who vouches for it as it is.
                "taken over" => store.delete_registration(&client.id).await.unwrap(),
                "deleted" => assert!(store.delete_registered_client(&client.id).await.unwrap()),
                _ => {}
            }
            gate.open.add_permits(1);
        };
        let (answer, ()) = tokio::join!(registrant.put(&registered, &replaced), meanwhile);
        let stored = store.find_client(&client.id).await.unwrap();
        if what == "nothing" {
            assert_eq!(answer.status, 200, "{}", answer.body);
            assert_ne!(stored, Some(client));
            continue;
        }
        assert_eq!(error(&answer), (401, "invalid_token".into()), "{what}");
        assert_eq!(stored, (what != "deleted").then_some(client), "{what}");
    }
}

/// RFC 7592 §2.2: a replacement that a faster one has overtaken meanwhile replaces that one, as if it had come later.
#[tokio::test]
async fn a_replacement_that_is_overtaken_still_applies() {
    let certificate = Certificate::new();
    let (document, gate) = gated_document(&certificate, r#"["https://rp.example/callback"]"#.to_owned()).await;
    gate.open.add_permits(1);
    let app = app_with_documents(&certificate, &[&document], &[]).await;
    let registrant = Registrant::of(&app);
    let registered = registrant.register(json!({ "sector_identifier_uri": document })).await;
    assert_eq!(registered.status, 201, "{}", registered.body);
    gate.asked.acquire().await.unwrap().forget();
    let id = registered.json()["client_id"].as_str().unwrap().to_owned();
    let mut slower = with(json!({ "client_name": "Slower", "sector_identifier_uri": document }));
    slower["client_id"] = id.clone().into();
    let overtake = async {
        gate.asked.acquire().await.unwrap().forget();
        let mut faster = app.app.store.find_client(&id).await.unwrap().unwrap();
        faster.name = "Faster".to_owned();
        app.update(&faster).await;
        gate.open.add_permits(100);
    };
    let (answer, ()) = futures_util::future::join(registrant.put(&registered, &slower), overtake).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["client_name"]),
        (200, &json!("Slower"))
    );
    assert_eq!(registrant.get(&registered).await.json()["client_name"], "Slower");
    assert_eq!(gate.asked.available_permits(), 1, "it was looked at again, once");
}
