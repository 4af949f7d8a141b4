//! What people and the monitoring see of the homeservers; neither asks any homeserver.

use http::Method;
use tchap_connect::domain::homeserver::WatchWay;
use tchap_connect::secret::random_id;

use crate::support::homeserver::{Endpoint, Lie};
use crate::support::{Browser, JEAN, NAME, TestApp};

const TOKEN: &str = "a-token-for-the-monitoring-of-32-characters";

/// It reads the file at its start.
async fn app() -> TestApp {
    let file = std::env::temp_dir().join(format!("tchap-connect-metrics-{}", random_id().unwrap()));
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let app = TestApp::with(&[("METRICS_TOKEN_FILE", file.to_str().unwrap())]).await;
    std::fs::remove_file(file).unwrap();
    app
}

async fn metrics(app: &TestApp, token: &str) -> (u16, String) {
    let browser = Browser::new(app);
    let request = browser.http.request(Method::GET, &format!("{}/metrics", app.base_url));
    let answer = browser
        .http
        .send(request.header("authorization", format!("Bearer {token}")))
        .await;
    (answer.status.as_u16(), answer.body)
}

#[tokio::test]
async fn each_homeserver_is_shown_as_it_is_known() {
    let app = app().await;
    let service = app.relying_party("service").await;
    let browser = Browser::new(&app);
    let up = format!("tchap_connect_homeserver_up{{homeserver=\"{NAME}\",api=\"client\"}}");
    let page = browser.get("/status").await;
    assert!(
        page.body.contains(NAME) && page.body.contains("Pas encore interrogé"),
        "{}",
        page.body
    );
    assert!(
        !metrics(&app, TOKEN).await.1.contains(&up),
        "never asked is neither up nor down"
    );
    assert!(app.homeserver.requests().is_empty(), "to look asks nobody");

    browser.identify(&browser.open(&service.url(&[])).await, JEAN).await;
    let page = browser.get("/status?lang=en").await;
    assert!(page.body.contains("Works"), "{}", page.body);
    assert!(metrics(&app, TOKEN).await.1.contains(&format!("{up} 1")));

    app.homeserver
        .script(Endpoint::AuthMetadata, Lie::text(503, "secret detail"));
    app.homeserver
        .script(Endpoint::LoginTypes, Lie::text(503, "secret detail"));
    browser.identify(&browser.open(&service.url(&[])).await, JEAN).await;
    app.advance(300);
    let page = browser.get("/status?lang=fr").await;
    assert!(page.body.contains("Ne répond pas depuis 5"), "{}", page.body);
    assert!(!page.body.contains("secret detail"));
    assert!(metrics(&app, TOKEN).await.1.contains(&format!("{up} 0")));
}

#[tokio::test]
async fn metrics_are_for_who_knows_the_token() {
    let app = app().await;
    for wrong in ["", "x", &TOKEN[1..], &format!("{TOKEN}x"), &TOKEN.to_uppercase()] {
        let (status, body) = metrics(&app, wrong).await;
        assert_eq!(status, 401, "{wrong}");
        assert!(!body.contains("tchap_connect_"), "{body}");
    }
    assert_eq!(metrics(&app, TOKEN).await.0, 200);
    let without = TestApp::start().await;
    assert_eq!(metrics(&without, "").await.0, 404);
}

#[tokio::test]
async fn the_age_of_an_answer_is_shown_where_somebody_asks() {
    let app = app().await;
    app.relying_party("service")
        .await
        .tokens(&Browser::new(&app), &[])
        .await;
    app.advance(600);
    let delay = format!("tchap_connect_watch_delay_seconds{{homeserver=\"{NAME}\"}} 600");
    assert!(
        !metrics(&app, TOKEN)
            .await
            .1
            .contains("tchap_connect_watch_delay_seconds{")
    );
    let mut watched = app.homeserver.listed();
    watched.watch.way = Some(WatchWay::AccountStatus);
    app.list(&watched).await;
    assert!(metrics(&app, TOKEN).await.1.contains(&delay));
}
