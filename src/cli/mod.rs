//! The command line: one file per command. Results go to standard output (with `--json`, nothing else does); progress,
//! assumptions, logs and errors go to standard error. Exit status: 0 done, 1 failed, 2 not a valid command.

mod apply;
mod audit;
mod check_config;
mod client;
mod context;
mod doctor;
mod entry;
mod homeserver;
mod homeservers;
mod keys;
pub mod logging;
mod migrate;
mod operator;
mod output;
mod registration_token;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// An OpenID Connect provider backed by Tchap (Matrix) accounts.
#[derive(Debug, Parser)]
#[command(name = "tchap-connect", version, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Try it on this machine:
  tchap-connect serve --homeserver agent.example.org=http://127.0.0.1:8008
  tchap-connect client add --name \"My site\" --redirect-uri http://127.0.0.1:8090/callback

Prepare a real deployment: copy config.example.toml to tchap-connect.toml, then
  tchap-connect check-config && tchap-connect migrate && tchap-connect serve";

/// Options of every command.
#[derive(Debug, Args)]
struct Global {
    /// Configuration file [default: $TCHAP_CONNECT_CONFIG, else ./tchap-connect.toml if there].
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Machine-readable answer on standard output.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the provider.
    Serve(serve::ServeArgs),
    /// Bring the database's tables up to date.
    Migrate,
    /// Report every problem of the configuration, or show what is in effect.
    CheckConfig,
    /// Look at every homeserver and at this deployment from here, and say what is wrong and what to do.
    Doctor(doctor::DoctorArgs),
    /// Show what `apply` would change, and write nothing.
    Plan(apply::PlanArgs),
    /// Load homeservers, administrations and clients from a TOML file.
    Apply(apply::ApplyArgs),
    /// Add and manage clients (the sites and applications that agents sign in to).
    #[command(subcommand)]
    Client(client::ClientCommand),
    /// Let somebody register clients by themselves (registration.mode = "token").
    #[command(subcommand)]
    RegistrationToken(registration_token::RegistrationTokenCommand),
    /// See the list of homeservers, and take one off it.
    #[command(subcommand)]
    Homeserver(homeserver::HomeserverCommand),
    /// Add the first operator, and help those who lost their second factor.
    #[command(subcommand)]
    Operator(operator::OperatorCommand),
    /// Check the audit log, or take a copy of it.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// See and rotate the keys that sign tokens.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
}

/// Reads the command line, runs the command and prints why it failed.
pub async fn main() -> ExitCode {
    let Cli { global, command } = Cli::parse();
    let done = match command {
        Command::Serve(args) => serve::run(&global, args).await,
        Command::Migrate => migrate::run(&global).await,
        Command::CheckConfig => return check_config::run(&global),
        Command::Doctor(args) => return doctor::run(&global, args).await,
        Command::Apply(args) => apply::run(&global, args).await,
        Command::Plan(args) => apply::run(&global, args.into()).await,
        Command::Client(command) => client::run(&global, command).await,
        Command::RegistrationToken(command) => registration_token::run(&global, command).await,
        Command::Homeserver(command) => homeserver::run(&global, command).await,
        Command::Operator(command) => operator::run(&global, command).await,
        Command::Audit(command) => audit::run(&global, command).await,
        Command::Keys(command) => keys::run(&global, command).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error);
            ExitCode::FAILURE
        }
    }
}
