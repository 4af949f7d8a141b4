//! Accesses: made in the console, shown once, and worth what their maker is worth at each request.

use std::sync::Arc;

use http::Method;
use serde_json::json;
use tchap_connect::console::api::{MAX_ACCESSES, resource};
use tchap_connect::console::second_factor;
use tchap_connect::console::sessions::end_agent;
use tchap_connect::domain::agent::Pause;
use tchap_connect::domain::api::ApiScope;
use tchap_connect::domain::audit::Actor;
use tchap_connect::domain::role::Role;
use tchap_connect::domain::throttle::api_bucket;
use tchap_connect::protocol::client::{Client, GrantType, RequestDefaults};

use super::{Program, assert_problem};
use crate::console::{enrol, recorded, signed_in, with_role};
use crate::support::homeserver::{Account, ScriptedHomeserver};
use crate::support::{Browser, PASSWORD, Page, TestApp, client};

const DAY: i64 = 86_400;

#[tokio::test]
async fn an_access_is_worth_what_its_maker_is_worth_at_each_request() {
    let mut app = TestApp::start().await;
    let other = Arc::new(ScriptedHomeserver::start("other.tchap.test").await);
    other.offer(&["m.login.password"]);
    app.add_homeserver(&other, |_| {}).await;
    let store = app.app.store.clone();
    // Each of these ends an access, and its token with it.
    for end in [
        "sessions", "revoked", "closed", "paused", "guest", "unlisted", "factor", "role", "over",
    ] {
        let now = app.app.clock.now();
        let name = format!("maker-{end}");
        other.add(Account::new(&name, PASSWORD));
        let matrix_id = format!("@{name}:other.tchap.test");
        let browser = Browser::new(&app);
        browser.sign_in("/console", &matrix_id).await;
        let maker = store
            .find_open_agent("other.tchap.test", &matrix_id)
            .await
            .unwrap()
            .unwrap();
        store.insert_role(&maker.id, &Role::Support, None, now).await.unwrap();
        let by_role = matches!(end, "factor" | "role");
        if by_role {
            enrol(&app, &browser, &maker).await;
        }
        let role = by_role.then_some(Role::Support);
        let mut program = Program::acting(&app, &maker, role).await;
        assert_eq!(program.get("/access").await.status, 200, "{end}");
        let introspected = program
            .ask_to("/introspect", &[("token", program.token())])
            .await
            .json();
        assert_eq!(introspected["active"], true, "{end}");
        let now = app.app.clock.now();
        let access = store.find_api_access(&program.client_id).await.unwrap().unwrap();
        let list = |guests: bool| {
            let mut listed = other.listed();
            listed.guests = guests;
            listed
        };
        match end {
            "sessions" => drop(end_agent(&store, Actor::System, &maker.id, now).await.unwrap()),
            "revoked" => tchap_connect::console::api::revoke(&store, Actor::System, &access, now)
                .await
                .unwrap(),
            "closed" => drop(store.close_agent(&maker.id, now).await.unwrap()),
            "paused" => drop(store.pause_agent(&maker.id, Pause::Locked, now, now).await.unwrap()),
            "guest" => app.list(&list(true)).await,
            "unlisted" => app.unlist("other.tchap.test").await,
            "factor" => drop(
                second_factor::reset(&store, Actor::System, &maker.id, now)
                    .await
                    .unwrap(),
            ),
            "role" => assert!(store.delete_role(&maker.id, &Role::Support, true).await.unwrap()),
            _ => app.advance(30 * DAY),
        }
        assert_problem(&program.get("/access").await, 401, "invalid_token");
        let token = program.token().to_owned();
        let again = program.ask(&[]).await;
        let introspected = program.ask_to("/introspect", &[("token", &token)]).await.json();
        match end {
            // As after a login: what was ended is begun anew by whoever may.
            "sessions" => {
                assert_eq!(again.status, 200, "{end} {}", again.body);
                assert_eq!(introspected, json!({"active": false}));
                program.authenticate().await;
                assert_eq!(program.get("/access").await.status, 200);
            }
            "revoked" | "over" => assert_eq!(again.json()["error"], "invalid_client", "{end}"),
            _ => {
                assert_eq!(again.json()["error"], "unauthorized_client", "{end}");
                assert_eq!(introspected, json!({"active": false}), "{end}");
            }
        }
        app.list(&list(false)).await;
        // Who has them again makes a new access.
        if by_role {
            app.advance(60);
            let now = app.app.clock.now();
            match end {
                "factor" => drop(enrol(&app, &browser, &maker).await),
                _ => drop(store.insert_role(&maker.id, &Role::Support, None, now).await.unwrap()),
            }
            assert_eq!(program.ask(&[]).await.json()["error"], "unauthorized_client", "{end}");
        }
    }
}

