//! Signatures: what the provider signs with, and what its clients do.

use serde_json::{Value, json};

use super::core::{offline, refresh};
use super::discovery::check_keys;
use super::request_objects::{ask, claims, outside, unsigned};
use crate::conformance::keys::PartyKey;
use crate::conformance::party::{Party, is_vschar};
use crate::conformance::provider::Provider;
use crate::support::relying_party::{part, payload};

/// Registration §2, Core §3.1.3.7: an ID token by RS256 for who asks for it.
pub async fn idtoken_rs256(op: &Provider) {
    let party = op.register(json!({"id_token_signed_response_alg": "RS256"})).await;
    let tokens = party.flow(&op.browser(), &[]).await;
    assert_eq!(part(&tokens.id_token, 0)["alg"], "RS256");
}

/// Core §5.3.2: UserInfo as a JWT by RS256, with `iss` and `aud`, and no nonce.
pub async fn userinfo_rs256(op: &Provider) {
    assert!(op.lists("userinfo_signing_alg_values_supported", "RS256"));
    let party = op.register(json!({"userinfo_signed_response_alg": "RS256"})).await;
    let answer = party.authorize(&op.browser(), &[]).await;
    let response = party.granted(&party.token(&party.code_form(answer.code())).await);
    let request = op.http.request(http::Method::GET, op.text("userinfo_endpoint"));
    let page = op
        .http
        .send(request.bearer_auth(response["access_token"].as_str().unwrap()))
        .await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(
        page.header("content-type").starts_with("application/jwt"),
        "{:?}",
        page.headers
    );
    let claims = party.check_jwt(&page.body).await;
    assert_eq!(part(&page.body, 0)["alg"], "RS256");
    assert_eq!(claims["sub"], payload(response["id_token"].as_str().unwrap())["sub"]);
    assert_eq!(claims["nonce"], Value::Null);
}

/// Core §10.1.1: after a rotation there is a new key, and the old one is still there.
pub async fn server_rotate_keys(op: &Provider) {
    let keys = async || check_keys(&op.get(op.text("jwks_uri")).await.json());
    let before = keys().await;
    let app = &op.app().app;
    app.keys.rotate(&app.store, app.clock.now(), false).await.unwrap();
    let after = keys().await;
    assert!(after.is_superset(&before) && after.len() > before.len());
}

async fn by_reference(op: &Provider, key: PartyKey) -> Party<'_> {
    let jwks_uri = op
        .site
        .serve("/jwks", "application/json", key.jwks().to_string().as_bytes());
    let metadata = json!({
        "token_endpoint_auth_method": "private_key_jwt",
        "grant_types": ["authorization_code", "refresh_token"],
        "jwks": null,
        "jwks_uri": jwks_uri,
    });
    let mut party = op.register(metadata).await;
    party.key = Some(key.into());
    party
}

/// Registration §2: keys by `jwks_uri`.
pub async fn registration_jwks_uri(op: &Provider) {
    let party = by_reference(op, PartyKey::new("first")).await;
    party.flow(&op.browser(), &[]).await;
}

/// Core §10.1.1: a client changes its key at its `jwks_uri`, and goes on.
pub async fn refresh_token_rp_key_rotation(op: &Provider) {
    let mut party = by_reference(op, PartyKey::new("first")).await;
    let tokens = party.flow(&op.browser(), &offline(op)).await;
    let refresh_token = tokens.response["refresh_token"].as_str().expect("a refresh token");
    assert!(is_vschar(refresh_token));
    let second = PartyKey::new("second");
    op.site
        .serve("/jwks", "application/json", second.jwks().to_string().as_bytes());
    party.key = Some(second.into());
    op.wait(60).await;
    refresh(&party, &tokens, refresh_token, None).await;
}

/// A request whose object waits at an address of the client's.
async fn request_uri(op: &Provider, metadata: Value, object: impl Fn(&Party<'_>, &Value) -> String) {
    assert_ne!(op.metadata["request_uri_parameter_supported"], false);
    let reference = op.site.url("/request.jwt");
    let mut wanted = json!({"request_uris": [reference]});
    crate::conformance::provider::merge(&mut wanted, &metadata);
    let party = op.register(wanted).await;
    let inner = party.request(&[]);
    op.site.serve(
        "/request.jwt",
        "application/jose",
        object(&party, &claims(&party, &inner)).as_bytes(),
    );
    let answer = ask(&party, inner.clone(), &outside(&inner, "request_uri", &reference)).await;
    party.redeem(&answer).await;
}

/// Core §6.2, §15.2: an unsigned request object by reference.
pub async fn request_uri_unsigned(op: &Provider) {
    request_uri(op, json!({"request_object_signing_alg": "none"}), |_, claims| {
        unsigned(claims)
    })
    .await;
}

/// Core §6.2: one signed by RS256.
pub async fn request_uri_signed_rs256(op: &Provider) {
    assert!(op.lists("request_object_signing_alg_values_supported", "RS256"));
    let sign = |party: &Party<'_>, claims: &Value| party.key.as_ref().expect("a key").sign(claims);
    request_uri(op, json!({"request_object_signing_alg": "RS256"}), sign).await;
}

/// RFC 7523 §3, Core §9: a client assertion for the issuer.
pub async fn ensure_client_assertion_with_iss_aud_succeeds(op: &Provider) {
    let mut party = op.register(json!({})).await;
    party.audience = op.text("issuer").to_owned();
    party.flow(&op.browser(), &[]).await;
}
