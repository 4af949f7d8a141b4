//! Complete sign-ins and complete code flows against a provider that runs on this machine, over HTTP with keep-alive:
//! how many per second, how long each, how much memory the provider has then. `benches/run` starts all that it needs.
//!
//! It brings its own homeserver (the scripted one of the tests) and makes it and its client known by
//! `tchap-connect apply`, so the provider must be one that may be thrown away. Without `--issuer` it does nothing.

mod browser;
mod hanging;
mod measure;
mod service;
#[path = "../../tests/it/support"]
mod support {
    #[expect(dead_code, reason = "the load needs no lies, delays or records of it")]
    pub mod homeserver;
}

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::Parser;
use tchap_connect::protocol::return_to::is_loopback;
use url::Url;

use browser::Browser;
use measure::{Shares, Times, resident_memory};
use service::Service;
use support::homeserver::{Account, ScriptedHomeserver};

const SERVER_NAME: &str = "load.tchap.test";
const PASSWORD: &str = "correct horse battery staple";

#[derive(Parser)]
#[command(about = "Complete sign-ins and code flows against a provider on this machine")]
struct Options {
    /// The provider, on loopback
    #[arg(long)]
    issuer: Option<Url>,
    /// The program that is told to apply the homeserver and the client, with our environment in our directory
    #[arg(long, default_value = "tchap-connect")]
    binary: PathBuf,
    /// The provider's process, to read its memory
    #[arg(long)]
    pid: Option<u32>,
    /// Sign-ins with identifier, password and consent, each by another agent in a new browser
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    logins: u64,
    /// Numbers of workers, one run each, whose browsers are signed in already
    #[arg(long, value_delimiter = ',', default_value = "1,8,32", value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: Vec<u16>,
    /// Seconds that each of these runs may take
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=300))]
    seconds: u64,
    /// Flows that each of these runs may do
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(0..))]
    flows: u64,
    /// How the client's ID tokens are signed
    #[arg(long, default_value = "RS256", value_parser = ["RS256", "ES256", "PS256", "EdDSA"])]
    alg: String,
    /// Instead of all that: so many homeservers, one of which then stops answering, and what its silence costs the
    /// agents of the others
    #[arg(long, value_parser = clap::value_parser!(u16).range(2..=64))]
    homeservers: Option<u16>,
    /// These homeservers are found by the directory, not by a rule of ours
    #[arg(long, requires = "homeservers")]
    directory: bool,
    /// What `cargo bench` passes to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
    #[arg(hide = true)]
    filter: Vec<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let Some(issuer) = &options.issuer else {
        println!("load: nothing to do without --issuer; see benches/run");
        return Ok(());
    };
    ensure!(is_loopback(issuer), "only a provider on this machine is put under load");
    let issuer = issuer.as_str().trim_end_matches('/');
    let http = browser::http()?;
    let secret = tchap_connect::secret::random_token()?;
    let service = Arc::new(Service::discover(&http, issuer, secret).await?);
    println!(
        "{:<28} {:>9} {:>10} {:>9} {:>9} {:>9}",
        "", "number", "per second", "p50 ms", "p99 ms", "RSS MB"
    );
    if let Some(number) = options.homeservers {
        return hanging::run(&options, number.into(), &service, &http).await;
    }
    let homeserver = ScriptedHomeserver::start(SERVER_NAME).await;
    homeserver.offer(&["m.login.password"]);
    apply(
        &options,
        &rule(SERVER_NAME, &homeserver.base_url(), "load.example"),
        service.secret(),
    )?;
    let browsers = sign_in_everybody(&options, &homeserver, &service, &http).await?;
    for &workers in &options.workers {
        let browsers = browsers.iter().cycle().take(workers.into()).cloned().collect();
        flows(&options, browsers, &service).await?;
    }
    Ok(())
}

