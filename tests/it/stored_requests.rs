//! What of a request reaches the database: nothing that it cannot take, nothing that it cannot give back, nothing unread.

use crate::support::relying_party::basic;
use crate::support::{Browser, TestApp};

/// PostgreSQL takes no NUL in a text.
#[tokio::test]
async fn a_nul_is_refused_wherever_an_id_is_read() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    for (url, status, code) in [
        ("/authorize/%00", 400, "TC-FLOW-EXPIRED"),
        ("/login/sso/%00/%00", 400, "TC-FLOW-BROWSER"),
        ("/authorize?client_id=a%00b", 400, "TC-REQUEST"),
        ("/authorize?client_id=service&a%00=b", 400, "TC-REQUEST"),
    ] {
        let page = browser.get(url).await;
        assert_eq!(
            (page.status.as_u16(), page.text("error-code").as_str()),
            (status, code),
            "{url}"
        );
    }
    let form = [("grant_type", "authorization_code"), ("client_id", "a\0b")];
    assert_eq!(service.token_with(&form, &[]).await.json()["error"], "invalid_request");
    let basic = ("authorization", basic("a\0b", "secret"));
    let answer = service.token_with(&form[..1], &[basic]).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["error"]),
        (401, &"invalid_client".into())
    );
}

/// What is read back must not be deeper than what can be read.
#[tokio::test]
async fn deep_claims_are_refused_at_once_or_their_code_is_redeemed() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    service.tokens(&browser, &[]).await;
    let mut redeemed = Vec::new();
    for depth in 115..130 {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        let claims = format!(r#"{{"id_token":{{"name":{{"values":{open}{close}}}}}}}"#);
        let answer = browser.get(&service.url(&[("claims", &claims)])).await;
        let accepted = service.answer(&answer).iter().any(|(member, _)| member == "code");
        match accepted {
            true => redeemed.push(service.redeem(&service.code(&answer)).await.claims["name"].clone()),
            false => assert_eq!(service.error(&answer), "invalid_request", "{depth}"),
        }
    }
    assert!(!redeemed.is_empty() && redeemed.iter().all(|name| name == "Jean Dupont"));
}

#[tokio::test]
async fn a_flow_keeps_nothing_that_is_not_read() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let long = "x".repeat(12_000);
    let unread = [
        ("unknown", long.as_str()),
        ("acr_values", "eidas1"),
        ("login_hint", &long),
        ("ui_locales", &long),
    ];
    let answer = browser.get(&service.url(&unread)).await;
    let flow_id = answer.location().path().rsplit('/').next().unwrap().to_owned();
    let now = app.app.clock.now();
    let flow = app.app.store.find_flow(&flow_id, now).await.unwrap().expect("a flow");
    let mut kept: Vec<_> = url::form_urlencoded::parse(flow.params.as_bytes())
        .into_owned()
        .collect();
    let mut sent = service.parameters(&[]);
    kept.sort();
    sent.sort();
    let sent: Vec<_> = sent
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    assert_eq!(kept, sent);

    let digits = "0".repeat(12_000);
    for (name, value) in [
        ("scope", long.as_str()),
        ("prompt", &"login ".repeat(2000)),
        ("max_age", &digits),
    ] {
        let value = format!("openid {value}");
        let value = if name == "scope" { &value } else { &value[7..] };
        assert_eq!(
            service.error(&browser.get(&service.url(&[(name, value)])).await),
            "invalid_request",
            "{name}"
        );
    }
}
