//! `apply`: idempotent, shows the difference, reports every problem at once.

use serde_json::{Value, json};

use super::{Done, Place};

/// A file without problems (in development).
pub const APPLY: &str = r#"
[[homeservers]]
name = "agent.dinum.tchap.test"
label = "DINUM"
base_url = "http://127.0.0.1:8008"
email_domains = ["beta.gouv.fr"]

[[homeservers]]
name = "agent.externe.tchap.gouv.fr"
guests = true
ways = ["password"]

[[administrations]]
domain = "beta.gouv.fr"
name = "DINUM"
siret = "13002526500013"
branch = "etat"

[[clients]]
client_id = "service"
name = "Mon service"
redirect_uris = ["https://service.example.fr/retour"]
secret = "only-for-this-machine"
scopes = ["openid", "email"]
"#;

fn changes(done: &Done) -> Vec<(String, String)> {
    let changes = done.json()["changes"].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    changes
        .iter()
        .map(|one| (text(&one["id"]), text(&one["change"])))
        .collect()
}

#[test]
fn applying_twice_changes_nothing_and_only_differences_are_written() {
    let place = Place::new();
    let file = place.write("apply.toml", APPLY);
    let file = file.to_str().unwrap();

    let dry = place.run(&["plan", file]).well();
    assert!(
        dry.stdout().contains("4 added, 0 changed, 0 unchanged."),
        "{}",
        dry.stdout()
    );
    let first = place.run(&["apply", "--json", file]).well();
    assert!(
        changes(&first).iter().all(|(_, change)| change == "added"),
        "a dry run writes nothing"
    );
    let second = place.run(&["apply", "--json", file]).well();
    assert_eq!(changes(&second).len(), 4);
    assert!(changes(&second).iter().all(|(_, change)| change == "unchanged"));

    let changed = APPLY
        .replace("\"Mon service\"", "\"Notre service\"")
        .replace("only-for-this-machine", "another-secret")
        .replace("label = \"DINUM\"", "label = \"Numérique\"");
    place.write("apply.toml", &changed);
    let third = place.run(&["apply", file]).well().stdout();
    for line in [
        "~ homeserver      agent.dinum.tchap.test",
        "    label: \"DINUM\" -> \"Numérique\"",
        "= homeserver      agent.externe.tchap.gouv.fr",
        "= administration  beta.gouv.fr",
        "~ client          service",
        "    name: \"Mon service\" -> \"Notre service\"",
        "    secret: ",
        "0 added, 2 changed, 2 unchanged.",
    ] {
        assert!(third.contains(line), "{line:?} is not in\n{third}");
    }
    assert!(!third.contains("another-secret"), "{third}");
    let shown = place.run(&["client", "show", "service", "--json"]).well().json();
    assert_eq!(shown["name"], "Notre service");
    assert_eq!(shown["secrets"].as_array().unwrap().len(), 2);
    assert_eq!(shown["sector"], "service.example.fr");
    assert_eq!(
        place
            .recorded()
            .into_iter()
            .filter(|act| !act.starts_with("homeserver.changed "))
            .collect::<Vec<_>>(),
        [
            "homeserver.created agent.dinum.tchap.test",
            "homeserver.created agent.externe.tchap.gouv.fr",
            "administration.created beta.gouv.fr",
            "client.created service",
            "client.secret_added service",
            "client.changed service",
            "client.secret_added service",
        ]
    );
}

#[test]
fn the_order_of_homeservers_is_the_files_and_others_stay() {
    let place = Place::new();
    let table = |name: &str| format!("[[homeservers]]\nname = \"{name}\"\n");
    let apply = |names: &[&str]| {
        let file = place.write("apply.toml", &names.iter().map(|name| table(name)).collect::<String>());
        changes(&place.run(&["apply", "--json", file.to_str().unwrap()]).well())
    };
    let change = |id: &str, change: &str| (id.to_owned(), change.to_owned());
    apply(&["a.fr", "b.fr", "c.fr"]);
    let reordered = apply(&["c.fr", "a.fr"]);
    let expected = [
        change("c.fr", "unchanged"),
        change("a.fr", "unchanged"),
        change("order", "changed"),
    ];
    assert_eq!(reordered, expected);
    assert_eq!(apply(&["c.fr", "a.fr", "b.fr"]).len(), 3, "b.fr stayed, last");
}

/// Every kind of problem, in one file.
const WRONG: &str = r#"
surprise = true

[[homeservers]]
name = "Agent.fr"

