//! `doctor`: the real binary against scripted homeservers and a running provider, and what it says of each fault.

use std::sync::Arc;

use serde_json::{Value, json};
use tchap_connect::domain::homeserver::WatchWay;

use super::{Done, Place};
use crate::support::app::{SEALING_KEY, TestApp};
use crate::support::auth_service::At;
use crate::support::homeserver::{Endpoint, Lie, ScriptedHomeserver, dead};
use crate::support::tls::{Certificate, authority, pair_for};
use crate::support::watch::WatchTokens;

/// Runs `doctor --json` beside a running provider, with its database and settings.
async fn doctor(app: &TestApp, homeservers: &[&str]) -> Done {
    examine(app, &["--json"], homeservers).await
}

async fn examine(app: &TestApp, options: &[&str], homeservers: &[&str]) -> Done {
    examine_with(app, options, homeservers, &[]).await
}

async fn examine_with(app: &TestApp, options: &[&str], homeservers: &[&str], settings: &[(&str, &str)]) -> Done {
    let place = Place::new();
    let args: Vec<_> = ["doctor"].iter().chain(options).chain(homeservers).copied().collect();
    let ours = [
        ("TCHAP_CONNECT_MODE", "development"),
        ("TCHAP_CONNECT_ISSUER", &app.base_url),
        ("TCHAP_CONNECT_DATABASE_URL", app.database_url()),
        ("TCHAP_CONNECT_SEALING_KEY", SEALING_KEY),
        // The test's keys are years old.
        ("TCHAP_CONNECT_KEYS_ROTATION_DAYS", "0"),
    ];
    let mut command = place.command(&args, &[&ours, settings].concat());
    // The homeservers answer on this test's own thread meanwhile.
    Done(
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap(),
    )
}

/// Check, place and result of every finding.
fn results(done: &Done) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = done.json().as_array().unwrap().clone();
    list.iter()
        .map(|one| (text(&one["check"]), text(&one["where"]), text(&one["result"])))
        .collect()
}

#[track_caller]
fn comes_out(done: &Done, place: &str, check: &str, result: &str, word: &str) {
    let list = done.json().as_array().unwrap().clone();
    let of = |one: &&Value| one["where"] == place && one["check"] == check;
    let found = list
        .iter()
        .find(of)
        .unwrap_or_else(|| panic!("{check} of {place} is not among {list:#?}"));
    assert_eq!(found["result"], result, "{found}");
    assert!(found["message"].as_str().unwrap().contains(word), "{word:?}: {found}");
}

#[tokio::test]
async fn a_healthy_deployment_passes_and_nothing_is_registered() {
    let mut app = TestApp::start().await;
    let service = app.by_oauth().await;
    let issuer = service.issuer();
    let first = app.homeserver.clone();
    first.directory("", "agent.dinum.tchap.test");
    app.add_homeserver(&first, |listed| {
        listed.directory = true;
        listed.oauth.issuer = Some(issuer);
    })
    .await;
    let done = doctor(&app, &[]).await.well();
    let name = "agent.dinum.tchap.test".to_owned();
    let issuer = app.base_url.clone();
    let here = "this process".to_owned();
    let expected = [
        ("configuration", &here, "warning"),
        ("database", &here, "ok"),
        ("disk", &here, "ok"),
        ("keys", &here, "ok"),
        ("proxies", &here, "ok"),
        ("fetch", &here, "ok"),
        ("issuer", &issuer, "ok"),
        ("cookies", &issuer, "ok"),
        ("homeserver.reach", &name, "ok"),
        ("homeserver.clock", &name, "ok"),
        ("homeserver.oauth", &name, "ok"),
        ("homeserver.issuer", &name, "ok"),
        ("homeserver.client", &name, "ok"),
        ("homeserver.ways", &name, "ok"),
        ("homeserver.directory", &name, "ok"),
    ];
    let mut expected: Vec<_> = expected
        .map(|(check, place, result)| (check.to_owned(), place.clone(), result.to_owned()))
        .into();
    // PostgreSQL's disk is not ours to see.
    let on_sqlite = app.database_url().starts_with("sqlite:");
    expected.retain(|(check, ..)| check != "disk" || on_sqlite);
    assert_eq!(results(&done), expected, "the ids are stable");
    assert!(!done.stdout().contains(SEALING_KEY) && !done.stderr().contains(SEALING_KEY));

    assert!(service.asked(crate::support::auth_service::At::Registration).is_empty());
    assert_eq!(app.app.store.find_pinned_issuer(&name).await.unwrap(), None);
    // An address that nobody has, of a server's own domain.
    let asked = first.requests_to(Endpoint::Directory);
    assert!(asked.iter().all(|asked| asked.query.contains("address=doctor%40")));
    assert_eq!(asked.len(), 1);

    let table = examine(&app, &[], &[]).await.well();
    assert!(table.stdout().starts_with("CHECK"), "{}", table.stdout());
    assert!(
        table
            .stderr()
            .contains(&format!("0 failed, 1 warning, {} ok.", expected.len() - 1)),
        "{}",
        table.stderr()
    );
}

