//! Honest homeservers: success, refusals, account states, throttling.

use http::header;
use tchap_connect::{
    domain::{
        homeserver::Way,
        identity::{ThirdPartyEmail, UpstreamIdentity},
    },
    upstream::{NamedAccount, Offered, UpstreamError, choose_way, redirect_url},
};

use super::*;
use crate::support::homeserver::{AccountState, Endpoint, Lie, ScriptedHomeserver, dead};

#[tokio::test]
async fn either_way_proves_who_it_is_and_signs_out() {
    for way in BOTH {
        let homeserver = homeserver(AccountState::Active).await;
        let identity = sign_in(&upstream(), &homeserver, way).await.expect("a login");
        let email = ThirdPartyEmail {
            address: EMAIL.into(),
            validated_at: 1_600_000_000,
            added_at: 1_600_000_000,
        };
        let expected = UpstreamIdentity {
            homeserver: NAME.into(),
            matrix_id: format!("@{LOCAL_PART}:{NAME}"),
            display_name: Some("Jean Dupont [DINUM]".into()),
            emails: vec![email],
            way,
            at_issuer: None,
            auth_time: None,
        };
        assert_eq!(identity, expected);
        assert_nothing_left(&homeserver, 1);
        let requests = homeserver.requests();
        assert_eq!(requests.last().map(|request| request.endpoint), Some(Endpoint::Logout));
        for request in requests {
            assert_eq!(
                request.headers[header::USER_AGENT],
                concat!("tchap-connect/", env!("CARGO_PKG_VERSION"))
            );
            assert!(!request.query.contains("syt_"), "a token in a URL: {}", request.query);
        }
        let login = homeserver.requests_to(Endpoint::Login)[0].json();
        assert_eq!(login["initial_device_display_name"], "Se connecter avec Tchap");
    }
}

#[tokio::test]
async fn a_password_goes_with_matrix_id_local_part_or_address() {
    let homeserver = homeserver(AccountState::Active).await;
    for typed in [LOCAL_PART, &format!("@{LOCAL_PART}:{NAME}"), "Jean.Dupont@beta.gouv.fr"] {
        let login = by_password(&homeserver, typed, PASSWORD).await;
        assert_eq!(login.map(|identity| identity.way), Ok(Way::Password), "{typed}");
    }
    assert_nothing_left(&homeserver, 3);
    let identifiers: Vec<_> = homeserver
        .requests_to(Endpoint::Login)
        .iter()
        .map(|r| r.json()["identifier"].clone())
        .collect();
    let by_address = serde_json::json!({"type": "m.id.thirdparty", "medium": "email", "address": EMAIL});
    assert_eq!(identifiers[2], by_address);
}

#[tokio::test]
async fn parallel_logins_of_one_agent_do_not_end_each_other() {
    for way in BOTH {
        let homeserver = homeserver(AccountState::Active).await;
        let gate = homeserver.hold(Endpoint::ThirdPartyIds);
        let upstream = upstream();
        let (slow, quick) = tokio::join!(sign_in(&upstream, &homeserver, way), async {
            gate.reached().await;
            homeserver.honest(Endpoint::ThirdPartyIds);
            let quick = sign_in(&upstream, &homeserver, way).await;
            gate.open();
            quick
        });
        assert!(slow.is_ok() && quick.is_ok(), "{way}: {slow:?} {quick:?}");
        assert_nothing_left(&homeserver, 2);
    }
}

#[tokio::test]
async fn an_agent_who_goes_away_leaves_no_session() {
    let homeserver = homeserver(AccountState::Active).await;
    let (whoami, logout) = (homeserver.hold(Endpoint::Whoami), homeserver.hold(Endpoint::Logout));
    let upstream = upstream();
    tokio::select! {
        _ = sign_in(&upstream, &homeserver, Way::Password) => panic!("held at whoami"),
        () = whoami.reached() => {}
    }
    assert_eq!(homeserver.live_tokens().len(), 1);
    whoami.open();
    let signing_out = tokio::time::timeout(Duration::from_secs(20), logout.reached());
    assert!(signing_out.await.is_ok(), "the login was dropped with its caller");
}

