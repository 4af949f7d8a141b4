//! Threat 19: a homeserver that lies, floods, drips, redirects or babbles. Never a login; a page, a log line, and no
//! Matrix session left behind. A token of one homeserver is worth nothing at another's address.

use std::sync::Arc;

use serde_json::json;
use url::Url;

use crate::support::homeserver::{Endpoint, Lie, ScriptedHomeserver};
use crate::support::secrets::logged;
use crate::support::{Browser, EMAIL, LOCAL_PART, NAME, PASSWORD, SHORT_TIMEOUT, TestApp, jean};

const EVIL: &str = "evil.tchap.test";

#[tokio::test]
async fn a_lie_about_who_it_is_never_yields_a_login() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    for (lie, code) in [
        (
            Lie::Patch(json!({"user_id": format!("@{LOCAL_PART}:{EVIL}")})),
            "TC-HOMESERVER-WRONG",
        ),
        (
            Lie::Patch(json!({"user_id": format!("@{LOCAL_PART}:{NAME}.{EVIL}")})),
            "TC-HOMESERVER-WRONG",
        ),
        (
            Lie::Patch(json!({"user_id": format!("@x:{EVIL}:{NAME}")})),
            "TC-HOMESERVER",
        ),
        (Lie::Patch(json!({"user_id": LOCAL_PART})), "TC-HOMESERVER"),
        (Lie::Patch(json!({"user_id": null})), "TC-HOMESERVER-INVALID"),
        (Lie::HugeBody, "TC-HOMESERVER-INVALID"),
        (Lie::invalid_json(), "TC-HOMESERVER-INVALID"),
        (Lie::text(200, &"[".repeat(100_000)), "TC-HOMESERVER-INVALID"),
        (Lie::redirect("http://127.0.0.1:1/elsewhere"), "TC-HOMESERVER-INVALID"),
        (Lie::text(200, "<html>"), "TC-HOMESERVER-INVALID"),
        (Lie::error(401, "M_UNKNOWN_TOKEN"), "TC-HOMESERVER-INVALID"),
    ] {
        app.homeserver.script(Endpoint::Whoami, lie.clone());
        for sso in [false, true] {
            // Login types are kept for a minute.
            app.advance(60);
            app.homeserver.offer(&["m.login.password"]);
            if sso {
                app.by_sso();
            }
            let browser = Browser::new(&app);
            let page = browser.identify(&browser.open(&service.url(&[])).await, EMAIL).await;
            let page = match sso {
                false => browser.submit(&page, "password-form", &[("password", PASSWORD)]).await,
                true => page,
            };
            assert!(
                page.text("error-code").starts_with(code),
                "{lie:?}: {}",
                page.text("error-code")
            );
            let answer = browser.get(&service.url(&[("prompt", "none")])).await;
            assert_eq!(service.error(&answer), "login_required", "{lie:?}");
        }
    }
    assert!(logged(&["a login failed at the homeserver", NAME, "wrong_server"]));
    assert!(logged(&[
        "a login failed at the homeserver",
        NAME,
        "nonsense",
        "larger than the limit"
    ]));
    assert!(app.homeserver.issued_tokens() > 0 && app.homeserver.live_tokens().is_empty());
}

