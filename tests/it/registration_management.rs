//! Management of a registration by its client (RFC 7592). Threat 14: A's token cannot read, change or delete B.

use http::Method;
use serde_json::{Value, json};

use crate::support::registrant::{Registrant, error};
use crate::support::{Browser, TestApp};

/// What a client sends to replace what `registered` was answered with.
fn replacement(registered: &Value, changes: Value) -> Value {
    let mut body = json!({ "client_id": registered["client_id"], "redirect_uris": registered["redirect_uris"] });
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[tokio::test]
async fn a_client_reads_what_it_registered() {
    let app = Registrant::open_app().await;
    let registrant = Registrant::of(&app);
    let initiate = "https://rp.example/start";
    let registered = registrant
        .register(json!({ "client_name": "Mon service", "initiate_login_uri": initiate }))
        .await;
    assert_eq!(registered.json()["initiate_login_uri"], initiate);
    let answer = registrant.get(&registered).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("cache-control")),
        (200, "no-store")
    );
    let mut expected = registered.json();
    for once in ["client_secret", "client_secret_expires_at"] {
        expected.as_object_mut().unwrap().remove(once);
    }
    assert_eq!(
        answer.json(),
        expected,
        "all but the secret, which is stored as a fingerprint only"
    );
}

#[tokio::test]
async fn a_replacement_goes_back_to_the_defaults() {
    let app = Registrant::open_app().await;
    let registrant = Registrant::of(&app);
    let registered = registrant
        .register(json!({
            "client_name": "Mon service", "default_max_age": 60, "require_auth_time": true,
            "policy_uri": "https://rp.example/policy", "id_token_signed_response_alg": "ES256", "scope": "openid email",
        }))
        .await;
    let body = replacement(&registered.json(), json!({ "tos_uri": "https://rp.example/tos" }));
    let answer = registrant.put(&registered, &body).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("cache-control")),
        (200, "no-store"),
        "{}",
        answer.body
    );
    let body = answer.json();
    assert_eq!(body["client_name"], "rp.example");
    assert_eq!(body["subject_type"], "pairwise");
    assert_eq!(body["id_token_signed_response_alg"], "RS256");
    assert_eq!(body["require_auth_time"], false);
    assert_eq!(body["tos_uri"], "https://rp.example/tos");
    for gone in ["default_max_age", "policy_uri", "client_secret"] {
        assert_eq!(body.get(gone), None, "{gone}");
    }
    assert!(body["scope"].as_str().unwrap().contains("profile"));
    for same in [
        "client_id",
        "client_id_issued_at",
        "registration_client_uri",
        "registration_access_token",
    ] {
        assert_eq!(body[same], registered.json()[same], "{same}");
    }
    assert_eq!(registrant.get(&registered).await.json(), body);
    // The secret that it was given still works.
    let service = registrant.relying_party(&app, &registered).await;
    let code = service.sign_in(&Browser::new(&app), &[]).await;
    service.redeem(&code).await;
}

#[tokio::test]
async fn a_replacement_names_its_own_client_and_secret() {
    let app = Registrant::open_app().await;
    let registrant = Registrant::of(&app);
    let registered = registrant.register(json!({})).await;
    let other = registrant.register(json!({})).await.json();
    let own = registered.json();
    for change in [
        json!({ "client_id": null }),
        json!({ "client_id": other["client_id"] }),
        json!({ "client_id": [own["client_id"]] }),
        json!({ "client_secret": "another" }),
        json!({ "client_secret": other["client_secret"] }),
        json!({ "client_secret": "" }),
        json!({ "client_secret": 1 }),
    ] {
        let answer = registrant.put(&registered, &replacement(&own, change.clone())).await;
        assert_eq!(error(&answer), (400, "invalid_client_metadata".into()), "{change}");
    }
    let uri = replacement(&own, json!({ "redirect_uris": ["http://rp.example/"] }));
    assert_eq!(
        error(&registrant.put(&registered, &uri).await),
        (400, "invalid_redirect_uri".into())
    );
    let insecure = replacement(&own, json!({ "initiate_login_uri": "http://rp.example/" }));
    assert_eq!(
        error(&registrant.put(&registered, &insecure).await),
        (400, "invalid_client_metadata".into())
    );
    let good = replacement(&own, json!({ "client_secret": own["client_secret"] }));
    assert_eq!(registrant.put(&registered, &good).await.status, 200);
}

