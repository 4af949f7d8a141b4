//! Request objects (Core §6, RFC 9101), by value and by reference.

use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};
use tchap_connect::protocol::client::{Client, SigningAlg};

use crate::support::client_key::{ClientKey, jwks, signing_client, unsigned};
use crate::support::documents::Documents;
use crate::support::relying_party::{CHALLENGE, NONCE, STATE};
use crate::support::secrets::logged;
use crate::support::{Browser, EMAIL, Page, RelyingParty, TestApp, WITHOUT, client};

struct Scene {
    app: TestApp,
    documents: Documents,
    key: ClientKey,
    service: RelyingParty,
}

impl Scene {
    async fn set() -> Self {
        let (app, documents) = Documents::with_app().await;
        let key = ClientKey::new("one");
        let mut client = Client {
            keys: signing_client("service", &key).keys,
            ..client("service")
        };
        client.redirect_uris.push("https://service.example/second".into());
        client.requests.request_uris = vec![documents.url("/request#registered")];
        let service = app.register(client).await;
        Self {
            app,
            documents,
            key,
            service,
        }
    }

    fn claims(&self) -> Value {
        json!({
            "iss": "service",
            "aud": self.app.base_url,
            "exp": self.app.app.clock.now() + 60,
            "client_id": "service",
            "response_type": "code",
            "redirect_uri": self.service.redirect_uri,
            "state": STATE,
            "nonce": NONCE,
        })
    }

    async fn ask(&self, changes: &[(&str, &str)]) -> Page {
        Browser::new(&self.app).get(&self.service.url(changes)).await
    }

    /// The error that goes back for this object.
    async fn error(&self, object: &str) -> String {
        self.service.error(&self.ask(&[("request", object)]).await)
    }
}

/// What is only in the object.
const OUTSIDE: [(&str, &str); 4] = [
    ("state", WITHOUT),
    ("nonce", WITHOUT),
    ("code_challenge", WITHOUT),
    ("code_challenge_method", WITHOUT),
];

#[tokio::test]
async fn the_parameters_of_an_object_are_those_that_count() {
    let scene = Scene::set().await;
    let mut claims = scene.claims();
    claims["code_challenge"] = json!(CHALLENGE);
    claims["code_challenge_method"] = json!("S256");
    claims["max_age"] = json!(3600);
    claims["claims"] = json!({"id_token": {"email": null}});
    let object = scene.key.sign(&claims);
    let changes = [&OUTSIDE[..], &[("request", &object)]].concat();
    let browser = Browser::new(&scene.app);
    let code = scene.service.sign_in(&browser, &changes).await;
    let tokens = scene.service.redeem(&code).await;
    assert_eq!(tokens.claims["email"], EMAIL, "claims as an object");
    assert!(tokens.claims["auth_time"].is_i64(), "max_age as a number");

    // What stands outside as well gives way; what does not is merged.
    let wrong = [("state", "outside"), ("nonce", "outside"), ("request", object.as_str())];
    let page = browser.open(&scene.service.url(&wrong)).await;
    let code = scene.service.code(&page);
    assert_eq!(scene.service.redeem(&code).await.claims["nonce"], NONCE);
    let prompted = [("prompt", "consent"), ("request", object.as_str())];
    let page = browser.open(&scene.service.url(&prompted)).await;
    assert!(page.has("consent-form"), "merged from outside");
}

#[tokio::test]
async fn every_algorithm_of_the_table_signs_objects_and_only_the_registered_one_counts() {
    let scene = Scene::set().await;
    for alg in SigningAlg::ALL {
        let key = ClientKey::of(alg, "one");
        let mut client = scene.service.client.clone();
        client.keys.jwks = Some(jwks(&[&key]));
        let object = key.sign(&scene.claims());
        for (registered, passes) in [(None, true), (Some(alg), true), (Some(other(alg)), false)] {
            client.algorithms.request_object_signing_alg = registered;
            scene.app.update(&client).await;
            let page = scene.ask(&[("request", &object)]).await;
            let at_a_flow = page.header("location").starts_with("/authorize/");
            assert_eq!(at_a_flow, passes, "{alg:?} {registered:?}");
        }
    }
}

fn other(alg: SigningAlg) -> SigningAlg {
    SigningAlg::ALL.into_iter().find(|other| *other != alg).unwrap()
}

