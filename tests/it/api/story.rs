//! What partners and operators do by programs, as the pages do it.

use http::Method;
use serde_json::{Value, json};
use tchap_connect::domain::administration::Administration;
use tchap_connect::domain::api::ApiScope;
use tchap_connect::domain::role::Role;

use super::{Program, assert_problem};
use crate::console::{enrol, recorded, signed_in, with_role};
use crate::support::{Browser, EMAIL, NAME, TestApp};

fn wanted() -> Value {
    json!({
        "settings": {
            "name": "Annuaire", "redirect_uris": ["https://annuaire.example.fr/cb"], "scopes": ["email"],
            "contacts": ["equipe@example.fr"], "policy_uri": "https://annuaire.example.fr/donnees",
            // An operator's word; a partner's counts for nothing.
            "consent": "none",
        },
        "purpose": "Trouver les agents", "why": {"email": "Pour leur écrire"}, "stack": "django",
    })
}

async fn operator(app: &TestApp) -> Program {
    let (browser, agent) = with_role(app, "operator", Role::Operator).await;
    enrol(app, &browser, &agent).await;
    Program::acting(app, &agent, Some(Role::Operator)).await
}

#[tokio::test]
async fn a_partner_makes_a_client_and_an_operator_opens_it_by_api() {
    let app = TestApp::start().await;
    let (_, agent) = signed_in(&app, "partner").await;
    let partner = Program::acting(&app, &agent, None).await;
    let operator = operator(&app).await;

    let made = partner.send(Method::POST, "/clients", Some(&wanted()), &[]).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let id = made.json()["client"]["client_id"].as_str().unwrap().to_owned();
    let place = format!("/clients/{id}");
    let client = &made.json()["client"];
    assert_eq!(
        (&client["stage"], &client["settings"]["consent"]),
        (&json!("sandbox"), &json!("ask"))
    );
    // The secret works, and stands nowhere else.
    let secret = made.json()["client_secret"].as_str().unwrap().to_owned();
    let kept = app.app.store.find_client(&id).await.unwrap().unwrap();
    let mut service = crate::support::RelyingParty::new(&app, kept, Some(secret.clone()));
    let browser = Browser::new(&app);
    let refused = browser.sign_in(&service.url(&[("scope", "openid email")]), EMAIL).await;
    assert!(refused.body.contains("Annuaire"), "a sandbox: {}", refused.body);
    assert!(!partner.get(&place).await.body.contains(&secret));

    // A second secret in place of the first.
    let added = partner
        .send(
            Method::POST,
            &format!("{place}/secrets"),
            Some(&json!({"days": 90})),
            &[],
        )
        .await;
    assert_eq!(added.status, 201, "{}", added.body);
    let secrets = partner.get(&format!("{place}/secrets")).await.json()["secrets"].clone();
    assert_eq!(secrets.as_array().unwrap().len(), 2, "{secrets}");
    let first = secrets
        .as_array()
        .unwrap()
        .iter()
        .find(|secret| secret.get("expires_at").is_none());
    let first = first.unwrap()["id"].as_str().unwrap();
    let retired = partner
        .send(Method::DELETE, &format!("{place}/secrets/{first}"), None, &[])
        .await;
    assert_eq!(retired.status, 204);
    assert_eq!(
        service.token(&[("grant_type", "client_credentials")]).await.json()["error"],
        "invalid_client"
    );
    service.secret = Some(added.json()["client_secret"].as_str().unwrap().to_owned());
    assert_eq!(
        service.token(&[("grant_type", "client_credentials")]).await.json()["error"],
        "unauthorized_client"
    );

    // Changes: with the version that was read, or not at all.
    let mut settings = partner.get(&place).await.json()["settings"].clone();
    settings["client_uri"] = json!("https://annuaire.example.fr");
    let change = json!({ "settings": settings });
    assert_problem(
        &partner.send(Method::PUT, &place, Some(&change), &[]).await,
        428,
        "precondition",
    );
    for tag in ["\"99\"", "*", "0", "\"0\", \"1\""] {
        let page = partner
            .send(Method::PUT, &place, Some(&change), &[("if-match", tag)])
            .await;
        assert_problem(&page, 412, "outdated");
    }
    let changed = partner.change(&place, Method::PUT, &place, Some(&change)).await;
    assert_eq!(
        (changed.status.as_u16(), &changed.json()["outcome"]),
        (200, &json!("applied"))
    );
    settings["redirect_uris"] = json!(["javascript:alert(1)"]);
    let page = partner
        .change(&place, Method::PUT, &place, Some(&json!({ "settings": settings })))
        .await;
    assert_problem(&page, 422, "invalid");
    assert_eq!(page.json()["problems"][0]["field"], "redirect_uris[0]");
    let testers = json!({"testers": ["@marie:x.fr"]});
    let page = partner
        .change(&place, Method::PUT, &format!("{place}/testers"), Some(&testers))
        .await;
    assert_eq!(page.json()["testers"], json!(["@marie:x.fr"]));
    let people = partner.get(&format!("{place}/people")).await.json();
    let access = partner.get("/access").await.json();
    assert_eq!(people, json!({"owners": [access["matrix_id"]], "invitations": []}));

    // Production: asked for, read and granted.
    let reasons = json!({"reasons": "Prêt"});
    let asked = partner
        .change(&place, Method::POST, &format!("{place}/request"), Some(&reasons))
        .await;
    assert_eq!(
        (asked.status.as_u16(), &asked.json()["stage"]),
        (200, &json!("requested")),
        "{}",
        asked.body
    );
    let waiting = operator.get("/requests").await.json();
    assert_eq!(waiting["items"][0]["client_id"], json!(id));
    assert_eq!(waiting["items"][0]["requested_by"], json!(agent.matrix_id));
    let request = format!("{place}/request");
    let approve = format!("{request}/approve");
    let page = operator
        .send(Method::POST, &approve, None, &[("if-match", "\"1-1\"")])
        .await;
    assert_problem(&page, 412, "outdated");
    let approved = operator.change(&request, Method::POST, &approve, None).await;
    assert_eq!(
        (approved.status.as_u16(), &approved.json()["stage"]),
        (200, &json!("production")),
        "{}",
        approved.body
    );

    // From now on what was vouched for waits again; an operator's program without the scope asks, too.
    let mut settings = approved.json()["settings"].clone();
    settings["name"] = json!("Annuaire des agents");
    let change = json!({"settings": settings, "reasons": "Plus clair"});
    let mut narrow = operator.clone();
    narrow.authenticate_for(Some("clients:read clients:write")).await;
    let page = narrow.change(&place, Method::PUT, &place, Some(&change)).await;
    assert_eq!(
        (page.status.as_u16(), &page.json()["outcome"]),
        (200, &json!("requested")),
        "{}",
        page.body
    );
    let refusal = json!({"answer": "Trop long"});
    let page = operator
        .change(&request, Method::POST, &format!("{request}/answer"), Some(&refusal))
        .await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert_eq!(partner.get(&request).await.json()["answer"], "Trop long");

    // The audit log knows who acted, and by which access.
    for (action, program) in [("client.created", &partner), ("client.production_approved", &operator)] {
        let (kind, object, detail) = recorded(&app, action).await[0].clone();
        assert_eq!((kind.as_str(), object.as_str()), ("agent", id.as_str()));
        assert!(
            detail.contains(&format!("\"api_access\":\"{}\"", program.client_id)),
            "{detail}"
        );
    }
    let log = operator
        .get(&format!("/audit?object=client&object_id={id}"))
        .await
        .json();
    let newest = &log["items"][0];
    assert_eq!(newest["detail"]["api_access"], json!(operator.client_id));
    assert!(newest["chain"]["hash"].is_string());
    let history = partner.get(&format!("{place}/history")).await.json();
    let revisions = history["items"].as_array().unwrap();
    assert!(
        revisions.iter().any(|one| one["by"] == json!(agent.matrix_id)),
        "{history}"
    );

    // The end, with its name.
    let page = partner
        .change(&place, Method::DELETE, &format!("{place}?confirm=annuaire"), None)
        .await;
    assert_problem(&page, 422, "invalid");
    let page = partner
        .change(&place, Method::DELETE, &format!("{place}?confirm=Annuaire"), None)
        .await;
    assert_eq!(page.status, 204, "{}", page.body);
    assert_problem(&partner.get(&place).await, 404, "not_found");
}

