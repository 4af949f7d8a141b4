//! `/console/journal`, `/console/statistiques` and `/stats`: who sees what, pages and filters that nobody forges, files.

use serde_json::{Value, json};
use tchap_connect::audit::record;
use tchap_connect::console::second_factor::offer;
use tchap_connect::domain::audit::{Action, Actor, Event, ObjectKind, day_name, day_of};
use tchap_connect::domain::homeserver::Way;
use tchap_connect::domain::identifier::MatrixId;
use tchap_connect::domain::role::Role;
use tchap_connect::domain::statistics::{Counter, Outcome};
use totp_rs::{Builder, Secret};

use crate::support::secrets::Kind;
use crate::support::{Browser, JEAN, TestApp};

/// Jean, signed in to the console, with a role if any is named.
async fn jean(app: &TestApp, role: Option<Role>) -> (Browser, String) {
    let browser = Browser::new(app);
    browser.sign_in("/console", JEAN).await;
    let server = JEAN.split_once(':').unwrap().1;
    let agent = app.app.store.find_open_agent(server, JEAN).await.unwrap().unwrap();
    let now = app.app.clock.now();
    if let Some(role) = &role {
        app.app.store.insert_role(&agent.id, role, None, now).await.unwrap();
    }
    if role.is_some_and(|role| role.needs_second_factor()) {
        let account = (&MatrixId::parse(JEAN).unwrap(), Some(&agent));
        let code = offer(&app.app.store, Actor::CommandLine, account, now).await.unwrap();
        app.traffic.secret(Kind::Never, &code);
        let page = browser.open("/console").await;
        let page = browser.submit(&page, "enrol-form", &[("enrolment", &code)]).await;
        let secret = Secret::try_from_base32(page.text("factor-secret")).unwrap();
        let telephone = Builder::new().with_secret(secret).build().unwrap();
        let code = telephone.generate(app.app.clock.now() as u64).to_string();
        let page = browser.submit(&page, "factor-form", &[("code", &code)]).await;
        assert!(page.has("console"), "{}", page.body);
    }
    (browser, agent.id)
}

#[tokio::test]
async fn the_journal_is_read_by_pages_and_taken_as_a_file() {
    let app = TestApp::start().await;
    let (browser, agent_id) = jean(&app, Some(Role::Operator)).await;
    for number in 0..120 {
        let event = Event {
            actor: Actor::CommandLine,
            action: Action::ClientChanged,
            object: (ObjectKind::Client, format!("c-{number:03}")),
            detail: json!({"name": "<script>\u{202e}"}),
        };
        record(&app.app.store, app.app.clock.now(), event).await.unwrap();
    }
    let filtered = "/console/journal?acte=client.changed";
    let mut page = browser.open(filtered).await;
    assert!(!page.body.contains("<script>") && !page.body.contains('\u{202e}'));
    let second = page.href("pager-next");
    let mut sizes = vec![page.body.matches("c-").count()];
    while page.has("pager-next") {
        page = browser.open(&page.href("pager-next")).await;
        sizes.push(page.text("content").matches("service c-").count());
    }
    assert_eq!(sizes[1..], [50, 20], "{}", page.body);
    // Threat 29: a place is of one list, and nobody makes one.
    let place = second.split_once("suite=").unwrap().1;
    let long = "A".repeat(5000);
    for forged in [
        format!("/console/journal?suite={place}"),
        format!("{filtered}&suite={}", &place[1..]),
        format!("{filtered}&suite=x"),
        format!("{filtered}&suite={long}"),
        "/console/journal?acte=drop".into(),
        "/console/journal?categorie=all".into(),
        "/console/journal?auteur=agent".into(),
        "/console/journal?objet=client".into(),
        "/console/journal?auteur=agent&auteur_id=%00".into(),
        format!("/console/journal?objet=client&objet_id={long}"),
        "/console/journal?du=2026-13-01".into(),
    ] {
        let answer = browser.get(&forged).await;
        assert_eq!(answer.status, 400, "{forged}");
    }
    let file = browser.get("/console/journal/export?acte=client.changed").await;
    assert_eq!(file.header("content-type"), "application/x-ndjson");
    let lines: Vec<Value> = file
        .body
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 120);
    let taken = browser.get("/console/journal/export?acte=audit.exported").await;
    let taken: Value = serde_json::from_str(taken.body.lines().last().unwrap()).unwrap();
    assert_eq!(taken["actor"]["id"], agent_id.as_str());
    // People are called what people call them, on the page and in what is looked for.
    let by_jean = format!(
        "acte=audit.exported&auteur=agent&auteur_id={}",
        JEAN.replace('@', "%40")
    );
    let page = browser.open(&format!("/console/journal?{by_jean}")).await;
    let (row, _) = page.body.split_once("</tbody>").unwrap();
    let (_, row) = row.split_once("<tbody>").unwrap();
    assert!(row.contains("Journal téléchargé") && row.contains(JEAN), "{row}");
    assert!(row.contains(&format!("/console/agents/{agent_id}")), "{row}");
    let nobody = browser
        .open("/console/journal?auteur=agent&auteur_id=%40nobody:nowhere.example")
        .await;
    assert!(nobody.has("none"), "{}", nobody.body);
}

