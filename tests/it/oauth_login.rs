//! Way A: OAuth 2.0 at the homeserver's authentication service (`tchap.md` §4), by the whole application over HTTP.

mod lies;
mod mix_up;

use serde_json::json;
use tchap_connect::domain::homeserver::Way;

use crate::support::auth_service::{At, AuthService};
use crate::support::homeserver::{Account, AccountState, Endpoint, Lie};
use crate::support::{Browser, EMAIL, JEAN, LOCAL_PART, NAME, Page, RelyingParty, SHORT_TIMEOUT, TestApp, marie};

/// From the service's button to whatever comes after the homeserver's side.
async fn identify(service: &RelyingParty, browser: &Browser, changes: &[(&str, &str)]) -> Page {
    let page = browser.open(&service.url(changes)).await;
    browser.identify(&page, EMAIL).await
}

/// The error code of the page that a login by OAuth ends with.
async fn stopped(app: &TestApp, service: &RelyingParty) -> String {
    identify(service, &Browser::new(app), &[]).await.text("error-code")
}

/// Up to our redirect URI with a code, not yet fetched.
async fn callback(service: &RelyingParty, browser: &Browser, identifier: &str) -> String {
    let page = browser.open(&service.url(&[])).await;
    let mut page = browser
        .submit_once(&page, "identifier-form", &[("identifier", identifier)])
        .await;
    while !page.location().path().starts_with("/login/oauth/") {
        page = browser.get(page.location().as_str()).await;
    }
    page.location().into()
}

/// A parameter of an address.
fn member(url: &str, name: &str) -> String {
    let url = url::Url::parse(url).unwrap();
    let found = url.query_pairs().find(|(key, _)| key == name);
    found.unwrap().1.into_owned()
}

fn assert_nothing_left(app: &TestApp, issued: usize) {
    assert_eq!(app.homeserver.issued_tokens(), issued, "tokens issued");
    assert!(app.homeserver.live_tokens().is_empty(), "a token is left alive");
}

#[tokio::test]
async fn an_agent_signs_in_and_nothing_is_left_behind() {
    let app = TestApp::start().await;
    let auth = app.by_oauth().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let page = identify(&service, &browser, &[("scope", "openid email tchap")]).await;
    let tokens = service.redeem(&service.code(&browser.accept(&page).await)).await;
    assert_eq!(
        (&tokens.claims["acr"], tokens.claims.get("amr")),
        (&"eidas1".into(), None)
    );
    let claims = service.claims(&tokens).await;
    assert_eq!(
        (&claims["email"], &claims["tchap_user_id"]),
        (&EMAIL.into(), &JEAN.into())
    );
    assert_nothing_left(&app, 1);
    assert!(app.homeserver.requests_to(Endpoint::Login).is_empty());
    assert!(
        app.homeserver.requests_to(Endpoint::LoginTypes).is_empty(),
        "not asked where OAuth is taken"
    );

    let [asked] = auth.asked(At::Authorize).try_into().expect("one request");
    for (name, value) in [
        ("response_type", "code"),
        ("response_mode", "query"),
        ("scope", "openid urn:matrix:client:api:*"),
        ("redirect_uri", &format!("{}/login/oauth/{NAME}", app.base_url)),
        ("code_challenge_method", "S256"),
        ("login_hint", EMAIL),
        ("prompt", ""),
        ("max_age", ""),
    ] {
        assert_eq!(asked.get(name), value, "{name}");
    }
    for (name, length) in [("state", 43), ("nonce", 43), ("code_challenge", 43)] {
        assert_eq!(asked.get(name).len(), length, "{name}");
    }
    let [revoked] = auth.asked(At::Revocation).try_into().expect("one revocation");
    assert_eq!(revoked.get("token_type_hint"), "access_token");

    // Single sign-on: no further login.
    service.silently(&browser, &[("scope", "openid email tchap")]).await;
    assert_nothing_left(&app, 1);
}

#[tokio::test]
async fn whoever_comes_back_half_way_may_go_on() {
    let app = TestApp::start().await;
    let auth = app.by_oauth().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    browser
        .submit_once(&page, "identifier-form", &[("identifier", JEAN)])
        .await;
    let page = browser.open(page.url.as_str()).await;
    assert!(page.has("sso-form") && page.body.contains(NAME));
    let page = browser.submit(&page, "sso-form", &[("provider", "")]).await;
    assert!(page.has("consent-form"));
    assert_eq!(auth.asked(At::Authorize)[0].get("login_hint"), format!("mxid:{JEAN}"));
    // The form sent again when its turn is over.
    let again = browser.post(&format!("{}/oauth", page.url), &[("provider", "")]).await;
    assert_eq!(again.location(), page.url);
}

