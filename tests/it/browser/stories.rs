//! The stories of the console by role, in a real browser and without scripts. The homeserver is a scripted one: what is looked
//! at here are our pages.

use tchap_connect::domain::administration::Administration;
use tchap_connect::domain::audit::day_of;
use tchap_connect::domain::homeserver::Way;
use tchap_connect::domain::role::Role;
use tchap_connect::domain::statistics::{Counter, Outcome};
use tchap_connect::protocol::standing::ClientStage;

use crate::console::{Telephone, agent, enrolment_code};
use crate::support::chromium::{Chromium, ENTER};
use crate::support::homeserver::{Account, ScriptedHomeserver};
use crate::support::secrets::Kind;
use crate::support::{Browser, EMAIL, JEAN, MARIES_EMAIL, NAME, PASSWORD, TestApp, marie};

/// The console in a browser of somebody's, in which others may follow.
struct Story {
    app: TestApp,
    browser: Chromium,
}

impl Story {
    async fn new() -> Self {
        let app = TestApp::start().await;
        app.homeserver.add(marie());
        let browser = Chromium::start("fr-FR,fr").await;
        browser.without_scripts().await;
        Self { app, browser }
    }

    async fn open(&self, path: &str) {
        self.browser.open(&format!("{}{path}", self.app.base_url)).await;
    }

    /// Somebody else sits down at the browser and signs in on the way to a page.
    async fn is_now(&self, identifier: &str, path: &str) {
        self.browser.client.delete_all_cookies().await.unwrap();
        self.open(path).await;
        self.browser.fill("identifier", identifier, "identifier-submit").await;
        self.browser.fill("password", PASSWORD, "password-submit").await;
        self.browser.see("console-nav").await;
    }

    /// The same with a role, given by somebody who may.
    async fn is_now_with(&self, local_part: &str, role: Role) -> Option<Telephone> {
        let (app, browser) = (&self.app, &self.browser);
        app.homeserver.add(Account::new(local_part, PASSWORD));
        let matrix_id = format!("@{local_part}:{NAME}");
        self.is_now(&matrix_id, "/console").await;
        let agent = agent(app, &matrix_id).await;
        let now = app.app.clock.now();
        app.app.store.insert_role(&agent.id, &role, None, now).await.unwrap();
        self.open("/console").await;
        if !role.needs_second_factor() {
            return None;
        }
        let code = enrolment_code(app, &agent).await;
        browser.fill("enrolment", &code, "enrol").await;
        let telephone = Telephone::of(&browser.text("factor-secret").await);
        browser.fill("code", &telephone.code(app), "give").await;
        browser.see("console").await;
        Some(telephone)
    }

    /// Types into a field on top of what is there.
    async fn type_into(&self, field: &str, text: &str) {
        self.browser.see(field).await.send_keys(text).await.unwrap();
    }

    async fn is_done(&self, words: &str) {
        let done = self.browser.text("console-done").await;
        assert!(done.contains(words), "{done}");
    }
}

