//! The authorization endpoint's answers, row by row (protocol notes §1, §2): pages where nobody can be trusted with a
//! redirect, registered error codes with `state` and `iss` elsewhere.

use http::Method;
use tchap_connect::protocol::client::{Client, ClientAuthMethod};

use crate::support::relying_party::CHALLENGE;
use crate::support::{Browser, EMAIL, TestApp, WITHOUT, client};

#[tokio::test]
async fn an_unverified_client_or_redirect_uri_gets_a_page_and_never_a_redirect() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let disabled = app
        .register(Client {
            disabled: true,
            ..client("disabled")
        })
        .await;
    let browser = Browser::new(&app);
    let twice = |name: &str, value: &str| format!("{}&{name}={value}", service.url(&[]));
    for (url, code) in [
        (service.url(&[("client_id", "nobody")]), "TC-CLIENT-UNKNOWN"),
        (service.url(&[("client_id", WITHOUT)]), "TC-CLIENT-UNKNOWN"),
        (service.url(&[("client_id", "")]), "TC-CLIENT-UNKNOWN"),
        (service.url(&[("client_id", "a\0b")]), "TC-REQUEST"),
        (twice("client_id", "service"), "TC-CLIENT-UNKNOWN"),
        (disabled.url(&[]), "TC-CLIENT-UNKNOWN"),
        (service.url(&[("redirect_uri", WITHOUT)]), "TC-REDIRECT-URI"),
        (
            service.url(&[("redirect_uri", "https://evil.example/callback")]),
            "TC-REDIRECT-URI",
        ),
        (service.url(&[("redirect_uri", "not a uri")]), "TC-REDIRECT-URI"),
        (
            twice("redirect_uri", "https://service.example/callback"),
            "TC-REDIRECT-URI",
        ),
        // Even when something else is wrong too, and without a page of ours to be asked first.
        (
            service.url(&[
                ("redirect_uri", "https://evil.example/"),
                ("prompt", "none"),
                ("response_type", "x"),
            ]),
            "TC-REDIRECT-URI",
        ),
        (format!("{}&x=%ff", service.url(&[])), "TC-REQUEST"),
    ] {
        let by_get = browser.get(&url).await;
        let query: Vec<(String, String)> = url::Url::parse(&url).unwrap().query_pairs().into_owned().collect();
        let fields: Vec<(&str, &str)> = query.iter().map(|(name, value)| (&**name, &**value)).collect();
        let by_post = browser.post("/authorize", &fields).await;
        for page in [by_get, by_post]
            .into_iter()
            .filter(|page| code != "TC-REQUEST" || page.status == 400)
        {
            assert_eq!((page.status.as_u16(), page.header("location")), (400, ""), "{url}");
            assert_eq!(page.text("error-code"), code, "{url}");
            assert!(!page.text("error-incident").is_empty());
        }
    }
    assert_eq!(
        app.open_flows().await,
        1,
        "only the POST that is well-formed once decoded"
    );
}

