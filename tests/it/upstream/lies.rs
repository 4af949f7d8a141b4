//! A hostile homeserver: it never yields a login, and its token is signed out whatever it says.

use futures_util::future::join_all;
use serde_json::json;
use tchap_connect::{domain::homeserver::Way, upstream::UpstreamError};

use super::*;
use crate::support::homeserver::{Account, AccountState, Endpoint, Lie, ScriptedHomeserver};

/// The endpoints that a login passes through before it signs out, and how many tokens exist by then.
const STEPS: [(Endpoint, usize); 4] = [
    (Endpoint::Login, 0),
    (Endpoint::Whoami, 1),
    (Endpoint::ThirdPartyIds, 1),
    (Endpoint::Profile, 1),
];

async fn refused(lie: Lie, kind: &str) {
    refused_by(&upstream(), lie, kind).await;
}

async fn refused_by(upstream: &Upstream, lie: Lie, kind: &str) {
    let cases = STEPS.into_iter().flat_map(|step| BOTH.map(|way| (step, way)));
    // All at once: some of them only end with the time limit.
    join_all(cases.map(async |((endpoint, issued), way)| {
        let homeserver = homeserver(AccountState::Active).await;
        homeserver.script(endpoint, lie.clone());
        let login = sign_in(upstream, &homeserver, way).await;
        assert_eq!(
            login.map_err(|error| error.kind()),
            Err(kind),
            "{lie:?} at {endpoint:?} by {way}"
        );
        assert_nothing_left(&homeserver, issued);
    }))
    .await;
    let homeserver = homeserver(AccountState::Active).await;
    homeserver.script(Endpoint::LoginTypes, lie.clone());
    let offered = upstream.login_types(&homeserver.listed()).await;
    assert_eq!(offered.map_err(|error| error.kind()), Err(kind), "{lie:?} at discovery");
}

#[tokio::test]
async fn a_body_without_end() {
    refused(Lie::HugeBody, "nonsense").await;
}

#[tokio::test]
async fn a_slow_drip() {
    refused_by(&impatient(), Lie::SlowDrip, "unreachable").await;
}

#[tokio::test]
async fn no_answer() {
    refused_by(&impatient(), Lie::NoAnswer, "unreachable").await;
}

#[tokio::test]
async fn an_answer_cut_short() {
    refused(Lie::CutShort, "unreachable").await;
}

#[tokio::test]
async fn invalid_json() {
    refused(Lie::invalid_json(), "nonsense").await;
    refused(Lie::text(200, "[]"), "nonsense").await;
    refused(Lie::text(200, &"[".repeat(100_000)), "nonsense").await;
}

#[tokio::test]
async fn a_failing_server() {
    refused(Lie::text(502, "<html>Bad Gateway</html>"), "unreachable").await;
    refused(Lie::error(500, "M_UNKNOWN"), "unreachable").await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = homeserver(AccountState::Active).await;
    refused(Lie::redirect(&elsewhere.base_url()), "nonsense").await;
    assert!(elsewhere.requests().is_empty(), "the redirect was followed");
}

#[tokio::test]
async fn another_servers_account_is_refused() {
    for endpoint in [Endpoint::Login, Endpoint::Whoami] {
        for user_id in [
            "@jean.dupont-beta.gouv.fr:agent.elysee.tchap.test",
            "@other:agent.dinum.tchap.test",
            "@a:[::1]",
        ] {
            let homeserver = homeserver(AccountState::Active).await;
            homeserver.script(endpoint, Lie::Patch(json!({"user_id": user_id})));
            for (way, issued) in BOTH.into_iter().zip(1..) {
                let login = sign_in(&upstream(), &homeserver, way).await;
                assert_eq!(
                    login,
                    Err(UpstreamError::WrongServer),
                    "{user_id} at {endpoint:?} by {way}"
                );
                assert_nothing_left(&homeserver, issued);
            }
        }
    }
}

#[tokio::test]
async fn a_login_answer_of_the_wrong_shape_still_gives_up_its_token() {
    for patch in [
        json!({"user_id": 7}),
        json!({"user_id": null}),
        json!({"user_id": "not a Matrix id"}),
        json!({"device_id": null}),
        json!({"device_id": {}}),
    ] {
        let homeserver = homeserver(AccountState::Active).await;
        homeserver.script(Endpoint::Login, Lie::Patch(patch.clone()));
        let login = sign_in(&upstream(), &homeserver, Way::Password).await;
        assert_eq!(login.map_err(|error| error.kind()), Err("nonsense"), "{patch}");
        assert_nothing_left(&homeserver, 1);
    }
}