#[tokio::test]
async fn a_redirect_uri_in_the_object_counts_for_the_answer() {
    let scene = Scene::set().await;
    let mut claims = scene.claims();
    claims["prompt"] = json!("none");
    let object = scene.key.sign(&claims);
    // Nothing that could be answered stands outside.
    for outside in [WITHOUT, "https://evil.example/"] {
        let page = scene.ask(&[("redirect_uri", outside), ("request", &object)]).await;
        assert_eq!(scene.service.error(&page), "login_required");
    }
    claims["redirect_uri"] = json!("https://service.example/second");
    let page = scene.ask(&[("request", &scene.key.sign(&claims))]).await;
    assert!(
        page.header("location").starts_with("https://service.example/second?"),
        "{}",
        page.header("location")
    );
    claims["redirect_uri"] = json!("https://evil.example/");
    let page = scene.ask(&[("request", &scene.key.sign(&claims))]).await;
    assert_eq!((page.status.as_u16(), page.header("location")), (400, ""));
}

#[tokio::test]
async fn a_bad_object_goes_back_to_a_registered_address_outside_or_nowhere() {
    let scene = Scene::set().await;
    let bad = unsigned(&scene.claims());
    let page = scene.ask(&[("request", &bad)]).await;
    // `answer` checks that the state is that of outside.
    assert_eq!(scene.service.error(&page), "invalid_request_object");
    for outside in [WITHOUT, "https://evil.example/", "https://service.example/callback/"] {
        let page = scene.ask(&[("redirect_uri", outside), ("request", &bad)]).await;
        assert_eq!((page.status.as_u16(), page.header("location")), (400, ""), "{outside}");
    }
    assert_eq!(scene.app.open_flows().await, 0);
}

#[tokio::test]
async fn what_is_not_signed_by_the_client_is_refused() {
    let scene = Scene::set().await;
    let claims = scene.claims();
    let good = scene.key.sign(&claims);
    let mac = EncodingKey::from_secret(scene.service.secret.clone().unwrap().as_bytes());
    for bad in [
        unsigned(&claims),
        ClientKey::new("one").sign(&claims),
        jsonwebtoken::encode(&Header::default(), &claims, &mac).unwrap(),
        scene.key.sign_with(&claims, |header| header.kid = Some("two".into())),
        scene
            .key
            .sign_with(&claims, |header| header.crit = Some(vec!["exp".into()])),
        scene
            .key
            .sign_with(&claims, |header| header.typ = Some("dpop+jwt".into())),
        format!("{good}A"),
        good[..good.len() - 1].to_owned(),
        "x".into(),
        "a.b.c.d.e".into(),
    ] {
        assert_eq!(scene.error(&bad).await, "invalid_request_object", "{bad}");
    }
    assert!(logged(&["a request object was refused", "signature"]));
    let typed = scene
        .key
        .sign_with(&claims, |header| header.typ = Some("oauth-authz-req+jwt".into()));
    let page = scene.ask(&[("request", &typed)]).await;
    assert!(page.header("location").starts_with("/authorize/"));
}

#[tokio::test]
async fn each_claim_of_an_object_wrong_once() {
    let scene = Scene::set().await;
    let now = scene.app.app.clock.now();
    for (name, bad) in [
        ("iss", json!("other")),
        ("sub", json!("service")),
        ("aud", json!("https://other.example")),
        ("exp", json!(now - 60)),
        ("exp", json!("x")),
        ("nbf", json!(now + 61)),
        ("client_id", json!("other")),
        ("response_type", json!("token")),
        ("request", json!("x")),
        ("request_uri", json!("https://service.example/r")),
        ("login_hint", json!("a\0b")),
    ] {
        let mut claims = scene.claims();
        claims[name] = bad.clone();
        let error = scene.error(&scene.key.sign(&claims)).await;
        assert_eq!(error, "invalid_request_object", "{name} {bad}");
    }
    // What an object asks is checked as what a query asks.
    for (name, bad, error) in [
        ("prompt", json!("none login"), "invalid_request"),
        ("max_age", json!(-1), "invalid_request"),
        ("max_age", json!(1.5), "invalid_request"),
        ("claims", json!([]), "invalid_request"),
        ("scope", json!("profile"), "invalid_request"),
        ("scope", json!(["openid"]), "invalid_request"),
        ("response_mode", json!("cookie"), "invalid_request"),
        ("code_challenge", json!("short"), "invalid_request"),
        ("id_token_hint", json!("garbage"), "invalid_request"),
        ("registration", json!({}), "registration_not_supported"),
    ] {
        let mut claims = scene.claims();
        claims[name] = bad.clone();
        assert_eq!(scene.error(&scene.key.sign(&claims)).await, error, "{name} {bad}");
    }
}

