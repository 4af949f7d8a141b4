//! Relying parties that are told of a logout: Back-Channel Logout 1.0, Front-Channel Logout 1.0.

use serde_json::{Value, json};
use tchap_connect::jobs::logout_delivery::deliver_due;

use super::discovery::{check_address, check_addresses};
use super::logout::{POST_LOGOUT, SignedIn};
use crate::conformance::provider::{CALLBACK, Provider};
use crate::support::html::tags;

fn check_support(op: &Provider, supported: &str, with_sessions: &str) {
    check_addresses(op);
    check_address(op.text("end_session_endpoint"));
    assert_eq!(op.metadata[supported], true);
    assert_eq!(op.metadata[with_sessions], true, "required by the profile");
}

/// Back-Channel §2.1: what discovery says of it.
pub async fn backchannel_discovery(op: &Provider) {
    check_support(
        op,
        "backchannel_logout_supported",
        "backchannel_logout_session_supported",
    );
}

/// Front-Channel §3: likewise.
pub async fn frontchannel_discovery(op: &Provider) {
    check_support(
        op,
        "frontchannel_logout_supported",
        "frontchannel_logout_session_supported",
    );
}

/// Back-Channel §2.4 to §2.6: one POST with a logout token; then back to the relying party, and out.
pub async fn backchannel_rp_initiated_logout(op: &Provider) {
    let uri = op.site.url("/backchannel_logout");
    let registered = json!({"backchannel_logout_uri": uri, "backchannel_logout_session_required": true});
    let session = SignedIn::with(op, registered).await;
    let request = [
        ("id_token_hint", session.tokens.id_token.as_str()),
        ("post_logout_redirect_uri", POST_LOGOUT),
        ("state", "state"),
    ];
    let visit = session.leave(&request).await;
    assert_eq!(visit.page.header("location"), format!("{POST_LOGOUT}?state=state"));
    deliver_due(&op.app().app, op.now()).await.unwrap();

    let posted = op.site.posted();
    let [(path, body)] = &posted[..] else {
        panic!("not one request: {posted:?}")
    };
    assert_eq!(path, "/backchannel_logout");
    let token = body.strip_prefix("logout_token=").expect("that member alone");
    let claims = session.party.check_jwt(token).await;
    assert!(
        claims["iat"].as_i64().is_some_and(|iat| (op.now() - iat).abs() < 300),
        "{claims}"
    );
    assert!(claims["jti"].is_string());
    let event = "http://schemas.openid.net/event/backchannel-logout";
    assert_eq!(claims["events"], json!({event: {}}));
    assert_eq!(claims["nonce"], Value::Null, "prohibited");
    for same in ["sub", "sid"] {
        assert!(claims[same].is_string());
        assert_eq!(claims[same], session.tokens.claims[same], "{same}");
    }
    session.assert_out().await;
}

/// Front-Channel §2: a frame at the registered address with `iss` and `sid`; then back, and out.
pub async fn frontchannel_rp_initiated_logout(op: &Provider) {
    let uri = CALLBACK.replace("callback", "frontchannel_logout");
    let registered = json!({"frontchannel_logout_uri": uri, "frontchannel_logout_session_required": true});
    let session = SignedIn::with(op, registered).await;
    let request = [
        ("id_token_hint", session.tokens.id_token.as_str()),
        ("post_logout_redirect_uri", POST_LOGOUT),
        ("state", "state"),
    ];
    let page = session.leave(&request).await.page;
    let frames = tags(&page.body).into_iter().filter(|tag| tag.name == "iframe");
    let frames: Vec<_> = frames
        .map(|tag| tag.get("src").unwrap_or_default().to_owned())
        .collect();
    let [frame] = &frames[..] else {
        panic!("not one frame: {frames:?}")
    };
    let parameters = frame
        .strip_prefix(&format!("{uri}?"))
        .unwrap_or_else(|| panic!("{frame}"));
    let parameters: Vec<_> = url::form_urlencoded::parse(parameters.as_bytes())
        .into_owned()
        .collect();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let expected = [
        ("iss", op.text("issuer").to_owned()),
        ("sid", text(&session.tokens.claims["sid"])),
    ];
    assert_eq!(parameters, expected.map(|(name, value)| (name.to_owned(), value)));
    let (_, target) = page
        .header("refresh")
        .split_once(";url=")
        .expect("then back, without JavaScript");
    assert_eq!(target, format!("{POST_LOGOUT}?state=state"));
    session.assert_out().await;
}
