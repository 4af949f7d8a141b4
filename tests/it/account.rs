//! `/mon-compte`: what agents see of what is known about them, and their word on it. Another agent's objects are nobody's here.

mod own_login;

use std::collections::BTreeSet;

use tchap_connect::domain::history::PastSignIn;
use tchap_connect::domain::homeserver::Way;
use tchap_connect::jobs::logout_delivery::deliver_due;
use tchap_connect::protocol::client::{Client, ConsentPolicy, LogoutUris};

use crate::support::logout_receiver::with_receivers;
use crate::support::{
    Browser, EMAIL, JEAN, MARIES_EMAIL, PASSWORD, Page, RelyingParty, TestApp, client, marie, refreshing,
};

const HOME: &str = "/mon-compte";

/// The page of the agent who is signed in.
async fn home(browser: &Browser) -> Page {
    let page = browser.open(HOME).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.has("account"), "{} {}", page.url, page.body);
    page
}

fn withdraw(client_id: &str) -> String {
    format!("{HOME}/services/{client_id}")
}

fn shown(page: &Page) -> String {
    let forms = crate::support::html::forms(&page.body);
    forms[0].fields[0].1.clone()
}

/// How many services the page lists.
fn services(page: &Page) -> usize {
    (1..10)
        .take_while(|number| page.has(&format!("service-{number}")))
        .count()
}

fn sessions(page: &Page) -> usize {
    (1..10)
        .take_while(|number| page.has(&format!("session-{number}")))
        .count()
}

async fn agent_id(app: &TestApp) -> String {
    let homeserver = JEAN.split_once(':').unwrap().1;
    app.app
        .store
        .find_open_agent(homeserver, JEAN)
        .await
        .unwrap()
        .unwrap()
        .id
}

async fn is_signed_in(service: &RelyingParty, browser: &Browser) -> bool {
    let answer = browser.get(&service.url(&[("prompt", "none")])).await;
    answer.header("location").contains("code=")
}

#[tokio::test]
async fn a_service_is_listed_with_dates_and_what_it_was_given_in_words() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    assert_eq!(services(&home_after_login(&browser).await), 0);
    let page = browser.open(&service.url(&[])).await;
    let answer = browser.accept(&page).await;
    service.redeem(&service.code(&answer)).await;
    let page = home(&browser).await;
    assert_eq!(page.text("account-name"), "Jean Dupont [DINUM]");
    assert_eq!(page.text("account-id"), JEAN);
    assert_eq!(page.text("account-email"), EMAIL);
    let text = page.text("service-1");
    for part in [
        "Service service",
        "Votre adresse électronique",
        "Votre nom complet",
        "UTC",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(services(&page), 1);
    assert!(page.text("sign-ins").contains("Service service"));
    assert!(page.text("sign-ins").contains("par mot de passe"));
    let english = browser.open(&format!("{HOME}?lang=en")).await;
    assert!(english.text("service-1").contains("Your e-mail address"));
    assert!(english.text("withdraw-1").contains("Withdraw access"));
}

async fn home_after_login(browser: &Browser) -> Page {
    let page = browser.sign_in(HOME, EMAIL).await;
    assert!(page.has("account"), "{}", page.body);
    page
}

