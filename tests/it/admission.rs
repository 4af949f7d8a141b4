//! Threats 10 and 11: the policy (guests, closed accounts, homeservers taken off the list) is asked on every way to a
//! token, not at login only.

use std::sync::Arc;

use tchap_connect::protocol::client::Client;

use crate::console::cli::run_command;
use crate::console::recorded;
use crate::support::homeserver::ScriptedHomeserver;
use crate::support::relying_party::Tokens;
use crate::support::{Browser, EMAIL, JEAN, NAME, PASSWORD, RelyingParty, TestApp, client, refreshing};

async fn with_guests() -> TestApp {
    let mut app = TestApp::start().await;
    let homeserver = app.homeserver.clone();
    app.add_homeserver(&homeserver, |listed| listed.guests = true).await;
    app
}

async fn open_door(app: &TestApp) -> RelyingParty {
    app.register(Client {
        admits_guests: true,
        ..client("open")
    })
    .await
}

#[tokio::test]
async fn a_guest_is_told_why_and_then_refused_on_every_way() {
    let app = with_guests().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    let page = browser.log_in(&page, EMAIL, PASSWORD).await;
    assert_eq!(page.text("error-code"), "TC-GUEST");
    let answer = browser.submit(&page, "leave", &[]).await;
    assert_eq!(service.error(&answer), "access_denied");

    // Single sign-on: a session is there, the page comes at once.
    let page = browser.open(&service.url(&[])).await;
    assert_eq!(page.text("error-code"), "TC-GUEST");
    let answer = browser.get(&service.url(&[("prompt", "none")])).await;
    assert_eq!(
        service.error(&answer),
        "access_denied",
        "at once where no page may be shown"
    );
    let page = browser.submit(&page, "restart", &[]).await;
    assert!(page.has("identifier-form"), "another account may do");
}

#[tokio::test]
async fn a_client_that_admits_guests_gets_them_at_their_level() {
    let app = with_guests().await;
    let open = open_door(&app).await;
    let browser = Browser::new(&app);
    let tokens = open
        .tokens(&browser, &[("scope", "openid tchap belonging_population")])
        .await;
    assert_eq!(tokens.claims["acr"], "eidas0");
    let claims = open.claims(&tokens).await;
    assert_eq!(
        (&claims["tchap_guest"], &claims["belonging_population"]),
        (&true.into(), &"partenaire".into())
    );
    let essential = r#"{"id_token":{"acr":{"essential":true,"value":"eidas1"}}}"#;
    let answer = browser
        .get(&open.url(&[("claims", essential), ("prompt", "none")]))
        .await;
    assert_eq!(open.error(&answer), "unmet_authentication_requirements");
}

#[tokio::test]
async fn a_policy_that_tightens_stops_codes_tokens_and_sessions() {
    let app = with_guests().await;
    let open = open_door(&app).await;
    let browser = Browser::new(&app);
    let tokens = open.tokens(&browser, &[]).await;
    let code = open.code(&browser.get(&open.url(&[])).await);
    app.update(&Client {
        admits_guests: false,
        ..open.client.clone()
    })
    .await;
    assert_eq!(
        open.token(&open.form(&code, &[])).await.json()["error"],
        "invalid_grant",
        "a code issued before"
    );
    assert_eq!(
        open.userinfo(&tokens.access_token).await.status,
        401,
        "a token issued before"
    );
    let answer = browser.get(&open.url(&[("prompt", "none")])).await;
    assert_eq!(open.error(&answer), "access_denied");
}

const SERVED: (u16, u16, [bool; 2]) = (200, 200, [true, true]);
const REFUSED: (u16, u16, [bool; 2]) = (400, 401, [false, false]);

/// What each way to an agent's data answers for these tokens: refresh, UserInfo, introspection of both.
async fn ways(service: &RelyingParty, tokens: &Tokens) -> (u16, u16, [bool; 2]) {
    let refresh = service.refresh(tokens.refresh_token(), &[]).await;
    if refresh.status != 200 {
        assert_eq!(refresh.json()["error"], "invalid_grant");
    }
    let userinfo = service.userinfo(&tokens.access_token).await;
    let active = async |token: &str| {
        let answer = service.introspect(token).await;
        let active = answer["active"] == true;
        assert!(active || answer == serde_json::json!({"active": false}), "{answer}");
        active
    };
    let active = [active(&tokens.access_token).await, active(tokens.refresh_token()).await];
    (refresh.status.as_u16(), userinfo.status.as_u16(), active)
}

