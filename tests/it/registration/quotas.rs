//! Who may register, how often, and how long what is registered stays. Threat 14.

use http::Method;
use serde_json::{Value, json};
use tchap_connect::domain::registration::RegistrationToken;
use tchap_connect::secret::{fingerprint, random_token};

use super::documents::{app_with_documents, gated_document};
use crate::engines::Engine;
use crate::support::browser::{Http, Page};
use crate::support::registrant::{Registrant, error, minimal, with};
use crate::support::secrets::Kind;
use crate::support::tls::Certificate;
use crate::support::{Browser, TestApp};

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
    assert!(app.app.store.delete_registered_client(&first.id).await.unwrap());
    assert_eq!(from("2001:db8::1").await.status, 201, "another day");
}

/// Threat 14: what an operator ends makes room at once, and no use of the client brings it back.
#[tokio::test]
async fn an_operator_empties_a_full_list() {
    let app = TestApp::with(&[("REGISTRATION_MODE", "open"), ("REGISTRATION_MAX_CLIENTS", "1")]).await;
    let registrant = Registrant::of(&app);
    let first = registrant.register(json!({})).await;
    let id = first.json()["client_id"].as_str().unwrap().to_owned();
    assert_eq!(error(&registrant.post(&minimal()).await).0, 429);
    let (store, now) = (&app.app.store, app.app.clock.now());
    assert!(store.expire_registration(&id, now).await.unwrap());
    assert!(!store.expire_registration("nobody", now).await.unwrap());
    store.extend_registration(&id, now + 86_400 * 90, now).await.unwrap();
    assert_eq!(registrant.post(&minimal()).await.status, 201);
    store.delete_expired(now, 100).await.unwrap();
    assert_eq!(store.find_client(&id).await.unwrap(), None);
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

/// Asking in its own name what it may, or trying what it may not, is no use: somebody must have signed in.
#[tokio::test]
async fn a_bare_authentication_keeps_no_client() {
    const DAY: i64 = 86_400;
    let app = TestApp::with(&[("REGISTRATION_MODE", "open"), ("REGISTRATION_UNUSED_DAYS", "30")]).await;
    let registrant = Registrant::of(&app);
    let registered = registrant.register(json!({})).await;
    let service = registrant.relying_party(&app, &registered).await;
    app.advance(20 * DAY);
    assert_eq!(service.introspect("wrong").await, json!({"active": false}));
    assert_eq!(service.token(&service.form("wrong", &[])).await.status, 400);
    app.advance(11 * DAY);
    assert_eq!(registrant.get(&registered).await.status, 401);
}

/// Where somebody registered from counts for the quota of a day, and is written nowhere beside the client.
#[tokio::test]
async fn the_network_of_a_registration_is_not_kept() {
    let app = TestApp::with(&[("REGISTRATION_MODE", "open")]).await;
    let registered = Registrant::of(&app).register(json!({})).await;
    assert_eq!(registered.status, 201);
    let database = Engine {
        store: app.app.store.clone(),
        url: app.database_url().to_owned(),
    };
    let networks = database.texts("select network from client_registrations").await;
    assert_eq!(networks, [""]);
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
