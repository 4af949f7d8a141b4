//! Threat 6: redirect URIs are compared as strings; the only latitude is the port of a loopback address.

use tchap_connect::protocol::client::{ApplicationType, Client, ClientAuthMethod};

use crate::support::{Browser, EMAIL, TestApp, client};

#[tokio::test]
async fn nothing_but_the_registered_text_is_a_place_to_return_to() {
    let app = TestApp::start().await;
    let service = app
        .register(Client {
            redirect_uris: vec!["https://service.example/app/callback?a=1".into()],
            ..client("service")
        })
        .await;
    let browser = Browser::new(&app);
    for other in [
        "https://service.example/app/callback",
        "https://service.example/app/callback?a=1&b=2",
        "https://service.example/app/callback?a=2",
        "https://service.example/app/callback?a=1#",
        "https://service.example/app/callback?a=1#fragment",
        "https://service.example/app/callback/?a=1",
        "https://service.example/app/callback/../callback?a=1",
        "https://service.example/app/;/callback?a=1",
        "https://service.example/app/%63allback?a=1",
        "https://service.example/app/%2e/callback?a=1",
        "https://service.example//app/callback?a=1",
        "https://service.example/APP/callback?a=1",
        "https://SERVICE.example/app/callback?a=1",
        "HTTPS://service.example/app/callback?a=1",
        "https://service.example./app/callback?a=1",
        "https://service.example:443/app/callback?a=1",
        "https://service.example:8443/app/callback?a=1",
        "http://service.example/app/callback?a=1",
        "https://service.example@evil.example/app/callback?a=1",
        "https://evil.example@service.example/app/callback?a=1",
        "https://service.example.evil.example/app/callback?a=1",
        "https://serviceXexample/app/callback?a=1",
        "https://evil.example/?https://service.example/app/callback?a=1",
        "https://service.example\\@evil.example/app/callback?a=1",
        "https://service.example/app/callback?a=1\t",
        "https://service.example/app/callback?a=1\n",
        " https://service.example/app/callback?a=1",
        "https://service.example/app/callback?a=1 ",
        "https://s\u{435}rvice.example/app/callback?a=1",
        "//service.example/app/callback?a=1",
        "/app/callback?a=1",
        "javascript:alert(1)//service.example/app/callback?a=1",
    ] {
        let page = browser.get(&service.url(&[("redirect_uri", other)])).await;
        assert_eq!((page.status.as_u16(), page.header("location")), (400, ""), "{other:?}");
        assert_eq!(page.text("error-code"), "TC-REDIRECT-URI", "{other:?}");
        let tags = crate::support::html::tags(&page.body);
        let mut links = tags.iter().filter_map(|tag| tag.get("href").or(tag.get("action")));
        assert!(links.all(|link| link.starts_with(['/', '#'])), "{other:?} is a link");
    }
    let answer = browser.sign_in(&service.url(&[]), EMAIL).await;
    assert!(
        answer
            .header("location")
            .starts_with("https://service.example/app/callback?a=1&code=")
    );
    service.code(&answer);
}

#[tokio::test]
async fn a_loopback_client_may_come_from_any_port_and_nothing_else() {
    let app = TestApp::start().await;
    let service = app
        .register(Client {
            application_type: ApplicationType::Native,
            auth_methods: [ClientAuthMethod::None].into(),
            redirect_uris: vec!["http://127.0.0.1/callback".into(), "http://[::1]:7/callback".into()],
            ..client("native")
        })
        .await;
    let browser = Browser::new(&app);
    for fine in [
        "http://127.0.0.1/callback",
        "http://127.0.0.1:51004/callback",
        "http://[::1]:51004/callback",
        "http://[::1]/callback",
    ] {
        let answer = browser
            .get(&service.url(&[("redirect_uri", fine), ("prompt", "none")]))
            .await;
        assert!(
            answer
                .header("location")
                .starts_with(&format!("{fine}?error=login_required")),
            "{fine}"
        );
    }
    for other in [
        "http://localhost:51004/callback",
        "http://127.0.0.2:51004/callback",
        "http://127.0.0.1.evil.example/callback",
        "http://127.0.0.1:51004@evil.example/callback",
        "http://127.0.0.1:99999/callback",
        "http://127.0.0.1:/callback",
        "http://127.0.0.1:-1/callback",
        "http://127.0.0.1:51004/callback/",
        "http://127.0.0.1:51004/other",
        "https://127.0.0.1:51004/callback",
        "http://2130706433/callback",
        "http://0x7f.1/callback",
        "http://[::ffff:127.0.0.1]/callback",
    ] {
        let page = browser.get(&service.url(&[("redirect_uri", other)])).await;
        assert_eq!(page.text("error-code"), "TC-REDIRECT-URI", "{other}");
    }
}

#[tokio::test]
async fn the_port_that_was_used_is_the_port_at_the_token_endpoint() {
    let app = TestApp::start().await;
    let mut service = app
        .register(Client {
            application_type: ApplicationType::Native,
            auth_methods: [ClientAuthMethod::None].into(),
            redirect_uris: vec!["http://127.0.0.1/callback".into()],
            ..client("native")
        })
        .await;
    service.redirect_uri = "http://127.0.0.1:51004/callback".into();
    let code = service.sign_in(&Browser::new(&app), &[]).await;
    let wrong = service
        .token(&service.form(&code, &[("redirect_uri", "http://127.0.0.1:51005/callback")]))
        .await;
    assert_eq!(wrong.json()["error"], "invalid_grant");
    service.redeem(&code).await;
}
