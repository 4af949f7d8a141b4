//! From an address to a homeserver, and back to the question who may assert that address.

use std::slice;

use serde_json::json;
use tchap_connect::{
    domain::{
        agent::AgentEmail,
        homeserver::{Homeserver, RouteTrust},
    },
    upstream::RouteError,
};

use super::*;
use crate::support::homeserver::{AccountState, Endpoint, Lie, ScriptedHomeserver, dead};

/// Three directory servers, `a.test`, `b.test` and `c.test`, that all answer `answer` for every address.
async fn three(answer: &str) -> (Vec<ScriptedHomeserver>, Vec<Homeserver>) {
    let mut servers = Vec::new();
    for name in ["a.test", "b.test", "c.test"] {
        let server = ScriptedHomeserver::start(name).await;
        server.directory("", answer);
        servers.push(server);
    }
    let list = servers
        .iter()
        .map(|server| Homeserver {
            directory: true,
            ..server.listed()
        })
        .collect();
    (servers, list)
}

fn asked(servers: &[ScriptedHomeserver]) -> usize {
    servers
        .iter()
        .map(|server| server.requests_to(Endpoint::Directory).len())
        .sum()
}

#[tokio::test]
async fn one_answer_routes_but_allows_no_password_two_do() {
    let (servers, list) = three("b.test").await;
    let typed = identifier("Jean+Test@Beta.gouv.fr");
    let route = upstream().route(&list, &typed).await.expect("a route");
    assert_eq!(
        (route.homeserver.name.as_str(), route.trust),
        ("b.test", RouteTrust::DirectoryOne)
    );
    assert_eq!(asked(&servers), 1);
    let route = upstream().route_for_password(&list, &typed).await.expect("a route");
    assert_eq!(
        (route.homeserver.name.as_str(), route.trust),
        ("b.test", RouteTrust::DirectoryAgreed)
    );
    assert_eq!(asked(&servers), 3);
    let request = servers
        .iter()
        .flat_map(|server| server.requests_to(Endpoint::Directory))
        .next()
        .expect("a request");
    let query: Vec<_> = url::form_urlencoded::parse(request.query.as_bytes())
        .into_owned()
        .collect();
    assert_eq!(
        query,
        [
            ("medium".into(), "email".into()),
            ("address".into(), "jean+test@beta.gouv.fr".into())
        ]
    );
}

#[tokio::test]
async fn a_rule_or_a_matrix_id_asks_nobody() {
    let (servers, mut list) = three("c.test").await;
    list[0].email_domains = vec!["gouv.fr".into()];
    for (typed, name, trust) in [
        ("jean@beta.gouv.fr", "a.test", RouteTrust::OwnRule),
        ("@jean:b.test", "b.test", RouteTrust::TypedByAgent),
    ] {
        let route = upstream().route(&list, &identifier(typed)).await.expect("a route");
        assert_eq!((route.homeserver.name.as_str(), route.trust), (name, trust), "{typed}");
    }
    assert_eq!(
        upstream().route(&list, &identifier("@jean:evil.test")).await,
        Err(RouteError::NotListed)
    );
    assert_eq!(
        upstream().route(&list, &identifier("jean")).await,
        Err(RouteError::NeedsServer)
    );
    assert_eq!(asked(&servers), 0);
}

#[tokio::test]
async fn dead_slow_and_senseless_servers_do_not_stop_a_login() {
    let (servers, mut list) = three("c.test").await;
    list[0] = Homeserver {
        directory: true,
        ..dead("a.test").await
    };
    for lie in [
        Lie::NoAnswer,
        Lie::SlowDrip,
        Lie::HugeBody,
        Lie::invalid_json(),
        Lie::error(500, "M_UNKNOWN"),
        Lie::redirect("/"),
    ] {
        servers[1].script(Endpoint::Directory, lie.clone());
        let route = impatient()
            .route(&list, &identifier(EMAIL))
            .await
            .map(|route| route.homeserver.name);
        assert_eq!(route.as_deref(), Ok("c.test"), "{lie:?}");
        // One sound answer remains: not enough for a password.
        let route = impatient()
            .route_for_password(&list, &identifier(EMAIL))
            .await
            .expect("a route");
        assert!(!route.trust.allows_password(), "{lie:?}");
    }
}

#[tokio::test]
async fn a_server_that_draws_everybody_to_itself_is_outvoted() {
    let (servers, list) = three("b.test").await;
    servers[0].directory("", "a.test");
    // In whatever order they are asked.
    for _ in 0..20 {
        let route = upstream()
            .route_for_password(&list, &identifier(EMAIL))
            .await
            .expect("a route");
        assert_eq!(
            (route.homeserver.name.as_str(), route.trust),
            ("b.test", RouteTrust::DirectoryAgreed)
        );
    }
}

#[tokio::test]
async fn servers_that_all_disagree_get_no_password() {
    let (servers, list) = three("a.test").await;
    servers[1].directory("", "b.test");
    servers[2].directory("", "c.test");
    let route = upstream()
        .route_for_password(&list, &identifier(EMAIL))
        .await
        .expect("a route");
    assert_eq!(route.trust, RouteTrust::DirectoryOne);
}