#[tokio::test]
async fn wrong_credentials() {
    let homeserver = homeserver(AccountState::Active).await;
    for (typed, password) in [
        (LOCAL_PART, "wrong"),
        ("nobody", PASSWORD),
        ("nobody@beta.gouv.fr", PASSWORD),
    ] {
        let login = by_password(&homeserver, typed, password).await;
        assert_eq!(login, Err(UpstreamError::WrongCredentials), "{typed}");
    }
    assert_nothing_left(&homeserver, 0);
}

#[tokio::test]
async fn a_login_token_works_once_and_only_where_it_was_issued() {
    let (homeserver, other) = (
        homeserver(AccountState::Active).await,
        ScriptedHomeserver::start("other.test").await,
    );
    other.add(jean());
    let token = Redacted::new(homeserver.login_token(LOCAL_PART));
    let upstream = upstream();
    assert_eq!(
        upstream.login_with_token(&other.listed(), &token).await,
        Err(UpstreamError::LoginTokenRefused)
    );
    assert!(upstream.login_with_token(&homeserver.listed(), &token).await.is_ok());
    assert_eq!(
        upstream.login_with_token(&homeserver.listed(), &token).await,
        Err(UpstreamError::LoginTokenRefused)
    );
    assert_nothing_left(&homeserver, 1);
}

#[tokio::test]
async fn every_account_state_by_both_ways() {
    let closed = UpstreamError::Deactivated { account: None };
    let named = NamedAccount::MatrixId(format!("@{LOCAL_PART}:{NAME}"));
    for (state, way, outcome, issued) in [
        (
            AccountState::Deactivated,
            Way::Password,
            Err(UpstreamError::WrongCredentials),
            0,
        ),
        (AccountState::Deactivated, Way::Sso, Err(closed), 0),
        (
            AccountState::Expired,
            Way::Password,
            Err(UpstreamError::Expired {
                account: Some(named.clone()),
            }),
            1,
        ),
        (
            AccountState::Expired,
            Way::Sso,
            Err(UpstreamError::Expired {
                account: Some(named.clone()),
            }),
            1,
        ),
        (
            AccountState::Locked,
            Way::Password,
            Err(UpstreamError::Locked { account: None }),
            0,
        ),
        (
            AccountState::Locked,
            Way::Sso,
            Err(UpstreamError::Locked { account: None }),
            0,
        ),
        (AccountState::Suspended, Way::Password, Ok(way_of(Way::Password)), 1),
        (AccountState::Suspended, Way::Sso, Ok(way_of(Way::Sso)), 1),
    ] {
        let homeserver = homeserver(state).await;
        let login = sign_in(&upstream(), &homeserver, way).await;
        assert_eq!(
            login.map(|identity| way_of(identity.way)),
            outcome,
            "{state:?} by {way}"
        );
        assert_nothing_left(&homeserver, issued);
    }
}

fn way_of(way: Way) -> &'static str {
    way.as_str()
}

#[tokio::test]
async fn a_state_that_shows_on_any_authenticated_call() {
    let account = Some(NamedAccount::MatrixId(format!("@{LOCAL_PART}:{NAME}")));
    for endpoint in [Endpoint::Whoami, Endpoint::ThirdPartyIds, Endpoint::Profile] {
        for (status, code, outcome) in [
            (
                403,
                "ORG_MATRIX_EXPIRED_ACCOUNT",
                UpstreamError::Expired {
                    account: account.clone(),
                },
            ),
            (
                403,
                "M_USER_DEACTIVATED",
                UpstreamError::Deactivated {
                    account: account.clone(),
                },
            ),
            (
                401,
                "M_USER_LOCKED",
                UpstreamError::Locked {
                    account: account.clone(),
                },
            ),
            (403, "M_USER_SUSPENDED", UpstreamError::Suspended),
            (
                429,
                "M_LIMIT_EXCEEDED",
                UpstreamError::Throttled {
                    retry_after_seconds: None,
                },
            ),
        ] {
            let homeserver = homeserver(AccountState::Active).await;
            homeserver.script(endpoint, Lie::error(status, code));
            assert_eq!(
                sign_in(&upstream(), &homeserver, Way::Sso).await,
                Err(outcome),
                "{code} at {endpoint:?}"
            );
            assert_nothing_left(&homeserver, 1);
        }
    }
}

#[tokio::test]
async fn an_account_closed_during_the_login() {
    let homeserver = homeserver(AccountState::Active).await;
    let gate = homeserver.hold(Endpoint::Whoami);
    let upstream = upstream();
    let (login, ()) = tokio::join!(sign_in(&upstream, &homeserver, Way::Password), async {
        gate.reached().await;
        homeserver.set_state(LOCAL_PART, AccountState::Deactivated);
        gate.open();
    });
    assert_eq!(login.map_err(|error| error.kind()), Err("nonsense"));
    assert_nothing_left(&homeserver, 1);
}

