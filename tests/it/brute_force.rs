//! Guessing passwords (threat row 26): how many are relayed, from where, and that nobody is locked out of the browser they
//! use. The clock is moved by hand.

use crate::support::homeserver::{Account, Endpoint, Lie};
use crate::support::{Browser, EMAIL, JEAN, LOCAL_PART, MARIES_EMAIL, PASSWORD, Page, RelyingParty, TestApp, marie};

/// One guess from a browser that was never here.
async fn guess(app: &TestApp, service: &RelyingParty, identifier: &str, password: &str) -> Page {
    guess_in(&Browser::new(app), service, identifier, password).await
}

async fn guess_in(browser: &Browser, service: &RelyingParty, identifier: &str, password: &str) -> Page {
    let page = browser.open(&service.url(&[("prompt", "login")])).await;
    browser.log_in(&page, identifier, password).await
}

fn relayed(app: &TestApp) -> usize {
    app.homeserver.requests_to(Endpoint::Login).len()
}

fn must_wait(page: &Page) -> bool {
    page.text("error-message").contains("Trop de tentatives")
}

#[tokio::test]
async fn so_many_guesses_are_relayed_and_the_rest_is_told_to_wait() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    for _ in 0..4 {
        assert!(!must_wait(&guess(&app, &service, EMAIL, "wrong").await));
    }
    for password in ["wrong", PASSWORD] {
        let page = guess(&app, &service, EMAIL, password).await;
        assert!(
            must_wait(&page) && page.text("error-message").contains("8 minutes"),
            "{}",
            page.body
        );
    }
    assert_eq!(relayed(&app), 4, "Synapse would lock the account at the sixth");
    app.advance(450);
    assert!(guess(&app, &service, EMAIL, PASSWORD).await.has("consent-form"));
    assert_eq!(relayed(&app), 5);
}

#[tokio::test]
async fn another_spelling_is_the_same_account() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    for spelling in [EMAIL, &EMAIL.to_uppercase(), JEAN, "jean.dupont+x@beta.gouv.fr"] {
        guess(&app, &service, spelling, "wrong").await;
    }
    let relayed_so_far = relayed(&app);
    for spelling in [
        EMAIL,
        "Jean.Dupont@Beta.gouv.fr",
        JEAN,
        LOCAL_PART,
        "jean.dupont+y@beta.gouv.fr",
    ] {
        assert!(
            must_wait(&guess(&app, &service, spelling, PASSWORD).await),
            "{spelling}"
        );
    }
    assert_eq!(relayed(&app), relayed_so_far);
}

