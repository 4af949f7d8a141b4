//! Logout asked for by a relying party (RP-Initiated Logout 1.0; protocol notes §5; threats 9, 25, 31).

mod aftermath;
mod back_channel;
mod continuity;
mod front_channel;

use tchap_connect::protocol::client::{Client, LogoutUris};

use crate::support::relying_party::part;
use crate::support::{Browser, MARIES_EMAIL, Page, RelyingParty, TestApp, client, marie};

const BYE: &str = "https://service.example/bye?from=tchap";

/// A client that registered [`BYE`].
fn leaving(id: &str) -> Client {
    Client {
        logout: LogoutUris {
            post_logout_redirect_uris: vec!["https://service.example/other".into(), BYE.into()],
            ..LogoutUris::default()
        },
        ..client(id)
    }
}

fn logout(parameters: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    format!("/logout?{query}")
}

async fn is_signed_in(service: &RelyingParty, browser: &Browser) -> bool {
    let answer = browser.get(&service.url(&[("prompt", "none")])).await;
    if answer.header("location").contains("code=") {
        return true;
    }
    assert_eq!(service.error(&answer), "login_required");
    false
}

fn assert_went_to(page: &Page, location: &str) {
    assert_eq!(
        (page.status.as_u16(), page.header("location")),
        (303, location),
        "{}",
        page.body
    );
}

/// Everything that must be on any page of a logout.
fn assert_page(page: &Page, id: &str) {
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.has(id), "no {id}: {}", page.body);
    let csp = page.header("content-security-policy");
    assert!(csp.contains("default-src 'none'") && csp.contains("frame-ancestors 'none'"));
    assert!(!csp.contains("form-action") && !csp.contains("script-src"), "{csp}");
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("x-frame-options"), "DENY");
}

#[tokio::test]
async fn a_hint_of_this_session_signs_out_without_a_question() {
    let app = TestApp::start().await;
    let service = app.register(leaving("service")).await;
    for (state, location) in [
        (None, BYE.to_owned()),
        (Some("a&b=\u{e9} \""), format!("{BYE}&state=a%26b%3D%C3%A9+%22")),
    ] {
        let browser = Browser::new(&app);
        let tokens = service.tokens(&browser, &[]).await;
        assert!(is_signed_in(&service, &browser).await);
        let mut parameters = vec![
            ("id_token_hint", tokens.id_token.as_str()),
            ("post_logout_redirect_uri", BYE),
            ("ui_locales", "xx en"),
            ("logout_hint", "whoever"),
            ("unknown", "1"),
        ];
        parameters.extend(state.map(|state| ("state", state)));
        let before = browser.cookie("tchap-connect");
        // The hint goes no further than where it was sent.
        let hop = browser.get(&logout(&parameters)).await;
        assert_eq!(hop.status, 303);
        assert!(!hop.header("location").contains(&tokens.id_token));
        assert_went_to(&browser.follow(hop).await, &location);
        assert_ne!(browser.cookie("tchap-connect"), before, "the cookie's id changes");
        assert!(!is_signed_in(&service, &browser).await);
    }
}

#[tokio::test]
async fn a_hint_may_be_expired_and_of_a_retired_key_and_posted() {
    let app = TestApp::start().await;
    let service = app.register(leaving("service")).await;
    let browser = Browser::new(&app);
    let tokens = service.tokens(&browser, &[]).await;
    app.app
        .keys
        .rotate(&app.app.store, app.app.clock.now(), true)
        .await
        .unwrap();
    app.advance(11 * 3600);
    let fields = [
        ("id_token_hint", tokens.id_token.as_str()),
        ("client_id", "service"),
        ("post_logout_redirect_uri", BYE),
        ("state", "s"),
    ];
    let page = browser.post("/logout", &fields).await;
    assert_went_to(&browser.follow(page).await, &format!("{BYE}&state=s"));
    assert!(!is_signed_in(&service, &browser).await);
}

/// From another site the POST brings no cookie: what it checked is carried to the GET that does.
#[tokio::test]
async fn a_post_from_another_site_does_the_same() {
    let app = TestApp::start().await;
    let service = app.register(leaving("service")).await;
    let browser = Browser::new(&app);
    let tokens = service.tokens(&browser, &[]).await;
    let cookieless = Browser::new(&app);
    let fields = [
        ("id_token_hint", tokens.id_token.as_str()),
        ("post_logout_redirect_uri", BYE),
    ];
    let hop = cookieless.post("/logout", &fields).await;
    assert_eq!(
        (hop.status.as_u16(), hop.cookies()),
        (303, vec![]),
        "no cookie is overwritten"
    );
    assert!(is_signed_in(&service, &browser).await, "nothing has happened yet");
    assert_went_to(&browser.get(hop.location().as_str()).await, BYE);
    assert!(!is_signed_in(&service, &browser).await);
}