#[tokio::test]
async fn an_answer_outside_the_list_is_refused() {
    let (servers, list) = three("evil.test").await;
    assert_eq!(
        upstream().route(&list, &identifier(EMAIL)).await,
        Err(RouteError::NotListed)
    );
    for answer in ["127.0.0.1:1", "", "c.test\n", "C.TEST", "c.test/../x"] {
        servers.iter().for_each(|server| server.directory("", answer));
        assert_eq!(
            upstream().route(&list, &identifier(EMAIL)).await,
            Err(RouteError::NotListed),
            "{answer:?}"
        );
    }
    servers[2].directory_says(
        "",
        json!({"hs": "b.test", "new_hs": "evil.test", "shadow_hs": "evil.test"}),
    );
    let route = upstream()
        .route(&list, &identifier(EMAIL))
        .await
        .map(|route| route.homeserver.name);
    assert_eq!(route.as_deref(), Ok("b.test"));
}

#[tokio::test]
async fn without_rule_and_directory_the_agent_is_asked() {
    let (servers, mut list) = three("a.test").await;
    list.iter_mut().for_each(|homeserver| homeserver.directory = false);
    assert_eq!(
        upstream().route(&list, &identifier(EMAIL)).await,
        Err(RouteError::Unknown)
    );
    assert_eq!(asked(&servers), 0);
    let dead = [
        Homeserver {
            directory: true,
            ..dead("a.test").await
        },
        Homeserver {
            directory: true,
            ..dead("b.test").await
        },
    ];
    assert_eq!(
        upstream().route(&dead, &identifier(EMAIL)).await,
        Err(RouteError::DirectoryUnreachable)
    );
}

#[tokio::test]
async fn an_address_is_believed_only_when_another_server_gives_it_to_the_one_that_asserts_it() {
    let homeserver = homeserver(AccountState::Active).await;
    let identity = sign_in(&upstream(), &homeserver, Way::Sso).await.expect("a login");
    let asserting = Homeserver {
        directory: true,
        ..homeserver.listed()
    };
    homeserver.directory("", NAME);
    let (servers, others) = three("b.test").await;
    let list = [slice::from_ref(&asserting), &others[..]].concat();
    // In whatever order they are asked.
    for _ in 0..20 {
        assert!(
            upstream().believed_emails(&list, &identity, None).await.is_empty(),
            "the others say b.test"
        );
    }
    assert!(
        homeserver.requests_to(Endpoint::Directory).is_empty(),
        "a witness in its own cause"
    );
    servers.iter().for_each(|server| server.directory(EMAIL, NAME));
    assert_eq!(
        upstream().believed_emails(&list, &identity, None).await,
        identity.emails
    );
    assert_eq!(
        upstream()
            .believed_emails(slice::from_ref(&asserting), &identity, None)
            .await,
        identity.emails,
        "alone, no rule"
    );
    let ruled = Homeserver {
        email_domains: vec!["gouv.fr".into()],
        ..others[0].clone()
    };
    let believed = upstream().believed_emails(&[asserting, ruled], &identity, None).await;
    assert!(believed.is_empty(), "the rule gives the domain to another server");
}

/// Threat 20: neither the one that draws every address to itself nor an accomplice decides alone.
#[tokio::test]
async fn one_lying_server_neither_takes_an_address_away_nor_gives_it() {
    let homeserver = homeserver(AccountState::Active).await;
    let identity = sign_in(&upstream(), &homeserver, Way::Sso).await.expect("a login");
    let asserting = Homeserver {
        directory: true,
        ..homeserver.listed()
    };
    let (servers, others) = three(NAME).await;
    let all = [slice::from_ref(&asserting), &others[..]].concat();
    servers[0].directory("", "a.test");
    // In whatever order they are asked.
    for _ in 0..10 {
        assert_eq!(
            upstream().believed_emails(&all, &identity, None).await,
            identity.emails,
            "two honest ones against one"
        );
    }
    // An accomplice of the homeserver that asserts, against honest ones.
    servers[0].directory("", NAME);
    servers[1..].iter().for_each(|server| server.directory("", "b.test"));
    for _ in 0..10 {
        assert!(upstream().believed_emails(&all, &identity, None).await.is_empty());
    }
    // Where only two others could tell, what was believed before stays, and nothing new is believed.
    let two = [slice::from_ref(&asserting), &others[..2]].concat();
    let email = &identity.emails[0];
    let known = AgentEmail {
        address: email.address.clone(),
        added_at: email.added_at,
    };
    for _ in 0..10 {
        assert_eq!(
            upstream().believed_emails(&two, &identity, Some(&known)).await,
            identity.emails
        );
        assert!(upstream().believed_emails(&two, &identity, None).await.is_empty());
    }
    // Two that say no, wherever they say it leads, take it away.
    servers[0].directory("", "nowhere.test");
    assert!(
        upstream()
            .believed_emails(&two, &identity, Some(&known))
            .await
            .is_empty()
    );
}

/// Else ten addresses and a directory that hangs hold a login for a minute.
#[tokio::test]
async fn all_addresses_are_looked_up_at_once() {
    let homeserver = ScriptedHomeserver::start(NAME).await;
    let addresses = ["a@beta.gouv.fr", "b@beta.gouv.fr", "c@beta.gouv.fr"];
    let account = addresses
        .iter()
        .fold(jean(), |account, address| account.email(address, 1));
    homeserver.add(account);
    let identity = sign_in(&upstream(), &homeserver, Way::Sso).await.expect("a login");
    let (servers, mut list) = three(NAME).await;
    list.truncate(1);
    list.push(homeserver.listed());
    let gate = servers[0].hold(Endpoint::Directory);
    let upstream = upstream();
    let all_at_once = async {
        gate.reached_by(4).await;
        gate.open();
    };
    let (believed, ()) = tokio::join!(upstream.believed_emails(&list, &identity, None), all_at_once);
    assert_eq!(believed, identity.emails, "in their order");
}