/// What looks like the account, or what a lax reader would make of it, is another name for the same count or no name at all.
#[tokio::test]
async fn no_unicode_spelling_gets_past_the_count() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    for _ in 0..4 {
        guess(&app, &service, EMAIL, "wrong").await;
    }
    for spelling in [
        "JEAN.DUPONT@BETA.GOUV.FR",
        "jean.dupont+a+b@Beta.gouv.fr",
        "\u{a0}jean.dupont@beta.gouv.fr\u{3000}",
        "@Jean.Dupont-beta.gouv.fr",
        "jean.dupont-BETA.gouv.fr",
        &JEAN.to_uppercase(),
    ] {
        let page = guess(&app, &service, spelling, PASSWORD).await;
        assert!(must_wait(&page), "{spelling:?}: {}", page.body);
    }
    for spelling in [
        // Fullwidth and other compatibility forms.
        "ｊｅａｎ．ｄｕｐｏｎｔ＠ｂｅｔａ．ｇｏｕｖ．ｆｒ",
        "ｊean.dupont@beta.gouv.fr",
        "jean.dupont＠beta.gouv.fr",
        "jean.dupont﹫beta.gouv.fr",
        "jean.dupont@beta。gouv．fr",
        "ⓙean.dupont@beta.gouv.fr",
        "𝐣𝐞𝐚𝐧.dupont@beta.gouv.fr",
        "jeaⁿ.dupont@beta.gouv.fr",
        "jean.dupont@beta.gouv.ﬁ",
        // Letters that fold to those, and letters that look like them.
        "jean.dupont@beta.gouv.fr".replace('n', "\u{f1}").as_str(),
        "JEAN.DUPONT@\u{212a}.fr",
        "jean.dupont@be\u{17f}a.gouv.fr",
        "j\u{435}an.dupont@beta.gouv.fr",
        "jea\u{301}n.dupont@beta.gouv.fr",
        // What nobody sees.
        "jean\u{200b}.dupont@beta.gouv.fr",
        "jean.dupont\u{ad}@beta.gouv.fr",
        "jean.dupont@beta.gouv.fr\u{2060}",
        "\u{feff}jean.dupont@beta.gouv.fr",
        "\u{202e}rf.vuog.ateb@tnopud.naej",
        "jean.dupont@beta.gouv.fr\u{e0041}",
        "jean.\tdupont@beta.gouv.fr",
        // What a lax reader drops.
        "jean.dupont@beta.gouv.fr.",
        "jean.dupont@beta.gouv.fr%20",
        "jean.dupont@beta%2egouv.fr",
        "\"jean.dupont\"@beta.gouv.fr",
        "jean.dupont(x)@beta.gouv.fr",
        "mailto:jean.dupont@beta.gouv.fr",
        "@ｊean.dupont-beta.gouv.fr:agent.dinum.tchap.test",
        "@jean.dupont-beta.gouv.fr：agent.dinum.tchap.test",
        "@jean.dupont-beta.gouv.fr:agent。dinum.tchap.test",
    ] {
        let browser = Browser::new(&app);
        let page = browser.open(&service.url(&[])).await;
        let page = browser.identify(&page, spelling).await;
        assert!(page.has("identifier-form"), "{spelling:?} at {}", page.url);
        assert!(!page.text("error-message").is_empty(), "{spelling:?}");
    }
    // A name of a server that is not on the list, as it stands there.
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    let page = browser.identify(&page, &format!("{JEAN}.")).await;
    assert!(!page.has("password-form"), "{}", page.body);
    assert_eq!(relayed(&app), 4);
    // Escapes are not undone: this is another name, which its homeserver does not know.
    for spelling in ["jean%2edupont@beta.gouv.fr", "jean.dupont%40beta.gouv.fr"] {
        let page = guess(&app, &service, spelling, PASSWORD).await;
        assert!(!page.has("consent-form"), "{spelling:?}: {}", page.body);
    }
}

#[tokio::test]
async fn a_stranger_locks_nobody_out_of_their_own_browser() {
    let app = TestApp::start().await;
    app.homeserver.add(marie());
    let service = app.relying_party("service").await;
    let own = Browser::new(&app);
    assert!(guess_in(&own, &service, EMAIL, PASSWORD).await.has("consent-form"));
    for _ in 0..6 {
        guess(&app, &service, EMAIL, "wrong").await;
    }
    assert!(must_wait(&guess(&app, &service, EMAIL, PASSWORD).await));
    assert!(!must_wait(&guess_in(&own, &service, EMAIL, "a slip").await));
    assert!(guess_in(&own, &service, EMAIL, PASSWORD).await.has("consent-form"));
    // Known for one account is not known for another.
    for _ in 0..4 {
        guess_in(&own, &service, MARIES_EMAIL, "wrong").await;
    }
    assert!(must_wait(&guess_in(&own, &service, MARIES_EMAIL, PASSWORD).await));
    // And a cookie that somebody made up knows nothing.
    let forger = Browser::new(&app);
    forger.set_cookie("tchap-connect-known", "AAAA");
    assert!(must_wait(&guess_in(&forger, &service, EMAIL, PASSWORD).await));
}

