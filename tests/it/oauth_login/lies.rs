//! Threat 19: a hostile or broken authentication service never yields a login, and its token is revoked whatever it says.

use serde_json::{Value, json};

use super::*;
use crate::support::auth_service::Signing;

/// One wrong thing, then the page it must end with.
async fn refused(app: &TestApp, service: &RelyingParty, what: &str, code: &str) {
    assert_eq!(stopped(app, service).await, code, "{what}");
    assert!(app.homeserver.live_tokens().is_empty(), "{what}: a token is left alive");
}

#[tokio::test]
async fn each_claim_of_the_id_token_wrong_once() {
    let app = TestApp::start().await;
    let auth = app.by_oauth().await;
    let service = app.relying_party("service").await;
    let now = app.app.clock.now();
    let wrong = [
        json!({"iss": "https://auth.elysee.test/"}),
        json!({"iss": auth.issuer().trim_end_matches('/')}),
        json!({"iss": null}),
        json!({"aud": "another-client"}),
        json!({"aud": []}),
        json!({"aud": null}),
        json!({"azp": "another-client"}),
        json!({"exp": now - 61}),
        json!({"exp": null}),
        json!({"iat": now - 61}),
        json!({"iat": now + 61}),
        json!({"iat": null}),
        json!({"nonce": "another"}),
        json!({"nonce": null}),
        json!({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}),
        json!({"at_hash": ""}),
        json!({"at_hash": null}),
        json!({"auth_time": now + 61}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": "a".repeat(256)}),
        json!({"sub": "a\u{0}b"}),
        json!({"sub": "a b"}),
        json!({"sub": "\u{e9}l\u{e9}onore"}),
    ];
    for changes in wrong {
        auth.claims(changes.clone());
        refused(&app, &service, &changes.to_string(), "TC-HOMESERVER-INVALID").await;
    }
    let client_id = auth.asked(At::Authorize)[0].get("client_id").to_owned();
    auth.claims(json!({"aud": [client_id, "another-client"]}));
    refused(&app, &service, "a further audience", "TC-HOMESERVER-INVALID").await;
    assert!(
        app.homeserver.requests_to(Endpoint::Whoami).is_empty(),
        "a token was used"
    );

    // What is right, and a clock that differs a little.
    for changes in [
        json!({}),
        json!({"aud": [client_id], "azp": client_id}),
        json!({"exp": now - 59}),
        json!({"iat": now + 59}),
        json!({"auth_time": null}),
    ] {
        auth.claims(changes.clone());
        let page = identify(&service, &Browser::new(&app), &[]).await;
        assert!(page.has("consent-form"), "{changes}: {}", page.body);
    }
}

/// What is compared as a text and kept must be one text, of bounded length.
#[tokio::test]
async fn an_issuer_that_is_long_or_written_strangely() {
    let app = TestApp::start().await;
    let auth = app.by_oauth().await;
    let service = app.relying_party("service").await;
    let own = auth.issuer();
    for issuer in [
        format!("{own}{}", "a".repeat(10_000)),
        format!("{own}a\u{0}b"),
        format!("{own}a\u{e9}"),
        format!("{own}a\tb"),
        format!("{own}a b"),
        format!(" {own}"),
        format!("{own}a/../"),
        own.replace("http://", "HTTP://"),
        own.replace("http://", "http:/\\"),
    ] {
        auth.publishes(json!({"issuer": issuer}));
        let shown: String = issuer.chars().take(60).collect();
        refused(&app, &service, &shown, "TC-HOMESERVER-INVALID").await;
        assert!(auth.asked(At::Registration).is_empty(), "{shown}");
        assert!(auth.asked(At::Authorize).is_empty(), "{shown}");
    }
    // Without the slash that is none of an origin's own.
    let bare = own.trim_end_matches('/');
    auth.publishes(json!({"issuer": bare}));
    auth.claims(json!({"iss": bare}));
    assert!(identify(&service, &Browser::new(&app), &[]).await.has("consent-form"));
}

#[tokio::test]
async fn an_id_token_that_its_issuer_did_not_sign() {
    let app = TestApp::start().await;
    let auth = app.by_oauth().await;
    let service = app.relying_party("service").await;
    for signing in [
        Signing::None,
        Signing::Hs256,
        Signing::UnknownKid,
        Signing::OtherKey,
        Signing::Altered,
    ] {
        auth.signing(signing);
        refused(&app, &service, &format!("{signing:?}"), "TC-HOMESERVER-INVALID").await;
    }
    assert!(
        app.homeserver.requests_to(Endpoint::Whoami).is_empty(),
        "a token was used"
    );
    auth.signing(Signing::Honest);
    assert!(identify(&service, &Browser::new(&app), &[]).await.has("consent-form"));
}

/// Keys are kept; for a token that they do not fit they are fetched again, but not for each one.
#[tokio::test]
async fn keys_are_fetched_once_and_again_when_a_token_does_not_fit_them() {
    let app = TestApp::start().await;
    let auth = app.by_oauth().await;
    let service = app.relying_party("service").await;
    let login = async || identify(&service, &Browser::new(&app), &[]).await;
    let fetched = || auth.asked(At::Keys).len();
    for _ in 0..3 {
        assert!(login().await.has("consent-form"));
    }
    assert_eq!(fetched(), 1);
    app.advance(10);
    auth.signing(Signing::UnknownKid);
    for _ in 0..4 {
        refused(&app, &service, "a key that is not published", "TC-HOMESERVER-INVALID").await;
    }
    assert_eq!(fetched(), 2);
    auth.rotates_keys();
    app.advance(10);
    assert!(login().await.has("consent-form"), "a new key is found");
    assert_eq!(fetched(), 3);
    auth.signing(Signing::Honest);
    app.advance(10);
    refused(&app, &service, "the former key", "TC-HOMESERVER-INVALID").await;
    auth.signing(Signing::UnknownKid);
    assert!(login().await.has("consent-form"));
    assert_eq!(fetched(), 4);
    // They are not kept for ever.
    app.advance(300);
    assert!(login().await.has("consent-form"));
    assert_eq!(fetched(), 5);
}

#[tokio::test]
async fn a_token_answer_of_the_wrong_shape() {
    let app = TestApp::start().await;
    let auth = app.by_oauth().await;
    let service = app.relying_party("service").await;
    for changes in [
        json!({"id_token": null}),
        json!({"id_token": 7}),
        json!({"id_token": "a.b.c"}),
        json!({"id_token": ""}),
        json!({"token_type": "DPoP"}),
        json!({"token_type": null}),
    ] {
        auth.token(changes.clone());
        refused(&app, &service, &changes.to_string(), "TC-HOMESERVER-INVALID").await;
    }
    assert_nothing_left(&app, 6);
    auth.token(json!({"access_token": null}));
    assert_eq!(stopped(&app, &service).await, "TC-HOMESERVER-INVALID");
    // A refresh token that nobody asked for is given back too.
    auth.token(json!({"refresh_token": "mar_refresh_token"}));
    assert!(identify(&service, &Browser::new(&app), &[]).await.has("consent-form"));
    let revoked = auth.asked(At::Revocation);
    let hints: Vec<_> = revoked
        .iter()
        .rev()
        .take(2)
        .map(|it| it.get("token_type_hint"))
        .collect();
    assert_eq!(hints, ["access_token", "refresh_token"]);
}

#[tokio::test]
async fn endpoints_that_fail_drip_or_never_end() {
    let app = TestApp::with(&[SHORT_TIMEOUT]).await;
    let auth = app.by_oauth().await;
    let service = app.relying_party("service").await;
    assert!(identify(&service, &Browser::new(&app), &[]).await.has("consent-form"));
    let (invalid, unreachable) = ("TC-HOMESERVER-INVALID", "TC-HOMESERVER-UNREACHABLE");
    for (lie, code) in [
        (Lie::HugeBody, invalid),
        (Lie::SlowDrip, unreachable),
        (Lie::NoAnswer, unreachable),
        (Lie::CutShort, unreachable),
        (Lie::text(500, "no"), unreachable),
        (Lie::redirect("http://127.0.0.1:1/"), invalid),
        (Lie::invalid_json(), invalid),
    ] {
        for at in [At::Token, At::Keys, At::Registration] {
            if at == At::Registration {
                app.app
                    .store
                    .update_upstream_client(&auth.issuer(), None)
                    .await
                    .unwrap();
            }
            if at == At::Keys {
                // Those that are kept run out.
                app.advance(300);
            }
            auth.script(at, lie.clone());
            refused(&app, &service, &format!("{at:?} {lie:?}"), code).await;
            auth.honest(at);
        }
    }
    for (answer, code) in [
        (json!({"error": "invalid_grant"}), "TC-LOGIN-TOKEN"),
        (json!({"error": "invalid_client"}), invalid),
        (json!({"error": "<script>"}), invalid),
        (json!([]), invalid),
    ] {
        auth.script(At::Token, Lie::text(400, &answer.to_string()));
        refused(&app, &service, &answer.to_string(), code).await;
    }
    auth.script(At::Token, Lie::text(429, "{}"));
    refused(&app, &service, "429", "TC-HOMESERVER-THROTTLED").await;
}

#[tokio::test]
async fn a_registration_that_is_refused_or_is_another_one() {
    let app = TestApp::start().await;
    let auth = app.by_oauth().await;
    let service = app.relying_party("service").await;
    let answers: [(u16, Value); 7] = [
        (400, json!({"error": "invalid_redirect_uri"})),
        (403, json!({})),
        (201, json!({})),
        (201, json!({"client_id": ""})),
        (201, json!({"client_id": "a\nb"})),
        (201, json!({"client_id": "a".repeat(256)})),
        (
            201,
            json!({"client_id": "a", "token_endpoint_auth_method": "client_secret_basic"}),
        ),
    ];
    for (status, answer) in answers {
        auth.script(At::Registration, Lie::text(status, &answer.to_string()));
        refused(&app, &service, &answer.to_string(), "TC-HOMESERVER-INVALID").await;
    }
    auth.honest(At::Registration);
    auth.publishes(json!({"registration_endpoint": null}));
    app.advance(3601);
    refused(&app, &service, "no registration", "TC-HOMESERVER-INVALID").await;
    assert!(auth.asked(At::Authorize).is_empty());
}

#[tokio::test]
async fn a_revocation_that_fails_is_tried_twice_and_logged() {
    let app = TestApp::with(&[SHORT_TIMEOUT]).await;
    let auth = app.by_oauth().await;
    let service = app.relying_party("service").await;
    for (tries, lie) in [(2, Lie::text(500, "no")), (4, Lie::NoAnswer), (6, Lie::HugeBody)] {
        auth.script(At::Revocation, lie.clone());
        let page = identify(&service, &Browser::new(&app), &[]).await;
        assert!(page.has("consent-form"), "{lie:?}");
        assert_eq!(auth.asked(At::Revocation).len(), tries);
    }
    assert!(crate::support::secrets::logged(&["could not be revoked", NAME]));
}

#[tokio::test]
async fn whoami_must_name_an_account_of_the_server_routed_to() {
    let app = TestApp::start().await;
    let _auth = app.by_oauth().await;
    let service = app.relying_party("service").await;
    for (user_id, code) in [
        ("@jean:agent.elysee.tchap.test", "TC-HOMESERVER-WRONG"),
        ("@jean:agent.dinum.tchap.test.evil.test", "TC-HOMESERVER-WRONG"),
        ("@a:[::1]", "TC-HOMESERVER-WRONG"),
        ("jean", "TC-HOMESERVER-INVALID"),
    ] {
        app.homeserver
            .script(Endpoint::Whoami, Lie::Patch(json!({"user_id": user_id})));
        refused(&app, &service, user_id, code).await;
    }
}

#[tokio::test]
async fn a_callback_belongs_to_its_browser_its_attempt_and_its_time() {
    let app = TestApp::start().await;
    let auth = app.by_oauth().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let back = callback(&service, &browser, EMAIL).await;

    // Another browser: threat 8. It costs the agent nothing.
    let other = Browser::new(&app);
    assert_eq!(other.open(&back).await.text("error-code"), "TC-FLOW-BROWSER");
    other.open(&service.url(&[])).await;
    assert_eq!(other.open(&back).await.text("error-code"), "TC-FLOW-EXPIRED");
    assert_eq!(browser.head(&back).await.status, 405);
    let (address, query) = back.split_once('?').unwrap();
    for wrong in ["", "state=x&code=y", "code=y", &format!("{query}&state=x")] {
        let page = browser.open(&format!("{address}?{wrong}")).await;
        assert_eq!(page.text("error-code"), "TC-FLOW-EXPIRED", "{wrong}");
    }
    assert!(browser.open(&back).await.has("consent-form"));
    let page = browser.open(&back).await;
    assert_eq!(page.text("error-code"), "TC-FLOW-EXPIRED", "an attempt serves once");
    assert_eq!(auth.asked(At::Token).len(), 1);

    // A code of another attempt: the verifier does not fit.
    let (one, two) = (Browser::new(&app), Browser::new(&app));
    let first = callback(&service, &one, EMAIL).await;
    let second = callback(&service, &two, EMAIL).await;
    let injected = format!(
        "{address}?code={}&state={}",
        member(&first, "code"),
        member(&second, "state")
    );
    assert_eq!(two.open(&injected).await.text("error-code"), "TC-LOGIN-TOKEN");

    // Twice the code, an issuer that is not the one, no code at all.
    for (addition, code) in [
        ("&code=x", "TC-LOGIN-TOKEN"),
        ("&iss=https%3A%2F%2Fevil.test", "TC-HOMESERVER-INVALID"),
    ] {
        let browser = Browser::new(&app);
        let back = callback(&service, &browser, EMAIL).await;
        let page = browser.open(&format!("{back}{addition}")).await;
        assert_eq!(page.text("error-code"), code, "{addition}");
    }
    assert_eq!(auth.asked(At::Token).len(), 2, "no code was sent");
    let browser = Browser::new(&app);
    let back = callback(&service, &browser, EMAIL).await;
    let right: String = url::form_urlencoded::byte_serialize(auth.issuer().as_bytes()).collect();
    assert!(browser.open(&format!("{back}&iss={right}")).await.has("consent-form"));

    // Too late.
    let browser = Browser::new(&app);
    let back = callback(&service, &browser, EMAIL).await;
    app.advance(600);
    assert_eq!(browser.open(&back).await.text("error-code"), "TC-LOGIN-TOKEN");
    assert!(app.homeserver.live_tokens().is_empty());
}
