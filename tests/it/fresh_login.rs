//! Who must sign in again, when, and as whom: `prompt`, `max_age`, `id_token_hint`, the `claims` parameter's `sub`
//! (Core §3.1.2.1; protocol notes §2). A fresher `auth_time` than known is never claimed.

use serde_json::json;
use tchap_connect::protocol::client::Client;

use crate::support::{Browser, EMAIL, LOCAL_PART, MARIES_EMAIL, PASSWORD, Page, RelyingParty, TestApp, marie};

async fn error(service: &RelyingParty, browser: &Browser, changes: &[(&str, &str)]) -> String {
    service.error(&browser.get(&service.url(changes)).await)
}

#[tokio::test]
async fn prompt_login_is_a_real_new_login_by_password() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let first = service.tokens(&browser, &[("max_age", "10000")]).await;
    app.advance(100);
    let page = browser
        .open(&service.url(&[("prompt", "login"), ("max_age", "10000")]))
        .await;
    let answer = browser.log_in(&page, EMAIL, PASSWORD).await;
    let second = service.redeem(&service.code(&answer)).await;
    assert_eq!(second.claims["auth_time"], app.app.clock.now());
    assert_ne!(first.claims["auth_time"], second.claims["auth_time"]);
    assert_eq!(app.homeserver.issued_tokens(), 2);
}

#[tokio::test]
async fn a_failed_password_is_no_new_login() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    service.tokens(&browser, &[]).await;
    let page = browser.open(&service.url(&[("prompt", "login")])).await;
    let flow = page.url.clone();
    let page = browser.log_in(&page, EMAIL, "wrong password").await;
    assert!(page.has("error-message"));
    assert!(
        browser.open(flow.as_str()).await.has("password-form"),
        "the old session does not pass for a new one"
    );
}

#[tokio::test]
async fn prompt_login_by_single_sign_on_cannot_be_proven_unless_the_server_always_asks() {
    let mut app = TestApp::start().await;
    app.by_sso();
    let service = app.relying_party("service").await;
    for fresh in [&[("prompt", "login")][..], &[("max_age", "0")], &[("max_age", "10000")]] {
        let browser = Browser::new(&app);
        let page = browser.open(&service.url(fresh)).await;
        let page = browser.identify(&page, EMAIL).await;
        assert_eq!(page.text("error-code"), "TC-FRESH-LOGIN", "{fresh:?}");
        let answer = browser.submit(&page, "leave", &[]).await;
        assert_eq!(service.error(&answer), "login_required", "{fresh:?}");
    }
    let homeserver = app.homeserver.clone();
    app.add_homeserver(&homeserver, |listed| listed.sso_always_asks = true)
        .await;
    for fresh in [&[("prompt", "login")][..], &[("max_age", "0")], &[("max_age", "10000")]] {
        let browser = Browser::new(&app);
        let page = browser.open(&service.url(fresh)).await;
        let mut answer = browser.identify(&page, EMAIL).await;
        if answer.has("consent-form") {
            answer = browser.accept(&answer).await;
        }
        let tokens = service.redeem(&service.code(&answer)).await;
        if fresh[0].0 == "max_age" {
            assert_eq!(tokens.claims["auth_time"], app.app.clock.now(), "{fresh:?}");
        }
    }
}

#[tokio::test]
async fn max_age_asks_again_when_exceeded_only() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let first = service.tokens(&browser, &[]).await;
    let start = app.app.clock.now();
    assert!(first.claims["auth_time"].is_null() || first.claims["auth_time"] == start);
    app.advance(100);
    let silent = service.silently(&browser, &[("max_age", "100")]).await;
    assert_eq!(silent.claims["auth_time"], start);
    app.advance(1);
    assert_eq!(
        error(&service, &browser, &[("max_age", "100"), ("prompt", "none")]).await,
        "login_required"
    );
    let page = browser.open(&service.url(&[("max_age", "100")])).await;
    let answer = browser.log_in(&page, EMAIL, PASSWORD).await;
    let again = service.redeem(&service.code(&answer)).await;
    assert_eq!(again.claims["auth_time"], start + 101);
    let page = browser.open(&service.url(&[("max_age", "0")])).await;
    assert!(page.has("identifier-form"), "max_age=0 is prompt=login");
    assert_eq!(
        error(&service, &browser, &[("max_age", "0"), ("prompt", "none")]).await,
        "login_required"
    );
}