#[tokio::test]
async fn an_operator_keeps_tables_keys_and_sessions_by_api() {
    let app = TestApp::start().await;
    let operator = operator(&app).await;
    // Administrations: added, changed on top of what was read, paged, deleted.
    let place = "/administrations/beta.gouv.fr";
    let dinum = json!({"name": "DINUM", "siret": "13002526500013"});
    let new = [("if-none-match", "*")];
    let made = operator.send(Method::PUT, place, Some(&dinum), &new).await;
    assert_eq!(
        (made.status.as_u16(), &made.json()["siren"]),
        (200, &json!("130025265")),
        "{}",
        made.body
    );
    assert_problem(
        &operator.send(Method::PUT, place, Some(&dinum), &new).await,
        412,
        "outdated",
    );
    let renamed = operator
        .change(place, Method::PUT, place, Some(&json!({"name": "Numérique"})))
        .await;
    assert_eq!(renamed.json()["name"], "Numérique");
    let wrong = operator
        .change(place, Method::PUT, place, Some(&json!({"name": "N", "siren": "1"})))
        .await;
    assert_problem(&wrong, 422, "invalid");
    for number in 0..60 {
        app.add_administration(Administration {
            domain: format!("d{number:02}.example.fr"),
            name: "X".into(),
            siren: None,
            siret: None,
            branch: None,
            organizational_unit: None,
        })
        .await;
    }
    let first = operator.get("/administrations").await.json();
    assert_eq!(first["items"].as_array().unwrap().len(), 50);
    let next = first["next"].as_str().unwrap();
    let second = operator.get(&format!("/administrations?after={next}")).await.json();
    assert_eq!(
        (second["items"].as_array().unwrap().len(), second.get("next")),
        (11, None)
    );
    // A place is of one list, one filter and one access, and nobody makes one up (threat 29).
    let mut support = operator.clone();
    let (browser, other) = with_role(&app, "other", Role::Operator).await;
    enrol(&app, &browser, &other).await;
    for (program, path) in [
        (
            &operator,
            format!("/administrations?after={}x", &next[..next.len() - 1]),
        ),
        (&operator, format!("/administrations?search=d&after={next}")),
        (&operator, format!("/audit?after={next}")),
        (&operator, "/administrations?after=".to_owned()),
        (
            &Program::acting(&app, &other, Some(Role::Operator)).await,
            format!("/administrations?after={next}"),
        ),
    ] {
        assert_problem(&program.get(&path).await, 400, "malformed");
    }
    let gone = operator.change(place, Method::DELETE, place, None).await;
    assert_eq!(gone.status, 204);

    // Homeservers: no program shuts its maker out.
    let place = format!("/homeservers/{NAME}");
    let retired = operator
        .change(&place, Method::DELETE, &format!("{place}?confirm={NAME}"), None)
        .await;
    assert_problem(&retired, 409, "locks_out");
    let unconfirmed = operator
        .change(&place, Method::DELETE, &format!("{place}?confirm=x"), None)
        .await;
    assert_problem(&unconfirmed, 422, "invalid");
    let listed = operator.get(&place).await.json()["homeserver"].clone();
    let wanted = json!({"label": "Éducation", "base_url": listed["base_url"], "ways": ["password"]});
    let renamed = operator.change(&place, Method::PUT, &place, Some(&wanted)).await;
    assert_eq!(renamed.json()["homeserver"]["label"], "Éducation", "{}", renamed.body);
    let tested = operator
        .send(Method::POST, &format!("{place}/test"), None, &[])
        .await
        .json();
    assert!(tested["lines"][0]["words"].is_string(), "{tested}");
    let added = operator
        .send(Method::PUT, "/homeservers/new.example", Some(&wanted), &new)
        .await;
    assert_eq!(added.status, 200, "{}", added.body);
    let place = "/homeservers/new.example";
    let gone = operator
        .change(place, Method::DELETE, &format!("{place}?confirm=new.example"), None)
        .await;
    assert_eq!(gone.status, 204, "{}", gone.body);

    // Sessions: found by an exact identifier, ended one by one and all at once, within what was confirmed.
    let browser = Browser::new(&app);
    browser.sign_in("/console", EMAIL).await;
    let sought = operator
        .send(Method::POST, "/agents/search", Some(&json!({"identifier": EMAIL})), &[])
        .await
        .json();
    let agent = sought["agents"][0]["id"].as_str().unwrap();
    let sessions = operator.get(&format!("/agents/{agent}/sessions")).await.json();
    let mark = sessions["sessions"][0]["mark"].as_str().unwrap();
    let path = format!("/agents/{agent}/sessions/{mark}");
    assert_eq!(operator.send(Method::DELETE, &path, None, &[]).await.status, 204);
    assert_problem(&operator.send(Method::DELETE, &path, None, &[]).await, 404, "not_found");
    browser.sign_in("/console", EMAIL).await;
    let whole = json!({"kind": "homeserver", "name": NAME});
    let toll = operator
        .send(Method::POST, "/emergency/preview", Some(&whole), &[])
        .await
        .json();
    let sessions = toll["sessions"].as_u64().unwrap();
    let end = |confirm: &str, at_most: u64| json!({"kind": "homeserver", "name": NAME, "confirm": confirm, "at_most": at_most});
    let page = operator
        .send(Method::POST, "/emergency/end", Some(&end("x", sessions)), &[])
        .await;
    assert_problem(&page, 422, "invalid");
    let page = operator
        .send(Method::POST, "/emergency/end", Some(&end(NAME, sessions - 1)), &[])
        .await;
    assert_problem(&page, 409, "more_than_confirmed");
    let page = operator
        .send(Method::POST, "/emergency/end", Some(&end(NAME, sessions)), &[])
        .await;
    assert_eq!(
        (page.status.as_u16(), page.json()["sessions"].as_u64()),
        (200, Some(sessions)),
        "{}",
        page.body
    );
    // The program's own token hung on an agent of that server, too: it asks for another.
    assert_problem(&operator.get("/access").await, 401, "invalid_token");
    support.authenticate_for(Some(ApiScope::KeysRead.as_str())).await;
    assert_eq!(support.get("/keys").await.status, 200);
}

