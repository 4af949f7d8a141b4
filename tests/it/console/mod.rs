//! The console: who may do what, the second factor, the team, sessions and the emergency, as browsers and the command line
//! meet them.

mod access;
mod administrations;
mod agents;
pub mod cli;
mod homeservers;
mod keys;
mod roles;
mod second_factor;

use std::sync::Arc;

pub use access::sources;

use tchap_connect::console::second_factor::offer;
use tchap_connect::domain::agent::Agent;
use tchap_connect::domain::audit::Actor;
use tchap_connect::domain::identifier::MatrixId;
use tchap_connect::domain::role::Role;
use totp_rs::{Builder, Secret, Totp};

use crate::support::homeserver::{Account, ScriptedHomeserver};
use crate::support::secrets::Kind;
use crate::support::{Browser, EMAIL, NAME, PASSWORD, Page, TestApp};

const HOME: &str = "/console";
const FACTOR: &str = "/console/second-facteur";

/// The open agent of an account at the first homeserver.
pub async fn agent(app: &TestApp, matrix_id: &str) -> Agent {
    let server = matrix_id.split_once(':').unwrap().1;
    let found = app.app.store.find_open_agent(server, matrix_id).await.unwrap();
    found.unwrap_or_else(|| panic!("no agent {matrix_id}"))
}

/// An account of this name signs in to the console.
pub async fn signed_in(app: &TestApp, local_part: &str) -> (Browser, Agent) {
    app.homeserver.add(Account::new(local_part, PASSWORD));
    let matrix_id = format!("@{local_part}:{NAME}");
    let browser = Browser::new(app);
    browser.sign_in(HOME, &matrix_id).await;
    (browser, agent(app, &matrix_id).await)
}

/// The same with a role.
pub async fn with_role(app: &TestApp, local_part: &str, role: Role) -> (Browser, Agent) {
    let (browser, agent) = signed_in(app, local_part).await;
    let now = app.app.clock.now();
    app.app.store.insert_role(&agent.id, &role, None, now).await.unwrap();
    (browser, agent)
}

/// An application on a telephone.
pub struct Telephone(Totp);

impl Telephone {
    pub fn of(secret: &str) -> Self {
        let secret = Secret::try_from_base32(secret).unwrap();
        Self(Builder::new().with_secret(secret).build().unwrap())
    }

    /// What it shows, as the server's clock has it.
    pub fn code(&self, app: &TestApp) -> String {
        self.0.generate(app.app.clock.now() as u64).to_string()
    }

    /// Gives the next code that was not given yet.
    async fn give(&self, app: &TestApp, browser: &Browser, back: &str) -> Page {
        app.advance(30);
        let page = browser.open(&format!("{FACTOR}?retour={back}")).await;
        browser.submit(&page, "factor-form", &[("code", &self.code(app))]).await
    }
}

/// A one-time code as the command line makes it.
pub async fn enrolment_code(app: &TestApp, agent: &Agent) -> String {
    let matrix_id = MatrixId::parse(&agent.matrix_id).unwrap();
    let account = (&matrix_id, Some(agent));
    let code = offer(&app.app.store, Actor::CommandLine, account, app.app.clock.now())
        .await
        .unwrap();
    app.traffic.secret(Kind::Never, &code);
    code
}

/// Enrols a second factor from the page that asks for it; answers what comes afterwards.
pub async fn enrol(app: &TestApp, browser: &Browser, agent: &Agent) -> (Telephone, Page) {
    let code = enrolment_code(app, agent).await;
    let page = browser.open(HOME).await;
    let page = browser.submit(&page, "enrol-form", &[("enrolment", &code)]).await;
    let telephone = Telephone::of(&page.text("factor-secret"));
    let page = browser
        .submit(&page, "factor-form", &[("code", &telephone.code(app))])
        .await;
    (telephone, page)
}

/// An operator who has just given the second factor.
pub async fn operator(app: &TestApp, local_part: &str) -> (Browser, Agent, Telephone) {
    let (browser, agent) = with_role(app, local_part, Role::Operator).await;
    let (telephone, page) = enrol(app, &browser, &agent).await;
    assert!(page.has("console"), "{} {}", page.url, page.body);
    (browser, agent, telephone)
}

/// A homeserver of guests.
pub async fn guests(app: &mut TestApp) -> Arc<ScriptedHomeserver> {
    let guests = Arc::new(ScriptedHomeserver::start("guests.tchap.test").await);
    guests.offer(&["m.login.password"]);
    app.add_homeserver(&guests, |listed| listed.guests = true).await;
    guests
}

/// The value that forms of this browser's pages post, from a page that everybody in the console has.
pub async fn shown(browser: &Browser) -> String {
    let page = browser.open("/console/services/nouveau").await;
    let forms = crate::support::html::forms(&page.body);
    let fields = forms.into_iter().flat_map(|form| form.fields);
    fields
        .into_iter()
        .find(|(name, _)| name == "shown")
        .map(|(_, value)| value)
        .unwrap_or_default()
}

/// What the audit log says of this action, newest first: actor kind, object, detail.
pub async fn recorded(app: &TestApp, action: &str) -> Vec<(String, String, String)> {
    let mut acts = app.app.store.list_audit_acts((0, 0), 1000).await.unwrap();
    acts.reverse();
    let acts = acts.into_iter().filter(|entry| entry.action == action);
    acts.map(|entry| (entry.actor_kind, entry.object_id, entry.detail))
        .collect()
}

#[tokio::test]
async fn a_partner_comes_back_to_where_they_were_going_and_sees_what_they_may() {
    let app = TestApp::start().await;
    let browser = Browser::new(&app);
    let page = browser.sign_in("/console?lang=en", EMAIL).await;
    assert_eq!((page.url.path(), page.url.query()), (HOME, Some("lang=en")));
    assert_eq!(page.text("console-roles"), "partner");
    assert_eq!(page.text("console-nav"), "Home Services Statistics API");
    assert!(page.body.contains("aria-current=\"page\""));
    assert!(page.text("console-name").contains("Jean Dupont"));
    assert_eq!(Browser::new(&app).get("/console//evil.example").await.status, 404);
}

#[tokio::test]
async fn whoever_leaves_the_login_or_sends_a_form_without_one_is_not_sent_round() {
    let app = TestApp::start().await;
    let browser = Browser::new(&app);
    let page = browser.open("/console").await;
    let answer = browser.post(&format!("{}/leave", page.url.path()), &[]).await;
    let page = browser.follow(answer).await;
    assert_eq!((page.status.as_u16(), page.url.path()), (200, "/"));
    let answer = browser.post("/console/equipe/invitations", &[]).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("location")),
        (303, "/console/equipe")
    );
}