#[tokio::test]
async fn a_client_is_registered_once_and_anew_when_something_changes() {
    let mut app = TestApp::start().await;
    let auth = app.by_oauth().await;
    let service = app.relying_party("service").await;
    for _ in 0..2 {
        assert!(identify(&service, &Browser::new(&app), &[]).await.has("consent-form"));
    }
    let [registered] = auth.asked(At::Registration).try_into().expect("one registration");
    let metadata: serde_json::Value = serde_json::from_str(&registered.body).unwrap();
    assert_eq!(metadata["token_endpoint_auth_method"], "none");
    assert_eq!(metadata["client_uri"], format!("{}/", app.base_url));
    assert_eq!(
        metadata["redirect_uris"],
        json!([format!("{}/login/oauth/{NAME}", app.base_url)])
    );
    assert_eq!(metadata["grant_types"], json!(["authorization_code"]));

    // What was registered is not what would be registered now.
    let store = &app.app.store;
    store
        .update_upstream_client(&auth.issuer(), Some(("01OLD", "another")))
        .await
        .unwrap();
    assert!(identify(&service, &Browser::new(&app), &[]).await.has("consent-form"));
    assert_eq!(auth.asked(At::Registration).len(), 2);

    // The service has lost its database between the two halves of a login.
    let browser = Browser::new(&app);
    let back = callback(&service, &browser, EMAIL).await;
    auth.forgets_clients();
    assert_eq!(browser.open(&back).await.text("error-code"), "TC-HOMESERVER-INVALID");
    assert!(identify(&service, &Browser::new(&app), &[]).await.has("consent-form"));
    assert_eq!(auth.asked(At::Registration).len(), 3);

    // A client that operations made is used as it is.
    let homeserver = app.homeserver.clone();
    app.add_homeserver(&homeserver, |listed| listed.oauth.client_id = Some("01MADE".into()))
        .await;
    auth.made_client("01MADE", &format!("{}/login/oauth/{NAME}", app.base_url));
    assert!(identify(&service, &Browser::new(&app), &[]).await.has("consent-form"));
    assert_eq!(auth.asked(At::Registration).len(), 3);
    assert_eq!(auth.asked(At::Authorize).last().unwrap().get("client_id"), "01MADE");
}

#[tokio::test]
async fn older_homeservers_are_found_by_their_older_forms() {
    let app = TestApp::start().await;
    let auth = app.by_oauth().await;
    let service = app.relying_party("service").await;
    let issuer = json!({"issuer": auth.issuer()});
    let without_keys = {
        let mut metadata = auth.metadata();
        metadata.as_object_mut().unwrap().remove("jwks_uri");
        metadata
    };
    for (endpoint, metadata, scope) in [
        (
            Endpoint::OlderAuthMetadata,
            auth.metadata(),
            "openid urn:matrix:org.matrix.msc2967.client:api:*",
        ),
        (
            Endpoint::AuthIssuer,
            issuer,
            "openid urn:matrix:org.matrix.msc2967.client:api:*",
        ),
        (Endpoint::AuthMetadata, without_keys, "openid urn:matrix:client:api:*"),
    ] {
        app.homeserver.publish_at(endpoint, Some(metadata));
        app.advance(3601);
        auth.signed_in_at(Some(app.app.clock.now()));
        assert!(
            identify(&service, &Browser::new(&app), &[]).await.has("consent-form"),
            "{endpoint:?}"
        );
        assert_eq!(
            auth.asked(At::Authorize).last().unwrap().get("scope"),
            scope,
            "{endpoint:?}"
        );
    }
    // The issuer's own document must name it.
    app.homeserver.publish_at(
        Endpoint::AuthIssuer,
        Some(json!({"issuer": auth.issuer().trim_end_matches('/')})),
    );
    app.advance(3601);
    assert_eq!(stopped(&app, &service).await, "TC-HOMESERVER-INVALID");
}

#[tokio::test]
async fn what_a_homeserver_publishes_is_kept_for_a_while() {
    let app = TestApp::start().await;
    let _auth = app.by_oauth().await;
    let service = app.relying_party("service").await;
    let asked = |app: &TestApp| app.homeserver.requests_to(Endpoint::AuthMetadata).len();
    for _ in 0..3 {
        identify(&service, &Browser::new(&app), &[]).await;
    }
    assert_eq!(asked(&app), 1);
    app.advance(300);
    identify(&service, &Browser::new(&app), &[]).await;
    assert_eq!(asked(&app), 2);
}

