//! The second factor: enrolled with a one-time code only, given in each session, once per code, asked again.

use tchap_connect::console::second_factor::reset;
use tchap_connect::domain::audit::Actor;
use tchap_connect::domain::role::Role;

use super::{FACTOR, HOME, Telephone, enrol, enrolment_code, operator, recorded, shown, signed_in, with_role};
use crate::support::secrets::logged;
use crate::support::{Browser, NAME, TestApp};

#[tokio::test]
async fn it_is_enrolled_with_the_one_time_code_in_the_session_that_gave_it() {
    let app = TestApp::start().await;
    let (browser, agent) = with_role(&app, "op", Role::Operator).await;
    let page = browser.open("/console/equipe").await;
    assert_eq!(page.url.path(), FACTOR, "an operator is none before");
    assert!(page.has("enrol-form") && !page.has("factor-form"));
    let code = enrolment_code(&app, &agent).await;
    let page = browser.submit(&page, "enrol-form", &[("enrolment", "0000")]).await;
    assert!(page.has("enrol-form") && page.has("error-message"));
    // Spelt otherwise, it is the same.
    let (start, end) = code.split_at(16);
    let typed = format!("{}-{end} ", start.to_uppercase());
    let scan = browser.submit(&page, "enrol-form", &[("enrolment", &typed)]).await;
    assert!(scan.has("factor-secret") && scan.has("factor-form") && scan.body.contains("<svg"));
    let secret = scan.text("factor-secret");
    assert!(scan.href("factor-link").contains(&format!("secret={secret}")));

    // Whoever has the account in another session gets neither the secret nor a second try with the code.
    let other = Browser::new(&app);
    let page = other.sign_in(HOME, &agent.matrix_id).await;
    assert!(page.has("enrol-form") && !page.body.contains(&secret));
    let page = other.submit(&page, "enrol-form", &[("enrolment", &code)]).await;
    assert!(page.has("error-message"), "the code is spent");
    let theirs = Telephone::of(&secret).code(&app);
    let answer = other
        .post(FACTOR, &[("shown", &shown(&other).await), ("code", &theirs)])
        .await;
    assert!(answer.has("error-message"), "nor does a code from there confirm it");

    // The page goes on where it was.
    let page = browser.open("/console/equipe").await;
    assert_eq!(page.text("factor-secret"), secret);
    let page = browser.submit(&page, "factor-form", &[("code", "000000")]).await;
    assert!(page.has("factor-secret") && page.has("error-message"));
    let page = browser.submit(&page, "factor-form", &[("code", &theirs)]).await;
    assert_eq!(page.url.path(), "/console/equipe", "{}", page.body);
    assert!(page.has("team"));

    let stored = app.app.store.find_stored_factor(&agent.id).await.unwrap().unwrap();
    assert!(stored.confirmed_at.is_some() && !stored.sealed_secret.contains(&secret));
    let page = browser.open(FACTOR).await;
    assert!(!page.body.contains(&secret), "never shown again");
    assert_eq!(recorded(&app, "second_factor.enrolled").await.len(), 1);
    assert!(logged(&["second_factor.failed"]));
}

#[tokio::test]
async fn a_one_time_code_lives_a_day_and_is_of_one_account() {
    let app = TestApp::start().await;
    let (op, agent) = with_role(&app, "op", Role::Operator).await;
    let (other, _) = with_role(&app, "other", Role::Operator).await;
    let former = enrolment_code(&app, &agent).await;
    let code = enrolment_code(&app, &agent).await;
    let give = async |browser: &Browser, code: &str| {
        let page = browser.open(HOME).await;
        let page = browser.submit(&page, "enrol-form", &[("enrolment", code)]).await;
        page.has("factor-secret")
    };
    assert!(!give(&other, &code).await, "not of this account");
    assert!(!give(&op, &former).await, "another took its place");
    let far = TestApp::with(&[("LIFETIMES_SESSION", "200000")]).await;
    let (browser, agent) = with_role(&far, "op", Role::Operator).await;
    let late = enrolment_code(&far, &agent).await;
    far.advance(24 * 3600);
    assert!(!give(&browser, &late).await);
    assert!(give(&op, &code).await);
}

