//! Dynamic registration (RFC 7591, OpenID Connect Registration). Threats 6, 7, 14 and 24: what a stranger may write into the
//! list of clients, and how much of it.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};
use tchap_connect::domain::registration::RegistrationToken;
use tchap_connect::secret::{fingerprint, random_token};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::support::browser::{Http, Page};
use crate::support::registrant::{Registrant, error, minimal, with};
use crate::support::secrets::Kind;
use crate::support::tls::{Certificate, authority};
use crate::support::{Browser, EMAIL, TestApp};

#[tokio::test]
async fn registration_is_off_unless_switched_on() {
    let app = TestApp::start().await;
    let browser = Browser::new(&app);
    let document = browser.get("/.well-known/openid-configuration").await.json();
    assert_eq!(document.get("registration_endpoint"), None);
    let answer = Registrant::of(&app).post(&minimal()).await;
    assert_eq!(answer.status, 404);
    assert_eq!(browser.get("/register/x").await.status, 404);
    assert!(app.app.store.list_clients().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_client_registers_itself_and_signs_agents_in() {
    let app = Registrant::open_app().await;
    let browser = Browser::new(&app);
    let document = browser.get("/.well-known/openid-configuration").await.json();
    assert_eq!(document["registration_endpoint"], format!("{}/register", app.base_url));
    let registrant = Registrant::of(&app);
    let answer = registrant
        .post(&with(json!({ "client_name": "Mon service", "unknown": [1] })))
        .await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(
        (answer.header("cache-control"), answer.header("content-type")),
        ("no-store", "application/json")
    );
    let mut body = answer.json();
    let member = |body: &mut Value, name: &str| body.as_object_mut().unwrap().remove(name).unwrap();
    let id = member(&mut body, "client_id").as_str().unwrap().to_owned();
    assert_eq!(
        member(&mut body, "registration_client_uri"),
        format!("{}/register/{id}", app.base_url)
    );
    assert_eq!(member(&mut body, "client_id_issued_at"), app.app.clock.now());
    assert_eq!(member(&mut body, "client_secret_expires_at"), 0);
    for secret in ["client_secret", "registration_access_token"] {
        assert_eq!(member(&mut body, secret).as_str().unwrap().len(), 43);
    }
    let scope = member(&mut body, "scope").as_str().unwrap().to_owned();
    assert!(
        ["openid", "profile", "email"]
            .iter()
            .all(|one| scope.split(' ').any(|has| has == *one))
    );
    let rest = json!({
        "redirect_uris": ["https://rp.example/callback"], "client_name": "Mon service", "application_type": "web",
        "token_endpoint_auth_method": "client_secret_basic", "grant_types": ["authorization_code"],
        "response_types": ["code"], "id_token_signed_response_alg": "RS256", "subject_type": "pairwise",
        "require_auth_time": false,
    });
    assert_eq!(body, rest);

    let service = registrant.relying_party(&app, &answer).await;
    let page = browser.open(&service.url(&[])).await;
    let page = browser.log_in(&page, EMAIL, crate::support::PASSWORD).await;
    assert!(page.has("consent-form"), "it always asks");
    let code = service.code(&browser.accept(&page).await);
    let tokens = service.redeem(&code).await;
    assert_eq!(service.claims(&tokens).await["email"], EMAIL);

    let public = registrant
        .register(json!({ "token_endpoint_auth_method": "none" }))
        .await;
    assert_eq!(public.json().get("client_secret"), None);
    assert_eq!(public.json().get("client_secret_expires_at"), None);
    let public = registrant.relying_party(&app, &public).await;
    let code = public.sign_in(&Browser::new(&app), &[]).await;
    public.redeem(&code).await;
}

#[tokio::test]
async fn the_registered_method_is_the_only_one() {
    let app = Registrant::open_app().await;
    let registrant = Registrant::of(&app);
    let answer = registrant
        .register(json!({ "token_endpoint_auth_method": "client_secret_post" }))
        .await;
    let service = registrant.relying_party(&app, &answer).await;
    let code = service.sign_in(&Browser::new(&app), &[]).await;
    let refused = service.token(&service.form(&code, &[])).await;
    assert_eq!(error(&refused), (401, "invalid_client".into()));
    let secret = service.secret.clone().unwrap();
    let form = service.form(&code, &[("client_secret", &secret)]);
    assert_eq!(service.token_with(&form, &[]).await.status, 200);
}

/// What discovery does not list cannot be registered, and a client that signs needs keys to check that by: public ones.
#[tokio::test]
async fn methods_are_those_of_discovery_and_keys_are_public() {
    let app = Registrant::open_app().await;
    let registrant = Registrant::of(&app);
    let document = Browser::new(&app).get("/.well-known/openid-configuration").await.json();
    // RFC 7517 A.1 and A.2.
    let mut key = json!({
        "kty": "EC", "crv": "P-256", "kid": "1", "use": "sig", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    });
    let jwks = json!({ "keys": [key] });
    let listed = document["token_endpoint_auth_methods_supported"].as_array().unwrap();
    for method in [
        "none",
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
        "client_secret_jwt",
        "tls_client_auth",
        "self_signed_tls_client_auth",
        "",
    ] {
        let body = with(json!({ "token_endpoint_auth_method": method, "jwks": jwks }));
        let answer = registrant.post(&body).await;
        match listed.contains(&method.into()) {
            true => assert_eq!(answer.status, 201, "{method}: {}", answer.body),
            false => assert_eq!(error(&answer), (400, "invalid_client_metadata".into()), "{method}"),
        }
    }
    let without = with(json!({ "token_endpoint_auth_method": "private_key_jwt" }));
    assert_eq!(
        error(&registrant.post(&without).await),
        (400, "invalid_client_metadata".into())
    );
    key["d"] = "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE".into();
    let oct = json!({ "kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow" });
    for private in [key, oct] {
        let body = with(json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [private] } }));
        let answer = registrant.post(&body).await;
        assert_eq!(
            error(&answer),
            (400, "invalid_client_metadata".into()),
            "{}",
            answer.body
        );
        assert!(answer.body.contains("jwks"), "{}", answer.body);
    }
}

