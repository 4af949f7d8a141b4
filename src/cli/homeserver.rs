//! `homeserver list|remove`: what is on the list, and how one leaves it where nobody gets into the console.

use anyhow::{Context as _, bail};
use clap::Subcommand;
use serde_json::json;

use super::context::{Context, Database};
use super::{Global, output};
use crate::console::homeservers;
use crate::domain::audit::Actor;
use crate::domain::homeserver::Homeserver;

#[derive(Debug, Subcommand)]
pub enum HomeserverCommand {
    /// Show the list, in its order.
    List,
    /// Take a homeserver off the list: nobody signs in there any more, and its agents are refused everywhere.
    Remove {
        /// Its name, as on the list.
        name: String,
    },
}

pub async fn run(global: &Global, command: HomeserverCommand) -> anyhow::Result<()> {
    let context = Context::open(global, Database::MustExist).await?;
    match command {
        HomeserverCommand::List => list(global, &context).await?,
        HomeserverCommand::Remove { name } => remove(global, &context, &name).await?,
    }
    context.store.close().await;
    Ok(())
}

async fn list(global: &Global, context: &Context) -> anyhow::Result<()> {
    let list = context.store.list_homeservers().await?;
    if global.json {
        return output::json(&list);
    }
    let row = |one: &Homeserver| {
        let ways: Vec<_> = one.ways.iter().map(|way| way.as_str()).collect();
        let guests = if one.guests { "guests" } else { "" };
        vec![
            one.name.clone(),
            one.base_url.clone(),
            ways.join(", "),
            guests.to_owned(),
        ]
    };
    let rows: Vec<_> = list.iter().map(row).collect();
    output::print(&output::table(&["name", "base_url", "ways", ""], &rows))
}

async fn remove(global: &Global, context: &Context, name: &str) -> anyhow::Result<()> {
    let store = &context.store;
    let Some(former) = store.find_homeserver_version(name).await? else {
        bail!("{name} is not on the list; `tchap-connect homeserver list` shows it");
    };
    // Whoever is at the command line has no account of their own to lose.
    homeservers::retire(store, context.clock.now(), Actor::CommandLine, &former, "")
        .await
        .context("it was not removed")?;
    if global.json {
        return output::json(&json!({ "removed": name }));
    }
    output::print(&format!(
        "{name} is off the list: nobody signs in there, and its agents are refused."
    ))?;
    output::say("Their consents and subjects stay: `apply` brings all of it back.");
    Ok(())
}