#[tokio::test]
async fn a_code_counts_once_and_a_role_only_in_the_session_that_gave_it() {
    let app = TestApp::start().await;
    let (_, agent, telephone) = operator(&app, "op").await;
    let elsewhere = Browser::new(&app);
    let page = elsewhere.sign_in("/console/equipe", &agent.matrix_id).await;
    assert!(page.url.path() == FACTOR && page.has("factor-form"));
    let used = telephone.code(&app);
    let page = elsewhere.submit(&page, "factor-form", &[("code", &used)]).await;
    assert!(page.has("error-message"), "it was given in the other session");
    app.advance(30);
    let page = elsewhere.submit(&page, "factor-form", &[("code", &used)]).await;
    assert!(page.has("error-message"), "nor is it one for the next step");
    let page = elsewhere
        .submit(&page, "factor-form", &[("code", &telephone.code(&app))])
        .await;
    assert!(page.has("team"));
}

#[tokio::test]
async fn of_two_that_race_with_one_code_one_counts() {
    let app = TestApp::start().await;
    let (_, agent, telephone) = operator(&app, "op").await;
    app.advance(30);
    let browsers = [Browser::new(&app), Browser::new(&app), Browser::new(&app)];
    let mut forms = Vec::new();
    for browser in &browsers {
        browser.sign_in(HOME, &agent.matrix_id).await;
        forms.push(shown(browser).await);
    }
    let code = telephone.code(&app);
    let posts = browsers.iter().zip(&forms);
    let posts = posts.map(async |(browser, shown)| browser.post(FACTOR, &[("shown", shown), ("code", &code)]).await);
    let answers = futures_util::future::join_all(posts).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 303).count(), 1);
}

#[tokio::test]
async fn wrong_codes_are_throttled_per_agent_and_the_right_one_waits_too() {
    let app = TestApp::start().await;
    let (_, agent, telephone) = operator(&app, "op").await;
    app.advance(30);
    let attacker = Browser::new(&app);
    let page = attacker.sign_in(HOME, &agent.matrix_id).await;
    for _ in 0..5 {
        let page = attacker.submit(&page, "factor-form", &[("code", "000000")]).await;
        assert!(page.text("error-message").contains("pas le bon"), "{}", page.body);
    }
    for browser in [&attacker, &Browser::new(&app)] {
        if browser.open(HOME).await.has("identifier-form") {
            browser.sign_in(HOME, &agent.matrix_id).await;
        }
        let page = browser.open(HOME).await;
        let page = browser
            .submit(&page, "factor-form", &[("code", &telephone.code(&app))])
            .await;
        assert!(page.text("error-message").contains("Trop de codes"), "{}", page.body);
    }
    app.advance(360);
    let page = attacker.open(HOME).await;
    let page = attacker
        .submit(&page, "factor-form", &[("code", &telephone.code(&app))])
        .await;
    assert!(page.has("console"));
    assert!(logged(&["second_factor.throttled"]));
}