#[tokio::test]
async fn what_cannot_be_read_is_said_and_never_fails_inside() {
    let app = TestApp::start().await;
    let (_, agent) = signed_in(&app, "partner").await;
    let partner = Program::acting(&app, &agent, None).await;
    let nul = json!({"settings": {"name": "a\u{0}b"}, "purpose": "x", "why": {}});
    let deep: Value = (0..100).fold(json!(1), |inner, _| json!([inner]));
    for (body, status, code) in [
        (json!(null), 400, "malformed"),
        (json!([{}, "x", {}]), 400, "malformed"),
        (json!({"settings": ["x"], "purpose": "x", "why": {}}), 400, "malformed"),
        (
            json!({"settings": {}, "purpose": "x", "why": {}, "stack": "cobol"}),
            422,
            "invalid",
        ),
        (json!({"settings": {}, "purpose": 1, "why": {}}), 400, "malformed"),
        (
            json!({"settings": {"stage": "production"}, "purpose": "x", "why": {}}),
            400,
            "malformed",
        ),
        (
            json!({"settings": {"disabled": false}, "purpose": "x", "why": {}}),
            400,
            "malformed",
        ),
        (
            json!({"settings": {"jwks": deep}, "purpose": "x", "why": {}}),
            422,
            "invalid",
        ),
        (
            json!({"settings": {"scopes": ["clients:write"]}, "purpose": "x", "why": {}}),
            422,
            "invalid",
        ),
        (nul, 400, "malformed"),
        (
            json!({"settings": {}, "purpose": "x".repeat(70_000), "why": {}}),
            413,
            "too_large",
        ),
    ] {
        assert_problem(
            &partner.send(Method::POST, "/clients", Some(&body), &[]).await,
            status,
            code,
        );
    }
    let form = partner
        .send(Method::POST, "/clients", None, &[("content-type", "text/plain")])
        .await;
    assert_problem(&form, 415, "media_type");
    for path in [
        "/clients?name=%00",
        "/clients?of=theirs",
        "/clients?unknown=1",
        "/clients?name=a&name=b",
        "/statistics?days=31",
        "/statistics?days=-1",
        "/statistics?client=a&administration=b",
    ] {
        assert_problem(&partner.get(path).await, 400, "malformed");
    }
    for path in [
        "/clients/%00",
        "/clients/%ff",
        "/clients/..%2f..",
        "/clients/%F0%9F%92%A9",
    ] {
        assert_problem(&partner.get(path).await, 404, "not_found");
    }
    let twice = partner
        .send(Method::GET, "/clients", None, &[("authorization", "Bearer x")])
        .await;
    assert_problem(&twice, 400, "invalid_request");
}
