//! Dynamic registration (RFC 7591, OpenID Connect Registration). Threats 6, 7, 14 and 24: what a stranger may write into the
//! list of clients.

mod documents;
mod quotas;

use http::Method;
use serde_json::{Value, json};

use crate::support::registrant::{Registrant, error, minimal, with};
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
