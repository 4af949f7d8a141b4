//! Threat 30: every route of the console × who asks. The routes are read from the source: one without a row fails.

use std::fs;
use std::path::{Path, PathBuf};

use http::Method;
use tchap_connect::domain::administration::Administration;
use tchap_connect::domain::api::ApiScope;
use tchap_connect::domain::role::Role;

use super::{FACTOR, HOME, agent, enrol, guests, shown, signed_in, with_role};
use crate::api::Program;
use crate::support::homeserver::Account;
use crate::support::{Browser, NAME, PASSWORD, Page, TestApp};

/// What somebody gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// A page.
    Page,
    /// The way to a login.
    Login,
    /// The way to the second factor.
    Factor,
    /// What does not exist.
    Nothing,
    /// Done, or on to another page of the console.
    Onward,
}

use Seen::{Factor, Login, Nothing, Onward, Page as Shown};

/// Who asks, in the order of a row.
const PEOPLE: [&str; 8] = [
    "nobody",
    "a guest",
    "a partner",
    "a manager",
    "support",
    "an operator without the second factor",
    "an operator whose second factor is stale",
    "an operator",
];

/// A route, the address asked for, the fields of a form (`shown` is added), and what each person gets.
struct Row {
    route: &'static str,
    method: Method,
    address: String,
    fields: Vec<(&'static str, String)>,
    seen: [Seen; 8],
}

/// What rows are about: things of another agent.
struct World {
    /// An agent with a role, to lose it.
    victim: String,
    /// One with a session.
    other: String,
    /// That one's access to the API.
    access: String,
}

fn get(route: &'static str, address: &str, seen: [Seen; 8]) -> Row {
    Row {
        route,
        method: Method::GET,
        address: address.to_owned(),
        fields: Vec::new(),
        seen,
    }
}

fn post(route: &'static str, address: &str, fields: &[(&'static str, &str)], seen: [Seen; 8]) -> Row {
    let fields = fields.iter().map(|(name, value)| (*name, (*value).to_owned()));
    Row {
        route,
        method: Method::POST,
        address: address.to_owned(),
        fields: fields.collect(),
        seen,
    }
}

