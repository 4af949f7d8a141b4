//! Server-side request forgery (threat 15) over the whole application. What an address may be is tested beside the fetcher.

use tchap_connect::protocol::client::{Client, ClientKeys};

use crate::support::client_key::{ClientKey, assertion_claims, jwks, signing_client};
use crate::support::documents::Documents;
use crate::support::{Browser, TestApp};
use crate::token_endpoint::assert_error;

#[tokio::test]
async fn what_the_operator_did_not_list_is_not_fetched() {
    let (listed, inner) = (Documents::start().await, Documents::start().await);
    let app = TestApp::with(&[("FETCH_ALLOW", &listed.place)]).await;
    let key = ClientKey::new("one");
    inner.put("/jwks", jwks(&[&key]));
    inner.put("/request", "a.b.c");
    let port = inner.place.rsplit_once(':').unwrap().1;
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f.1",
        "0.0.0.0",
    ] {
        for scheme in ["http", "https"] {
            let mut client = Client {
                keys: ClientKeys {
                    jwks: None,
                    jwks_uri: Some(format!("{scheme}://{host}:{port}/jwks")),
                },
                ..signing_client("service", &key)
            };
            let request_uri = format!("{scheme}://{host}:{port}/request");
            client.requests.request_uris = vec![request_uri.clone()];
            let service = app.register(client).await;
            let assertion = key.sign(&assertion_claims(&app, "service"));
            let answer = service.token_by_assertion(&app, "code", &assertion, &[]).await;
            assert_error(&answer, 401, "invalid_client");
            let page = Browser::new(&app)
                .get(&service.url(&[("request_uri", &request_uri)]))
                .await;
            assert_eq!(service.error(&page), "invalid_request_uri", "{request_uri}");
        }
    }
    assert_eq!(inner.asked_at_all(), 0);
}
