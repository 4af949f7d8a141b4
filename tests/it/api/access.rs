//! Threat 30 for the API: every operation of its document × who asks.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};
use tchap_connect::domain::administration::Administration;
use tchap_connect::domain::api::ApiScope;
use tchap_connect::domain::role::Role;

use super::{Program, assert_problem};
use crate::console::{agent, enrol, signed_in, with_role};
use crate::support::{Browser, JEAN, NAME, TestApp};

/// The operation as the document writes it, the address asked for, a body that it takes, and what these get: a partner at
/// another's client, a partner at their own, support, an operator.
struct Row {
    method: Method,
    route: &'static str,
    address: String,
    body: Option<Value>,
    seen: [u16; 4],
}

const NONE: Option<Value> = None;

fn row(method: Method, route: &'static str, end: &str, body: Option<Value>, seen: [u16; 4]) -> Row {
    Row {
        method,
        route,
        address: format!("{route}{end}"),
        body,
        seen,
    }
}

fn rows() -> Vec<Row> {
    use Method as M;
    let all = |status| [status; 4];
    let read = [404, 200, 200, 200];
    // Without `If-Match` the right is all that is asked.
    let change = [404, 428, 403, 428];
    let see = [403, 403, 200, 200];
    let operate = |status| [403, 403, 403, status];
    let client = json!({
        "settings": {"name": "Neuf", "redirect_uris": ["https://neuf.example/cb"]}, "purpose": "Essai", "why": {},
    });
    let whole = json!({"kind": "homeserver", "name": "no.server.test"});
    let end = json!({"kind": "homeserver", "name": "no.server.test", "confirm": "no.server.test", "at_most": 0});
    let homeserver = json!({"label": "X", "base_url": "https://x.example"});
    let sought = json!({"identifier": "x@nowhere.fr"});
    vec![
        row(M::GET, "/access", "", NONE, all(200)),
        row(M::GET, "/clients", "", NONE, all(200)),
        row(M::GET, "/clients", "?of=all", NONE, see),
        row(M::GET, "/clients", "?of=administration", NONE, all(403)),
        row(M::POST, "/clients", "", Some(client), all(201)),
        row(M::GET, "/clients/{id}", "", NONE, read),
        row(M::PUT, "/clients/{id}", "", Some(json!({"settings": {}})), change),
        row(M::DELETE, "/clients/{id}", "?confirm=x", NONE, change),
        row(M::POST, "/clients/{id}/disable", "", NONE, change),
        row(M::POST, "/clients/{id}/enable", "", NONE, change),
        row(
            M::PUT,
            "/clients/{id}/testers",
            "",
            Some(json!({"testers": []})),
            change,
        ),
        row(M::GET, "/clients/{id}/secrets", "", NONE, read),
        row(
            M::POST,
            "/clients/{id}/secrets",
            "",
            Some(json!({})),
            [404, 201, 403, 201],
        ),
        row(
            M::DELETE,
            "/clients/{id}/secrets/{secret}",
            "",
            NONE,
            [404, 404, 403, 404],
        ),
        row(M::GET, "/clients/{id}/people", "", NONE, read),
        row(M::GET, "/clients/{id}/history", "", NONE, read),
        row(M::GET, "/clients/{id}/health", "", NONE, read),
        row(M::GET, "/clients/{id}/request", "", NONE, all(404)),
        row(
            M::POST,
            "/clients/{id}/request",
            "",
            Some(json!({"reasons": "x"})),
            change,
        ),
        row(M::DELETE, "/clients/{id}/request", "", NONE, [404, 404, 403, 404]),
        row(M::POST, "/clients/{id}/request/approve", "", NONE, operate(404)),
        row(
            M::POST,
            "/clients/{id}/request/answer",
            "",
            Some(json!({"answer": "x"})),
            operate(404),
        ),
        row(M::GET, "/requests", "", NONE, operate(200)),
        row(M::GET, "/administrations", "", NONE, see),
        row(M::GET, "/administrations/{domain}", "", NONE, see),
        row(
            M::PUT,
            "/administrations/{domain}",
            "",
            Some(json!({"name": "X"})),
            operate(428),
        ),
        row(M::DELETE, "/administrations/{domain}", "", NONE, operate(428)),
        row(M::GET, "/homeservers", "", NONE, see),
        row(M::GET, "/homeservers/{name}", "", NONE, see),
        row(M::PUT, "/homeservers/{name}", "", Some(homeserver), operate(428)),
        row(M::DELETE, "/homeservers/{name}", "?confirm=x", NONE, operate(428)),
        row(M::POST, "/homeservers/{name}/test", "", NONE, operate(200)),
        row(M::GET, "/keys", "", NONE, see),
        row(M::DELETE, "/keys/{kid}", "", NONE, operate(409)),
        row(
            M::POST,
            "/keys/rotate",
            "",
            Some(json!({"immediately": false})),
            operate(200),
        ),
        row(M::POST, "/agents/search", "", Some(sought), see),
        row(M::GET, "/agents/{id}", "", NONE, see),
        row(M::GET, "/agents/{id}/sessions", "", NONE, see),
        row(M::DELETE, "/agents/{id}/sessions", "", NONE, see),
        row(
            M::DELETE,
            "/agents/{id}/sessions/{mark}",
            "",
            NONE,
            [403, 403, 404, 404],
        ),
        row(M::POST, "/emergency/preview", "", Some(whole), operate(200)),
        row(M::POST, "/emergency/end", "", Some(end), operate(200)),
        row(M::GET, "/audit", "", NONE, see),
        row(M::GET, "/statistics", "", NONE, see),
        row(M::GET, "/statistics", "?client={id}", NONE, read),
        row(M::GET, "/statistics", "?administration=beta.gouv.fr", NONE, see),
    ]
}

