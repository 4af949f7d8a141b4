//! What every answer carries, whatever its kind: security headers, a strict policy without scripts, cookies as they
//! must be, two languages. Threats 7, 9, 21, 22.

use std::collections::BTreeSet;

use http::Method;
use tchap_connect::protocol::client::Client;

use crate::support::html::tags;
use crate::support::relying_party::STATE;
use crate::support::{Browser, EMAIL, NAME, PASSWORD, Page, TestApp, client};

/// One answer of every kind there is.
async fn every_kind(app: &TestApp) -> Vec<Page> {
    let service = app.relying_party("service").await;
    let browser = Browser::new(app);
    let mut kinds = Vec::new();
    for path in [
        "/",
        "/health/live",
        "/health/ready",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/jwks",
        "/userinfo",
        "/token",
        "/nowhere",
        "//evil.example/",
        "/authorize",
        "/authorize/unknown",
        "/login/sso/x/y?loginToken=z",
        "/logout",
        "/logout/unknown",
        "/mon-compte",
        "/status",
        "/metrics",
        "/static/nothing.css",
        &service.url(&[]),
        &service.url(&[("prompt", "none")]),
    ] {
        kinds.push(browser.get(path).await);
    }
    let page = browser.open(&service.url(&[])).await;
    for tag in tags(&page.body).into_iter().filter(|tag| tag.name == "link") {
        kinds.push(browser.get(tag.get("href").unwrap()).await);
    }
    let password = browser.identify(&page, EMAIL).await;
    let wrong = browser
        .submit(&password, "password-form", &[("password", "wrong password")])
        .await;
    let consent = browser
        .submit(&password, "password-form", &[("password", PASSWORD)])
        .await;
    let answer = browser.accept(&consent).await;
    let tokens = service.token(&service.form(&service.code(&answer), &[])).await;
    let choose = browser.open(&service.url(&[("prompt", "select_account")])).await;
    let logout = browser.open("/logout").await;
    let method = browser
        .http
        .send(browser.http.request(Method::DELETE, &format!("{}/", app.base_url)))
        .await;
    let huge = browser.post("/authorize", &[("x", &"x".repeat(70_000))]).await;
    for path in ["/mon-compte", "/mon-compte/connexions", "/mon-compte/donnees"] {
        kinds.push(browser.get(path).await);
    }
    kinds.extend([
        page, password, wrong, consent, answer, tokens, choose, logout, method, huge,
    ]);
    kinds
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let app = TestApp::start().await;
    for page in every_kind(&app).await {
        let of = |name: &str| page.header(name).to_owned();
        let policy = of("content-security-policy");
        for part in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "style-src 'self'",
        ] {
            assert!(policy.contains(part), "{}: {policy}", page.url);
        }
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
        // Browsers apply form-action to every hop of the redirects that follow a POST.
        let in_flow = ["/authorize", "/login", "/logout"]
            .iter()
            .any(|prefix| page.url.path().starts_with(prefix));
        assert_eq!(policy.contains("form-action"), !in_flow, "{}", page.url);
        assert_eq!(of("x-content-type-options"), "nosniff", "{}", page.url);
        assert_eq!(of("x-frame-options"), "DENY", "{}", page.url);
        assert_eq!(of("referrer-policy"), "no-referrer", "{}", page.url);
        assert!(!of("cache-control").is_empty(), "{}", page.url);
        let cacheable = page.url.path().starts_with("/static/") || page.url.path().contains("jwks");
        let cacheable = cacheable || page.url.path().contains(".well-known");
        assert!(
            of("cache-control").contains("no-store") || cacheable,
            "{}: {}",
            page.url,
            of("cache-control")
        );
        assert_eq!(of("server"), "", "{}", page.url);
    }
}