/// Every agent signs in once, eight at a time; answers their browsers.
async fn sign_in_everybody(
    options: &Options,
    homeserver: &ScriptedHomeserver,
    service: &Arc<Service>,
    http: &reqwest::Client,
) -> anyhow::Result<Vec<Browser>> {
    for number in 0..options.logins {
        homeserver.add(account(number, "load.example"));
    }
    let shares = Shares::new(options.logins, None);
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (service, shares, http) = (service.clone(), shares.clone(), http.clone());
        tasks.spawn(async move {
            let (mut browsers, mut times) = (Vec::new(), Times::default());
            while let Some(number) = shares.take() {
                let mut browser = Browser::new(http.clone());
                times
                    .take(browser.sign_in(&service, &email(number, "load.example"), PASSWORD))
                    .await?;
                browsers.push(browser);
            }
            anyhow::Ok((browsers, times))
        });
    }
    let (mut browsers, mut times) = (Vec::new(), Times::default());
    while let Some(done) = tasks.join_next().await {
        let (more, took) = done??;
        browsers.extend(more);
        times.extend(took);
    }
    report("sign-ins, 8 at a time", times, started.elapsed(), options)?;
    Ok(browsers)
}

/// Flows with a session present, one after the other in each of these browsers.
async fn flows(options: &Options, browsers: Vec<Browser>, service: &Arc<Service>) -> anyhow::Result<()> {
    let workers = browsers.len();
    let started = Instant::now();
    let shares = Shares::new(options.flows, Some(started + Duration::from_secs(options.seconds)));
    let mut tasks = tokio::task::JoinSet::new();
    for mut browser in browsers {
        let (service, shares) = (service.clone(), shares.clone());
        tasks.spawn(async move {
            let mut times = Times::default();
            while shares.take().is_some() {
                times.take(browser.pass_through(&service)).await?;
            }
            anyhow::Ok(times)
        });
    }
    let mut times = Times::default();
    while let Some(done) = tasks.join_next().await {
        times.extend(done??);
    }
    report(
        &format!("code flows {}, {workers} workers", options.alg),
        times,
        started.elapsed(),
        options,
    )
    .map(drop)
}

fn report(what: &str, times: Times, took: Duration, options: &Options) -> anyhow::Result<f64> {
    let memory = match options.pid {
        Some(pid) => format!("{:.1}", resident_memory(pid)?),
        None => "?".to_owned(),
    };
    let (count, p50, p99) = times.summary();
    let rate = count as f64 / took.as_secs_f64();
    println!("{what:<28} {count:>9} {rate:>10.0} {p50:>9.2} {p99:>9.2} {memory:>9}");
    Ok(p99)
}

/// Agents that no earlier load signed in: those would not be asked for their consent again.
fn email(number: u64, domain: &str) -> String {
    format!("agent.{}.{number}@{domain}", std::process::id())
}

fn account(number: u64, domain: &str) -> Account {
    let email = email(number, domain);
    Account::new(&email.replace('@', "-"), PASSWORD)
        .named(&format!("Agent {number} [LOAD]"))
        .email(&email, 1_700_000_000)
}

/// A homeserver that a rule of ours leads to, as `apply` reads it.
fn rule(name: &str, base_url: &str, domain: &str) -> String {
    format!(
        "[[homeservers]]\nname = \"{name}\"\nbase_url = \"{base_url}\"\nways = [\"password\"]\n\
         email_domains = [\"{domain}\"]\n"
    )
}

/// Tells the program about our homeservers and our client. The redirect URI is https, as a real service's is: consent is
/// remembered then. Nobody follows it.
fn apply(options: &Options, homeservers: &str, secret: &str) -> anyhow::Result<()> {
    let text = format!(
        r#"
{homeservers}

[[administrations]]
domain = "load.example"
name = "Direction de la charge"
siret = "13002526500013"
branch = "etat"

[[clients]]
client_id = "{id}"
name = "Load"
secret = "{secret}"
redirect_uris = ["{redirect_uri}"]
id_token_signed_response_alg = "{alg}"
scopes = ["openid", "profile", "email", "administration"]
"#,
        id = service::CLIENT_ID,
        redirect_uri = service::REDIRECT_URI,
        alg = options.alg,
    );
    let file = std::env::temp_dir().join(format!("tchap-connect-load-{}.toml", std::process::id()));
    std::fs::write(&file, text)?;
    let applied = run_apply(&options.binary, &file);
    std::fs::remove_file(&file)?;
    applied
}

fn run_apply(binary: &Path, file: &Path) -> anyhow::Result<()> {
    let mut command = Command::new(binary);
    let output = command
        .arg("apply")
        .arg(file)
        .output()
        .with_context(|| format!("cannot run {}", binary.display()))?;
    if !output.status.success() {
        bail!(
            "tchap-connect apply failed: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}