#[tokio::test]
async fn what_is_withdrawn_asks_again_kills_the_tokens_and_is_told() {
    let (app, receivers) = with_receivers::<2>().await;
    let told = |id: &str, number: usize| Client {
        logout: LogoutUris {
            backchannel_logout_uri: Some(receivers[number].url.clone()),
            ..LogoutUris::default()
        },
        ..refreshing(id)
    };
    let (service, other) = (
        app.register(told("service", 0)).await,
        app.register(told("other", 1)).await,
    );
    let browser = Browser::new(&app);
    let offline = [("scope", "openid email offline_access"), ("prompt", "consent")];
    let tokens = service.tokens(&browser, &offline).await;
    let page = browser.open(&other.url(&offline)).await;
    let others = other.redeem(&other.code(&browser.accept(&page).await)).await;

    let page = home(&browser).await;
    assert_eq!(services(&page), 2);
    let form = page.form("service");
    assert_eq!(form.action, withdraw("service"));
    let page = browser.submit(&page, "service", &[]).await;
    assert!(page.text("account-done").contains("retiré"));
    assert_eq!(services(&page), 1, "only the other is left");

    assert_eq!(service.userinfo(&tokens.access_token).await.status, 401);
    assert_eq!(service.introspect(&tokens.access_token).await["active"], false);
    assert_eq!(
        service.refresh(tokens.refresh_token(), &[]).await.json()["error"],
        "invalid_grant"
    );
    assert_eq!(deliver_due(&app.app, app.app.clock.now()).await.unwrap(), 1);
    let (_, claims) = receivers[0].only();
    assert_eq!(
        (&claims["sub"], &claims["sid"]),
        (&tokens.claims["sub"], &tokens.claims["sid"])
    );
    assert!(receivers[1].tokens().is_empty());

    // The other service and the session itself go on.
    other.claims(&others).await;
    other.refreshed(others.refresh_token()).await;
    let page = browser.open(&service.url(&[("scope", "openid email")])).await;
    assert!(page.has("consent-form"), "asked again, without a login: {}", page.body);
    let again = service.redeem(&service.code(&browser.accept(&page).await)).await;
    assert_eq!(again.claims["sub"], tokens.claims["sub"]);
    assert_ne!(
        again.claims["sid"], tokens.claims["sid"],
        "the service was told that the former one is over"
    );

    // Nor does a later logout trip over what was told before.
    let page = browser.open("/logout").await;
    browser.submit(&page, "logout-form", &[("answer", "leave")]).await;
    assert_eq!(deliver_due(&app.app, app.app.clock.now()).await.unwrap(), 2);
    assert_eq!(receivers[0].tokens().len(), 2);
}

/// A code on its way is dead too.
#[tokio::test]
async fn a_code_that_is_not_redeemed_yet_is_withdrawn_with_the_rest() {
    let app = TestApp::start().await;
    let service = app
        .register(Client {
            consent: ConsentPolicy::None,
            ..client("service")
        })
        .await;
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    let code = service.code(&browser.log_in(&page, EMAIL, PASSWORD).await);
    let page = home(&browser).await;
    assert_eq!(services(&page), 1, "a service that never asks is listed all the same");
    browser.submit(&page, "service", &[]).await;
    let answer = service.token(&service.form(&code, &[])).await;
    assert_eq!(answer.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn another_agents_objects_are_not_found_and_nothing_changes() {
    let app = TestApp::start().await;
    app.homeserver.add(marie());
    let (service, maries) = (app.relying_party("service").await, app.relying_party("maries").await);
    let (jean, marie, elsewhere) = (Browser::new(&app), Browser::new(&app), Browser::new(&app));
    let tokens = service.tokens(&jean, &[]).await;
    elsewhere.sign_in(HOME, EMAIL).await;
    marie.sign_in(&maries.url(&[]), MARIES_EMAIL).await;
    let jeans_page = home(&jean).await;
    let forms = crate::support::html::forms(&jeans_page.body);
    let end = forms
        .into_iter()
        .map(|form| form.action)
        .find(|action| action.starts_with("/mon-compte/sessions/") && !action.ends_with("autres"));
    let end = end.unwrap();
    let own = shown(&home(&marie).await);
    for path in [
        withdraw("service"),
        withdraw("nobody"),
        withdraw("a%00b"),
        end.clone(),
        format!("{HOME}/sessions/unknown"),
        format!("{HOME}/sessions/%00"),
    ] {
        let answer = marie.post(&path, &[("shown", &own)]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text("error-code").as_str()),
            (404, "TC-NOT-FOUND"),
            "{path}"
        );
    }
    // The mark of Jean's own session, too: it is ended by a logout only.
    service.claims(&tokens).await;
    let page = home(&jean).await;
    assert_eq!((services(&page), sessions(&page)), (1, 2));
    let page = marie.open(&format!("{HOME}/connexions")).await;
    assert!(!page.body.contains("Service service"));
    let data = marie.get(&format!("{HOME}/donnees")).await;
    assert!(!data.body.contains("dupont") && data.body.contains("marie.martin"));
}

#[tokio::test]
async fn a_form_counts_from_the_page_of_the_session_that_is_signed_in_only() {
    let app = TestApp::start().await;
    app.homeserver.add(marie());
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let tokens = service.tokens(&browser, &[]).await;
    let page = home(&browser).await;
    let own = shown(&page);
    let attacker = Browser::new(&app);
    attacker.sign_in(&service.url(&[]), MARIES_EMAIL).await;
    let theirs = shown(&home(&attacker).await);
    for path in [
        withdraw("service"),
        format!("{HOME}/sessions/autres"),
        format!("{HOME}/sessions/x"),
    ] {
        for fields in [&[][..], &[("shown", "")], &[("shown", theirs.as_str())]] {
            let answer = browser.post(&path, fields).await;
            assert_eq!(
                (answer.status.as_u16(), answer.header("location")),
                (303, HOME),
                "{path} {fields:?}"
            );
        }
        for (name, value) in [
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://evil.example"),
        ] {
            let url = format!("{}{path}", app.base_url);
            let answer = browser.post_with(&url, &[(name, value)], &[("shown", &own)]).await;
            assert_eq!(answer.text("error-code"), "TC-FLOW-BROWSER", "{path} {name}: {value}");
        }
        // Nobody is signed in: no login acts on a form that came before it.
        let answer = Browser::new(&app).post(&path, &[("shown", &own)]).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, HOME));
    }
    service.claims(&tokens).await;

    // Another tab changed the account: what was shown to Jean is not done for Marie.
    let another = browser.open(&service.url(&[("prompt", "select_account")])).await;
    let another = browser.submit(&another, "account-form", &[("account", "other")]).await;
    let another = browser.log_in(&another, MARIES_EMAIL, PASSWORD).await;
    assert!(!another.has("error-code"), "{}", another.body);
    let answer = browser.post(&withdraw("service"), &[("shown", &own)]).await;
    assert_eq!(answer.header("location"), HOME);
    assert_eq!(services(&home(&browser).await), 1, "Marie's own consent");
}

