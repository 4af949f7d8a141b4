//! RP-initiated logout (RP-Initiated Logout 1.0).

use serde_json::{Value, json};
use tchap_connect::secret::random_token;

use super::discovery::{check_address, check_addresses};
use super::request_objects::unsigned;
use super::sessions::assert_needs_agent;
use crate::conformance::keys::PartyKey;
use crate::conformance::party::{Party, Tokens};
use crate::conformance::provider::{Provider, Visit, merge};
use crate::support::Browser;

/// Beside the callback, as the suite has it.
pub const POST_LOGOUT: &str = "https://localhost.emobix.co.uk:8443/test/a/restated/post_logout_redirect";

/// Somebody who is signed in, and may be signed out.
pub struct SignedIn<'a> {
    pub party: Party<'a>,
    pub browser: Browser,
    pub tokens: Tokens,
}

impl<'a> SignedIn<'a> {
    pub async fn with(op: &'a Provider, more: Value) -> Self {
        let mut metadata = json!({"post_logout_redirect_uris": [POST_LOGOUT]});
        merge(&mut metadata, &more);
        let party = op.register(metadata).await;
        let browser = op.browser();
        let tokens = party.flow(&browser, &[]).await;
        Self { party, browser, tokens }
    }

    async fn new(op: &'a Provider) -> Self {
        Self::with(op, json!({})).await
    }

    /// The address that asks for a logout.
    pub fn url(&self, parameters: &[(&str, &str)]) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish();
        format!("{}?{query}", self.party.op.text("end_session_endpoint"))
    }

    /// Asks for a logout, and confirms it where the provider asks.
    pub async fn leave(&self, parameters: &[(&str, &str)]) -> Visit {
        self.party.op.visit(&self.browser, &self.url(parameters)).await
    }

    /// The suite's own request, with some of its parameters replaced: hint, redirect URI, state.
    async fn usual(&self, hint: Option<&str>, redirect_uri: Option<&str>, state: Option<&str>) -> Visit {
        let all = [
            ("id_token_hint", hint),
            ("post_logout_redirect_uri", redirect_uri),
            ("state", state),
        ];
        let given: Vec<_> = all
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        self.leave(&given).await
    }

    /// `prompt=none` finds nobody any more.
    pub async fn assert_out(&self) {
        let answer = self.party.authorize(&self.browser, &[("prompt", "none")]).await;
        assert_needs_agent(&answer);
    }

    /// A page of the provider's, no redirect: an error, or what comes after a confirmed logout.
    async fn assert_stays(&self, visit: &Visit) {
        assert!(!visit.page.status.is_redirection(), "{:?}", visit.page);
        assert!(visit.page.header("content-type").starts_with("text/html"));
        assert!(!visit.page.body.contains(POST_LOGOUT), "{}", visit.page.body);
        assert!(
            visit.page.status.is_client_error() || visit.confirmations == 1,
            "{:?}",
            visit.page
        );
    }

    /// The page that says so, and no redirect.
    async fn assert_signed_out_here(&self, visit: &Visit) {
        assert_eq!(visit.page.status, 200);
        assert!(visit.page.has("signed-out"), "{}", visit.page.body);
        self.assert_out().await;
    }
}

/// 128 characters, as the suite's.
fn long_state() -> String {
    [0; 3]
        .map(|_| random_token().unwrap())
        .concat()
        .chars()
        .take(128)
        .collect()
}

/// §2.1: the endpoint is published.
pub async fn discovery_endpoint_verification(op: &Provider) {
    check_addresses(op);
    check_address(op.text("end_session_endpoint"));
}

/// §2, §3: with a hint, back to the registered address, with the state as it was, and out.
pub async fn rp_initiated_logout(op: &Provider) {
    let session = SignedIn::new(op).await;
    let state = long_state();
    let visit = session
        .usual(Some(&session.tokens.id_token), Some(POST_LOGOUT), Some(&state))
        .await;
    assert!(visit.page.status.is_redirection(), "{:?}", visit.page);
    assert_eq!(visit.page.header("location"), format!("{POST_LOGOUT}?state={state}"));
    session.assert_out().await;
}

/// §3: without a state none is added.
pub async fn no_state(op: &Provider) {
    let session = SignedIn::new(op).await;
    let visit = session
        .usual(Some(&session.tokens.id_token), Some(POST_LOGOUT), None)
        .await;
    assert_eq!(visit.page.header("location"), POST_LOGOUT);
    session.assert_out().await;
}

/// §3: never to an address that is not registered.
pub async fn bad_post_logout_redirect_uri(op: &Provider) {
    let session = SignedIn::new(op).await;
    let other = format!("{POST_LOGOUT}/unregistered");
    let visit = session
        .usual(Some(&session.tokens.id_token), Some(&other), Some("state"))
        .await;
    session.assert_stays(&visit).await;
}

/// §3: nor to a registered one with a query added.
pub async fn query_added_to_post_logout_redirect_uri(op: &Provider) {
    let session = SignedIn::new(op).await;
    let other = format!("{POST_LOGOUT}?foo=bar");
    let visit = session
        .usual(Some(&session.tokens.id_token), Some(&other), Some("state"))
        .await;
    session.assert_stays(&visit).await;
}

/// §2: a hint whose signature was taken off is no hint.
pub async fn modified_id_token_hint(op: &Provider) {
    let session = SignedIn::new(op).await;
    let hint = unsigned(&session.tokens.claims);
    let visit = session.usual(Some(&hint), Some(POST_LOGOUT), Some("state")).await;
    session.assert_stays(&visit).await;
}

/// §2: nor is one that somebody else signed.
pub async fn bad_id_token_hint(op: &Provider) {
    let session = SignedIn::new(op).await;
    let hint = PartyKey::new("forged").sign(&session.tokens.claims);
    let visit = session.usual(Some(&hint), Some(POST_LOGOUT), Some("state")).await;
    session.assert_stays(&visit).await;
}

/// §2, §3: without a hint nobody is sent anywhere.
pub async fn no_id_token_hint(op: &Provider) {
    let session = SignedIn::new(op).await;
    let visit = session.usual(None, Some(POST_LOGOUT), Some("state")).await;
    session.assert_stays(&visit).await;
}

/// §2: every parameter is optional.
pub async fn no_params(op: &Provider) {
    let session = SignedIn::new(op).await;
    let visit = session.usual(None, None, None).await;
    session.assert_signed_out_here(&visit).await;
}

/// §2: a hint alone.
pub async fn no_post_logout_redirect_uri(op: &Provider) {
    let session = SignedIn::new(op).await;
    let visit = session.usual(Some(&session.tokens.id_token), None, Some("state")).await;
    session.assert_signed_out_here(&visit).await;
}

/// §2: a state alone.
pub async fn only_state(op: &Provider) {
    let session = SignedIn::new(op).await;
    let visit = session.usual(None, None, Some("state")).await;
    session.assert_signed_out_here(&visit).await;
}