/// Two accounts may share a count, and nothing else.
#[tokio::test]
async fn an_account_of_a_similar_name_makes_no_browser_known() {
    let app = TestApp::start().await;
    app.homeserver.add(Account::new("jean.dup+ont-beta.gouv.fr", PASSWORD));
    let service = app.relying_party("service").await;
    let stranger = Browser::new(&app);
    let similar = JEAN.replace("dupont", "dup+ont");
    assert!(
        guess_in(&stranger, &service, &similar, PASSWORD)
            .await
            .has("consent-form")
    );
    for _ in 0..4 {
        guess_in(&stranger, &service, JEAN, "wrong").await;
    }
    assert!(must_wait(&guess_in(&stranger, &service, JEAN, "wrong").await));
    // Known by another spelling is known.
    let own = Browser::new(&app);
    app.advance(3600);
    guess_in(&own, &service, EMAIL, PASSWORD).await;
    for _ in 0..5 {
        guess(&app, &service, EMAIL, "wrong").await;
    }
    assert!(guess_in(&own, &service, JEAN, PASSWORD).await.has("consent-form"));
}

#[tokio::test]
async fn right_passwords_cost_nothing() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    for _ in 0..8 {
        assert!(guess(&app, &service, EMAIL, PASSWORD).await.has("consent-form"));
    }
}

#[tokio::test]
async fn a_network_is_one_whatever_address_of_it_is_used() {
    let settings = [
        ("TRUSTED_PROXIES", "127.0.0.1"),
        ("LIMITS_FAILED_PASSWORDS_PER_NETWORK", "3"),
    ];
    let app = TestApp::with(&settings).await;
    let service = app.relying_party("service").await;
    let from = |address: &str| Browser::new(&app).with_header("x-forwarded-for", address);
    for number in 1..=3 {
        let browser = from(&format!("2001:db8:1:2::{number}"));
        let page = guess_in(&browser, &service, &format!("agent{number}@beta.gouv.fr"), "wrong").await;
        assert!(!must_wait(&page));
    }
    let again = guess_in(&from("2001:db8:1:2:ffff::9"), &service, EMAIL, PASSWORD).await;
    assert!(must_wait(&again));
    let elsewhere = guess_in(&from("2001:db8:1:3::1"), &service, EMAIL, PASSWORD).await;
    assert!(elsewhere.has("consent-form"), "{}", elsewhere.body);
}

#[tokio::test]
async fn parallel_guesses_share_no_place() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let mut asked = Vec::new();
    for _ in 0..12 {
        let browser = Browser::new(&app);
        let page = browser.open(&service.url(&[])).await;
        asked.push((browser.identify(&page, EMAIL).await, browser));
    }
    let guesses = asked
        .iter()
        .map(|(page, browser)| browser.submit(page, "password", &[("password", "wrong")]));
    let answers = futures_util::future::join_all(guesses).await;
    assert_eq!(answers.iter().filter(|page| !must_wait(page)).count(), 4);
    assert_eq!(relayed(&app), 4);
}

#[tokio::test]
async fn what_the_homeserver_asks_for_is_respected_in_all_three_forms() {
    for (header, milliseconds, wait, seconds) in [
        (Some("90"), None, "90 secondes", 90),
        (None, Some(120_000), "120 secondes", 120),
        (None, None, "quelques minutes", 450),
    ] {
        let app = TestApp::start().await;
        let service = app.relying_party("service").await;
        let headers: Vec<_> = header.map(|value| ("retry-after", value)).into_iter().collect();
        app.homeserver
            .script(Endpoint::Login, Lie::throttle(&headers, milliseconds));
        let page = guess(&app, &service, EMAIL, PASSWORD).await;
        assert!(
            must_wait(&page) && page.text("error-message").contains(wait),
            "{}",
            page.body
        );
        app.homeserver.honest(Endpoint::Login);
        assert!(
            must_wait(&guess(&app, &service, EMAIL, PASSWORD).await),
            "not asked again at once"
        );
        assert_eq!(relayed(&app), 1);
        app.advance(seconds);
        assert!(
            guess(&app, &service, EMAIL, PASSWORD).await.has("consent-form"),
            "{seconds}"
        );
    }
}