#[tokio::test]
async fn a_hostile_name_is_shown_as_text() {
    let app = TestApp::start().await;
    let name = "\"><script>alert(1)</script>\u{202e}gnp";
    let service = app
        .register(Client {
            name: name.into(),
            ..client("service")
        })
        .await;
    let browser = Browser::new(&app);
    service.tokens(&browser, &[]).await;
    for path in [HOME, "/mon-compte/connexions"] {
        let page = browser.open(path).await;
        assert!(page.body.contains("&#60;script&#62;"));
        assert!(
            !page.body.contains("<script") && !page.body.contains('\u{202e}'),
            "{}",
            page.body
        );
    }
}

#[tokio::test]
async fn other_sessions_end_one_by_one_or_all_and_services_are_told() {
    let (app, [receiver]) = with_receivers::<1>().await;
    let service = app
        .register(Client {
            logout: LogoutUris {
                backchannel_logout_uri: Some(receiver.url.clone()),
                ..LogoutUris::default()
            },
            ..client("service")
        })
        .await;
    let browsers = [(); 4].map(|()| Browser::new(&app));
    let mut tokens = Vec::new();
    for browser in &browsers {
        tokens.push(service.tokens(browser, &[]).await);
        app.advance(60);
    }
    let [first, .., last] = &browsers;
    let page = home(last).await;
    assert_eq!(sessions(&page), 4);
    assert!(page.text("session-1").contains("Celle-ci"), "the newest first");
    assert!(!page.text("session-2").contains("Celle-ci"));
    let page = last.submit(&page, "end-4-form", &[]).await;
    assert!(page.text("account-done").contains("La session est fermée"));
    assert_eq!(sessions(&page), 3);
    assert!(!is_signed_in(&service, first).await);
    assert_eq!(deliver_due(&app.app, app.app.clock.now()).await.unwrap(), 1);
    assert_eq!(receiver.only().1["sid"], tokens[0].claims["sid"]);
    assert_eq!(service.userinfo(&tokens[0].access_token).await.status, 401);

    let page = last.submit(&page, "autres", &[]).await;
    assert_eq!(sessions(&page), 1);
    assert!(!page.has("end-others"));
    assert!(is_signed_in(&service, last).await);
    for browser in &browsers[..3] {
        assert!(!is_signed_in(&service, browser).await);
    }
    assert_eq!(deliver_due(&app.app, app.app.clock.now()).await.unwrap(), 2);
    // Whoever comes back there is asked to sign in.
    assert!(browsers[1].open(HOME).await.has("identifier-form"));
}

