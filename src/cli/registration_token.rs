//! `registration-token add|list|revoke`: the tokens that let somebody register a client (RFC 7591 §3). One is shown once, when
//! it is made, and stored as a fingerprint.

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::context::{Context, Database};
use super::{Global, output};
use crate::config::RegistrationMode;
use crate::console::registration_tokens;
use crate::domain::audit::Actor;
use crate::domain::registration::RegistrationToken;

const DAY: i64 = 86_400;

#[derive(Debug, Subcommand)]
pub enum RegistrationTokenCommand {
    /// Make a token; it is shown once.
    Add(AddArgs),
    /// Show all tokens that have not expired (never the tokens themselves).
    List,
    /// Revoke a token; what was registered with it stays.
    Revoke {
        /// Its id, as `list` shows it.
        id: String,
    },
}

#[derive(Debug, Args)]
pub struct AddArgs {
    /// Whom it is for.
    #[arg(long)]
    note: String,
    /// How many clients may be registered with it.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..=100_000))]
    uses: i64,
    /// For how many days it is good.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(i64).range(1..=3650))]
    days: i64,
}

pub async fn run(global: &Global, command: RegistrationTokenCommand) -> anyhow::Result<()> {
    let context = Context::open(global, Database::MustExist).await?;
    match command {
        RegistrationTokenCommand::Add(args) => add(global, &context, args).await?,
        RegistrationTokenCommand::List => list(global, &context).await?,
        RegistrationTokenCommand::Revoke { id } => revoke(global, &context, &id).await?,
    }
    context.store.close().await;
    Ok(())
}

async fn add(global: &Global, context: &Context, args: AddArgs) -> anyhow::Result<()> {
    let wanted = (args.note, args.uses, args.days * DAY);
    let now = context.clock.now();
    let (token, value) = registration_tokens::create(&context.store, Actor::CommandLine, wanted, now).await?;
    if global.json {
        let mut answer = describe(&token);
        answer["token"] = value.into();
        return output::json(&answer);
    }
    output::print(&output::pairs(&[
        ("id", token.id.clone()),
        ("token", value),
        ("uses", token.uses_left.to_string()),
        ("until", output::instant(token.expires_at)),
    ]))?;
    output::say("\nThe token is shown this once and stored as a fingerprint only: copy it now.");
    if context.config.registration.mode != RegistrationMode::Token {
        output::say("It is of use once registration.mode is \"token\".");
    }
    Ok(())
}

async fn list(global: &Global, context: &Context) -> anyhow::Result<()> {
    let tokens = context.store.list_registration_tokens(context.clock.now()).await?;
    if global.json {
        return output::json(&tokens.iter().map(describe).collect::<Vec<_>>());
    }
    if tokens.is_empty() {
        output::say("There is no token. Make one: tchap-connect registration-token add --note \"for whom\"");
        return Ok(());
    }
    let row = |token: &RegistrationToken| {
        vec![
            token.id.clone(),
            token.note.clone(),
            token.uses_left.to_string(),
            output::instant(token.created_at),
            output::instant(token.expires_at),
        ]
    };
    let rows: Vec<_> = tokens.iter().map(row).collect();
    output::print(&output::table(&["id", "note", "uses left", "made", "until"], &rows))
}

async fn revoke(global: &Global, context: &Context, id: &str) -> anyhow::Result<()> {
    let now = context.clock.now();
    if !registration_tokens::revoke(&context.store, Actor::CommandLine, id, now).await? {
        bail!("there is no token {id:?}; `tchap-connect registration-token list` shows all");
    }
    match global.json {
        true => output::json(&json!({ "id": id, "revoked": true })),
        false => output::print(&format!(
            "The token {id} is revoked. The clients registered with it stay."
        )),
    }
}

/// A token for scripts: everything but its fingerprint.
fn describe(token: &RegistrationToken) -> Value {
    json!({
        "id": token.id,
        "note": token.note,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "uses_left": token.uses_left,
    })
}