#[tokio::test]
async fn one_clients_token_opens_no_other_client() {
    let app = Registrant::open_app().await;
    let registrant = Registrant::of(&app);
    let owner = registrant.register(json!({ "client_name": "Owner" })).await;
    let thief = registrant.register(json!({})).await.json();
    app.relying_party("operators").await;
    let uri = |client_id: &str| format!("/register/{client_id}");
    let (id, own) = (
        owner.json()["client_id"].clone(),
        owner.json()["registration_access_token"].clone(),
    );
    let stolen = thief["registration_access_token"].as_str().unwrap();
    let secret = owner.json()["client_secret"].clone();
    let tokens = [
        stolen,
        secret.as_str().unwrap(),
        "wrong",
        "",
        &own.as_str().unwrap()[1..],
    ];
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let body = json!({ "client_id": id, "redirect_uris": ["https://evil.example/cb"] });
        for token in tokens {
            let request = registrant
                .request(method.clone(), &uri(id.as_str().unwrap()))
                .bearer_auth(token);
            let answer = registrant.http.send(request.json(&body)).await;
            assert_eq!(error(&answer), (401, "invalid_token".into()), "{method} {token}");
            assert!(answer.header("www-authenticate").starts_with("Bearer "), "{method}");
        }
        for unknown in ["unknown", "operators", "%00", "a%2Fb"] {
            let request = registrant.request(method.clone(), &uri(unknown)).bearer_auth(stolen);
            let answer = registrant.http.send(request.json(&body)).await;
            assert!(
                [401, 404, 405].contains(&answer.status.as_u16()),
                "{method} {unknown}: {}",
                answer.status
            );
        }
        let bare = registrant.request(method.clone(), &uri(id.as_str().unwrap()));
        let bare = registrant.http.send(bare.json(&body)).await;
        let bare = (bare.status.as_u16(), bare.header("www-authenticate"), &*bare.body);
        assert_eq!(bare, (401, "Bearer", ""), "{method}");
    }
    let still = registrant.get(&owner).await.json();
    assert_eq!(still["redirect_uris"], json!(["https://rp.example/callback"]));
    let post = registrant.manage(Method::POST, &owner);
    assert_eq!(
        error(&registrant.http.send(post).await),
        (405, "invalid_request".into())
    );
}

#[tokio::test]
async fn a_deleted_client_is_gone_with_its_grants() {
    let app = Registrant::open_app().await;
    let registrant = Registrant::of(&app);
    let registered = registrant.register(json!({})).await;
    let service = registrant.relying_party(&app, &registered).await;
    let browser = Browser::new(&app);
    let tokens = service.tokens(&browser, &[]).await;
    let code = service.code(&browser.get(&service.url(&[])).await);
    let answer = registrant.delete(&registered).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (204, ""));
    assert_eq!(service.userinfo(&tokens.access_token).await.status, 401);
    assert_eq!(
        error(&service.token(&service.form(&code, &[])).await),
        (401, "invalid_client".into())
    );
    assert_eq!(
        browser.get(&service.url(&[])).await.text("error-code"),
        "TC-CLIENT-UNKNOWN"
    );
    for method in [Method::GET, Method::DELETE] {
        let answer = registrant.http.send(registrant.manage(method, &registered)).await;
        assert_eq!(error(&answer), (401, "invalid_token".into()));
    }
}

#[tokio::test]
async fn another_method_brings_or_ends_a_secret() {
    let app = Registrant::open_app().await;
    let registrant = Registrant::of(&app);
    let registered = registrant.register(json!({})).await;
    let own = registered.json();
    let public = replacement(&own, json!({ "token_endpoint_auth_method": "none" }));
    let answer = registrant.put(&registered, &public).await.json();
    assert_eq!(
        (
            answer["token_endpoint_auth_method"].as_str(),
            answer.get("client_secret")
        ),
        (Some("none"), None)
    );
    let answer = registrant.put(&registered, &replacement(&own, json!({}))).await.json();
    let fresh = answer["client_secret"].as_str().unwrap();
    assert_ne!(own["client_secret"], fresh);
    assert_eq!(answer["client_secret_expires_at"], 0);
    let living = app
        .app
        .store
        .list_client_secrets(own["client_id"].as_str().unwrap(), 0)
        .await
        .unwrap();
    assert_eq!(living.len(), 1, "the former one went with the method");
}

