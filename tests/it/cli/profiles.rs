//! The lists that the project ships (`config/*.toml`): `apply` takes them as they are, in development and in production.

use std::collections::BTreeSet;
use std::path::Path;

use super::Place;
use tchap_connect::domain::homeserver::{Homeserver, Way};
use tchap_connect::store::Store;

/// Tchap's servers: the part of the name between `agent.` and `tchap.gouv.fr`, and the label.
const TCHAP: &[(&str, &str)] = &[
    ("", "Agents"),
    ("agriculture.", "Agriculture"),
    ("collectivites.", "Collectivités"),
    ("culture.", "Culture"),
    ("dev-durable.", "Développement durable"),
    ("diplomatie.", "Diplomatie"),
    ("dinum.", "DINUM"),
    ("education.", "Éducation"),
    ("elysee.", "Élysée"),
    ("finances.", "Finances"),
    ("interieur.", "Intérieur"),
    ("intradef.", "Intradef"),
    ("justice.", "Justice"),
    ("pm.", "Premier ministre"),
    ("social.", "Social"),
    ("ssi.", "SSI"),
    ("externe.", "Externes"),
];

/// Applies a profile as it is, twice, over a new database; answers the homeservers and the administrations' SIRETs.
async fn applied(profile: &str) -> (Vec<Homeserver>, Vec<Option<String>>) {
    let place = Place::new();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(profile);
    let file = file.to_str().unwrap();
    let key = "0a".repeat(32);
    let production = [
        ("TCHAP_CONNECT_ISSUER", "https://connect.test"),
        ("TCHAP_CONNECT_TRUSTED_PROXIES", "127.0.0.1"),
        ("TCHAP_CONNECT_SEALING_KEY", key.as_str()),
        ("TCHAP_CONNECT_DATABASE_URL", "sqlite:a.db"),
    ];
    place.run_with(&["migrate"], &production).well();
    place.run_with(&["apply", file], &production).well();
    let again = place.run_with(&["apply", file], &production).well().stdout();
    assert!(again.contains("0 added, 0 changed"), "{again}");
    let store = Store::open(&format!("sqlite:{}", place.0.join("a.db").display()))
        .await
        .unwrap();
    let homeservers = store.list_homeservers().await.unwrap();
    let administrations = store.list_administrations().await.unwrap();
    store.close().await;
    (homeservers, administrations.into_iter().map(|one| one.siret).collect())
}

#[tokio::test]
async fn the_tchap_profile_names_every_server_and_offers_no_password() {
    let (homeservers, sirets) = applied("tchap.toml").await;
    let expected: Vec<_> = TCHAP
        .iter()
        .map(|(part, label)| (format!("agent.{part}tchap.gouv.fr"), *label))
        .collect();
    let found: Vec<_> = homeservers
        .iter()
        .map(|one| (one.name.clone(), one.label.as_str()))
        .collect();
    assert_eq!(found, expected);
    for one in &homeservers {
        assert_eq!(one.base_url, format!("https://matrix.{}", one.name));
        assert_eq!(one.ways, [Way::OAuth, Way::Sso], "{}", one.name);
        assert!(one.directory && one.recreated_by_address, "{}", one.name);
        assert!(one.email_domains.is_empty() && !one.sso_always_asks, "{}", one.name);
    }
    let guests: BTreeSet<_> = homeservers
        .iter()
        .filter(|one| one.guests)
        .map(|one| &one.name)
        .collect();
    assert_eq!(guests, [&"agent.externe.tchap.gouv.fr".to_owned()].into());
    assert_eq!(sirets, [Some("13002526500013".to_owned())]);
}

#[tokio::test]
async fn the_profile_of_one_homeserver_applies_as_it_is() {
    let (homeservers, sirets) = applied("matrix.toml").await;
    let [one] = homeservers.as_slice() else {
        panic!("{homeservers:?}")
    };
    assert_eq!(one.base_url, "https://matrix.example.org");
    assert_eq!(one.ways, Way::DEFAULT_ORDER);
    assert!(!one.directory && !one.recreated_by_address && !one.guests);
    assert!(sirets.is_empty());
}
