//! The team: invitations to roles, their end, and what a role hangs on.

use tchap_connect::domain::administration::Administration;
use tchap_connect::domain::agent::{AccountState, Pause};
use tchap_connect::domain::role::Role;

use super::{FACTOR, HOME, agent, enrol, guests, operator, recorded, shown, signed_in, with_role};
use crate::support::homeserver::Account;
use crate::support::{Browser, NAME, PASSWORD, Page, TestApp};

const TEAM: &str = "/console/equipe";

async fn invite(browser: &Browser, matrix_id: &str, role: &str, administration: &str) -> Page {
    let page = browser.open(TEAM).await;
    let fields = [
        ("matrix_id", matrix_id),
        ("role", role),
        ("administration", administration),
    ];
    browser.submit(&page, "invite-form", &fields).await
}

fn at(local_part: &str) -> String {
    format!("@{local_part}:{NAME}")
}

#[tokio::test]
async fn an_agent_who_is_known_gets_the_role_at_once_and_loses_it_at_once() {
    let app = TestApp::start().await;
    let (op, own, _) = operator(&app, "op").await;
    let (browser, invited) = signed_in(&app, "helper").await;
    assert_eq!(browser.get(TEAM).await.status, 404);
    let page = invite(&op, &at("helper"), "support", "").await;
    assert!(page.text("console-done").contains("a le rôle"));
    assert!(page.body.contains("sans second facteur"));
    assert!(recorded(&app, "role.given").await[0].1 == invited.id);
    let page = browser.open(TEAM).await;
    assert!(page.has("enrol-form"), "support needs a second factor as well");
    let (_, page) = enrol(&app, &browser, &invited).await;
    assert!(page.text("console-roles").contains("assistance"));
    let page = browser.open(TEAM).await;
    assert!(page.has("team") && !page.has("invite-form") && !page.has("remove-1"));

    let page = invite(&op, &at("helper"), "support", "").await;
    assert!(page.text("error-message").contains("déjà ce rôle"));
    assert_eq!(page.value("matrix_id"), at("helper"), "what was typed stays");

    let page = op.open(TEAM).await;
    let page = op.submit(&page, "remove-1-form", &[]).await;
    assert!(page.has("console-done"), "{}", page.body);
    assert_eq!(browser.get(TEAM).await.status, 404);
    let removed = recorded(&app, "role.removed").await;
    assert_eq!(
        (removed[0].0.as_str(), removed[0].1.as_str()),
        ("agent", invited.id.as_str())
    );
    assert!(!removed[0].2.contains(&own.id));
}

#[tokio::test]
async fn an_invitation_is_taken_up_by_the_first_sign_in_of_a_day() {
    let app = TestApp::with(&[("LIFETIMES_SESSION", "200000")]).await;
    let (op, _, telephone) = operator(&app, "op").await;
    app.homeserver.add(Account::new("new", PASSWORD));
    app.homeserver.add(Account::new("late", PASSWORD));
    for account in ["new", "late"] {
        let page = invite(&op, &at(account), "operator", "").await;
        assert!(page.text("console-done").contains("24 heures"));
    }
    let page = op.open(TEAM).await;
    assert!(page.text("invitation-1").contains("@new:") || page.text("invitation-2").contains("@new:"));
    app.advance(24 * 3600 - 1);
    let new = Browser::new(&app);
    let page = new.sign_in(HOME, &at("new")).await;
    assert!(page.has("enrol-form"), "{}", page.body);
    app.advance(1);
    let late = Browser::new(&app);
    let page = late.sign_in(HOME, &at("late")).await;
    assert_eq!(page.text("console-roles"), "partenaire");
    assert_eq!(late.get(TEAM).await.status, 404);
    app.app.store.delete_expired(app.app.clock.now(), 100).await.unwrap();
    let page = telephone.give(&app, &op, "%2Fconsole%2Fequipe").await;
    assert!(!page.has("invitation-1"));
    assert!(page.text("role-2").contains("@op:") || page.text("role-1").contains("@op:"));
}