#[tokio::test]
async fn the_checked_request_lives_ten_minutes_and_cannot_be_made() {
    let app = TestApp::start().await;
    let service = app.register(leaving("service")).await;
    let browser = Browser::new(&app);
    let tokens = service.tokens(&browser, &[]).await;
    let hop = browser.get(&logout(&[("id_token_hint", &tokens.id_token)])).await;
    let address = hop.location();
    let (head, signature) = address.path().rsplit_once('.').unwrap();
    app.advance(600);
    for bad in [
        address.path(),
        &format!("{head}."),
        &format!("{head}.{signature}A"),
        &format!("/logout/{}", tokens.id_token),
        "/logout/x",
        "/logout/%ff",
        "/logout/%00",
    ] {
        let page = browser.get(bad).await;
        assert_eq!(
            (page.status.as_u16(), page.text("error-code").as_str()),
            (400, "TC-FLOW-EXPIRED"),
            "{bad}"
        );
        assert_eq!(
            browser.post(bad, &[]).await.text("error-code"),
            "TC-FLOW-EXPIRED",
            "{bad}"
        );
    }
    assert!(is_signed_in(&service, &browser).await);
    // Nor does it pass for the hint that it was made of.
    let checked = address.path().trim_start_matches("/logout/");
    let page = browser.open(&logout(&[("id_token_hint", checked)])).await;
    assert_eq!(page.text("error-code"), "TC-REQUEST");
}

#[tokio::test]
async fn bad_requests_get_a_page_and_end_nothing() {
    let app = TestApp::start().await;
    let (service, other) = (
        app.register(leaving("service")).await,
        app.register(leaving("other")).await,
    );
    let browser = Browser::new(&app);
    let tokens = service.tokens(&browser, &[]).await;
    let elsewhere = TestApp::start().await;
    let theirs = elsewhere.register(leaving("service")).await;
    let foreign = theirs.tokens(&Browser::new(&elsewhere), &[]).await.id_token;
    let hint = tokens.id_token.as_str();
    let (head, signature) = hint.rsplit_once('.').unwrap();
    let unsigned = format!("{head}.");
    let altered = format!("{head}.{}", signature.chars().rev().collect::<String>());
    let bye = ("post_logout_redirect_uri", BYE);
    let ours = ("id_token_hint", hint);
    let uri = |uri: &'static str| ("post_logout_redirect_uri", uri);
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[("id_token_hint", &unsigned), bye], "TC-REQUEST"),
        (&[("id_token_hint", &altered), bye], "TC-REQUEST"),
        (&[("id_token_hint", &foreign), bye], "TC-REQUEST"),
        (&[("id_token_hint", &tokens.access_token), bye], "TC-REQUEST"),
        (&[("id_token_hint", "x"), ("client_id", "service"), bye], "TC-REQUEST"),
        (&[ours, ("client_id", "other"), bye], "TC-REQUEST"),
        (&[ours, bye, bye], "TC-REQUEST"),
        (&[ours, ours], "TC-REQUEST"),
        (&[ours, bye, ("state", "a"), ("state", "b")], "TC-REQUEST"),
        (&[("client_id", "nobody"), bye], "TC-CLIENT-UNKNOWN"),
        (&[ours, uri("https://service.example/bye")], "TC-REDIRECT-URI"),
        (
            &[ours, uri("https://service.example/bye?from=tchap&x=1")],
            "TC-REDIRECT-URI",
        ),
        (
            &[ours, uri("https://service.example/bye?from=tchap#x")],
            "TC-REDIRECT-URI",
        ),
        (&[ours, uri("https://service.example/callback")], "TC-REDIRECT-URI"),
        (&[ours, uri("https://evil.example/")], "TC-REDIRECT-URI"),
        (&[ours, uri("//evil.example/")], "TC-REDIRECT-URI"),
        (&[ours, uri("/\\evil.example")], "TC-REDIRECT-URI"),
        (&[ours, uri("javascript:alert(1)")], "TC-REDIRECT-URI"),
        (
            &[("client_id", "service"), uri("https://evil.example/")],
            "TC-REDIRECT-URI",
        ),
    ];
    for (parameters, code) in cases {
        for page in [
            browser.get(&logout(parameters)).await,
            browser.post("/logout", parameters).await,
        ] {
            assert_eq!(
                (page.status.as_u16(), page.text("error-code").as_str()),
                (400, *code),
                "{parameters:?}"
            );
            assert_eq!(page.header("location"), "");
            assert!(!page.body.contains(hint), "the hint is not written into a page");
        }
    }
    let page = browser.get("/logout?state=%ff").await;
    assert_eq!(page.text("error-code"), "TC-REQUEST");
    assert_eq!(browser.head(&format!("{}/logout", app.base_url)).await.status, 405);
    assert!(is_signed_in(&service, &browser).await);
    let mut disabled = other.client.clone();
    disabled.disabled = true;
    app.update(&disabled).await;
    let page = browser.get(&logout(&[("client_id", "other"), bye])).await;
    assert_eq!(page.text("error-code"), "TC-CLIENT-UNKNOWN");
}

