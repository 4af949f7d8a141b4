//! `/console/serveurs`: the list, its order, the form, tests on demand, and what retiring means.

use std::sync::Arc;

use tchap_connect::domain::homeserver::{Homeserver, WatchWay, Way};
use tchap_connect::domain::role::Role;
use tchap_connect::upstream::Tested;

use super::{enrol, operator, recorded, shown, signed_in, with_role};
use crate::support::homeserver::{Account, Endpoint, Lie, ScriptedHomeserver, dead};
use crate::support::{Browser, NAME, PASSWORD, TestApp};

const HOME: &str = "/console/serveurs";

fn of(name: &str) -> String {
    format!("{HOME}/nom/{name}")
}

async fn names(app: &TestApp) -> Vec<String> {
    let list = app.app.store.list_homeservers().await.unwrap();
    list.into_iter().map(|one| one.name).collect()
}

async fn stored(app: &TestApp, name: &str) -> Homeserver {
    app.app.store.find_homeserver(name).await.unwrap().unwrap()
}

/// A homeserver that is not on the list yet.
async fn unlisted(name: &str) -> ScriptedHomeserver {
    let homeserver = ScriptedHomeserver::start(name).await;
    homeserver.offer(&["m.login.password"]);
    homeserver.add(Account::new("zoe", PASSWORD));
    homeserver
}

#[tokio::test]
async fn a_homeserver_is_added_and_retired_without_a_restart() {
    let app = TestApp::start().await;
    let other = unlisted("hs.other.test").await;
    let (browser, ..) = operator(&app, "operator").await;
    let service = app.relying_party("service").await;
    let zoe = Browser::new(&app);
    let page = zoe
        .identify(&zoe.open(&service.url(&[])).await, "@zoe:hs.other.test")
        .await;
    assert!(!page.has("password-form"), "it is not on the list");

    let page = browser.open(HOME).await;
    let page = browser.open(&page.href("homeserver-add")).await;
    let page = browser
        .open(&format!("{}?nom=HS.other.test", page.form("name-form").action))
        .await;
    assert_eq!(
        (page.value("name"), page.value("base_url")),
        ("hs.other.test".into(), "https://hs.other.test".into())
    );
    let base_url = other.base_url();
    let typed = [
        ("label", "Autre"),
        ("base_url", base_url.as_str()),
        ("way1", "password"),
        ("email_domains", "Other.fr\nautre.fr"),
    ];
    let page = post_form(&browser, &page, "homeserver-form", &typed).await;
    assert!(page.has("console-done"), "{}", page.body);
    let added = stored(&app, "hs.other.test").await;
    assert_eq!(
        (added.ways, added.email_domains),
        (vec![Way::Password], vec!["other.fr".into(), "autre.fr".into()])
    );
    assert_eq!(names(&app).await, [NAME, "hs.other.test"]);

    let page = zoe.open(&service.url(&[])).await;
    let page = zoe.log_in(&page, "@zoe:hs.other.test", PASSWORD).await;
    let tokens = service.redeem(&service.code(&zoe.accept(&page).await)).await;
    assert_eq!(service.userinfo(&tokens.access_token).await.status, 200);

    let page = browser.open(&of("hs.other.test")).await;
    let wrong = browser.submit(&page, "retire-form", &[("confirm", NAME)]).await;
    assert!(wrong.text("error-message").contains("Rien n’a été retiré"));
    let page = browser
        .submit(&page, "retire-form", &[("confirm", "hs.other.test")])
        .await;
    assert!(page.has("console-done"), "{}", page.body);
    assert_eq!(names(&app).await, [NAME]);
    assert_eq!(browser.get(&of("hs.other.test")).await.status, 404);
    assert_eq!(
        service.userinfo(&tokens.access_token).await.status,
        401,
        "its agents are refused at once"
    );
    let answer = zoe.get(&service.url(&[("prompt", "none")])).await;
    assert!(!answer.header("location").contains("code="));
    assert_eq!(recorded(&app, "homeserver.created").await.len(), 1);
    let retired = recorded(&app, "homeserver.retired").await;
    assert_eq!((retired.len(), retired[0].1.as_str()), (1, "hs.other.test"));

    // One's own.
    let page = browser.open(&of(NAME)).await;
    let page = browser.submit(&page, "retire-form", &[("confirm", NAME)]).await;
    assert!(
        page.text("error-message").contains("vous ne pourriez plus revenir"),
        "{}",
        page.body
    );
    assert_eq!(names(&app).await, [NAME]);
}

