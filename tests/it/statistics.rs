//! Counts of sign-ins: each once, by client, administration, way and outcome; nothing of a single agent.

use tchap_connect::domain::administration::Administration;
use tchap_connect::domain::audit::day_of;
use tchap_connect::domain::homeserver::Way;
use tchap_connect::domain::statistics::{Counter, DayCount, Outcome, Scope};
use tchap_connect::protocol::client::Client;
use tchap_connect::statistics::{Attempt, Statistics};
use tchap_connect::store::Store;

use crate::engines::{Database, Engine, on_each_engine};
use crate::support::{Browser, EMAIL, NAME, PASSWORD, TestApp, client};

fn beta() -> Administration {
    Administration {
        domain: "beta.gouv.fr".into(),
        name: "DINUM".into(),
        siren: None,
        siret: None,
        branch: None,
        organizational_unit: None,
    }
}

/// All that was counted, written to the database.
async fn counted(app: &TestApp, scope: Scope) -> Vec<(Option<Way>, Outcome, i64)> {
    app.app.statistics.write(&app.app.store).await.unwrap();
    let day = day_of(app.app.clock.now());
    let counts = app.app.store.list_sign_in_days(&scope, day, day + 1).await.unwrap();
    let mut counts: Vec<_> = counts.iter().map(|one| (one.way, one.outcome, one.count)).collect();
    counts.sort_unstable();
    counts
}

#[tokio::test]
async fn every_end_of_a_sign_in_counts_once() {
    let app = TestApp::start().await;
    app.add_administration(beta()).await;
    let service = app.relying_party("service").await;
    let password = Some(Way::Password);
    let of_service = || Scope::Client(service.client.id.clone());

    // A password that is wrong, then right; a page that is loaded again; single sign-on; and a look that is none.
    let browser = Browser::new(&app);
    let page = browser.open(&service.url(&[])).await;
    let page = browser.log_in(&page, EMAIL, "wrong").await;
    let page = browser.submit(&page, "password-form", &[("password", PASSWORD)]).await;
    browser.get(page.url.as_str()).await;
    browser.accept(&page).await;
    browser.open(&service.url(&[])).await;
    Browser::new(&app).open(&service.url(&[("prompt", "none")])).await;
    // The agent does not want to.
    let page = browser.open(&service.url(&[("prompt", "consent")])).await;
    browser.submit(&page, "consent-form", &[("answer", "refuse")]).await;
    // Nothing of our own pages is counted.
    browser.open("/mon-compte").await;
    let expected = [
        (password, Outcome::SignedIn, 2),
        (password, Outcome::Declined, 1),
        (password, Outcome::WrongCredentials, 1),
    ];
    assert_eq!(counted(&app, of_service()).await, expected);
    let everything = counted(&app, Scope::Everything).await;
    assert_eq!(everything, expected);
    // Whose account a wrong password was for is not known.
    let of_beta = counted(&app, Scope::Administration("beta.gouv.fr".into())).await;
    assert_eq!(
        of_beta,
        [(password, Outcome::SignedIn, 2), (password, Outcome::Declined, 1)]
    );

    // Somebody whom the service does not admit, however often they look at the page.
    let closed = Client {
        admission: serde_json::from_value(serde_json::json!({"administrations": {"siren": ["130025265"]}})).unwrap(),
        ..client("closed")
    };
    let closed = app.register(closed).await;
    let page = browser.open(&closed.url(&[])).await;
    browser.get(page.url.as_str()).await;
    let of_closed = counted(&app, Scope::Client(closed.client.id.clone())).await;
    assert_eq!(of_closed, [(password, Outcome::NotAdmitted, 1)]);
    let day = day_of(app.app.clock.now());
    let by_client = app
        .app
        .store
        .list_sign_ins_by_client(&Scope::Everything, day, day + 1)
        .await;
    assert_eq!(by_client.unwrap(), [(service.client.id.clone(), 2)]);
}

fn counter(day: i64, client_id: &str, outcome: Outcome) -> Counter {
    Counter {
        day,
        client_id: client_id.to_owned(),
        administration: "beta.gouv.fr".to_owned(),
        way: Some(Way::Sso),
        outcome,
    }
}

#[tokio::test]
async fn replicas_add_to_the_same_counters_and_old_days_leave() {
    on_each_engine(async |Engine { store, url }| {
        let other = Store::open(url).await.unwrap();
        let counts: Vec<_> = (0..20)
            .map(|number| {
                (
                    counter(100 + number % 2, &format!("c{number:02}"), Outcome::SignedIn),
                    number,
                )
            })
            .collect();
        let add = async |store: &Store| {
            for _ in 0..10 {
                store.add_sign_in_counts(&counts).await.unwrap();
            }
        };
        tokio::join!(add(store), add(&other), add(store));
        let days = store.list_sign_in_days(&Scope::Everything, 0, 1000).await.unwrap();
        let total: i64 = days.iter().map(|one| one.count).sum();
        assert_eq!(total, 30 * (0..20).sum::<i64>());
        let one = store
            .list_sign_in_days(&Scope::Client("c07".into()), 0, 1000)
            .await
            .unwrap();
        let expected = DayCount {
            day: 101,
            way: Some(Way::Sso),
            outcome: Outcome::SignedIn,
            count: 210,
        };
        assert_eq!(one, [expected]);
        let by = store.list_sign_ins_by_administration(&Scope::Everything, 0, 1000).await;
        assert_eq!(by.unwrap(), [("beta.gouv.fr".to_owned(), total)]);
        store.delete_sign_in_counts(101, 3).await.unwrap();
        let days = store.list_sign_in_days(&Scope::Everything, 0, 1000).await.unwrap();
        assert_eq!(days.iter().map(|one| one.day).collect::<Vec<_>>(), [101]);
        assert_eq!(
            store
                .list_sign_ins_by_client(&Scope::Everything, 0, 1000)
                .await
                .unwrap()
                .len(),
            10
        );
        other.close().await;
    })
    .await;
}

#[tokio::test]
async fn what_could_not_be_written_waits() {
    let database = Database::empty().await;
    let store = Store::open(&database.url).await.unwrap();
    let statistics = Statistics::default();
    let attempt = Attempt {
        client_id: "c",
        administration: None,
        homeserver: Some(NAME),
        way: None,
        outcome: Outcome::Throttled,
    };
    statistics.count(attempt, 0);
    assert!(statistics.write(&store).await.is_err(), "there are no tables");
    statistics.count(attempt, 0);
    store.migrate().await.unwrap();
    statistics.write(&store).await.unwrap();
    statistics.write(&store).await.unwrap();
    let days = store.list_sign_in_days(&Scope::Everything, 0, 1).await.unwrap();
    assert_eq!((days.len(), days[0].count, days[0].way), (1, 2, None));
    assert_eq!(statistics.totals().into_values().sum::<u64>(), 2);
}