#[tokio::test]
async fn sensitive_acts_ask_again_after_five_minutes_and_keep_what_was_sent() {
    let app = TestApp::start().await;
    let (browser, _, telephone) = operator(&app, "op").await;
    let page = browser.open("/console/equipe").await;
    let invited = format!("@x:{NAME}");
    let invitations = async || app.app.store.list_role_invitations(app.app.clock.now()).await.unwrap();
    let fields = [
        ("matrix_id", invited.as_str()),
        ("role", "support"),
        ("administration", "\">\n<b>"),
    ];
    app.advance(301);
    let kept = browser.submit_once(&page, "invite-form", &fields).await;
    assert!(kept.has("kept") && !kept.body.contains("<b>"), "{}", kept.body);
    assert!(
        !kept.url.as_str().contains("support"),
        "what was sent stands in no address"
    );
    assert!(invitations().await.is_empty());
    let wrong = browser.submit_once(&kept, "factor-form", &[("code", "000000")]).await;
    assert!(wrong.has("kept") && wrong.has("error-message"), "{}", wrong.body);
    assert!(invitations().await.is_empty());
    // Nobody else's page will do, whatever code comes with it.
    let other = signed_in(&app, "other").await.0;
    let mut forged = wrong.form("factor-form").fields;
    forged.retain(|(name, _)| name != "shown" && name != "code");
    let (theirs, code) = (super::shown(&other).await, telephone.code(&app));
    let forged = forged.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let forged: Vec<_> = forged.chain([("shown", theirs.as_str()), ("code", &code)]).collect();
    let answer = browser.post("/console/equipe/invitations", &forged).await;
    assert_eq!(answer.header("location"), "/console/equipe");
    assert!(invitations().await.is_empty());

    let page = browser.submit(&wrong, "factor-form", &[("code", &code)]).await;
    assert!(page.has("console-done"), "{} {}", page.url, page.body);
    assert_eq!(invitations().await.len(), 1);
    // The page that was asked on counts once, as its code does.
    app.advance(301);
    let again = browser.submit_once(&wrong, "factor-form", &[("code", &code)]).await;
    assert!(again.has("kept") && again.has("error-message"), "{}", again.body);
    assert_eq!(
        browser.open("/console/equipe").await.status,
        200,
        "to look at is not to act"
    );
    // A page that only leads to an act asks before it is shown.
    let answer = browser.get("/console/serveurs/ajouter").await;
    assert_eq!(
        answer.header("location"),
        format!("{FACTOR}?retour=%2Fconsole%2Fserveurs%2Fajouter")
    );
    let page = telephone.give(&app, &browser, "%2Fconsole%2Fserveurs%2Fajouter").await;
    assert_eq!(page.url.path(), "/console/serveurs/ajouter");
    app.advance(300);
    assert_eq!(browser.get("/console/serveurs/ajouter").await.status, 200);
}

#[tokio::test]
async fn a_factor_that_is_reset_counts_nowhere_and_another_can_be_enrolled() {
    let app = TestApp::start().await;
    let (browser, agent, telephone) = operator(&app, "op").await;
    let now = app.app.clock.now();
    assert!(reset(&app.app.store, Actor::CommandLine, &agent.id, now).await.unwrap());
    let page = browser.open("/console/equipe").await;
    assert!(page.has("enrol-form"), "{}", page.body);
    assert!(!reset(&app.app.store, Actor::CommandLine, &agent.id, now).await.unwrap());
    let (another, page) = enrol(&app, &browser, &agent).await;
    assert!(page.has("console"));
    app.advance(30);
    let answer = browser
        .post(
            FACTOR,
            &[("shown", &shown(&browser).await), ("code", &telephone.code(&app))],
        )
        .await;
    assert!(answer.has("error-message"));
    assert!(another.give(&app, &browser, HOME).await.has("console"));
}

/// Threat 9: open redirect in helper parameters.
#[tokio::test]
async fn nothing_leads_out_of_the_console() {
    let app = TestApp::start().await;
    let (browser, _, telephone) = operator(&app, "op").await;
    for evil in [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example/console",
        "/console/../../evil",
        "/console//evil.example",
        "/console\r\nLocation: //evil.example",
        "/mon-compte",
        "javascript:alert(1)",
        "",
    ] {
        app.advance(30);
        let shown = shown(&browser).await;
        let fields = [
            ("shown", shown.as_str()),
            ("code", &telephone.code(&app)),
            ("retour", evil),
        ];
        let answer = browser.post(FACTOR, &fields).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("location")),
            (303, HOME),
            "{evil}"
        );
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("retour", evil)
            .finish();
        let page = browser.open(&format!("{FACTOR}?{query}")).await;
        let fields = page.form("factor-form").fields;
        assert!(fields.contains(&("retour".to_owned(), HOME.to_owned())), "{fields:?}");
    }
}

#[tokio::test]
async fn whoever_needs_none_has_no_page_for_it() {
    let app = TestApp::start().await;
    let (partner, _) = signed_in(&app, "partner").await;
    assert_eq!(partner.get(FACTOR).await.status, 404);
    let answer = partner.post(FACTOR, &[("code", "000000")]).await;
    assert_eq!(answer.status, 404);
}