#[tokio::test]
async fn without_a_hint_of_this_session_the_agent_is_asked() {
    let app = TestApp::start().await;
    app.homeserver.add(marie());
    let service = app.register(leaving("service")).await;
    let elsewhere = Browser::new(&app);
    let of_another_session = service.tokens(&elsewhere, &[]).await.id_token;
    let maries = Browser::new(&app);
    let answer = maries.sign_in(&service.url(&[]), MARIES_EMAIL).await;
    let of_another_agent = service.redeem(&service.code(&answer)).await.id_token;
    let browser = Browser::new(&app);
    service.tokens(&browser, &[]).await;
    let bye = ("post_logout_redirect_uri", BYE);
    for (parameters, named, location) in [
        (&[][..], false, None),
        (&[("state", "x")], false, None),
        // Nobody is named whose address it could be.
        (&[bye], false, None),
        (&[("client_id", "service"), bye], true, Some(BYE)),
        (&[("client_id", "service")], true, None),
        (&[("id_token_hint", &of_another_session), bye], true, Some(BYE)),
        (&[("id_token_hint", &of_another_agent), bye], true, Some(BYE)),
    ] {
        let page = browser.open(&logout(parameters)).await;
        assert_page(&page, "logout-form");
        assert_eq!(page.text("account-name"), "Jean Dupont [DINUM]");
        assert_eq!(
            page.text("logout-message").contains("Service service"),
            named,
            "{parameters:?}"
        );
        assert!(
            is_signed_in(&service, &browser).await,
            "a GET of anybody's ends nothing"
        );

        let stayed = browser.submit(&page, "logout-form", &[("answer", "stay")]).await;
        assert_page(&stayed, "still-signed-in");
        assert_eq!(stayed.has("back-to-service"), location.is_some(), "{parameters:?}");
        assert!(is_signed_in(&service, &browser).await);

        let left = browser.submit(&page, "logout-form", &[("answer", "leave")]).await;
        match location {
            Some(location) => assert_went_to(&left, location),
            None => assert_page(&left, "signed-out"),
        }
        assert!(!is_signed_in(&service, &browser).await);
        assert!(is_signed_in(&service, &elsewhere).await);
        service.tokens(&browser, &[]).await;
    }
}

#[tokio::test]
async fn an_agent_without_a_session_is_signed_out_already() {
    let app = TestApp::start().await;
    let service = app.register(leaving("service")).await;
    let browser = Browser::new(&app);
    let tokens = service.tokens(&browser, &[]).await;
    let request = logout(&[("id_token_hint", &tokens.id_token), ("post_logout_redirect_uri", BYE)]);
    assert_went_to(&browser.open(&request).await, BYE);
    for browser in [&browser, &Browser::new(&app)] {
        assert_went_to(&browser.open(&request).await, BYE);
        assert_went_to(
            &browser
                .open(&logout(&[("client_id", "service"), ("post_logout_redirect_uri", BYE)]))
                .await,
            BYE,
        );
        assert_page(&browser.open("/logout").await, "signed-out");
        let page = browser.open(&logout(&[("id_token_hint", &tokens.id_token)])).await;
        assert_page(&page, "signed-out");
        assert!(!page.has("back-to-service"));
    }
}

/// Anybody can register an address to be sent to: the browser goes there by itself with a hint of this very session only.
#[tokio::test]
async fn to_an_address_that_registered_itself_there_is_a_link() {
    let app = TestApp::start().await;
    let registered = Client {
        self_registered: true,
        ..leaving("service")
    };
    let service = app.register(registered).await;
    let (browser, elsewhere) = (Browser::new(&app), Browser::new(&app));
    let of_another_session = service.tokens(&elsewhere, &[]).await.id_token;
    let tokens = service.tokens(&browser, &[]).await;
    let bye = ("post_logout_redirect_uri", BYE);
    let named = logout(&[("client_id", "service"), bye]);
    let hinted = logout(&[("id_token_hint", &of_another_session), bye]);
    let assert_stays = |page: &Page| {
        assert_page(page, "signed-out");
        assert!(!page.headers.contains_key("refresh") && !page.has("signed-out-wait"));
        let link = crate::support::html::by_id(&page.body, "back-to-service").unwrap();
        assert_eq!(link.get("href"), Some(BYE));
    };
    let asked = browser.open(&named).await;
    assert_stays(&browser.submit_once(&asked, "logout-form", &[("answer", "leave")]).await);
    for nobody in [&browser, &Browser::new(&app)] {
        for request in [&named, &hinted, &logout(&[("id_token_hint", &tokens.id_token), bye])] {
            assert_stays(&nobody.open(request).await);
        }
    }
    assert!(is_signed_in(&service, &elsewhere).await);
    assert_went_to(&elsewhere.open(&hinted).await, BYE);
}

