//! How a client fares, from counters and what is stored anyway.

use std::collections::BTreeMap;

use super::super::super::pages::console::health::{DeliveryLine, Health};
use super::show::SOON;
use crate::app::App;
use crate::domain::audit::day_of;
use crate::domain::statistics::{Groups, Outcome, Scope};
use crate::protocol::client::{Client, ClientSecret};
use crate::store::StoreError;

/// How many days of errors a page shows.
const DAYS: i64 = 14;
const DELIVERIES: u32 = 50;

/// Sign-ins of the last days on which there were some, as statistics tell them: so few that they could be somebody are not.
async fn sign_ins(app: &App, client: &Client, today: i64) -> Result<Vec<(i64, Option<u64>)>, StoreError> {
    let scope = Scope::Client(client.id.clone());
    let counts = app.store.list_sign_in_days(&scope, today - DAYS, today + 1).await?;
    let mut days: BTreeMap<i64, i64> = BTreeMap::new();
    for count in counts.iter().filter(|count| count.outcome == Outcome::SignedIn) {
        *days.entry(count.day).or_default() += count.count;
    }
    let days = Groups::hiding_small(days.into_iter().rev().collect());
    let told = |(day, count): (i64, Option<i64>)| (day, count.map(i64::unsigned_abs));
    Ok(days.groups.into_iter().map(told).collect())
}

/// Loads it.
pub async fn load(app: &App, client: &Client, secrets: &[ClientSecret], now: i64) -> Result<Health, StoreError> {
    let store = &app.store;
    let today = day_of(now);
    let errors = store.list_client_errors(&client.id, today - DAYS).await?;
    let redirects = store.list_client_redirects(&client.id).await?;
    let unused = client
        .redirect_uris
        .iter()
        .filter(|uri| !redirects.iter().any(|(used, _)| used == *uri));
    let deliveries = store.list_logout_deliveries(&client.id, DELIVERIES).await?;
    let failing = deliveries.into_iter().filter_map(|delivery| {
        Some(DeliveryLine {
            at: delivery.created_at,
            attempts: delivery.attempts,
            error: delivery.last_error?,
            given_up: delivery.next_attempt_at.is_none(),
        })
    });
    // The last secret that lives is the one whose end stops the service.
    let ends: Option<Vec<i64>> = secrets.iter().map(|secret| secret.expires_at).collect();
    let last_end = ends.and_then(|ends| ends.into_iter().max());
    Ok(Health {
        last_used: redirects.first().map(|(_, at)| *at),
        sign_ins: sign_ins(app, client, today).await?,
        errors: errors
            .into_iter()
            .map(|(day, code, count)| (day, code, count.unsigned_abs()))
            .collect(),
        unused: match redirects.is_empty() {
            // Of a client that was never used this says nothing.
            true => Vec::new(),
            false => unused.cloned().collect(),
        },
        deliveries: failing.collect(),
        secrets_end: last_end.filter(|end| *end < now + SOON),
    })
}
