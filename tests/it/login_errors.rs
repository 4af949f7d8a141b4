//! What goes wrong at a homeserver and what the agent reads (`tchap.md` §7): every account state by both ways, in both
//! languages, with a stable code; and never a Matrix session left behind.

use std::collections::BTreeSet;
use std::sync::Arc;

use tchap_connect::domain::homeserver::Way;

use crate::support::homeserver::{Account, AccountState, Endpoint, Lie, ScriptedHomeserver, dead};
use crate::support::secrets::logged;
use crate::support::{Browser, EMAIL, LOCAL_PART, NAME, PASSWORD, Page, RelyingParty, TestApp};

const BOTH: [Way; 2] = [Way::Password, Way::Sso];

/// Jean's login with the right password, or by single sign-on, in this language.
async fn log_in(app: &TestApp, service: &RelyingParty, way: Way, language: &str) -> (Browser, Page) {
    // Login types are kept for a minute.
    app.advance(60);
    let browser = Browser::new(app).with_header("accept-language", language);
    let page = browser.open(&service.url(&[])).await;
    let page = match way {
        Way::Password => {
            app.homeserver.offer(&["m.login.password"]);
            browser.log_in(&page, EMAIL, PASSWORD).await
        }
        Way::Sso => {
            app.by_sso();
            browser.identify(&page, EMAIL).await
        }
        Way::OAuth => unreachable!("has tests of its own, oauth_login"),
    };
    (browser, page)
}

async fn is_nobody(service: &RelyingParty, browser: &Browser) {
    let answer = browser.get(&service.url(&[("prompt", "none")])).await;
    assert_eq!(service.error(&answer), "login_required");
}

#[tokio::test]
async fn every_account_state_has_its_page_by_both_ways_and_in_both_languages() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let suspended = Lie::error(403, "M_USER_SUSPENDED");
    for way in BOTH {
        for (state, lie, code) in [
            (AccountState::Expired, None, "TC-ACCOUNT-EXPIRED"),
            (AccountState::Locked, None, "TC-ACCOUNT-LOCKED"),
            (AccountState::Active, Some(suspended.clone()), "TC-ACCOUNT-SUSPENDED"),
            (AccountState::Deactivated, None, "TC-ACCOUNT-DEACTIVATED"),
        ] {
            app.homeserver.set_state(LOCAL_PART, state);
            if let Some(lie) = lie {
                app.homeserver.script(Endpoint::Whoami, lie);
            }
            let mut texts = BTreeSet::new();
            for language in ["fr", "en"] {
                let (browser, page) = log_in(&app, &service, way, language).await;
                if (way, state) == (Way::Password, AccountState::Deactivated) {
                    // Homeservers answer it like a wrong password: one text covers both.
                    assert!(
                        page.text("error-message")
                            .contains(["désactivé", "deactivated"][texts.len()])
                    );
                } else {
                    assert_eq!(page.text("error-code"), code, "{way}");
                    assert!(!page.text("error-incident").is_empty());
                    assert!(!page.text("error-advice").is_empty(), "what to do now");
                    assert_eq!(page.text("homeserver-name"), NAME, "and at which server");
                    let answer = browser.submit(&page, "leave", &[]).await;
                    assert_eq!(service.error(&answer), "access_denied", "{code}");
                }
                texts.insert(page.text("error-message"));
                assert!(page.body.contains(&format!("<html lang=\"{language}\"")));
                is_nobody(&service, &browser).await;
            }
            assert_eq!(texts.len(), 2, "{code}: {texts:?}");
            app.homeserver.honest(Endpoint::Whoami);
            app.homeserver.set_state(LOCAL_PART, AccountState::Active);
        }
    }
    assert!(app.homeserver.live_tokens().is_empty(), "signed out in every case");
}

/// Threat 10 and `tchap.md` §3: closed for good once seen deactivated.
#[tokio::test]
async fn an_account_seen_deactivated_comes_back_as_another_agent() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    app.by_sso();
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    let page = browser.identify(&page, EMAIL).await;
    let before = service.redeem(&service.code(&browser.accept(&page).await)).await;

    // Deactivated after the login token was taken: the homeserver has named the account.
    app.homeserver
        .script(Endpoint::Whoami, Lie::error(403, "M_USER_DEACTIVATED"));
    let (_, page) = log_in(&app, &service, Way::Sso, "fr").await;
    assert_eq!(page.text("error-code"), "TC-ACCOUNT-DEACTIVATED");
    app.homeserver.honest(Endpoint::Whoami);
    assert_eq!(service.userinfo(&before.access_token).await.status, 401);
    is_nobody(&service, &browser).await;

    let (browser, page) = log_in(&app, &service, Way::Sso, "fr").await;
    let after = service.redeem(&service.code(&browser.accept(&page).await)).await;
    assert_ne!(after.claims["sub"], before.claims["sub"]);
}