fn rows(world: &World) -> Vec<Row> {
    let own = [Login, Nothing, Shown, Shown, Shown, Factor, Shown, Shown];
    let factor = [Login, Nothing, Nothing, Nothing, Shown, Shown, Shown, Shown];
    // A form sent without a session leads to its section, which leads to the login.
    let give = [Onward, Nothing, Nothing, Nothing, Shown, Shown, Shown, Shown];
    let see = [Login, Nothing, Nothing, Nothing, Shown, Factor, Shown, Shown];
    // Not so sensitive: a second factor of the session will do.
    let edit_page = |done| [Login, Nothing, Nothing, Nothing, Nothing, Factor, done, done];
    let edit_anew = |done| [Onward, Nothing, Nothing, Nothing, Nothing, Factor, done, done];
    let edit = |done| [Onward, Nothing, Nothing, Nothing, Nothing, Factor, Factor, done];
    let help = |done| [Onward, Nothing, Nothing, Nothing, done, Factor, Factor, done];
    let search = [Onward, Nothing, Nothing, Nothing, Shown, Factor, Shown, Shown];
    let victim = [
        ("agent", world.victim.as_str()),
        ("role", "support"),
        ("administration", ""),
    ];
    let whole = [
        ("kind", "homeserver"),
        ("name", "no.server.test"),
        ("confirm", "no.server.test"),
    ];
    let fresh_page = [Login, Nothing, Nothing, Nothing, Nothing, Factor, Factor, Shown];
    let partner = [Login, Nothing, Shown, Shown, Shown, Shown, Shown, Shown];
    let service = |end: &str| format!("/console/services/theirs{end}");
    let homeserver = |end: &str| format!("/console/serveurs/nom/{NAME}{end}");
    let of = |end: &str| format!("/console/agents/{}{end}", world.other);
    vec![
        get("/console", HOME, own),
        get("/console/second-facteur", FACTOR, factor),
        post("/console/second-facteur", FACTOR, &[("code", "000000")], give),
        post(
            "/console/second-facteur/inscription",
            "/console/second-facteur/inscription",
            &[("enrolment", "00")],
            give,
        ),
        get("/console/equipe", "/console/equipe", see),
        post(
            "/console/equipe/invitations",
            "/console/equipe/invitations",
            &[("role", "support")],
            edit(Shown),
        ),
        post(
            "/console/equipe/invitations/retrait",
            "/console/equipe/invitations/retrait",
            &[],
            edit(Nothing),
        ),
        post(
            "/console/equipe/retrait",
            "/console/equipe/retrait",
            &victim,
            edit(Onward),
        ),
        // An operator without the second factor is a partner here.
        get("/console/services", "/console/services", partner),
        get("/console/services/nouveau", "/console/services/nouveau", partner),
        post(
            "/console/services/nouveau",
            "/console/services/nouveau",
            &[("envoi", "x")],
            [Onward, Nothing, Shown, Shown, Shown, Shown, Shown, Shown],
        ),
        get(
            "/console/services/demandes",
            "/console/services/demandes",
            edit_page(Shown),
        ),
        get("/console/services/{id}", &service(""), see),
        get("/console/services/{id}/modifier", &service("/modifier"), fresh_page),
        post(
            "/console/services/{id}/modifier",
            &service("/modifier"),
            &[],
            edit(Shown),
        ),
        get("/console/services/{id}/historique", &service("/historique"), see),
        // With one's own account only.
        get("/console/services/{id}/essai", &service("/essai"), see),
        post(
            "/console/services/{id}/essai",
            &service("/essai"),
            &[],
            [Onward, Nothing, Nothing, Nothing, Login, Factor, Login, Login],
        ),
        get(
            "/console/services/{id}/essai/resultat",
            &service("/essai/resultat"),
            see,
        ),
        post("/console/services/{id}/demande", &service("/demande"), &[], edit(Shown)),
        post(
            "/console/services/{id}/demande/repondre",
            &service("/demande/repondre"),
            &[],
            edit(Shown),
        ),
        post(
            "/console/services/{id}/demande/retirer",
            &service("/demande/retirer"),
            &[],
            edit(Shown),
        ),
        post(
            "/console/services/{id}/personnes",
            &service("/personnes"),
            &[],
            edit(Shown),
        ),
        post(
            "/console/services/{id}/personnes/annuler",
            &service("/personnes/annuler"),
            &[],
            edit(Shown),
        ),
        post(
            "/console/services/{id}/personnes/retirer",
            &service("/personnes/retirer"),
            &[],
            edit(Shown),
        ),
        post(
            "/console/services/{id}/testeurs",
            &service("/testeurs"),
            &[],
            edit(Onward),
        ),
        post(
            "/console/services/{id}/demande/approuver",
            &service("/demande/approuver"),
            &[],
            edit(Shown),
        ),
        post(
            "/console/services/{id}/secrets",
            &service("/secrets"),
            &[("envoi", "x")],
            edit(Shown),
        ),
        post(
            "/console/services/{id}/secrets/{secret}/retirer",
            &service("/secrets/unknown/retirer"),
            &[],
            edit(Shown),
        ),
        post(
            "/console/services/{id}/desactiver",
            &service("/desactiver"),
            &[],
            edit(Shown),
        ),
        post(
            "/console/services/{id}/supprimer",
            &service("/supprimer"),
            &[],
            edit(Shown),
        ),
        post(
            "/console/services/{id}/activer",
            &service("/activer"),
            &[],
            edit(Onward),
        ),
        // Of whoever is invited; nothing is done for others, who are told nothing.
        post(
            "/console/services/{id}/invitation",
            &service("/invitation"),
            &[],
            [Onward, Nothing, Onward, Onward, Onward, Onward, Onward, Onward],
        ),
        get("/console/serveurs", "/console/serveurs", see),
        get("/console/serveurs/nom/{name}", &homeserver(""), see),
        get("/console/serveurs/ajouter", "/console/serveurs/ajouter", fresh_page),
        post(
            "/console/serveurs/ajouter",
            "/console/serveurs/ajouter",
            &[],
            edit(Shown),
        ),
        get(
            "/console/serveurs/nom/{name}/modifier",
            &homeserver("/modifier"),
            fresh_page,
        ),
        post(
            "/console/serveurs/nom/{name}/modifier",
            &homeserver("/modifier"),
            &[],
            edit(Shown),
        ),
        post(
            "/console/serveurs/nom/{name}/place",
            &homeserver("/place"),
            &[],
            edit_anew(Onward),
        ),
        post(
            "/console/serveurs/nom/{name}/examen",
            &homeserver("/examen"),
            &[],
            edit_anew(Shown),
        ),
        post(
            "/console/serveurs/nom/{name}/retrait",
            &homeserver("/retrait"),
            &[],
            edit(Shown),
        ),
        get("/console/cles", "/console/cles", see),
        post(
            "/console/cles/renouvellement",
            "/console/cles/renouvellement",
            &[],
            edit(Onward),
        ),
        post("/console/cles/retrait", "/console/cles/retrait", &[], edit(Shown)),
        get("/console/journal", "/console/journal", see),
        get("/console/journal/export", "/console/journal/export", see),
        // Without the second factor an operator sees what a partner sees.
        get("/console/statistiques", "/console/statistiques", partner),
        // Of everything: what partners and managers may see has a name.
        get(
            "/console/statistiques/export",
            "/console/statistiques/export?format=csv",
            [Login, Nothing, Nothing, Nothing, Shown, Nothing, Shown, Shown],
        ),
        get("/console/agents", "/console/agents", see),
        post(
            "/console/agents/recherche",
            "/console/agents/recherche",
            &[("identifier", "x@nowhere.fr")],
            search,
        ),
        get("/console/agents/{agent}", &of(""), see),
        get(
            "/console/agents/{agent}",
            "/console/agents/unknown",
            see.map(|seen| if seen == Shown { Nothing } else { seen }),
        ),
        post(
            "/console/agents/{agent}/sessions/{mark}",
            &of("/sessions/unknown"),
            &[],
            help(Nothing),
        ),
        post(
            "/console/agents/{agent}/services/{client_id}",
            &of("/services/unknown"),
            &[],
            help(Nothing),
        ),
        post("/console/agents/{agent}/tout", &of("/tout"), &[], help(Onward)),
        post(
            "/console/agents/urgence/apercu",
            "/console/agents/urgence/apercu",
            &whole,
            edit(Shown),
        ),
        post(
            "/console/agents/urgence",
            "/console/agents/urgence",
            &whole,
            edit(Onward),
        ),
        get("/console/api", "/console/api", partner),
        // What operators are enough for, they confirm at what is their own as well.
        get(
            "/console/api/nouveau",
            "/console/api/nouveau",
            [Login, Nothing, Shown, Shown, Shown, Factor, Factor, Shown],
        ),
        post(
            "/console/api/nouveau",
            "/console/api/nouveau",
            &[("envoi", "own")],
            [Onward, Nothing, Shown, Shown, Shown, Factor, Factor, Shown],
        ),
        get("/console/api/nouveau", "/console/api/nouveau?role=operator", fresh_page),
        post(
            "/console/api/nouveau",
            "/console/api/nouveau",
            &[("role", "operator"), ("envoi", "api")],
            edit(Shown),
        ),
        post(
            "/console/api/{id}/revocation",
            "/console/api/unknown/revocation",
            &[],
            [Onward, Nothing, Nothing, Nothing, Nothing, Nothing, Nothing, Nothing],
        ),
        post(
            "/console/api/{id}/revocation",
            &format!("/console/api/{}/revocation", world.access),
            &[],
            edit(Onward),
        ),
        get("/console/administrations", "/console/administrations", see),
        get(
            "/console/administrations/export",
            "/console/administrations/export",
            see,
        ),
        get(
            "/console/administrations/inconnus",
            "/console/administrations/inconnus",
            see,
        ),
        get(
            "/console/administrations/import/{id}",
            "/console/administrations/import/unknown",
            edit_page(Onward),
        ),
        post(
            "/console/administrations/import/{id}",
            "/console/administrations/import/unknown",
            &[],
            edit_anew(Onward),
        ),
        get(
            "/console/administrations/ajouter",
            "/console/administrations/ajouter",
            edit_page(Shown),
        ),
        post(
            "/console/administrations/ajouter",
            "/console/administrations/ajouter",
            &[],
            edit_anew(Shown),
        ),
        get(
            "/console/administrations/domaine/{domain}",
            "/console/administrations/domaine/beta.gouv.fr",
            [Login, Nothing, Nothing, Shown, Shown, Factor, Shown, Shown],
        ),
        get(
            "/console/administrations/domaine/{domain}",
            "/console/administrations/domaine/agents.beta.gouv.fr",
            see.map(|seen| if seen == Shown { Nothing } else { seen }),
        ),
        post(
            "/console/administrations/domaine/{domain}",
            "/console/administrations/domaine/beta.gouv.fr",
            &[],
            edit_anew(Shown),
        ),
        post(
            "/console/administrations/domaine/{domain}/suppression",
            "/console/administrations/domaine/beta.gouv.fr/suppression",
            &[],
            edit_anew(Shown),
        ),
    ]
}

