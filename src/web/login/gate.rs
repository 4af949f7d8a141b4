//! The gate before a password is relayed: failures are counted per account and per network, and the agent's known browsers
//! pass. It closes before the homeserver's own limit would, which locks the account for everybody (threats.md, rows 26).

use http::HeaderValue;
use serde_json::json;

use super::super::error::PageError;
use super::under_way::UnderWay;
use crate::audit;
use crate::domain::audit::{Action, Actor, Event, ObjectKind};
use crate::domain::homeserver::Homeserver;
use crate::domain::identifier::Identifier;
use crate::domain::throttle::{Limit, account_bucket, network_bucket};
use crate::secret::{fingerprint, random_token};

/// How long a browser stays known after a login, in seconds: 180 days.
const KNOWN_FOR: i64 = 180 * 24 * 3600;

/// One attempt that was let through; say how it ended.
pub struct Attempt {
    account: String,
    /// The account as it was typed.
    typed: String,
    /// The places taken, to be given back; none for a known browser.
    taken: Vec<(String, Limit)>,
}

/// Lets an attempt through, or says how many seconds to wait.
pub async fn pass(
    step: &UnderWay,
    server: &Homeserver,
    identifier: &Identifier,
) -> Result<Result<Attempt, u64>, PageError> {
    let account = account_bucket(server, identifier);
    let mut attempt = Attempt {
        account: account.clone(),
        typed: exact(server, identifier),
        taken: Vec::new(),
    };
    let (store, now) = (&step.app.store, step.now);
    if let Some(token) = &step.visitor.known_browser
        && store.is_known_browser(&mark(token, &attempt.typed), now).await?
    {
        return Ok(Ok(attempt));
    }
    let limits = &step.app.config.limits;
    let buckets = [
        (account, Limit::per_half_hour(limits.failed_passwords_per_account)),
        (
            network_bucket(&step.visitor.network),
            Limit::per_half_hour(limits.failed_passwords_per_network),
        ),
    ];
    for (bucket, limit) in buckets {
        match store.take(&bucket, limit, now).await? {
            Ok(()) => attempt.taken.push((bucket, limit)),
            Err(full_until) => {
                note_throttled(step, server, &bucket).await?;
                attempt.was_no_failure(step).await?;
                return Ok(Err(limit.wait(full_until, now).max(1).unsigned_abs()));
            }
        }
    }
    Ok(Ok(attempt))
}

/// Too many failed passwords of an account or from a network: none is relayed. Once in the half hour that a bucket is for.
async fn note_throttled(step: &UnderWay, server: &Homeserver, bucket: &str) -> Result<(), PageError> {
    let object = match bucket.split_once('/') {
        Some(("network", network)) => (ObjectKind::Network, network.to_owned()),
        // A fingerprint: no address is stored.
        _ => (
            ObjectKind::Account,
            bucket.rsplit('/').next().unwrap_or_default().to_owned(),
        ),
    };
    let event = Event {
        actor: Actor::System,
        action: Action::LoginThrottled,
        object,
        detail: json!({"homeserver": server.name, "client": step.flow.client_id}),
    };
    Ok(audit::record_once(&step.app.store, step.now, event, 1800).await?)
}

impl Attempt {
    /// No password was judged, or it was right.
    pub async fn was_no_failure(&self, step: &UnderWay) -> Result<(), PageError> {
        for (bucket, limit) in &self.taken {
            step.app.store.give_back(bucket, *limit).await?;
        }
        Ok(())
    }

    /// The homeserver itself wants us to wait with this account: until then unknown browsers are not passed on.
    pub async fn was_throttled(&self, step: &UnderWay, seconds: Option<u64>) -> Result<(), PageError> {
        self.was_no_failure(step).await?;
        let limit = Limit::per_half_hour(step.app.config.limits.failed_passwords_per_account);
        let wait = seconds
            .and_then(|seconds| i64::try_from(seconds).ok())
            .unwrap_or(limit.interval);
        let full_until = step.now + limit.slack + wait.clamp(1, 24 * 3600);
        Ok(step.app.store.fill(&self.account, full_until).await?)
    }

    /// It was right: this browser is the agent's from now on, by what was typed and by their Matrix id. The cookie that
    /// says so.
    pub async fn was_right(&self, step: &UnderWay, matrix_id: &str) -> Result<HeaderValue, PageError> {
        self.was_no_failure(step).await?;
        let token = match &step.visitor.known_browser {
            Some(token) => token.clone(),
            None => random_token()?,
        };
        let until = step.now + KNOWN_FOR;
        for account in [self.typed.as_str(), matrix_id] {
            step.app
                .store
                .upsert_known_browser(&mark(&token, account), until)
                .await?;
        }
        step.visitor.known_browser_cookie(&step.app, &token, KNOWN_FOR)
    }
}

/// One account and no other: unlike its bucket, which others may share.
fn exact(server: &Homeserver, identifier: &Identifier) -> String {
    match identifier {
        Identifier::Email(address) => format!("{address} at {}", server.name),
        Identifier::MatrixId(id) => id.to_string(),
        Identifier::LocalPart(local) => format!("@{local}:{}", server.name),
    }
}

fn mark(token: &str, account: &str) -> String {
    fingerprint(&format!("{token}\n{account}"))
}