#[tokio::test]
async fn locked_and_expired_are_pauses() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let before = service.tokens(&Browser::new(&app), &[]).await;
    for state in [AccountState::Locked, AccountState::Expired] {
        app.homeserver.set_state(LOCAL_PART, state);
        log_in(&app, &service, Way::Password, "fr").await;
        app.homeserver.set_state(LOCAL_PART, AccountState::Active);
        let after = service.tokens(&Browser::new(&app), &[]).await;
        assert_eq!(after.claims["sub"], before.claims["sub"], "{state:?}");
    }
}

#[tokio::test]
async fn a_wrong_password_keeps_what_was_typed_and_the_next_one_works() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    let page = browser.log_in(&page, EMAIL, "wrong password").await;
    assert_eq!(page.text("identifier-shown"), EMAIL);
    assert!(page.text("error-message").contains("incorrect"));
    assert!(!page.body.contains("wrong password"));
    let page = browser.submit(&page, "password-form", &[("password", "")]).await;
    assert!(page.has("error-message"), "an empty one is not sent");
    assert_eq!(app.homeserver.requests_to(Endpoint::Login).len(), 1);
    let page = browser.submit(&page, "password-form", &[("password", PASSWORD)]).await;
    service.redeem(&service.code(&browser.accept(&page).await)).await;
    assert!(logged(&[
        "a login failed at the homeserver",
        NAME,
        "wrong_credentials",
        "service"
    ]));
}

#[tokio::test]
async fn an_unknown_account_reads_like_a_wrong_password() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let message = async |identifier: &str, password: &str| {
        let browser = Browser::new(&app);
        let page = browser.open(&service.url(&[])).await;
        browser.log_in(&page, identifier, password).await.text("error-message")
    };
    assert_eq!(
        message(EMAIL, "wrong password").await,
        message("nobody@beta.gouv.fr", PASSWORD).await
    );
}

#[tokio::test]
async fn a_throttled_agent_reads_how_long_to_wait() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    for (lie, wait) in [
        (Lie::throttle(&[("retry-after", "42")], None), "42 secondes"),
        (Lie::throttle(&[], Some(41_500)), "42 secondes"),
        (Lie::throttle(&[], None), "quelques minutes"),
    ] {
        // What the former answer asked for is over.
        app.advance(3600);
        app.homeserver.script(Endpoint::Login, lie);
        let (_, page) = log_in(&app, &service, Way::Password, "fr").await;
        assert!(
            page.text("error-message").contains(wait),
            "{}",
            page.text("error-message")
        );
        assert!(page.has("password-form"), "and tries again from there");
        let (_, page) = log_in(&app, &service, Way::Sso, "fr").await;
        assert_eq!(page.text("error-code"), "TC-HOMESERVER-THROTTLED");
        assert!(
            page.text("error-message").contains(wait) || page.text("error-advice").contains(wait),
            "{}",
            page.body
        );
    }
}

#[tokio::test]
async fn a_server_that_refuses_addresses_is_asked_with_the_matrix_id_that_the_agent_types() {
    let app = TestApp::start().await;
    app.homeserver.refuse_email();
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    let page = browser.log_in(&page, EMAIL, PASSWORD).await;
    assert!(page.has("identifier") && page.has("error-message"));
    let again = browser
        .submit(&page, "password-form", &[("identifier", EMAIL), ("password", PASSWORD)])
        .await;
    assert!(again.has("error-message"), "never computed from the address");
    let page = browser
        .submit(
            &again,
            "password-form",
            &[("identifier", LOCAL_PART), ("password", PASSWORD)],
        )
        .await;
    service.redeem(&service.code(&browser.accept(&page).await)).await;
    let asked = app.homeserver.requests_to(Endpoint::Login);
    let users: Vec<_> = asked
        .iter()
        .map(|request| request.json()["identifier"]["user"].clone())
        .collect();
    assert_eq!(users.last().unwrap(), LOCAL_PART);
    assert_eq!(asked.len(), 2, "{users:?}");
}

#[tokio::test]
async fn a_password_goes_to_the_server_that_the_page_named_and_to_no_other() {
    let mut app = TestApp::start().await;
    app.homeserver.refuse_email();
    let other = Arc::new(ScriptedHomeserver::start("evil.tchap.test").await);
    app.add_homeserver(&other, |_| {}).await;
    let homeserver = app.homeserver.clone();
    app.add_homeserver(&homeserver, |listed| listed.email_domains = vec!["gouv.fr".into()])
        .await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    let page = browser.log_in(&page, EMAIL, PASSWORD).await;
    let elsewhere = format!("@{LOCAL_PART}:evil.tchap.test");
    browser
        .submit(
            &page,
            "password-form",
            &[("identifier", &elsewhere), ("password", PASSWORD)],
        )
        .await;
    assert!(other.requests_to(Endpoint::Login).is_empty());
    is_nobody(&service, &browser).await;
}

