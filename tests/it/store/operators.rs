//! What operators keep: clients and their secrets, homeservers, administrations.

use std::collections::BTreeSet;

use tchap_connect::domain::administration::Administration;
use tchap_connect::domain::homeserver::{Homeserver, Way};
use tchap_connect::protocol::client::{ClientAuthMethod, ClientSecret};
use tchap_connect::secret::fingerprint;
use tchap_connect::store::Former;

use super::{NOW, client, seed};
use crate::engines::{Engine, on_each_engine};
use crate::support::put_client;

#[tokio::test]
async fn clients_come_back_as_they_were_and_unknown_ones_do_not() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        assert_eq!(store.find_client("rp").await.unwrap(), Some(client("rp")));
        assert_eq!(store.find_client("RP").await.unwrap(), None);
        let mut changed = client("rp");
        changed.disabled = true;
        changed.auth_methods = BTreeSet::from([ClientAuthMethod::None]);
        put_client(store, &changed, NOW + 1).await;
        put_client(store, &client("another"), NOW).await;
        assert_eq!(store.list_clients().await.unwrap(), vec![client("another"), changed]);
    })
    .await;
}

#[tokio::test]
async fn rotating_a_secret_gives_the_old_ones_an_end() {
    on_each_engine(async |Engine { store, .. }| {
        seed(store).await;
        let secret = |id: &str, expires_at| ClientSecret {
            id: id.to_owned(),
            fingerprint: fingerprint(id),
            created_at: NOW,
            expires_at,
        };
        store.insert_client_secret("rp", &secret("a", None)).await.unwrap();
        store
            .insert_client_secret("rp", &secret("b", Some(NOW + 5)))
            .await
            .unwrap();
        store.expire_client_secrets("rp", NOW + 10).await.unwrap();
        store.insert_client_secret("rp", &secret("c", None)).await.unwrap();
        let living = async |now| store.list_client_secrets("rp", now).await.unwrap();
        let (a, b, c) = (
            secret("a", Some(NOW + 10)),
            secret("b", Some(NOW + 5)),
            secret("c", None),
        );
        assert_eq!(living(NOW + 4).await, vec![a.clone(), b, c.clone()]);
        assert_eq!(living(NOW + 9).await, vec![a, c.clone()]);
        assert_eq!(living(NOW + 10).await, vec![c]);
        assert!(store.insert_client_secret("unknown", &secret("d", None)).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn homeservers_keep_their_order() {
    on_each_engine(async |Engine { store, .. }| {
        let server = |name: &str| Homeserver {
            name: name.to_owned(),
            label: "Tchap".to_owned(),
            base_url: "https://matrix.example".to_owned(),
            guests: false,
            ways: vec![Way::Sso, Way::Password],
            email_domains: vec!["gouv.fr".to_owned()],
            directory: true,
            sso_always_asks: false,
            recreated_by_address: false,
            oauth: Default::default(),
            watch: Default::default(),
        };
        for (position, name) in ["b.test", "a.test", "c.test"].iter().enumerate() {
            store.upsert_homeserver(&server(name), position as i64).await.unwrap();
        }
        store.upsert_homeserver(&server("c.test"), -1).await.unwrap();
        let stored = store.find_homeserver_version("a.test").await.unwrap().unwrap();
        assert!(
            !store.delete_homeserver("a.test", "{}").await.unwrap(),
            "another version"
        );
        assert!(store.delete_homeserver("a.test", &stored.version).await.unwrap());
        assert_eq!(
            store.list_homeservers().await.unwrap(),
            vec![server("c.test"), server("b.test")]
        );
        assert_eq!(store.find_homeserver("b.test").await.unwrap(), Some(server("b.test")));
        assert_eq!(store.find_homeserver("a.test").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn an_administration_is_found_by_its_nearest_domain() {
    on_each_engine(async |Engine { store, .. }| {
        for domain in ["gouv.fr", "beta.gouv.fr", "ville_x.fr"] {
            let administration = Administration {
                domain: domain.to_owned(),
                name: domain.to_uppercase(),
                siren: None,
                siret: None,
                branch: None,
                organizational_unit: None,
            };
            let added = [(&administration, Former::Absent)];
            assert!(store.save_administrations(&added).await.unwrap());
        }
        let table = [
            ("beta.gouv.fr", Some("beta.gouv.fr")),
            ("x.beta.gouv.fr", Some("beta.gouv.fr")),
            ("xbeta.gouv.fr", Some("gouv.fr")),
            ("gouv.fr", Some("gouv.fr")),
            ("xgouv.fr", None),
            ("gouv.fr.example", None),
            ("ville-x.fr", None),
            ("fr", None),
            ("", None),
        ];
        for (domain, expected) in table {
            let found = store.find_administration(domain).await.unwrap();
            assert_eq!(found.map(|found| found.domain).as_deref(), expected, "{domain}");
        }
        assert_eq!(store.list_administrations().await.unwrap().len(), 3);
    })
    .await;
}
