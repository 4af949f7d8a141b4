//! Sessions and tokens of agents: found by an exact identifier, ended one by one, or all in an emergency; services are told.

use tchap_connect::domain::agent::AgentEmail;
use tchap_connect::domain::role::Role;
use tchap_connect::jobs::logout_delivery::deliver_due;
use tchap_connect::protocol::client::{Client, LogoutUris};

use super::{agent, enrol, operator, recorded, with_role};
use crate::support::homeserver::Account;
use crate::support::logout_receiver::with_receivers;
use crate::support::{Browser, EMAIL, JEAN, NAME, PASSWORD, Page, RelyingParty, TestApp, marie, refreshing};

const AGENTS: &str = "/console/agents";

async fn search(browser: &Browser, identifier: &str) -> Page {
    let page = browser.open(AGENTS).await;
    browser
        .submit(&page, "search-form", &[("identifier", identifier)])
        .await
}

async fn preview(browser: &Browser, kind: &str, name: &str) -> Page {
    let page = browser.open(AGENTS).await;
    browser
        .submit(&page, "emergency-form", &[("kind", kind), ("name", name)])
        .await
}

async fn is_alive(service: &RelyingParty, token: &str) -> bool {
    service.userinfo(token).await.status == 200
}

async fn is_signed_in(service: &RelyingParty, browser: &Browser) -> bool {
    let answer = browser.get(&service.url(&[("prompt", "none")])).await;
    answer.header("location").contains("code=")
}

const OFFLINE: [(&str, &str); 2] = [("scope", "openid email offline_access"), ("prompt", "consent")];

#[tokio::test]
async fn an_agent_is_found_by_an_exact_identifier_only() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let tokens = service.tokens(&Browser::new(&app), &[]).await;
    let (op, _, _) = operator(&app, "op").await;
    let jean = agent(&app, JEAN).await;
    let subject = tokens.claims["sub"].as_str().unwrap().to_owned();
    for identifier in [
        JEAN,
        EMAIL,
        "Jean.Dupont@BETA.gouv.fr",
        &subject,
        &jean.id,
        &format!(" {JEAN} "),
    ] {
        let page = search(&op, identifier).await;
        assert_eq!(page.url.path(), format!("{AGENTS}/{}", jean.id), "{identifier}");
        assert_eq!(page.text("agent-matrix-id"), JEAN);
    }
    for identifier in [
        "",
        "jean",
        "jean.dupont",
        "%",
        "@jean",
        "jean.dupont@beta.gouv",
        &subject[1..],
        "a b",
        "\u{0}",
    ] {
        let page = search(&op, identifier).await;
        assert!(page.has("error-message"), "{identifier}: {}", page.body);
        assert!(!page.body.contains("dupont-beta"), "{identifier}");
    }
    let page = search(&op, "\"><script>").await;
    assert!(!page.body.contains("<script"));
    let page = search(&op, JEAN).await;
    assert!(page.text("service-1").contains("Service service"));
    for path in ["%00", "..", "a%2f..%2f"] {
        let answer = op.get(&format!("{AGENTS}/{path}")).await;
        assert!([404, 200].contains(&answer.status.as_u16()), "{path}");
        assert!(!answer.has("agent"), "{path}");
    }
}

#[tokio::test]
async fn support_ends_a_session_a_service_or_all_of_an_agent_and_services_are_told() {
    let (app, [receiver]) = with_receivers::<1>().await;
    let service = app
        .register(Client {
            logout: LogoutUris {
                backchannel_logout_uri: Some(receiver.url.clone()),
                ..LogoutUris::default()
            },
            ..refreshing("service")
        })
        .await;
    let (one, two) = (Browser::new(&app), Browser::new(&app));
    let first = service.tokens(&one, &[]).await;
    app.advance(60);
    let second = service.tokens(&two, &OFFLINE).await;
    let (support, supporter) = with_role(&app, "support", Role::Support).await;
    enrol(&app, &support, &supporter).await;
    let page = search(&support, JEAN).await;
    assert!(page.has("session-2") && !page.has("session-3"));
    assert!(page.text("service-1").contains("hors connexion"));
    assert!(!page.has("emergency-form"));

    // The newest first: the older one ends.
    let page = support.submit(&page, "end-session-2-form", &[]).await;
    assert!(page.has("console-done") && !page.has("session-2"), "{}", page.body);
    assert!(!is_alive(&service, &first.access_token).await && is_alive(&service, &second.access_token).await);
    assert!(!is_signed_in(&service, &one).await && is_signed_in(&service, &two).await);
    assert_eq!(deliver_due(&app.app, app.app.clock.now()).await.unwrap(), 1);
    assert_eq!(receiver.only().1["sid"], first.claims["sid"]);

    let page = support.submit(&page, "end-service-1-form", &[]).await;
    assert!(!page.has("service-1") && page.has("session-1"), "{}", page.body);
    assert!(!is_alive(&service, &second.access_token).await);
    assert_eq!(
        service.refresh(second.refresh_token(), &[]).await.json()["error"],
        "invalid_grant"
    );

    let third = service.tokens(&one, &OFFLINE).await;
    let page = search(&support, JEAN).await;
    let page = support.submit(&page, "end-all-form", &[]).await;
    assert!(!page.has("session-1") && !page.has("service-1"));
    assert!(!is_alive(&service, &third.access_token).await);
    assert_eq!(
        service.refresh(third.refresh_token(), &[]).await.json()["error"],
        "invalid_grant"
    );
    assert!(!is_signed_in(&service, &one).await && !is_signed_in(&service, &two).await);
    let acts = recorded(&app, "agent.sessions_ended").await;
    assert_eq!(acts.len(), 3);
    let jean = agent(&app, JEAN).await;
    assert!(
        acts.iter()
            .all(|(actor, object, _)| actor == "agent" && *object == jean.id)
    );
}

