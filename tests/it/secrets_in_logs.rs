//! Threat 17: every application of this run searches logs and answers for the secrets it met when it ends (see
//! `support::secrets`); here that this search finds what leaks. Threat 23: what strangers send is not logged.

use std::sync::Arc;

use crate::support::homeserver::{Account, Endpoint};
use crate::support::secrets::{Kind, Traffic, log_of_this_test, logged};
use crate::support::{Browser, EMAIL, PASSWORD, TestApp};

#[tokio::test]
async fn the_search_finds_a_secret_in_a_log_line_and_in_an_answer() {
    let app = TestApp::start().await;
    let traffic = Arc::new(Traffic::new(&app.base_url));
    let browser = Browser::at(&app.base_url, traffic.clone());
    traffic.secret(Kind::Never, "a-secret-for-the-log");
    traffic.secret(Kind::Never, "a-secret-for-a-page");
    assert!(traffic.leaks(Vec::new()).is_empty());
    tracing::debug!(token = "a-secret-for-the-log", "a line that should not be");
    assert_eq!(traffic.leaks(Vec::new()).len(), 1);
    browser.get("/nowhere?x=a-secret-for-a-page").await;
    assert_eq!(traffic.leaks(Vec::new()).len(), 2, "the page links to its own address");
    assert_eq!(
        traffic.leaks(vec!["a line that should not be".into()]).len(),
        3,
        "further secrets count"
    );
}

#[tokio::test]
async fn the_whole_job_logs_its_steps_and_no_secret() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    let flow = page.url.path_segments().unwrap().next_back().unwrap().to_owned();
    let page = browser.log_in(&page, EMAIL, "a wrong password").await;
    let page = browser.submit(&page, "password-form", &[("password", PASSWORD)]).await;
    let code = service.code(&browser.accept(&page).await);
    let tokens = service.redeem(&code).await;
    for line in [
        "an agent signed in",
        "an authorization was given",
        "tokens issued for a code",
    ] {
        assert!(logged(&[line, "service"]), "{line}");
    }
    let log = log_of_this_test().concat();
    let cookie = browser.cookie("tchap-connect").unwrap();
    for secret in [
        &code,
        &tokens.access_token,
        &tokens.id_token,
        &cookie,
        &flow,
        EMAIL,
        PASSWORD,
        "a wrong password",
    ] {
        assert!(!log.contains(secret), "{secret}");
    }
    // The Matrix token of the login, which can read an agent's messages.
    let matrix = app.homeserver.secrets();
    assert!(matrix.iter().any(|secret| secret.starts_with("syt_")));
    assert!(matrix.iter().all(|secret| !log.contains(secret)));
    assert!(!app.homeserver.requests_to(Endpoint::Whoami).is_empty());
}

#[tokio::test]
async fn a_login_token_in_our_callback_address_is_not_logged() {
    let app = TestApp::start().await;
    app.by_sso();
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    assert!(browser.identify(&page, EMAIL).await.has("consent-form"));
    let log = log_of_this_test().concat();
    assert!(
        app.homeserver
            .secrets()
            .iter()
            .any(|secret| secret.starts_with("login-token-"))
    );
    assert!(
        !log.contains("login-token-") && !log.contains("/login/sso/"),
        "neither the token nor the attempt"
    );
}

#[tokio::test]
async fn the_log_names_the_client_of_a_failed_authentication_only_when_there_is_one() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let secret = service.secret.clone().unwrap();
    let attempt = async |id: &str, secret: &str| {
        let header = [("authorization", crate::support::relying_party::basic(id, secret))];
        let answer = service
            .token_with(&[("grant_type", "authorization_code")], &header)
            .await;
        assert_eq!(answer.status, 401);
    };
    attempt("service", "a wrong secret").await;
    assert!(logged(&["client authentication failed", "client.id=\"service\""]));
    attempt(&secret, "service").await;
    attempt(&"x".repeat(60_000), "service").await;
    let log = log_of_this_test();
    assert!(log.iter().all(|line| !line.contains(&secret)), "id and secret swapped");
    assert!(log.iter().all(|line| line.len() < 10_000));
    assert_eq!(
        log.iter()
            .filter(|line| line.contains("client authentication failed"))
            .count(),
        3,
        "each is logged"
    );
}

#[tokio::test]
async fn hostile_values_stay_out_of_the_log() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let hostile = "x\r\n2026-01-01T00:00:00Z  INFO forged: all is well\u{1b}[2J\u{202e}";
    let header = [("authorization", crate::support::relying_party::basic(hostile, "secret"))];
    service.token_with(&[("grant_type", hostile)], &header).await;
    service
        .token_with(&[("client_id", hostile), ("client_secret", hostile)], &[])
        .await;
    browser
        .get(&service.url(&[("client_id", hostile), ("state", hostile)]))
        .await;
    let page = browser
        .open(&service.url(&[("state", hostile), ("login_hint", hostile)]))
        .await;
    app.homeserver.add(Account::new("named", PASSWORD).named(hostile));
    let page = browser.identify(&page, hostile).await;
    browser.log_in(&page, "named", PASSWORD).await;
    let lines = log_of_this_test();
    assert!(!lines.is_empty());
    for line in lines {
        let text = line.strip_suffix('\n').unwrap();
        assert!(!text.contains("forged"), "{text:?}");
        assert!(!text.contains(['\n', '\r', '\u{1b}', '\u{202e}']), "{text:?}");
    }
}
