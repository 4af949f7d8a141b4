//! `tchap-connect operator`: the real command beside a running provider.

use std::process::Command;

use serde_json::Value;

use super::{HOME, Telephone, recorded, signed_in};
use crate::support::app::SEALING_KEY;
use crate::support::homeserver::Account;
use crate::support::secrets::Kind;
use crate::support::{Browser, NAME, PASSWORD, TestApp};

fn run(app: &TestApp, args: &[&str]) -> Result<String, String> {
    run_command(app, &[&["operator"], args].concat())
}

/// The real command beside the running provider: what it printed, or why it failed.
pub fn run_command(app: &TestApp, args: &[&str]) -> Result<String, String> {
    let done = Command::new(env!("CARGO_BIN_EXE_tchap-connect"))
        .args(args)
        .env_clear()
        .current_dir(std::env::temp_dir())
        .env("TCHAP_CONNECT_MODE", "development")
        .env("TCHAP_CONNECT_ISSUER", &app.base_url)
        .env("TCHAP_CONNECT_DATABASE_URL", app.database_url())
        .env("TCHAP_CONNECT_SEALING_KEY", SEALING_KEY)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    match done.status.success() {
        true => Ok(text(&done.stdout)),
        false => Err(text(&done.stderr)),
    }
}

pub fn json(app: &TestApp, args: &[&str]) -> Value {
    let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
    serde_json::from_str(&run(app, &args).unwrap()).unwrap()
}

/// The code in an answer; it is never to be seen again.
fn code(app: &TestApp, answer: &Value) -> String {
    let code = answer["enrolment_code"].as_str().unwrap().to_owned();
    app.traffic.secret(Kind::Never, &code);
    code
}

fn at(local_part: &str) -> String {
    format!("@{local_part}:{NAME}")
}

/// Threat 31: the first operator comes from the command line only.
#[tokio::test]
async fn the_first_operator_is_added_signs_in_and_enrols() {
    let app = TestApp::start().await;
    app.homeserver.add(Account::new("first", PASSWORD));
    let (early, _) = signed_in(&app, "early").await;
    assert_eq!(
        early.get("/console/equipe").await.status,
        404,
        "nobody is an operator for being the first there"
    );
    assert_eq!(json(&app, &["list"])["roles"], serde_json::json!([]));
    let added = json(&app, &["add", &at("first")]);
    assert!(added["invited_until"].as_i64().unwrap() > app.app.clock.now());
    assert_eq!(json(&app, &["list"])["invitations"][0]["matrix_id"], at("first"));
    let browser = Browser::new(&app);
    let page = browser.sign_in("/console/equipe", &at("first")).await;
    let page = browser
        .submit(&page, "enrol-form", &[("enrolment", &code(&app, &added))])
        .await;
    let telephone = Telephone::of(&page.text("factor-secret"));
    let page = browser
        .submit(&page, "factor-form", &[("code", &telephone.code(&app))])
        .await;
    assert!(page.has("invite-form"), "{}", page.body);
    let listed = &json(&app, &["list"])["roles"][0];
    assert_eq!(
        (&listed["role"], &listed["second_factor"]),
        (&"operator".into(), &true.into())
    );
    assert!(
        run(&app, &["add", &at("first")])
            .unwrap_err()
            .contains("has this role already")
    );
    let again = json(&app, &["add", &at("early")]);
    assert_eq!(again["invited_until"], Value::Null, "who is known is one at once");
    code(&app, &again);
    assert!(early.open("/console/equipe").await.has("enrol-form"));
    assert!(
        recorded(&app, "role.given")
            .await
            .iter()
            .all(|(actor, ..)| actor == "command_line")
    );
}

#[tokio::test]
async fn a_lost_factor_is_reset_sessions_are_ended_and_the_last_operator_removed() {
    let app = TestApp::start().await;
    let (browser, agent) = signed_in(&app, "op").await;
    let added = json(&app, &["add", &at("op")]);
    let page = browser.open(HOME).await;
    let page = browser
        .submit(&page, "enrol-form", &[("enrolment", &code(&app, &added))])
        .await;
    let telephone = Telephone::of(&page.text("factor-secret"));
    let page = browser
        .submit(&page, "factor-form", &[("code", &telephone.code(&app))])
        .await;
    assert!(page.has("console"));
    assert!(
        run(&app, &["enrol", &at("op")])
            .unwrap_err()
            .contains("reset-second-factor")
    );
    run(&app, &["reset-second-factor", &at("op")]).unwrap();
    assert!(
        run(&app, &["reset-second-factor", &at("op")])
            .unwrap_err()
            .contains("no second factor")
    );
    let offered = json(&app, &["enrol", &at("op")]);
    let page = browser.open(HOME).await;
    let page = browser
        .submit(&page, "enrol-form", &[("enrolment", &code(&app, &offered))])
        .await;
    assert!(page.has("factor-secret"));

    assert_eq!(json(&app, &["end-sessions", &at("op")])["sessions"], 1);
    assert!(browser.open(HOME).await.has("identifier-form"));
    assert!(
        app.app
            .store
            .list_browser_sessions(&agent.id, 0)
            .await
            .unwrap()
            .is_empty()
    );

    run(&app, &["remove", &at("op")]).unwrap();
    assert!(app.app.store.list_roles().await.unwrap().is_empty());
    assert!(
        run(&app, &["remove", &at("op")])
            .unwrap_err()
            .contains("is no operator")
    );
    let page = browser.sign_in(HOME, &at("op")).await;
    assert_eq!(page.text("console-roles"), "partenaire");
}

#[tokio::test]
async fn what_is_wrong_with_an_account_is_said() {
    let app = TestApp::start().await;
    for (args, words) in [
        (["add", "first"], "not a Matrix id"),
        (["add", "@first:nowhere.test"], "not on the list"),
        (["enrol", &at("nobody")], "no role that needs"),
        (["reset-second-factor", &at("nobody")], "never signed in"),
        (["end-sessions", &at("nobody")], "never signed in"),
        (["remove", &at("nobody")], "is no operator"),
    ] {
        let error = run(&app, &args).unwrap_err();
        assert!(error.contains(words), "{args:?}: {error}");
    }
}
