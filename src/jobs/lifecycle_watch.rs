//! Asks homeservers whether the accounts of signed-in agents still stand, each agent once in a period. Turns and agents are
//! leased in the database: several replicas together ask one homeserver no more often than one would, and what a program
//! that dies leaves undone is asked again.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::account::{self, Source};
use crate::app::{App, SharedApp};
use crate::config::Config;
use crate::domain::homeserver::{Homeserver, WatchWay};
use crate::domain::lifecycle::{CLOSURES_PERIOD, Standing, Watched, changes, closures_believed};
use crate::store::{Store, StoreError};
use crate::upstream::{Upstream, UpstreamError, WatchAccess, WatchError};

/// How often it is looked whether somebody is due.
const PERIOD: Duration = Duration::from_secs(1);

/// How much longer than a request may take a turn, and the agents taken in it, are nobody else's, in seconds.
const LEASE_MARGIN: i64 = 20;

/// Between two requests to one homeserver, in seconds of the clock: never more than two within any second.
const PAUSE: i64 = 1;

/// After a failure, in seconds.
const PAUSE_AFTER_FAILURE: i64 = 30;

/// Why nobody knows whether accounts stand.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Nobody has laid one down.
    #[error("there is no token: {0}")]
    Token(String),
    /// `mas_admin` only.
    #[error("it is not known which authentication service may get our secret: write oauth.issuer into the list")]
    NoIssuer,
    /// The homeserver said nothing.
    #[error(transparent)]
    Watch(#[from] WatchError),
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Runs until `stop` says true or its sender is gone; requests under way are finished.
pub async fn run(app: SharedApp, mut stop: watch::Receiver<bool>) {
    let mut under_way = JoinSet::new();
    loop {
        if let Err(error) = begin(&app, &mut under_way).await {
            tracing::warn!(%error, "Nobody could be asked whether accounts still stand; trying again soon");
        }
        if !super::next_turn(PERIOD, &mut stop).await {
            break;
        }
        while under_way.try_join_next().is_some() {}
    }
    under_way.join_all().await;
}

/// One turn at each homeserver where somebody is due, to its end.
///
/// # Errors
/// When the database fails.
pub async fn take_turns(app: &SharedApp) -> Result<(), StoreError> {
    let mut under_way = JoinSet::new();
    begin(app, &mut under_way).await?;
    under_way.join_all().await;
    Ok(())
}

/// Begins a turn at each homeserver where somebody is due: none waits for another.
async fn begin(app: &SharedApp, under_way: &mut JoinSet<()>) -> Result<(), StoreError> {
    let now = app.clock.now();
    for homeserver in app.store.list_homeservers().await? {
        let Some(way) = homeserver.watch.way else { continue };
        if app.store.is_check_due(&homeserver.name, now).await?
            && app
                .store
                .consume_watch_turn(&homeserver.name, now, now + lease(app))
                .await?
        {
            under_way.spawn(turn(app.clone(), homeserver, way));
        }
    }
    Ok(())
}

fn lease(app: &App) -> i64 {
    LEASE_MARGIN + i64::try_from(app.config.upstream.timeout_seconds).unwrap_or(LEASE_MARGIN)
}

/// One request to one homeserver, and what follows from its answer.
async fn turn(app: SharedApp, homeserver: Homeserver, way: WatchWay) {
    let pause = match ask(&app, &homeserver, way).await {
        Ok(()) => PAUSE,
        Err(failure) => {
            let delays = app.store.watch_delays(app.clock.now()).await.unwrap_or_default();
            let delay = delays.into_iter().find(|(name, _)| *name == homeserver.name);
            tracing::warn!(
                homeserver = homeserver.name,
                error = %failure,
                oldest_answer_seconds = delay.map(|(_, seconds)| seconds),
                "It is not known whether accounts still stand; asking again soon"
            );
            failure.pause()
        }
    };
    let next_turn_at = app.clock.now() + pause;
    if let Err(error) = app.store.update_watch_turn(&homeserver.name, next_turn_at).await {
        tracing::warn!(homeserver = homeserver.name, %error, "The turn could not be given back; it lapses");
    }
}

async fn ask(app: &App, homeserver: &Homeserver, way: WatchWay) -> Result<(), Failure> {
    let Some(access) = access(&app.config, &app.store, &app.upstream, homeserver, way).await? else {
        return Ok(());
    };
    let now = app.clock.now();
    let due = loop {
        let taken = app
            .store
            .consume_due_checks(&homeserver.name, now, now + lease(app), way.batch())
            .await?;
        match taken {
            None => return Ok(()),
            // Nothing lives of these: the next ones.
            Some(due) if due.is_empty() => {}
            Some(due) => break due,
        }
    };
    let said = app.upstream.standings(homeserver, &access, &due).await?;
    let answered: Vec<(&Watched, Standing)> = due
        .iter()
        .filter_map(|watched| Some((watched, *said.get(&watched.matrix_id)?)))
        .collect();
    if answered.len() < due.len() {
        let unanswered = due.len() - answered.len();
        tracing::warn!(
            homeserver = homeserver.name,
            unanswered,
            "A homeserver said nothing of some accounts"
        );
    }
    let (changes, withheld) = changes(&answered, believed(app, homeserver, &answered, now).await?, |pause| {
        way.sees(pause)
    });
    if withheld > 0 {
        tracing::warn!(
            homeserver = homeserver.name,
            withheld,
            "A homeserver says that more accounts are closed than is believed for good; they are paused: see docs/operations.md"
        );
    }
    for (watched, state) in changes {
        account::seen(app, homeserver, &watched.agent_id, state, Source::Watch, now).await?;
    }
    let answered = answered.iter().map(|(watched, _)| watched.agent_id.as_str());
    let next_check_at = now + app.config.watch.period;
    Ok(app.store.update_checks(answered, now, next_check_at).await?)
}

/// How many closures among these answers are believed.
async fn believed(
    app: &App,
    homeserver: &Homeserver,
    answered: &[(&Watched, Standing)],
    now: i64,
) -> Result<usize, StoreError> {
    if answered.iter().all(|(_, standing)| *standing != Standing::Closed) {
        return Ok(0);
    }
    let (watched, closed) = app
        .store
        .count_closures(&homeserver.name, now - CLOSURES_PERIOD)
        .await?;
    Ok(closures_believed(watched, closed))
}

/// What is needed to ask by this way; `None` when this turn's request went for a token.
///
/// # Errors
/// When the operator has not laid down what is needed, it is not taken, or the database fails.
pub async fn access(
    config: &Config,
    store: &Store,
    upstream: &Upstream,
    homeserver: &Homeserver,
    way: WatchWay,
) -> Result<Option<WatchAccess>, Failure> {
    let secret = config.read_watch_token(&homeserver.name).map_err(Failure::Token)?;
    if way != WatchWay::MasAdmin {
        let issuer = String::new();
        return Ok(Some(WatchAccess {
            way,
            token: secret,
            issuer,
        }));
    }
    let issuer = match &homeserver.oauth.issuer {
        Some(issuer) => Some(issuer.clone()),
        None => {
            let pinned = store.find_pinned_issuer(&homeserver.name).await?;
            pinned.map(|pinned| pinned.issuer)
        }
    };
    let issuer = issuer.ok_or(Failure::NoIssuer)?;
    let token = upstream.admin_token(homeserver, &issuer, &secret).await?;
    Ok(token.map(|token| WatchAccess { way, token, issuer }))
}

impl Failure {
    /// How long to leave the homeserver alone, in seconds.
    fn pause(&self) -> i64 {
        match self {
            Self::Watch(WatchError::Upstream(UpstreamError::Throttled {
                retry_after_seconds: Some(seconds),
            })) => PAUSE_AFTER_FAILURE.max(i64::try_from(*seconds).unwrap_or(PAUSE_AFTER_FAILURE)),
            Self::Watch(WatchError::Stale) => PAUSE,
            _ => PAUSE_AFTER_FAILURE,
        }
    }
}