/// The watch: asked as it will ask, with what it will need.
#[tokio::test]
async fn a_watched_homeserver_is_asked_about_an_account_that_nobody_has() {
    let secrets = WatchTokens::new();
    let mut app = TestApp::with(&[("WATCH_TOKENS_DIR", secrets.path())]).await;
    let service = app.by_oauth().await;
    let (issuer, first) = (service.issuer(), app.homeserver.clone());
    let name = "agent.dinum.tchap.test";
    app.add_homeserver(&first, |listed| {
        listed.oauth.issuer = Some(issuer);
        listed.watch.way = Some(WatchWay::MasAdmin);
        listed.watch.client_id = Some("01ADMIN".into());
    })
    .await;
    let doctor = async || {
        let settings = [("TCHAP_CONNECT_WATCH_TOKENS_DIR", secrets.path())];
        examine_with(&app, &["--json"], &[], &settings).await
    };
    let done = doctor().await;
    comes_out(&done, name, "homeserver.watch", "failed", "cannot be read");
    secrets.put(name, "admin-secret-3f1");
    let done = doctor().await;
    comes_out(
        &done,
        name,
        "homeserver.watch",
        "failed",
        "does not take our credentials",
    );
    service.made_admin_client("01ADMIN", "admin-secret-3f1");
    let done = doctor().await.well();
    comes_out(&done, name, "homeserver.watch", "ok", "still stand");
    let [asked] = service.asked(At::AdminUser).try_into().unwrap();
    assert!(asked.path.ends_with("doctor"), "{}", asked.path);
    assert!(!done.stdout().contains("admin-secret-3f1") && !done.stderr().contains("admin-secret-3f1"));
}

#[tokio::test]
async fn each_sick_homeserver_is_told_apart_and_the_good_one_is_not_blamed() {
    let mut app = TestApp::start().await;
    let service = app.by_oauth().await;
    app.list(&dead("down.test").await).await;

    // Publishes the endpoints of the good one beside an issuer of its own.
    let mixed = start("mixed.test").await;
    mixed.publish(Some({
        let mut metadata = service.metadata();
        metadata["issuer"] = "http://127.0.0.1:1/".into();
        metadata
    }));
    // Claims the good one's issuer; the list says whose it is.
    let claims = start("claims.test").await;
    claims.publish(Some(service.metadata()));
    let slow_clock = start("clock.test").await;
    slow_clock.script(
        Endpoint::Versions,
        Lie::Answer {
            status: 200,
            headers: vec![("date", "Sun, 06 Nov 1994 08:49:37 GMT".into())],
            body: json!({"versions": ["v1.15"]}).to_string(),
        },
    );
    let no_way = start("no-way.test").await;
    no_way.offer(&["org.example.magic"]);
    let no_homeserver = start("website.test").await;
    no_homeserver.script(Endpoint::Versions, Lie::text(200, "<html>"));
    let directory = start("directory.test").await;
    directory.directory("", "elsewhere.test");
    for sick in [&mixed, &claims, &slow_clock, &no_way, &no_homeserver] {
        app.add_homeserver(sick, |_| {}).await;
    }
    app.add_homeserver(&directory, |listed| listed.directory = true).await;
    let good = app.homeserver.clone();
    app.add_homeserver(&good, |listed| listed.oauth.issuer = Some(service.issuer()))
        .await;

    let done = doctor(&app, &[]).await.badly();
    for (place, check, result, word) in [
        ("agent.dinum.tchap.test", "homeserver.issuer", "ok", "the list names"),
        ("agent.dinum.tchap.test", "homeserver.ways", "ok", "by oauth"),
        ("down.test", "homeserver.reach", "failed", "nothing answers"),
        ("mixed.test", "homeserver.oauth", "failed", "own origin"),
        (
            "claims.test",
            "homeserver.issuer",
            "failed",
            "also that of agent.dinum.tchap.test",
        ),
        ("clock.test", "homeserver.clock", "failed", "behind ours"),
        ("clock.test", "homeserver.ways", "ok", "by sso"),
        ("no-way.test", "homeserver.ways", "failed", "nobody can sign in"),
        ("website.test", "homeserver.reach", "failed", "base_url"),
        ("directory.test", "homeserver.directory", "warning", "guests"),
    ] {
        comes_out(&done, place, check, result, word);
    }

    // One that is named, and only that one.
    let one = doctor(&app, &["clock.test"]).await.badly();
    assert!(results(&one).iter().all(|(_, place, _)| !place.contains("down.test")));
    doctor(&app, &["agent.dinum.tchap.test"]).await.well();
    let unknown = doctor(&app, &["nobody.test"]).await.badly();
    assert!(unknown.stderr().contains("nobody.test is not on the list"));
}

