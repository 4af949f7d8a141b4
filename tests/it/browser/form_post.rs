//! An authorization response by form_post, across sites: sent on by the page's script, or by its button where scripts do not
//! run. The policy of the page forbids neither.

use axum::Router;
use axum::response::Html;
use axum::routing::post;
use tchap_connect::protocol::client::Client;
use tokio::net::TcpListener;

use crate::support::chromium::Chromium;
use crate::support::{TestApp, client};

/// A service on another site that shows what was posted to it.
async fn receiver() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let show = async |body: String| Html(format!("<p id=\"posted\">{body}</p>"));
    let router = Router::new().route("/callback", post(show));
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://localhost:{port}/callback")
}

#[tokio::test]
#[ignore = "needs make test"]
async fn a_response_is_posted_with_scripts_and_without() {
    let app = TestApp::start().await;
    let service = app
        .register(Client {
            redirect_uris: vec![receiver().await],
            ..client("service")
        })
        .await;
    let url = service.url(&[("response_mode", "form_post"), ("prompt", "none"), ("state", "s1")]);
    let browser = Chromium::start("fr-FR,fr").await;
    browser.open(&url).await;
    assert!(browser.text("posted").await.contains("error=login_required"));
    assert_eq!(browser.console_warnings().await, Vec::<String>::new());

    browser.without_scripts().await;
    browser.open(&url).await;
    browser.click("form-post-submit").await;
    let posted = browser.text("posted").await;
    assert!(posted.contains("state=s1") && posted.contains("iss="), "{posted}");
}
