//! Homeservers that fail, refuse and lie: nothing that they say of others, in part or without sense changes anything.

use std::collections::BTreeMap;

use serde_json::json;
use tchap_connect::domain::agent::AccountState as Known;
use tchap_connect::domain::homeserver::WatchWay;
use tchap_connect::jobs::lifecycle_watch::take_turns;

use super::{asked, crowd, jeans_agent, now_of, offline};
use crate::support::homeserver::{Account, AccountState, Endpoint, Lie};
use crate::support::secrets::logged;
use crate::support::{JEAN, NAME, PASSWORD, TestApp};

#[tokio::test]
async fn an_answer_that_says_nothing_changes_nothing_and_is_asked_for_again() {
    let said =
        |id: &str, status: serde_json::Value| json!({"account_statuses": {id: status}, "failures": [JEAN]}).to_string();
    let closed = json!({"exists": true, "deactivated": true});
    let (app, directory) = TestApp::watched(WatchWay::AccountStatus, &[]).await;
    let (service, browser, tokens) = offline(&app).await;
    let (status, user) = (Endpoint::AccountStatus, Endpoint::AdminUser);
    let other = json!({"name": "@marie.martin:agent.dinum.tchap.test", "deactivated": true}).to_string();
    for (way, endpoint, lie) in [
        (
            WatchWay::AccountStatus,
            status,
            Lie::text(200, &said("@jean:other.tchap.test", closed.clone())),
        ),
        (
            WatchWay::AccountStatus,
            status,
            Lie::text(200, &said(JEAN, json!({"exists": true}))),
        ),
        (WatchWay::AccountStatus, status, Lie::text(200, &said(JEAN, json!({})))),
        (WatchWay::AccountStatus, status, Lie::text(200, "{}")),
        (WatchWay::AccountStatus, status, Lie::text(200, "[]")),
        (WatchWay::AccountStatus, status, Lie::invalid_json()),
        (
            WatchWay::AccountStatus,
            status,
            Lie::text(201, &said(JEAN, json!({"exists": "no", "deactivated": 1}))),
        ),
        (
            WatchWay::AccountStatus,
            status,
            Lie::text(500, &said(JEAN, closed.clone())),
        ),
        (WatchWay::AccountStatus, status, Lie::error(404, "M_UNRECOGNIZED")),
        (WatchWay::AccountStatus, status, Lie::error(401, "M_UNKNOWN_TOKEN")),
        (WatchWay::AccountStatus, status, Lie::error(403, "M_USER_DEACTIVATED")),
        (
            WatchWay::AccountStatus,
            status,
            Lie::throttle(&[("retry-after", "40")], None),
        ),
        (
            WatchWay::AccountStatus,
            status,
            Lie::redirect("https://elsewhere.example/"),
        ),
        (WatchWay::AccountStatus, status, Lie::HugeBody),
        (WatchWay::AccountStatus, status, Lie::CutShort),
        (WatchWay::SynapseAdmin, user, Lie::text(200, &other)),
        (
            WatchWay::SynapseAdmin,
            user,
            Lie::text(200, &json!({"name": JEAN}).to_string()),
        ),
        (WatchWay::SynapseAdmin, user, Lie::text(404, "<html>not here</html>")),
        (WatchWay::SynapseAdmin, user, Lie::error(404, "M_UNRECOGNIZED")),
        (WatchWay::SynapseAdmin, user, Lie::error(403, "M_FORBIDDEN")),
    ] {
        app.watch(way, &directory).await;
        app.homeserver.script(endpoint, lie.clone());
        let before = asked(&app);
        app.watch_turn().await;
        assert_eq!(asked(&app), before + 1, "{lie:?}");
        service.refreshed(tokens.refresh_token()).await;
        service.silently(&browser, &[("scope", "openid")]).await;
        take_turns(&app.app).await.unwrap();
        app.advance(29);
        take_turns(&app.app).await.unwrap();
        assert!(asked(&app) <= before + 2, "left alone for a while: {lie:?}");
        app.homeserver.honest(endpoint);
        app.advance(15);
        take_turns(&app.app).await.unwrap();
        let age = now_of(&app) - jeans_agent(&app).await.checked_at.unwrap();
        assert_eq!(age, 0, "asked again, and answered: {lie:?}");
    }
}

#[tokio::test]
async fn a_homeserver_that_has_lost_its_accounts_closes_few_for_good_and_pauses_the_others() {
    // With Synapse's admin API each answer is about one account: what is believed is counted over the day.
    for (way, turns) in [(WatchWay::AccountStatus, 1), (WatchWay::SynapseAdmin, 31)] {
        let (app, _directory) = TestApp::watched(way, &[]).await;
        offline(&app).await;
        let agents = crowd(&app, 30).await;
        for n in 0..30 {
            let local_part = format!("agent-{n}");
            app.homeserver.add(Account::new(&local_part, PASSWORD));
            if n > 0 {
                app.homeserver.set_state(&local_part, AccountState::Deactivated);
            }
        }
        for _ in 0..turns {
            take_turns(&app.app).await.unwrap();
            app.advance(1);
        }
        assert!(logged(&["more accounts are closed than is believed for good", NAME]));
        let mut seen = BTreeMap::new();
        for id in &agents {
            let agent = app.app.store.find_agent(id).await.unwrap().unwrap();
            *seen.entry(agent.account().to_string()).or_insert(0) += 1;
            if agent.account() == Known::Stands {
                assert!(agent.checked_at.is_some(), "{id} was answered for");
            }
        }
        let expected = [("closed", 20), ("missing", 9), ("stands", 1)].map(|(state, count)| (state.to_owned(), count));
        assert_eq!(seen, BTreeMap::from(expected), "{way:?}");
    }
}