[[homeservers]]
name = "a.fr"
base_url = "http://a.fr/"
ways = []
email_domains = ["ok.fr", "@bad.fr"]
gests = true

[[homeservers]]
name = "b.fr"
ways = ["magic"]
oauth = { client_id = "", issuer = "http://auth.b.fr/" }

[[homeservers]]
name = "c.fr"
oauth = { client_secret = "hush-hush" }

[[administrations]]
domain = "Beta.gouv.fr"
name = ""
siren = "130025266"
siret = "356000000"
branch = "privee"

[[clients]]
client_id = "no secret"
name = "x"
redirect_uris = ["http://a.fr/", "https://a.fr/#"]
scopes = ["phone"]
default_max_age = -1

[[clients]]
client_id = "public"
name = "x"
redirect_uris = ["https://a.fr/", "https://b.fr/"]
token_endpoint_auth_method = "none"
secret = "hush-hush"
consent = "none"

[[clients]]
client_id = "twice"
name = "x"
redirect_uris = ["https://a.fr/"]
secret_sha256 = "hush-hush"

[[clients]]
client_id = "same"
name = "x"
redirect_uris = ["https://a.fr/"]
secret = "a"

[[clients]]
client_id = "same"
name = "x"
redirect_uris = ["https://a.fr/"]
secret = "a"
"#;

#[test]
fn every_problem_of_a_file_is_reported_at_once_and_nothing_is_written() {
    let place = Place::new();
    let file = place.write("apply.toml", WRONG);
    let refused = place.run(&["apply", "--json", file.to_str().unwrap()]).badly();
    let problems = refused.json()["problems"].as_array().unwrap().clone();
    let places: Vec<_> = problems
        .iter()
        .map(|problem| problem["field"].as_str().unwrap())
        .collect();
    let expected = [
        "homeservers[0].name",
        "homeservers[1].gests",
        "homeservers[1].base_url",
        "homeservers[1].ways",
        "homeservers[1].email_domains[1]",
        "homeservers[2].ways",
        "homeservers[2].oauth.client_id",
        "homeservers[2].oauth.issuer",
        "homeservers[3].oauth",
        "administrations[0].branch",
        "administrations[0].domain",
        "administrations[0].name",
        "administrations[0].siren",
        "administrations[0].siret",
        "clients[0].default_max_age",
        "clients[0].secret_sha256",
        "clients[0].client_id",
        "clients[0].redirect_uris[0]",
        "clients[0].redirect_uris[1]",
        "clients[0].scopes[0]",
        "clients[1].secret",
        "clients[1].consent",
        "clients[1].sector",
        "clients[2].secret_sha256",
        "surprise",
        "clients.client_id",
    ];
    assert_eq!(places, expected);
    assert!(!refused.stdout().contains("hush") && !refused.stderr().contains("hush"));
    assert!(
        refused.stderr().contains("26 problems; nothing was written"),
        "{}",
        refused.stderr()
    );
    assert_eq!(place.run(&["client", "list", "--json"]).well().json(), json!([]));

    let broken = place.write("broken.toml", "[[clients]]\nsecret = \"hush-hush");
    let refused = place.run(&["apply", broken.to_str().unwrap()]).badly();
    assert!(refused.stdout().starts_with("line 2: "), "{}", refused.stdout());
    assert!(!refused.stdout().contains("hush") && !refused.stderr().contains("hush"));
}

#[test]
fn what_subjects_depend_on_is_fixed_and_a_disabled_client_stays_so() {
    let place = Place::new();
    let file = place.write("apply.toml", APPLY);
    let file = file.to_str().unwrap();
    place.run(&["apply", file]).well();
    place.run(&["client", "disable", "service"]).well();

    place.write(
        "apply.toml",
        &APPLY.replace("scopes =", "sector = \"other.fr\"\nsubject_type = \"public\"\nscopes ="),
    );
    let refused = place.run(&["apply", file]).badly().stdout();
    assert!(refused.contains("clients[0].sector: is fixed"), "{refused}");
    assert!(refused.contains("clients[0].subject_type: is fixed"), "{refused}");

    // A second host needs no sector once there is one, and a silent file does not bring the client back.
    place.write(
        "apply.toml",
        &APPLY.replace("redirect_uris = [", "redirect_uris = [\"https://new.example.fr/\", "),
    );
    place.run(&["apply", file]).well();
    let shown = place.run(&["client", "show", "service", "--json"]).well().json();
    assert_eq!(shown["sector"], "service.example.fr");
    assert_eq!(shown["disabled"], true);
    assert_eq!(shown["locked"], true, "nor does its owner");
    place.write("apply.toml", &APPLY.replace("scopes =", "disabled = false\nscopes ="));
    place.run(&["apply", file]).well();
    assert_eq!(
        place.run(&["client", "show", "service", "--json"]).well().json()["disabled"],
        false
    );
}

