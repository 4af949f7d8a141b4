//! Consent: asked once per set of claims, remembered, refused, and never wider than what was shown (threat 12).

use tchap_connect::protocol::client::{ApplicationType, Client, ClientAuthMethod, ConsentPolicy};

use crate::support::{Browser, EMAIL, JEAN, PASSWORD, RelyingParty, TestApp, client};

/// What Jean sees who comes to a service with these changes: consent or not.
async fn is_asked(service: &RelyingParty, browser: &Browser, changes: &[(&str, &str)]) -> bool {
    browser.open(&service.url(changes)).await.has("consent-form")
}

#[tokio::test]
async fn refused_consent_is_access_denied_and_not_remembered() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    let page = browser.log_in(&page, EMAIL, PASSWORD).await;
    let answer = browser.submit(&page, "consent-form", &[("answer", "refuse")]).await;
    assert_eq!(service.error(&answer), "access_denied");
    assert!(is_asked(&service, &browser, &[]).await);
}

#[tokio::test]
async fn consent_is_remembered_for_its_claims_and_a_wider_set_asks_again() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    service.tokens(&browser, &[("scope", "openid profile email")]).await;
    assert!(!is_asked(&service, &browser, &[("scope", "openid profile email")]).await);
    assert!(
        !is_asked(&service, &browser, &[("scope", "openid email")]).await,
        "narrower"
    );
    assert!(
        is_asked(&service, &browser, &[("scope", "openid email tchap")]).await,
        "wider by a scope"
    );
    let wider = r#"{"id_token":{"tchap_user_id":null}}"#;
    assert!(
        is_asked(&service, &browser, &[("scope", "openid email"), ("claims", wider)]).await,
        "wider by the claims parameter"
    );
    assert!(is_asked(&service, &browser, &[("prompt", "consent")]).await);
}

#[tokio::test]
async fn a_narrower_consent_does_not_forget_the_claims_agreed_to_before() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    service.tokens(&browser, &[("scope", "openid email")]).await;
    let page = browser.open(&service.url(&[("scope", "openid tchap")])).await;
    browser.accept(&page).await;
    for scope in ["openid tchap", "openid email", "openid email tchap"] {
        assert!(!is_asked(&service, &browser, &[("scope", scope)]).await, "{scope}");
    }
}

#[tokio::test]
async fn consent_is_remembered_for_its_lifetime_and_not_longer() {
    for (seconds, asked) in [(3599, false), (3600, true)] {
        let app = TestApp::with(&[("LIFETIMES_CONSENT", "3600")]).await;
        let service = app.relying_party("service").await;
        service.tokens(&Browser::new(&app), &[]).await;
        app.advance(seconds);
        let browser = Browser::new(&app);
        let page = browser.open(&service.url(&[])).await;
        let page = browser.log_in(&page, EMAIL, PASSWORD).await;
        assert_eq!(page.has("consent-form"), asked, "after {seconds} s");
    }
}

#[tokio::test]
async fn consent_is_one_agents_at_one_service() {
    let app = TestApp::start().await;
    app.homeserver.add(crate::support::marie());
    let (service, other) = (app.relying_party("service").await, app.relying_party("other").await);
    let browser = Browser::new(&app);
    service.tokens(&browser, &[]).await;
    assert!(is_asked(&other, &browser, &[]).await);
    let maries = Browser::new(&app);
    let page = maries.open(&service.url(&[])).await;
    let page = maries.log_in(&page, crate::support::MARIES_EMAIL, PASSWORD).await;
    assert!(page.has("consent-form"));
}

#[tokio::test]
async fn a_client_marked_so_asks_nothing() {
    let app = TestApp::start().await;
    let service = app
        .register(Client {
            consent: ConsentPolicy::None,
            ..client("service")
        })
        .await;
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    let answer = browser.log_in(&page, EMAIL, PASSWORD).await;
    let tokens = service.redeem(&service.code(&answer)).await;
    assert_eq!(service.claims(&tokens).await["email"], EMAIL);
    let page = browser.open(&service.url(&[("prompt", "consent")])).await;
    assert!(page.has("consent-form"), "prompt=consent is asked for all the same");
}

