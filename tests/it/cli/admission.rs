//! Admission rules as an operator sets them, and `apply --dry-run`, which says whom they would shut out.

use serde_json::json;

use super::{Done, Place};
use crate::support::app::SEALING_KEY;
use crate::support::homeserver::Account;
use crate::support::{Browser, EMAIL, JEAN, NAME, PASSWORD, TestApp, refreshing};

/// The command line over the database of a running application.
fn beside(app: &TestApp, place: &Place, args: &[&str]) -> Done {
    let vars = [
        ("TCHAP_CONNECT_MODE", "development"),
        ("TCHAP_CONNECT_ISSUER", app.base_url.as_str()),
        ("TCHAP_CONNECT_DATABASE_URL", app.app.config.database.url.expose()),
        ("TCHAP_CONNECT_SEALING_KEY", SEALING_KEY),
    ];
    place.run_with(args, &vars)
}

fn file(admission: &str) -> String {
    format!(
        "[[clients]]\nclient_id = \"service\"\nname = \"Service service\"\n\
         redirect_uris = [\"https://service.example/callback\"]\nscopes = [\"openid\"]\n\
         grant_types = [\"authorization_code\", \"refresh_token\"]\n{admission}"
    )
}

const ANNE: &str = "@anne.petit-elysee.example:agent.dinum.tchap.test";

/// Jean and Anne, of two administrations at one homeserver, signed in to the service today.
async fn two_agents() -> TestApp {
    let mut app = TestApp::start().await;
    let homeserver = app.homeserver.clone();
    app.add_homeserver(&homeserver, |listed| {
        listed.email_domains = ["beta.gouv.fr", "elysee.example"].map(String::from).into()
    })
    .await;
    let anne = Account::new("anne.petit-elysee.example", PASSWORD).named("Anne Petit [PR]");
    app.homeserver
        .add(anne.email("anne.petit@elysee.example", 1_600_000_000));
    for (domain, name) in [("beta.gouv.fr", "DINUM"), ("elysee.example", "Presidence")] {
        let row = json!({"domain": domain, "name": name});
        app.add_administration(serde_json::from_value(row).unwrap()).await;
    }
    let service = app.register(refreshing("service")).await;
    for identifier in [EMAIL, ANNE] {
        let answer = Browser::new(&app)
            .sign_in(&service.url(&[("scope", "openid")]), identifier)
            .await;
        service.code(&answer);
    }
    app
}

#[tokio::test]
async fn a_dry_run_counts_whom_a_rule_would_shut_out_and_names_them_only_when_asked() {
    let app = two_agents().await;
    let place = Place::new();
    let rules = file("admission = { administrations = { email_domains = [\"gouv.fr\"] } }\n");
    let path = place.write("apply.toml", &rules);
    let path = path.to_str().unwrap();

    let dry = beside(&app, &place, &["apply", "--dry-run", path]).well().stdout();
    assert!(dry.contains("service would refuse 1 of the 2 agents"), "{dry}");
    assert!(
        dry.contains("Presidence") && !dry.contains("anne.petit") && !dry.contains("DINUM"),
        "{dry}"
    );
    let dry = beside(&app, &place, &["apply", "--dry-run", "--json", path])
        .well()
        .json();
    assert_eq!(
        dry["refused"],
        json!([{
            "client_id": "service", "agents": 2, "refused": 1,
            "by": [{"reason": "administration", "homeserver": NAME, "administration": "Presidence", "agents": 1}],
        }])
    );
    let dry = beside(&app, &place, &["apply", "--dry-run", "--json", "--show-agents", path])
        .well()
        .json();
    assert_eq!(dry["refused"][0]["matrix_ids"], json!([ANNE]));
    let client = app.app.store.find_client("service").await.unwrap().unwrap();
    assert!(client.admission.is_empty(), "nothing was written");
    assert!(
        !beside(&app, &place, &["apply", "--show-agents", path])
            .0
            .status
            .success()
    );

    // Once applied, nobody is shut out anew.
    beside(&app, &place, &["apply", path]).well();
    let dry = beside(&app, &place, &["apply", "--dry-run", "--json", path])
        .well()
        .json();
    assert_eq!(dry["refused"], json!([]));
}