#[tokio::test]
async fn no_page_has_a_script_an_inline_style_or_an_event_handler() {
    let app = TestApp::start().await;
    let mut pages = 0;
    for page in every_kind(&app)
        .await
        .iter()
        .filter(|page| page.header("content-type").starts_with("text/html"))
    {
        pages += 1;
        for tag in tags(&page.body) {
            assert!(
                !matches!(tag.name.as_str(), "script" | "style" | "iframe" | "object"),
                "{}",
                page.url
            );
            for (name, value) in &tag.attributes {
                assert!(!name.starts_with("on") && name != "style", "{}: {name}", page.url);
                assert!(
                    !value.trim().to_lowercase().starts_with("javascript:"),
                    "{}: {value}",
                    page.url
                );
            }
        }
    }
    assert!(pages > 10);
}

/// Threat 9: no link or form of ours leads where a parameter says.
#[tokio::test]
async fn links_and_forms_stay_on_this_site() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let evil = "//evil.example/\\evil.example";
    for url in [
        "//evil.example/?lang=en".to_owned(),
        "/\\evil.example?lang=en".into(),
        format!("/?lang=en&back={evil}&next=https://evil.example"),
        service.url(&[("back", evil), ("return_to", evil), ("lang", "en"), ("state", evil)]),
        service.url(&[("redirect_uri", evil)]),
    ] {
        let page = browser.open(&url).await;
        for tag in tags(&page.body) {
            for link in ["href", "action", "src"].iter().filter_map(|name| tag.get(name)) {
                let own = link.starts_with('#')
                    || (link.starts_with('/') && !link.starts_with("//") && !link.starts_with("/\\"));
                let discovery = link == format!("{}/.well-known/openid-configuration", app.base_url);
                assert!(own || discovery, "{url}: {link}");
            }
        }
        let own_origin = page.url.as_str().starts_with(&app.base_url);
        assert!(own_origin, "{url}");
    }
}

/// Threats 7 and 21.
#[tokio::test]
async fn hostile_values_stay_text() {
    let app = TestApp::start().await;
    let hostile = "\"><script>alert(1)</script><img src=x onerror=alert(1)> {{7*7}}";
    let service = app
        .register(Client {
            name: hostile.into(),
            ..client("service")
        })
        .await;
    let browser = Browser::new(&app);
    let url = service.url(&[("login_hint", hostile), ("ui_locales", hostile), ("display", hostile)]);
    let page = browser.open(&url).await;
    let password = browser.log_in(&page, EMAIL, hostile).await;
    let consent = browser
        .submit(&password, "password-form", &[("password", PASSWORD)])
        .await;
    let unknown = browser
        .identify(&browser.open(&service.url(&[("prompt", "login")])).await, hostile)
        .await;
    let error = browser.get(&service.url(&[("client_id", hostile)])).await;
    for page in [&page, &password, &consent, &unknown, &error] {
        assert!(
            !page.body.contains("<script") && !page.body.contains("<img src=x"),
            "{}",
            page.url
        );
    }
    assert!(consent.body.contains("&#60;script&#62;"), "shown, not dropped");
    let answer = browser.accept(&consent).await;
    service.code(&answer);
    assert!(
        !answer.header("location").contains(['"', '<', '>', ' ']),
        "{STATE:?} is encoded"
    );
}