/// From a name to a client that everybody may sign in to. The form of the new client is filled in by keyboard alone.
#[tokio::test]
#[ignore = "needs make test"]
async fn a_partner_brings_a_service_from_the_sandbox_to_production() {
    let story = Story::new().await;
    let (app, browser) = (&story.app, &story.browser);
    story.is_now(EMAIL, "/console").await;
    browser.tab_to("nav-services").await;
    browser.press(ENTER).await;
    browser.see("services-none").await;
    browser.tab_to("new-service").await;
    browser.press(ENTER).await;
    for (field, typed) in [
        ("name", "Annuaire des agents"),
        ("purpose", "Retrouver un collègue"),
        ("redirect_uris", "https://annuaire.example/callback"),
        ("stack", "Dj"),
        ("why_profile", "Pour saluer l’agent"),
        ("why_email", "Pour lui écrire"),
    ] {
        browser.tab_to(field).await;
        browser.press(typed).await;
    }
    browser.press(ENTER).await;
    let secret = browser.text("client-secret").await;
    app.traffic.secret(Kind::Never, &secret);
    let id = browser.text("client-id").await;
    let configuration = browser.text("stack-django").await;
    assert!(
        configuration.contains(&secret) && configuration.contains(&id),
        "{configuration}"
    );
    // Loaded again, the page makes nothing, and shows no secret any more.
    browser.client.refresh().await.unwrap();
    story.is_done("déjà parti").await;
    assert!(!browser.has("client-secret").await);
    assert_eq!(app.app.store.list_clients().await.unwrap().len(), 1);

    let page = format!("/console/services/{id}");
    browser.follow(&page).await;
    let marie = format!("@marie.martin-beta.gouv.fr:{NAME}");
    story.type_into("testers", &format!("\n{marie}")).await;
    browser.click("save-testers").await;
    story.is_done("testeurs").await;
    browser.fill("matrix_id", &marie, "invite").await;
    story.is_done("24 heures").await;

    // What the service would receive, and from where.
    browser.click("try").await;
    browser.click("begin-trial").await;
    assert!(browser.text("in-test-message").await.contains("test"));
    browser.click("consent-accept").await;
    let claims = browser.text("trial-claims").await;
    for words in ["email", EMAIL, "selon les règles de confiance", "profil du compte"] {
        assert!(claims.contains(words), "{words}: {claims}");
    }
    browser.click("back").await;

    // What is missing for production is said, then given, then production is asked for.
    assert!(browser.text("lacks").await.contains("Contacts"));
    browser.click("edit").await;
    story.type_into("contacts", "contact@annuaire.example").await;
    browser.fill("policy_uri", "annuaire", "save").await;
    assert!(browser.text("error-message").await.contains("https"));
    assert_eq!(browser.focus().await, "policy_uri");
    browser
        .fill("policy_uri", "https://annuaire.example/donnees", "save")
        .await;
    story.is_done("enregistrés").await;
    browser
        .fill("reasons", "L’essai a convaincu", "request-production")
        .await;
    assert_eq!(browser.text("stage").await, "production demandée");

    let telephone = story.is_now_with("op", Role::Operator).await.unwrap();
    browser.click("nav-services").await;
    browser.click("queue").await;
    let entry = browser.text("entry-1").await;
    assert!(
        entry.contains("L’essai a convaincu") && entry.contains("production"),
        "{entry}"
    );
    browser.follow(&page).await;
    // Somebody came in between: the second factor is given again, and the approval goes on.
    app.advance(301);
    browser.click("approve").await;
    browser.see("kept").await;
    browser.fill("code", &telephone.code(app), "give").await;
    story.is_done("approuvée").await;
    let client = app.app.store.find_client(&id).await.unwrap().unwrap();
    assert_eq!(client.standing.stage, ClientStage::Production);

    // Who was invited looks after it from now on.
    story.is_now(MARIES_EMAIL, "/console/services").await;
    browser.click("accept-1").await;
    story.is_done("Vous vous occupez").await;
    assert_eq!(browser.text("stage").await, "en production");
    assert_eq!(browser.console_warnings().await, Vec::<String>::new());
}