#[tokio::test]
async fn auth_time_is_given_when_a_client_registered_for_it() {
    let app = TestApp::start().await;
    let mut registered = crate::support::client("service");
    registered.require_auth_time = true;
    let service = app.register(registered.clone()).await;
    let tokens = service.tokens(&Browser::new(&app), &[]).await;
    assert_eq!(tokens.claims["auth_time"], app.app.clock.now());
    registered.id = "aged".into();
    registered.require_auth_time = false;
    registered.default_max_age = Some(10);
    let service = app.register(registered).await;
    let browser = Browser::new(&app);
    service.tokens(&browser, &[]).await;
    app.advance(11);
    assert_eq!(error(&service, &browser, &[("prompt", "none")]).await, "login_required");
}

#[tokio::test]
async fn whoever_requires_auth_time_gets_it_or_a_new_login() {
    let mut app = TestApp::start().await;
    app.by_sso();
    let service = app.relying_party("service").await;
    let requiring = app
        .register(Client {
            require_auth_time: true,
            ..crate::support::client("requiring")
        })
        .await;
    let browser = Browser::new(&app);
    let page = browser.identify(&browser.open(&service.url(&[])).await, EMAIL).await;
    let tokens = service.redeem(&service.code(&browser.accept(&page).await)).await;
    assert!(tokens.claims["auth_time"].is_null(), "not known of this session");
    let voluntary = json!({"id_token": {"auth_time": null}}).to_string();
    let tokens = service.silently(&browser, &[("claims", &voluntary)]).await;
    assert!(tokens.claims["auth_time"].is_null(), "voluntary: given when known");

    let essential = json!({"id_token": {"auth_time": {"essential": true}}}).to_string();
    let essential = [("claims", &*essential)];
    for (service, asked) in [(&requiring, &[][..]), (&service, &essential)] {
        let silent = [asked, &[("prompt", "none")]].concat();
        assert_eq!(error(service, &browser, &silent).await, "login_required");
        let page = browser.open(&service.url(asked)).await;
        let page = browser.identify(&page, EMAIL).await;
        assert_eq!(page.text("error-code"), "TC-FRESH-LOGIN");
    }
    let homeserver = app.homeserver.clone();
    app.add_homeserver(&homeserver, |listed| listed.sso_always_asks = true)
        .await;
    for (service, asked) in [(&requiring, &[][..]), (&service, &essential)] {
        let browser = Browser::new(&app);
        let page = browser.open(&service.url(asked)).await;
        let mut answer = browser.identify(&page, EMAIL).await;
        if answer.has("consent-form") {
            answer = browser.accept(&answer).await;
        }
        let tokens = service.redeem(&service.code(&answer)).await;
        assert_eq!(tokens.claims["auth_time"], app.app.clock.now());
        service.silently(&browser, asked).await;
    }
}

#[tokio::test]
async fn prompt_none_answers_at_once_and_stores_nothing() {
    let app = TestApp::start().await;
    let (service, other) = (app.relying_party("service").await, app.relying_party("other").await);
    let browser = Browser::new(&app);
    let none = ("prompt", "none");
    assert_eq!(error(&service, &browser, &[none]).await, "login_required");
    service.tokens(&browser, &[("scope", "openid email")]).await;
    service.silently(&browser, &[none, ("scope", "openid email")]).await;
    assert_eq!(
        error(&service, &browser, &[none, ("scope", "openid tchap")]).await,
        "consent_required"
    );
    assert_eq!(error(&other, &browser, &[none]).await, "consent_required");
    assert_eq!(app.open_flows().await, 0);
}

