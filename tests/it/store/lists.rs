//! Lists that are read by pages: each page goes on where the one before ended, and all of them together are the list.

use tchap_connect::domain::account::Given;
use tchap_connect::domain::agent::Agent;
use tchap_connect::domain::consent::Consent;
use tchap_connect::domain::grant::{Authorization, CodeRecord};
use tchap_connect::domain::role::Role;
use tchap_connect::store::{RoleInvitation, Store};

use super::{NOW, agent, client, seed, session, set};
use crate::engines::{Engine, on_each_engine};
use crate::support::put_client;

/// All of a list, two at a time, as the page before said where the next begins.
async fn walk<T, P: Clone>(read: impl AsyncFn(Option<P>) -> Vec<T>, place: impl Fn(&T) -> P) -> Vec<T> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = read(after.clone()).await;
        assert!(page.len() <= 2, "longer than asked for");
        let Some(last) = page.last() else { return all };
        after = Some(place(last));
        all.extend(page);
    }
}

async fn roles(store: &Store) {
    for number in 0..5 {
        let id = format!("a{number}");
        let one = Agent {
            matrix_id: format!("@{id}:agent.dinum.tchap.test"),
            ..agent(&id)
        };
        store.insert_agent(&one).await.unwrap();
        let manager = Role::Manager {
            administration: format!("{number}.fr"),
        };
        // Two were given at the same moment.
        for role in [manager, Role::Support] {
            store
                .insert_role(&id, &role, Some("agent"), NOW + number / 2)
                .await
                .unwrap();
        }
        let invitation = RoleInvitation {
            id: format!("i{number}"),
            matrix_id: format!("@new{number}:agent.dinum.tchap.test"),
            role: Role::Support,
            invited_at: NOW,
            invited_by: None,
            expires_at: NOW + number / 2,
        };
        store.upsert_role_invitation(&invitation).await.unwrap();
    }
}

#[tokio::test]
async fn roles_and_invitations_go_on_where_a_page_ended() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        roles(store).await;
        let page = async |after: Option<_>| store.list_role_page(after.as_ref(), 2).await.unwrap();
        let walked = walk(page, |last| last.place()).await;
        assert_eq!(walked, store.list_roles().await.unwrap());
        let order = walked.iter().map(|one| (one.role.parts().0, one.granted_at));
        let order: Vec<_> = order.collect();
        assert_eq!(order.len(), 10);
        assert!(order.is_sorted_by(|a, b| a >= b), "{order:?}");
        assert!(store.is_other_operator("a0").await.is_ok_and(|is| !is));

        let page = async |after: Option<(i64, String)>| {
            let after = after.as_ref().map(|(at, id)| (*at, id.as_str()));
            store.list_role_invitation_page(NOW, after, 2).await.unwrap()
        };
        let walked = walk(page, |last| (last.expires_at, last.id.clone())).await;
        let ids: Vec<_> = walked.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(ids, ["i2", "i3", "i4"], "the others have ended");
        assert!(store.find_role_invitation("i1", NOW).await.unwrap().is_none());
        assert_eq!(
            store.find_role_invitation("i4", NOW).await.unwrap().as_ref(),
            walked.last()
        );
    })
    .await;
}

async fn authorize(store: &Store, id: &str, client_id: &str, expires_at: i64) {
    let scope = if id.ends_with('o') {
        ["openid", "offline_access"].as_slice()
    } else {
        &["openid"]
    };
    let document = serde_json::json!({"id": id, "client_id": client_id, "scope": scope, "created_at": NOW, "agent_id": "agent",
        "session_id": "s0", "subject": "u", "claims": ["email"], "demanded_in_userinfo": [], "demanded_in_id_token": [],
        "nonce": null, "auth_time": null, "acr": "eidas1", "amr": [], "sid": format!("sid-{client_id}")});
    let authorization: Authorization = serde_json::from_value(document).unwrap();
    let code = CodeRecord {
        fingerprint: format!("code-{id}"),
        authorization_id: id.to_owned(),
        client_id: client_id.to_owned(),
        redirect_uri: "https://rp.example/cb".into(),
        code_challenge: None,
        expires_at,
        consumed_at: None,
    };
    assert!(store.insert_authorization(&authorization, &code, false).await.unwrap());
}