#[tokio::test]
async fn cookies_are_host_bound_and_secure_on_https() {
    let app = TestApp::with(&[("ISSUER", "https://connect.example")]).await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let first = browser.get(&service.url(&[("lang", "en")])).await;
    let cookies: Vec<_> = first
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|line| line.to_str().unwrap().to_owned())
        .collect();
    let session = cookies
        .iter()
        .find(|line| line.starts_with("__Host-tchap-connect="))
        .expect("a session cookie");
    for attribute in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
        assert!(session.contains(attribute), "{session}");
    }
    assert!(
        cookies
            .iter()
            .all(|line| !line.contains("Domain") && line.contains("Secure")),
        "{cookies:?}"
    );
    let names = first.cookies().into_iter().map(|(name, _)| name);
    assert_eq!(
        names.collect::<BTreeSet<_>>(),
        ["__Host-tchap-connect", "__Host-tchap-connect-lang"]
            .map(str::to_owned)
            .into(),
        "a cookie of another host of this domain passes for none of them"
    );
    for (cookie, title) in [("__Host-tchap-connect-lang=en", "en"), ("tchap-connect-lang=en", "fr")] {
        let page = Browser::new(&app).with_header("cookie", cookie).get("/").await;
        assert!(page.body.contains(&format!("<html lang=\"{title}\"")), "{cookie}");
    }
    assert!(first.header("strict-transport-security").contains("max-age="));
    // And the whole job works behind a proxy that ends TLS.
    let page = browser.follow(first).await;
    let page = browser.log_in(&page, EMAIL, PASSWORD).await;
    service.code(&browser.accept(&page).await);

    let plain = TestApp::start().await;
    let service = plain.relying_party("service").await;
    let first = Browser::new(&plain).get(&service.url(&[])).await;
    assert!(first.header("set-cookie").starts_with("tchap-connect=") && !first.header("set-cookie").contains("Secure"));
    assert_eq!(first.header("strict-transport-security"), "");
}

#[tokio::test]
async fn nothing_is_remembered_of_a_visit_without_a_flow() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    for url in [
        "/",
        "/nowhere",
        &service.url(&[("prompt", "none")]),
        &service.url(&[("client_id", "x")]),
    ] {
        assert_eq!(browser.get(url).await.header("set-cookie"), "", "{url}");
    }
}

#[tokio::test]
async fn a_chosen_language_is_remembered_where_people_are_and_not_where_programs_are() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    let stylesheet = tags(&page.body).into_iter().find(|tag| tag.name == "link").unwrap();
    for path in [
        "/jwks",
        "/.well-known/openid-configuration",
        "/userinfo",
        "/token",
        "/health/ready",
        stylesheet.get("href").unwrap(),
    ] {
        let page = browser.get(&format!("{path}?lang=en")).await;
        assert_eq!(page.header("set-cookie"), "", "{path}");
    }
    for path in ["/", "/nowhere", "/authorize", page.url.path()] {
        let page = Browser::new(&app).get(&format!("{path}?lang=en")).await;
        assert!(page.header("set-cookie").starts_with("tchap-connect-lang=en"), "{path}");
    }
}

#[tokio::test]
async fn the_language_is_chosen_then_asked_for_then_the_browsers_then_french() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let language = |page: &Page| page.body.split("<html lang=\"").nth(1).unwrap()[..2].to_owned();
    let french = Browser::new(&app);
    assert_eq!(language(&french.open(&service.url(&[])).await), "fr");
    assert_eq!(
        language(&french.open(&service.url(&[("ui_locales", "de en-GB fr")])).await),
        "en"
    );
    let english = Browser::new(&app).with_header("accept-language", "de, en;q=0.8, fr;q=0.5");
    let page = english.open(&service.url(&[])).await;
    assert_eq!(language(&page), "en");
    assert_eq!(language(&english.get("/nowhere").await), "en", "error pages too");

    let switch = tags(&page.body)
        .into_iter()
        .find(|tag| tag.get("id") == Some("switch-language"))
        .unwrap();
    let switched = english.get(switch.get("href").unwrap()).await;
    assert_eq!(
        (language(&switched).as_str(), switched.has("identifier-form")),
        ("fr", true),
        "the same page"
    );
    assert_eq!(
        language(&english.open(&service.url(&[])).await),
        "fr",
        "remembered by a cookie"
    );
    assert_eq!(
        language(&english.get("/nowhere?lang=xx").await),
        "fr",
        "what is no language of ours is ignored"
    );

    let page = english.open(&service.url(&[("scope", "openid profile")])).await;
    let page = english.log_in(&page, EMAIL, PASSWORD).await;
    let tokens = service.redeem(&service.code(&english.accept(&page).await)).await;
    assert_eq!(
        service.claims(&tokens).await["locale"],
        "fr",
        "the language chosen on our pages"
    );
}