#[tokio::test]
async fn an_id_token_hint_names_who_must_come() {
    let app = TestApp::start().await;
    app.homeserver.add(marie());
    let (service, other) = (app.relying_party("service").await, app.relying_party("other").await);
    let browser = Browser::new(&app);
    let jeans = service.tokens(&browser, &[]).await;
    let jeans_elsewhere = {
        let page = browser.open(&other.url(&[])).await;
        other.redeem(&other.code(&browser.accept(&page).await)).await
    };
    let maries_browser = Browser::new(&app);
    let answer = maries_browser.sign_in(&service.url(&[]), MARIES_EMAIL).await;
    let maries = service.redeem(&service.code(&answer)).await;

    let hint = |token: &str| token.to_owned();
    let (jean, marie) = (hint(&jeans.id_token), hint(&maries.id_token));
    service.silently(&browser, &[("id_token_hint", &jean)]).await;
    service
        .silently(&browser, &[("id_token_hint", &jean), ("prompt", "none")])
        .await;
    assert_eq!(
        error(&service, &browser, &[("id_token_hint", &marie), ("prompt", "none")]).await,
        "login_required"
    );

    // Interactively, another login may help, once.
    let page = browser.open(&service.url(&[("id_token_hint", &marie)])).await;
    let answer = browser.log_in(&page, EMAIL, PASSWORD).await;
    assert_eq!(service.error(&answer), "login_required");
    let page = browser.open(&service.url(&[("id_token_hint", &marie)])).await;
    let answer = browser.log_in(&page, MARIES_EMAIL, PASSWORD).await;
    assert_eq!(
        service.redeem(&service.code(&answer)).await.claims["sub"],
        maries.claims["sub"]
    );

    // An expired hint still names somebody; an altered one or another client's does not.
    app.advance(11 * 3600);
    assert_eq!(
        error(&service, &browser, &[("id_token_hint", &jean), ("prompt", "none")]).await,
        "login_required"
    );
    service.silently(&browser, &[("id_token_hint", &marie)]).await;
    let (head, signature) = marie.rsplit_once('.').unwrap();
    let unsigned = format!("{head}.");
    let swapped = format!("{}.{signature}", jean.rsplit_once('.').unwrap().0);
    for bad in [
        unsigned,
        swapped,
        format!("{marie}A"),
        jeans_elsewhere.id_token,
        jeans.access_token,
    ] {
        assert_eq!(
            error(&service, &browser, &[("id_token_hint", &bad)]).await,
            "invalid_request",
            "{bad}"
        );
    }
}

#[tokio::test]
async fn the_claims_parameter_may_name_who_must_come() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let tokens = service.tokens(&browser, &[]).await;
    let sub = |value: &serde_json::Value| json!({"id_token": {"sub": {"value": value}}}).to_string();
    service
        .silently(&browser, &[("claims", &sub(&tokens.claims["sub"]))])
        .await;
    let somebody = sub(&json!("somebody else"));
    assert_eq!(
        error(&service, &browser, &[("claims", &somebody), ("prompt", "none")]).await,
        "login_required"
    );
    let page = browser.open(&service.url(&[("claims", &somebody)])).await;
    let answer = browser.log_in(&page, EMAIL, PASSWORD).await;
    assert_eq!(service.error(&answer), "login_required", "after the login");
}

#[tokio::test]
async fn an_essential_acr_must_be_reached_and_a_voluntary_one_is_answered_with_the_real_level() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let acr = |demand: serde_json::Value| json!({"id_token": {"acr": demand}}).to_string();
    let reached = acr(json!({"essential": true, "values": ["eidas2", "eidas1"]}));
    let tokens = service.tokens(&browser, &[("claims", &reached)]).await;
    assert_eq!(tokens.claims["acr"], "eidas1");
    let voluntary = acr(json!({"values": ["eidas3"]}));
    assert_eq!(
        service.silently(&browser, &[("claims", &voluntary)]).await.claims["acr"],
        "eidas1"
    );
    assert_eq!(
        service
            .silently(&browser, &[("acr_values", "eidas3 eidas1")])
            .await
            .claims["acr"],
        "eidas1"
    );
    for essential in [
        json!({"essential": true, "value": "eidas1-mfa"}),
        json!({"essential": true, "value": "eidas0"}),
    ] {
        let error = error(
            &service,
            &browser,
            &[("claims", &acr(essential.clone())), ("prompt", "none")],
        )
        .await;
        assert_eq!(error, "unmet_authentication_requirements", "{essential}");
    }
}

