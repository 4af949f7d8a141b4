//! `private_key_jwt` (RFC 7523, Core §9; threat 13): one test for each way of passing for a client.

use http::Method;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tchap_connect::protocol::client::{Client, ClientAlgorithms, ClientAuthMethod, SigningAlg};

use crate::support::client_key::{ClientKey, assertion_claims, jwks, signing_client, unsigned};
use crate::support::documents::Documents;
use crate::support::relying_party::basic;
use crate::support::secrets::logged;
use crate::support::{Browser, Page, RelyingParty, TestApp};
use crate::token_endpoint::assert_error;

struct Scene {
    app: TestApp,
    key: ClientKey,
    service: RelyingParty,
    code: String,
}

impl Scene {
    async fn set() -> Self {
        let app = TestApp::start().await;
        let key = ClientKey::new("one");
        let service = app.register(signing_client("service", &key)).await;
        let code = service.sign_in(&Browser::new(&app), &[]).await;
        Self {
            app,
            key,
            service,
            code,
        }
    }

    fn claims(&self) -> Value {
        assertion_claims(&self.app, "service")
    }

    async fn send(&self, assertion: &str) -> Page {
        self.service
            .token_by_assertion(&self.app, &self.code, assertion, &[])
            .await
    }

    async fn refuses(&self, assertion: &str) {
        assert_error(&self.send(assertion).await, 401, "invalid_client");
    }

