//! Front-Channel Logout 1.0: the page that tells relying parties in the browser.

use super::{BYE, assert_page, is_signed_in, leaving, logout};
use crate::support::{Browser, RelyingParty, TestApp, html};

async fn framed(app: &TestApp, id: &str, uri: &str) -> RelyingParty {
    let mut client = leaving(id);
    client.logout.frontchannel_logout_uri = Some(uri.into());
    app.register(client).await
}

#[tokio::test]
async fn the_page_loads_a_frame_of_each_participant_and_goes_on() {
    let app = TestApp::start().await;
    let service = framed(&app, "service", "https://service.example/out?x=1").await;
    let other = framed(&app, "other", "https://other.example:8443/out").await;
    framed(&app, "absent", "https://absent.example/out").await;
    let silent = app.relying_party("silent").await;
    let disabled = framed(&app, "disabled", "https://disabled.example/out").await;
    let browser = Browser::new(&app);
    let tokens = service.tokens(&browser, &[]).await;
    let mut others = Vec::new();
    for other in [&other, &silent, &disabled] {
        let page = browser.open(&other.url(&[])).await;
        others.push(other.redeem(&other.code(&browser.accept(&page).await)).await);
    }
    let mut client = disabled.client.clone();
    client.disabled = true;
    app.update(&client).await;

    let request = [
        ("id_token_hint", tokens.id_token.as_str()),
        ("post_logout_redirect_uri", BYE),
        ("state", "a b"),
    ];
    let page = browser.open(&logout(&request)).await;
    assert_page(&page, "signed-out");
    let frames: Vec<_> = html::tags(&page.body)
        .into_iter()
        .filter(|tag| tag.name == "iframe")
        .map(|tag| tag.get("src").unwrap().to_owned())
        .collect();
    let iss: String = url::form_urlencoded::byte_serialize(app.base_url.as_bytes()).collect();
    let sid = |claims: &serde_json::Value| claims["sid"].as_str().unwrap().to_owned();
    assert_eq!(
        frames,
        [
            format!(
                "https://other.example:8443/out?iss={iss}&sid={}",
                sid(&others[0].claims)
            ),
            format!("https://service.example/out?x=1&iss={iss}&sid={}", sid(&tokens.claims)),
        ]
    );
    let csp = page.header("content-security-policy");
    assert!(
        csp.ends_with("; frame-src https://other.example:8443 https://service.example"),
        "{csp}"
    );
    assert_eq!(page.header("refresh"), format!("3;url={BYE}&state=a+b"));
    let link = html::by_id(&page.body, "back-to-service").unwrap();
    assert_eq!(link.get("href"), Some(format!("{BYE}&state=a+b").as_str()));
    assert!(!is_signed_in(&service, &browser).await);

    // Shown again, there is nobody left to tell.
    assert_eq!(browser.get(page.url.as_str()).await.status, 303);
}

#[tokio::test]
async fn without_a_place_to_go_the_page_stays() {
    let app = TestApp::start().await;
    let service = framed(&app, "service", "https://service.example/out").await;
    let browser = Browser::new(&app);
    service.tokens(&browser, &[]).await;
    let asked = browser.open("/logout").await;
    assert!(
        !asked.header("content-security-policy").contains("frame-src"),
        "on that page only"
    );
    let page = browser.submit_once(&asked, "logout-form", &[("answer", "leave")]).await;
    assert_page(&page, "signed-out");
    assert!(
        page.body
            .contains("<iframe hidden src=\"https://service.example/out?iss=")
    );
    // It can do what a page of the service can, but for leading the window elsewhere.
    let frame = html::tags(&page.body)
        .into_iter()
        .find(|tag| tag.name == "iframe")
        .unwrap();
    assert_eq!(frame.get("sandbox"), Some("allow-scripts allow-same-origin"));
    assert!(!page.headers.contains_key("refresh") && !page.has("back-to-service"));
}

/// A host may be stored from before it had to be plain: it writes no directive into the page's policy, and gets no frame.
#[tokio::test]
async fn a_host_with_signs_in_it_is_left_out() {
    let app = TestApp::start().await;
    let service = framed(&app, "service", "https://service.example/out").await;
    let others = [
        framed(&app, "semicolon", "https://x;sandbox/out").await,
        framed(&app, "comma", "https://x,y.example/out").await,
        framed(&app, "quote", "https://'unsafe-inline'/out").await,
        framed(&app, "star", "https://*.example/out").await,
    ];
    let browser = Browser::new(&app);
    let tokens = service.tokens(&browser, &[]).await;
    for other in &others {
        let page = browser.open(&other.url(&[])).await;
        other.redeem(&other.code(&browser.accept(&page).await)).await;
    }
    let page = browser.open(&logout(&[("id_token_hint", &tokens.id_token)])).await;
    assert_page(&page, "signed-out");
    assert_eq!(page.body.matches("<iframe").count(), 1, "{}", page.body);
    let csp = page.header("content-security-policy");
    assert!(csp.ends_with("; frame-src https://service.example"), "{csp}");
}
