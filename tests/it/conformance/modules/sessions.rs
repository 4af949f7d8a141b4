//! Single sign-on, fresh logins, and the parameters that only advise (Core §3.1.2.1).

use serde_json::json;
use url::Url;

use crate::conformance::party::{Answer, Tokens};
use crate::conformance::provider::Provider;

/// A flow, then another one in the same browser. Returns the tokens of both, and the second answer.
async fn twice(op: &Provider, first: &[(&str, &str)], second: &[(&str, &str)], after: u32) -> (Tokens, Tokens, Answer) {
    let party = op.register(json!({})).await;
    let browser = op.browser();
    let one = party.flow(&browser, first).await;
    op.wait(after).await;
    let hint: Vec<_> = second
        .iter()
        .map(|(name, value)| {
            (
                *name,
                if *name == "id_token_hint" {
                    &one.id_token
                } else {
                    *value
                },
            )
        })
        .collect();
    let answer = party.authorize(&browser, &hint).await;
    let two = party.redeem(&answer).await;
    (one, two, answer)
}

/// Two flows of which the second needs no login: same agent, same `auth_time` (Core §2).
async fn same(op: &Provider, first: &[(&str, &str)], second: &[(&str, &str)]) -> (Tokens, Answer) {
    let (one, two, answer) = twice(op, first, second, 1).await;
    assert_eq!(answer.visit.logins, 0);
    for same in ["sub", "auth_time"] {
        assert_eq!(one.claims[same], two.claims[same], "{same}");
    }
    (two, answer)
}

/// A flow that a parameter may not harm.
async fn harmless(op: &Provider, name: &str, value: &str) {
    let party = op.register(json!({})).await;
    party.flow(&op.browser(), &[(name, value)]).await;
}

/// Core §3.1.2.1: `display=page`.
pub async fn display_page(op: &Provider) {
    harmless(op, "display", "page").await;
}

/// Core §3.1.2.1: `display=popup`.
pub async fn display_popup(op: &Provider) {
    harmless(op, "display", "popup").await;
}

/// Core §3.1.2.1: `ui_locales` in a language that the provider may not speak.
pub async fn ui_locales(op: &Provider) {
    harmless(op, "ui_locales", "se").await;
}

/// Core §5.2: `claims_locales` likewise.
pub async fn claims_locales(op: &Provider) {
    harmless(op, "claims_locales", "se").await;
}

/// Core §3.1.2.1: a `login_hint` for somebody unknown.
pub async fn login_hint(op: &Provider) {
    let issuer = Url::parse(op.text("issuer")).unwrap();
    harmless(op, "login_hint", &format!("buffy@{}", issuer.host_str().unwrap())).await;
}

/// Core §3.1.2.1: with `acr_values`, a level of the list comes back.
pub async fn ensure_request_with_acr_values_succeeds(op: &Provider) {
    let party = op.register(json!({})).await;
    let listed = op.metadata["acr_values_supported"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let values: Vec<_> = listed.iter().filter_map(|value| value.as_str()).collect();
    let values = if values.is_empty() { vec!["1", "2"] } else { values };
    let tokens = party.flow(&op.browser(), &[("acr_values", &values.join(" "))]).await;
    let acr = tokens.claims["acr"].as_str();
    assert!(acr.is_some_and(|acr| values.contains(&acr)), "{acr:?} of {values:?}");
}

/// Core §3.1.2.1: `prompt=login` asks for a login although there was one; `auth_time`, if there, is later.
pub async fn prompt_login(op: &Provider) {
    let (one, two, answer) = twice(op, &[], &[("prompt", "login")], 2).await;
    assert_eq!(answer.visit.logins, 1, "asked again");
    let times = (one.claims["auth_time"].as_i64(), two.claims["auth_time"].as_i64());
    assert!(times.0.is_none() || times.0 < times.1, "{times:?}");
}

/// Core §3.1.2.6: `prompt=none` without a session is an error that says so, with the whole `state`.
pub async fn prompt_none_not_logged_in(op: &Provider) {
    let party = op.register(json!({})).await;
    let state = "s".repeat(128);
    let answer = party
        .authorize(&op.browser(), &[("prompt", "none"), ("state", &state)])
        .await;
    assert_needs_agent(&answer);
}

/// Core §3.1.2.6: one of the errors that name what `prompt=none` forbids.
pub fn assert_needs_agent(answer: &Answer) {
    let errors = [
        "interaction_required",
        "login_required",
        "account_selection_required",
        "consent_required",
    ];
    assert!(errors.contains(&answer.error()), "{answer:?}");
    assert_eq!(answer.visit.logins + answer.visit.consents, 0);
}

/// Core §3.1.2.1: `prompt=none` with a session is answered at once, for the same login.
pub async fn prompt_none_logged_in(op: &Provider) {
    let (_, answer) = same(op, &[], &[("prompt", "none")]).await;
    assert_eq!(answer.visit.consents, 0);
}

/// Core §3.1.2.1: a login older than `max_age` is renewed, and `auth_time` tells.
pub async fn max_age_1(op: &Provider) {
    let (one, two, answer) = twice(op, &[], &[("max_age", "1")], 2).await;
    assert_eq!(answer.visit.logins, 1, "asked again");
    let time = two.claims["auth_time"]
        .as_i64()
        .expect("auth_time, since max_age was asked");
    assert!(one.claims["auth_time"].as_i64().is_none_or(|first| first < time));
    assert!(two.claims["iat"].as_i64().unwrap() - time < 60);
}

/// Core §3.1.2.1: one that is younger serves, and `auth_time` tells too.
pub async fn max_age_10000(op: &Provider) {
    let max_age = [("max_age", "10000")];
    let (two, _) = same(op, &max_age, &max_age).await;
    assert!(two.claims["auth_time"].is_i64());
}

/// Core §3.1.2.1: the ID token of the first flow as a hint, with `prompt=none`.
pub async fn id_token_hint(op: &Provider) {
    same(op, &[], &[("prompt", "none"), ("id_token_hint", "of the first flow")]).await;
}