#[tokio::test]
async fn tokens_for_the_api_open_nothing_else_and_no_other_client_gets_one() {
    let app = TestApp::start().await;
    let api = resource(&app.base_url);
    let (browser, agent) = signed_in(&app, "partner").await;
    let partner = Program::acting(&app, &agent, None).await;
    let userinfo = partner.ask_to("/userinfo", &[("access_token", partner.token())]).await;
    assert_eq!(userinfo.status, 403);
    // Its client is none for browsers, nor for the console's pages.
    assert_eq!(
        browser
            .get(&format!("/console/services/{}", partner.client_id))
            .await
            .status,
        404
    );
    let page = browser
        .get(&format!(
            "/authorize?response_type=code&client_id={}",
            partner.client_id
        ))
        .await;
    assert_ne!(page.status, 303, "{}", page.header("location"));
    // A token for us and for the API is not for the API alone.
    for resources in [vec![api.identifier.as_str(), &app.base_url], vec![&app.base_url]] {
        let form: Vec<_> = resources.iter().map(|one| ("resource", *one)).collect();
        let answer = partner.ask(&form).await;
        if let Some(token) = answer.json()["access_token"].as_str() {
            assert_problem(
                &Program::with_token(&app, token).get("/access").await,
                401,
                "invalid_token",
            );
        }
    }
    // Scopes are those of the access, whatever is asked for or written into its client.
    let mut greedy = partner.clone();
    greedy.authenticate_for(Some("keys:write clients:read openid")).await;
    assert_eq!(greedy.get("/access").await.json()["scopes"], json!(["clients:read"]));
    // A client that an operator gave the resource and its scopes is no access.
    let machine = Client {
        grant_types: [GrantType::ClientCredentials].into(),
        scopes: api.scopes.clone(),
        requests: RequestDefaults {
            resources: vec![api.identifier.clone()],
            ..RequestDefaults::default()
        },
        ..client("machine")
    };
    let machine = app.register(machine).await;
    let answer = machine.token(&[("grant_type", "client_credentials")]).await;
    assert_eq!(answer.json()["error"], "unauthorized_client");
    assert_problem(&Program::nobody(&app).get("/access").await, 401, "no_token");
}

/// The form as a browser sends it, with boxes ticked that it may not even have.
async fn sent(browser: &Browser, page: &Page, fields: &[(&str, &str)]) -> Page {
    let form = page.form("api-form");
    let kept = form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let kept = kept.filter(|(name, _)| !fields.iter().any(|(field, _)| field == name));
    let all: Vec<_> = kept.chain(fields.iter().copied()).collect();
    browser.post("/console/api/nouveau", &all).await
}

