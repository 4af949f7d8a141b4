//! Against real Synapse: what a scripted homeserver can only claim to imitate.

use futures_util::future::join_all;
use serde_json::Value;
use tchap_connect::protocol::client::Client;

use crate::support::real::*;
use crate::support::secrets::Kind;
use crate::support::{Browser, Page, RelyingParty, TestApp, client};

const SCOPES: (&str, &str) = (
    "scope",
    "openid profile email tchap administration belonging_population roles",
);

/// Identifier, password, consent where it is asked for, claims.
async fn claims_by_password(app: &TestApp, service: &RelyingParty, identifier: &str, password: &str) -> Value {
    let browser = Browser::new(app);
    let page = browser.open(&service.url(&[SCOPES])).await;
    let page = browser.log_in(&page, identifier, password).await;
    let answer = match page.has("consent-form") {
        true => browser.accept(&page).await,
        false => page,
    };
    let tokens = service.redeem(&service.code(&answer)).await;
    service.claims(&tokens).await
}

/// The page after a password.
async fn page_by_password(app: &TestApp, service: &RelyingParty, email: &str, password: &str) -> Page {
    let browser = Browser::new(app);
    let page = browser.open(&service.url(&[])).await;
    browser.log_in(&page, email, password).await
}

/// Up to where the single sign-on sends the browser back to: our callback, with a login token, not yet fetched.
async fn callback(browser: &Browser, service: &RelyingParty, email: &str) -> String {
    let page = browser.open(&service.url(&[])).await;
    let portal = browser.identify(&page, email).await;
    let mut page = browser
        .submit_once(&portal, "login", &[("agent", tchap().sso_id(email))])
        .await;
    while !page.location().path().starts_with("/login/sso/") {
        page = browser.get(page.location().as_str()).await;
    }
    page.location().into()
}

#[tokio::test]
#[ignore = "needs make test"]
async fn an_agent_may_write_the_account_in_several_ways() {
    let app = tchap().app(&[]).await;
    let service = app.relying_party("service").await;
    let (id, password) = (tchap().account(JEAN).user_id.as_str(), tchap().password(JEAN));
    let mut subjects = Vec::new();
    for identifier in [JEAN, "Jean.DUPONT@Beta.gouv.FR", "  jean.dupont@beta.gouv.fr ", id] {
        let claims = claims_by_password(&app, &service, identifier, password).await;
        assert_eq!(claims["tchap_user_id"], id, "{identifier}");
        assert_eq!(
            (&claims["email"], &claims["email_verified"]),
            (&JEAN.into(), &true.into())
        );
        subjects.push(claims["sub"].clone());
    }
    assert!(subjects.iter().all(|subject| *subject == subjects[0]), "{subjects:?}");
}

#[tokio::test]
#[ignore = "needs make test"]
async fn a_local_part_is_enough_where_there_is_one_homeserver() {
    // Takes the place of the scripted one of the same name: the list holds nothing else.
    let app = TestApp::start().await;
    let dinum = tchap().homeserver(DINUM);
    app.list(&dinum.listed(&dinum.base_url)).await;
    let service = app.relying_party("service").await;
    let claims = claims_by_password(&app, &service, "jean.dupont-beta.gouv.fr", tchap().password(JEAN)).await;
    assert_eq!(claims["tchap_user_id"], *tchap().account(JEAN).user_id);
}

#[tokio::test]
#[ignore = "needs make test"]
async fn claims_come_out_as_tchap_writes_them() {
    let app = tchap().app(&[]).await;
    let service = app.relying_party("service").await;

    let jean = claims_by_password(&app, &service, JEAN, tchap().password(JEAN)).await;
    let expected = [
        ("name", "Jean Dupont"),
        ("given_name", "Jean"),
        ("family_name", "Dupont"),
        ("administration_domain", "beta.gouv.fr"),
        ("administration_name", "Direction interministérielle du numérique"),
        ("siren", "130025265"),
        ("siret", "13002526500013"),
        ("belonging_population", "agent"),
        ("tchap_homeserver", DINUM),
    ];
    for (name, value) in expected {
        assert_eq!(jean[name], value, "{name}");
    }

    let claire = claims_by_password(&app, &service, CLAIRE, tchap().password(CLAIRE)).await;
    assert_eq!(
        (&claire["given_name"], &claire["family_name"]),
        (&"Claire".into(), &"MARTIN".into())
    );
    assert_eq!(claire["administration_name"], "Modernisation", "from the bracket");
    assert_eq!(claire.get("siret"), None, "no row of the table, no number");

    let anne_marie = claims_by_password(&app, &service, ANNE_MARIE, tchap().password(ANNE_MARIE)).await;
    assert_eq!(anne_marie["name"], "Anne-Marie de La Tour");
    assert_eq!(anne_marie["given_name"], "Anne-Marie");
    assert_eq!(anne_marie["family_name"], "de La Tour");
}