#[tokio::test]
async fn the_journal_is_for_operators_and_support() {
    let app = TestApp::start().await;
    let manager = Role::Manager {
        administration: "beta.gouv.fr".into(),
    };
    let (browser, _) = jean(&app, Some(manager)).await;
    for path in ["/console/journal", "/console/journal/export"] {
        assert_eq!(browser.get(path).await.status, 404, "{path}");
        assert_eq!(Browser::new(&app).get(path).await.status, 303, "{path}");
    }
}

/// Gives a client to an agent.
async fn own(app: &TestApp, client_id: &str, agent_id: &str) {
    let now = app.app.clock.now();
    app.app
        .store
        .insert_client_owner(client_id, agent_id, now)
        .await
        .unwrap();
}

async fn count(app: &TestApp, client_id: &str, administration: &str, number: i64) {
    let counter = Counter {
        day: day_of(app.app.clock.now()) - 1,
        client_id: client_id.to_owned(),
        administration: administration.to_owned(),
        way: Some(Way::Sso),
        outcome: Outcome::SignedIn,
    };
    app.app.store.add_sign_in_counts(&[(counter, number)]).await.unwrap();
}

#[tokio::test]
async fn everybody_sees_their_own_numbers_and_no_small_ones() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await.client.id;
    let other = app.relying_party("other").await.client.id;
    count(&app, &service, "beta.gouv.fr", 40).await;
    count(&app, &service, "=cmd.gouv.fr", 20).await;
    count(&app, &service, "small.gouv.fr", 3).await;
    count(&app, &other, "other.gouv.fr", 80).await;
    for number in 0..60 {
        count(&app, &format!("gone-{number:02}"), "beta.gouv.fr", 100).await;
    }
    let manager = Role::Manager {
        administration: "beta.gouv.fr".into(),
    };
    let (browser, agent_id) = jean(&app, Some(manager)).await;
    own(&app, &service, &agent_id).await;

    let at = |query: &str| format!("/console/statistiques?{query}");
    let of_service = browser.get(&at(&format!("service={service}"))).await;
    assert_eq!(of_service.status, 200, "{}", of_service.body);
    assert!(of_service.text("by-day").contains("63") && of_service.text("by-administration").contains("40"));
    let hidden = of_service.text("by-administration").matches("masqué").count();
    assert_eq!(hidden, 2, "three, and what would tell them");
    // Services by name, fifty on a page; what was shown today stays as it was.
    let name = app.app.store.find_client(&service).await.unwrap().unwrap().name;
    assert!(of_service.text("scope").contains(&name));
    let of_beta = browser.get(&at("administration=beta.gouv.fr")).await;
    count(&app, "gone-99", "beta.gouv.fr", 500).await;
    let rest = browser.open(&of_beta.href("services-next")).await;
    let (first, rest) = (of_beta.text("by-service"), rest.text("by-service"));
    assert!(first.contains("gone-49") && !first.contains("gone-50"), "{first}");
    assert!(
        rest.contains("gone-50") && rest.contains(&name) && !rest.contains("gone-49"),
        "{rest}"
    );
    assert!(
        first.contains("6040") && rest.contains("6040"),
        "the total is that of all"
    );
    for wrong in ["services=-1", "services=99999999999999999999", "administrations=x"] {
        let page = browser.get(&at(&format!("administration=beta.gouv.fr&{wrong}"))).await;
        assert_eq!(page.status, 400, "{wrong}");
    }
    for nobodys in [
        format!("service={other}"),
        "service=unknown".into(),
        "administration=other.gouv.fr".into(),
        "administration=".to_owned() + &"x".repeat(500),
    ] {
        assert_eq!(browser.get(&at(&nobodys)).await.status, 404, "{nobodys}");
        let export = format!("/console/statistiques/export?format=csv&{nobodys}");
        assert_eq!(browser.get(&export).await.status, 404, "{nobodys}");
    }
    assert_eq!(browser.get("/console/statistiques/export?format=csv").await.status, 404);
    for wrong in ["service=%00", "jours=8", "jours=-1", "jours=99999999999999999999"] {
        assert_eq!(browser.get(&at(wrong)).await.status, 400, "{wrong}");
    }
    let file = format!("/console/statistiques/export?service={service}&jours=7&format=");
    let csv = browser.get(&(file.clone() + "csv")).await;
    assert!(
        csv.body.contains("signed_in_by_administration,\"'=cmd.gouv.fr\","),
        "{}",
        csv.body
    );
    assert!(!csv.body.contains(",3,"), "{}", csv.body);
    let line = format!("signed_in_by_service,\"{service}\",63,\"{name}\"\r\n");
    assert!(csv.body.contains(&line), "{}", csv.body);
    let json: Value = serde_json::from_str(&browser.get(&(file.clone() + "json")).await.body).unwrap();
    assert_eq!(json["counts"].as_array().unwrap().len(), csv.body.lines().count() - 1);
    assert_eq!(browser.get(&(file + "xml")).await.status, 400);

    let public = Browser::new(&app).get("/stats").await;
    assert_eq!(public.text("total-30"), "6643");
    assert!(!public.body.contains("beta.gouv.fr"), "totals only");
    assert_eq!(public.header("cache-control"), "public, max-age=300");
}

/// An empty chart says nothing: words do. Days are written as moments are.
#[tokio::test]
async fn where_nobody_signed_in_the_page_says_so() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await.client.id;
    let (browser, agent_id) = jean(&app, None).await;
    own(&app, &service, &agent_id).await;
    for page in [
        browser.get(&format!("/console/statistiques?service={service}")).await,
        Browser::new(&app).get("/stats").await,
    ] {
        assert_eq!(
            page.text("no-sign-ins"),
            "Aucune connexion réussie pendant cette période."
        );
        assert!(!page.has("by-day") && !page.body.contains("<svg class=\"tchap-chart"));
        assert!(!page.has("by-way") && !page.has("by-reason"), "{}", page.body);
    }
    count(&app, &service, "beta.gouv.fr", 40).await;
    let yesterday = day_name(day_of(app.app.clock.now()) - 1);
    let parts: Vec<_> = yesterday.rsplit('-').collect();
    for (language, day) in [("fr", parts.join("/")), ("en", yesterday)] {
        let page = Browser::new(&app).get(&format!("/stats?lang={language}")).await;
        assert!(!page.has("no-sign-ins"));
        assert!(page.text("by-day").contains(&day), "{}", page.body);
    }
}
