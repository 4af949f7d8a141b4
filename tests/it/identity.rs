//! Who an agent is to whom (`tchap.md` §3; threat 20): subjects, recreated accounts, which addresses are believed, and
//! what the administrations table adds.

use std::sync::Arc;

use serde_json::{Value, json};
use tchap_connect::domain::administration::{Administration, Branch};
use tchap_connect::protocol::client::{Client, SubjectType};

use crate::support::homeserver::{Account, Endpoint, Lie, ScriptedHomeserver};
use crate::support::{Browser, EMAIL, JEAN, LOCAL_PART, NAME, PASSWORD, RelyingParty, TestApp, client, jean};

const ALL: &str = "openid profile email uid tchap administration belonging_population roles";
const OTHER: &str = "agent.finances.tchap.test";

/// UserInfo after a whole login with every scope.
async fn login(app: &TestApp, service: &RelyingParty, identifier: &str) -> Value {
    let browser = Browser::new(app);
    let answer = browser.sign_in(&service.url(&[("scope", ALL)]), identifier).await;
    let tokens = service.redeem(&service.code(&answer)).await;
    service.claims(&tokens).await
}

fn administration(domain: &str, name: &str) -> Administration {
    Administration {
        domain: domain.into(),
        name: name.into(),
        siren: Some("130025265".into()),
        siret: Some("13002526500013".into()),
        branch: Some(Branch::Etat),
        organizational_unit: None,
    }
}

/// A second homeserver by password, with Jean's local part and this address on it.
async fn second(app: &mut TestApp, name: &str, account: Account) -> Arc<ScriptedHomeserver> {
    let second = Arc::new(ScriptedHomeserver::start(name).await);
    second.offer(&["m.login.password"]);
    second.add(account);
    app.add_homeserver(&second, |_| {}).await;
    second
}

#[tokio::test]
async fn subjects_are_pairwise_by_sector_or_public() {
    let app = TestApp::start().await;
    let with = async |id: &str, sector: &str, subject_type| {
        let service = app
            .register(Client {
                sector: sector.into(),
                subject_type,
                ..client(id)
            })
            .await;
        login(&app, &service, EMAIL).await["sub"].clone()
    };
    let (one, same) = (
        with("one", "a.example", SubjectType::Pairwise).await,
        with("two", "a.example", SubjectType::Pairwise).await,
    );
    let other = with("three", "b.example", SubjectType::Pairwise).await;
    let public = with("four", "c.example", SubjectType::Public).await;
    assert_eq!(one, same);
    assert_eq!(public, with("five", "d.example", SubjectType::Public).await);
    for (a, b) in [(&one, &other), (&one, &public), (&other, &public)] {
        assert_ne!(a, b);
    }
}

#[tokio::test]
async fn every_claim_of_an_agent_has_its_source() {
    let app = TestApp::start().await;
    app.add_administration(administration("beta.gouv.fr", "DINUM")).await;
    let service = app.relying_party("service").await;
    let claims = login(&app, &service, EMAIL).await;
    let now = app.app.clock.now();
    let expected = json!({
        "sub": claims["sub"], "uid": claims["sub"], "name": "Jean Dupont", "given_name": "Jean", "family_name": "Dupont",
        "usual_name": "Dupont", "preferred_username": LOCAL_PART, "email": EMAIL, "email_verified": true,
        "tchap_user_id": JEAN, "tchap_homeserver": NAME, "tchap_guest": false, "administration_domain": "beta.gouv.fr",
        "administration_name": "DINUM", "organization_label": "DINUM", "siren": "130025265",
        "siret": "13002526500013", "belonging_population": "agent", "roles": ["agent_public", "agent_public_etat"],
        "locale": "fr", "updated_at": now
    });
    assert_eq!(claims, expected);
}

#[tokio::test]
async fn one_scope_per_claim_as_proconnects_services_ask() {
    let app = TestApp::start().await;
    app.add_administration(administration("beta.gouv.fr", "DINUM")).await;
    let service = app.relying_party("service").await;
    for (scope, claims) in [
        ("openid given_name", &["given_name", "sub"][..]),
        ("openid usual_name", &["family_name", "sub", "usual_name"]),
        ("openid siret siren", &["siren", "siret", "sub"]),
        ("openid uid", &["sub", "uid"]),
        (
            "openid organization_label",
            &["administration_name", "organization_label", "sub"],
        ),
        (
            "openid belonging_population roles",
            &["belonging_population", "roles", "sub"],
        ),
        ("openid phone custom organizational_unit", &["sub"]),
    ] {
        let tokens = service.tokens(&Browser::new(&app), &[("scope", scope)]).await;
        let given = service.claims(&tokens).await;
        assert_eq!(given.as_object().unwrap().keys().collect::<Vec<_>>(), claims, "{scope}");
    }
}

