//! `migrate`: brings the database's tables up to date. In production it is a step of its own, so that a new release
//! never changes tables behind an operator's back; several at once are safe (the database serialises them).

use serde_json::json;

use super::context::{Context, Database};
use super::{Global, output};

pub async fn run(global: &Global) -> anyhow::Result<()> {
    let context = Context::open_as_it_is(global, Database::MayBeMade).await?;
    let pending = context.store.pending_migrations().await?;
    context.store.migrate().await?;
    context.store.close().await;
    if global.json {
        return output::json(&json!({ "applied": pending }));
    }
    output::print(&match pending {
        0 => "The database was up to date already.".to_owned(),
        _ => format!(
            "Applied {}: the database is up to date.",
            output::count(pending, "migration")
        ),
    })
}
