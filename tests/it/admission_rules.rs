//! Threat 11: whom an operator admits (administrations, populations), asked on every way to a token; and what the agent
//! who is refused reads.

use serde_json::{Value, json};
use tchap_connect::domain::administration::Administration;
use tchap_connect::protocol::client::Client;

use crate::support::Page;
use crate::support::homeserver::Account;
use crate::support::{Browser, EMAIL, NAME, PASSWORD, RelyingParty, TestApp, refreshing};

fn administration(domain: &str, name: &str, siren: &str) -> Administration {
    serde_json::from_value(json!({"domain": domain, "name": name, "siren": siren, "branch": "etat"})).unwrap()
}

/// A client with these rules.
fn ruled(id: &str, rules: &Value) -> Client {
    Client {
        admission: serde_json::from_value(rules.clone()).unwrap(),
        ..refreshing(id)
    }
}

/// Jean's administration, and another one.
async fn with_administrations() -> TestApp {
    let app = TestApp::start().await;
    app.add_administration(administration("beta.gouv.fr", "DINUM", "130025265"))
        .await;
    app.add_administration(administration("laposte.example", "La Poste", "356000000"))
        .await;
    app
}

const OFFLINE: (&str, &str) = ("scope", "openid offline_access");

/// What a service gets of an agent who has a session, a code and tokens, once its rules are these.
async fn every_way(app: &TestApp, name: &str, rules: &Value) -> Vec<(&'static str, bool)> {
    let service: RelyingParty = app.register(refreshing(name)).await;
    let browser = Browser::new(app);
    let tokens = service.tokens(&browser, &[OFFLINE]).await;
    let code = service.code(&browser.get(&service.url(&[OFFLINE])).await);
    app.update(&ruled(name, rules)).await;

    let silent = browser.get(&service.url(&[OFFLINE, ("prompt", "none")])).await;
    let single_sign_on = browser.get(&service.url(&[OFFLINE])).await;
    let first = Browser::new(app);
    let page = first.open(&service.url(&[OFFLINE])).await;
    let page = first.log_in(&page, EMAIL, PASSWORD).await;
    let is_answered = |page: &Page| page.status.is_redirection() && page.location().as_str().contains("code=");
    vec![
        ("first login", is_answered(&page)),
        ("single sign-on", is_answered(&single_sign_on)),
        ("prompt=none", is_answered(&silent)),
        (
            "code issued before",
            service.token(&service.form(&code, &[])).await.status == 200,
        ),
        ("userinfo", service.userinfo(&tokens.access_token).await.status == 200),
        (
            "introspection of the access token",
            service.introspect(&tokens.access_token).await["active"] == true,
        ),
        (
            "introspection of the refresh token",
            service.introspect(tokens.refresh_token()).await["active"] == true,
        ),
        (
            "refresh",
            service.refresh(tokens.refresh_token(), &[]).await.status == 200,
        ),
    ]
}

#[tokio::test]
async fn every_rule_is_asked_on_every_way() {
    let app = with_administrations().await;
    for (index, (rules, admitted)) in [
        (json!({}), true),
        (json!({"administrations": {"siren": ["130025265"]}}), true),
        (json!({"administrations": {"siren": ["356000000"]}}), false),
        (json!({"administrations": {"email_domains": ["gouv.fr"]}}), true),
        (json!({"administrations": {"email_domains": ["eta.gouv.fr"]}}), false),
        (json!({"administrations": {"homeservers": [NAME]}}), true),
        (json!({"administrations": {"homeservers": ["other.tchap.test"]}}), false),
        (json!({"administrations": {"branches": ["etat"]}}), true),
        (json!({"administrations": {"branches": ["territoriale"]}}), false),
        (
            json!({"administrations": {"siren": ["356000000"], "homeservers": [NAME]}}),
            true,
        ),
        (json!({"populations": ["agent"]}), true),
        (json!({"populations": ["partenaire"]}), false),
    ]
    .into_iter()
    .enumerate()
    {
        for (way, served) in every_way(&app, &format!("service-{index}"), &rules).await {
            assert_eq!(served, admitted, "{rules}: {way}");
        }
    }
}

#[tokio::test]
async fn an_agent_without_a_believed_address_is_of_no_administration() {
    let app = with_administrations().await;
    // The local part of the Matrix id and the bracket of the name say what the account has no address for.
    let account = Account::new("marie.martin-beta.gouv.fr", PASSWORD).named("Marie Martin [DINUM]");
    app.homeserver.add(account);
    for (index, (rules, admitted)) in [
        (json!({"administrations": {"siren": ["130025265"]}}), false),
        (json!({"administrations": {"email_domains": ["gouv.fr"]}}), false),
        (json!({"administrations": {"branches": ["etat"]}}), false),
        (json!({"populations": ["agent"]}), false),
        (json!({"administrations": {"homeservers": [NAME]}}), true),
    ]
    .into_iter()
    .enumerate()
    {
        let service = app.register(ruled(&format!("service-{index}"), &rules)).await;
        let browser = Browser::new(&app);
        let page = browser.open(&service.url(&[])).await;
        let page = browser
            .log_in(&page, &format!("@marie.martin-beta.gouv.fr:{NAME}"), PASSWORD)
            .await;
        assert_eq!(!page.has("error-code"), admitted, "{rules}");
    }
}

#[tokio::test]
async fn the_refused_agent_reads_who_is_admitted_and_whom_to_ask() {
    let app = with_administrations().await;
    let mut client = ruled(
        "service",
        &json!({"administrations": {"siren": ["356000000"], "email_domains": ["elysee.example"]}}),
    );
    client.presentation.contacts = vec!["access@service.example".to_owned()];
    let service = app.register(client).await;
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    let page = browser.log_in(&page, EMAIL, PASSWORD).await;
    assert_eq!(page.text("error-code"), "TC-ADMINISTRATION");
    let admitted = page.text("admitted");
    assert!(
        admitted.contains("La Poste") && admitted.contains("@elysee.example"),
        "{admitted}"
    );
    assert_eq!(page.text("contacts"), "access@service.example");
    let answer = browser.submit(&page, "leave", &[]).await;
    assert_eq!(service.error(&answer), "access_denied");
}

#[tokio::test]
async fn what_a_client_says_of_itself_when_it_registered_itself_is_nobodys_contact() {
    let app = with_administrations().await;
    let mut client = ruled("service", &json!({"populations": ["partenaire"]}));
    client.presentation.contacts = vec!["phish@service.example".to_owned()];
    client.self_registered = true;
    let service = app.register(client).await;
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    let page = browser.log_in(&page, EMAIL, PASSWORD).await;
    assert_eq!(page.text("error-code"), "TC-POPULATION");
    assert!(page.has("admitted") && !page.has("contacts"));
}

#[tokio::test]
async fn an_administration_that_leaves_the_table_takes_its_admission_along() {
    let app = with_administrations().await;
    let service = app
        .register(ruled("service", &json!({"administrations": {"siren": ["130025265"]}})))
        .await;
    let browser = Browser::new(&app);
    let tokens = service.tokens(&browser, &[OFFLINE]).await;
    assert_eq!(service.userinfo(&tokens.access_token).await.status, 200);
    // The domain is another body's from now on.
    app.add_administration(administration("beta.gouv.fr", "La Poste", "356000000"))
        .await;
    assert_eq!(service.userinfo(&tokens.access_token).await.status, 401);
    assert_eq!(
        service.refresh(tokens.refresh_token(), &[]).await.json()["error"],
        "invalid_grant"
    );
}