/// Two agents of one homeserver, one of them of another administration, and one of another homeserver.
struct Crowd {
    app: TestApp,
    service: RelyingParty,
    other: RelyingParty,
    tokens: Vec<(String, String)>,
}

async fn crowd() -> Crowd {
    let mut app = TestApp::start().await;
    app.homeserver.add(marie());
    app.homeserver
        .add(Account::new("paul", PASSWORD).email("paul@sub.finances.gouv.fr", 1_600_000_000));
    let far = std::sync::Arc::new(crate::support::homeserver::ScriptedHomeserver::start("far.tchap.test").await);
    far.offer(&["m.login.password"]);
    far.add(Account::new("zoe", PASSWORD));
    app.add_homeserver(&far, |_| {}).await;
    let (service, other) = (
        app.register(refreshing("service")).await,
        app.register(refreshing("other")).await,
    );
    let mut tokens = Vec::new();
    let marie = format!("@marie.martin-beta.gouv.fr:{NAME}");
    for identifier in [JEAN, &marie, &format!("@paul:{NAME}"), "@zoe:far.tchap.test"] {
        let browser = Browser::new(&app);
        let page = browser.sign_in(&service.url(&OFFLINE), identifier).await;
        let of_service = service.redeem(&service.code(&page)).await.access_token;
        let page = browser.open(&other.url(&[])).await;
        let of_other = other
            .redeem(&other.code(&browser.accept(&page).await))
            .await
            .access_token;
        tokens.push((of_service, of_other));
    }
    // Whose e-mail is believed is tested elsewhere.
    let mut paul = agent(&app, &format!("@paul:{NAME}")).await;
    paul.email = Some(AgentEmail {
        address: "paul@sub.finances.gouv.fr".into(),
        added_at: 1_600_000_000,
    });
    app.app.store.update_agent(&paul).await.unwrap();
    Crowd {
        app,
        service,
        other,
        tokens,
    }
}

impl Crowd {
    /// For Jean, Marie, Paul and Zoé: whether their tokens live, of the one service and the other.
    async fn alive(&self) -> Vec<(bool, bool)> {
        let mut alive = Vec::new();
        for (of_service, of_other) in &self.tokens {
            alive.push((
                is_alive(&self.service, of_service).await,
                is_alive(&self.other, of_other).await,
            ));
        }
        alive
    }
}

#[tokio::test]
async fn everything_of_a_client_ends_and_nothing_of_others() {
    let crowd = crowd().await;
    let (op, _, _) = operator(&crowd.app, "op").await;
    let page = preview(&op, "client", "service").await;
    assert_eq!(page.text("toll"), "4 sessions, 4 accès");
    assert_eq!(crowd.alive().await, [(true, true); 4], "a preview ends nothing");
    for wrong in ["", "servic", "Service", "other"] {
        let page = op.submit(&page, "confirm-form", &[("confirm", wrong)]).await;
        assert!(page.has("error-message"), "{wrong}");
    }
    assert_eq!(crowd.alive().await, [(true, true); 4], "nor does another name");
    let page = op.submit(&page, "confirm-form", &[("confirm", "service")]).await;
    assert!(page.text("console-done").contains("4 sessions"), "{}", page.body);
    assert_eq!(crowd.alive().await, [(false, true); 4]);
    let acts = recorded(&crowd.app, "client.grants_revoked").await;
    assert_eq!((acts.len(), acts[0].1.as_str()), (1, "service"));
    assert_eq!(
        preview(&op, "client", "service").await.text("toll"),
        "0 session, 0 accès"
    );
}

#[tokio::test]
async fn everything_of_an_administration_or_a_homeserver_ends_and_nothing_of_others() {
    let crowd = crowd().await;
    let (op, own, _) = operator(&crowd.app, "op").await;
    let end = async |kind: &str, name: &str| {
        let page = preview(&op, kind, name).await;
        let toll = page.text("toll");
        op.submit(&page, "confirm-form", &[("confirm", name)]).await;
        toll
    };
    assert_eq!(end("administration", "finances.gouv.fr").await, "1 session, 2 accès");
    let (all, none) = ((true, true), (false, false));
    assert_eq!(crowd.alive().await, [all, all, none, all]);
    assert_eq!(
        end("administration", "eta.gouv.fr").await,
        "0 session, 0 accès",
        "not the end of another name"
    );
    assert_eq!(crowd.alive().await, [all, all, none, all]);
    assert_eq!(end("homeserver", "far.tchap.test").await, "1 session, 2 accès");
    assert_eq!(crowd.alive().await, [all, all, none, none]);
    for (kind, name) in [
        ("administration", "%"),
        ("administration", "gouv.fr%"),
        ("administration", ""),
        ("client", ""),
        ("x", "y"),
    ] {
        let page = preview(&op, kind, name).await;
        assert!(page.has("error-message"), "{kind} {name}");
    }
    // The operator's own session ends with those of the homeserver.
    assert_eq!(end("homeserver", NAME).await, "3 sessions, 4 accès");
    assert_eq!(crowd.alive().await, [none; 4]);
    assert!(op.open(AGENTS).await.has("identifier-form"));
    assert!(
        crowd
            .app
            .app
            .store
            .list_browser_sessions(&own.id, 0)
            .await
            .unwrap()
            .is_empty()
    );
}