#[tokio::test]
async fn the_page_that_is_shown_says_what_lives_on_and_leads_back_home() {
    let app = TestApp::start().await;
    let mut registered = leaving("service");
    registered.presentation.client_uri = Some("https://service.example/".into());
    let service = app.register(registered).await;
    let browser = Browser::new(&app);
    let tokens = service.tokens(&browser, &[]).await;
    let page = browser
        .open(&logout(&[("id_token_hint", &tokens.id_token), ("ui_locales", "en")]))
        .await;
    assert_page(&page, "signed-out");
    assert!(
        page.text("signed-out-homeserver").contains("may remain open"),
        "{}",
        page.body
    );
    assert!(page.body.contains("href=\"https://service.example/\""));
    assert!(!page.headers.contains_key("refresh"));
    assert!(!page.body.contains(&tokens.id_token));
}

/// Threat 25, 31: nobody but the page that was shown to this session ends it.
#[tokio::test]
async fn the_form_belongs_to_the_session_that_it_was_shown_to() {
    let app = TestApp::start().await;
    app.homeserver.add(marie());
    let service = app.register(leaving("service")).await;
    let victim = Browser::new(&app);
    service.tokens(&victim, &[]).await;
    let attacker = Browser::new(&app);
    attacker.sign_in(&service.url(&[]), MARIES_EMAIL).await;
    let shown = attacker.open("/logout").await;
    let form = shown.form("logout-form");
    let theirs = form.fields[0].1.as_str();
    let own = victim.open("/logout").await;
    let mark = own.form("logout-form").fields[0].1.clone();

    for fields in [
        &[("answer", "leave"), ("shown", theirs)][..],
        &[("answer", "leave")],
        &[("answer", "leave"), ("shown", "")],
        // The victim's own mark is for the page that it was on.
        &[("answer", "leave"), ("shown", &mark)],
    ] {
        let answer = victim.post(&form.action, fields).await;
        assert!(victim.follow(answer).await.has("logout-form"), "{fields:?}");
    }
    for fields in [
        &[("shown", mark.as_str())][..],
        &[("shown", &mark), ("answer", "LEAVE")],
    ] {
        let answer = victim.post(own.url.path(), fields).await;
        assert!(victim.follow(answer).await.has("logout-form"), "{fields:?}");
    }
    let leave = [("answer", "leave"), ("shown", mark.as_str())];
    for (name, value) in [
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://evil.example"),
    ] {
        let answer = victim.post_with(own.url.as_str(), &[(name, value)], &leave).await;
        assert_eq!(answer.text("error-code"), "TC-FLOW-BROWSER", "{name}: {value}");
    }
    // From another browser it ends nothing, whoever is signed in there.
    let answer = attacker.post(own.url.path(), &leave).await;
    assert!(attacker.follow(answer).await.has("logout-form"));
    let answer = Browser::new(&app).post(own.url.path(), &leave).await;
    assert_page(&answer, "signed-out");
    assert!(is_signed_in(&service, &victim).await);
    let answer = victim.post(own.url.path(), &leave).await;
    assert_page(&answer, "signed-out");
    assert!(!is_signed_in(&service, &victim).await);
}

#[tokio::test]
async fn a_client_changed_meanwhile_is_noticed() {
    let app = TestApp::start().await;
    let service = app.register(leaving("service")).await;
    let browser = Browser::new(&app);
    let tokens = service.tokens(&browser, &[]).await;
    let hop = browser
        .get(&logout(&[
            ("id_token_hint", &tokens.id_token),
            ("post_logout_redirect_uri", BYE),
        ]))
        .await;
    let mut changed = service.client.clone();
    changed.logout.post_logout_redirect_uris.clear();
    app.update(&changed).await;
    let page = browser.get(hop.location().as_str()).await;
    assert_eq!(page.text("error-code"), "TC-REDIRECT-URI");
    assert!(is_signed_in(&service, &browser).await);
}

#[tokio::test]
async fn a_hint_of_any_algorithm_of_ours_counts() {
    let app = TestApp::start().await;
    let mut registered = leaving("service");
    registered.id_token_signed_response_alg = tchap_connect::protocol::client::SigningAlg::ES256;
    let service = app.register(registered).await;
    let browser = Browser::new(&app);
    let tokens = service.tokens(&browser, &[]).await;
    assert_eq!(part(&tokens.id_token, 0)["alg"], "ES256");
    browser.open(&logout(&[("id_token_hint", &tokens.id_token)])).await;
    assert!(!is_signed_in(&service, &browser).await);
}
