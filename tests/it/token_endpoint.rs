//! The token endpoint (RFC 6749 §3.2, §4.1.3, §5.2; protocol notes §3): authentication, malformed requests, ID tokens.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::Value;
use tchap_connect::protocol::client::{Client, ClientAuthMethod, SigningAlg};

use crate::support::relying_party::{basic, part};
use crate::support::{Browser, Page, RelyingParty, TestApp, WITHOUT, client};

pub fn assert_error(answer: &Page, status: u16, error: &str) {
    assert_eq!(
        (answer.status.as_u16(), answer.json()["error"].as_str()),
        (status, Some(error)),
        "{}",
        answer.body
    );
    assert_eq!(
        (answer.header("content-type"), answer.header("cache-control")),
        ("application/json", "no-store")
    );
    let description = answer.json()["error_description"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let allowed = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    assert!(
        !description.is_empty() && description.bytes().all(allowed),
        "{description}"
    );
}

async fn public(app: &TestApp) -> RelyingParty {
    let methods = [ClientAuthMethod::None].into();
    app.register(Client {
        auth_methods: methods,
        ..client("public")
    })
    .await
}

#[tokio::test]
async fn a_client_authenticates_by_basic_or_post_and_a_public_one_by_neither() {
    let app = TestApp::start().await;
    let browser = Browser::new(&app);
    let service = app.relying_party("service").await;
    let secret = service.secret.clone().unwrap();
    let code = service.sign_in(&browser, &[]).await;
    let by_post = service
        .token_with(&service.form(&code, &[("client_secret", &secret)]), &[])
        .await;
    assert_eq!(by_post.status, 200, "{}", by_post.body);
    let by_basic = service.silently(&browser, &[]).await;
    assert_eq!(by_basic.response["expires_in"], 600);

    let code = service.code(&browser.get(&service.url(&[])).await);
    let form = service.form(&code, &[("client_id", WITHOUT)]);
    assert_eq!(
        service.token(&form).await.status,
        200,
        "client_id is in the header already"
    );

    let public = public(&app).await;
    let page = browser.open(&public.url(&[])).await;
    let answer = browser.accept(&page).await;
    public.redeem(&public.code(&answer)).await;
}

#[tokio::test]
async fn several_secrets_live_side_by_side_until_they_expire() {
    let app = TestApp::start().await;
    let browser = Browser::new(&app);
    let service = app.relying_party("service").await;
    let (first, second) = (service.secret.clone().unwrap(), app.new_secret("service").await);
    service.sign_in(&browser, &[]).await;
    let attempt = async |secret: &str| {
        let code = service.code(&browser.get(&service.url(&[])).await);
        let header = [("authorization", basic("service", secret))];
        service
            .token_with(&service.form(&code, &[]), &header)
            .await
            .status
            .as_u16()
    };
    assert_eq!((attempt(&first).await, attempt(&second).await), (200, 200));
    app.app
        .store
        .expire_client_secrets("service", app.app.clock.now() + 10)
        .await
        .unwrap();
    let third = app.new_secret("service").await;
    app.advance(10);
    assert_eq!(
        (attempt(&first).await, attempt(&second).await, attempt(&third).await),
        (401, 401, 200)
    );
}

#[tokio::test]
async fn failed_authentication_is_401_and_burns_nothing() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let post_only = app
        .register(Client {
            auth_methods: [ClientAuthMethod::ClientSecretPost].into(),
            ..client("post")
        })
        .await;
    let public = public(&app).await;
    let secret = service.secret.clone().unwrap();
    let code = service.sign_in(&Browser::new(&app), &[]).await;

    let raw = |text: &str| format!("Basic {}", STANDARD.encode(text));
    let cut = &secret[..secret.len() - 1];
    for (name, header) in [
        ("wrong secret", basic("service", "wrong")),
        ("cut secret", basic("service", cut)),
        ("longer secret", basic("service", &format!("{secret}A"))),
        ("no secret", basic("service", "")),
        (
            "another client's secret",
            basic("service", post_only.secret.as_deref().unwrap()),
        ),
        ("unknown client", basic("nobody", &secret)),
        ("no colon", raw("service")),
        ("not base64", "Basic %%%".into()),
        (
            "unpadded junk",
            format!("Basic {}=", STANDARD.encode(format!("service:{secret}"))),
        ),
        ("no value", "Basic".into()),
        ("another scheme", format!("Bearer {secret}")),
        ("not UTF-8", format!("Basic {}", STANDARD.encode(b"service:\xff\xfe"))),
        ("pinned to post", basic("post", post_only.secret.as_deref().unwrap())),
        ("a public client with a secret", basic("public", "anything")),
    ] {
        let id = if name.contains("public") { "public" } else { WITHOUT };
        let answer = service
            .token_with(&service.form(&code, &[("client_id", id)]), &[("authorization", header)])
            .await;
        assert_error(&answer, 401, "invalid_client");
        assert!(answer.header("www-authenticate").starts_with("Basic "), "{name}");
    }
    for changes in [
        &[][..],
        &[("client_secret", "wrong")],
        &[("client_secret", cut)],
        &[("client_id", "nobody"), ("client_secret", &secret)],
        &[("client_id", "public"), ("client_secret", "anything")],
        &[("client_id", WITHOUT)],
    ] {
        let answer = service.token_with(&service.form(&code, changes), &[]).await;
        assert_error(&answer, 401, "invalid_client");
        assert_eq!(answer.header("www-authenticate"), "", "no header was used");
    }
    let both = service.token(&service.form(&code, &[("client_secret", &secret)])).await;
    assert_error(&both, 400, "invalid_request");
    let other_id = service.token(&service.form(&code, &[("client_id", "public")])).await;
    assert_error(&other_id, 400, "invalid_request");
    let _ = public;
    service.redeem(&code).await;
}