/// Who agreed to one service has not agreed to what it makes of itself later.
#[tokio::test]
async fn a_changed_client_asks_agents_again() {
    let app = Registrant::open_app().await;
    let registrant = Registrant::of(&app);
    let registered = registrant.register(json!({})).await;
    let service = registrant.relying_party(&app, &registered).await;
    let browser = Browser::new(&app);
    service.tokens(&browser, &[]).await;
    service.silently(&browser, &[]).await;
    registrant
        .put(&registered, &replacement(&registered.json(), json!({})))
        .await;
    service.silently(&browser, &[]).await;
    registrant
        .put(
            &registered,
            &replacement(&registered.json(), json!({ "client_name": "Other" })),
        )
        .await;
    let page = browser.open(&service.url(&[])).await;
    assert!(page.has("consent-form"), "{}", page.body);
}

/// Threat 14: no second subject for the same agent, and none of another service.
#[tokio::test]
async fn a_replacement_leaves_the_subjects_as_they_are() {
    let app = Registrant::open_app().await;
    let registrant = Registrant::of(&app);
    let registered = registrant.register(json!({})).await;
    for change in [
        json!({ "subject_type": "public" }),
        json!({ "redirect_uris": ["https://victim.gouv.fr/cb"] }),
        json!({ "redirect_uris": ["https://rp.example/callback", "http://127.0.0.1/cb"] }),
    ] {
        let body = replacement(&registered.json(), change.clone());
        let answer = registrant.put(&registered, &body).await;
        assert_eq!(error(&answer), (400, "invalid_client_metadata".into()), "{change}");
    }
    let moved = json!({ "redirect_uris": ["https://rp.example/elsewhere"] });
    let answer = registrant
        .put(&registered, &replacement(&registered.json(), moved))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn a_disabled_client_cannot_bring_itself_back() {
    let app = Registrant::open_app().await;
    let registrant = Registrant::of(&app);
    let registered = registrant.register(json!({})).await;
    disable(&app, &registered.json()).await;
    assert_eq!(registrant.get(&registered).await.status, 401);
    let answer = registrant
        .put(&registered, &replacement(&registered.json(), json!({})))
        .await;
    assert_eq!(answer.status, 401);
}

async fn disable(app: &TestApp, registered: &Value) {
    let id = registered["client_id"].as_str().unwrap();
    let mut client = app.app.store.find_client(id).await.unwrap().unwrap();
    client.disabled = true;
    app.update(&client).await;
}

/// An `apply` that dies between its two statements leaves both rows; the client is the operator's from the first on.
#[tokio::test]
async fn a_client_taken_over_by_an_operator_manages_itself_no_longer() {
    let app = Registrant::open_app().await;
    let registrant = Registrant::of(&app);
    let registered = registrant.register(json!({ "client_name": "Mon service" })).await;
    let id = registered.json()["client_id"].as_str().unwrap().to_owned();
    let mut client = app.app.store.find_client(&id).await.unwrap().unwrap();
    client.self_registered = false;
    client.name = "Vouched for".to_owned();
    app.update(&client).await;
    let body = replacement(&registered.json(), json!({ "client_name": "Mine again" }));
    assert_eq!(
        error(&registrant.put(&registered, &body).await),
        (401, "invalid_token".into())
    );
    assert_eq!(
        error(&registrant.delete(&registered).await),
        (401, "invalid_token".into())
    );
    assert_eq!(app.app.store.find_client(&id).await.unwrap(), Some(client));

    app.app.store.delete_registration(&id).await.unwrap();
    assert!(
        !app.app.store.delete_registered_client(&id).await.unwrap(),
        "a DELETE under way comes too late"
    );
    assert!(app.app.store.find_client(&id).await.unwrap().is_some());
}

#[tokio::test]
async fn an_address_that_is_no_text_names_nobody() {
    let app = Registrant::open_app().await;
    let registrant = Registrant::of(&app);
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let request = registrant.request(method.clone(), "/register/%ff");
        let answer = registrant.http.send(request.bearer_auth("x").json(&json!({}))).await;
        assert_eq!(error(&answer), (401, "invalid_token".into()), "{method}");
    }
    let page = Browser::new(&app).get("/clients/%ff/logo").await;
    assert_eq!(page.status, 404);
    assert_eq!(page.text("error-code"), "TC-NOT-FOUND");
}
