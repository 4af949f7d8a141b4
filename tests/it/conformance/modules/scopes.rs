//! Scopes and claims (Core §5.4, §5.5).

use serde_json::{Value, json};

use crate::conformance::party::Tokens;
use crate::conformance::provider::Provider;

const PROFILE: &[&str] = &[
    "name",
    "family_name",
    "given_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "updated_at",
];
const SCOPES: [(&str, &[&str]); 4] = [
    ("profile", PROFILE),
    ("email", &["email", "email_verified"]),
    ("address", &["address"]),
    ("phone", &["phone_number", "phone_number_verified"]),
];

/// Asks for scopes. UserInfo then has a claim of each that the provider knows, and none of a scope that was not asked
/// for. What the suite skips, a scope that the provider does not list, must be ignored (RFC 6749 §3.3).
async fn asked(op: &Provider, scope: &str) -> Tokens {
    let party = op.register(json!({})).await;
    let tokens = party.flow(&op.browser(), &[("scope", scope)]).await;
    for (name, claims) in SCOPES {
        let wanted = scope.split(' ').any(|one| one == name) && op.lists("scopes_supported", name);
        let given = claims
            .iter()
            .filter(|claim| !tokens.userinfo[**claim].is_null())
            .count();
        assert_eq!(given > 0, wanted, "{name}: {}", tokens.userinfo);
    }
    tokens
}

/// Core §5.4: `profile`, whose claims come from UserInfo.
pub async fn scope_profile(op: &Provider) {
    let tokens = asked(op, "openid profile").await;
    assert!(tokens.userinfo["name"].is_string());
    assert_eq!(
        tokens.claims["name"],
        Value::Null,
        "not in the ID token unless asked for there"
    );
}

/// Core §5.4: `email`.
pub async fn scope_email(op: &Provider) {
    asked(op, "openid email").await;
}

/// Core §5.4: `address`.
pub async fn scope_address(op: &Provider) {
    asked(op, "openid address").await;
}

/// Core §5.4: `phone`.
pub async fn scope_phone(op: &Provider) {
    asked(op, "openid phone").await;
}

/// Core §5.4: all four.
pub async fn scope_all(op: &Provider) {
    asked(op, "openid profile email address phone").await;
}

/// RFC 6749 §3.3: neither the order of the scopes nor that of the parameters matters.
pub async fn alternate_happy_flow(op: &Provider) {
    let party = op.register(json!({})).await;
    let browser = op.browser();
    let mut request = party.request(&[("scope", "email openid")]);
    request.reverse();
    let visit = op.visit(&browser, &party.url(&request)).await;
    let tokens = party.redeem(&party.read(request, visit)).await;
    assert!(tokens.userinfo["email"].is_string());
}

/// Core §5.5: `name`, asked of UserInfo by the `claims` parameter, comes from there and only there.
pub async fn claims_essential(op: &Provider) {
    let party = op.register(json!({})).await;
    let claims = json!({"userinfo": {"name": {"essential": true}}}).to_string();
    let tokens = party.flow(&op.browser(), &[("claims", &claims)]).await;
    assert!(tokens.userinfo["name"].is_string(), "{}", tokens.userinfo);
    assert_eq!(tokens.claims["name"], Value::Null);
}