#[tokio::test]
async fn the_order_of_ways_and_the_switches_are_kept() {
    let mut app = TestApp::start().await;
    let auth = app.by_oauth().await;
    app.homeserver
        .offer(&["m.login.password", "m.login.sso", "m.login.token"]);
    app.homeserver.sso_as(LOCAL_PART);
    let service = app.relying_party("service").await;
    let homeserver = app.homeserver.clone();
    for (ways, expected) in [
        (&[Way::Password, Way::OAuth][..], "password"),
        (&[Way::OAuth, Way::Password], "oauth"),
        (&[Way::Sso, Way::OAuth], "oauth"),
        (&[Way::Sso, Way::Password], "password"),
        (&[Way::Sso], "none"),
        (&[Way::Password], "password"),
    ] {
        app.add_homeserver(&homeserver, |listed| listed.ways = ways.to_vec())
            .await;
        let before = (
            auth.asked(At::Authorize).len(),
            homeserver.requests_to(Endpoint::SsoRedirect).len(),
        );
        let page = identify(&service, &Browser::new(&app), &[]).await;
        assert_eq!(
            homeserver.requests_to(Endpoint::SsoRedirect).len(),
            before.1,
            "{ways:?}"
        );
        assert_eq!(
            auth.asked(At::Authorize).len() > before.0,
            expected == "oauth",
            "{ways:?}"
        );
        assert_eq!(page.has("password-form"), expected == "password", "{ways:?}");
        match expected {
            "oauth" => assert!(page.has("consent-form"), "{ways:?}"),
            "none" => assert_eq!(page.text("error-code"), "TC-NO-WAY-IN"),
            _ => {}
        }
    }
    assert!(crate::support::secrets::logged(&["switched off for it here", NAME]));
}

#[tokio::test]
async fn a_metadata_endpoint_that_fails_is_not_one_that_is_missing() {
    let app = TestApp::start().await;
    app.homeserver
        .offer(&["m.login.password", "m.login.sso", "m.login.token"]);
    app.homeserver.sso_as(LOCAL_PART);
    let service = app.relying_party("service").await;
    for lie in [
        Lie::error(500, "M_UNKNOWN"),
        Lie::invalid_json(),
        Lie::HugeBody,
        Lie::text(403, "<html>"),
        Lie::redirect("http://127.0.0.1:1/"),
    ] {
        app.homeserver.script(Endpoint::AuthMetadata, lie.clone());
        let page = identify(&service, &Browser::new(&app), &[]).await;
        assert!(page.has("identifier-form") || page.has("error-code"), "{lie:?}");
        assert!(!page.has("password-form") && app.homeserver.requests_to(Endpoint::SsoRedirect).is_empty());
    }
    // Any other 404 is a homeserver without OAuth.
    app.homeserver
        .script(Endpoint::AuthMetadata, Lie::text(404, "<html>nginx</html>"));
    assert!(identify(&service, &Browser::new(&app), &[]).await.has("consent-form"));
}

#[tokio::test]
async fn the_agents_no_and_other_errors_come_back_to_a_page_with_a_way_on() {
    let app = TestApp::start().await;
    let auth = app.by_oauth().await;
    let service = app.relying_party("service").await;
    for (error, code) in [
        ("access_denied", "TC-REFUSED-THERE"),
        ("login_required", "TC-REFUSED-THERE"),
        ("server_error", "TC-HOMESERVER-UNREACHABLE"),
        ("invalid_scope", "TC-HOMESERVER-INVALID"),
        ("<script>", "TC-HOMESERVER-INVALID"),
    ] {
        auth.refuses(Some(error));
        let browser = Browser::new(&app);
        let page = identify(&service, &browser, &[]).await;
        assert_eq!(page.text("error-code"), code, "{error}");
        assert_eq!(page.text("homeserver-name"), NAME);
        assert!(!page.url.query().unwrap_or_default().contains("error"));
        auth.refuses(None);
        let page = browser.submit(&page, "restart", &[]).await;
        assert!(browser.identify(&page, EMAIL).await.has("consent-form"), "{error}");
    }
    auth.refuses(Some("access_denied"));
    let browser = Browser::new(&app);
    let page = identify(&service, &browser, &[]).await;
    let answer = browser.submit(&page, "leave", &[]).await;
    assert_eq!(service.error(&answer), "access_denied");
}

