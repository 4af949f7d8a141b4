//! Codes, tokens, ID tokens, UserInfo, client authentication.

use http::Method;
use serde_json::{Value, json};

use crate::conformance::party::{Party, Tokens, checked_userinfo, is_vschar};
use crate::conformance::provider::{CALLBACK, Provider};
use crate::support::WITHOUT;
use crate::support::relying_party::{CHALLENGE, part, payload};

/// Core §3.1: the whole code flow, with the plan's client authentication (Basic: the secret in the header).
pub async fn server(op: &Provider) {
    let party = op.register(json!({})).await;
    party.flow(&op.browser(), &[]).await;
}

/// Core §9: the same with the secret in the form.
pub async fn server_client_secret_post(op: &Provider) {
    let party = op
        .register(json!({"token_endpoint_auth_method": "client_secret_post"}))
        .await;
    party.flow(&op.browser(), &[]).await;
}

/// RFC 6749 §3.1.1, §4.1.2.1: a request without `response_type` is an error page, or an error at the redirect URI.
pub async fn response_type_missing(op: &Provider) {
    let party = op.register(json!({})).await;
    let request = party.request(&[("response_type", WITHOUT)]);
    let visit = op.visit(&op.browser(), &party.url(&request)).await;
    if visit.page.status.is_client_error() {
        return;
    }
    let answer = party.read(request, visit);
    assert!(
        ["invalid_request", "unsupported_response_type"].contains(&answer.error()),
        "{answer:?}"
    );
}

/// Core §3.1.3.7, §10.1: a client that registers no algorithm gets RS256, with a `kid`.
pub async fn idtoken_signature(op: &Provider) {
    let party = op.register(json!({})).await;
    let tokens = party.flow(&op.browser(), &[]).await;
    let header = part(&tokens.id_token, 0);
    assert_eq!(header["alg"], "RS256");
    assert!(header["kid"].as_str().is_some_and(|kid| !kid.is_empty()), "{header}");
}

/// Core §3.1.3.7: unsigned ID tokens, where the provider lists them (the suite skips this where it does not). One that
/// does not list them refuses to register for them (Registration §2).
pub async fn idtoken_unsigned(op: &Provider) {
    let metadata = json!({"id_token_signed_response_alg": "none"});
    if op.lists("id_token_signing_alg_values_supported", "none") {
        let party = op.register(metadata).await;
        let answer = party.authorize(&op.browser(), &[]).await;
        let response = party.granted(&party.token(&party.code_form(answer.code())).await);
        assert_eq!(part(response["id_token"].as_str().unwrap(), 0)["alg"], "none");
    } else {
        let answer = op.registration(metadata).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]),
            (400, &json!("invalid_client_metadata"))
        );
    }
}

/// Core §5.3.1: UserInfo by GET, with the token in the header.
pub async fn userinfo_get(op: &Provider) {
    let party = op.register(json!({})).await;
    let tokens = party.flow(&op.browser(), &[]).await;
    let userinfo = party.userinfo(&tokens.access_token).await;
    assert_eq!(userinfo["sub"], tokens.claims["sub"], "Core 5.3.2");
}

/// Core §5.3.1: UserInfo by POST, with the token in the header.
pub async fn userinfo_post_header(op: &Provider) {
    let party = op.register(json!({})).await;
    let tokens = party.flow(&op.browser(), &[]).await;
    let request = op.http.request(Method::POST, op.text("userinfo_endpoint"));
    let userinfo = checked_userinfo(&op.http.send(request.bearer_auth(&tokens.access_token)).await);
    assert_eq!(userinfo["sub"], tokens.claims["sub"], "Core 5.3.2");
}

/// RFC 6750 §2.2: UserInfo by POST, with the token in the form.
pub async fn userinfo_post_body(op: &Provider) {
    let party = op.register(json!({})).await;
    let tokens = party.flow(&op.browser(), &[]).await;
    let request = op.http.request(Method::POST, op.text("userinfo_endpoint"));
    let userinfo = checked_userinfo(
        &op.http
            .send(request.form(&[("access_token", &tokens.access_token)]))
            .await,
    );
    assert_eq!(userinfo["sub"], tokens.claims["sub"], "Core 5.3.2");
}

/// Core §3.1.2.1: the nonce is optional in the code flow, and then absent from the ID token.
pub async fn ensure_request_without_nonce_succeeds_for_code_flow(op: &Provider) {
    let party = op.register(json!({})).await;
    let tokens = party.flow(&op.browser(), &[("nonce", WITHOUT)]).await;
    assert_eq!(tokens.claims["nonce"], Value::Null);
}

