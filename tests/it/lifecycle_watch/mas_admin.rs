//! The watch by the admin API of the authentication service: what it shows, what it costs, and where its secret goes.

use serde_json::{Value, json};
use tchap_connect::domain::homeserver::{Homeserver, Watch, WatchWay};
use tchap_connect::jobs::lifecycle_watch::take_turns;
use tchap_connect::secret::random_id;

use super::{OFFLINE, assert_refused, crowd, jeans_agent, now_of};
use crate::support::auth_service::{At, AuthService};
use crate::support::homeserver::{AccountState, Lie};
use crate::support::relying_party::Tokens;
use crate::support::secrets::{Kind, logged};
use crate::support::watch::{PERIOD, WatchTokens};
use crate::support::{Browser, EMAIL, LOCAL_PART, NAME, RelyingParty, TestApp, refreshing};

const CLIENT_ID: &str = "01J44RKQYM4G3TNVANTMTDYTX6";

struct Stage {
    app: TestApp,
    auth: AuthService,
    secrets: WatchTokens,
    service: RelyingParty,
}

impl Stage {
    /// The first homeserver is watched by the admin API of its authentication service, which has made a client for that.
    async fn start() -> Self {
        let secrets = WatchTokens::new();
        let app = TestApp::with(&[("WATCH_TOKENS_DIR", secrets.path())]).await;
        let auth = app.by_oauth().await;
        let service = app.register(refreshing("service")).await;
        let stage = Self {
            app,
            auth,
            secrets,
            service,
        };
        stage.secret();
        stage.list(|_| {}).await;
        stage
    }

    /// A new secret, on both sides.
    fn secret(&self) {
        let secret = format!("secret_{}", random_id().unwrap());
        self.app.traffic.secret(Kind::Never, &secret);
        self.secrets.put(NAME, &secret);
        self.auth.made_admin_client(CLIENT_ID, &secret);
    }

    async fn list(&self, change: impl FnOnce(&mut Homeserver)) {
        let mut homeserver = Homeserver {
            watch: Watch {
                way: Some(WatchWay::MasAdmin),
                client_id: Some(CLIENT_ID.into()),
                base_url: None,
            },
            ..self.app.homeserver.listed()
        };
        change(&mut homeserver);
        self.app.list(&homeserver).await;
    }

    async fn sign_in(&self) -> (Browser, Tokens) {
        let browser = Browser::new(&self.app);
        let page = browser.open(&self.service.url(&[OFFLINE])).await;
        let page = browser.identify(&page, EMAIL).await;
        let tokens = self
            .service
            .redeem(&self.service.code(&browser.accept(&page).await))
            .await;
        (browser, tokens)
    }

    /// Everybody becomes due; one turn may go for the access token, the next asks.
    async fn turns(&self) {
        self.app.advance(PERIOD);
        take_turns(&self.app.app).await.unwrap();
        self.app.advance(1);
        take_turns(&self.app.app).await.unwrap();
    }

    fn asked(&self) -> (usize, usize) {
        let tokens = self.auth.asked(At::Token);
        let tokens = tokens
            .iter()
            .filter(|asked| asked.get("grant_type") == "client_credentials");
        (tokens.count(), self.auth.asked(At::AdminUser).len())
    }
}

#[tokio::test]
async fn every_state_that_the_authentication_service_has_is_seen() {
    let stage = Stage::start().await;
    let (browser, tokens) = stage.sign_in().await;
    stage.turns().await;
    assert_eq!(stage.asked(), (1, 1));
    let [asked] = stage.auth.asked(At::AdminUser).try_into().unwrap();
    let segment = asked.path.rsplit('/').next().unwrap();
    assert!(!segment.contains(['@', ':']), "the local part, escaped: {}", asked.path);
    stage.service.silently(&browser, &[("scope", "openid")]).await;

    stage.app.homeserver.set_state(LOCAL_PART, AccountState::Locked);
    stage.turns().await;
    assert_refused(&stage.service, &browser, &tokens).await;
    stage.app.homeserver.set_state(LOCAL_PART, AccountState::Active);
    stage.turns().await;
    let tokens = stage.service.refreshed(tokens.refresh_token()).await;

    let unknown = json!({"errors": [{"title": "User with username \"x\" not found"}]}).to_string();
    stage.auth.script(At::AdminUser, Lie::text(404, &unknown));
    stage.turns().await;
    assert_refused(&stage.service, &browser, &tokens).await;
    assert_eq!(jeans_agent(&stage.app).await.closed_at, None, "paused, not closed");
    stage.auth.honest(At::AdminUser);
    stage.turns().await;
    let tokens = stage.service.refreshed(tokens.refresh_token()).await;

    stage.app.homeserver.set_state(LOCAL_PART, AccountState::Deactivated);
    stage.turns().await;
    stage.app.homeserver.set_state(LOCAL_PART, AccountState::Active);
    stage.turns().await;
    assert_refused(&stage.service, &browser, &tokens).await;
    let (_, after) = stage.sign_in().await;
    assert_ne!(after.claims["sub"], tokens.claims["sub"]);
}