#[tokio::test]
async fn a_lie_at_any_other_step_never_yields_a_login_either() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let other_id = format!("@{LOCAL_PART}:{EVIL}");
    for (endpoint, lie) in [
        (Endpoint::LoginTypes, Lie::HugeBody),
        (Endpoint::LoginTypes, Lie::invalid_json()),
        (Endpoint::LoginTypes, Lie::redirect("http://127.0.0.1:1/")),
        (Endpoint::LoginTypes, Lie::text(200, r#"{"flows":"none"}"#)),
        (Endpoint::Login, Lie::HugeBody),
        (Endpoint::Login, Lie::invalid_json()),
        (Endpoint::Login, Lie::CutShort),
        (Endpoint::Login, Lie::redirect("http://127.0.0.1:1/")),
        (Endpoint::Login, Lie::Patch(json!({"user_id": other_id}))),
        (Endpoint::Login, Lie::Patch(json!({"access_token": null}))),
    ] {
        app.homeserver.script(endpoint, lie.clone());
        let browser = Browser::new(&app);
        let mut page = browser.identify(&browser.open(&service.url(&[])).await, EMAIL).await;
        if endpoint == Endpoint::Login {
            page = browser.submit(&page, "password-form", &[("password", PASSWORD)]).await;
        }
        assert!(
            page.has("error-message") && !page.has("consent-form"),
            "{endpoint:?} {lie:?}\n{}",
            page.body
        );
        let answer = browser.get(&service.url(&[("prompt", "none")])).await;
        assert_eq!(service.error(&answer), "login_required", "{endpoint:?} {lie:?}");
        app.homeserver.honest(endpoint);
    }
}

#[tokio::test]
async fn a_slow_drip_and_silence_end_at_the_time_limit() {
    let app = TestApp::with(&[SHORT_TIMEOUT]).await;
    let service = app.relying_party("service").await;
    for lie in [Lie::SlowDrip, Lie::NoAnswer] {
        app.homeserver.script(Endpoint::Whoami, lie.clone());
        let browser = Browser::new(&app);
        let page = browser.open(&service.url(&[])).await;
        let page = browser.log_in(&page, EMAIL, PASSWORD).await;
        assert!(
            page.has("password-form") && page.text("error-message").contains("ne répond pas"),
            "{lie:?}"
        );
        let answer = browser.get(&service.url(&[("prompt", "none")])).await;
        assert_eq!(service.error(&answer), "login_required", "{lie:?}");
        assert!(logged(&["a login failed at the homeserver", NAME, "unreachable"]));
    }
    assert!(app.homeserver.live_tokens().is_empty());
}

/// Two servers by single sign-on, Jean at home on both; a browser on its way to the first.
async fn two_servers() -> (TestApp, Arc<ScriptedHomeserver>) {
    let mut app = TestApp::start().await;
    app.by_sso();
    let evil = Arc::new(ScriptedHomeserver::start(EVIL).await);
    evil.offer(&["m.login.sso", "m.login.token"]);
    evil.add(jean());
    evil.sso_as(LOCAL_PART);
    app.add_homeserver(&evil, |_| {}).await;
    (app, evil)
}

/// Our callback address for an attempt that has just been opened at the first server.
async fn callback(app: &TestApp, browser: &Browser) -> Url {
    let service = app.relying_party("service").await;
    let page = browser.open(&service.url(&[])).await;
    let leaving = browser
        .submit_once(&page, "identifier-form", &[("identifier", crate::support::JEAN)])
        .await;
    let to = leaving.location();
    let callback = to
        .query_pairs()
        .find(|(name, _)| name == "redirectUrl")
        .unwrap()
        .1
        .into_owned();
    Url::parse(&callback).unwrap()
}

fn with_token(callback: &Url, token: &str) -> String {
    format!("{callback}?loginToken={token}")
}

#[tokio::test]
async fn a_login_token_brought_to_another_servers_address_is_refused() {
    let (app, evil) = two_servers().await;
    let browser = Browser::new(&app);
    let to_ours = callback(&app, &browser).await;
    assert!(to_ours.path().starts_with(&format!("/login/sso/{NAME}/")));

    let mut to_theirs = to_ours.clone();
    to_theirs.set_path(&to_ours.path().replace(NAME, EVIL));
    let tokens = [app.homeserver.login_token(LOCAL_PART), evil.login_token(LOCAL_PART)];
    for (token, code) in tokens.iter().zip(["TC-HOMESERVER-WRONG", "TC-FLOW-EXPIRED"]) {
        let page = browser.open(&with_token(&to_theirs, token)).await;
        assert_eq!(page.text("error-code"), code);
    }
    assert!(evil.requests_to(Endpoint::Login).is_empty() && app.homeserver.requests_to(Endpoint::Login).is_empty());
}

#[tokio::test]
async fn a_foreign_login_token_at_our_address_is_refused_by_the_server_that_was_chosen() {
    let (app, evil) = two_servers().await;
    let browser = Browser::new(&app);
    let to_ours = callback(&app, &browser).await;
    let page = browser.open(&with_token(&to_ours, &evil.login_token(LOCAL_PART))).await;
    assert_eq!(page.text("error-code"), "TC-LOGIN-TOKEN");
    assert!(
        evil.requests_to(Endpoint::Login).is_empty(),
        "the token went to the chosen server only"
    );
    let page = browser.submit(&page, "restart", &[]).await;
    let page = browser.identify(&page, crate::support::JEAN).await;
    assert!(page.has("consent-form"), "and the agent may start again");
}

/// Threat 8: login CSRF.
#[tokio::test]
async fn a_callback_from_another_browser_is_refused() {
    let (app, _evil) = two_servers().await;
    let (victim, attacker) = (Browser::new(&app), Browser::new(&app));
    let service = app.relying_party("service").await;
    victim.open(&service.url(&[])).await;
    let attackers = with_token(
        &callback(&app, &attacker).await,
        &app.homeserver.login_token(LOCAL_PART),
    );
    for victim in [&victim, &Browser::new(&app)] {
        let page = victim.get(&attackers).await;
        assert_eq!((page.status.as_u16(), page.header("location")), (400, ""));
        let answer = victim.get(&service.url(&[("prompt", "none")])).await;
        assert_eq!(service.error(&answer), "login_required");
    }
    assert!(app.homeserver.requests_to(Endpoint::Login).is_empty());
}

#[tokio::test]
async fn an_attempt_works_once_in_time_and_with_one_token() {
    let (app, _evil) = two_servers().await;
    let token = || app.homeserver.login_token(LOCAL_PART);
    let browser = Browser::new(&app);
    let used = with_token(&callback(&app, &browser).await, &token());
    assert!(browser.open(&used).await.has("consent-form"));
    assert_eq!(browser.get(&used).await.text("error-code"), "TC-FLOW-EXPIRED", "twice");

    let browser = Browser::new(&app);
    let bare = callback(&app, &browser).await;
    assert_eq!(
        browser.open(bare.as_str()).await.text("error-code"),
        "TC-LOGIN-TOKEN",
        "no token"
    );
    let doubled = format!("{}&loginToken=x", with_token(&callback(&app, &browser).await, &token()));
    assert_eq!(
        browser.open(&doubled).await.text("error-code"),
        "TC-LOGIN-TOKEN",
        "two tokens"
    );
    let late = with_token(&callback(&app, &browser).await, &token());
    app.advance(600);
    assert_eq!(
        browser.open(&late).await.text("error-code"),
        "TC-LOGIN-TOKEN",
        "too late"
    );
    assert_eq!(app.homeserver.requests_to(Endpoint::Login).len(), 1);
}

/// Threat 21: hostile names from a homeserver stay text.
#[tokio::test]
async fn a_hostile_display_name_stays_text() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let name = "<script>alert(1)</script>\u{202e}\" onmouseover=\"x [<b>ORG</b>]";
    app.homeserver.script(
        Endpoint::Profile,
        Lie::text(200, &json!({"displayname": name}).to_string()),
    );
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    let page = browser.log_in(&page, EMAIL, PASSWORD).await;
    assert!(page.body.contains("&#60;script&#62;") && !page.body.contains("<script") && !page.body.contains("<b>"));
    assert!(!page.body.contains('\u{202e}'));
    let tokens = service.redeem(&service.code(&browser.accept(&page).await)).await;
    assert!(
        service.claims(&tokens).await["name"]
            .as_str()
            .unwrap()
            .starts_with("<script>"),
        "data are data"
    );
}