async fn reuse(op: &Provider, after: u32) -> (Party<'_>, Tokens) {
    let party = op.register(json!({})).await;
    let answer = party.authorize(&op.browser(), &[]).await;
    let tokens = party.redeem(&answer).await;
    op.wait(after).await;
    party.denied(&party.token(&party.code_form(answer.code())).await, "invalid_grant");
    (party, tokens)
}

/// RFC 6749 §4.1.2, Core §3.1.3.4: a code serves once.
pub async fn codereuse(op: &Provider) {
    reuse(op, 0).await;
}

/// RFC 6749 §4.1.2: half a minute later too, and the access token of the first use is then dead.
pub async fn codereuse_30seconds(op: &Provider) {
    let (_, tokens) = reuse(op, 30).await;
    let request = op.http.request(Method::GET, op.text("userinfo_endpoint"));
    let answer = op.http.send(request.bearer_auth(&tokens.access_token)).await;
    assert_eq!(answer.status, 401, "{}", answer.body);
}

/// Core §3.1.2.1: a redirect URI that is not registered gets a page, never a redirect.
pub async fn ensure_registered_redirect_uri(op: &Provider) {
    let party = op.register(json!({})).await;
    let other = format!("{CALLBACK}/unregistered");
    party.refused(&op.browser(), &[("redirect_uri", &other)]).await;
}

/// Core §3.1.2.1: the authorization endpoint takes POST.
pub async fn ensure_post_request_succeeds(op: &Provider) {
    let party = op.register(json!({})).await;
    let browser = op.browser();
    let request = party.request(&[]);
    let fields: Vec<_> = request
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let page = browser.post(op.text("authorization_endpoint"), &fields).await;
    let page = browser.follow(page).await;
    let visit = op.walk(&browser, page).await;
    party.redeem(&party.read(request, visit)).await;
}

/// Core §3.1.2.1, RFC 6749 §3.1: a parameter that nobody knows is ignored.
pub async fn ensure_request_with_unknown_parameter_succeeds(op: &Provider) {
    let party = op.register(json!({})).await;
    party.flow(&op.browser(), &[("extra", "foobar")]).await;
}

/// RFC 7636 §4: PKCE of a client that also has a secret.
pub async fn ensure_request_with_valid_pkce_succeeds(op: &Provider) {
    let party = op.register(json!({})).await;
    let pkce = [("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
    let answer = party.authorize(&op.browser(), &pkce).await;
    party.redeem(&answer).await;
}

/// The request by which a client of the suite comes to a refresh token.
pub fn offline(op: &Provider) -> Vec<(&'static str, &'static str)> {
    match op.lists("scopes_supported", "offline_access") {
        true => vec![("scope", "openid offline_access"), ("prompt", "consent")],
        false => Vec::new(),
    }
}

/// A refresh, checked: other tokens, the same claims (Core §12.2). Returns the refresh token to use from now on.
pub async fn refresh(party: &Party<'_>, tokens: &Tokens, refresh_token: &str, scope: Option<&str>) -> String {
    let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
    form.extend(scope.map(|scope| ("scope", scope)));
    party.op.wait(1).await;
    let response = party.granted(&party.token(&form).await);
    let access_token = response["access_token"].as_str().unwrap();
    assert_ne!(access_token, tokens.access_token);
    if let Some(id_token) = response["id_token"].as_str() {
        let claims = payload(id_token);
        for same in ["iss", "sub", "aud", "azp", "auth_time"] {
            assert_eq!(claims[same], tokens.claims[same], "{same}");
        }
        assert!(claims["iat"].as_i64() > tokens.claims["iat"].as_i64());
    }
    assert_eq!(party.userinfo(access_token).await["sub"], tokens.claims["sub"]);
    let next = response["refresh_token"].as_str().unwrap_or(refresh_token);
    assert!(is_vschar(next) && next.len() >= 22, "RFC 6749 10.10");
    next.to_owned()
}

/// RFC 6749 §6, Core §12: refresh tokens work, and only for the client that they were issued to.
pub async fn refresh_token(op: &Provider) {
    let metadata = json!({"grant_types": ["authorization_code", "refresh_token"]});
    let (one, two) = (op.register(metadata.clone()).await, op.register(metadata).await);
    let request = offline(op);
    let mut last = String::new();
    for (party, scope) in [(&one, request.first().map(|(_, scope)| *scope)), (&two, None)] {
        let tokens = party.flow(&op.browser(), &request).await;
        let first = tokens.response["refresh_token"].as_str().expect("a refresh token");
        assert!(op.lists("grant_types_supported", "refresh_token"));
        last = refresh(party, &tokens, first, scope).await;
    }
    let form = [("grant_type", "refresh_token"), ("refresh_token", last.as_str())];
    one.denied(&one.token(&form).await, "invalid_grant");
}