/// RFC 8252 §8.6: the secret of a program on the agent's device is no secret.
#[tokio::test]
async fn on_the_agents_device_it_always_asks() {
    let app = Registrant::open_app().await;
    let registrant = Registrant::of(&app);
    for uri in ["http://127.0.0.1:4000/callback", "fr.gouv.example:/callback"] {
        let native = json!({ "application_type": "native", "redirect_uris": [uri] });
        let registered = registrant.register(native).await;
        assert!(registered.json()["client_secret"].is_string());
        let service = registrant.relying_party(&app, &registered).await;
        let browser = Browser::new(&app);
        service.tokens(&browser, &[]).await;
        assert!(browser.open(&service.url(&[])).await.has("consent-form"), "{uri}");
        let answer = browser.get(&service.url(&[("prompt", "none")])).await;
        assert_eq!(service.error(&answer), "consent_required", "{uri}");
    }
}

/// Threat 14: what an operator grants is not a stranger's to take.
#[tokio::test]
async fn privileged_metadata_is_ignored() {
    let app = Registrant::open_app().await;
    app.relying_party("service").await;
    let answer = Registrant::of(&app)
        .register(json!({
            "client_id": "service", "client_secret": "chosen-by-the-client", "consent": "none", "admits_guests": true,
            "sector": "victim.example", "disabled": true, "resources": ["https://api.example"], "refresh_tokens": "always",
            "registration_access_token": "chosen", "scope": "openid email root", "self_registered": false,
        }))
        .await;
    let body = answer.json();
    assert_ne!(body["client_id"], "service");
    assert_ne!(body["client_secret"], "chosen-by-the-client");
    assert_eq!(body["scope"], "email openid");
    for name in [
        "consent",
        "admits_guests",
        "sector",
        "disabled",
        "resources",
        "refresh_tokens",
        "self_registered",
    ] {
        assert_eq!(body.get(name), None, "{name}");
    }
    let client = app
        .app
        .store
        .find_client(body["client_id"].as_str().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert!(client.self_registered && !client.admits_guests && !client.disabled);
    assert_eq!(client.sector, "rp.example");
    assert!(client.requests.resources.is_empty());
}

/// Threats 6 and 7: no redirect URI that a browser reads otherwise than we do, and no script.
#[tokio::test]
async fn redirect_uris_that_deceive_or_run_cannot_be_registered() {
    let app = Registrant::open_app().await;
    let registrant = Registrant::of(&app);
    for uri in [
        "",
        "/callback",
        "//rp.example/callback",
        "rp.example/callback",
        "http://rp.example/callback",
        "http://127.0.0.1.evil.example/callback",
        "https://rp.example/callback#",
        "https://rp.example/callback#fragment",
        "https://rp.example@evil.example/callback",
        "https://user:pass@rp.example/callback",
        "https://@rp.example/callback",
        "https:///rp.example/callback",
        "https://rp.example;sandbox/callback",
        "https://'self'/callback",
        "https:rp.example/callback",
        "https://rp.example\\@evil.example/",
        "https://rp.example./callback",
        "https://RP.example/callback",
        "HTTPS://rp.example/callback",
        "https://rp.example:443/callback",
        "https://rp.example/a/../callback",
        "https://rp.example/%2e/callback",
        "https://rp.example/%2e%2e/callback",
        "https://r\u{440}.example/callback",
        "https://2130706433/callback",
        "https://0x7f.1/callback",
        "https://rp.example/call\tback",
        "https://rp.example/call\nback",
        " https://rp.example/callback",
        "https://rp.example/callback ",
        "https://rp.example/callback?code=1",
        "https://rp.example/callback?a=1&iss=https://evil.example",
        "javascript:alert(1)",
        "javascript://rp.example/%0aalert(1)",
        "JAVASCRIPT:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "blob:https://rp.example/x",
        "urn:ietf:wg:oauth:2.0:oob",
        "myapp:/callback",
        "fr.example.app:/callback",
    ] {
        let answer = registrant
            .post(&with(json!({ "redirect_uris": ["https://rp.example/callback", uri] })))
            .await;
        assert_eq!(
            error(&answer),
            (400, "invalid_redirect_uri".into()),
            "{uri:?}: {}",
            answer.body
        );
        assert!(
            answer.json()["error_description"]
                .as_str()
                .unwrap()
                .starts_with("redirect_uris[1]: "),
            "{uri:?}"
        );
    }
    for body in [
        json!({}),
        json!({ "redirect_uris": [] }),
        json!({ "redirect_uris": null }),
        json!({ "redirect_uris": {} }),
    ] {
        assert_eq!(
            error(&registrant.post(&body).await),
            (400, "invalid_redirect_uri".into()),
            "{body}"
        );
    }
    let native = json!({ "application_type": "native", "redirect_uris": ["javascript:alert(1)"] });
    assert_eq!(
        error(&registrant.post(&native).await),
        (400, "invalid_redirect_uri".into())
    );
    let native =
        json!({ "application_type": "native", "redirect_uris": ["fr.example.app:/cb", "http://127.0.0.1/cb"] });
    assert_eq!(registrant.post(&native).await.status, 201);
    assert_eq!(app.app.store.list_clients().await.unwrap().len(), 1);
}

/// Threats 14 and 17: what was sent does not come back in an error, and an error is JSON that no browser reads as a page.
#[tokio::test]
async fn errors_repeat_nothing_of_what_was_sent() {
    let app = Registrant::open_app().await;
    let registrant = Registrant::of(&app);
    let hostile = "<script>alert(1)</script>\"\\\u{202e}";
    for body in [
        with(json!({ "redirect_uris": [hostile] })),
        with(json!({ "client_name": hostile })),
        with(json!({ "token_endpoint_auth_method": hostile })),
        with(json!({ "grant_types": [hostile] })),
        with(json!({ "response_types": [hostile] })),
        with(json!({ "policy_uri": hostile })),
        with(json!({ "contacts": [hostile] })),
        with(json!({ "contacts": { hostile: hostile } })),
        with(json!({ "jwks": { "keys": hostile }, "jwks_uri": hostile })),
        with(json!({ "default_max_age": hostile })),
        json!({ hostile: hostile }),
    ] {
        let answer = registrant.post(&body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.body);
        assert!(!answer.body.contains("alert"), "{}", answer.body);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let description = answer.json()["error_description"].as_str().unwrap().to_owned();
        let allowed = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert!(description.bytes().all(allowed), "{description}");
    }
}

/// Threat 24: bodies are bounded in kind, length and depth.
#[tokio::test]
async fn deep_long_and_foreign_bodies_are_refused() {
    let app = Registrant::open_app().await;
    let registrant = Registrant::of(&app);
    let deep = format!(
        "{{\"redirect_uris\":[\"https://rp.example/\"],\"jwks\":{}{}}}",
        "[".repeat(20_000),
        "]".repeat(20_000)
    );
    let send = async |content_type: &str, body: String| {
        let request = registrant
            .request(Method::POST, "/register")
            .header("content-type", content_type);
        registrant.http.send(request.body(body)).await
    };
    assert_eq!(
        error(&send("application/json", deep).await),
        (400, "invalid_client_metadata".into())
    );
    let long = format!("{{\"client_name\":\"{}\"}}", "x".repeat(70_000));
    assert_eq!(
        error(&send("application/json", long).await),
        (413, "invalid_request".into())
    );
    for content_type in [
        "application/x-www-form-urlencoded",
        "text/plain",
        "",
        "application/jsonx",
    ] {
        let answer = send(content_type, minimal().to_string()).await;
        assert_eq!(error(&answer), (400, "invalid_request".into()), "{content_type}");
    }
    assert_eq!(
        send("Application/JSON; charset=utf-8", minimal().to_string())
            .await
            .status,
        201
    );
    for body in ["", "[]", "null", "{\"redirect_uris\":", "\u{0}"] {
        assert_eq!(
            error(&send("application/json", body.to_owned()).await),
            (400, "invalid_client_metadata".into())
        );
    }
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let answer = registrant
            .http
            .send(registrant.request(method.clone(), "/register"))
            .await;
        assert_eq!(error(&answer), (405, "invalid_request".into()), "{method}");
    }
}

