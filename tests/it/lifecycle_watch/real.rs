//! The same against real Synapse: its administrator closes, erases, locks and suspends accounts, and the watch sees it.

use http::Method;
use serde_json::{Value, json};
use tchap_connect::domain::homeserver::WatchWay;

use super::{OFFLINE, assert_refused};
use crate::support::real::{DINUM, RealHomeserver, tchap};
use crate::support::relying_party::Tokens;
use crate::support::secrets::Kind;
use crate::support::watch::{WatchTokens, watched};
use crate::support::{Browser, RelyingParty, TestApp, refreshing};

struct Stage {
    app: TestApp,
    _directory: WatchTokens,
    service: RelyingParty,
    homeserver: &'static RealHomeserver,
}

impl Stage {
    /// The real homeserver is watched this way: with an ordinary account's token, or its administrator's.
    async fn set(way: WatchWay) -> Self {
        let (directory, homeserver) = (WatchTokens::new(), tchap().homeserver(DINUM));
        let app = tchap().app(&[("WATCH_TOKENS_DIR", directory.path())]).await;
        let token = match way {
            WatchWay::MasAdmin => unreachable!("no authentication service here"),
            WatchWay::AccountStatus => {
                let name = name("service");
                let (id, password) = homeserver.new_account(&name, &format!("{name}@dinum.gouv.fr")).await;
                homeserver.token_of(&id, &password).await
            }
            WatchWay::SynapseAdmin => homeserver.admin_token().to_owned(),
        };
        app.traffic.secret(Kind::Never, &token);
        directory.put(DINUM, &token);
        app.list(&watched(homeserver.listed(&homeserver.base_url), way)).await;
        let service = app.register(refreshing("service")).await;
        Self {
            app,
            _directory: directory,
            service,
            homeserver,
        }
    }

    /// A new agent, signed in.
    async fn agent(&self) -> (String, String, Browser, Tokens) {
        let (name, browser) = (name("agent"), Browser::new(&self.app));
        let (id, password) = self
            .homeserver
            .new_account(&name, &format!("{name}@dinum.gouv.fr"))
            .await;
        self.app.traffic.secret(Kind::Never, &password);
        let tokens = self.sign_in(&browser, &id, &password).await;
        (id, password, browser, tokens)
    }

    async fn sign_in(&self, browser: &Browser, id: &str, password: &str) -> Tokens {
        let page = browser.open(&self.service.url(&[OFFLINE, ("prompt", "consent")])).await;
        let page = browser.log_in(&page, id, password).await;
        self.service
            .redeem(&self.service.code(&browser.accept(&page).await))
            .await
    }

    async fn change(&self, id: &str, change: Value) {
        self.homeserver
            .administer(Method::PUT, &format!("/_synapse/admin/v2/users/{id}"), change)
            .await;
    }

    async fn deactivate(&self, id: &str, erase: bool) {
        let path = format!("/_synapse/admin/v1/deactivate/{id}");
        self.homeserver
            .administer(Method::POST, &path, json!({"erase": erase}))
            .await;
    }
}

fn name(kind: &str) -> String {
    format!(
        "{kind}-{}",
        tchap_connect::secret::random_bytes::<6>()
            .unwrap()
            .map(|byte| format!("{byte:02x}"))
            .concat()
    )
}

#[tokio::test]
#[ignore = "needs make test"]
async fn synapse_tells_an_ordinary_account_who_was_deactivated_or_erased() {
    let stage = Stage::set(WatchWay::AccountStatus).await;
    for erase in [false, true] {
        let (id, _, browser, tokens) = stage.agent().await;
        let (_, _, others_browser, others) = stage.agent().await;
        stage.app.watch_turn().await;
        stage.service.refreshed(tokens.refresh_token()).await;
        stage.deactivate(&id, erase).await;
        stage.app.watch_turn().await;
        assert_refused(&stage.service, &browser, &tokens).await;
        stage.service.refreshed(others.refresh_token()).await;
        stage.service.silently(&others_browser, &[("scope", "openid")]).await;
    }
}

#[tokio::test]
#[ignore = "needs make test"]
async fn synapse_does_not_show_a_lock_to_an_ordinary_account() {
    let stage = Stage::set(WatchWay::AccountStatus).await;
    let (id, _, _, tokens) = stage.agent().await;
    stage.change(&id, json!({"locked": true})).await;
    stage.app.watch_turn().await;
    // A limit of MSC3720, stated in docs/operations.md; the admin API sees it.
    stage.service.refreshed(tokens.refresh_token()).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn synapses_admin_api_shows_every_state_that_it_has() {
    let stage = Stage::set(WatchWay::SynapseAdmin).await;
    let (id, password, browser, tokens) = stage.agent().await;
    stage.change(&id, json!({"locked": true})).await;
    stage.app.watch_turn().await;
    assert_refused(&stage.service, &browser, &tokens).await;
    stage.change(&id, json!({"locked": false})).await;
    stage.app.watch_turn().await;
    stage.service.refreshed(tokens.refresh_token()).await;

    let suspend = format!("/_synapse/admin/v1/suspend/{id}");
    for suspended in [true, false] {
        stage
            .homeserver
            .administer(Method::PUT, &suspend, json!({"suspend": suspended}))
            .await;
        stage.app.watch_turn().await;
        match suspended {
            true => assert_refused(&stage.service, &browser, &tokens).await,
            false => drop(stage.service.refreshed(tokens.refresh_token()).await),
        }
    }
    let again = stage.sign_in(&Browser::new(&stage.app), &id, &password).await;
    assert_eq!(again.claims["sub"], tokens.claims["sub"]);

    for erase in [false, true] {
        let (id, _, browser, tokens) = stage.agent().await;
        stage.deactivate(&id, erase).await;
        // One request a second, one agent each.
        for _ in 0..4 {
            stage.app.watch_turn().await;
        }
        assert_refused(&stage.service, &browser, &tokens).await;
    }
}