/// A policy that tightens refuses, and does not end what may be allowed again; a closed account is closed for good.
#[tokio::test]
async fn refresh_and_introspection_ask_the_policy_each_time() {
    let app = with_guests().await;
    let open = Client {
        admits_guests: true,
        ..refreshing("open")
    };
    let service = app.register(open.clone()).await;
    let tokens = service
        .tokens(&Browser::new(&app), &[("scope", "openid offline_access")])
        .await;
    assert_eq!(ways(&service, &tokens).await, SERVED);
    app.update(&refreshing("open")).await;
    assert_eq!(ways(&service, &tokens).await, REFUSED, "no guests");
    app.update(&open).await;
    assert_eq!(ways(&service, &tokens).await, SERVED, "guests again");

    let listed = app.homeserver.listed();
    app.unlist(NAME).await;
    assert_eq!(ways(&service, &tokens).await, REFUSED, "off the list");
    app.list(&listed).await;
    assert_eq!(ways(&service, &tokens).await, SERVED, "on the list again");

    let agent = app.app.store.find_open_agent(NAME, JEAN).await.unwrap().unwrap();
    app.app.store.close_agent(&agent.id, app.app.clock.now()).await.unwrap();
    assert_eq!(ways(&service, &tokens).await, REFUSED, "closed");
}

#[tokio::test]
async fn a_homeserver_taken_off_the_list_takes_its_agents_along() {
    let mut app = TestApp::start().await;
    let other = Arc::new(ScriptedHomeserver::start("other.tchap.test").await);
    app.add_homeserver(&other, |_| {}).await;
    let service = app.register(refreshing("service")).await;
    let browser = Browser::new(&app);
    let answer = browser
        .sign_in(&service.url(&[("scope", "openid offline_access")]), JEAN)
        .await;
    let tokens = service.redeem(&service.code(&answer)).await;
    let code = service.code(&browser.get(&service.url(&[("scope", "openid")])).await);
    assert_eq!(ways(&service, &tokens).await, SERVED);
    let unknown = run_command(&app, &["homeserver", "remove", "nowhere.test"]).unwrap_err();
    assert!(unknown.contains("not on the list"), "{unknown}");
    run_command(&app, &["homeserver", "remove", NAME]).unwrap();
    let left = run_command(&app, &["homeserver", "list", "--json"]).unwrap();
    assert!(left.contains("other.tchap.test") && !left.contains(NAME), "{left}");
    let recorded = recorded(&app, "homeserver.retired").await;
    assert_eq!((recorded.len(), recorded[0].0.as_str()), (1, "command_line"));

    assert_eq!(ways(&service, &tokens).await, REFUSED);
    let elsewhere = Browser::new(&app);
    let login = elsewhere.open(&service.url(&[])).await;
    let login = elsewhere.identify(&login, JEAN).await;
    assert!(!login.has("password-form"), "{}", login.body);
    assert_eq!(
        service.token(&service.form(&code, &[])).await.json()["error"],
        "invalid_grant"
    );
    let answer = browser.get(&service.url(&[("prompt", "none")])).await;
    assert_eq!(service.error(&answer), "access_denied");
    let page = browser.open(&service.url(&[])).await;
    assert_eq!(page.text("error-code"), "TC-NOT-ADMITTED");
}

#[tokio::test]
async fn a_closed_agent_is_nobody_on_every_way() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let tokens = service.tokens(&browser, &[]).await;
    let code = service.code(&browser.get(&service.url(&[])).await);
    let waiting = browser.open(&service.url(&[("prompt", "consent")])).await;
    let agent = app.app.store.find_open_agent(NAME, JEAN).await.unwrap().unwrap();
    app.app.store.close_agent(&agent.id, app.app.clock.now()).await.unwrap();

    assert_eq!(service.userinfo(&tokens.access_token).await.status, 401);
    assert_eq!(
        service.token(&service.form(&code, &[])).await.json()["error"],
        "invalid_grant"
    );
    let answer = browser.get(&service.url(&[("prompt", "none")])).await;
    assert_eq!(service.error(&answer), "login_required");
    let page = browser.accept(&waiting).await;
    assert!(
        page.has("identifier-form"),
        "consent of a closed agent counts for nothing"
    );
}