#[tokio::test]
async fn what_oauth_itself_demands_stays_outside() {
    let scene = Scene::set().await;
    let object = scene.key.sign(&scene.claims());
    for outside in [
        ("response_type", WITHOUT),
        ("scope", WITHOUT),
        ("scope", "profile"),
        ("request_uri", "https://service.example/r"),
    ] {
        let page = scene.ask(&[("request", &object), outside]).await;
        assert_eq!(scene.service.error(&page), "invalid_request", "{outside:?}");
    }
    let page = scene.ask(&[("request", &object), ("client_id", WITHOUT)]).await;
    assert_eq!((page.status.as_u16(), page.header("location")), (400, ""));
    let twice = format!("{}&request={object}", scene.service.url(&[("request", &object)]));
    let page = Browser::new(&scene.app).get(&twice).await;
    assert_eq!(scene.service.error(&page), "invalid_request");
}

#[tokio::test]
async fn an_object_by_reference_is_fetched_once_for_a_whole_flow() {
    let scene = Scene::set().await;
    let mut claims = scene.claims();
    claims["code_challenge"] = json!(CHALLENGE);
    claims["code_challenge_method"] = json!("S256");
    scene
        .documents
        .put("/request", format!("{}\n", scene.key.sign(&claims)));
    let uri = scene.documents.url("/request#another");
    let changes = [&OUTSIDE[..], &[("request_uri", uri.as_str())]].concat();
    let code = scene.service.sign_in(&Browser::new(&scene.app), &changes).await;
    scene.service.redeem(&code).await;
    assert_eq!(scene.documents.asked("/request"), 1);

    // By POST as well.
    let browser = Browser::new(&scene.app);
    let form = scene.service.parameters(&changes);
    let page = browser.post(&format!("{}/authorize", scene.app.base_url), &form).await;
    let page = browser.follow(page).await;
    assert!(page.has("identifier-form"));
    assert_eq!(scene.documents.asked("/request"), 2);
}

#[tokio::test]
async fn a_reference_that_is_not_registered_or_brings_nothing_is_refused() {
    let scene = Scene::set().await;
    for uri in [
        scene.documents.url("/request/"),
        scene.documents.url("/request?x"),
        scene.documents.url("/other"),
        "https://evil.example/request".into(),
        "urn:ietf:params:oauth:request_uri:x".into(),
        "x".into(),
    ] {
        let page = scene.ask(&[("request_uri", &uri)]).await;
        assert_eq!(scene.service.error(&page), "invalid_request_uri", "{uri}");
    }
    assert_eq!(scene.documents.asked_at_all(), 0);
    let good = scene.key.sign(&scene.claims());
    let uri = scene.documents.url("/request");
    let elsewhere = scene.documents.url("/elsewhere");
    let huge = format!("{good}{}", " ".repeat(32 * 1024));
    for (status, body) in [(404, good.as_str()), (500, &good), (302, &good), (200, &huge)] {
        scene
            .documents
            .put_with("/request", status, &[("location", &elsewhere)], body);
        let page = scene.ask(&[("request_uri", &uri)]).await;
        assert_eq!(scene.service.error(&page), "invalid_request_uri", "{status}");
    }
    assert_eq!(scene.documents.asked("/elsewhere"), 0);
    for bad in ["", "x", &unsigned(&scene.claims())] {
        scene.documents.put("/request", bad);
        let page = scene.ask(&[("request_uri", &uri)]).await;
        assert_eq!(scene.service.error(&page), "invalid_request_object", "{bad}");
    }
    // A client without registered addresses has none.
    let mut client = scene.service.client.clone();
    client.requests.request_uris.clear();
    scene.app.update(&client).await;
    let before = scene.documents.asked_at_all();
    let page = scene.ask(&[("request_uri", &uri)]).await;
    assert_eq!(scene.service.error(&page), "invalid_request_uri");
    assert_eq!(scene.documents.asked_at_all(), before);
}