/// Threat 20: whoever got the name later is another person, before they ever sign in.
#[tokio::test]
async fn an_account_made_anew_closes_the_former_agent() {
    let stage = Stage::start().await;
    let (browser, tokens) = stage.sign_in().await;
    stage.auth.subject("01HZX0000000000000000OTHER");
    stage.turns().await;
    assert_refused(&stage.service, &browser, &tokens).await;
    assert!(logged(&["audit", "account_state", "closed", "watch"]));
    let (browser, after) = stage.sign_in().await;
    assert_ne!(after.claims["sub"], tokens.claims["sub"]);
    stage.turns().await;
    stage.service.silently(&browser, &[("scope", "openid")]).await;
}

#[tokio::test]
async fn a_turn_is_one_request_and_an_access_token_serves_until_it_expires() {
    let stage = Stage::start().await;
    stage.sign_in().await;
    crowd(&stage.app, 8).await;
    let mut expected = (0, 0);
    for second in 0..4 {
        for turn in futures_util::future::join_all([take_turns(&stage.app.app), take_turns(&stage.app.app)]).await {
            turn.unwrap();
        }
        match second {
            0 => expected.0 += 1,
            _ => expected.1 += 1,
        }
        assert_eq!(stage.asked(), expected, "second {second}");
        stage.app.advance(1);
    }
    // A good one that is refused is fetched anew at once, and only once.
    stage.auth.revokes_admin_tokens();
    take_turns(&stage.app.app).await.unwrap();
    assert_eq!(stage.asked(), (1, 4));
    stage.app.advance(1);
    take_turns(&stage.app.app).await.unwrap();
    assert_eq!(stage.asked(), (2, 4));
    stage.auth.revokes_admin_tokens();
    stage.app.advance(1);
    take_turns(&stage.app.app).await.unwrap();
    assert_eq!(stage.asked(), (2, 5));
    assert!(logged(&["does not take our credentials", "401"]));
    stage.app.advance(29);
    take_turns(&stage.app.app).await.unwrap();
    assert_eq!(stage.asked(), (2, 5), "left alone for a while");
    stage.app.advance(1);
    take_turns(&stage.app.app).await.unwrap();
    assert_eq!(stage.asked(), (3, 5));
    // It is not used up to its last second.
    stage.app.advance(290);
    take_turns(&stage.app.app).await.unwrap();
    assert_eq!(stage.asked(), (4, 5));
}

