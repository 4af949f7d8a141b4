//! A client that is not in production signs in its testers and nobody else, on every way to a token; and whoever is sent there
//! reads that it is being tested.

use tchap_connect::domain::agent::Agent;
use tchap_connect::protocol::client::Client;
use tchap_connect::protocol::standing::{ClientStage, Standing};

use crate::support::relying_party::Tokens;
use crate::support::{Browser, EMAIL, JEAN, MARIES_EMAIL, PASSWORD, RelyingParty, TestApp, marie, refreshing};

fn tried_by(client: Client, testers: &[&str]) -> Client {
    Client {
        standing: Standing {
            stage: ClientStage::Sandbox,
            testers: testers.iter().map(|id| (*id).to_owned()).collect(),
            ..Standing::default()
        },
        ..client
    }
}

#[tokio::test]
async fn a_sandbox_says_that_it_is_one_on_every_page_and_shows_no_logo() {
    let app = TestApp::start().await;
    let service = app.register(tried_by(refreshing("service"), &[JEAN])).await;
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    assert!(
        page.text("in-test-message").starts_with("Service en test."),
        "{}",
        page.body
    );
    let page = browser.submit(&page, "identifier", &[("identifier", EMAIL)]).await;
    assert!(page.has("in-test"), "the password page: {}", page.body);
    let page = browser.submit(&page, "password", &[("password", PASSWORD)]).await;
    assert!(page.has("consent-form") && page.has("in-test"), "{}", page.body);
    assert!(!page.has("service-logo"));
    let english = browser
        .open(&service.url(&[("ui_locales", "en"), ("prompt", "consent")]))
        .await;
    assert!(
        english.text("in-test-message").starts_with("Service being tested."),
        "{}",
        english.body
    );

    let finished = app.relying_party("finished").await;
    let page = browser.open(&finished.url(&[])).await;
    assert!(page.has("consent-form") && !page.has("in-test"), "{}", page.body);
}

#[tokio::test]
async fn a_sandbox_admits_its_testers_only_by_login_and_by_single_sign_on() {
    let app = TestApp::start().await;
    app.homeserver.add(marie());
    let other = app.relying_party("other").await;
    let browser = Browser::new(&app);
    other.tokens(&browser, &[]).await;
    for stage in [ClientStage::Sandbox, ClientStage::Requested] {
        let mut client = tried_by(refreshing("service"), &[JEAN]);
        client.standing.stage = stage;
        let service = app.register(client).await;
        let page = browser.open(&service.url(&[("prompt", "consent")])).await;
        service.redeem(&service.code(&browser.accept(&page).await)).await;

        let stranger = Browser::new(&app);
        let page = stranger.open(&service.url(&[])).await;
        let page = stranger.log_in(&page, MARIES_EMAIL, PASSWORD).await;
        assert_eq!(page.text("error-code"), "TC-SANDBOX", "{stage:?}");
        let answer = stranger.get(&service.url(&[("prompt", "none")])).await;
        assert_eq!(service.error(&answer), "access_denied", "single sign-on");
        let page = stranger.open(&service.url(&[])).await;
        assert_eq!(page.text("error-code"), "TC-SANDBOX");
        let answer = stranger.submit(&page, "leave", &[]).await;
        assert_eq!(service.error(&answer), "access_denied");
    }
}

/// What each way to an agent's data answers for these tokens.
async fn is_served(service: &RelyingParty, tokens: &Tokens) -> [bool; 4] {
    let refresh = service.refresh(tokens.refresh_token(), &[]).await;
    let userinfo = service.userinfo(&tokens.access_token).await;
    let active = async |token: &str| service.introspect(token).await["active"] == true;
    [
        refresh.status == 200,
        userinfo.status == 200,
        active(&tokens.access_token).await,
        active(tokens.refresh_token()).await,
    ]
}

#[tokio::test]
async fn who_is_no_tester_any_more_is_refused_on_every_way() {
    let app = TestApp::start().await;
    let service = app.register(tried_by(refreshing("service"), &[JEAN])).await;
    let browser = Browser::new(&app);
    let tokens = service.tokens(&browser, &[("scope", "openid offline_access")]).await;
    assert_eq!(is_served(&service, &tokens).await, [true; 4]);
    let code = service.code(
        &browser
            .get(&service.url(&[("scope", "openid"), ("prompt", "none")]))
            .await,
    );

    app.update(&tried_by(
        refreshing("service"),
        &["@somebody.else:agent.dinum.tchap.test"],
    ))
    .await;
    assert_eq!(is_served(&service, &tokens).await, [false; 4]);
    let answer = service.token(&service.form(&code, &[])).await;
    assert_eq!(answer.json()["error"], "invalid_grant", "a code given before");
    let answer = browser.get(&service.url(&[("prompt", "none")])).await;
    assert_eq!(service.error(&answer), "access_denied");

    app.update(&refreshing("service")).await;
    assert_eq!(is_served(&service, &tokens).await, [true; 4], "in production");
}

/// An invitation is for an account, not for whoever has a name like it.
#[tokio::test]
async fn a_tester_is_a_whole_matrix_id() {
    let app = TestApp::start().await;
    let near = [
        "@jean.dupont-beta.gouv.fr:agent.finances.tchap.test",
        "jean.dupont-beta.gouv.fr",
        EMAIL,
    ];
    let service = app.register(tried_by(refreshing("service"), &near)).await;
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    let page = browser.log_in(&page, EMAIL, PASSWORD).await;
    assert_eq!(page.text("error-code"), "TC-SANDBOX");
    let known: Option<Agent> = app
        .app
        .store
        .find_open_agent(JEAN.split_once(':').unwrap().1, JEAN)
        .await
        .unwrap();
    assert!(known.is_some(), "the account is known, and refused all the same");
}