#[tokio::test]
async fn the_administration_is_the_longest_known_suffix_on_label_boundaries() {
    for (domains, found) in [
        (&["gouv.fr", "beta.gouv.fr", "fr"][..], Some("beta.gouv.fr")),
        (&["gouv.fr", "eta.gouv.fr"], Some("gouv.fr")),
        (&["ouv.fr", "other.fr"], None),
    ] {
        let app = TestApp::start().await;
        for domain in domains {
            app.add_administration(administration(domain, domain)).await;
        }
        let service = app.relying_party("service").await;
        let claims = login(&app, &service, EMAIL).await;
        // Without a row the bracket of the display name gives a name, and nothing gives a number.
        assert_eq!(claims["administration_name"], found.unwrap_or("DINUM"), "{domains:?}");
        assert_eq!(claims["siret"].is_string(), found.is_some(), "{domains:?}");
        assert_eq!(claims["administration_domain"], "beta.gouv.fr");
    }
}

#[tokio::test]
async fn a_rename_keeps_the_subject_and_moves_the_claims() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let before = login(&app, &service, EMAIL).await;
    app.advance(1000);
    let address = json!({"threepids": [
        {"medium": "email", "address": "jean.durand@beta.gouv.fr", "validated_at": 1_700_000_000_000_i64, "added_at": 1_700_000_000_000_i64}
    ]});
    app.homeserver
        .script(Endpoint::ThirdPartyIds, Lie::text(200, &address.to_string()));
    app.homeserver.script(
        Endpoint::Profile,
        Lie::text(200, r#"{"displayname":"Jean Durand [DINUM]"}"#),
    );
    let after = login(&app, &service, JEAN).await;
    assert_eq!(before["sub"], after["sub"]);
    assert_eq!(
        (&after["email"], &after["family_name"]),
        (&"jean.durand@beta.gouv.fr".into(), &"Durand".into())
    );
    assert_eq!(after["updated_at"], app.app.clock.now());
    let again = login(&app, &service, JEAN).await;
    assert_eq!(again, after, "nothing changed since");
}

#[tokio::test]
async fn the_same_address_on_two_homeservers_is_two_agents() {
    let mut app = TestApp::start().await;
    second(&mut app, OTHER, jean()).await;
    let service = app.relying_party("service").await;
    let here = login(&app, &service, JEAN).await;
    let there = login(&app, &service, &format!("@{LOCAL_PART}:{OTHER}")).await;
    assert_ne!(here["sub"], there["sub"]);
    assert_eq!(there["tchap_homeserver"], OTHER);
}

#[tokio::test]
async fn an_address_is_believed_from_the_server_entitled_to_it_only() {
    let mut app = TestApp::start().await;
    app.add_administration(administration("elysee.fr", "Élysée")).await;
    let homeserver = app.homeserver.clone();
    app.add_homeserver(&homeserver, |listed| {
        listed.email_domains = vec!["beta.gouv.fr".into(), "elysee.fr".into()]
    })
    .await;
    let liar = Account::new("x-elysee.fr", PASSWORD)
        .named("Le Président [Élysée]")
        .email("x@elysee.fr", 1);
    second(&mut app, OTHER, liar).await;
    let service = app.relying_party("service").await;
    let claims = login(&app, &service, &format!("@x-elysee.fr:{OTHER}")).await;
    for omitted in [
        "email",
        "email_verified",
        "administration_domain",
        "siret",
        "siren",
        "roles",
        "belonging_population",
    ] {
        assert!(claims.get(omitted).is_none(), "{omitted}: {claims}");
    }
    assert_eq!(claims["tchap_user_id"], format!("@x-elysee.fr:{OTHER}"));
    assert_eq!(
        login(&app, &service, EMAIL).await["email"],
        EMAIL,
        "the entitled server is believed"
    );
}