#[tokio::test]
async fn other_origins_cannot_register() {
    let app = Registrant::open_app().await;
    let registrant = Registrant::of(&app);
    for path in ["/register", "/register/x"] {
        let request = registrant
            .request(Method::OPTIONS, path)
            .header("origin", "https://evil.example");
        let answer = registrant
            .http
            .send(request.header("access-control-request-method", "POST"))
            .await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
}

/// An https server on loopback that answers every request with this document.
async fn https_document(certificate: &Certificate, document: String) -> String {
    let (uri, gate) = gated_document(certificate, document).await;
    gate.open.add_permits(1000);
    uri
}

/// Who asks for a document, and when it is answered.
#[derive(Clone)]
struct Gate {
    /// One for each request that came.
    asked: Arc<Semaphore>,
    /// One for each request that may be answered.
    open: Arc<Semaphore>,
}

/// The same, which answers when it is let.
async fn gated_document(certificate: &Certificate, document: String) -> (String, Gate) {
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
async fn app_with_documents(certificate: &Certificate, uris: &[&str], changes: &[(&str, &str)]) -> TestApp {
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
                "deleted" => store.delete_client(&client.id).await.unwrap(),
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

async fn initial_token(app: &TestApp, uses_left: i64, lifetime: i64) -> (String, String) {
    let value = random_token().unwrap();
    app.traffic.secret(Kind::Never, &value);
    let now = app.app.clock.now();
    let token = RegistrationToken {
        id: format!("token-{uses_left}-{lifetime}"),
        fingerprint: fingerprint(&value),
        note: "for the test".into(),
        created_at: now,
        expires_at: now + lifetime,
        uses_left,
    };
    app.app.store.insert_registration_token(&token).await.unwrap();
    (token.id, value)
}

#[tokio::test]
async fn an_initial_access_token_is_needed_and_counts() {
    let app = TestApp::with(&[
        ("REGISTRATION_MODE", "token"),
        ("REGISTRATION_PER_NETWORK_PER_DAY", "1000"),
    ])
    .await;
    let (id, token) = initial_token(&app, 2, 3600).await;
    let registrant = Registrant::of(&app);
    let bearer = async |http: &Http, value: &str, body: &Value| -> Page {
        let request = registrant
            .request(Method::POST, "/register")
            .header("authorization", value);
        http.send(request.json(body)).await
    };
    let (_, short) = initial_token(&app, 1, 60).await;
    let (_, spent) = initial_token(&app, 0, 3600).await;
    app.advance(61);
    let refused = [
        "Bearer wrong".to_owned(),
        format!("Basic {token}"),
        format!("Bearer {}", &token[1..]),
        format!("Bearer {short}"),
        format!("Bearer {spent}"),
        "Bearer ".to_owned(),
    ];
    for value in refused {
        let answer = bearer(&registrant.http, &value, &minimal()).await;
        assert_eq!(error(&answer), (401, "invalid_token".into()), "{value}");
        assert!(
            answer
                .header("www-authenticate")
                .starts_with("Bearer error=\"invalid_token\"")
        );
    }
    let without = registrant.post(&minimal()).await;
    let bare = (
        without.status.as_u16(),
        without.header("www-authenticate"),
        &*without.body,
    );
    assert_eq!(bare, (401, "Bearer", ""), "RFC 6750 3.1");

    let good = format!("Bearer {token}");
    // What is refused does not count.
    let bad = bearer(&registrant.http, &good, &with(json!({ "subject_type": "odd" }))).await;
    assert_eq!(bad.status, 400);
    let body = minimal();
    let calls = (0..20).map(|_| bearer(&registrant.http, &good, &body));
    let answers = futures_util::future::join_all(calls).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [[201; 2].as_slice(), &[401; 18]].concat(), "one use each");
    let left = app
        .app
        .store
        .list_registration_tokens(app.app.clock.now())
        .await
        .unwrap();
    assert_eq!(left.iter().find(|token| token.id == id).unwrap().uses_left, 0);

    let (id, token) = initial_token(&app, 5, 3600).await;
    assert_eq!(
        bearer(&registrant.http, &format!("Bearer {token}"), &minimal())
            .await
            .status,
        201
    );
    assert!(app.app.store.revoke_registration_token(&id).await.unwrap());
    assert_eq!(
        bearer(&registrant.http, &format!("Bearer {token}"), &minimal())
            .await
            .status,
        401
    );
}

/// Threat 14: the list of clients does not grow without bounds.
#[tokio::test]
async fn a_network_has_a_quota_and_so_has_everybody() {
    let app = TestApp::with(&[
        ("REGISTRATION_MODE", "open"),
        ("REGISTRATION_PER_NETWORK_PER_DAY", "2"),
        ("REGISTRATION_MAX_CLIENTS", "3"),
        ("TRUSTED_PROXIES", "127.0.0.1"),
    ])
    .await;
    let registrant = Registrant::of(&app);
    let from = async |network: &str| {
        let request = registrant
            .request(Method::POST, "/register")
            .header("x-forwarded-for", network);
        registrant.http.send(request.json(&minimal())).await
    };
    assert_eq!(from("2001:db8::1").await.status, 201);
    assert_eq!(from("2001:db8::2").await.status, 201);
    let refused = from("2001:db8::ffff:3").await;
    assert_eq!(error(&refused), (429, "temporarily_unavailable".into()), "the same /64");
    assert_eq!(from("198.51.100.7").await.status, 201);
    assert_eq!(error(&from("198.51.100.8").await).0, 429, "as many as there may be");
    app.advance(86_401);
    assert_eq!(error(&from("2001:db8::1").await).0, 429, "still as many");
    let first = app.app.store.list_clients().await.unwrap().remove(0);
    app.app.store.delete_client(&first.id).await.unwrap();
    assert_eq!(from("2001:db8::1").await.status, 201, "another day");
}

/// Threat 14: neither deleting nor hurrying makes room.
#[tokio::test]
async fn a_quota_counts_what_was_deleted_and_what_came_at_once() {
    let mode = ("REGISTRATION_MODE", "open");
    let app = TestApp::with(&[mode, ("REGISTRATION_PER_NETWORK_PER_DAY", "2")]).await;
    let registrant = Registrant::of(&app);
    for _ in 0..2 {
        let registered = registrant.register(json!({})).await;
        assert_eq!(registrant.delete(&registered).await.status, 204);
    }
    assert_eq!(error(&registrant.post(&minimal()).await).0, 429);

    let app = TestApp::with(&[mode, ("REGISTRATION_PER_NETWORK_PER_DAY", "3")]).await;
    let registrant = Registrant::of(&app);
    let body = minimal();
    let answers = futures_util::future::join_all((0..20).map(|_| registrant.post(&body))).await;
    let good = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(good, 3);
}

/// Threats 14 and 15: nothing is fetched for those who had their share, and what failed was a share too.
#[tokio::test]
async fn nothing_is_fetched_beyond_the_quota() {
    let certificate = Certificate::new();
    let uris = json!(["https://a.example/callback", "https://b.example/callback"]);
    let (document, gate) = gated_document(&certificate, "[]".to_owned()).await;
    gate.open.add_permits(100);
    let quota = ("REGISTRATION_PER_NETWORK_PER_DAY", "3");
    let app = app_with_documents(&certificate, &[&document], &[quota]).await;
    let registrant = Registrant::of(&app);
    let registered = registrant.register(json!({})).await;
    let body = json!({ "redirect_uris": uris, "sector_identifier_uri": document });
    for _ in 0..2 {
        assert_eq!(
            error(&registrant.post(&body).await),
            (400, "invalid_client_metadata".into())
        );
    }
    assert_eq!(
        error(&registrant.post(&body).await),
        (429, "temporarily_unavailable".into())
    );
    let mut replaced = with(json!({ "client_name": "Other" }));
    replaced["client_id"] = registered.json()["client_id"].clone();
    assert_eq!(
        error(&registrant.put(&registered, &replaced).await),
        (429, "temporarily_unavailable".into())
    );
    assert_eq!(gate.asked.available_permits(), 2);
}

/// Threat 14: what nobody uses goes away, with everything that hangs on it.
#[tokio::test]
async fn unused_clients_expire_and_used_ones_stay() {
    const DAY: i64 = 86_400;
    let app = TestApp::with(&[("REGISTRATION_MODE", "open"), ("REGISTRATION_UNUSED_DAYS", "30")]).await;
    let registrant = Registrant::of(&app);
    let used = registrant.register(json!({})).await;
    let unused = registrant.register(json!({})).await;
    let operators = app.relying_party("operators").await;
    let used_client = registrant.relying_party(&app, &used).await;
    let cleaned = async || app.app.store.delete_expired(app.app.clock.now(), 100).await.unwrap();
    app.advance(29 * DAY);
    cleaned().await;
    assert_eq!(app.app.store.list_clients().await.unwrap().len(), 3);
    used_client.sign_in(&Browser::new(&app), &[]).await;
    app.advance(2 * DAY);
    assert!(registrant.get(&unused).await.status == 401, "its time is over");
    cleaned().await;
    let ids: Vec<_> = app
        .app
        .store
        .list_clients()
        .await
        .unwrap()
        .into_iter()
        .map(|client| client.id)
        .collect();
    assert!(ids.contains(&used_client.client.id) && ids.contains(&operators.client.id));
    assert_eq!(ids.len(), 2, "{ids:?}");
    let unused = unused.json()["client_id"].as_str().unwrap().to_owned();
    assert!(app.app.store.list_client_secrets(&unused, 0).await.unwrap().is_empty());
    assert_eq!(registrant.get(&used).await.status, 200);
    app.advance(30 * DAY);
    cleaned().await;
    assert_eq!(app.app.store.list_clients().await.unwrap().len(), 1);
}

/// A public client proves itself by a refresh token that an agent's sign-in gave it.
#[tokio::test]
async fn a_refresh_keeps_a_public_client() {
    const DAY: i64 = 86_400;
    let app = TestApp::with(&[("REGISTRATION_MODE", "open"), ("REGISTRATION_UNUSED_DAYS", "30")]).await;
    let registrant = Registrant::of(&app);
    let grants = json!(["authorization_code", "refresh_token"]);
    let registered = registrant
        .register(json!({ "token_endpoint_auth_method": "none", "grant_types": grants }))
        .await;
    let service = registrant.relying_party(&app, &registered).await;
    let browser = Browser::new(&app);
    let tokens = service.tokens(&browser, &[("scope", "openid offline_access")]).await;
    app.advance(20 * DAY);
    service.refreshed(tokens.refresh_token()).await;
    app.advance(20 * DAY);
    assert_eq!(registrant.get(&registered).await.status, 200);
    // Knowing its id is not enough.
    assert_eq!(service.refresh("wrong", &[]).await.status, 400);
    app.advance(11 * DAY);
    assert_eq!(registrant.get(&registered).await.status, 401);
}
