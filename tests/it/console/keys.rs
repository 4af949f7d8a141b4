//! `/console/cles`: states and ages, rotation, retiring a stolen key, and whether the world has fetched the new ones.

use tchap_connect::domain::role::Role;

use super::{enrol, operator, recorded, shown, with_role};
use crate::support::{Browser, Page, TestApp};

const HOME: &str = "/console/cles";
const JWKS: &str = "/jwks";

async fn kids(app: &TestApp) -> Vec<String> {
    let jwks = Browser::new(app).get(&jwks_path(app).await).await.json();
    let keys = jwks["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn jwks_path(app: &TestApp) -> String {
    let document = Browser::new(app).get("/.well-known/openid-configuration").await.json();
    let uri = document["jwks_uri"].as_str().unwrap().to_owned();
    assert!(uri.ends_with(JWKS), "{uri}");
    uri
}

async fn post(browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Page {
    let shown = shown(browser).await;
    let fields = [&[("shown", shown.as_str())], fields].concat();
    let answer = browser.post(&format!("{HOME}/{path}"), &fields).await;
    browser.follow(answer).await
}

#[tokio::test]
async fn keys_are_rotated_in_good_time_and_fetches_are_counted_since() {
    let app = TestApp::start().await;
    let (browser, ..) = operator(&app, "operator").await;
    let former = kids(&app).await;
    let page = browser.open(HOME).await;
    assert!(former.iter().all(|kid| page.body.contains(kid)), "{}", page.body);
    assert!(page.text("fetches").contains("1 fois"), "{}", page.body);

    let page = post(&browser, "renouvellement", &[]).await;
    assert!(
        page.has("console-done") && page.text("next-rotation").contains("en cours"),
        "{}",
        page.body
    );
    assert!(
        page.text("fetches").contains("0 fois"),
        "those of the former keys do not count: {}",
        page.body
    );
    let now = kids(&app).await;
    kids(&app).await;
    assert_eq!(now.len(), 2 * former.len(), "both are published");
    assert!(browser.open(HOME).await.text("fetches").contains("2 fois"));
    // They are told apart by the process and the database together.
    app.app.keys.report_fetches(&app.app.store).await.unwrap();
    kids(&app).await;
    assert!(browser.open(HOME).await.text("fetches").contains("3 fois"));
    // None of the former has been replaced yet.
    let page = post(&browser, "retrait", &[("kid", &former[0])]).await;
    assert!(page.text("error-message").contains("Rien n’a été retiré"));
    assert_eq!(recorded(&app, "key.rotated").await.len(), 1);
    assert!(recorded(&app, "key.retired").await.is_empty());
}

#[tokio::test]
async fn a_stolen_key_is_replaced_at_once_and_retired() {
    let app = TestApp::start().await;
    let (browser, _, telephone) = operator(&app, "operator").await;
    let former = kids(&app).await;
    let page = post(&browser, "renouvellement", &[("quand", "maintenant")]).await;
    assert!(page.text("error-message").contains("cochez"), "{}", page.body);
    assert_eq!(kids(&app).await, former);
    let page = post(&browser, "renouvellement", &[("quand", "maintenant"), ("confirm", "1")]).await;
    assert!(page.has("console-done") && page.has("withdraw-1"), "{}", page.body);
    for kid in ["", "unknown", "' or 1=1 --", "<script>"] {
        let page = post(&browser, "retrait", &[("kid", kid)]).await;
        assert!(page.has("error-message") && !page.body.contains("<script>"), "{kid}");
    }
    app.advance(301);
    let page = post(&browser, "retrait", &[("kid", &former[0])]).await;
    assert!(page.has("factor-form"), "the second factor again: {}", page.body);
    assert!(kids(&app).await.contains(&former[0]));
    telephone.give(&app, &browser, HOME).await;
    let page = post(&browser, "retrait", &[("kid", &former[0])]).await;
    assert!(page.has("console-done"), "{}", page.body);
    assert!(!kids(&app).await.contains(&former[0]));
    let acts = recorded(&app, "key.retired").await;
    assert_eq!((acts.len(), &acts[0].1), (1, &former[0]));
}

#[tokio::test]
async fn support_reads_and_a_form_that_was_not_shown_does_nothing() {
    let app = TestApp::start().await;
    let (support, agent) = with_role(&app, "support", Role::Support).await;
    enrol(&app, &support, &agent).await;
    let page = support.open(HOME).await;
    assert!(page.has("keys") && !page.has("rotate") && !page.has("rotate-now"));
    assert_eq!(post(&support, "renouvellement", &[]).await.status, 404);
    let former = kids(&app).await;
    let (operator, ..) = operator(&app, "operator").await;
    let answer = operator
        .post(&format!("{HOME}/renouvellement"), &[("shown", "x")])
        .await;
    assert_eq!(answer.header("location"), HOME);
    assert_eq!(kids(&app).await, former);
}
