//! Threats 1, 3 and 28: a credential works for its client, in its place, whole. (PKCE and replay: `code_replay`.)

use tchap_connect::protocol::client::{Client, ClientAuthMethod};

use crate::support::relying_party::VERIFIER;
use crate::support::{Browser, EMAIL, TestApp, WITHOUT, client, refreshing, refreshing_public};

#[tokio::test]
async fn another_client_cannot_redeem_a_code_and_burns_nothing() {
    let app = TestApp::start().await;
    let owner = app.relying_party("owner").await;
    let mut thief = app
        .register(Client {
            redirect_uris: owner.client.redirect_uris.clone(),
            ..client("thief")
        })
        .await;
    thief.redirect_uri = owner.redirect_uri.clone();
    let public_thief = app
        .register(Client {
            redirect_uris: owner.client.redirect_uris.clone(),
            auth_methods: [ClientAuthMethod::None].into(),
            ..client("public-thief")
        })
        .await;
    let browser = Browser::new(&app);
    let code = owner.sign_in(&browser, &[]).await;
    for thief in [&thief, &public_thief] {
        let answer = thief.token(&thief.form(&code, &[])).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]),
            (400, &"invalid_grant".into())
        );
    }
    let tokens = owner.redeem(&code).await;

    // A replay by somebody else does not kill the owner's tokens either.
    assert_eq!(
        thief.token(&thief.form(&code, &[])).await.json()["error"],
        "invalid_grant"
    );
    assert_eq!(owner.userinfo(&tokens.access_token).await.status, 200);
}

#[tokio::test]
async fn another_client_cannot_refresh_and_ends_nothing() {
    let app = TestApp::start().await;
    let browser = Browser::new(&app);
    let thieves = [
        app.register(refreshing("thief")).await,
        app.register(refreshing_public("public-thief")).await,
    ];
    for owner in [refreshing("owner"), refreshing_public("public-owner")] {
        let owner = app.register(owner).await;
        let url = owner.url(&[("scope", "openid offline_access")]);
        let page = browser.open(&url).await;
        let answer = match page.has("identifier-form") {
            true => browser.sign_in(&url, EMAIL).await,
            false => browser.accept(&page).await,
        };
        let first = owner.redeem(&owner.code(&answer)).await;
        let second = owner.refreshed(first.refresh_token()).await;
        for thief in &thieves {
            // The replaced one of a public client too: only the owner can be robbed of it.
            for token in [first.refresh_token(), second.refresh_token()] {
                let answer = thief.refresh(token, &[]).await;
                assert_eq!(
                    (answer.status.as_u16(), &answer.json()["error"]),
                    (400, &"invalid_grant".into())
                );
            }
        }
        owner.refreshed(second.refresh_token()).await;
    }
}