/// Support, a manager, an operator and an agent, one after the other.
#[tokio::test]
#[ignore = "needs make test"]
async fn support_a_manager_an_operator_and_an_agent_do_their_work() {
    let story = Story::new().await;
    let (app, browser) = (&story.app, &story.browser);
    let mut service = crate::support::client("annuaire");
    service.standing.administration = Some("beta.gouv.fr".to_owned());
    let service = app.register(service).await;
    app.add_administration(Administration {
        domain: "beta.gouv.fr".into(),
        name: "DINUM".into(),
        siren: None,
        siret: None,
        branch: None,
        organizational_unit: None,
    })
    .await;
    let counter = Counter {
        day: day_of(app.app.clock.now()) - 1,
        client_id: "annuaire".into(),
        administration: "beta.gouv.fr".into(),
        way: Some(Way::Sso),
        outcome: Outcome::SignedIn,
    };
    app.app.store.add_sign_in_counts(&[(counter, 40)]).await.unwrap();
    // An agent who uses it, elsewhere.
    let elsewhere = Browser::new(app);
    service.tokens(&elsewhere, &[]).await;

    story.is_now_with("aide", Role::Support).await;
    browser.click("nav-agents").await;
    browser.fill("identifier", EMAIL, "search").await;
    assert_eq!(browser.text("agent-matrix-id").await, JEAN);
    browser.click("end-session-1").await;
    story.is_done("fermé").await;
    assert!(!browser.has("end-session-1").await);
    let answer = elsewhere.get("/mon-compte").await;
    assert!(answer.header("location").starts_with("/authorize/"), "{}", answer.body);
    browser.click("nav-journal").await;
    let journal = browser.page_text().await;
    assert!(
        journal.contains("Sessions d’un agent fermées") && journal.contains(JEAN),
        "{journal}"
    );

    let manager = Role::Manager {
        administration: "beta.gouv.fr".into(),
    };
    story.is_now_with("chef", manager).await;
    browser.follow("/console/administrations/domaine/beta.gouv.fr").await;
    assert!(browser.page_text().await.contains("DINUM") && !browser.has("save").await);
    browser.click("nav-services").await;
    browser.follow("/console/services/annuaire").await;
    browser.see("edit").await;
    browser.click("nav-statistics").await;
    browser
        .follow("/console/statistiques?administration=beta.gouv.fr&jours=30")
        .await;
    assert!(browser.text("by-service").await.contains("Service annuaire 40"));

    story.is_now_with("op", Role::Operator).await;
    browser.click("nav-administrations").await;
    browser.click("administration-import").await;
    story
        .type_into("table", "domain;name\nbeta.gouv.fr;Numérique\nx;X")
        .await;
    browser.click("preview").await;
    assert!(browser.text("faults").await.contains("Ligne 3"));
    browser.see("table").await.clear().await.unwrap();
    story
        .type_into("table", "domain;name\nbeta.gouv.fr;Numérique\nville.fr;Ville")
        .await;
    browser.click("preview").await;
    assert!(browser.text("added").await.contains('1') && browser.text("changed").await.contains('1'));
    browser.click("confirm").await;
    browser.see("console-done").await;
    service.tokens(&elsewhere, &[]).await;
    browser.click("nav-agents").await;
    browser.fill("name", "annuaire", "preview").await;
    browser.see("toll").await;
    browser.fill("confirm", "Annuaire", "end-everything").await;
    browser.see("error-message").await;
    browser.fill("confirm", "annuaire", "end-everything").await;
    story.is_done("Fermé").await;

    // The agent uses it again, sees what it has of them, and takes it back.
    let page = elsewhere.open(&service.url(&[])).await;
    let page = elsewhere.accept(&page).await;
    service.redeem(&service.code(&page)).await;
    browser.client.delete_all_cookies().await.unwrap();
    story.open("/mon-compte").await;
    browser.fill("identifier", EMAIL, "identifier-submit").await;
    browser.fill("password", PASSWORD, "password-submit").await;
    assert!(browser.text("service-1").await.contains("Service annuaire"));
    browser.see("data-download").await;
    browser.click("withdraw-1").await;
    browser.see("account-done").await;
    assert!(!browser.has("withdraw-1").await);
    assert_eq!(browser.console_warnings().await, Vec::<String>::new());
}

/// What only operators do: a homeserver, a key, an access for a program, and the journal that tells of it.
#[tokio::test]
#[ignore = "needs make test"]
async fn an_operator_looks_after_homeservers_keys_and_programs() {
    let story = Story::new().await;
    let (app, browser) = (&story.app, &story.browser);
    let other = ScriptedHomeserver::start("hs.other.test").await;
    other.offer(&["m.login.password"]);
    story.is_now_with("op", Role::Operator).await;

    browser.click("nav-homeservers").await;
    browser.click("homeserver-add").await;
    browser.fill("nom", "HS.other.test", "go-on").await;
    story.type_into("label", "Autre").await;
    browser.fill("base_url", "ftp://hs.other.test", "save").await;
    browser.see("error-message").await;
    browser.fill("base_url", &other.base_url(), "save").await;
    browser.see("console-done").await;
    browser.follow("/console/serveurs/nom/hs.other.test").await;
    browser.click("test-now").await;
    let test = browser.text("test").await;
    assert!(test.contains("Il répond comme un serveur Matrix"), "{test}");
    browser.fill("confirm", "hs.other.test", "retire").await;
    browser.see("console-done").await;

    browser.click("nav-keys").await;
    browser.click("rotate").await;
    browser.see("console-done").await;
    assert!(browser.text("next-rotation").await.contains("en cours"));

    browser.click("nav-api").await;
    browser.click("make-2").await;
    browser.fill("name", "Supervision", "make").await;
    let secret = browser.text("client-secret").await;
    app.traffic.secret(Kind::Never, &secret);
    browser.click("revoke-own-1-go").await;
    browser.see("console-done").await;
    assert!(!browser.has("own-1").await);

    browser.click("nav-journal").await;
    let journal = browser.page_text().await;
    for act in [
        "Serveur ajouté",
        "Serveur retiré",
        "Clés renouvelées",
        "Accès à l’API créé",
        "Accès à l’API révoqué",
    ] {
        assert!(journal.contains(act), "{act}: {journal}");
    }
    assert_eq!(browser.console_warnings().await, Vec::<String>::new());
}
