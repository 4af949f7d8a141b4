//! `apply --dry-run`: who of those that signed in to a client in the last 30 days would be refused from now on. Counts; who
//! they are only where it is asked for.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Stored;
use super::diff::merged;
use super::read::Wanted;
use crate::cli::context::Context;
use crate::cli::output;
use crate::domain::admission::Refusal;
use crate::domain::admission::preview::{Registry, newly_refused};
use crate::protocol::client::Client;

/// How long sign-ins are known, in seconds.
const KNOWN: i64 = 30 * 24 * 3600;
/// Agents per query.
const BATCH: u32 = 5_000;

/// What one client's agents would notice.
#[derive(Debug, Serialize)]
pub struct ShutOut {
    client_id: String,
    /// Agents who signed in in the last 30 days, or hold something that still lives.
    agents: u64,
    /// Those of them who are admitted now and would be refused.
    refused: u64,
    by: Vec<Group>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    matrix_ids: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Group {
    reason: &'static str,
    homeserver: String,
    administration: Option<String>,
    agents: u64,
}

/// Tries every client that the file changes, and all others too when it changes homeservers or administrations.
pub async fn find(context: &Context, stored: &Stored, wanted: &Wanted, with_ids: bool) -> anyhow::Result<Vec<ShutOut>> {
    let before = Registry::new(stored.homeservers.clone(), stored.administrations.clone());
    let administrations = stored.administrations.iter().chain(&wanted.administrations);
    let after = Registry::new(
        merged(&stored.homeservers, &wanted.homeservers),
        administrations.cloned(),
    );
    let mut found = Vec::new();
    for client in &stored.clients {
        let in_file = wanted.clients.iter().find(|wanted| wanted.client.id == client.id);
        let as_wanted = in_file.map_or(client, |wanted| &wanted.client);
        if before == after && client == as_wanted {
            continue;
        }
        let shut_out = one((&before, client), (&after, as_wanted), context, with_ids).await?;
        found.extend((shut_out.refused > 0).then_some(shut_out));
    }
    Ok(found)
}

async fn one(
    now: (&Registry, &Client),
    then: (&Registry, &Client),
    context: &Context,
    with_ids: bool,
) -> anyhow::Result<ShutOut> {
    let client_id = now.1.id.clone();
    let instant = context.clock.now();
    let mut groups: BTreeMap<(&'static str, String, Option<String>), u64> = BTreeMap::new();
    let (mut agents, mut matrix_ids, mut after) = (0, Vec::new(), String::new());
    loop {
        let since = instant - KNOWN;
        let batch = context
            .store
            .list_client_agents(&client_id, since, instant, &after, BATCH)
            .await?;
        let Some(last) = batch.last() else { break };
        after.clone_from(&last.id);
        for agent in batch {
            agents += 1;
            let Some(refusal) = newly_refused(now, then, &agent) else {
                continue;
            };
            let administration = then.0.administration(&agent).map(|row| row.name.clone());
            *groups
                .entry((words(refusal), agent.homeserver, administration))
                .or_default() += 1;
            matrix_ids.extend(with_ids.then_some(agent.matrix_id));
        }
    }
    matrix_ids.sort_unstable();
    let group = |((reason, homeserver, administration), agents)| Group {
        reason,
        homeserver,
        administration,
        agents,
    };
    Ok(ShutOut {
        client_id,
        agents,
        refused: groups.values().sum(),
        by: groups.into_iter().map(group).collect(),
        matrix_ids,
    })
}

fn words(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Guest => "guest",
        Refusal::Administration => "administration",
        Refusal::Population => "population",
        Refusal::NotATester => "sandbox",
        _ => "account",
    }
}

/// Prints it for people.
pub fn report(found: &[ShutOut]) -> anyhow::Result<()> {
    for shut_out in found {
        let ShutOut {
            client_id,
            agents,
            refused,
            ..
        } = shut_out;
        let line = format!("! {client_id} would refuse {refused} of the {agents} agents of the last 30 days:");
        output::print(&output::clean(&line))?;
        let row = |group: &Group| {
            vec![
                group.reason.to_owned(),
                group.homeserver.clone(),
                group.administration.clone().unwrap_or_default(),
                group.agents.to_string(),
            ]
        };
        let rows: Vec<_> = shut_out.by.iter().map(row).collect();
        output::print(&output::table(
            &["because of", "homeserver", "administration", "agents"],
            &rows,
        ))?;
        for matrix_id in &shut_out.matrix_ids {
            output::print(&output::clean(&format!("    {matrix_id}")))?;
        }
    }
    Ok(())
}