#[tokio::test]
async fn an_entitled_second_address_counts_when_the_first_is_not_entitled() {
    let mut app = TestApp::start().await;
    let homeserver = app.homeserver.clone();
    app.add_homeserver(&homeserver, |listed| listed.email_domains = vec!["beta.gouv.fr".into()])
        .await;
    let two = Account::new("two-beta.gouv.fr", PASSWORD)
        .email("two@elsewhere.fr", 1)
        .email("two@beta.gouv.fr", 3)
        .email("late@beta.gouv.fr", 4);
    app.homeserver.add(two);
    let service = app.relying_party("service").await;
    let claims = login(&app, &service, &format!("@two-beta.gouv.fr:{NAME}")).await;
    assert_eq!(claims["email"], "two@beta.gouv.fr", "of the entitled ones the earliest");
}

#[tokio::test]
async fn an_address_without_validation_never_becomes_a_claim() {
    let app = TestApp::start().await;
    for (number, entry) in [
        json!({"medium": "email", "address": "u@beta.gouv.fr", "added_at": 1000}),
        json!({"medium": "email", "address": "u@beta.gouv.fr", "added_at": 1000, "validated_at": null}),
        json!({"medium": "email", "address": "u@beta.gouv.fr", "added_at": 1000, "validated_at": 0}),
        json!({"medium": "msisdn", "address": "u@beta.gouv.fr", "added_at": 1000, "validated_at": 1000}),
        json!({"medium": "email", "address": "u@beta.gouv.fr@evil.fr", "added_at": 1000, "validated_at": 1000}),
        json!({"medium": "email", "address": "", "added_at": 1000, "validated_at": 1000}),
    ]
    .into_iter()
    .enumerate()
    {
        let local_part = format!("u{number}");
        app.homeserver
            .add(Account::new(&local_part, PASSWORD).third_party_id(entry.clone()));
        let service = app.relying_party("service").await;
        let claims = login(&app, &service, &local_part).await;
        assert!(
            claims.get("email").is_none() && claims.get("email_verified").is_none(),
            "{entry}"
        );
        assert!(claims.get("name").is_none(), "no display name");
    }
}

#[tokio::test]
async fn a_recreated_account_is_another_agent() {
    let mut app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let before = login(&app, &service, JEAN).await;
    let newer = json!({"threepids": [
        {"medium": "email", "address": EMAIL, "validated_at": 1_750_000_000_000_i64, "added_at": 1_750_000_000_000_i64}
    ]});
    app.homeserver
        .script(Endpoint::ThirdPartyIds, Lie::text(200, &newer.to_string()));
    assert_eq!(
        login(&app, &service, JEAN).await["sub"],
        before["sub"],
        "where the server is not marked so"
    );

    app.homeserver.honest(Endpoint::ThirdPartyIds);
    let homeserver = app.homeserver.clone();
    app.add_homeserver(&homeserver, |listed| listed.recreated_by_address = true)
        .await;
    // The agent still has the newer date of the login above; one newer still:
    let newest = newer.to_string().replace("1750000000000", "1760000000000");
    app.homeserver.script(Endpoint::ThirdPartyIds, Lie::text(200, &newest));
    let after = login(&app, &service, JEAN).await;
    assert_ne!(after["sub"], before["sub"]);
    assert_eq!(after["email"], EMAIL);
    assert_eq!(login(&app, &service, JEAN).await["sub"], after["sub"], "once");
}

/// Threat 10.
#[tokio::test]
async fn a_recreated_account_ends_the_former_agents_sessions_and_tokens() {
    let mut app = TestApp::start().await;
    let homeserver = app.homeserver.clone();
    app.add_homeserver(&homeserver, |listed| listed.recreated_by_address = true)
        .await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let tokens = service.tokens(&browser, &[]).await;
    let code = service.code(&browser.get(&service.url(&[])).await);
    let newer = json!({"threepids": [
        {"medium": "email", "address": EMAIL, "validated_at": 1_750_000_000_000_i64, "added_at": 1_750_000_000_000_i64}
    ]});
    app.homeserver
        .script(Endpoint::ThirdPartyIds, Lie::text(200, &newer.to_string()));
    login(&app, &service, JEAN).await;

    assert_eq!(service.userinfo(&tokens.access_token).await.status, 401);
    assert_eq!(
        service.token(&service.form(&code, &[])).await.json()["error"],
        "invalid_grant"
    );
    let answer = browser.get(&service.url(&[("prompt", "none")])).await;
    assert_eq!(service.error(&answer), "login_required");
    assert!(browser.open(&service.url(&[])).await.has("identifier-form"));
}