const RESOURCES: &str = r#"
[[resources]]
identifier = "https://agenda.example.fr"
name = "Agenda"
access_token_format = "jwt"
access_token_signing_alg = "ES256"
scopes = ["agenda:lire"]
client_id = "agenda"

[[clients]]
client_id = "agenda"
name = "Agenda"
redirect_uris = ["https://agenda.example.fr/retour"]
secret = "only-for-this-machine"

[[clients]]
client_id = "machine"
name = "Machine"
grant_types = ["client_credentials"]
secret = "only-for-that-machine"
scopes = ["agenda:lire"]
resources = ["https://agenda.example.fr"]

[[clients]]
client_id = "mobile"
name = "Mobile"
redirect_uris = ["https://mobile.example.fr/retour"]
token_endpoint_auth_method = "none"
grant_types = ["authorization_code", "refresh_token"]
refresh_tokens = "always"
scopes = ["email", "offline_access"]
"#;

#[test]
fn resources_are_loaded_shown_and_known_by_their_clients() {
    let place = Place::new();
    let file = place.write("apply.toml", RESOURCES);
    let file = file.to_str().unwrap();
    let first = place.run(&["apply", "--json", file]).well();
    let added = |id: &str| (id.to_owned(), "added".to_owned());
    let expected = ["https://agenda.example.fr", "agenda", "machine", "mobile"].map(added);
    assert_eq!(changes(&first), expected);
    let again = place.run(&["apply", file]).well();
    assert!(
        again.stdout().contains("0 added, 0 changed, 4 unchanged."),
        "{}",
        again.stdout()
    );
    let changed = RESOURCES.replace("\"jwt\"", "\"opaque\"");
    place.write("apply.toml", &changed);
    let third = place.run(&["apply", file]).well();
    assert!(
        third.stdout().contains("access_token_format: \"jwt\" -> \"opaque\""),
        "{}",
        third.stdout()
    );
    // A client of a resource that is stored already.
    let client = changed[changed.find("[[clients]]\nclient_id = \"machine\"").unwrap()..].to_owned();
    place.write("apply.toml", &client);
    place.run(&["apply", file]).well();
    let resources: Vec<_> = place
        .recorded()
        .into_iter()
        .filter(|act| act.starts_with("resource."))
        .collect();
    let id = "https://agenda.example.fr";
    assert_eq!(
        resources,
        [format!("resource.created {id}"), format!("resource.changed {id}")]
    );
}

#[test]
fn resources_that_make_no_sense_are_told() {
    let place = Place::new();
    let bad = RESOURCES
        .replace("client_id = \"agenda\"\n\n", "client_id = \"nobody\"\nx = 1\n\n")
        .replace(
            "resources = [\"https://agenda.example.fr\"]",
            "resources = [\"https://other.example.fr\"]",
        )
        .replace("\"jwt\"", "\"paper\"");
    let file = place.write("apply.toml", &bad);
    let own = "[[resources]]\nidentifier = \"http://127.0.0.1:8080/api\"\nname = \"API\"\nscopes = [\"clients:read\"]";
    let ours = place.write("own.toml", own);
    let refused = place.run(&["apply", ours.to_str().unwrap()]).badly().stdout();
    assert!(refused.contains("this provider's own API"), "{refused}");
    let done = place.run(&["apply", "--json", file.to_str().unwrap()]);
    let problems = done.json()["problems"].clone();
    let fields: Vec<_> = problems
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["field"].as_str().unwrap())
        .collect();
    for field in [
        "resources[0].access_token_format",
        "resources[0].x",
        "clients[1].resources",
        "clients[1].scopes[0]",
    ] {
        assert!(fields.contains(&field), "{field} in {fields:?}");
    }
}

#[test]
fn a_resource_is_introspected_by_a_client_that_is_there() {
    let place = Place::new();
    for nobody in ["nobody", "mobile"] {
        let wrong = format!("client_id = {nobody:?}\n\n");
        let file = place.write("apply.toml", &RESOURCES.replace("client_id = \"agenda\"\n\n", &wrong));
        let done = place.run(&["apply", "--json", file.to_str().unwrap()]);
        let problems = done.json()["problems"].clone();
        assert_eq!(
            problems[0]["field"], "resources.https://agenda.example.fr.client_id",
            "{nobody}"
        );
    }
}