#[tokio::test]
async fn what_an_admin_api_does_not_say_plainly_changes_nothing() {
    let stage = Stage::start().await;
    let (browser, tokens) = stage.sign_in().await;
    let user = |changes: Value| {
        let mut attributes = json!({"username": LOCAL_PART, "locked_at": null, "deactivated_at": null});
        for (name, value) in changes.as_object().unwrap() {
            attributes[name] = value.clone();
        }
        json!({"data": {"type": "user", "id": "01HZX0000000000000000JEAN", "attributes": attributes}})
    };
    let closed = json!({"deactivated_at": "2026-11-24T12:00:00Z"});
    let other = json!({"username": "marie.martin-beta.gouv.fr", "deactivated_at": "2026-11-24T12:00:00Z"});
    let mut silent = user(json!({}));
    silent["data"]["attributes"]
        .as_object_mut()
        .unwrap()
        .remove("deactivated_at");
    silent["data"]["id"] = "01OTHER".into();
    for lie in [
        Lie::text(200, &user(other).to_string()),
        Lie::text(
            200,
            &user(json!({"username": LOCAL_PART.to_uppercase(), "locked_at": "x"})).to_string(),
        ),
        Lie::text(200, &user(json!({"deactivated_at": true})).to_string()),
        Lie::text(200, &silent.to_string()),
        Lie::text(200, "{}"),
        Lie::text(200, "<html>closed</html>"),
        Lie::text(500, &user(closed.clone()).to_string()),
        Lie::text(403, &user(closed.clone()).to_string()),
        Lie::text(404, "<html>not here</html>"),
        Lie::text(404, "{}"),
        Lie::text(404, r#"{"errors":[]}"#),
        Lie::error(404, "M_NOT_FOUND"),
        Lie::throttle(&[("retry-after", "40")], None),
        Lie::redirect("https://elsewhere.example/"),
        Lie::HugeBody,
        Lie::CutShort,
    ] {
        stage.auth.script(At::AdminUser, lie.clone());
        let before = stage.asked().1;
        stage.turns().await;
        assert!(stage.asked().1 > before, "{lie:?}");
        stage.service.refreshed(tokens.refresh_token()).await;
        stage.service.silently(&browser, &[("scope", "openid")]).await;
        stage.auth.honest(At::AdminUser);
        stage.app.advance(60);
        stage.turns().await;
        let age = now_of(&stage.app) - jeans_agent(&stage.app).await.checked_at.unwrap();
        assert!(age <= 1, "asked again, and answered: {lie:?}");
    }
}

#[tokio::test]
async fn the_secret_goes_to_the_service_that_the_homeserver_is_known_by_and_nowhere_else() {
    // No issuer is known: nobody gets it.
    let stage = Stage::start().await;
    let issuer = stage.auth.issuer();
    stage.app.homeserver.publish(None);
    stage.service.tokens(&Browser::new(&stage.app), &[OFFLINE]).await;
    stage.app.homeserver.publish(Some(stage.auth.metadata()));
    stage.app.advance(60);
    stage.turns().await;
    assert_eq!(stage.asked(), (0, 0));
    assert!(logged(&["write oauth.issuer into the list", NAME]));

    // Another one is known: not the one that is published now.
    stage
        .list(|listed| listed.oauth.issuer = Some("https://auth.elsewhere.test/".into()))
        .await;
    stage.turns().await;
    assert_eq!(stage.asked(), (0, 0));
    assert!(logged(&["not the one it is known by", NAME]));

    stage.list(|listed| listed.oauth.issuer = Some(issuer.clone())).await;
    stage.turns().await;
    assert_eq!(stage.asked(), (1, 1));

    // The admin API may be elsewhere; the token still comes from the service itself.
    let inner = stage.app.by_oauth().await;
    stage.app.homeserver.publish(Some(stage.auth.metadata()));
    stage
        .list(|listed| {
            listed.oauth.issuer = Some(issuer.clone());
            listed.watch.base_url = Some(inner.issuer().trim_end_matches('/').into());
        })
        .await;
    stage.turns().await;
    assert!(inner.asked(At::Token).is_empty());
    let [asked] = inner.asked(At::AdminUser).try_into().unwrap();
    assert!(asked.authorization.starts_with("Bearer "));
}

#[tokio::test]
async fn refused_credentials_are_the_operators_to_set_right_without_a_restart() {
    let stage = Stage::start().await;
    let (browser, tokens) = stage.sign_in().await;
    stage.auth.made_admin_client(CLIENT_ID, "another");
    stage.turns().await;
    assert!(logged(&["does not take our credentials", "401"]));
    for lie in [
        Lie::text(400, r#"{"error":"invalid_scope"}"#),
        Lie::text(200, r#"{"access_token":"","token_type":"Bearer"}"#),
        Lie::text(200, r#"{"access_token":"a\nb","token_type":"Bearer"}"#),
        Lie::text(200, r#"{"access_token":"a","token_type":"mac"}"#),
        Lie::text(200, "<html></html>"),
        Lie::text(503, "busy"),
        Lie::HugeBody,
    ] {
        stage.auth.script(At::Token, lie.clone());
        stage.turns().await;
        assert_eq!(stage.asked().1, 0, "{lie:?}");
        stage.service.refreshed(tokens.refresh_token()).await;
        stage.auth.honest(At::Token);
    }
    stage.secret();
    stage.turns().await;
    assert_eq!(stage.asked().1, 1);
    stage.service.silently(&browser, &[("scope", "openid")]).await;
}