#[tokio::test]
async fn each_account_state_has_its_page_though_the_service_lets_it_in() {
    let app = TestApp::start().await;
    let auth = app.by_oauth().await;
    let service = app.relying_party("service").await;
    for (state, code) in [
        (AccountState::Expired, "TC-ACCOUNT-EXPIRED"),
        (AccountState::Locked, "TC-ACCOUNT-LOCKED"),
    ] {
        let name = format!("{state:?}").to_lowercase();
        app.homeserver
            .add(Account::new(&name, "a password of theirs").state(state));
        auth.signed_in_as(&name);
        assert_eq!(stopped(&app, &service).await, code);
    }
    auth.signed_in_as(LOCAL_PART);
    app.homeserver
        .script(Endpoint::Whoami, Lie::error(403, "M_USER_DEACTIVATED"));
    assert_eq!(stopped(&app, &service).await, "TC-ACCOUNT-DEACTIVATED");
    app.homeserver
        .script(Endpoint::Whoami, Lie::error(401, "M_UNKNOWN_TOKEN"));
    assert_eq!(stopped(&app, &service).await, "TC-HOMESERVER-INVALID");
    assert_nothing_left(&app, 4);
}

#[tokio::test]
async fn a_fresh_login_is_asked_for_and_believed_on_the_services_word_only() {
    let app = TestApp::start().await;
    let auth = app.by_oauth().await;
    let service = app.relying_party("service").await;
    let long_ago = app.app.clock.now() - 5000;
    let code = async |auth: &AuthService, since: Option<i64>, changes: &[(&str, &str)]| {
        auth.signed_in_at(since);
        let browser = Browser::new(&app);
        let page = identify(&service, &browser, changes).await;
        if page.has("error-code") {
            return Err(page.text("error-code"));
        }
        let answer = match page.has("consent-form") {
            true => browser.accept(&page).await,
            false => page,
        };
        Ok(service.redeem(&service.code(&answer)).await.claims["auth_time"].clone())
    };
    let now = app.app.clock.now();
    assert_eq!(
        code(&auth, Some(long_ago), &[("max_age", "6000")]).await,
        Ok(long_ago.into()),
        "never fresher than known"
    );
    assert_eq!(auth.asked(At::Authorize).last().unwrap().get("max_age"), "6000");
    assert_eq!(
        code(&auth, Some(long_ago), &[("prompt", "login")]).await,
        Ok(now.into())
    );
    assert_eq!(auth.asked(At::Authorize).last().unwrap().get("prompt"), "login");
    assert_eq!(
        code(&auth, Some(now + 50), &[("prompt", "login")]).await,
        Ok(now.into()),
        "a clock ahead of ours"
    );

    auth.ignores_prompt();
    for changes in [[("prompt", "login")], [("max_age", "0")], [("max_age", "4999")]] {
        assert_eq!(
            code(&auth, Some(long_ago), &changes).await,
            Err("TC-FRESH-LOGIN".into()),
            "{changes:?}"
        );
        assert_eq!(
            code(&auth, None, &changes).await,
            Err("TC-FRESH-LOGIN".into()),
            "{changes:?}"
        );
        assert_eq!(code(&auth, Some(now), &changes).await, Ok(now.into()), "{changes:?}");
    }
}

#[tokio::test]
async fn an_account_made_anew_at_the_service_is_another_agent() {
    let app = TestApp::start().await;
    let auth = app.by_oauth().await;
    let service = app.relying_party("service").await;
    let sub = async || {
        let browser = Browser::new(&app);
        let page = identify(&service, &browser, &[]).await;
        service.redeem(&service.code(&browser.accept(&page).await)).await.claims["sub"].clone()
    };
    let first = sub().await;
    let browser = Browser::new(&app);
    let page = identify(&service, &browser, &[]).await;
    assert_eq!(
        service.redeem(&service.code(&page)).await.claims["sub"],
        first,
        "remembered"
    );
    auth.subject("01HZX0000000000000000OTHER");
    let second = sub().await;
    assert_ne!(first, second);
    let known = app.app.store.find_open_agent(NAME, JEAN).await.unwrap().unwrap();
    let at_issuer = known.at_issuer.unwrap();
    assert_eq!(
        (at_issuer.issuer, at_issuer.subject.as_str()),
        (auth.issuer(), "01HZX0000000000000000OTHER")
    );
}

#[tokio::test]
async fn another_account_that_came_back_is_asked_about() {
    let app = TestApp::start().await;
    let auth = app.by_oauth().await;
    app.homeserver.add(marie());
    auth.signed_in_as("marie.martin-beta.gouv.fr");
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let page = identify(&service, &browser, &[]).await;
    assert!(page.has("confirm-form"));
    let page = browser.submit(&page, "confirm-form", &[("answer", "change")]).await;
    browser.identify(&page, EMAIL).await;
    assert_eq!(
        auth.asked(At::Authorize).last().unwrap().get("prompt"),
        "login",
        "another account is wanted"
    );
}