#[tokio::test]
async fn throttled_in_three_forms() {
    for (lie, wait) in [
        (Lie::throttle(&[("retry-after", "333")], None), Some(333)),
        (Lie::throttle(&[], Some(332_100)), Some(333)),
        (Lie::throttle(&[], None), None),
    ] {
        for way in BOTH {
            let homeserver = homeserver(AccountState::Active).await;
            homeserver.script(Endpoint::Login, lie.clone());
            let outcome = Err(UpstreamError::Throttled {
                retry_after_seconds: wait,
            });
            assert_eq!(sign_in(&upstream(), &homeserver, way).await, outcome, "{lie:?}");
        }
    }
}

#[tokio::test]
async fn a_server_that_wants_no_address() {
    let homeserver = homeserver(AccountState::Active).await;
    homeserver.refuse_email();
    assert_eq!(
        by_password(&homeserver, EMAIL, PASSWORD).await,
        Err(UpstreamError::EmailRefused)
    );
    assert!(by_password(&homeserver, LOCAL_PART, PASSWORD).await.is_ok());
    assert_nothing_left(&homeserver, 1);
}

#[tokio::test]
async fn a_matrix_id_of_another_server_sends_no_password() {
    let homeserver = homeserver(AccountState::Active).await;
    let login = by_password(&homeserver, &format!("@{LOCAL_PART}:other.test"), PASSWORD).await;
    assert_eq!(login, Err(UpstreamError::WrongServer));
    assert!(homeserver.requests().is_empty());
}

#[tokio::test]
async fn a_way_that_was_switched_off_meanwhile() {
    let homeserver = homeserver(AccountState::Active).await;
    homeserver.offer(&[]);
    for way in BOTH {
        assert_eq!(
            sign_in(&upstream(), &homeserver, way).await,
            Err(UpstreamError::NoSuchWay),
            "{way}"
        );
    }
}

#[tokio::test]
async fn discovery_finds_the_ways_in() {
    let homeserver = homeserver(AccountState::Active).await;
    // One that remembers no answer for each question.
    let offered = upstream().login_types(&homeserver.listed()).await.expect("login types");
    assert_eq!(choose_way(&homeserver.listed(), &offered), Some(Way::Sso));
    assert_eq!(offered.sso.expect("single sign-on")[0].id, "main");
    homeserver.offer(&["m.login.sso", "m.login.password"]);
    let offered = upstream().login_types(&homeserver.listed()).await;
    assert_eq!(
        offered,
        Ok(Offered {
            oauth: false,
            sso: None,
            password: true
        })
    );
    homeserver.script(Endpoint::LoginTypes, Lie::error(404, "M_UNRECOGNIZED"));
    assert_eq!(
        upstream().login_types(&homeserver.listed()).await,
        Err(UpstreamError::NoSuchWay)
    );
    let nobody = upstream().login_types(&dead(NAME).await).await;
    assert_eq!(nobody, Err(UpstreamError::Unreachable("no connection")));
}

#[tokio::test]
async fn single_sign_on_starts_at_the_homeserver() {
    let homeserver = homeserver(AccountState::Active).await;
    homeserver.sso_as(LOCAL_PART);
    let callback = "http://127.0.0.1:1/login/callback/agent.dinum.tchap.test?attempt=a%26b";
    for provider in [None, Some("main")] {
        let url = redirect_url(&homeserver.listed(), provider, callback).expect("a URL");
        let request = http::Request::get(url).body(Vec::new()).expect("a request");
        // Our own client never follows; a browser would read the address from the answer's head.
        let egress = Egress::new(EgressOptions::default()).expect("a client");
        assert_eq!(
            egress.send(request).await.err(),
            Some(tchap_connect::egress::EgressError::Redirected)
        );
        let asked = homeserver.requests_to(Endpoint::SsoRedirect).pop().expect("a request");
        assert_eq!(asked.path.ends_with("/main"), provider.is_some());
        let sent: Vec<_> = url::form_urlencoded::parse(asked.query.as_bytes()).collect();
        assert_eq!(sent, [("redirectUrl".into(), callback.into())]);
    }
}