#[tokio::test]
async fn a_token_that_is_no_header_value() {
    let homeserver = homeserver(AccountState::Active).await;
    homeserver.script(Endpoint::Login, Lie::Patch(json!({"access_token": "a\r\nX-Evil: 1"})));
    let login = sign_in(&upstream(), &homeserver, Way::Password).await;
    assert_eq!(login.map_err(|error| error.kind()), Err("nonsense"));
    assert!(
        homeserver
            .requests()
            .iter()
            .all(|request| !request.headers.contains_key("x-evil"))
    );
}

#[tokio::test]
async fn a_recommended_other_address_is_ignored() {
    let (homeserver, elsewhere) = (
        homeserver(AccountState::Active).await,
        homeserver(AccountState::Active).await,
    );
    let well_known = json!({"well_known": {"m.homeserver": {"base_url": elsewhere.base_url()}}});
    homeserver.script(Endpoint::Login, Lie::Patch(well_known));
    assert!(sign_in(&upstream(), &homeserver, Way::Password).await.is_ok());
    assert!(elsewhere.requests().is_empty());
    assert_nothing_left(&homeserver, 1);
}

#[tokio::test]
async fn a_sign_out_that_fails_does_not_block_the_login() {
    for lie in [
        Lie::NoAnswer,
        Lie::SlowDrip,
        Lie::HugeBody,
        Lie::error(500, "M_UNKNOWN"),
        Lie::redirect("http://127.0.0.1:1/"),
    ] {
        let homeserver = homeserver(AccountState::Active).await;
        homeserver.script(Endpoint::Logout, lie.clone());
        let login = sign_in(&impatient(), &homeserver, Way::Password).await;
        assert!(login.is_ok(), "{lie:?}: {login:?}");
        assert_eq!(
            homeserver.requests_to(Endpoint::Logout).len(),
            2,
            "tried twice: {lie:?}"
        );
    }
}

#[tokio::test]
async fn only_validated_well_formed_addresses_come_through() {
    let homeserver = ScriptedHomeserver::start(NAME).await;
    homeserver.add(
        Account::new(LOCAL_PART, PASSWORD)
            .third_party_id(json!({"medium": "email", "address": "never@elysee.fr", "added_at": 1000}))
            .third_party_id(json!({"medium": "email", "address": "x@elysee.fr", "validated_at": 0, "added_at": 1000}))
            .third_party_id(json!({"medium": "email", "address": "a b@elysee.fr", "validated_at": 1, "added_at": 1000}))
            .third_party_id(
                json!({"medium": "msisdn", "address": "33600000000", "validated_at": 1000, "added_at": 1000}),
            )
            .email("Jean.Dupont@beta.gouv.fr", 1_600_000_000),
    );
    let identity = sign_in(&upstream(), &homeserver, Way::Sso).await.expect("a login");
    let addresses: Vec<_> = identity.emails.iter().map(|email| email.address.as_str()).collect();
    assert_eq!(addresses, [EMAIL]);
}

#[tokio::test]
async fn a_display_name_is_optional_and_made_harmless() {
    for (lie, name) in [
        (Lie::error(404, "M_NOT_FOUND"), None),
        (Lie::text(200, "{}"), None),
        (Lie::text(200, "{\"displayname\": null}"), None),
        (Lie::text(200, "{\"displayname\": 7}"), None),
        (
            Lie::text(200, "{\"displayname\": \"\\u202eJean\\n\\u0000Dupont\"}"),
            Some("Jean Dupont"),
        ),
    ] {
        let homeserver = homeserver(AccountState::Active).await;
        homeserver.script(Endpoint::Profile, lie.clone());
        let identity = sign_in(&upstream(), &homeserver, Way::Sso).await.expect("a login");
        assert_eq!(identity.display_name.as_deref(), name, "{lie:?}");
    }
}

#[tokio::test]
async fn no_error_text_holds_a_secret() {
    let homeserver = homeserver(AccountState::Active).await;
    for lie in [
        Lie::error(403, "M_FORBIDDEN"),
        Lie::invalid_json(),
        Lie::NoAnswer,
        Lie::HugeBody,
    ] {
        for endpoint in [Endpoint::Login, Endpoint::Whoami] {
            homeserver.script(endpoint, lie.clone());
            for way in BOTH {
                let error = sign_in(&impatient(), &homeserver, way).await.expect_err("a refusal");
                let text = format!("{error} {error:?}");
                assert!(
                    homeserver.secrets().iter().all(|secret| !text.contains(secret)),
                    "{text}"
                );
            }
            homeserver.honest(endpoint);
        }
    }
}