#[tokio::test]
async fn an_access_is_made_in_the_console_and_its_secret_shown_once() {
    let app = TestApp::start().await;
    let (browser, agent) = with_role(&app, "operator", Role::Operator).await;
    enrol(&app, &browser, &agent).await;
    let page = browser.open("/console/api").await;
    assert_eq!(page.href("make-1"), "/console/api/nouveau?role=&administration=");
    let page = browser.open(&page.href("make-2").replace("&amp;", "&")).await;
    assert!(
        !page.body.contains("<option value=\"\""),
        "an operator's access has an end"
    );
    // What is wrong is told at its field.
    for (fields, message) in [
        (vec![("name", ""), ("days", "30")], "error-message"),
        (vec![("name", "CI"), ("days", "")], "error-message"),
        (vec![("name", "CI"), ("days", "31")], "error-message"),
    ] {
        let page = sent(&browser, &page, &fields).await;
        assert!(
            page.has(message) && !page.has("client-secret"),
            "{fields:?} {}",
            page.body
        );
    }
    let fields = [("name", "CI <b>"), ("days", "30"), ("scope_keys:write", "1")];
    let made = sent(&browser, &page, &fields).await;
    let (id, secret) = (made.text("new-client-id"), made.text("client-secret"));
    // The page that is loaded again makes no second one.
    let again = sent(&browser, &page, &fields).await;
    assert_eq!(again.header("location"), "/console/api?fait=deja");
    let mut program = Program::of(&app, &id, &secret);
    program.authenticate().await;
    let access = program.get("/access").await.json();
    assert_eq!(
        (&access["role"], &access["name"]),
        (&json!("operator"), &json!("CI <b>"))
    );
    let scopes = access["scopes"].as_array().unwrap();
    assert!(scopes.contains(&json!("keys:write")) && !scopes.contains(&json!("keys:rotate")));
    let page = browser.open("/console/api").await;
    assert!(
        !page.body.contains(&secret) && page.text("own-1").contains("CI <b>"),
        "{}",
        page.body
    );
    let (kind, object, detail) = recorded(&app, "api_access.created").await[0].clone();
    assert_eq!((kind.as_str(), object), ("agent", id.clone()));
    assert!(detail.contains("keys:write") && !detail.contains(&secret), "{detail}");

    // A partner lends what a partner has, sees their own only, and ends nobody else's.
    let (partner, _) = signed_in(&app, "partner").await;
    for role in ["operator", "support", "manager", "x"] {
        let page = partner
            .get(&format!("/console/api/nouveau?role={role}&administration="))
            .await;
        assert_eq!(page.status, 404, "{role}");
        let page = partner
            .post("/console/api/nouveau", &[("role", role), ("name", "x")])
            .await;
        assert_eq!(page.status, 404, "{role}");
    }
    let form = partner.open("/console/api/nouveau").await;
    let fields = [("name", "P"), ("days", "30"), ("scope_keys:write", "1")];
    let page = sent(&partner, &form, &fields).await;
    assert!(page.has("error-message") && !page.has("client-secret"));
    let page = sent(&partner, &form, &[("name", "P"), ("days", "")]).await;
    let own = page.text("new-client-id");
    assert!(page.has("own-1") && !page.has("other-1"), "{}", page.body);
    let fields = page.form("revoke-own-1").fields;
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let page = partner.post(&format!("/console/api/{id}/revocation"), &fields).await;
    assert_eq!(page.status, 404);
    assert_eq!(program.get("/access").await.status, 200);
    let partners = app.app.store.find_api_access(&own).await.unwrap().unwrap();
    for _ in 1..MAX_ACCESSES {
        Program::made(
            &app,
            &app.app.store.find_agent(&partners.agent_id).await.unwrap().unwrap(),
            None,
            &[ApiScope::ClientsRead],
        )
        .await;
    }
    let before = recorded(&app, "api_access.created").await.len();
    let form = partner.open("/console/api/nouveau").await;
    let page = sent(&partner, &form, &[("name", "P"), ("days", "")]).await;
    assert!(page.has("error-message") && !page.has("client-secret"), "eleven");
    assert_eq!(recorded(&app, "api_access.created").await.len(), before);

    // The operator sees it and ends it.
    let page = browser.open("/console/api").await;
    let is_it = |number: &usize| page.text(&format!("other-{number}")).contains(&own);
    let number = (1..=MAX_ACCESSES as usize).find(is_it).unwrap();
    assert!(
        page.text(&format!("other-{number}")).contains("@partner:"),
        "{}",
        page.body
    );
    let page = browser.submit(&page, &format!("revoke-other-{number}"), &[]).await;
    assert!(page.has("console-done"));
    let left = app
        .app
        .store
        .list_api_accesses(Some(&partners.agent_id), None, 50)
        .await
        .unwrap();
    assert_eq!(left.len() as i64, MAX_ACCESSES - 1);
    let page = browser.submit(&page, "revoke-own-1", &[]).await;
    assert!(!page.has("own-1"));
    assert_problem(&program.get("/access").await, 401, "invalid_token");
}

