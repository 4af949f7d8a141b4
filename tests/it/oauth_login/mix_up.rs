//! Threat 19, mix-up: one homeserver's authentication service, code or token is never taken for another's.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::support::homeserver::ScriptedHomeserver;
use crate::support::jean;
use crate::support::secrets::logged;

const OTHER: &str = "agent.finances.tchap.test";

/// A second homeserver on the list, with Jean's local part on it.
async fn second(app: &mut TestApp) -> Arc<ScriptedHomeserver> {
    let second = Arc::new(ScriptedHomeserver::start(OTHER).await);
    second.add(jean());
    app.add_homeserver(&second, |_| {}).await;
    second
}

async fn by_id(app: &TestApp, service: &RelyingParty, server: &str) -> Page {
    let browser = Browser::new(app);
    let page = browser.open(&service.url(&[])).await;
    browser.identify(&page, &format!("@{LOCAL_PART}:{server}")).await
}

/// The error code of a login at the second homeserver.
async fn stopped_there(app: &TestApp, service: &RelyingParty) -> String {
    by_id(app, service, OTHER).await.text("error-code")
}

async fn signs_in(app: &TestApp, service: &RelyingParty) -> bool {
    by_id(app, service, NAME).await.has("consent-form")
}

#[tokio::test]
async fn an_endpoint_on_another_origin_is_refused() {
    let app = TestApp::start().await;
    let auth = app.by_oauth().await;
    let elsewhere = app.oauth_of(&app.homeserver).await;
    let service = app.relying_party("service").await;
    for endpoint in [
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "revocation_endpoint",
        "registration_endpoint",
    ] {
        auth.publishes(json!({endpoint: elsewhere.metadata()[endpoint]}));
        assert_eq!(stopped(&app, &service).await, "TC-HOMESERVER-INVALID", "{endpoint}");
    }
    assert!(auth.asked(At::Authorize).is_empty() && elsewhere.asked(At::Authorize).is_empty());
}

#[tokio::test]
async fn an_issuer_that_changes_refuses_logins_until_the_operator_says_so() {
    let mut app = TestApp::start().await;
    let _auth = app.by_oauth().await;
    let service = app.relying_party("service").await;
    assert!(signs_in(&app, &service).await);
    let moved = app.by_oauth().await;
    app.advance(3601);
    moved.signed_in_at(Some(app.app.clock.now()));
    assert_eq!(stopped(&app, &service).await, "TC-HOMESERVER-INVALID");
    assert!(moved.asked(At::Registration).is_empty() && moved.asked(At::Authorize).is_empty());
    assert!(logged(&[
        "ERROR",
        "logins at this homeserver are refused",
        "issuer_changed",
        NAME
    ]));

    let homeserver = app.homeserver.clone();
    let named = Some(moved.issuer());
    app.add_homeserver(&homeserver, |listed| listed.oauth.issuer = named)
        .await;
    assert!(signs_in(&app, &service).await);
    let wrong = Some("https://auth.example/".to_owned());
    app.add_homeserver(&homeserver, |listed| listed.oauth.issuer = wrong)
        .await;
    assert_eq!(stopped(&app, &service).await, "TC-HOMESERVER-INVALID");
    // Taken away again, the operator's former word stays.
    app.add_homeserver(&homeserver, |_| {}).await;
    assert!(signs_in(&app, &service).await);
}

#[tokio::test]
async fn a_homeserver_that_changes_its_issuer_during_a_login() {
    let app = TestApp::start().await;
    let _auth = app.by_oauth().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let back = callback(&service, &browser, EMAIL).await;
    let moved = app.by_oauth().await;
    app.advance(301);
    assert_eq!(browser.open(&back).await.text("error-code"), "TC-HOMESERVER-INVALID");
    assert!(moved.asked(At::Token).is_empty(), "the code went to another service");
}

#[tokio::test]
async fn an_issuer_that_is_known_is_nobody_elses() {
    let mut app = TestApp::start().await;
    let auth = app.by_oauth().await;
    let service = app.relying_party("service").await;
    assert!(signs_in(&app, &service).await);
    let thief = second(&mut app).await;
    thief.publish(Some(auth.metadata()));
    assert_eq!(stopped_there(&app, &service).await, "TC-HOMESERVER-INVALID");
    assert!(signs_in(&app, &service).await);
    assert!(logged(&["ERROR", "issuer_shared", OTHER]));
}

