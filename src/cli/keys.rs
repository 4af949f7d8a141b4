//! `keys list|rotate|withdraw`: the keys that sign tokens.

use clap::Subcommand;

use super::context::{Context, Database};
use super::{Global, output};
use crate::console;
use crate::domain::audit::Actor;
use crate::keys::{KeyInfo, KeyState};

#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Show all keys and their state.
    List,
    /// Make new keys; they sign once every service can have fetched them (about ten minutes).
    Rotate {
        /// Sign with the new keys at once (a key is lost or stolen): services that cached the old ones fail for minutes.
        #[arg(long)]
        now: bool,
    },
    /// Forget retired keys that somebody else has: no longer published, and what they signed counts no more.
    Withdraw {
        /// From `keys list`; several may be named.
        #[arg(required = true, value_name = "KID")]
        kids: Vec<String>,
    },
}

pub async fn run(global: &Global, command: KeysCommand) -> anyhow::Result<()> {
    let context = Context::open(global, Database::MustExist).await?;
    let keys = context.keys().await?;
    let now = context.clock.now();
    match &command {
        KeysCommand::List => {}
        KeysCommand::Rotate { now: immediately } => {
            console::keys::rotate(&keys, &context.store, now, Actor::CommandLine, *immediately).await?
        }
        KeysCommand::Withdraw { kids } => {
            for kid in kids {
                console::keys::withdraw(&keys, &context.store, now, Actor::CommandLine, kid).await?;
            }
        }
    }
    let list = keys.list(now);
    context.store.close().await;
    if global.json {
        return output::json(&list);
    }
    let rows: Vec<_> = list.iter().map(row).collect();
    let header = ["kid", "alg", "state", "made", "signs from", "until"];
    output::print(&output::table(&header, &rows))?;
    let next = list
        .iter()
        .filter(|key| key.state == KeyState::Next)
        .map(|key| key.active_from)
        .max();
    match (command, next) {
        (KeysCommand::Rotate { now: true }, _) => {
            output::say("\nThe new keys sign from now on; running servers follow within 30 seconds.");
        }
        (KeysCommand::Rotate { now: false }, Some(at)) => output::say(&format!(
            "\nThe new keys are published now and sign from {}; running servers follow by themselves.",
            output::instant(at)
        )),
        (KeysCommand::Withdraw { .. }, _) => output::say(
            "\nRunning servers follow within 30 seconds, services when they next fetch the key set (within ten minutes).",
        ),
        _ => {}
    }
    Ok(())
}

fn row(key: &KeyInfo) -> Vec<String> {
    let state = match key.state {
        KeyState::Next => "next",
        KeyState::Active => "active",
        KeyState::Retired => "retired",
    };
    vec![
        key.kid.clone(),
        key.alg.to_owned(),
        state.to_owned(),
        output::instant(key.created_at),
        output::instant(key.active_from),
        key.retired_at.map(output::instant).unwrap_or_default(),
    ]
}