/// Sends a form with its selects and checkboxes as said here; none of the others is chosen.
async fn post_form(
    browser: &Browser,
    page: &crate::support::Page,
    form: &str,
    fields: &[(&str, &str)],
) -> crate::support::Page {
    let form = page.form(form);
    let boxes = ["guests", "directory", "sso_always_asks", "recreated_by_address"];
    let kept = form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let kept = kept.filter(|(name, _)| !boxes.contains(name) && !fields.iter().any(|(field, _)| field == name));
    let sent: Vec<_> = kept.chain(fields.iter().copied()).collect();
    let answer = browser.post(page.url.join(&form.action).unwrap().as_str(), &sent).await;
    browser.follow(answer).await
}

#[tokio::test]
async fn the_order_is_moved_one_place_at_a_time() {
    let app = TestApp::start().await;
    for name in ["b.test", "c.test"] {
        app.list(&dead(name).await).await;
    }
    let (browser, ..) = operator(&app, "operator").await;
    let shown = shown(&browser).await;
    let shift = async |name: &str, way: &str| {
        let fields = [("shown", shown.as_str()), ("vers", way)];
        browser
            .post(&format!("{}/place", of(name)), &fields)
            .await
            .status
            .as_u16()
    };
    assert_eq!(shift("c.test", "haut").await, 303);
    assert_eq!(names(&app).await, [NAME, "c.test", "b.test"]);
    shift(NAME, "haut").await;
    shift("b.test", "bas").await;
    assert_eq!(names(&app).await, [NAME, "c.test", "b.test"], "the ends of the list");
    shift(NAME, "bas").await;
    assert_eq!(names(&app).await, ["c.test", NAME, "b.test"]);
    shift(NAME, "1; drop table homeservers").await;
    assert_eq!(shift("unknown.test", "haut").await, 404);
    assert_eq!(
        browser
            .post(&format!("{}/place", of(NAME)), &[("vers", "haut")])
            .await
            .status,
        303
    );
    assert_eq!(
        names(&app).await,
        ["c.test", NAME, "b.test"],
        "a form that was not shown"
    );
    assert_eq!(recorded(&app, "homeserver.changed").await.len(), 2);
}

#[tokio::test]
async fn what_is_wrong_is_said_and_of_two_editors_the_later_loses_nothing() {
    let app = TestApp::start().await;
    let (mine, _, telephone) = operator(&app, "operator").await;
    let (theirs, ..) = operator(&app, "other").await;
    let edit = format!("{}/modifier", of(NAME));
    let former = stored(&app, NAME).await;
    let (my_page, their_page) = (mine.open(&edit).await, theirs.open(&edit).await);
    let wrong = [
        ("label", "\u{202e}<b>"),
        ("base_url", "http://evil.example"),
        ("way1", "password"),
        ("way2", "password"),
        ("email_domains", "@x\nb.fr"),
        ("oauth_issuer", "javascript:alert(1)"),
        ("oauth_client_id", "a b"),
        ("watch_base_url", "ftp://x"),
    ];
    let page = post_form(&mine, &my_page, "homeserver-form", &wrong).await;
    assert!(page.text("error-message").contains("100 caractères"), "{}", page.body);
    for field in [
        "base_url",
        "ways",
        "email_domains",
        "oauth_issuer",
        "oauth_client_id",
        "watch_base_url",
    ] {
        assert!(page.has(&format!("{field}-error")), "{field}");
    }
    assert_eq!(page.value("base_url"), "http://evil.example");
    assert!(!page.body.contains("<b>"));
    for (field, value, words) in [
        ("way1", "saml", "chacun une fois"),
        ("watch_way", "ask", "une interface"),
    ] {
        let page = post_form(&mine, &my_page, "homeserver-form", &[(field, value)]).await;
        assert!(page.text("error-message").contains(words), "{field}");
    }
    assert_eq!(stored(&app, NAME).await, former);

    let label = |label| [("label", label), ("way1", "password")];
    post_form(&theirs, &their_page, "homeserver-form", &label("Theirs")).await;
    let page = post_form(&mine, &my_page, "homeserver-form", &label("Mine")).await;
    assert!(page.text("error-message").contains("Rien n’a été écrit") && page.text("stored").contains("Theirs"));
    assert_eq!(
        (page.value("label"), stored(&app, NAME).await.label),
        ("Mine".into(), "Theirs".into())
    );

    // The second factor is asked for again, and what was typed waits.
    app.advance(301);
    let kept = post_form(&mine, &page, "homeserver-form", &label("Mine")).await;
    assert!(
        kept.has("kept") && stored(&app, NAME).await.label == "Theirs",
        "{}",
        kept.body
    );
    post_form(&mine, &kept, "factor-form", &[("code", &telephone.code(&app))]).await;
    let now = stored(&app, NAME).await;
    assert_eq!(now.label, "Mine");
    assert_eq!(now.base_url, former.base_url, "what the form did not touch");
}