#[tokio::test]
async fn a_dry_run_sees_what_the_file_changes_around_a_client() {
    let app = two_agents().await;
    let place = Place::new();
    let rules = file("admission = { populations = [\"agent\"] }\n");
    let path = place.write("apply.toml", &rules);
    let dry = beside(&app, &place, &["apply", "--dry-run", "--json", path.to_str().unwrap()])
        .well()
        .json();
    assert_eq!(dry["refused"], json!([]), "both are of known administrations");
    let guests = format!(
        "[[homeservers]]\nname = \"{NAME}\"\nguests = true\nbase_url = \"{}\"\n",
        app.homeserver.listed().base_url
    );
    let path = place.write("guests.toml", &guests);
    let dry = beside(
        &app,
        &place,
        &["apply", "--dry-run", "--json", "--show-agents", path.to_str().unwrap()],
    );
    let refused = dry.well().json()["refused"][0].clone();
    assert_eq!(
        (&refused["refused"], &refused["by"][0]["reason"]),
        (&2.into(), &"guest".into())
    );
    assert_eq!(refused["matrix_ids"], json!([ANNE, JEAN]));
}

#[tokio::test]
async fn sign_ins_are_forgotten_after_thirty_days() {
    let app = two_agents().await;
    let now = app.app.clock.now();
    let day = 24 * 3600;
    let seen = async |now: i64| {
        let agents = app
            .app
            .store
            .list_client_agents("service", now - 30 * day, now, "", 10)
            .await;
        agents.unwrap().len()
    };
    for (later, left) in [(29 * day, 2), (31 * day, 0)] {
        app.app.store.delete_expired(now + later, 100).await.unwrap();
        // Asked as if it were still today: what is gone is gone.
        assert_eq!(seen(now).await, left, "{later}");
    }
}

#[test]
fn rules_that_could_never_match_are_refused_with_their_place() {
    let place = Place::new();
    let text = r#"
[[clients]]
client_id = "service"
name = "Service"
redirect_uris = ["https://service.example/callback"]
token_endpoint_auth_method = "none"
[clients.admission]
populations = ["partenaire"]
[clients.admission.administrations]
siren = ["130025266", "130025265"]
email_domains = ["Gouv.fr", "gouv.fr.", "@gouv.fr", ".gouv.fr", "beta.gouv.fr"]
homeservers = ["@a:b", "https://agent.dinum.tchap.gouv.fr", "agent.dinum.tchap.gouv.fr"]
"#;
    let path = place.write("apply.toml", text);
    let bad = place.run(&["apply", path.to_str().unwrap()]).badly().stdout();
    for expected in [
        "clients[0].admission.administrations.siren: \"130025266\": expected 9 digits",
        "clients[0].admission.administrations.email_domains: \".gouv.fr\"",
        "clients[0].admission.administrations.homeservers: \"@a:b\"",
        "clients[0].admission.populations: \"partenaire\" means guests",
    ] {
        assert!(bad.contains(expected), "{expected} in {bad}");
    }
    for (bad, expected) in [
        ("branches = [\"region\"]", "unknown variant"),
        ("siret = [\"13002526500013\"]", "unknown field"),
        ("siren = \"130025265\"", "invalid type"),
    ] {
        let path = place.write(
            "apply.toml",
            &file(&format!("[clients.admission.administrations]\n{bad}\n")),
        );
        let answer = place.run(&["apply", path.to_str().unwrap()]).badly().stdout();
        assert!(
            answer.contains("clients[0].admission: ") && answer.contains(expected),
            "{answer}"
        );
    }
}

#[test]
fn a_new_client_gets_its_rules_by_options() {
    let place = Place::new();
    place.run(&["migrate"]).well();
    let with = |options: &[&str]| {
        let uri = "https://service.example/callback";
        let add = ["client", "add", "--name", "Service", "--redirect-uri", uri, "--json"];
        place.run(&[&add[..], options].concat())
    };
    let made = with(&[
        "--admit-siren",
        "130025265,356000000",
        "--admit-branch",
        "etat",
        "--admit-population",
        "agent",
    ]);
    assert_eq!(
        made.well().json()["admission"],
        json!({
            "administrations": {"siren": ["130025265", "356000000"], "branches": ["etat"]}, "populations": ["agent"],
        })
    );
    let bad = with(&["--admit-siren", "130025266"]).badly().stderr();
    assert!(bad.contains("admission.administrations.siren"), "{bad}");
    assert!(!with(&["--admit-branch", "region"]).0.status.success());
    assert_eq!(with(&[]).well().json()["admission"], json!(null), "none is no limit");
}