fn seen(page: &Page) -> Seen {
    match (page.status.as_u16(), page.header("location")) {
        // Asked first, with what was sent.
        (200, _) if page.has("kept") => Factor,
        (200, _) => Shown,
        (404, _) if page.text("error-code") == "TC-NOT-FOUND" => Nothing,
        (303, location) if location.starts_with("/authorize/") => Login,
        (303, location) if location.starts_with(&format!("{FACTOR}?retour=")) => Factor,
        (303, location) if location.starts_with(HOME) => Onward,
        _ => panic!("{} {}: {}", page.status, page.url, page.body),
    }
}

async fn people(app: &mut TestApp) -> Vec<Browser> {
    let guests = guests(app).await;
    guests.add(Account::new("guest", PASSWORD));
    let guest = Browser::new(app);
    guest.sign_in(HOME, "@guest:guests.tchap.test").await;
    let manager = Role::Manager {
        administration: "beta.gouv.fr".into(),
    };
    let (stale, stale_agent) = with_role(app, "stale", Role::Operator).await;
    enrol(app, &stale, &stale_agent).await;
    app.advance(301);
    let (support, supporter) = with_role(app, "support", Role::Support).await;
    enrol(app, &support, &supporter).await;
    let (operator, operating) = with_role(app, "operator", Role::Operator).await;
    enrol(app, &operator, &operating).await;
    vec![
        Browser::new(app),
        guest,
        signed_in(app, "partner").await.0,
        with_role(app, "manager", manager).await.0,
        support,
        with_role(app, "bare", Role::Operator).await.0,
        stale,
        operator,
    ]
}

