//! `apply FILE`: loads homeservers, administrations, resources and clients from TOML. Everything is checked before any of it is
//! written; only differences are written, so applying twice changes nothing. What the file does not name is left alone.

mod diff;
mod read;
mod shut_out;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::json;

use super::context::{Context, Database};
use super::{Global, output};
use crate::app;
use crate::console;
use crate::console::clients::{self, Author};
use crate::domain::administration::Administration;
use crate::domain::audit::Actor;
use crate::domain::homeserver::Homeserver;
use crate::protocol::client::{Client, ClientSecret};
use crate::protocol::client_metadata::FieldProblem;
use crate::protocol::resource::Resource;
use crate::web::logo;
use diff::{Change, Changed};
use read::{Wanted, WantedClient};
use shut_out::ShutOut;

/// How long a client's former secrets live on once it has got a new one, in seconds.
pub const KEEP_SECRETS: i64 = 24 * 3600;

#[derive(Debug, clap::Args)]
pub struct ApplyArgs {
    /// TOML file with [[homeservers]], [[administrations]], [[resources]] and [[clients]].
    file: PathBuf,
    /// Show the difference and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Also the Matrix ids of the agents who would be refused, not only how many they are.
    #[arg(long, requires = "dry_run")]
    show_agents: bool,
}

#[derive(Debug, clap::Args)]
pub struct PlanArgs {
    /// TOML file, as for `apply`.
    file: PathBuf,
    /// Also the Matrix ids of the agents who would be refused, not only how many they are.
    #[arg(long)]
    show_agents: bool,
}

impl From<PlanArgs> for ApplyArgs {
    fn from(args: PlanArgs) -> Self {
        Self {
            file: args.file,
            dry_run: true,
            show_agents: args.show_agents,
        }
    }
}

/// What the database holds already.
struct Stored {
    homeservers: Vec<Homeserver>,
    administrations: Vec<Administration>,
    resources: Vec<Resource>,
    clients: Vec<Client>,
    /// The living ones, by client.
    secrets: BTreeMap<String, Vec<ClientSecret>>,
}

pub async fn run(global: &Global, args: ApplyArgs) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(&args.file).with_context(|| format!("cannot read {}", args.file.display()))?;
    let context = Context::open(global, Database::MayBeMade).await?;
    let stored = load(&context).await?;
    let wanted = match read::read(&text, &stored, context.config.mode) {
        Ok(wanted) => wanted,
        Err(problems) => return refuse(global, &args.file, &problems),
    };
    let own = console::api::resource(&context.config.issuer).identifier;
    if wanted.resources.iter().any(|resource| resource.identifier == own) {
        let problem = FieldProblem::new("resources.identifier", format!("{own:?} is this provider's own API"));
        return refuse(global, &args.file, &[problem]);
    }
    let changes = diff::changes(&stored, &wanted);
    let mut shut_out = Vec::new();
    if args.dry_run {
        shut_out = shut_out::find(&context, &stored, &wanted, args.show_agents).await?;
    } else {
        write(&context, stored, wanted, &changes).await?;
    }
    context.store.close().await;
    report(global, &args, &changes, &shut_out)
}

async fn load(context: &Context) -> anyhow::Result<Stored> {
    let store = &context.store;
    let mut stored = Stored {
        homeservers: store.list_homeservers().await?,
        administrations: store.list_administrations().await?,
        resources: store.list_resources().await?,
        clients: store.list_clients().await?,
        secrets: BTreeMap::new(),
    };
    for client in &stored.clients {
        let living = store.list_client_secrets(&client.id, context.clock.now()).await?;
        stored.secrets.insert(client.id.clone(), living);
    }
    Ok(stored)
}

/// Writes what differs. Not one transaction: a failure half-way is mended by applying again.
async fn write(context: &Context, stored: Stored, wanted: Wanted, changes: &[Changed]) -> anyhow::Result<()> {
    let store = &context.store;
    let now = context.clock.now();
    let differs = |kind: &str, id: &str| {
        let of = |changed: &&Changed| changed.kind == kind && changed.id == id;
        changes
            .iter()
            .find(of)
            .is_some_and(|changed| changed.change != Change::Unchanged)
    };
    if changes
        .iter()
        .any(|changed| changed.kind.starts_with("homeserver") && changed.change != Change::Unchanged)
    {
        console::homeservers::put_list(store, now, &Actor::CommandLine, &wanted.homeservers).await?;
    }
    for administration in &wanted.administrations {
        if differs("administration", &administration.domain) {
            let former = store.find_administration_version(&administration.domain).await?;
            console::administrations::save(store, now, Actor::CommandLine, administration, former.as_ref()).await?;
        }
    }
    for resource in &wanted.resources {
        console::resources::put(store, now, Actor::CommandLine, resource).await?;
    }
    for wanted in &wanted.clients {
        let id = &wanted.client.id;
        // Whoever applies a client vouches for it: it no longer manages itself, nor expires. First and always, so that an
        // apply that was cut off is mended by the next.
        store.delete_registration(id).await?;
        if differs("client", id) {
            let known = store.find_kept_client(id).await?;
            // What was compared with the file must be what is replaced.
            let read = stored.clients.iter().find(|known| known.id == *id);
            if known.as_ref().map(|known| &known.client) != read {
                bail!("the client {id} was changed meanwhile: apply the file again");
            }
            clients::put(store, &Author::COMMAND_LINE, &wanted.client, known.as_ref(), now).await?;
        }
        if let Some(fingerprint) = wanted.new_secret(&stored) {
            clients::put_secret(store, &Author::COMMAND_LINE, id, fingerprint, KEEP_SECRETS, now).await?;
        }
    }
    fetch_logos(context, &wanted.clients).await
}

/// Fetches the logos that are not here yet; what cannot be had is said and is no failure.
async fn fetch_logos(context: &Context, clients: &[WantedClient]) -> anyhow::Result<()> {
    let fetcher = app::fetcher(&context.config)?;
    for WantedClient { client, .. } in clients {
        if let Some(error) = logo::fetch(&context.store, &fetcher, client, context.clock.now()).await? {
            output::say(&format!("{} is shown without a logo: {error}", client.id));
        }
    }
    Ok(())
}

fn refuse(global: &Global, file: &Path, problems: &[FieldProblem]) -> anyhow::Result<()> {
    if global.json {
        output::json(&json!({ "applied": false, "problems": problems }))?;
    } else {
        for problem in problems {
            output::print(&output::clean(&format!("{}: {}", problem.field, problem.message)))?;
        }
    }
    let count = output::count(problems.len(), "problem");
    bail!("{} has {count}; nothing was written", file.display())
}

fn report(global: &Global, args: &ApplyArgs, changes: &[Changed], shut_out: &[ShutOut]) -> anyhow::Result<()> {
    if global.json {
        return match args.dry_run {
            true => output::json(&json!({ "applied": false, "changes": changes, "refused": shut_out })),
            false => output::json(&json!({ "applied": true, "changes": changes })),
        };
    }
    for changed in changes {
        output::print(&output::clean(&changed.to_string()))?;
    }
    let number = |change| changes.iter().filter(|changed| changed.change == change).count();
    let (added, changed) = (number(Change::Added), number(Change::Changed));
    output::print(&format!(
        "{added} added, {changed} changed, {} unchanged.",
        number(Change::Unchanged)
    ))?;
    shut_out::report(shut_out)?;
    if args.dry_run && added + changed > 0 {
        output::say("Nothing was written: `tchap-connect apply` with this file does it.");
    }
    Ok(())
}