#[tokio::test]
async fn errors_go_to_the_verified_redirect_uri_in_registered_codes() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let long = "n".repeat(3000);
    let short = &CHALLENGE[1..];
    let rows: &[(&[(&str, &str)], &str)] = &[
        (&[("response_type", WITHOUT)], "invalid_request"),
        (&[("response_type", "")], "invalid_request"),
        (&[("response_type", "token")], "unsupported_response_type"),
        (&[("response_type", "code id_token")], "unsupported_response_type"),
        (&[("response_type", "nonsense")], "unsupported_response_type"),
        (&[("scope", WITHOUT)], "invalid_request"),
        (&[("scope", "profile email")], "invalid_request"),
        (&[("prompt", "none login")], "invalid_request"),
        (&[("prompt", "none consent")], "invalid_request"),
        (&[("prompt", "create")], "invalid_request"),
        (&[("max_age", "-1")], "invalid_request"),
        (&[("max_age", "1.5")], "invalid_request"),
        (&[("max_age", "soon")], "invalid_request"),
        (&[("claims", "{")], "invalid_request"),
        (&[("claims", "[]")], "invalid_request"),
        (&[("claims", r#"{"userinfo":7}"#)], "invalid_request"),
        (&[("id_token_hint", "garbage")], "invalid_request"),
        (&[("id_token_hint", "a.b.c")], "invalid_request"),
        (&[("nonce", &long)], "invalid_request"),
        (&[("response_mode", "cookie")], "invalid_request"),
        (&[("response_mode", "form_post.jwt")], "invalid_request"),
        (
            &[("request", "x"), ("request_uri", "https://service.example/r")],
            "invalid_request",
        ),
        (&[("request", "x")], "invalid_request_object"),
        (&[("request_uri", "https://service.example/r")], "invalid_request_uri"),
        (&[("registration", "{}")], "registration_not_supported"),
        (
            &[("code_challenge", "x"), ("code_challenge_method", "S256")],
            "invalid_request",
        ),
        (&[("code_challenge_method", WITHOUT)], "invalid_request"),
        (&[("code_challenge_method", "plain")], "invalid_request"),
        (&[("code_challenge_method", "S512")], "invalid_request"),
        (&[("code_challenge_method", "s256")], "invalid_request"),
        (&[("code_challenge", short)], "invalid_request"),
        (&[("code_challenge", WITHOUT)], "invalid_request"),
        (
            &[("claims", r#"{"id_token":{"acr":{"essential":true,"value":"eidas3"}}}"#)],
            "unmet_authentication_requirements",
        ),
        (&[("prompt", "none")], "login_required"),
    ];
    for (changes, error) in rows {
        app.advance(20); // Else these are a login loop.
        let answer = browser.get(&service.url(changes)).await;
        assert!(answer.header("location").starts_with("https:"), "GET {changes:?}");
        assert_eq!(service.error(&answer), *error, "GET {changes:?}");
        let by_post = browser.post("/authorize", &service.parameters(changes)).await;
        let by_post = browser.follow(by_post).await;
        assert_eq!(service.error(&by_post), *error, "POST {changes:?}");
    }
    for repeated in [
        "scope=openid",
        "state=x",
        "nonce=x",
        "prompt=none",
        "unknown=1&unknown=2",
    ] {
        app.advance(20);
        let answer = browser.get(&format!("{}&{repeated}", service.url(&[]))).await;
        // A repeated state is nobody's: it cannot be echoed.
        let location = answer.location();
        let pairs: Vec<_> = location.query_pairs().collect();
        let error = pairs
            .iter()
            .find(|(name, _)| name == "error")
            .map(|(_, value)| value.to_string());
        let expected = match repeated {
            // The first prompt of the request.
            "prompt=none" => "login_required",
            _ => "invalid_request",
        };
        assert_eq!(error.as_deref(), Some(expected), "{repeated}");
        assert!(pairs.iter().any(|(name, _)| name == "iss"), "{repeated}");
    }
}

#[tokio::test]
async fn what_may_be_ignored_is_never_an_error() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    service.tokens(&browser, &[]).await;
    for (name, value) in [
        ("display", "popup"),
        ("display", "nonsense"),
        ("ui_locales", "de fr-CA xx"),
        ("claims_locales", "fr"),
        ("login_hint", "nobody@nowhere"),
        ("acr_values", "eidas3 eidas1 urn:x"),
        (
            "claims",
            r#"{"id_token":{"acr":{"values":["eidas3"]}},"userinfo":{"phone_number":{"essential":true}}}"#,
        ),
        ("scope", "email nonsense openid offline_access"),
        ("unknown", "1"),
        ("sp_name", "ProConnect"),
        ("prompt", ""),
        ("max_age", ""),
        ("max_age", "99999999999999"),
        ("response_mode", "query"),
        ("state", "s"),
    ] {
        let answer = browser.get(&service.url(&[(name, value)])).await;
        assert_eq!(answer.status, 303, "{name}={value}");
        assert!(
            answer.header("location").contains("code="),
            "{name}={value}: {}",
            answer.header("location")
        );
    }
    app.advance(20); // else it looks like a loop
    // Parameters in any order.
    let mut reversed = service.parameters(&[]);
    reversed.reverse();
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(reversed)
        .finish();
    service.code(&browser.get(&format!("/authorize?{query}")).await);
}

#[tokio::test]
async fn a_request_without_state_and_nonce_gets_neither_back() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let url = service.url(&[("state", WITHOUT), ("nonce", WITHOUT)]);
    let answer = browser.sign_in(&url, EMAIL).await;
    let location = answer.location();
    let pairs: Vec<_> = location.query_pairs().collect();
    assert_eq!(
        pairs.iter().map(|(name, _)| &**name).collect::<Vec<_>>(),
        ["code", "iss"]
    );
    let tokens = service.redeem_for(&pairs[0].1, None).await;
    assert!(tokens.claims["nonce"].is_null());
}

#[tokio::test]
async fn long_states_and_nonces_are_carried_whole() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let nonce = "n".repeat(384);
    let url = service.url(&[("nonce", &nonce)]);
    let answer = Browser::new(&app).sign_in(&url, EMAIL).await;
    let tokens = service.redeem_for(&service.code(&answer), Some(&nonce)).await;
    assert_eq!(tokens.claims["nonce"], nonce);
}

#[tokio::test]
async fn a_public_client_needs_pkce_and_a_confidential_one_does_not() {
    let app = TestApp::start().await;
    let without_pkce = [("code_challenge", WITHOUT), ("code_challenge_method", WITHOUT)];
    let browser = Browser::new(&app);
    let public = app
        .register(Client {
            auth_methods: [ClientAuthMethod::None].into(),
            ..client("public")
        })
        .await;
    let strict = app
        .register(Client {
            require_pkce: true,
            ..client("strict")
        })
        .await;
    for service in [&public, &strict] {
        assert_eq!(
            service.error(&browser.get(&service.url(&without_pkce)).await),
            "invalid_request"
        );
    }
    let lenient = app.relying_party("lenient").await;
    let code = lenient.sign_in(&browser, &without_pkce).await;
    let answer = lenient.token(&lenient.form(&code, &[("code_verifier", WITHOUT)])).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn a_cross_site_post_is_stored_without_a_cookie_and_goes_on_in_the_browser_that_comes() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    service.tokens(&browser, &[]).await;

    // `SameSite=Lax`: a form on another site brings no cookie of ours.
    let cross_site = Browser::new(&app);
    let stored = cross_site.post("/authorize", &service.parameters(&[])).await;
    assert_eq!(stored.status, 303);
    let flow = stored.location();
    let answer = browser.follow(stored).await;
    service.redeem(&service.code(&answer)).await;
    assert_eq!(
        Browser::new(&app).get(flow.as_str()).await.text("error-code"),
        "TC-FLOW-EXPIRED",
        "it is over"
    );

    let stored = cross_site.post("/authorize", &service.parameters(&[])).await;
    let first = Browser::new(&app);
    let page = first.open(stored.location().as_str()).await;
    assert!(page.has("identifier-form"));
    assert_ne!(
        page.url,
        stored.location(),
        "whoever posted does not know where it goes on"
    );
    for (address, code) in [
        (stored.location(), "TC-FLOW-EXPIRED"),
        (page.url.clone(), "TC-FLOW-BROWSER"),
    ] {
        let second = browser.get(address.as_str()).await;
        assert_eq!(second.text("error-code"), code, "bound to the first browser that came");
    }
}

#[tokio::test]
async fn framework_refusals_are_pages_too() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let url = format!("{}/authorize", app.base_url);
    let send = async |request: reqwest::RequestBuilder| browser.http.send(request).await;

    let json = browser
        .http
        .request(Method::POST, &url)
        .header("content-type", "application/json")
        .body("{}");
    let page = send(json).await;
    assert_eq!(
        (page.status.as_u16(), page.text("error-code").as_str()),
        (400, "TC-REQUEST")
    );
    let none = browser.http.request(Method::POST, &url);
    assert_eq!(send(none).await.text("error-code"), "TC-REQUEST");
    let huge = "x".repeat(70_000);
    let page = browser
        .post("/authorize", &service.parameters(&[("login_hint", &huge)]))
        .await;
    assert_eq!(
        (page.status.as_u16(), page.text("error-code").as_str()),
        (413, "TC-TOO-LARGE")
    );
    let put = browser.http.request(Method::PUT, &url);
    let page = send(put).await;
    assert_eq!(
        (page.status.as_u16(), page.text("error-code").as_str()),
        (405, "TC-METHOD")
    );
    let many: Vec<(String, String)> = (0..150).map(|number| (format!("p{number}"), "x".into())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(browser.post("/authorize", &many).await.text("error-code"), "TC-REQUEST");
}
