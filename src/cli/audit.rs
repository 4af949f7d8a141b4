//! `audit verify|export`: whether the chain of administrative acts is whole, and the log as JSON lines.

use anyhow::bail;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::context::{Context, Database};
use super::{Global, output};
use crate::audit;
use crate::domain::audit::chain::Report;
use crate::domain::audit::{Action, Actor, Class, Event, Filter, Link, ObjectKind, day_start, parse_day};

/// How many events are read at a time.
const BATCH: u32 = 1000;

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Walk along the chain of administrative acts; fails when an act was changed, removed or put in.
    Verify {
        /// An act known from elsewhere (a log line, a former answer of this command), as DAY/NUMBER=HASH; may be repeated.
        #[arg(long = "known", value_name = "DAY/NUMBER=HASH", value_parser = known)]
        known: Vec<Link>,
    },
    /// Print events as JSON lines, newest first. That it was done is recorded.
    Export(ExportArgs),
}

#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Only one kind.
    #[arg(long, value_enum)]
    class: Option<ClassArg>,
    /// From this day on (UTC), for example 2026-11-01.
    #[arg(long, value_name = "DAY", value_parser = day)]
    from: Option<i64>,
    /// Up to and with this day (UTC).
    #[arg(long, value_name = "DAY", value_parser = day)]
    through: Option<i64>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ClassArg {
    /// What people did.
    Administrative,
    /// What happened.
    Security,
}

pub async fn run(global: &Global, command: AuditCommand) -> anyhow::Result<()> {
    let context = Context::open(global, Database::MustExist).await?;
    let done = match command {
        AuditCommand::Verify { known } => verify(global, &context, &known).await,
        AuditCommand::Export(args) => export(&context, args).await,
    };
    context.store.close().await;
    done
}

async fn verify(global: &Global, context: &Context, known: &[Link]) -> anyhow::Result<()> {
    let Report { days, acts, findings } = audit::verify(&context.store, known).await?;
    if global.json {
        let day = |link: &Link| json!({"place": link.place(), "hash": link.hash});
        output::json(&json!({
            "whole": findings.is_empty(),
            "acts": acts,
            "findings": findings.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "last_of_each_day": days.iter().map(day).collect::<Vec<_>>(),
        }))?;
    } else {
        findings.iter().for_each(|finding| output::say(&finding.to_string()));
    }
    if !findings.is_empty() {
        bail!("the audit log was tampered with, or its database damaged");
    }
    if !global.json {
        output::print(&format!(
            "{} on {}: the chain is whole.",
            output::count(usize::try_from(acts)?, "administrative act"),
            output::count(days.len(), "day")
        ))?;
        if let Some(last) = days.last() {
            output::say(&format!(
                "Keep the newest one elsewhere, to be compared later: --known {}={}",
                last.place(),
                last.hash
            ));
        }
    }
    Ok(())
}

async fn export(context: &Context, args: ExportArgs) -> anyhow::Result<()> {
    let filter = Filter {
        class: args.class.map(|class| match class {
            ClassArg::Administrative => Class::Administrative,
            ClassArg::Security => Class::Security,
        }),
        from: args.from.map(day_start),
        until: args.through.map(|day| day_start(day + 1)),
        ..Filter::default()
    };
    let event = Event {
        actor: Actor::CommandLine,
        action: Action::AuditExported,
        object: (ObjectKind::Audit, String::new()),
        detail: filter.to_json(),
    };
    audit::record(&context.store, context.clock.now(), event).await?;
    let mut before: Option<(i64, String)> = None;
    loop {
        let place = before.as_ref().map(|(at, id)| (*at, id.as_str()));
        let events = context.store.list_audit_events(&filter, place, BATCH).await?;
        for event in &events {
            output::print(&event.to_json().to_string())?;
        }
        before = events.last().map(|last| (last.at, last.id.clone()));
        if events.len() < BATCH as usize {
            return Ok(());
        }
    }
}

fn day(text: &str) -> Result<i64, String> {
    parse_day(text).ok_or_else(|| "expected a day, for example 2026-11-24".to_owned())
}

fn known(text: &str) -> Result<Link, String> {
    let parts = text.split_once('=').and_then(|(place, hash)| {
        let (day, number) = place.split_once('/')?;
        Some(Link {
            day: parse_day(day)?,
            number: number.parse().ok()?,
            hash: hash.to_owned(),
        })
    });
    parts.ok_or_else(|| "expected DAY/NUMBER=HASH, as `audit verify` prints it".to_owned())
}