/// The address of a row, about this client and this agent.
fn address(row: &Row, client_id: &str, agent_id: &str) -> String {
    let id = if row.route.starts_with("/agents") {
        agent_id
    } else {
        client_id
    };
    row.address
        .replace("{id}", id)
        .replace("{domain}", "beta.gouv.fr")
        .replace("{name}", NAME)
        .replace("{secret}", "unknown")
        .replace("{mark}", "unknown")
        .replace("{kid}", "unknown")
}

/// What the document says that each operation's token must be good for, by route and method.
fn documented(document: &Value) -> Vec<(String, Method, Vec<String>)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let scopes = operation["security"][0]["oauth2"].as_array().unwrap();
            let scopes = scopes.iter().map(|scope| scope.as_str().unwrap().to_owned()).collect();
            let method = method.to_uppercase().parse().unwrap();
            operations.push((path.strip_prefix("/api/v1").unwrap().to_owned(), method, scopes));
        }
    }
    operations
}

#[tokio::test]
async fn every_operation_gives_to_everybody_what_the_table_says() {
    let app = TestApp::start().await;
    app.add_administration(Administration {
        domain: "beta.gouv.fr".into(),
        name: "DINUM".into(),
        siren: None,
        siret: None,
        branch: None,
        organizational_unit: None,
    })
    .await;
    let theirs = app.relying_party("theirs").await;
    app.relying_party("own").await;
    let jean = theirs.tokens(&Browser::new(&app), &[]).await;
    let other = agent(&app, JEAN).await;
    let (_, partner) = signed_in(&app, "partner").await;
    let (_, partner2) = signed_in(&app, "partner2").await;
    let now = app.app.clock.now();
    app.app
        .store
        .insert_client_owner("own", &partner2.id, now)
        .await
        .unwrap();
    let (browser, support) = with_role(&app, "support", Role::Support).await;
    enrol(&app, &browser, &support).await;
    let (browser, operator) = with_role(&app, "operator", Role::Operator).await;
    enrol(&app, &browser, &operator).await;
    // What a partner's access lacks, a partner's token never has: those columns are of the scope, or of the right.
    let people = [
        ("theirs", Program::acting(&app, &partner, None).await),
        ("own", Program::acting(&app, &partner2, None).await),
        ("theirs", Program::acting(&app, &support, Some(Role::Support)).await),
        ("theirs", Program::acting(&app, &operator, Some(Role::Operator)).await),
    ];
    let operating = &people[3].1;
    let document = Program::nobody(&app).get("/openapi.json").await.json();
    let operations = documented(&document);
    let rows = rows();
    let described: BTreeSet<_> = operations
        .iter()
        .map(|(path, method, _)| format!("{method} {path}"))
        .collect();
    let known: BTreeSet<_> = rows.iter().map(|row| format!("{} {}", row.method, row.route)).collect();
    assert_eq!(
        known, described,
        "an operation without a row, or a row without an operation"
    );

    // One token of each sort that opens nothing here: none, a relying party's, one cut, and two at once.
    let cut = &operating.token()[1..];
    let strangers = [
        Program::nobody(&app),
        Program::with_token(&app, &jean.access_token),
        Program::with_token(&app, &jean.id_token),
        Program::with_token(&app, cut),
    ];
    let mut faults = Vec::new();
    for row in &rows {
        let place = address(row, "theirs", &other.id);
        for (number, stranger) in strangers.iter().enumerate() {
            let page = stranger.send(row.method.clone(), &place, row.body.as_ref(), &[]).await;
            let challenge = page.header("www-authenticate");
            if page.status != 401 || challenge.contains("invalid_token") != (number > 0) {
                faults.push(format!(
                    "{} {place} stranger {number}: {} {challenge}",
                    row.method, page.status
                ));
            }
        }
        let (_, _, scopes) = operations
            .iter()
            .find(|(path, method, _)| path == row.route && *method == row.method)
            .unwrap();
        if let [scope] = &scopes[..] {
            let all = ApiScope::ALL.map(ApiScope::as_str);
            let without: Vec<_> = all.into_iter().filter(|word| word != scope).collect();
            let mut lacking = operating.clone();
            lacking.authenticate_for(Some(&without.join(" "))).await;
            let page = lacking.send(row.method.clone(), &place, row.body.as_ref(), &[]).await;
            assert_problem(&page, 403, "insufficient_scope");
            assert!(page.header("www-authenticate").contains(&format!("scope=\"{scope}\"")));
        }
        for ((client_id, program), expected) in people.iter().zip(row.seen) {
            let place = address(row, client_id, &other.id);
            let page = program.send(row.method.clone(), &place, row.body.as_ref(), &[]).await;
            if page.status != expected {
                let person = &program.client_id;
                faults.push(format!(
                    "{} {place} {person}: {}, not {expected}: {}",
                    row.method, page.status, page.body
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));

    // The role is taken away: the very token that opened all this opens nothing any more, at once.
    app.app
        .store
        .delete_role(&operator.id, &Role::Operator, true)
        .await
        .unwrap();
    for row in &rows {
        let place = address(row, "theirs", &other.id);
        let page = operating.send(row.method.clone(), &place, row.body.as_ref(), &[]).await;
        assert_problem(&page, 401, "invalid_token");
    }
    assert_eq!(operating.ask(&[]).await.json()["error"], "unauthorized_client");
}