#[tokio::test]
async fn what_lives_of_an_agent_goes_on_where_a_page_ended() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        for number in 0..5 {
            let mut session = session(&format!("s{number}"), NOW + 100);
            session.created_at = NOW - number / 2;
            store.insert_browser_session(&session).await.unwrap();
        }
        store.insert_browser_session(&session("over", NOW)).await.unwrap();
        let page = async |before: Option<(i64, String)>| {
            let before = before.as_ref().map(|(at, id)| (*at, id.as_str()));
            store.list_browser_session_page("agent", NOW, before, 2).await.unwrap()
        };
        let walked = walk(page, |last| (last.created_at, last.id.clone())).await;
        let ids: Vec<_> = walked.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(ids, ["s1", "s0", "s3", "s2", "s4"]);
        assert_eq!(walked, store.list_browser_sessions("agent", NOW).await.unwrap());

        for id in ["c1", "c2", "c3", "c4"] {
            put_client(store, &client(id), NOW).await;
            store.sid("s0", id, &format!("sid-{id}")).await.unwrap().unwrap();
        }
        for (id, client_id, end) in [
            ("x", "c1", 9),
            ("yo", "c1", 5),
            ("z", "c2", 9),
            ("over", "c3", 0),
            ("w", "c4", 9),
        ] {
            authorize(store, id, client_id, NOW + end).await;
        }
        store.revoke_authorization("w", NOW).await.unwrap();
        let consent = Consent {
            agent_id: "agent".into(),
            client_id: "c3".into(),
            claims: set(&["email"]),
            given_at: NOW,
            expires_at: NOW + 9,
        };
        store.upsert_consent(&consent).await.unwrap();
        let page = async |after: Option<String>| {
            store
                .list_living_services("agent", NOW, after.as_deref(), 1)
                .await
                .unwrap()
        };
        let walked = walk(page, |last| last.client_id.clone()).await;
        let lines = walked
            .iter()
            .map(|one| (one.client_id.as_str(), one.authorizations, one.offline, one.until - NOW));
        assert_eq!(lines.collect::<Vec<_>>(), [("c1", 2, 1, 9), ("c2", 1, 0, 9)]);
        for (client_id, lives) in [("c1", true), ("c3", false), ("c4", false)] {
            assert_eq!(
                store.is_living_service("agent", client_id, NOW).await.unwrap(),
                lives,
                "{client_id}"
            );
        }
        let page = async |after: Option<String>| {
            store
                .list_agent_clients("agent", NOW, after.as_deref(), 2)
                .await
                .unwrap()
        };
        assert_eq!(walk(page, String::clone).await, ["c1", "c2", "c3"]);
        let known = store.list_agent_services("agent", NOW, ("c2", "c4")).await.unwrap();
        let given = |client_id: &str| Given {
            client_id: client_id.into(),
            at: NOW,
            claims: set(&["email"]),
        };
        assert_eq!(
            known.given,
            [given("c3"), given("c2")],
            "a consent, an authorization; what is over or revoked is not"
        );
    })
    .await;
}

#[tokio::test]
async fn unknown_domains_go_on_where_a_page_ended_and_names_are_found_together() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        for (domain, times) in [("a.fr", 2), ("b.fr", 1), ("c.fr", 3), ("d.fr", 2)] {
            for _ in 0..times {
                store.count_unknown_domain(domain, NOW).await.unwrap();
            }
        }
        let page = async |after: Option<(i64, String)>| {
            let after = after.as_ref().map(|(count, domain)| (*count, domain.as_str()));
            store.list_unknown_domain_page(after, 2).await.unwrap()
        };
        let walked = walk(page, |last| (last.sign_ins, last.domain.clone())).await;
        let domains: Vec<_> = walked.iter().map(|one| one.domain.as_str()).collect();
        assert_eq!(domains, ["c.fr", "d.fr", "a.fr", "b.fr"]);
        assert_eq!(store.count_unknown_domains().await.unwrap(), 4);
        let names = store.find_client_names(&["rp", "gone"]).await.unwrap();
        assert_eq!(
            names.into_iter().collect::<Vec<_>>(),
            [("rp".to_owned(), "Démarches d'été".to_owned())]
        );
        let known = store.find_matrix_ids(&["agent", "gone"]).await.unwrap();
        assert_eq!(known.get("agent").unwrap(), "@jean.dupont:agent.dinum.tchap.test");
        assert!(store.find_matrix_ids(&[]).await.unwrap().is_empty());
    })
    .await;
}