#[tokio::test]
async fn ids_and_secrets_are_form_decoded_in_basic() {
    let app = TestApp::start().await;
    let service = app
        .register(Client {
            id: "service: é+%".into(),
            ..client("service")
        })
        .await;
    let code = service.sign_in(&Browser::new(&app), &[]).await;
    service.redeem(&code).await;
}

#[tokio::test]
async fn a_disabled_client_gets_no_token() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let code = service.sign_in(&Browser::new(&app), &[]).await;
    app.update(&Client {
        disabled: true,
        ..service.client.clone()
    })
    .await;
    assert_error(&service.token(&service.form(&code, &[])).await, 401, "invalid_client");
}

#[tokio::test]
async fn malformed_requests_are_json_errors() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let code = service.sign_in(&Browser::new(&app), &[]).await;
    let url = format!("{}/token", app.base_url);
    for (changes, error) in [
        (&[("grant_type", WITHOUT)][..], "invalid_request"),
        (&[("grant_type", "")], "invalid_request"),
        (
            &[("grant_type", "refresh_token"), ("refresh_token", "x")],
            "unauthorized_client",
        ),
        (&[("grant_type", "client_credentials")], "unauthorized_client"),
        (&[("grant_type", "refresh_token")], "invalid_request"),
        (
            &[("grant_type", "urn:ietf:params:oauth:grant-type:device_code")],
            "unsupported_grant_type",
        ),
        (&[("grant_type", "password")], "unsupported_grant_type"),
        (&[("code", WITHOUT)], "invalid_request"),
        (&[("redirect_uri", WITHOUT)], "invalid_request"),
        (&[("redirect_uri", "https://service.example/other")], "invalid_grant"),
        (
            &[("redirect_uri", "https://service.example/callback/")],
            "invalid_grant",
        ),
        (&[("code", "unknown")], "invalid_grant"),
    ] {
        assert_error(&service.token(&service.form(&code, changes)).await, 400, error);
    }
    let mut repeated = service.form(&code, &[]);
    repeated.push(("code", "other"));
    assert_error(&service.token(&repeated).await, 400, "invalid_request");

    let send = async |request: reqwest::RequestBuilder| {
        service
            .http
            .send(request.header("authorization", service.basic()))
            .await
    };
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let answer = send(service.http.request(method, &format!("{url}?code={code}"))).await;
        assert_error(&answer, 405, "invalid_request");
        assert_eq!(answer.header("allow"), "POST");
    }
    let json = service
        .http
        .request(Method::POST, &url)
        .header("content-type", "application/json")
        .body("{}");
    assert_error(&send(json).await, 400, "invalid_request");
    assert_error(
        &send(service.http.request(Method::POST, &url)).await,
        400,
        "invalid_request",
    );
    let huge = "x".repeat(70_000);
    assert_error(
        &service.token(&service.form(&code, &[("x", &huge)])).await,
        413,
        "invalid_request",
    );
    // Nothing of all that has spent the code.
    service.redeem(&code).await;
}

#[tokio::test]
async fn two_authorization_headers_are_refused() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let code = service.sign_in(&Browser::new(&app), &[]).await;
    let headers = [
        ("authorization", service.basic()),
        ("authorization", basic("other", "secret")),
    ];
    assert_error(
        &service.token_with(&service.form(&code, &[]), &headers).await,
        400,
        "invalid_request",
    );
}

#[tokio::test]
async fn id_tokens_are_signed_with_the_algorithm_of_the_client() {
    let app = TestApp::start().await;
    let keys = app.app.keys.jwks(app.app.clock.now());
    for (alg, kind) in SigningAlg::ALL.into_iter().zip(["RSA", "EC", "RSA", "OKP"]) {
        let service = app
            .register(Client {
                id_token_signed_response_alg: alg,
                ..client("service")
            })
            .await;
        let tokens = service.tokens(&Browser::new(&app), &[]).await;
        let header = part(&tokens.id_token, 0);
        assert_eq!(header["alg"], alg.as_str());
        let key = keys["keys"]
            .as_array()
            .unwrap()
            .iter()
            .find(|key| key["kid"] == header["kid"]);
        let key = key.expect("the kid is in the key set");
        assert_eq!(
            (&key["kty"], &key["alg"], &key["use"]),
            (&kind.into(), &alg.as_str().into(), &"sig".into())
        );
    }
}

#[tokio::test]
async fn an_id_token_says_exactly_what_is_known() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let now = app.app.clock.now();
    let claims = service.tokens(&Browser::new(&app), &[("max_age", "60")]).await.claims;
    assert_eq!(claims["iss"], app.base_url);
    assert_eq!(claims["aud"], "service");
    assert_eq!(
        (&claims["iat"], &claims["exp"], &claims["auth_time"]),
        (&now.into(), &(now + 600).into(), &now.into())
    );
    assert_eq!(claims["acr"], "eidas1");
    assert_eq!(claims["amr"], serde_json::json!(["pwd"]));
    let names: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "acr",
            "amr",
            "at_hash",
            "aud",
            "auth_time",
            "exp",
            "iat",
            "iss",
            "nonce",
            "sid",
            "sub"
        ]
    );
    assert_ne!(claims["nbf"], Value::from(now));
}
