//! Clients as people change them: requests, revisions, and what does not outlive a deletion.

use tchap_connect::domain::client_change::{ChangeRequest, Revision};
use tchap_connect::protocol::client::{Client, ClientSecret};
use tchap_connect::secret::{fingerprint, random_id};

use super::{NOW, client, seed};
use crate::engines::{Engine, on_each_engine};

fn revision(at: i64, after: Client) -> Revision {
    Revision {
        id: random_id().unwrap(),
        client_id: after.id.clone(),
        author: "agent".to_owned(),
        at,
        before: None,
        after,
    }
}

/// Threat: an operator approves another request than the one that was read.
#[tokio::test]
async fn a_request_in_place_of_another_in_the_same_second_is_another() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        let request = |name: &str| ChangeRequest {
            client_id: "rp".to_owned(),
            wanted: Client {
                name: name.to_owned(),
                ..client("rp")
            },
            reasons: "Prêt".to_owned(),
            base_version: 1,
            requested_by: "agent".to_owned(),
            requested_at: NOW,
            answer: None,
            answered_at: None,
        };
        assert!(store.insert_client_request(&request("harmless"), None).await.unwrap());
        let read = store.find_client_request("rp").await.unwrap().unwrap();
        assert!(
            !store.insert_client_request(&request("second"), None).await.unwrap(),
            "one at a time"
        );
        assert!(store.answer_client_request(&read, None, None, NOW).await.unwrap());
        assert!(store.insert_client_request(&request("hostile"), None).await.unwrap());
        let another = store.find_client_request("rp").await.unwrap().unwrap();
        assert_eq!(another.requested_at, NOW + 1);
        assert!(!store.answer_client_request(&read, None, None, NOW).await.unwrap());
        assert!(store.answer_client_request(&another, None, None, NOW).await.unwrap());
        let late = ChangeRequest {
            requested_at: NOW + 60,
            ..request("late")
        };
        assert!(store.insert_client_request(&late, None).await.unwrap());
        assert_eq!(store.find_client_request("rp").await.unwrap(), Some(late));
    })
    .await;
}

/// Threat 24: whoever changes a client in a loop fills no disk.
#[tokio::test]
async fn the_last_two_hundred_changes_of_a_client_are_kept() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        assert!(store.create_client(&revision(NOW, client("other"))).await.unwrap());
        let first = store.find_kept_client("rp").await.unwrap().unwrap().version;
        for number in 0..205 {
            let next = revision(NOW + 1 + number, client("rp"));
            assert!(store.update_client(first + number, &next, false).await.unwrap());
        }
        let kept = store.list_client_revisions("rp", None, 1000).await.unwrap();
        assert_eq!(kept.len(), 200);
        assert_eq!((kept[0].at, kept[199].at), (NOW + 205, NOW + 6));
        assert_eq!(store.list_client_revisions("other", None, 9).await.unwrap().len(), 1);
    })
    .await;
}

/// Threat 30: nobody comes back with a client that they had a part in, and nobody deletes what they have not seen.
#[tokio::test]
async fn what_is_given_to_a_deleted_client_does_not_come_back_with_it() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        let seen = store.find_kept_client("rp").await.unwrap().unwrap().version;
        assert!(!store.delete_client("rp", Some(seen - 1), NOW).await.unwrap());
        assert!(store.delete_client("rp", Some(seen), NOW).await.unwrap());
        assert!(!store.delete_client("rp", None, NOW).await.unwrap());
        // As by requests that were under way: its row is still there.
        let secret = ClientSecret {
            id: "s".to_owned(),
            fingerprint: fingerprint("s"),
            created_at: NOW,
            expires_at: None,
        };
        store.insert_client_secret("rp", &secret).await.unwrap();
        store.insert_client_owner("rp", "agent", NOW).await.unwrap();
        assert!(store.create_client(&revision(NOW + 1, client("rp"))).await.unwrap());
        assert!(store.list_client_secrets("rp", NOW + 2).await.unwrap().is_empty());
        assert!(!store.is_client_owner("rp", "agent").await.unwrap());
    })
    .await;
}
