//! Where an authorization response stands: query, fragment, or a form that the browser posts (Multiple Response Types §2.1,
//! Form Post Response Mode §2). Threat row 7: what a client sends never becomes markup.

use tchap_connect::protocol::client::{ApplicationType, Client};

use crate::support::relying_party::STATE;
use crate::support::{Browser, Page, TestApp, client};

const HOSTILE: &str = "\"><script>alert(1)</script><input name='x' value='";

fn is_a_safe_form(page: &Page, redirect_uri: &str) {
    assert_eq!(page.status, 200);
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(page.header("content-type").starts_with("text/html"));
    let csp = page.header("content-security-policy");
    assert!(csp.contains("script-src 'self'") && !csp.contains("unsafe"), "{csp}");
    assert!(
        !csp.contains("form-action"),
        "browsers apply it to the client's redirects too: {csp}"
    );
    let form = page.form("form-post");
    assert_eq!(form.action, redirect_uri);
    assert!(page.has("form-post-submit"), "it works without JavaScript");
    assert_eq!(
        page.body.matches("<script").count(),
        1,
        "one script, a file of ours: {}",
        page.body
    );
}

#[tokio::test]
async fn a_response_comes_in_the_mode_that_was_asked_for() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    service.sign_in(&browser, &[]).await;
    let location = |page: &Page| page.header("location").to_owned();

    let query = browser.open(&service.url(&[("response_mode", "query")])).await;
    assert!(location(&query).starts_with("https://service.example/callback?code="));
    let fragment = browser.open(&service.url(&[("response_mode", "fragment")])).await;
    assert!(location(&fragment).starts_with("https://service.example/callback#code="));
    let form = browser.open(&service.url(&[("response_mode", "form_post")])).await;
    is_a_safe_form(&form, "https://service.example/callback");
    for page in [&query, &fragment, &form] {
        service.redeem(&service.code(page)).await;
    }
}

#[tokio::test]
async fn a_form_that_follows_the_consent_page_carries_the_code() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let code = service
        .sign_in(&Browser::new(&app), &[("response_mode", "form_post")])
        .await;
    service.redeem(&code).await;
}

#[tokio::test]
async fn errors_come_in_the_same_mode() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    for mode in ["query", "fragment", "form_post"] {
        let answer = browser
            .open(&service.url(&[("response_mode", mode), ("prompt", "none")]))
            .await;
        assert_eq!(service.error(&answer), "login_required", "{mode}");
        assert_eq!(answer.has("form-post"), mode == "form_post");
        let answer = browser
            .open(&service.url(&[("response_mode", mode), ("prompt", "nonsense")]))
            .await;
        assert_eq!(service.error(&answer), "invalid_request", "{mode}");
    }
    // A request that cannot be trusted stays a page.
    let stranger = [
        ("response_mode", "form_post"),
        ("redirect_uri", "https://evil.example/"),
    ];
    let page = browser.open(&service.url(&stranger)).await;
    assert_eq!(page.status, 400);
    assert!(!page.has("form-post"));
}

#[tokio::test]
async fn a_state_is_never_markup() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let request = [("response_mode", "form_post"), ("prompt", "none"), ("state", HOSTILE)];
    let page = Browser::new(&app).open(&service.url(&request)).await;
    is_a_safe_form(&page, "https://service.example/callback");
    let form = page.form("form-post");
    let state = form.fields.iter().find(|(name, _)| name == "state");
    assert_eq!(state.map(|(_, value)| value.as_str()), Some(HOSTILE));
    assert_ne!(HOSTILE, STATE);
    assert!(!form.fields.iter().any(|(name, _)| name == "x"));
}

#[tokio::test]
async fn a_private_scheme_takes_no_form() {
    let app = TestApp::start().await;
    let service = app
        .register(Client {
            redirect_uris: vec!["fr.example.app:/callback".into()],
            application_type: ApplicationType::Native,
            ..client("service")
        })
        .await;
    let answer = Browser::new(&app)
        .open(&service.url(&[("response_mode", "form_post")]))
        .await;
    assert_eq!(service.error(&answer), "invalid_request");
}