#[tokio::test]
async fn the_history_is_paged_without_gaps_and_kept_for_its_time() {
    let app = TestApp::with(&[("LIFETIMES_SIGN_INS", "86400"), ("LIFETIMES_SESSION", "2592000")]).await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    service.tokens(&browser, &[]).await;
    let (agent_id, now) = (agent_id(&app).await, app.app.clock.now());
    // Many at the same second: the place in the address names one of them.
    for number in 0..119 {
        let sign_in = PastSignIn {
            id: format!("id-{number:03}"),
            agent_id: agent_id.clone(),
            client_id: "gone".into(),
            client_name: format!("N{number:03}"),
            way: Way::Sso,
            at: now - 1 - number / 40,
        };
        app.app.store.insert_past_sign_in(&sign_in, now + 10_000).await.unwrap();
    }
    let mut page = browser.open(&home(&browser).await.href("history-all")).await;
    let (mut seen, mut sizes) = (BTreeSet::new(), Vec::new());
    loop {
        let text = page.text("sign-ins");
        let names = text.split('N').skip(1).filter_map(|rest| rest.get(..3));
        let names: Vec<_> = names.filter(|name| name.parse::<u32>().is_ok()).collect();
        sizes.push(names.len() + text.matches("Service service").count());
        for name in names {
            assert!(seen.insert(name.to_owned()), "{name} twice");
        }
        if !page.has("history-older") {
            break;
        }
        page = browser.open(&page.href("history-older")).await;
    }
    assert_eq!((sizes, seen.len()), (vec![50, 50, 20], 119));
    // Threat 29: nobody makes a place in the list, and one of another agent's opens nothing.
    let older = browser
        .open(&home(&browser).await.href("history-all"))
        .await
        .href("history-older");
    let place = older.split_once("avant=").unwrap().1;
    let altered = format!(
        "{}{}",
        &place[..20],
        if place[20..].starts_with('A') { "B" } else { "A" }
    );
    let altered = altered + &place[21..];
    let long = "A".repeat(5000);
    for forged in ["x", "1.%00", "99999999999999999999.a", &altered, &place[1..], &long] {
        let answer = browser.get(&format!("{HOME}/connexions?avant={forged}")).await;
        assert_eq!(answer.status, 400, "{forged}: {}", answer.body);
    }
    app.homeserver.add(marie());
    let marie = Browser::new(&app);
    let page = marie.open(HOME).await;
    assert!(marie.log_in(&page, MARIES_EMAIL, PASSWORD).await.has("account"));
    assert_eq!(marie.get(&older).await.status, 400, "another agent's place");
    app.advance(10_000);
    app.app.store.delete_expired(app.app.clock.now(), 100).await.unwrap();
    assert_eq!(
        app.app
            .store
            .list_past_sign_ins(&agent_id, None, 100)
            .await
            .unwrap()
            .len(),
        1
    );
    app.advance(86_400);
    app.app.store.delete_expired(app.app.clock.now(), 100).await.unwrap();
    assert!(home(&browser).await.body.contains("Aucune connexion"));
}

#[tokio::test]
async fn the_download_has_everything_and_no_secret() {
    let app = TestApp::start().await;
    let service = app.register(refreshing("service")).await;
    let browser = Browser::new(&app);
    let tokens = service
        .tokens(
            &browser,
            &[("scope", "openid email offline_access"), ("prompt", "consent")],
        )
        .await;
    let page = home(&browser).await;
    let answer = browser.get(&page.href("data-download")).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(
        answer.header("content-disposition"),
        "attachment; filename=\"tchap-connect.json\""
    );
    let data = answer.json();
    assert_eq!(data["agent"]["matrix_id"], JEAN);
    assert_eq!(data["agent"]["email"]["address"], EMAIL);
    assert_eq!(data["subjects"][0]["sector"], "service.example");
    assert_eq!(data["subjects"][0]["subject"], tokens.claims["sub"]);
    assert_eq!(data["consents"][0]["client_id"], "service");
    assert_eq!(data["authorizations"][0]["subject"], tokens.claims["sub"]);
    assert_eq!(data["sessions"][0]["way"], "password");
    assert_eq!(data["sign_ins"][0]["client_name"], "Service service");
    // Secrets in any answer are found when the application ends; these are none that it knows of.
    let session = app
        .app
        .store
        .list_browser_sessions(&agent_id(&app).await, app.app.clock.now())
        .await
        .unwrap();
    let fingerprint = tchap_connect::secret::fingerprint(&tokens.access_token);
    for secret in [session[0].id.as_str(), &fingerprint, tokens.refresh_token()] {
        assert!(!answer.body.contains(secret));
    }
    for path in [HOME, "/mon-compte/connexions", "/mon-compte/donnees"] {
        let answer = Browser::new(&app).get(path).await;
        assert_eq!(answer.status, 303, "{path}");
        assert!(answer.header("location").starts_with("/authorize/"), "{path}");
    }
}