#[tokio::test]
async fn claims_go_where_the_parameter_asked_for_them() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let claims = json!({
        "userinfo": {"name": {"essential": true}},
        "id_token": {"email": null, "phone_number": null, "updated_at": {"essential": true}}
    });
    let tokens = service
        .tokens(
            &Browser::new(&app),
            &[("scope", "openid"), ("claims", &claims.to_string())],
        )
        .await;
    assert_eq!(tokens.claims["email"], EMAIL);
    assert!(tokens.claims["updated_at"].is_number() && tokens.claims["name"].is_null());
    assert!(tokens.claims.get("phone_number").is_none(), "omitted, never null");
    let userinfo = service.claims(&tokens).await;
    assert_eq!(userinfo["name"], "Jean Dupont");
    assert!(userinfo.get("email").is_none());
}

async fn choice(service: &RelyingParty, browser: &Browser) -> Page {
    let page = browser.open(&service.url(&[("prompt", "select_account")])).await;
    assert_eq!(page.text("account-name"), "Jean Dupont [DINUM]");
    page
}

#[tokio::test]
async fn prompt_select_account_asks_which() {
    let app = TestApp::start().await;
    app.homeserver.add(marie());
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let jeans = service.tokens(&browser, &[]).await;

    let page = choice(&service, &browser).await;
    let answer = browser.submit(&page, "account-form", &[("account", "current")]).await;
    assert_eq!(
        service.redeem(&service.code(&answer)).await.claims["sub"],
        jeans.claims["sub"]
    );

    let page = choice(&service, &browser).await;
    let page = browser.submit(&page, "account-form", &[("account", "other")]).await;
    let page = browser.log_in(&page, MARIES_EMAIL, PASSWORD).await;
    let answer = browser.accept(&page).await;
    assert_ne!(
        service.redeem(&service.code(&answer)).await.claims["sub"],
        jeans.claims["sub"]
    );
}

#[tokio::test]
async fn another_account_that_came_back_is_named_and_asked_about() {
    let app = TestApp::start().await;
    app.by_sso();
    app.homeserver.add(marie());
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);

    // Marie types her address; the homeserver's cookie is Jean's.
    let page = browser.open(&service.url(&[])).await;
    let page = browser.identify(&page, MARIES_EMAIL).await;
    assert_eq!(page.text("account-typed"), MARIES_EMAIL);
    assert_eq!(page.text("account-name"), "Jean Dupont [DINUM]");
    let changed = browser.submit(&page, "confirm-form", &[("answer", "change")]).await;
    assert!(changed.has("identifier-form"));
    let page = browser.identify(&changed, MARIES_EMAIL).await;
    let page = browser.submit(&page, "confirm-form", &[("answer", "continue")]).await;
    let answer = browser.accept(&page).await;
    let tokens = service.redeem(&service.code(&answer)).await;
    assert_eq!(service.claims(&tokens).await["email"], EMAIL);
}

#[tokio::test]
async fn whoever_types_their_matrix_id_is_not_asked() {
    let app = TestApp::start().await;
    app.by_sso();
    let service = app.relying_party("service").await;
    for typed in [EMAIL, crate::support::JEAN, LOCAL_PART, " Jean.DUPONT@beta.gouv.fr "] {
        let browser = Browser::new(&app);
        let page = browser.open(&service.url(&[("prompt", "consent")])).await;
        let page = browser.identify(&page, typed).await;
        assert!(page.has("consent-form"), "{typed}");
    }
}

#[tokio::test]
async fn a_login_hint_is_prefilled_and_no_more() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[("login_hint", MARIES_EMAIL)])).await;
    assert_eq!(page.value("identifier"), MARIES_EMAIL);
    let hostile = "\"><script>alert(1)</script>";
    let page = browser.open(&service.url(&[("login_hint", hostile)])).await;
    assert_eq!(page.value("identifier"), hostile);
    assert!(!page.body.contains("<script"));
}