#[tokio::test]
async fn everybody_gets_what_the_table_says_and_no_more() {
    let mut app = TestApp::start().await;
    let people = people(&mut app).await;
    app.relying_party("theirs").await;
    let (_, victim) = with_role(&app, "victim", Role::Support).await;
    signed_in(&app, "other").await;
    app.add_administration(Administration {
        domain: "beta.gouv.fr".into(),
        name: "DINUM".into(),
        siren: None,
        siret: None,
        branch: None,
        organizational_unit: None,
    })
    .await;
    let other = agent(&app, &format!("@other:{NAME}")).await;
    let world = World {
        victim: victim.id,
        other: other.id.clone(),
        access: Program::made(&app, &other, None, &[ApiScope::ClientsRead])
            .await
            .client_id,
    };
    let mut faults = Vec::new();
    for row in rows(&world) {
        for ((browser, person), expected) in people.iter().zip(PEOPLE).zip(row.seen) {
            let page = match row.method {
                Method::GET => browser.get(&row.address).await,
                _ => {
                    let mut fields = vec![("shown", shown(browser).await)];
                    fields.extend(row.fields.iter().cloned());
                    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
                    browser.post(&row.address, &fields).await
                }
            };
            let got = seen(&page);
            if got != expected {
                faults.push(format!(
                    "{} {} {person}: {got:?}, not {expected:?}",
                    row.method, row.address
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_route_has_a_row() {
    let world = World {
        victim: "v".into(),
        other: "o".into(),
        access: "a".into(),
    };
    let rows = rows(&world);
    let mut missing = Vec::new();
    let mut routes = 0;
    for (file, text) in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/console")) {
        for rest in text.split(".route(").skip(1) {
            let rest = rest.trim_start();
            let route = rest.strip_prefix('"').and_then(|rest| rest.split('"').next());
            let route =
                route.unwrap_or_else(|| panic!("{}: write the address of a route in its place", file.display()));
            let methods = handlers(rest);
            for method in [Method::GET, Method::POST] {
                if methods.contains(&format!("{}(", method.as_str().to_lowercase())) {
                    routes += 1;
                    if !rows.iter().any(|row| row.route == route && row.method == method) {
                        missing.push(format!("{method} {route} ({})", file.display()));
                    }
                }
            }
        }
    }
    assert!(routes > 5, "the test reads the routes");
    assert!(missing.is_empty(), "routes without a row:\n{}", missing.join("\n"));
}

/// What stands between the address and the end of the call.
fn handlers(rest: &str) -> String {
    let mut depth = 0_i32;
    let end = rest.char_indices().find(|(_, c)| {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth < 0
    });
    rest[..end.map_or(rest.len(), |(at, _)| at)].to_owned()
}

pub fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(sources(&path)),
            false => found.push((path.clone(), fs::read_to_string(&path).unwrap())),
        }
    }
    found
}
