//! Client credentials (RFC 6749 §4.4): a client on its own behalf at a resource, and nothing of any agent.

use serde_json::json;
use tchap_connect::protocol::client::{Client, GrantType, RequestDefaults};
use tchap_connect::protocol::resource::{AccessTokenFormat, Resource};

use crate::resources::{API, resource};
use crate::support::relying_party::{part, payload};
use crate::support::{RelyingParty, TestApp, client};
use crate::token_endpoint::assert_error;

fn machine(id: &str, resources: &[&str]) -> Client {
    let plain = client(id);
    Client {
        grant_types: [GrantType::ClientCredentials].into(),
        scopes: plain
            .scopes
            .iter()
            .cloned()
            .chain(["api:read".into(), "api:write".into()])
            .collect(),
        requests: RequestDefaults {
            resources: resources.iter().map(|one| (*one).to_owned()).collect(),
            ..RequestDefaults::default()
        },
        ..plain
    }
}

async fn ask(client: &RelyingParty, further: &[(&str, &str)]) -> crate::support::Page {
    let usual = [("grant_type", "client_credentials")];
    let form: Vec<_> = usual.into_iter().chain(further.iter().copied()).collect();
    client.token(&form).await
}

#[tokio::test]
async fn a_client_gets_a_token_for_itself_without_anything_of_agents() {
    let app = TestApp::start().await;
    app.app.store.upsert_resource(&resource(API)).await.unwrap();
    let machine = app.register(machine("machine", &[API])).await;
    let now = app.app.clock.now();
    for (scope, granted) in [
        (None, "api:read api:write"),
        (Some("api:read"), "api:read"),
        (
            Some("openid profile email offline_access api:read api:other"),
            "api:read",
        ),
        (Some("openid"), ""),
    ] {
        let scope: Vec<_> = scope.map(|scope| ("scope", scope)).into_iter().collect();
        let answer = ask(&machine, &scope).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.header("cache-control"), "no-store");
        let answer = answer.json();
        let members: Vec<_> = answer.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["access_token", "expires_in", "scope", "token_type"]);
        assert_eq!(answer["scope"], granted);
        let token = answer["access_token"].as_str().unwrap();
        let expected = json!({
            "active": true, "iss": app.base_url, "sub": "machine", "client_id": "machine", "scope": granted,
            "iat": now, "exp": now + 600, "aud": API, "token_type": "Bearer",
        });
        assert_eq!(machine.introspect(token).await, expected);
        let answer = machine.userinfo(token).await;
        assert_eq!(answer.status, 403);
        assert!(answer.header("www-authenticate").contains("insufficient_scope"));
        assert_eq!(machine.send("/revoke", &[("token", token)]).await.status, 200);
        assert_eq!(machine.introspect(token).await, json!({"active": false}));
    }
}

#[tokio::test]
async fn its_jwt_names_the_client_as_its_subject() {
    let app = TestApp::start().await;
    let jwt = Resource {
        access_token_format: AccessTokenFormat::Jwt,
        ..resource(API)
    };
    app.app.store.upsert_resource(&jwt).await.unwrap();
    let machine = app.register(machine("machine", &[API])).await;
    let answer = ask(&machine, &[("resource", API)]).await.json();
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!(part(token, 0)["typ"], "at+jwt");
    let claims = payload(token);
    assert_eq!(
        (&claims["sub"], &claims["client_id"]),
        (&json!("machine"), &json!("machine"))
    );
    assert!(claims.get("auth_time").is_none() && claims.get("acr").is_none());
}

#[tokio::test]
async fn only_for_clients_that_registered_and_resources_that_are_theirs() {
    let app = TestApp::start().await;
    app.app.store.upsert_resource(&resource(API)).await.unwrap();
    let plain = app.relying_party("plain").await;
    assert_error(&ask(&plain, &[]).await, 400, "unauthorized_client");
    let without = app.register(machine("without", &[])).await;
    assert_error(&ask(&without, &[("resource", API)]).await, 400, "invalid_target");
    let gone = app.register(machine("gone", &["https://gone.example"])).await;
    assert_error(&ask(&gone, &[]).await, 400, "invalid_target");

    // Without any resource it is a token for us, which opens nothing here.
    let answer = ask(&without, &[("scope", "openid api:read")]).await.json();
    assert_eq!(answer["scope"], "");
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!(without.introspect(token).await["aud"], app.base_url);
    assert_eq!(without.userinfo(token).await.status, 403);

    // And no code flow for a machine that registered for none.
    let answer = crate::support::Browser::new(&app).get(&without.url(&[])).await;
    assert_eq!(without.error(&answer), "unauthorized_client");
    let mut nobody = without.clone();
    nobody.secret = Some("wrong".into());
    assert_error(&ask(&nobody, &[]).await, 401, "invalid_client");
}