/// Threats: stored XSS (21), resources (24); the tokens of the watch are nobody's to read.
#[tokio::test]
async fn hostile_names_are_text_and_the_token_of_the_watch_is_never_shown() {
    let (app, tokens) = TestApp::watched(WatchWay::AccountStatus, &[]).await;
    let mut homeserver = dead("hs.evil.test").await;
    homeserver.label = "<script>alert(1)</script>\"'".into();
    app.list(&homeserver).await;
    let (browser, ..) = operator(&app, "operator").await;
    for path in [
        HOME.to_owned(),
        of("hs.evil.test"),
        format!("{}/modifier", of("hs.evil.test")),
    ] {
        let page = browser.open(&path).await;
        assert!(page.status == 200 && !page.body.contains("<script>alert"), "{path}");
    }
    // The test's end searches every answer for the token.
    let page = browser.open(&of(NAME)).await;
    assert!(page.text("watch").contains("un jeton est configuré"), "{}", page.body);
    drop(tokens);
    let page = browser.open(&of(NAME)).await;
    assert!(page.text("watch").contains("aucun jeton"), "{}", page.body);
    for name in ["%00", "..%2f..%2fetc", "unknown.test", "%ff"] {
        let status = browser.get(&of(name)).await.status.as_u16();
        assert!([400, 404].contains(&status), "{name} {status}");
    }
}

#[tokio::test]
async fn a_test_says_what_a_login_would_meet_and_leaves_no_trace() {
    let app = TestApp::start().await;
    let (browser, ..) = operator(&app, "operator").await;
    let page = browser.open(&of(NAME)).await;
    let before = app.homeserver.issued_tokens();
    let page = browser.submit(&page, "test-form", &[]).await;
    let text = page.text("test");
    assert!(
        text.contains("répond comme un serveur Matrix") && text.contains("mot de passe"),
        "{text}"
    );
    assert_eq!(app.homeserver.issued_tokens(), before);
    app.homeserver
        .script(Endpoint::LoginTypes, Lie::text(500, "<b>secret</b> detail"));
    let page = browser.submit(&page, "test-form", &[]).await;
    assert!(page.text("test").contains("ne peuvent pas être lus"), "{}", page.body);
    assert!(!page.body.contains("secret"));
    app.list(&dead("hs.dead.test").await).await;
    let page = browser.open(&of("hs.dead.test")).await;
    let page = browser.submit(&page, "test-form", &[]).await;
    assert!(page.text("test").contains("Rien ne répond"), "{}", page.body);
    assert_eq!(recorded(&app, "homeserver.tested").await.len(), 3);
}

#[tokio::test]
async fn one_test_at_a_time() {
    let app = TestApp::start().await;
    let (browser, ..) = operator(&app, "operator").await;
    let page = browser.open(&of(NAME)).await;
    let gate = app.homeserver.hold(Endpoint::LoginTypes);
    let list = Arc::new(app.app.store.list_homeservers().await.unwrap());
    let (shared, asked) = (app.app.clone(), list.clone());
    let first = tokio::spawn(async move { shared.upstream.test(&asked, &asked[0], "doctor@beta.gouv.fr").await });
    gate.reached().await;
    let busy = browser.submit(&page, "test-form", &[]).await;
    assert!(busy.text("error-message").contains("Un autre examen"), "{}", busy.body);
    gate.open();
    assert!(matches!(first.await.unwrap(), Tested::Done(found) if found.is_ok()));
    let page = browser.submit(&page, "test-form", &[]).await;
    assert!(page.has("test"));
}

#[tokio::test]
async fn how_a_homeserver_is_and_last_failed_is_shown_and_support_only_reads() {
    let app = TestApp::start().await;
    let (support, agent) = with_role(&app, "support", Role::Support).await;
    enrol(&app, &support, &agent).await;
    // What is kept of its ways to sign in is forgotten by then.
    app.advance(60);
    app.homeserver
        .script(Endpoint::LoginTypes, Lie::text(503, "secret detail"));
    let service = app.relying_party("service").await;
    let visitor = Browser::new(&app);
    visitor
        .identify(&visitor.open(&service.url(&[])).await, &format!("@x:{NAME}"))
        .await;
    let page = support.open(&of(NAME)).await;
    assert!(page.text("health").contains("réponse 503"), "{}", page.body);
    assert!(!page.has("retire-form") && !page.has("test-form") && !page.has("edit"));
    let page = support.open(HOME).await;
    assert!(page.body.contains("réponse 503") && !page.has("homeserver-add"));
    let shown = shown(&support).await;
    let fields = [("shown", shown.as_str()), ("confirm", NAME), ("vers", "haut")];
    for path in ["retrait", "examen", "place", "modifier"] {
        assert_eq!(
            support.post(&format!("{}/{path}", of(NAME)), &fields).await.status,
            404,
            "{path}"
        );
    }
    app.homeserver.honest(Endpoint::LoginTypes);
    let (partner, _) = signed_in(&app, "partner").await;
    assert_eq!(partner.get(HOME).await.status, 404);
}
