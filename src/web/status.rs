//! How the homeservers are: a page for people, and metrics for the operator's monitoring (Prometheus text format). Both show
//! what is known already and ask nobody, so that asking for them costs no homeserver anything.

use std::collections::HashSet;
use std::fmt::Write as _;

use askama::Template;
use axum::extract::{OriginalUri, State};
use axum::response::{Html, IntoResponse, Response};
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};

use super::error::PageError;
use super::pages::{ErrorKind, ServerState, ServerStatus, StatusPage};
use super::visitor::{language_of, layout};
use crate::app::{App, SharedApp};
use crate::domain::homeserver::Way;
use crate::secret::{constant_time_eq, fingerprint};
use crate::store::StoreError;
use crate::upstream::{Api, ServerHealth};

/// `GET /status`
pub async fn page(
    State(app): State<SharedApp>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Result<Html<String>, PageError> {
    let now = app.clock.now();
    let servers = app.store.list_homeservers().await?.into_iter().map(|homeserver| {
        let health = app.upstream.health().of(&homeserver.name, Api::Client);
        ServerStatus {
            state: state(health, now),
            name: homeserver.name,
            label: homeserver.label,
        }
    });
    let page = StatusPage {
        layout: layout(&app, language_of(&app, &headers, uri.query()), "/status".to_owned()),
        servers: servers.collect(),
    };
    Ok(Html(page.render()?))
}

fn state(health: ServerHealth, now: i64) -> ServerState {
    match (health.failing_since, health.last_success) {
        (Some(since), _) => ServerState::Failing {
            seconds: now.saturating_sub(since).max(0).unsigned_abs(),
        },
        (None, Some(_)) => ServerState::Works,
        (None, None) => ServerState::Unknown,
    }
}

/// `GET /metrics`, for who knows the token of the configuration; there is no such page without one.
pub async fn metrics(State(app): State<SharedApp>, headers: HeaderMap) -> Result<Response, PageError> {
    let Some(token) = &app.config.metrics_token else {
        return Err(PageError::new(ErrorKind::NotFound));
    };
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default();
    if !constant_time_eq(&fingerprint(given), &fingerprint(token.expose())) {
        return Ok((
            StatusCode::UNAUTHORIZED,
            [(WWW_AUTHENTICATE, "Bearer")],
            "a bearer token is needed\n",
        )
            .into_response());
    }
    let head = [(CONTENT_TYPE, "text/plain; version=0.0.4"), (CACHE_CONTROL, "no-store")];
    Ok((head, text(&app).await?).into_response())
}

/// Names of homeservers are domain names: no label needs escaping.
async fn text(app: &App) -> Result<String, StoreError> {
    let (mut up, mut answered) = (String::new(), String::new());
    let homeservers = app.store.list_homeservers().await?;
    for homeserver in &homeservers {
        for (api, word) in [(Api::Client, "client"), (Api::Directory, "directory")] {
            let health = app.upstream.health().of(&homeserver.name, api);
            let labels = format!("{{homeserver=\"{}\",api=\"{word}\"}}", homeserver.name);
            if health.failing_since.is_some() || health.last_success.is_some() {
                let is_up = u8::from(health.failing_since.is_none());
                let _ = writeln!(up, "tchap_connect_homeserver_up{labels} {is_up}");
            }
            if let Some(at) = health.last_success {
                let _ = writeln!(
                    answered,
                    "tchap_connect_homeserver_last_answer_timestamp_seconds{labels} {at}"
                );
            }
        }
    }
    let mut delays = String::new();
    // Where nobody asks, the age of an answer says nothing.
    let watched: HashSet<_> = homeservers
        .iter()
        .filter(|homeserver| homeserver.watch.is_on())
        .map(|homeserver| homeserver.name.as_str())
        .collect();
    let all = app.store.watch_delays(app.clock.now()).await?;
    for (homeserver, seconds) in all.into_iter().filter(|(name, _)| watched.contains(name.as_str())) {
        let _ = writeln!(
            delays,
            "tchap_connect_watch_delay_seconds{{homeserver=\"{homeserver}\"}} {seconds}"
        );
    }
    let mut sign_ins = String::new();
    for ((homeserver, way, outcome), count) in app.statistics.totals() {
        let _ = writeln!(
            sign_ins,
            "tchap_connect_sign_ins_total{{homeserver=\"{homeserver}\",way=\"{}\",result=\"{}\"}} {count}",
            way.map_or("", Way::as_str),
            outcome.as_str()
        );
    }
    Ok(format!(
        "# HELP tchap_connect_info Which release runs.\n# TYPE tchap_connect_info gauge\n\
         tchap_connect_info{{version=\"{}\"}} 1\n\
         # HELP tchap_connect_homeserver_up Whether a homeserver answered when it was last asked, by what was asked.\n\
         # TYPE tchap_connect_homeserver_up gauge\n{up}\
         # HELP tchap_connect_homeserver_last_answer_timestamp_seconds When it last answered this process.\n\
         # TYPE tchap_connect_homeserver_last_answer_timestamp_seconds gauge\n{answered}\
         # HELP tchap_connect_watch_delay_seconds Age of the oldest word about an agent whose account is watched.\n\
         # TYPE tchap_connect_watch_delay_seconds gauge\n{delays}\
         # HELP tchap_connect_sign_ins_total Sign-ins that ended in this process, well or not; empty labels: not known yet.\n\
         # TYPE tchap_connect_sign_ins_total counter\n{sign_ins}",
        env!("CARGO_PKG_VERSION")
    ))
}