#[tokio::test]
async fn an_invitation_that_is_withdrawn_gives_nothing() {
    let app = TestApp::start().await;
    let (op, _, _) = operator(&app, "op").await;
    invite(&op, &at("new"), "support", "").await;
    let page = op.open(TEAM).await;
    let page = op.submit(&page, "withdraw-1-form", &[]).await;
    assert!(page.text("console-done").contains("annulée"));
    assert!(!page.has("invitation-1"));
    let (browser, _) = signed_in(&app, "new").await;
    assert_eq!(browser.open(HOME).await.text("console-roles"), "partenaire");
    assert_eq!(recorded(&app, "role.invitation_withdrawn").await.len(), 1);
}

#[tokio::test]
async fn of_racing_invitations_one_stands_and_of_racing_sign_ins_one_takes_it_up() {
    let app = TestApp::start().await;
    let (one, _, _) = operator(&app, "one").await;
    let (two, _, _) = operator(&app, "two").await;
    let new = at("new");
    let (first, second) = tokio::join!(invite(&one, &new, "support", ""), invite(&two, &new, "support", ""));
    assert!(first.has("console-done") && second.has("console-done"));
    assert_eq!(
        app.app
            .store
            .list_role_invitations(app.app.clock.now())
            .await
            .unwrap()
            .len(),
        1
    );
    app.homeserver.add(Account::new("new", PASSWORD));
    let (a, b) = (Browser::new(&app), Browser::new(&app));
    let (a, b) = tokio::join!(a.sign_in(HOME, &new), b.sign_in(HOME, &new));
    assert!(a.has("enrol-form") && b.has("enrol-form"));
    let found = agent(&app, &new).await;
    assert_eq!(app.app.store.find_roles(&found.id).await.unwrap(), [Role::Support]);
}