#[tokio::test]
async fn an_operators_access_is_made_with_a_fresh_factor_and_what_was_typed_is_kept() {
    let app = TestApp::start().await;
    let (browser, agent) = with_role(&app, "operator", Role::Operator).await;
    let (telephone, _) = enrol(&app, &browser, &agent).await;
    let page = browser.open("/console/api/nouveau?role=operator&administration=").await;
    app.advance(301);
    let asked = sent(&browser, &page, &[("name", "CI"), ("days", "30")]).await;
    assert!(asked.has("factor-form") && asked.has("kept"), "{}", asked.body);
    assert!(recorded(&app, "api_access.created").await.is_empty());
    let code = telephone.code(&app);
    let made = browser.submit(&asked, "factor-form", &[("code", &code)]).await;
    assert!(made.has("client-secret"), "{}", made.body);
}

/// Threat: a program in a loop fills the disk.
#[tokio::test]
async fn so_many_changes_are_an_agents_whatever_access_they_come_with() {
    let app = TestApp::start().await;
    let (_, agent) = signed_in(&app, "partner").await;
    let (_, other) = signed_in(&app, "other").await;
    let one = Program::acting(&app, &agent, None).await;
    let two = Program::acting(&app, &agent, None).await;
    let mut reading = Program::made(&app, &agent, None, &[ApiScope::ClientsRead]).await;
    reading.authenticate().await;
    let other = Program::acting(&app, &other, None).await;
    let change = async |program: &Program| {
        program
            .send(Method::DELETE, "/clients/unknown/request", None, &[])
            .await
    };
    assert_eq!(change(&one).await.status, 404);
    // As after an hour's worth of changes at once.
    let now = app.app.clock.now();
    app.app.store.fill(&api_bucket(&agent.id), now + 3600).await.unwrap();
    for program in [&one, &two] {
        let page = change(program).await;
        assert_problem(&page, 429, "too_many");
        assert_eq!(page.header("retry-after"), "1");
        assert_eq!(program.get("/access").await.status, 200, "to read costs nothing");
    }
    assert_eq!(change(&other).await.status, 404);
    app.advance(1);
    // What may change nothing takes nothing from the others.
    assert_problem(&change(&reading).await, 403, "insufficient_scope");
    assert_eq!(change(&one).await.status, 404);
    assert_problem(&change(&two).await, 429, "too_many");
}

/// The same by asking for tokens; and nobody stops an agent's programs with one secret of theirs.
#[tokio::test]
async fn so_many_tokens_are_given_to_an_access() {
    let app = TestApp::start().await;
    let (_, agent) = signed_in(&app, "partner").await;
    let one = Program::made(&app, &agent, None, &[ApiScope::ClientsRead]).await;
    let two = Program::made(&app, &agent, None, &[ApiScope::ClientsRead]).await;
    assert_eq!(one.ask(&[]).await.status, 200);
    let now = app.app.clock.now();
    app.app
        .store
        .fill(&api_bucket(&one.client_id), now + 3600)
        .await
        .unwrap();
    let refused = one.ask(&[]).await;
    assert_eq!(refused.status, 429, "{}", refused.body);
    assert_eq!(refused.json()["error"], "temporarily_unavailable");
    assert_eq!(two.ask(&[]).await.status, 200);
    app.advance(1);
    assert_eq!(one.ask(&[]).await.status, 200);
}
