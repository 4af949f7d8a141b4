//! Our tokens for the lifecycle watch, as an operator lays them down.

use std::path::PathBuf;

use tchap_connect::domain::homeserver::{Homeserver, Watch, WatchWay};
use tchap_connect::jobs::lifecycle_watch;
use tchap_connect::secret::random_id;

use super::secrets::Kind;
use super::{NAME, TestApp};

/// The directory of tokens; it goes when dropped.
pub struct WatchTokens(PathBuf);

impl WatchTokens {
    pub fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("tchap-connect-watch-{}", random_id().unwrap()));
        std::fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    pub fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// Lays down a homeserver's token.
    pub fn put(&self, homeserver: &str, token: &str) {
        std::fs::write(self.0.join(homeserver), format!("{token}\n")).unwrap();
    }
}

impl Drop for WatchTokens {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The period of the watch when nobody sets another, in seconds.
pub const PERIOD: i64 = 240;

impl TestApp {
    /// An application whose first homeserver is watched, with these settings besides.
    pub async fn watched(way: WatchWay, settings: &[(&str, &str)]) -> (Self, WatchTokens) {
        let tokens = WatchTokens::new();
        let directory = [("WATCH_TOKENS_DIR", tokens.path())];
        let app = Self::with(&[&directory, settings].concat()).await;
        app.watch(way, &tokens).await;
        (app, tokens)
    }

    /// Its first homeserver is watched from now on.
    pub async fn watch(&self, way: WatchWay, tokens: &WatchTokens) {
        let token = format!("syt_watch_{}", random_id().unwrap());
        tokens.put(NAME, &token);
        self.traffic.secret(Kind::Never, &token);
        self.homeserver.watched_with(&token);
        self.list(&watched(self.homeserver.listed(), way)).await;
    }

    /// A period passes, and the watch takes its turn.
    pub async fn watch_turn(&self) {
        self.advance(PERIOD);
        lifecycle_watch::take_turns(&self.app).await.unwrap();
    }
}

pub fn watched(homeserver: Homeserver, way: WatchWay) -> Homeserver {
    Homeserver {
        watch: Watch {
            way: Some(way),
            ..Watch::default()
        },
        ..homeserver
    }
}