#[tokio::test]
async fn what_leads_to_no_homeserver_is_said_beside_the_field() {
    let mut app = TestApp::start().await;
    let other = Arc::new(ScriptedHomeserver::start("other.tchap.test").await);
    app.add_homeserver(&other, |listed| listed.email_domains = vec!["other.fr".into()])
        .await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let mut texts = BTreeSet::new();
    for (identifier, group) in [
        ("", 1),
        ("not an identifier", 2),
        ("a@b@c", 2),
        ("@x:", 2),
        ("someone@unknown.fr", 3),
        ("@jean:not.listed.test", 3),
        ("jean.dupont", 3),
        ("someone@evilother.fr", 3),
    ] {
        let page = browser.open(&service.url(&[])).await;
        let page = browser.identify(&page, identifier).await;
        assert_eq!(page.value("identifier"), identifier.trim(), "what was typed stays");
        texts.insert((group, page.text("error-message")));
    }
    assert_eq!(texts.len(), 3, "{texts:?}");
    let contacted = app.homeserver.requests().len() + other.requests().len();
    assert_eq!(contacted, 0, "nobody outside the list, nor on it, was asked anything");

    // The agent may pick the server from the list.
    let page = browser.open(&service.url(&[])).await;
    let picked = [("identifier", EMAIL), ("homeserver", NAME)];
    assert_eq!(
        browser
            .submit(&page, "identifier-form", &picked)
            .await
            .text("homeserver-name"),
        NAME
    );
}

#[tokio::test]
async fn a_homeserver_that_is_down_is_said_and_the_login_can_be_tried_again() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    app.list(&dead(NAME).await).await;
    let page = browser.open(&service.url(&[])).await;
    let page = browser.identify(&page, EMAIL).await;
    assert!(
        page.text("error-message").contains("ne répond pas"),
        "{}",
        page.text("error-message")
    );
    assert_eq!(page.value("identifier"), EMAIL);
    app.list(&app.homeserver.listed()).await;
    let page = browser.identify(&page, EMAIL).await;
    app.homeserver.script(Endpoint::Login, Lie::error(502, "M_UNKNOWN"));
    let page = browser.submit(&page, "password-form", &[("password", PASSWORD)]).await;
    assert!(page.text("error-message").contains("ne répond pas"));
    app.homeserver.honest(Endpoint::Login);
    let page = browser.submit(&page, "password-form", &[("password", PASSWORD)]).await;
    assert!(page.has("consent-form"));
    assert!(logged(&["a homeserver did not say how to sign in", NAME]));
}

#[tokio::test]
async fn a_homeserver_without_a_way_in_says_so() {
    let mut app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let code = async |app: &TestApp| {
        let browser = Browser::new(app);
        let page = browser.open(&service.url(&[])).await;
        browser.identify(&page, EMAIL).await.text("error-code")
    };
    app.homeserver.offer(&["m.login.dummy"]);
    assert_eq!(code(&app).await, "TC-NO-WAY-IN");
    app.homeserver.offer(&["m.login.password"]);
    app.advance(60);
    let homeserver = app.homeserver.clone();
    app.add_homeserver(&homeserver, |listed| listed.ways = vec![Way::Sso])
        .await;
    assert_eq!(
        code(&app).await,
        "TC-NO-WAY-IN",
        "no silent fall to a way that is switched off"
    );
    app.advance(60);
    app.homeserver
        .script(Endpoint::LoginTypes, Lie::error(404, "M_UNRECOGNIZED"));
    assert_eq!(code(&app).await, "TC-NO-WAY-IN");
}

#[tokio::test]
async fn sso_is_preferred_and_a_broken_sso_never_falls_to_the_password() {
    let app = TestApp::start().await;
    app.homeserver
        .offer(&["m.login.password", "m.login.sso", "m.login.token"]);
    app.homeserver.sso_as(LOCAL_PART);
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    app.homeserver.script(Endpoint::Login, Lie::error(403, "M_FORBIDDEN"));
    let page = browser.open(&service.url(&[])).await;
    let page = browser.identify(&page, EMAIL).await;
    assert_eq!(page.text("error-code"), "TC-LOGIN-TOKEN");
    assert!(!page.has("password-form"));
}

#[tokio::test]
async fn a_suspended_account_may_sign_in_as_its_homeserver_says_nothing() {
    let app = TestApp::start().await;
    app.homeserver
        .add(Account::new("paused", PASSWORD).state(AccountState::Suspended));
    let service = app.relying_party("service").await;
    let answer = Browser::new(&app).sign_in(&service.url(&[]), "paused").await;
    service.redeem(&service.code(&answer)).await;
}
