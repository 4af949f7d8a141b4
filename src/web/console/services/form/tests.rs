//! What the form of a client reads and writes.

use super::*;
use serde_json::json;

#[test]
fn what_the_form_shows_is_what_it_reads() {
    let metadata = ClientMetadata {
        client_id: "c".into(),
        name: "Service".into(),
        redirect_uris: vec!["https://a.example/cb".into(), "http://localhost:8000/cb".into()],
        token_endpoint_auth_method: Some(ClientAuthMethod::PrivateKeyJwt),
        grant_types: [GrantType::AuthorizationCode, GrantType::RefreshToken].into(),
        scopes: ["email", "offline_access", "orders.read"].map(String::from).into(),
        default_max_age: Some(3600),
        keys: crate::protocol::client::ClientKeys {
            jwks: Some(json!({"keys": []})),
            jwks_uri: None,
        },
        admits_guests: true,
        admission: serde_json::from_value(json!({
            "administrations": {"siren": ["130025265"], "branches": ["etat"]}, "populations": ["partenaire"],
        }))
        .unwrap(),
        ..ClientMetadata::default()
    };
    let read = read(&write(&metadata), metadata.clone()).unwrap();
    let sorted = |mut metadata: ClientMetadata| {
        metadata.scopes.sort();
        metadata
    };
    assert_eq!(sorted(read), sorted(metadata));
}

#[test]
fn what_cannot_be_read_is_told_at_its_field() {
    let mut typed = write(&ClientMetadata::default());
    for (field, value) in [
        ("application_type", "robot"),
        ("token_endpoint_auth_method", "tls"),
        ("id_token_signed_response_alg", "none"),
        ("default_max_age", "an hour"),
        ("jwks", "{"),
    ] {
        typed.insert(field.to_owned(), value.to_owned());
    }
    let problems = read(&typed, ClientMetadata::default()).unwrap_err();
    let fields: Vec<_> = problems.iter().map(field_of).collect();
    assert_eq!(
        fields,
        [
            "application_type",
            "token_endpoint_auth_method",
            "id_token_signed_response_alg",
            "default_max_age",
            "jwks"
        ]
    );
}

#[test]
fn signed_requests_need_keys_and_an_algorithm_of_assertions_their_method() {
    let mut typed = write(&ClientMetadata::default());
    for (field, value) in [
        ("request_object_signing_alg", "ES256"),
        ("request_uris", "https://a.example/r"),
        ("token_endpoint_auth_signing_alg", "ES256"),
    ] {
        typed.insert(field.to_owned(), value.to_owned());
    }
    let problems = read(&typed, ClientMetadata::default()).unwrap_err();
    let fields: Vec<_> = problems.iter().map(field_of).collect();
    let all = [
        "request_object_signing_alg",
        "request_uris",
        "token_endpoint_auth_signing_alg",
    ];
    assert_eq!(fields, all);
    typed.insert("jwks_uri".to_owned(), "https://a.example/jwks".to_owned());
    typed.insert("token_endpoint_auth_method".to_owned(), "private_key_jwt".to_owned());
    let read = read(&typed, ClientMetadata::default()).unwrap();
    assert_eq!(read.requests.request_uris, ["https://a.example/r"]);
    assert!(read.algorithms.request_object_signing_alg.is_some());
}