#[tokio::test]
async fn the_first_to_claim_an_issuer_does_not_get_it() {
    for named in [false, true] {
        let mut app = TestApp::start().await;
        let auth = app.by_oauth().await;
        let service = app.relying_party("service").await;
        let homeserver = app.homeserver.clone();
        let issuer = named.then(|| auth.issuer());
        app.add_homeserver(&homeserver, |listed| listed.oauth.issuer = issuer)
            .await;
        let thief = second(&mut app).await;
        thief.publish(Some(auth.metadata()));
        assert_eq!(stopped_there(&app, &service).await, "TC-HOMESERVER-INVALID", "{named}");
        assert!(auth.asked(At::Authorize).is_empty() && auth.asked(At::Registration).is_empty());
        // Without the operator's word nobody knows which of the two is right.
        assert_eq!(signs_in(&app, &service).await, named);
    }
}

#[tokio::test]
async fn what_a_thief_has_got_hold_of_the_operator_gives_back() {
    let mut app = TestApp::start().await;
    let thief = second(&mut app).await;
    let auth = app.by_oauth().await;
    let service = app.relying_party("service").await;
    // The first homeserver cannot be asked while the thief claims its issuer.
    app.homeserver
        .script(Endpoint::AuthMetadata, Lie::error(500, "M_UNKNOWN"));
    thief.publish(Some(auth.metadata()));
    auth.refuses(Some("access_denied"));
    assert_eq!(stopped_there(&app, &service).await, "TC-REFUSED-THERE");
    app.homeserver.honest(Endpoint::AuthMetadata);
    auth.refuses(None);
    assert!(!signs_in(&app, &service).await);
    let homeserver = app.homeserver.clone();
    let issuer = Some(auth.issuer());
    app.add_homeserver(&homeserver, |listed| listed.oauth.issuer = issuer)
        .await;
    assert!(signs_in(&app, &service).await);
    assert_eq!(stopped_there(&app, &service).await, "TC-HOMESERVER-INVALID");
}

#[tokio::test]
async fn a_token_of_another_issuer_on_the_same_origin_is_not_shown_to_the_thief() {
    let mut app = TestApp::start().await;
    let thief = second(&mut app).await;
    let auth = app.by_oauth().await;
    let service = app.relying_party("service").await;
    let mut metadata = auth.metadata();
    metadata["issuer"] = format!("{}tenant", auth.issuer()).into();
    thief.publish(Some(metadata));
    assert_eq!(stopped_there(&app, &service).await, "TC-HOMESERVER-INVALID");
    assert_nothing_left(&app, 1);
    assert!(thief.requests_to(Endpoint::Whoami).is_empty());
    assert!(thief.requests_to(Endpoint::Profile).is_empty());
}

#[tokio::test]
async fn a_code_brought_to_another_servers_redirect_uri_is_refused() {
    let mut app = TestApp::start().await;
    let auth = app.by_oauth().await;
    let other = second(&mut app).await;
    let other_auth = app.oauth_of(&other).await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let back = callback(&service, &browser, JEAN).await;
    let page = browser.open(&back.replace(NAME, OTHER)).await;
    assert_eq!(page.text("error-code"), "TC-HOMESERVER-WRONG");
    assert!(auth.asked(At::Token).is_empty() && other_auth.asked(At::Token).is_empty());
    assert!(logged(&["came back at another server's address", NAME]));

    // Nor does a state serve where a login token's attempt is expected.
    let browser = Browser::new(&app);
    let back = callback(&service, &browser, JEAN).await;
    let state = member(&back, "state");
    let page = browser.open(&format!("/login/sso/{NAME}/{state}?loginToken=x")).await;
    assert_eq!(page.text("error-code"), "TC-FLOW-EXPIRED");

    assert!(by_id(&app, &service, OTHER).await.has("consent-form"));
    assert!(other.live_tokens().is_empty());
}