#[tokio::test]
async fn unknown_addresses_and_methods_are_pages_with_a_code() {
    let app = TestApp::start().await;
    let browser = Browser::new(&app);
    for path in [
        "/nowhere",
        "/authorize/a/b/c",
        "/.well-known/nothing",
        "/login",
        "/../etc/passwd",
        "/static/../Cargo.toml",
    ] {
        let page = browser.get(path).await;
        assert_eq!(
            (page.status.as_u16(), page.text("error-code").as_str()),
            (404, "TC-NOT-FOUND"),
            "{path}"
        );
    }
    for (method, path) in [
        (Method::POST, "/"),
        (Method::DELETE, "/authorize"),
        (Method::GET, "/authorize/x/consent"),
    ] {
        let request = browser.http.request(method, &format!("{}{path}", app.base_url));
        let page = browser.http.send(request).await;
        assert_eq!(
            (page.status.as_u16(), page.text("error-code").as_str()),
            (405, "TC-METHOD"),
            "{path}"
        );
        assert!(!page.header("allow").is_empty());
    }
}

/// Threat 22.
#[tokio::test]
async fn forged_headers_change_nothing() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app)
        .with_header("x-forwarded-host", "evil.example")
        .with_header("x-forwarded-proto", "https")
        .with_header("x-forwarded-for", "198.51.100.1")
        .with_header("x-original-uri", "https://evil.example/")
        .with_header("x-original-url", "/jwks")
        .with_header("x-rewrite-url", "/jwks")
        .with_header("forwarded", "host=evil.example;proto=https")
        .with_header("host", "evil.example");
    let document = browser.get("/.well-known/openid-configuration").await;
    assert_eq!(document.json()["issuer"], app.base_url);
    assert!(!document.body.contains("evil.example"));
    let first = browser.get(&service.url(&[])).await;
    assert!(
        first.header("location").starts_with("/authorize/"),
        "{}",
        first.header("location")
    );
    assert!(first.header("set-cookie").starts_with("tchap-connect=") && !first.header("set-cookie").contains("evil"));
    app.by_sso();
    let page = browser.follow(first).await;
    assert!(!page.body.contains("evil.example"));
    let leaving = browser
        .submit_once(&page, "identifier-form", &[("identifier", EMAIL)])
        .await;
    let location = leaving.location();
    let (_, callback) = location.query_pairs().find(|(name, _)| name == "redirectUrl").unwrap();
    assert!(
        callback.starts_with(&format!("{}/login/sso/{NAME}/", app.base_url)),
        "{callback}"
    );
}

#[tokio::test]
async fn health_says_whether_the_database_answers() {
    let app = TestApp::start().await;
    let browser = Browser::new(&app);
    assert_eq!(browser.get("/health/live").await.status, 200);
    assert_eq!(browser.get("/health/ready").await.status, 200);
    app.app.store.close().await;
    assert_eq!(browser.get("/health/live").await.status, 200);
    assert_eq!(browser.get("/health/ready").await.status, 503);

    // What fails inside is a number to the reader, and a line in the log under the same number.
    let service = crate::support::RelyingParty::new(&app, client("service"), Some("a secret of no use".into()));
    let page = browser.get(&service.url(&[])).await;
    assert_eq!(
        (page.status.as_u16(), page.text("error-code").as_str()),
        (500, "TC-INTERNAL")
    );
    let incident = page.text("error-incident");
    assert!(crate::support::secrets::logged(&["a request failed inside", &incident]));
    for detail in ["sqlx", "pool", "PoolClosed", "database"] {
        assert!(!page.text("error-message").contains(detail));
    }
    let answer = service.token(&service.form("code", &[])).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["error"]),
        (500, &"server_error".into())
    );
    assert!(!answer.body.to_lowercase().contains("pool"));
}