/// Over TLS, our own certificate is looked at in its file and where browsers meet it.
#[tokio::test]
async fn a_certificate_that_was_not_renewed_is_named_before_it_ends() {
    let files = Certificate::new();
    let app = TestApp::with(&files.settings()).await;
    let place = Place::new();
    let ca_file = place.write("ca.pem", &authority().pem());
    let doctor = async || {
        let [cert, key] = files.settings();
        let settings = [
            ("TCHAP_CONNECT_TLS_CERT_FILE", cert.1),
            ("TCHAP_CONNECT_TLS_KEY_FILE", key.1),
            ("TCHAP_CONNECT_UPSTREAM_CA_FILE", ca_file.to_str().unwrap()),
        ];
        examine_with(&app, &["--json"], &[], &settings).await
    };
    let done = doctor().await;
    for place in ["this process", &app.base_url] {
        comes_out(&done, place, "certificate", "ok", "good until");
    }
    let soon = (10 * 24 + 1) * 3600;
    let (cert, key) = pair_for(&rcgen::PKCS_ECDSA_P256_SHA256, soon);
    files.write(&cert, &key);
    let done = doctor().await;
    comes_out(&done, "this process", "certificate", "warning", "in 10 days");
    // Not before it is read again.
    comes_out(&done, &app.base_url, "certificate", "ok", "good until");
    let (_, other) = pair_for(&rcgen::PKCS_ECDSA_P256_SHA256, soon);
    files.write(&cert, &other);
    let done = doctor().await;
    comes_out(&done, "this process", "configuration", "failed", "check-config");
}

async fn start(name: &str) -> Arc<ScriptedHomeserver> {
    Arc::new(ScriptedHomeserver::start(name).await)
}

#[tokio::test]
async fn what_a_database_lacks_is_said_and_not_made() {
    let place = Place::new();
    let key = "0a".repeat(32);
    let other_key = "0b".repeat(32);
    let production = |key| {
        [
            ("TCHAP_CONNECT_ISSUER", "https://nobody.invalid"),
            ("TCHAP_CONNECT_TRUSTED_PROXIES", "10.0.0.5"),
            ("TCHAP_CONNECT_SEALING_KEY", key),
            ("TCHAP_CONNECT_DATABASE_URL", "sqlite:a.db"),
        ]
    };
    let run = |args: &[&str], key| place.run_with(args, &production(key));
    let none = run(&["doctor", "--json"], &key).badly();
    comes_out(&none, "this process", "database", "failed", "there is none yet");
    assert_eq!(std::fs::read_dir(&place.0).unwrap().count(), 0);

    run(&["migrate"], &key).well();
    let empty = run(&["doctor", "--json"], &key).badly();
    comes_out(&empty, "this process", "keys", "warning", "first start");
    comes_out(&empty, "this process", "homeservers", "failed", "apply");
    comes_out(&empty, "this process", "proxies", "ok", "10.0.0.5/32 only");
    comes_out(&empty, "https://nobody.invalid", "issuer", "warning", "not reachable");

    run(&["keys", "list"], &key).well();
    let sealed = run(&["doctor", "--json"], &key).badly();
    comes_out(&sealed, "this process", "keys", "ok", "one signs by each algorithm");
    let other = run(&["doctor", "--json"], &other_key).badly();
    comes_out(&other, "this process", "keys", "failed", "not the sealing key");
    assert!(!other.stdout().contains(&key) && !other.stdout().contains(&other_key));

    let wrong = place
        .run_with(&["doctor", "--json"], &[("TCHAP_CONNECT_ISSUER", "x")])
        .badly();
    comes_out(&wrong, "this process", "configuration", "failed", "check-config");
}