    /// Nothing of what was tried has spent the code, or locked the client out.
    async fn still_works(&self) {
        let answer = self.send(&self.key.sign(&self.claims())).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

#[tokio::test]
async fn a_client_proves_itself_by_every_algorithm_and_either_audience() {
    let app = TestApp::start().await;
    let browser = Browser::new(&app);
    for alg in SigningAlg::ALL {
        let key = ClientKey::of(alg, "one");
        let service = app.register(signing_client("service", &key)).await;
        let token_endpoint = format!("{}/token", app.base_url);
        for aud in [json!(app.base_url), json!(token_endpoint), json!([app.base_url])] {
            let page = browser.open(&service.url(&[])).await;
            let code = match page.has("identifier-form") {
                true => service.sign_in(&browser, &[]).await,
                false => service.code(&page),
            };
            let mut claims = assertion_claims(&app, "service");
            claims["aud"] = aud;
            let more = [("client_id", "service")];
            let answer = service.token_by_assertion(&app, &code, &key.sign(&claims), &more).await;
            assert_eq!(answer.status, 200, "{alg:?} {}", answer.body);
        }
    }
}

#[tokio::test]
async fn an_assertion_counts_once_even_among_fifty_at_a_time() {
    let scene = Scene::set().await;
    let assertion = scene.key.sign(&scene.claims());
    let attempts = (0..50).map(|_| scene.service.token_by_assertion(&scene.app, "no code", &assertion, &[]));
    let answers = futures_util::future::join_all(attempts).await;
    // Who authenticated is told about the code; the others are not known.
    let passed = answers
        .iter()
        .filter(|answer| answer.json()["error"] == "invalid_grant")
        .count();
    let refused = answers
        .iter()
        .filter(|answer| answer.json()["error"] == "invalid_client")
        .count();
    assert_eq!((passed, refused), (1, 49));
    assert!(logged(&["jti was used before"]));
    // As long as it would count otherwise.
    scene.app.advance(119);
    scene
        .app
        .app
        .store
        .delete_expired(scene.app.app.clock.now(), 100)
        .await
        .unwrap();
    scene.refuses(&assertion).await;
}

#[tokio::test]
async fn an_unsigned_assertion_is_refused() {
    let scene = Scene::set().await;
    let none = unsigned(&scene.claims());
    scene.refuses(&none).await;
    scene.refuses(&none.replacen("Im5vbmUi", "Ik5vbmUi", 1)).await;
    let signed = scene.key.sign(&scene.claims());
    scene.refuses(&format!("{}.", signed.rsplit_once('.').unwrap().0)).await;
    scene.still_works().await;
}

#[tokio::test]
async fn a_mac_with_the_public_key_or_a_secret_is_refused() {
    let scene = Scene::set().await;
    let jwk = scene.key.jwk();
    for secret in [jwk.to_string(), jwk["x"].as_str().unwrap().to_owned(), String::new()] {
        for alg in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let mut header = Header::new(alg);
            header.kid = Some("one".into());
            let key = EncodingKey::from_secret(secret.as_bytes());
            scene
                .refuses(&jsonwebtoken::encode(&header, &scene.claims(), &key).unwrap())
                .await;
        }
    }
    scene.still_works().await;
}

#[tokio::test]
async fn each_claim_wrong_once() {
    let scene = Scene::set().await;
    let now = scene.app.app.clock.now();
    let issuer = scene.app.base_url.clone();
    for (name, bad) in [
        ("iss", json!("other")),
        ("sub", json!(null)),
        ("aud", json!([issuer, "https://other.example"])),
        ("aud", json!(format!("{issuer}/"))),
        ("aud", json!(format!("{issuer}/userinfo"))),
        ("aud", json!("https://other.example")),
        ("aud", json!([])),
        ("exp", json!(null)),
        ("exp", json!(now - 60)),
        ("exp", json!(now + 3661)),
        ("exp", json!("tomorrow")),
        ("nbf", json!(now + 61)),
        ("iat", json!(now + 61)),
        ("jti", json!("")),
        ("jti", json!(7)),
    ] {
        let mut claims = scene.claims();
        claims[name] = bad;
        scene.refuses(&scene.key.sign(&claims)).await;
    }
    for missing in ["iss", "sub", "aud", "exp", "jti"] {
        let mut claims = scene.claims();
        claims.as_object_mut().unwrap().remove(missing);
        scene.refuses(&scene.key.sign(&claims)).await;
    }
    scene.still_works().await;
}

#[tokio::test]
async fn keys_that_an_assertion_brings_itself_are_never_looked_at() {
    let (app, documents) = Documents::with_app().await;
    let (own, foreign) = (ClientKey::new("one"), ClientKey::new("one"));
    let service = app.register(signing_client("service", &own)).await;
    documents.put("/evil", jwks(&[&foreign]));
    let evil = documents.url("/evil");
    let claims = || assertion_claims(&app, "service");
    let jwk = serde_json::from_value(foreign.jwk()).unwrap();
    for assertion in [
        foreign.sign_with(&claims(), |header| header.jku = Some(evil.clone())),
        foreign.sign_with(&claims(), |header| header.x5u = Some(evil.clone())),
        foreign.sign_with(&claims(), |header| header.jwk = Some(jwk)),
        foreign.sign_with(&claims(), |header| header.x5c = Some(vec!["MIIB".into()])),
    ] {
        let answer = service.token_by_assertion(&app, "code", &assertion, &[]).await;
        assert_error(&answer, 401, "invalid_client");
    }
    assert_eq!(documents.asked_at_all(), 0);
}

#[tokio::test]
async fn headers_that_ask_for_more_or_say_something_else_are_refused() {
    let scene = Scene::set().await;
    let claims = || scene.claims();
    for assertion in [
        scene
            .key
            .sign_with(&claims(), |header| header.crit = Some(vec!["exp".into()])),
        scene
            .key
            .sign_with(&claims(), |header| header.typ = Some("dpop+jwt".into())),
        scene
            .key
            .sign_with(&claims(), |header| header.typ = Some("at+jwt".into())),
        scene.key.sign_with(&claims(), |header| header.kid = Some("two".into())),
    ] {
        scene.refuses(&assertion).await;
    }
    let typed = scene.key.sign_with(&claims(), |header| {
        header.typ = Some("client-authentication+jwt".into())
    });
    let without_kid = scene.key.sign_with(&claims(), |header| header.kid = None);
    for good in [typed, without_kid] {
        let answer = scene
            .service
            .token_by_assertion(&scene.app, "no code", &good, &[])
            .await;
        assert_error(&answer, 400, "invalid_grant");
    }
    scene.still_works().await;
}

#[tokio::test]
async fn the_wrong_key_and_the_wrong_client_are_refused() {
    let scene = Scene::set().await;
    scene.refuses(&ClientKey::new("one").sign(&scene.claims())).await;
    // Another client's good assertion, for itself and in the name of this one.
    let key = ClientKey::new("one");
    scene.app.register(signing_client("other", &key)).await;
    let other = || key.sign(&assertion_claims(&scene.app, "other"));
    assert_error(&scene.send(&other()).await, 400, "invalid_grant");
    let named = [("client_id", "service")];
    let answer = scene
        .service
        .token_by_assertion(&scene.app, &scene.code, &other(), &named)
        .await;
    assert_error(&answer, 401, "invalid_client");
    let nobody = assertion_claims(&scene.app, "nobody");
    scene.refuses(&scene.key.sign(&nobody)).await;
    // A token of ours is no assertion, although our own keys stand in where there is no client.
    let app = &scene.app.app;
    for client_id in ["nobody", "service"] {
        let claims = assertion_claims(&scene.app, client_id);
        scene
            .refuses(
                &app.keys
                    .sign("JWT", SigningAlg::ES256, &claims, app.clock.now())
                    .unwrap(),
            )
            .await;
    }
    scene.still_works().await;
}

#[tokio::test]
async fn every_assertion_cut_or_extended_by_one_character_is_refused() {
    let scene = Scene::set().await;
    let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
    for part in 0..3 {
        for longer in [false, true] {
            let mut parts = parts(&scene.key.sign(&scene.claims()));
            match longer {
                true => parts[part].push('A'),
                false => drop(parts[part].pop()),
            }
            let answer = scene.send(&parts.join(".")).await;
            assert_eq!(answer.status, 401, "part {part}, longer: {longer}");
        }
    }
    let good = scene.key.sign(&scene.claims());
    for bad in [
        format!("{good}="),
        format!("{good}.A"),
        format!(" {good}"),
        "a.b".into(),
        "..".into(),
        "x".into(),
    ] {
        scene.refuses(&bad).await;
    }
    scene.still_works().await;
}

#[tokio::test]
async fn two_methods_at_once_are_refused() {
    let scene = Scene::set().await;
    let assertion = || scene.key.sign(&scene.claims());
    let (service, app, code) = (&scene.service, &scene.app, &*scene.code);
    let with_secret = [("client_secret", "secret")];
    let answer = service.token_by_assertion(app, code, &assertion(), &with_secret).await;
    assert_error(&answer, 400, "invalid_request");
    let assertion = assertion();
    let form = service.form(
        code,
        &[("client_assertion_type", TYPE), ("client_assertion", &assertion)],
    );
    let header = [("authorization", basic("service", "secret"))];
    assert_error(&service.token_with(&form, &header).await, 400, "invalid_request");
    let mut twice = service.form(
        code,
        &[("client_assertion_type", TYPE), ("client_assertion", &assertion)],
    );
    twice.push(("client_assertion", &assertion));
    assert_error(&service.token_with(&twice, &[]).await, 400, "invalid_request");
    for (name, value) in [
        ("client_assertion", assertion.as_str()),
        ("client_assertion_type", TYPE),
    ] {
        let half = service.form(code, &[(name, value)]);
        assert_error(&service.token_with(&half, &[]).await, 400, "invalid_request");
    }
    let saml = [(
        "client_assertion_type",
        "urn:ietf:params:oauth:client-assertion-type:saml2-bearer",
    )];
    let answer = service.token_by_assertion(app, code, &assertion, &saml).await;
    assert_error(&answer, 401, "invalid_client");
    scene.still_works().await;
}

const TYPE: &str = tchap_connect::protocol::client_assertion::TYPE;

#[tokio::test]
async fn only_the_registered_method_counts() {
    let scene = Scene::set().await;
    // A secret, however it came to one, is not its method; nor is none.
    let secret = scene.app.new_secret("service").await;
    let (service, code) = (&scene.service, &*scene.code);
    let header = [("authorization", basic("service", &secret))];
    assert_error(
        &service.token_with(&service.form(code, &[]), &header).await,
        401,
        "invalid_client",
    );
    let by_post = service.form(code, &[("client_secret", &secret)]);
    assert_error(&service.token_with(&by_post, &[]).await, 401, "invalid_client");
    assert_error(
        &service.token_with(&service.form(code, &[]), &[]).await,
        401,
        "invalid_client",
    );
    scene.still_works().await;
    // And a client with a secret cannot use its keys.
    for method in [ClientAuthMethod::ClientSecretBasic, ClientAuthMethod::None] {
        scene
            .app
            .update(&Client {
                auth_methods: [method].into(),
                ..service.client.clone()
            })
            .await;
        scene.refuses(&scene.key.sign(&scene.claims())).await;
    }
    scene
        .app
        .update(&Client {
            disabled: true,
            ..service.client.clone()
        })
        .await;
    scene.refuses(&scene.key.sign(&scene.claims())).await;
}

#[tokio::test]
async fn only_the_registered_algorithm_counts() {
    let app = TestApp::start().await;
    let key = ClientKey::of(SigningAlg::RS256, "one");
    let mut client = signing_client("service", &key);
    let mut set = jwks(&[&key]);
    set["keys"][0].as_object_mut().unwrap().remove("alg");
    client.keys.jwks = Some(set);
    client.algorithms = ClientAlgorithms {
        token_endpoint_auth_signing_alg: Some(SigningAlg::PS256),
        ..ClientAlgorithms::default()
    };
    let service = app.register(client).await;
    let claims = assertion_claims(&app, "service");
    let answer = service.token_by_assertion(&app, "code", &key.sign(&claims), &[]).await;
    assert_error(&answer, 401, "invalid_client");
    let by_ps256 = key.sign_with(&claims, |header| header.alg = Algorithm::PS256);
    let answer = service.token_by_assertion(&app, "code", &by_ps256, &[]).await;
    assert_error(&answer, 400, "invalid_grant");
}

#[tokio::test]
async fn a_malformed_client_id_in_an_assertion_is_no_error_of_ours() {
    let scene = Scene::set().await;
    for sub in ["a\0b", "", "\u{202e}", &"x".repeat(5000)] {
        let mut claims = scene.claims();
        claims["iss"] = json!(sub);
        claims["sub"] = json!(sub);
        scene.refuses(&scene.key.sign(&claims)).await;
    }
    let url = format!("{}/token", scene.app.base_url);
    let empty = scene
        .service
        .http
        .request(Method::POST, &url)
        .form(&[("client_assertion", "")]);
    assert_error(&scene.service.http.send(empty).await, 401, "invalid_client");
}