#[tokio::test]
async fn a_public_client_asks_even_when_marked_otherwise() {
    let app = TestApp::start().await;
    let service = app
        .register(Client {
            consent: ConsentPolicy::None,
            auth_methods: [ClientAuthMethod::None].into(),
            ..client("service")
        })
        .await;
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    assert!(browser.log_in(&page, EMAIL, PASSWORD).await.has("consent-form"));
}

/// Any program on the agent's device can present itself as such a client (RFC 8252 §8.6).
#[tokio::test]
async fn public_loopback_and_private_scheme_clients_always_ask() {
    for redirect_uri in ["http://127.0.0.1:4000/callback", "fr.gouv.example:/callback"] {
        let native = Client {
            redirect_uris: vec![redirect_uri.into()],
            application_type: ApplicationType::Native,
            consent: ConsentPolicy::None,
            ..client("confidential")
        };
        let app = TestApp::start().await;
        let public = app
            .register(Client {
                id: "public".into(),
                auth_methods: [ClientAuthMethod::None].into(),
                ..native.clone()
            })
            .await;
        let browser = Browser::new(&app);
        public.tokens(&browser, &[]).await;
        assert!(is_asked(&public, &browser, &[]).await, "{redirect_uri}");
        let answer = browser.get(&public.url(&[("prompt", "none")])).await;
        assert_eq!(public.error(&answer), "consent_required", "{redirect_uri}");

        let confidential = app.register(native).await;
        assert!(
            is_asked(&confidential, &browser, &[]).await,
            "only https can be marked as needing none"
        );
        let page = browser.open(&confidential.url(&[])).await;
        browser.accept(&page).await;
        assert!(
            !is_asked(&confidential, &browser, &[]).await,
            "its secret stands for it"
        );
    }
}

#[tokio::test]
async fn the_page_says_which_data_with_their_values_in_both_languages() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    for (language, words) in [("fr", "Votre adresse électronique"), ("en", "Your e-mail address")] {
        let browser = Browser::new(&app).with_header("accept-language", language);
        let page = browser
            .open(&service.url(&[("scope", "openid profile email tchap")]))
            .await;
        let page = browser.log_in(&page, EMAIL, PASSWORD).await;
        let items = page.text("consent-items").to_lowercase();
        for part in [words, EMAIL, JEAN, "Jean Dupont"] {
            assert!(items.contains(&part.to_lowercase()), "{language}: no {part} in {items}");
        }
        assert!(page.body.contains("Service service"), "{language}: which service");
    }
}

#[tokio::test]
async fn what_was_shown_is_what_is_granted() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    let page = browser.log_in(&page, EMAIL, PASSWORD).await;
    assert!(page.text("consent-items").contains("Jean Dupont"));

    // Meanwhile another login of the same agent brings another name.
    let profile = crate::support::homeserver::Lie::text(200, r#"{"displayname":"Jean Durand [DINUM]"}"#);
    app.homeserver
        .script(crate::support::homeserver::Endpoint::Profile, profile);
    let elsewhere = Browser::new(&app);
    let other = elsewhere.open(&service.url(&[])).await;
    elsewhere.log_in(&other, EMAIL, PASSWORD).await;

    let again = browser.accept(&page).await;
    assert!(
        again.text("consent-items").contains("Jean Durand"),
        "shown anew, not granted unseen"
    );
    let tokens = service.redeem(&service.code(&browser.accept(&again).await)).await;
    assert_eq!(service.claims(&tokens).await["name"], "Jean Durand");
}

#[tokio::test]
async fn scopes_beyond_registration_are_dropped_and_unknown_ones_ignored() {
    let app = TestApp::start().await;
    let service = app
        .register(Client {
            scopes: ["openid", "email"].map(String::from).into(),
            ..client("service")
        })
        .await;
    let browser = Browser::new(&app);
    let asked = [
        ("scope", "openid email profile tchap offline_access phone nonsense"),
        (
            "claims",
            r#"{"userinfo":{"name":{"essential":true},"tchap_user_id":null},"id_token":{"name":null}}"#,
        ),
    ];
    let tokens = service.tokens(&browser, &asked).await;
    assert_eq!(tokens.response["scope"], "email openid");
    let claims = service.claims(&tokens).await;
    let names: Vec<_> = claims.as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["email", "email_verified", "sub"]);
    assert_eq!(tokens.claims["name"], serde_json::Value::Null);
    assert!(tokens.response["refresh_token"].is_null());
}