#[tokio::test]
async fn one_kind_of_secret_is_never_taken_for_another() {
    let app = TestApp::start().await;
    let service = app.register(refreshing("service")).await;
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    let flow = page.url.path_segments().unwrap().next_back().unwrap().to_owned();
    let tokens = service
        .tokens(&browser, &[("scope", "openid profile email offline_access")])
        .await;
    let refresh = tokens.refresh_token();
    let code = service.code(&browser.get(&service.url(&[])).await);
    let cookie = browser.cookie("tchap-connect").expect("a session");
    let secret = service.secret.clone().unwrap();
    let sid = tokens.claims["sid"].as_str().unwrap();

    for other in [
        &*code,
        &tokens.id_token,
        refresh,
        &cookie,
        &flow,
        &secret,
        sid,
        VERIFIER,
    ] {
        let answer = service.userinfo(other).await;
        assert_eq!(answer.status, 401, "as an access token: {other}");
    }
    for other in [
        &*code,
        &tokens.access_token,
        &tokens.id_token,
        &cookie,
        &flow,
        &secret,
        sid,
        VERIFIER,
    ] {
        let answer = service.refresh(other, &[]).await;
        assert_eq!(answer.json()["error"], "invalid_grant", "as a refresh token: {other}");
    }
    for other in [&*code, &tokens.id_token, &cookie, &flow, &secret, sid, VERIFIER] {
        assert_eq!(
            service.introspect(other).await,
            serde_json::json!({"active": false}),
            "{other}"
        );
        assert_eq!(
            service.send("/revoke", &[("token", other)]).await.status,
            200,
            "{other}"
        );
    }
    for other in [
        &*tokens.access_token,
        &tokens.id_token,
        refresh,
        &cookie,
        &flow,
        &secret,
        sid,
        VERIFIER,
    ] {
        let answer = service.token(&service.form(other, &[])).await;
        assert_eq!(answer.json()["error"], "invalid_grant", "as a code: {other}");
    }
    for other in [&*code, &tokens.access_token, refresh, &flow, &cookie] {
        let form = service.form(&code, &[("client_secret", other)]);
        assert_eq!(service.token_with(&form, &[]).await.status, 401, "as a client secret");
        let page = browser
            .get(&format!("/login/sso/{}/{other}?loginToken=x", crate::support::NAME))
            .await;
        assert_eq!(page.text("error-code"), "TC-FLOW-EXPIRED", "as a login attempt");
        if other != flow {
            // A POST: the page of a GET links to its own address.
            let page = browser.post(&format!("/authorize/{other}/leave"), &[]).await;
            assert_eq!(page.text("error-code"), "TC-FLOW-EXPIRED", "as a flow");
            let answer = browser.get(&service.url(&[("id_token_hint", other)])).await;
            assert_eq!(service.error(&answer), "invalid_request", "as an ID token hint");
            if other == cookie {
                continue;
            }
            let planted = Browser::new(&app);
            planted.set_cookie("tchap-connect", other);
            let answer = planted.get(&service.url(&[("prompt", "none")])).await;
            assert_eq!(service.error(&answer), "login_required", "as a session");
        }
    }
    service.redeem(&code).await;
    service.refreshed(refresh).await;
}

#[tokio::test]
async fn a_token_cut_or_extended_is_no_token() {
    let app = TestApp::start().await;
    let service = app.register(refreshing_public("service")).await;
    let browser = Browser::new(&app);
    let tokens = service.tokens(&browser, &[("scope", "openid offline_access")]).await;
    let code = service.code(&browser.get(&service.url(&[("scope", "openid")])).await);
    let altered = |text: &str| {
        let flipped = if text.ends_with('A') { "B" } else { "A" };
        [
            text[..text.len() - 1].to_owned(),
            text[1..].to_owned(),
            format!("{text}A"),
            format!("{text}="),
            format!("A{text}"),
            format!("{}{flipped}", &text[..text.len() - 1]),
            text.to_uppercase(),
            format!("{text} {text}"),
        ]
    };
    for bad in altered(&tokens.access_token) {
        assert_eq!(service.userinfo(&bad).await.status, 401, "{bad}");
    }
    for bad in altered(tokens.refresh_token()) {
        let answer = service.refresh(&bad, &[]).await;
        assert_eq!(answer.json()["error"], "invalid_grant", "{bad}");
        assert_eq!(service.send("/revoke", &[("token", &bad)]).await.status, 200, "{bad}");
    }
    service.refreshed(tokens.refresh_token()).await;
    for bad in altered(&code) {
        assert_eq!(
            service.token(&service.form(&bad, &[])).await.json()["error"],
            "invalid_grant",
            "{bad}"
        );
    }
    for bad in altered(&tokens.id_token) {
        let answer = browser.get(&service.url(&[("id_token_hint", &bad)])).await;
        assert_eq!(service.error(&answer), "invalid_request", "{bad}");
    }
    assert_eq!(
        service.token(&service.form(&code, &[("code", WITHOUT)])).await.json()["error"],
        "invalid_request"
    );
    service.redeem(&code).await;
}
