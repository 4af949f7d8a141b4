//! Key sets of clients by reference (`jwks_uri`, Core §10.1.1): fetched when needed, kept for a bounded time.

use serde_json::json;
use tchap_connect::protocol::client::{Client, ClientKeys};

use crate::support::client_key::{ClientKey, assertion_claims, jwks, signing_client};
use crate::support::documents::Documents;
use crate::support::{RelyingParty, TestApp};

async fn referring(app: &TestApp, documents: &Documents) -> RelyingParty {
    let keys = ClientKeys {
        jwks: None,
        jwks_uri: Some(documents.url("/jwks")),
    };
    app.register(Client {
        keys,
        ..signing_client("service", &ClientKey::new("unused"))
    })
    .await
}

/// Whether the client passes with this key.
async fn passes(app: &TestApp, service: &RelyingParty, key: &ClientKey) -> bool {
    let assertion = key.sign(&assertion_claims(app, "service"));
    let answer = service.token_by_assertion(app, "no code", &assertion, &[]).await;
    match answer.json()["error"].as_str().unwrap() {
        "invalid_grant" => true,
        "invalid_client" => false,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_rotated_key_is_found_and_the_former_one_goes() {
    let (app, documents) = Documents::with_app().await;
    let service = referring(&app, &documents).await;
    let (old, new) = (ClientKey::new("old"), ClientKey::new("new"));
    documents.put("/jwks", jwks(&[&old]));
    assert!(passes(&app, &service, &old).await && passes(&app, &service, &old).await);
    assert_eq!(documents.asked("/jwks"), 1, "it is kept");
    documents.put("/jwks", jwks(&[&new]));
    app.advance(60);
    assert!(
        passes(&app, &service, &new).await,
        "fetched anew for a kid that is not known"
    );
    assert!(!passes(&app, &service, &old).await);
    assert_eq!(documents.asked("/jwks"), 2);
}

#[tokio::test]
async fn unknown_kids_make_us_fetch_once_a_minute() {
    let (app, documents) = Documents::with_app().await;
    let service = referring(&app, &documents).await;
    let key = ClientKey::new("one");
    documents.put("/jwks", jwks(&[&key]));
    assert!(passes(&app, &service, &key).await);
    for number in 0..20 {
        assert!(!passes(&app, &service, &ClientKey::new(&format!("guess {number}"))).await);
    }
    assert_eq!(documents.asked("/jwks"), 1);
    app.advance(60);
    for number in 0..20 {
        assert!(!passes(&app, &service, &ClientKey::new(&format!("guess {number}"))).await);
    }
    assert_eq!(documents.asked("/jwks"), 2);
    assert!(passes(&app, &service, &key).await);
}

#[tokio::test]
async fn a_set_is_kept_as_long_as_its_server_says() {
    let (app, documents) = Documents::with_app().await;
    let service = referring(&app, &documents).await;
    let key = ClientKey::new("one");
    for (says, kept) in [("max-age=120", 120), ("max-age=1", 60), ("", 600)] {
        documents.put_with("/jwks", 200, &[("cache-control", says)], jwks(&[&key]));
        app.advance(24 * 3600);
        let before = documents.asked("/jwks");
        assert!(passes(&app, &service, &key).await);
        app.advance(kept - 1);
        assert!(passes(&app, &service, &key).await);
        assert_eq!(documents.asked("/jwks"), before + 1, "{says}");
        app.advance(1);
        assert!(passes(&app, &service, &key).await);
        assert_eq!(documents.asked("/jwks"), before + 2, "{says}");
    }
}

#[tokio::test]
async fn fifty_at_a_time_make_one_fetch() {
    let (app, documents) = Documents::with_app().await;
    let service = referring(&app, &documents).await;
    let key = ClientKey::new("one");
    documents.put("/jwks", jwks(&[&key]));
    let all = (0..50).map(|_| passes(&app, &service, &key));
    assert!(
        futures_util::future::join_all(all)
            .await
            .into_iter()
            .all(|passed| passed)
    );
    assert_eq!(documents.asked("/jwks"), 1);
}

#[tokio::test]
async fn a_failure_is_remembered_for_a_quarter_of_a_minute() {
    let (app, documents) = Documents::with_app().await;
    let service = referring(&app, &documents).await;
    let key = ClientKey::new("one");
    assert!(!passes(&app, &service, &key).await, "there is nothing yet");
    documents.put("/jwks", jwks(&[&key]));
    assert!(!passes(&app, &service, &key).await);
    assert_eq!(documents.asked("/jwks"), 1);
    app.advance(15);
    assert!(passes(&app, &service, &key).await);
}

#[tokio::test]
async fn what_is_no_usable_set_proves_nothing() {
    let (app, documents) = Documents::with_app().await;
    let service = referring(&app, &documents).await;
    let key = ClientKey::new("one");
    let mut private = jwks(&[&key]);
    private["keys"][0]["d"] = json!("AA");
    let mut encryption = jwks(&[&key]);
    encryption["keys"][0]["use"] = json!("enc");
    let huge = format!("{}{}", jwks(&[&key]), " ".repeat(64 * 1024));
    let elsewhere = documents.url("/elsewhere");
    documents.put("/elsewhere", jwks(&[&key]));
    for (status, headers, body) in [
        (200, vec![], "not JSON".to_owned()),
        (200, vec![], "{}".to_owned()),
        (200, vec![], private.to_string()),
        (200, vec![], encryption.to_string()),
        (200, vec![], jwks(&[&key, &ClientKey::new("one")]).to_string()),
        (200, vec![], huge),
        (404, vec![], jwks(&[&key]).to_string()),
        (500, vec![], jwks(&[&key]).to_string()),
        (302, vec![("location", elsewhere.as_str())], String::new()),
    ] {
        documents.put_with("/jwks", status, &headers, &body);
        app.advance(60);
        assert!(!passes(&app, &service, &key).await, "{status} {body:.60}");
    }
    assert_eq!((documents.asked("/jwks"), documents.asked("/elsewhere")), (9, 0));
    documents.put("/jwks", jwks(&[&key]));
    app.advance(60);
    assert!(passes(&app, &service, &key).await);
}
