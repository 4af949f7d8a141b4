//! Dynamic registration, and what a registered client is held to (Registration 1.0).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::conformance::provider::{CALLBACK, Provider};
use crate::support::{Page, WITHOUT};

/// Registration §3.3: refused, with this error.
fn assert_refused(answer: &Page, error: &str) {
    assert!(answer.header("content-type").starts_with("application/json"));
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["error"]),
        (400, &json!(error)),
        "{}",
        answer.body
    );
}

/// Registration §2, §3.2, §4.3: `initiate_login_uri` comes back, at registration and whenever it is read.
pub async fn third_party_init_login(op: &Provider) {
    let uri = format!("{CALLBACK}/initiate_login");
    let party = op.register(json!({"initiate_login_uri": uri})).await;
    assert_eq!(party.registered["initiate_login_uri"], uri);
    let text = |name: &str| {
        party.registered[name]
            .as_str()
            .unwrap_or_else(|| panic!("no {name}"))
            .to_owned()
    };
    let request = op.http.request(http::Method::GET, &text("registration_client_uri"));
    let answer = op
        .http
        .send(request.bearer_auth(text("registration_access_token")))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.header("content-type").starts_with("application/json"));
    assert_eq!(answer.json()["initiate_login_uri"], uri);
}

/// Registration §2: `initiate_login_uri` is https.
pub async fn third_party_init_login_nohttps(op: &Provider) {
    let uri = CALLBACK.replace("https:", "http:");
    assert_refused(
        &op.registration(json!({"initiate_login_uri": uri})).await,
        "invalid_client_metadata",
    );
}

/// RFC 6749 §3.1.2: a redirect URI has no fragment.
pub async fn redirect_uri_regfrag(op: &Provider) {
    let answer = op
        .registration(json!({"redirect_uris": [format!("{CALLBACK}#foobar")]}))
        .await;
    assert_refused(&answer, "invalid_redirect_uri");
}

/// Core §3.1.2.1: `redirect_uri` is required.
pub async fn ensure_redirect_uri_in_authorization_request(op: &Provider) {
    let party = op.register(json!({})).await;
    party.refused(&op.browser(), &[("redirect_uri", WITHOUT)]).await;
}

fn with_query(query: &str) -> String {
    format!("{CALLBACK}?{query}")
}

/// Core §3.1.2.1: a registered query is kept.
pub async fn redirect_uri_query_ok(op: &Provider) {
    let party = op.register(json!({"redirect_uris": [with_query("foo=bar")]})).await;
    party.flow(&op.browser(), &[]).await;
}

/// Core §3.1.2.1: another query than the registered one does not match.
pub async fn redirect_uri_query_mismatch(op: &Provider) {
    let party = op.register(json!({"redirect_uris": [with_query("foo=bar")]})).await;
    party
        .refused(&op.browser(), &[("redirect_uri", &with_query("bar=foo"))])
        .await;
}

/// Core §3.1.2.1: nor does one where none is registered.
pub async fn redirect_uri_query_added(op: &Provider) {
    let party = op.register(json!({})).await;
    party
        .refused(&op.browser(), &[("redirect_uri", &with_query("foo=bar"))])
        .await;
}

/// The smallest PNG.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYJgIAACVAJLYAt6/AAAAAElFTkSuQmCC";

/// The first page of a login for a client with this metadata.
async fn login_page(op: &Provider, metadata: Value) -> Page {
    let party = op.register(metadata).await;
    let page = op.browser().open(&party.url(&party.request(&[]))).await;
    assert_eq!(page.status, 200);
    page
}

/// Registration §2: the login page shows the client's logo.
pub async fn registration_logo_uri(op: &Provider) {
    let logo = op
        .site
        .serve("/logo.png", "image/png", &STANDARD.decode(PIXEL).unwrap());
    let page = login_page(op, json!({"logo_uri": logo})).await;
    assert!(page.has("service-logo"), "{}", page.body);
}

/// Registration §2: and links to what it does with personal data.
pub async fn registration_policy_uri(op: &Provider) {
    let uri = format!("{CALLBACK}/policy");
    let page = login_page(op, json!({"policy_uri": uri})).await;
    assert!(page.body.contains(&format!("href=\"{uri}\"")), "{}", page.body);
}

/// Registration §2: and to its terms of service.
pub async fn registration_tos_uri(op: &Provider) {
    let uri = format!("{CALLBACK}/tos");
    let page = login_page(op, json!({"tos_uri": uri})).await;
    assert!(page.body.contains(&format!("href=\"{uri}\"")), "{}", page.body);
}

async fn with_sector(op: &Provider, document: Value) -> Page {
    let uri = op.site.serve(
        "/redirect_uris.json",
        "application/json",
        document.to_string().as_bytes(),
    );
    op.registration(json!({"subject_type": "pairwise", "sector_identifier_uri": uri}))
        .await
}

/// Registration §5: a sector document that names the redirect URI.
pub async fn registration_sector_uri(op: &Provider) {
    assert!(op.lists("subject_types_supported", "pairwise"));
    let answer = with_sector(op, json!([CALLBACK])).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
}

/// Registration §5: one that does not.
pub async fn registration_sector_bad(op: &Provider) {
    let answer = with_sector(op, json!([format!("{CALLBACK}/other")])).await;
    assert_refused(&answer, "invalid_client_metadata");
}
