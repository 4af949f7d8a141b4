//! `client logouts`: what became of the logout tokens for a client.

use serde_json::json;

use super::super::context::Context;
use super::super::{Global, output};
use super::find;
use crate::domain::logout::LogoutDelivery;

/// So many logout tokens are shown.
const LOGOUTS_SHOWN: u32 = 50;

/// Prints the last ones.
pub async fn show(global: &Global, context: &Context, id: &str) -> anyhow::Result<()> {
    let client = find(context, id).await?;
    let deliveries = context.store.list_logout_deliveries(id, LOGOUTS_SHOWN).await?;
    if global.json {
        let delivery = |one: &LogoutDelivery| {
            json!({
                "sid": one.sid, "sub": one.subject, "created_at": one.created_at, "attempts": one.attempts,
                "next_attempt_at": one.next_attempt_at, "delivered_at": one.delivered_at, "last_error": one.last_error,
            })
        };
        return output::json(&deliveries.iter().map(delivery).collect::<Vec<_>>());
    }
    let row = |one: &LogoutDelivery| {
        let outcome = match (one.delivered_at, one.next_attempt_at) {
            (Some(at), _) => format!("delivered {}", output::instant(at)),
            (None, Some(at)) => format!("again {}", output::instant(at)),
            (None, None) => "given up".to_owned(),
        };
        vec![
            output::instant(one.created_at),
            one.sid.clone(),
            one.attempts.to_string(),
            outcome,
            one.last_error.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = deliveries.iter().map(row).collect();
    if rows.is_empty() {
        let why = match client.logout.backchannel_logout_uri {
            Some(_) => "no session of its agents has ended within 30 days",
            None => "it has no backchannel_logout_uri",
        };
        output::say(&format!("There is no logout token for {id}: {why}."));
        return Ok(());
    }
    output::print(&output::table(
        &["logout", "sid", "attempts", "outcome", "last error"],
        &rows,
    ))
}