#[tokio::test]
async fn the_last_operator_stays_even_when_two_remove_each_other() {
    let app = TestApp::start().await;
    let (one, first, _) = operator(&app, "one").await;
    let page = one.open(TEAM).await;
    let page = one.submit(&page, "remove-1-form", &[]).await;
    assert!(page.text("error-message").contains("ligne de commande"));
    let (two, second, _) = operator(&app, "two").await;
    let remove = async |browser: &Browser, agent_id: &str| {
        let shown = shown(browser).await;
        let fields = [
            ("shown", shown.as_str()),
            ("agent", agent_id),
            ("role", "operator"),
            ("administration", ""),
        ];
        browser.post("/console/equipe/retrait", &fields).await
    };
    tokio::join!(remove(&one, &second.id), remove(&two, &first.id));
    assert_eq!(app.app.store.list_roles().await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_wrong_with_an_invitation_is_said_and_kept() {
    let mut app = TestApp::start().await;
    guests(&mut app).await;
    app.add_administration(Administration {
        domain: "beta.gouv.fr".into(),
        name: "DINUM".into(),
        siren: None,
        siret: None,
        branch: None,
        organizational_unit: None,
    })
    .await;
    let (op, _, _) = operator(&app, "op").await;
    for (matrix_id, role, administration, words) in [
        ("jean", "support", "", "identifiant Matrix entier"),
        ("", "support", "", "identifiant Matrix entier"),
        ("jean@beta.gouv.fr", "support", "", "identifiant Matrix entier"),
        ("@jean:nowhere.test", "support", "", "n’est pas dans la liste"),
        ("@jean:guests.tchap.test", "operator", "", "invités"),
        (&at("x"), "manager", "", "Aucune administration"),
        (&at("x"), "manager", "sub.beta.gouv.fr", "Aucune administration"),
        (&at("x"), "manager", "%", "Aucune administration"),
        (&at("x"), "root", "", "Choisissez un rôle"),
        (&at("x"), "", "", "Choisissez un rôle"),
    ] {
        let page = invite(&op, matrix_id, role, administration).await;
        assert!(
            page.text("error-message").contains(words),
            "{matrix_id} {role}: {}",
            page.body
        );
        assert_eq!(page.value("matrix_id"), matrix_id);
        assert_eq!(page.value("administration"), administration);
    }
    assert!(
        invite(&op, &at("x"), "manager", "beta.gouv.fr")
            .await
            .has("console-done")
    );
    assert!(invite(&op, &at("y"), "support", "left over").await.has("console-done"));
    let hostile = invite(&op, "\"><script>alert(1)</script>", "support", "").await;
    assert!(!hostile.body.contains("<script") && hostile.body.contains("&#60;script&#62;"));
}

#[tokio::test]
async fn an_account_that_is_closed_paused_or_made_again_loses_the_console_at_once() {
    let app = TestApp::start().await;
    let (browser, operator_of_old, telephone) = operator(&app, "op").await;
    let now = app.app.clock.now();
    let store = &app.app.store;
    assert_eq!(operator_of_old.account(), AccountState::Stands);
    store
        .pause_agent(&operator_of_old.id, Pause::Locked, now, now)
        .await
        .unwrap();
    assert!(browser.open(TEAM).await.has("identifier-form"));
    assert!(browser.open(TEAM).await.has("identifier-form"));
    store
        .confirm_agent(&operator_of_old.id, None, now, now + 60)
        .await
        .unwrap();
    let page = browser.sign_in(TEAM, &operator_of_old.matrix_id).await;
    assert!(page.has("factor-form"), "a new session gives it anew: {}", page.body);
    let page = telephone.give(&app, &browser, "%2Fconsole%2Fequipe").await;
    assert!(page.has("team"));

    store.close_agent(&operator_of_old.id, now).await.unwrap();
    assert!(browser.open(TEAM).await.has("identifier-form"));
    // Whoever gets the account made again is another agent, without role and second factor.
    let page = browser.sign_in(TEAM, &operator_of_old.matrix_id).await;
    assert_eq!(page.status, 404, "{}", page.body);
    assert_ne!(agent(&app, &operator_of_old.matrix_id).await.id, operator_of_old.id);
    assert_eq!(browser.get(FACTOR).await.status, 404);
    assert!(
        store.list_roles().await.unwrap().is_empty(),
        "a closed agent is not listed"
    );
}

#[tokio::test]
async fn a_guest_is_no_partner_whatever_role_is_stored() {
    let mut app = TestApp::start().await;
    let guests = guests(&mut app).await;
    guests.add(Account::new("guest", PASSWORD));
    let browser = Browser::new(&app);
    let page = browser.sign_in(HOME, "@guest:guests.tchap.test").await;
    assert_eq!(page.status, 404, "{}", page.body);
    let guest = agent(&app, "@guest:guests.tchap.test").await;
    let now = app.app.clock.now();
    app.app
        .store
        .insert_role(&guest.id, &Role::Operator, None, now)
        .await
        .unwrap();
    for path in [HOME, TEAM, FACTOR] {
        assert_eq!(browser.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn forms_count_from_our_own_pages_of_this_session_only() {
    let app = TestApp::start().await;
    let (op, _, _) = operator(&app, "op").await;
    let (attacker, _) = with_role(&app, "attacker", Role::Operator).await;
    let (own, theirs) = (shown(&op).await, shown(&attacker).await);
    let invited = at("evil");
    for shown in ["", theirs.as_str()] {
        let fields = [("shown", shown), ("matrix_id", invited.as_str()), ("role", "operator")];
        let answer = op.post("/console/equipe/invitations", &fields).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, TEAM));
    }
    let url = format!("{}/console/equipe/invitations", app.base_url);
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
    ] {
        let fields = [
            ("shown", own.as_str()),
            ("matrix_id", invited.as_str()),
            ("role", "operator"),
        ];
        let answer = op.post_with(&url, &[(name, value)], &fields).await;
        assert_eq!(answer.text("error-code"), "TC-FLOW-BROWSER", "{name}: {value}");
    }
    assert!(
        app.app
            .store
            .list_role_invitations(app.app.clock.now())
            .await
            .unwrap()
            .is_empty()
    );
}
