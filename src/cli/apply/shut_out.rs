//! `apply --dry-run`: who of those that signed in to a client in the last 30 days would be refused from now on. Counts; who
//! they are only where it is asked for.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Stored;
use super::diff::merged;
use super::read::Wanted;
use crate::cli::context::Context;
use crate::cli::output;
use crate::console::clients::would_refuse;
use crate::domain::admission::Refusal;
use crate::domain::admission::preview::Registry;
use crate::domain::agent::Agent;
use crate::protocol::client::Client;

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
    let mut groups: BTreeMap<(&'static str, String, Option<String>), u64> = BTreeMap::new();
    let mut matrix_ids = Vec::new();
    let note = |refusal, agent: Agent| {
        let administration = then.0.administration(&agent).map(|row| row.name.clone());
        *groups
            .entry((words(refusal), agent.homeserver, administration))
            .or_default() += 1;
        matrix_ids.extend(with_ids.then_some(agent.matrix_id));
    };
    let instant = context.clock.now();
    let found = would_refuse(&context.store, now, then, instant, u64::MAX, note).await?;
    matrix_ids.sort_unstable();
    let group = |((reason, homeserver, administration), agents)| Group {
        reason,
        homeserver,
        administration,
        agents,
    };
    Ok(ShutOut {
        client_id: now.1.id.clone(),
        agents: found.agents,
        refused: found.refused,
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
