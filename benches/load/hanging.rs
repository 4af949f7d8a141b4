//! What a homeserver that stops answering costs the agents of the others: the same sign-ins at all others before and
//! after, and how much longer the slowest of them take.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::Context as _;

use super::browser::Browser;
use super::measure::{Shares, Times};
use super::service::Service;
use super::support::homeserver::ScriptedHomeserver;
use super::{Options, PASSWORD, SERVER_NAME, account, apply, email, report, rule};

/// How many agents of the homeserver that falls silent keep trying, before and after, and how often each at most.
const VICTIMS: usize = 8;
const TRIES: usize = 50;

/// A homeserver under load, with the domain of its agents.
struct Server {
    homeserver: ScriptedHomeserver,
    domain: String,
}

pub async fn run(
    options: &Options,
    number: usize,
    service: &Arc<Service>,
    http: &reqwest::Client,
) -> anyhow::Result<()> {
    let servers = start(number).await;
    for agent in 0..options.logins * 2 {
        add(&servers, agent);
    }
    let list = |silent: Option<&str>| {
        let entry = |(index, server): (usize, &Server)| {
            let url = server.homeserver.base_url();
            let url = silent.filter(|_| index == 0).unwrap_or(&url);
            match options.directory {
                true => format!(
                    "[[homeservers]]\nname = \"{}\"\nbase_url = \"{url}\"\nways = [\"password\"]\n\
                     directory = true\n",
                    name(index)
                ),
                false => rule(&name(index), url, &server.domain),
            }
        };
        servers.iter().enumerate().map(entry).collect::<String>()
    };
    apply(options, &list(None), service.secret())?;
    let done = Arc::new(AtomicBool::new(false));
    let others = type_addresses(service, http, &done);
    let well = sign_in(options, 0, &servers, service, http, "sign-ins, all answer").await?;
    done.store(true, Ordering::Relaxed);
    others.join_all().await;

    // Connections are taken, and nobody ever answers.
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", silent.local_addr()?);
    apply(options, &list(Some(&url)), service.secret())?;
    let done = Arc::new(AtomicBool::new(false));
    let victims = type_addresses(service, http, &done);
    let one_silent = sign_in(
        options,
        options.logins,
        &servers,
        service,
        http,
        "sign-ins, one is silent",
    )
    .await;
    done.store(true, Ordering::Relaxed);
    let tries: usize = victims.join_all().await.into_iter().sum();
    println!("p99 with one silent homeserver / with none: {:.2}", one_silent? / well);
    println!("answers that agents of the silent one got meanwhile: {tries}");
    Ok(())
}

async fn start(number: usize) -> Vec<Server> {
    let mut servers = Vec::new();
    for index in 0..number {
        let homeserver = ScriptedHomeserver::start(&name(index)).await;
        homeserver.offer(&["m.login.password"]);
        let domain = format!("hs{index}.load.example");
        servers.push(Server { homeserver, domain });
    }
    servers
}

fn name(index: usize) -> String {
    match index {
        0 => SERVER_NAME.to_owned(),
        _ => format!("hs{index}.{SERVER_NAME}"),
    }
}

/// The homeserver of an agent: any but the first one.
fn of(servers: &[Server], agent: u64) -> &Server {
    &servers[1 + agent as usize % (servers.len() - 1)]
}

fn add(servers: &[Server], agent: u64) {
    let Server { homeserver, domain } = of(servers, agent);
    homeserver.add(account(agent, domain));
    for server in servers {
        let name = &homeserver.listed().name;
        server.homeserver.directory(&email(agent, domain), name);
    }
}

/// Everybody from `first` on, eight at a time; the 99th percentile in milliseconds.
async fn sign_in(
    options: &Options,
    first: u64,
    servers: &[Server],
    service: &Arc<Service>,
    http: &reqwest::Client,
    what: &str,
) -> anyhow::Result<f64> {
    let agents: Vec<String> = (first..first + options.logins)
        .map(|agent| email(agent, &of(servers, agent).domain))
        .collect();
    let agents = Arc::new(agents);
    let shares = Shares::new(options.logins, None);
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (service, shares, http, agents) = (service.clone(), shares.clone(), http.clone(), agents.clone());
        tasks.spawn(async move {
            let mut times = Times::default();
            while let Some(number) = shares.take() {
                let agent = agents.get(number as usize).context("an agent too many")?;
                let mut browser = Browser::new(http.clone());
                times.take(browser.sign_in(&service, agent, PASSWORD)).await?;
            }
            anyhow::Ok(times)
        });
    }
    let mut times = Times::default();
    while let Some(done) = tasks.join_next().await {
        times.extend(done??);
    }
    report(what, times, started.elapsed(), options)
}

/// Agents of the first homeserver, who type their address again and again; each counts the answers it got.
fn type_addresses(
    service: &Arc<Service>,
    http: &reqwest::Client,
    done: &Arc<AtomicBool>,
) -> tokio::task::JoinSet<usize> {
    let mut tasks = tokio::task::JoinSet::new();
    for victim in 0..VICTIMS {
        let (service, http, done) = (service.clone(), http.clone(), done.clone());
        let address = format!("@victim.{victim}:{}", name(0));
        tasks.spawn(async move {
            let mut answers = 0;
            for _ in 0..TRIES {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                let mut browser = Browser::new(http.clone());
                answers += usize::from(browser.try_address(&service, &address).await.is_ok());
            }
            answers
        });
    }
    tasks
}