#[tokio::test]
#[ignore = "needs make test"]
async fn a_login_leaves_neither_token_nor_device() {
    let app = tchap().app(&[]).await;
    for name in [DINUM, FINANCES] {
        let homeserver = tchap().homeserver(name);
        let tap = Tap::before(homeserver).await;
        app.list(&homeserver.listed(&tap.base_url)).await;
        let service = app
            .relying_party(&format!("service-{}", homeserver.label.to_lowercase()))
            .await;
        let browser = Browser::new(&app);
        if name == DINUM {
            let page = browser.open(&service.url(&[])).await;
            let page = browser.log_in(&page, JEAN, tchap().password(JEAN)).await;
            assert!(page.has("consent-form"));
        } else {
            let back = callback(&browser, &service, SOPHIE).await;
            assert!(browser.open(&back).await.has("consent-form"));
        }
        let [login] = tap.logins().try_into().expect("one login");
        let text = |member: &str| login[member].as_str().unwrap().to_owned();
        app.traffic.secret(Kind::Never, &text("access_token"));
        assert_eq!(homeserver.refusal_of(&text("access_token")).await, "M_UNKNOWN_TOKEN");
        assert!(!homeserver.has_device(&text("user_id"), &text("device_id")).await);
    }
}

#[tokio::test]
#[ignore = "needs make test"]
async fn accounts_that_must_not_enter_get_their_own_page() {
    let app = tchap().app(&[]).await;
    let service = app.relying_party("service").await;

    let page = page_by_password(&app, &service, JEAN, "not the password").await;
    assert!(page.has("password-form") && page.text("error-message").contains("incorrect"));
    let page = page_by_password(&app, &service, DEACTIVATED, tchap().password(DEACTIVATED)).await;
    assert!(page.has("password-form") && page.text("error-message").contains("désactivé"));
    let page = page_by_password(&app, &service, "nobody.here@dinum.gouv.fr", "not the password").await;
    assert!(page.has("password-form") && page.text("error-message").contains("incorrect"));
    let page = page_by_password(&app, &service, LOCKED, tchap().password(LOCKED)).await;
    assert_eq!(page.text("error-code"), "TC-ACCOUNT-LOCKED");
}

#[tokio::test]
#[ignore = "needs make test"]
async fn a_guest_enters_only_where_the_service_admits_guests() {
    let app = tchap().app(&[]).await;
    let closed = app.relying_party("closed").await;
    let page = page_by_password(&app, &closed, ALICE, tchap().password(ALICE)).await;
    assert_eq!(page.text("error-code"), "TC-GUEST");

    let open = Client {
        admits_guests: true,
        ..client("open")
    };
    let open = app.register(open).await;
    let claims = claims_by_password(&app, &open, ALICE, tchap().password(ALICE)).await;
    assert_eq!(
        (&claims["tchap_guest"], &claims["belonging_population"]),
        (&true.into(), &"partenaire".into())
    );
    assert_eq!(claims["tchap_homeserver"], GUESTS);
}

#[tokio::test]
#[ignore = "needs make test"]
async fn an_agent_signs_in_by_single_sign_on() {
    let app = tchap().app(&[]).await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let back = callback(&browser, &service, KARIM).await;
    let page = browser.open(&back).await;
    let tokens = service.redeem(&service.code(&browser.accept(&page).await)).await;
    assert_eq!(tokens.claims["acr"], "eidas1");
    assert_eq!(
        tokens.claims.get("amr"),
        None,
        "how the portal authenticated is not known"
    );
    let claims = service.claims(&tokens).await;
    assert_eq!(claims["name"], "Karim Haddad");
    assert_eq!(claims["email"], KARIM);
    let matrix_id = format!("@{}:{FINANCES}", claims["preferred_username"].as_str().unwrap());
    assert_eq!(matrix_id, tchap().account(KARIM).user_id);
}

#[tokio::test]
#[ignore = "needs make test"]
async fn a_login_token_serves_once_and_at_its_own_callback() {
    let app = tchap().app(&[]).await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let first = callback(&browser, &service, SOPHIE).await;
    assert!(browser.open(&first).await.has("consent-form"));
    assert_eq!(
        browser.open(&first).await.text("error-code"),
        "TC-FLOW-EXPIRED",
        "the attempt is spent"
    );

    // The same token under a fresh attempt: now Synapse itself has to refuse it.
    let other_browser = Browser::new(&app);
    let second = callback(&other_browser, &service, SOPHIE).await;
    let spent = first.split_once("loginToken=").unwrap().1;
    let address = second.split_once("loginToken=").unwrap().0;
    let page = other_browser.open(&format!("{address}loginToken={spent}")).await;
    assert_eq!(page.text("error-code"), "TC-LOGIN-TOKEN");
}

#[tokio::test]
#[ignore = "needs make test"]
async fn logins_of_one_agent_at_the_same_time_do_not_end_each_other() {
    let app = tchap().app(&[("LIMITS_FAILED_PASSWORDS_PER_ACCOUNT", "20")]).await;
    let service = app.relying_party("service").await;
    let logins = (0..8).map(|_| page_by_password(&app, &service, JEAN, tchap().password(JEAN)));
    for page in join_all(logins).await {
        assert!(page.has("consent-form"), "{} {}", page.status, page.body);
    }
}
