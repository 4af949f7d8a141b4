//! Our side of the official suite's configuration, `tests/conformance/suite.json`, against the provider: its browser
//! finds on our pages what it looks for, and its clients are those that the conformance server registers.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::ours;
use super::provider::{CALLBACK, Provider};
use crate::support::{EMAIL, PASSWORD, Page, html};

fn configuration() -> Value {
    serde_json::from_str(include_str!("../../conformance/suite.json")).unwrap()
}

/// Every command of every browser script: `[command, kind of selector, selector, …]`.
fn commands(value: &Value) -> Vec<&Value> {
    match (value.get("commands"), value) {
        (Some(Value::Array(commands)), _) => commands.iter().collect(),
        (_, Value::Object(members)) => members.values().flat_map(commands).collect(),
        (_, Value::Array(values)) => values.iter().flat_map(commands).collect(),
        _ => Vec::new(),
    }
}

fn ids(page: &Page) -> impl Iterator<Item = String> {
    let tags = html::tags(&page.body).into_iter();
    tags.filter_map(|tag| tag.get("id").map(str::to_owned))
}

/// Every element of every page that the suite's browser meets.
async fn elements(op: &Provider) -> BTreeSet<String> {
    let party = op.register(json!({})).await;
    let browser = op.browser();
    let identifier = browser.open(&party.url(&party.request(&[]))).await;
    let password = browser.identify(&identifier, EMAIL).await;
    let consent = browser
        .submit(&password, "password-form", &[("password", PASSWORD)])
        .await;
    let posted = browser.submit(&consent, "consent-form", &[("answer", "accept")]).await;
    let bad = party
        .refused(&browser, &[("redirect_uri", "https://other.example/")])
        .await;
    let logout = browser.open(op.text("end_session_endpoint")).await;
    let signed_out = browser.submit(&logout, "logout-form", &[("answer", "leave")]).await;
    let pages = [&identifier, &password, &consent, &posted, &bad, &logout, &signed_out];
    pages.into_iter().flat_map(ids).collect()
}

#[tokio::test]
async fn its_browser_finds_every_element() {
    let found = elements(&Provider::ours(true).await).await;
    let configuration = configuration();
    let commands = commands(&configuration);
    assert!(commands.len() > 20);
    for command in commands {
        assert!(
            ["text", "click", "wait"].contains(&command[0].as_str().unwrap()),
            "{command}"
        );
        assert_eq!(command[1], "id", "the suite's browser is led by ids only");
        let id = command[2].as_str().unwrap();
        // That one is on the suite's own page.
        assert!(
            found.contains(id) || id == "submission_complete",
            "{id} is on none of our pages"
        );
    }
}

/// The paths of every script are paths of ours, or of the suite's.
#[tokio::test]
async fn its_addresses_are_ours() {
    let op = ours().await;
    let configuration = configuration();
    let discovery = configuration["server"]["discoveryUrl"].as_str().unwrap();
    let issuer = discovery.strip_suffix("/.well-known/openid-configuration").unwrap();
    let ours = [op.text("authorization_endpoint"), op.text("end_session_endpoint")];
    let ours = ours.map(|address| address.replace(op.text("issuer"), issuer));
    let scripts = configuration["override"].as_object().unwrap().values();
    let scripts = scripts.map(|one| &one["browser"]).chain([&configuration["browser"]]);
    for script in scripts.flat_map(|script| script.as_array().unwrap()) {
        let address = script["match"].as_str().unwrap().strip_suffix('*').unwrap();
        assert!(ours.iter().any(|one| one == address), "{address}");
    }
}

#[test]
fn its_clients_are_those_of_the_conformance_server() {
    let configuration = configuration();
    let registered: toml::Table = include_str!("../../conformance/clients.toml").parse().unwrap();
    let registered = registered["clients"].as_array().unwrap();
    let callback = CALLBACK.replace("restated", configuration["alias"].as_str().unwrap());
    let methods = ["client_secret_basic", "client_secret_basic", "client_secret_post"];
    let clients = ["client", "client2", "client_secret_post"];
    assert_eq!(registered.len(), clients.len());
    for ((name, method), client) in clients.into_iter().zip(methods).zip(registered) {
        let ours = &configuration[name];
        assert_eq!(ours["client_id"].as_str(), client["client_id"].as_str());
        assert_eq!(ours["client_secret"].as_str(), client["secret"].as_str());
        assert_eq!(client["token_endpoint_auth_method"].as_str(), Some(method));
        assert_eq!(client["redirect_uris"][0].as_str(), Some(&*callback));
    }
    let [first, ..] = &registered[..] else { unreachable!() };
    for (member, path) in [
        ("backchannel_logout_uri", "backchannel_logout"),
        ("frontchannel_logout_uri", "frontchannel_logout"),
    ] {
        assert_eq!(first[member].as_str(), Some(&*callback.replace("callback", path)));
    }
    let after = callback.replace("callback", "post_logout_redirect");
    assert_eq!(first["post_logout_redirect_uris"][0].as_str(), Some(&*after));
}

/// `docs/conformance.md` has a row for every test of a plan.
#[test]
fn the_table_has_every_module() {
    let table = include_str!("../../../docs/conformance.md");
    let plans = [
        ("back_channel", include_str!("back_channel.rs")),
        ("basic", include_str!("basic.rs")),
        ("config", include_str!("config.rs")),
        ("dynamic", include_str!("dynamic.rs")),
        ("form_post", include_str!("form_post.rs")),
        ("front_channel", include_str!("front_channel.rs")),
        ("rp_initiated_logout", include_str!("rp_initiated_logout.rs")),
        ("third_party_init", include_str!("third_party_init.rs")),
    ];
    for (plan, source) in plans {
        for name in source
            .lines()
            .filter_map(|line| line.strip_prefix("async fn ")?.split('(').next())
        {
            assert!(table.contains(&format!("`{plan}::{name}`")), "{plan}::{name}");
        }
    }
}
