//! `doctor`: looks at every homeserver and at this deployment from the operator's machine, and says what is wrong and what
//! to do. It changes nothing anywhere. Facts are gathered here; what they mean is decided in `homeserver` and `process`.

mod finding;
mod homeserver;
mod process;
#[cfg(test)]
mod tests;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::future::join_all;
use http::{Request, header};
use url::Url;

use super::{Global, context, output};
use crate::app;
use crate::clock::Clock;
use crate::config::{Config, Mode, SealingKeySource};
use crate::domain::homeserver::Homeserver;
use crate::domain::lifecycle::Watched;
use crate::egress::{Egress, FetchError, FetchLimits, certificate_end, has_address};
use crate::jobs::lifecycle_watch;
use crate::keys::Keys;
use crate::store::{PinnedIssuer, Store};
use crate::upstream::{Checkup, Upstream, current_registration};
use finding::{Finding, Outcome};
use homeserver::IssuerOf;
use process::{OwnDocument, here};

/// How long one homeserver may take, all its answers together.
const PER_HOMESERVER: Duration = Duration::from_secs(30);

#[derive(Debug, clap::Args)]
pub struct DoctorArgs {
    /// Look at these homeservers only (names on the list).
    #[arg(value_name = "HOMESERVER")]
    homeservers: Vec<String>,
}

/// Exit status 1 if anything failed; warnings do not count.
pub async fn run(global: &Global, args: DoctorArgs) -> ExitCode {
    let findings = match examine(global, &args).await {
        Ok(findings) => findings,
        Err(error) => {
            output::error(&error);
            return ExitCode::FAILURE;
        }
    };
    let shown = match global.json {
        true => output::json(&findings),
        false => print(&findings),
    };
    match shown {
        Ok(()) if findings.iter().all(|finding| finding.result != Outcome::Failed) => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            output::error(&error);
            ExitCode::FAILURE
        }
    }
}

fn print(findings: &[Finding]) -> anyhow::Result<()> {
    let row = |finding: &Finding| {
        vec![
            finding.check.to_owned(),
            finding.place.clone(),
            finding.result.as_str().to_owned(),
            finding.message.clone(),
        ]
    };
    let rows: Vec<_> = findings.iter().map(row).collect();
    output::print(&output::table(
        &["check", "where", "result", "what to know or do"],
        &rows,
    ))?;
    let number = |result| findings.iter().filter(|finding| finding.result == result).count();
    output::say(&format!(
        "\n{} failed, {}, {} ok.",
        number(Outcome::Failed),
        output::count(number(Outcome::Warning), "warning"),
        number(Outcome::Ok)
    ));
    Ok(())
}

/// The log stays silent: what there is to say is in the findings.
async fn examine(global: &Global, args: &DoctorArgs) -> anyhow::Result<Vec<Finding>> {
    let config = match context::load_config(global) {
        Ok(config) => config,
        Err(problems) => {
            let count = output::count(problems.0.len(), "problem");
            let message = format!("{count}: `tchap-connect check-config` names each");
            return Ok(vec![here("configuration", (Outcome::Failed, message))]);
        }
    };
    let egress = app::egress(&config)?;
    let (mut findings, store) = database(&config).await;
    findings.insert(0, here("configuration", process::mode(config.mode)));
    findings.extend(disk(&config));
    if let Some(tls) = &config.tls {
        let judged = match tls.end() {
            Ok(end) => process::certificate(end, Clock::System.now()),
            Err(error) => (Outcome::Failed, error.to_string()),
        };
        findings.push(here("certificate", judged));
    }
    if let Some(store) = &store {
        findings.push(here("keys", keys(&config, store).await));
    }
    findings.push(here("proxies", process::proxies(&config.trusted_proxies)));
    findings.push(here("fetch", fetch_rules(&config).await?));
    findings.extend(own_address(&config, &egress).await);
    if let Some(store) = store {
        findings.extend(homeservers(&config, &store, egress, &args.homeservers).await?);
        store.close().await;
    }
    Ok(findings)
}

/// The store only where its tables can be read.
async fn database(config: &Config) -> (Vec<Finding>, Option<Store>) {
    let found = |outcome, message: String| vec![here("database", (outcome, message))];
    let file = config.database.sqlite_file();
    if file.is_some_and(|file| !file.exists()) {
        let message = "there is none yet: `tchap-connect migrate` makes it (or is this the wrong directory?)";
        return (found(Outcome::Failed, message.to_owned()), None);
    }
    let opened = async {
        let store = Store::open_with(config.database.url.expose(), config.database.max_connections).await?;
        store.ping().await?;
        let pending = store.pending_migrations().await?;
        Ok::<_, crate::store::StoreError>((store, pending))
    };
    match opened.await {
        Ok((store, pending)) => {
            let (outcome, message) = process::migrations(pending, config.mode);
            (found(outcome, message), (pending == 0).then_some(store))
        }
        Err(error) => (found(Outcome::Failed, format!("does not answer: {error}")), None),
    }
}

/// The disk of a SQLite database that is there; PostgreSQL's is not ours to see.
fn disk(config: &Config) -> Option<Finding> {
    let file = config.database.sqlite_file()?;
    let size = file.metadata().ok()?.len();
    Some(here(
        "disk",
        match rustix::fs::statvfs(file) {
            Ok(disk) => process::disk(disk.f_bavail.saturating_mul(disk.f_frsize), size),
            Err(error) => (Outcome::Warning, format!("its free space cannot be read: {error}")),
        },
    ))
}

async fn keys(config: &Config, store: &Store) -> (Outcome, String) {
    if let (Mode::Development, SealingKeySource::File(file)) = (config.mode, &config.sealing_key)
        && !file.exists()
    {
        return process::keys(&[], None, 0);
    }
    let sealing = match config.read_sealing_key() {
        Ok(sealing) => sealing,
        Err(error) => return (Outcome::Failed, error.to_string()),
    };
    let now = Clock::System.now();
    match Keys::open_stored(store, sealing).await {
        Ok(Some(keys)) => process::keys(&keys.list(now), config.key_rotation, now),
        Ok(None) => process::keys(&[], None, now),
        Err(error) => (Outcome::Failed, error.to_string()),
    }
}

async fn fetch_rules(config: &Config) -> anyhow::Result<(Outcome, String)> {
    let limits = FetchLimits {
        max_bytes: 1,
        timeout: Duration::from_secs(1),
    };
    // Nobody lists port 0, nor can anything listen there.
    let refused = app::fetcher(config)?.get("https://127.0.0.1:0/", limits).await;
    let mut unresolved = Vec::new();
    for (host, port) in &config.fetch.allow {
        if !has_address(host, *port).await {
            unresolved.push(format!("{host}:{port}"));
        }
    }
    let is_refused = matches!(refused, Err(FetchError::Forbidden));
    Ok(process::fetch_rules(is_refused, &unresolved, config.fetch.allow.len()))
}

/// What browsers and services meet at our issuer.
async fn own_address(config: &Config, egress: &Egress) -> Vec<Finding> {
    let issuer = &config.issuer;
    let get = |url: String| async move {
        let request = Request::get(url).body(Vec::new());
        let request = request.map_err(|_| crate::egress::EgressError::InvalidRequest)?;
        egress.send(request).await
    };
    let at = |check, (outcome, message): (Outcome, String)| Finding::new(check, issuer, outcome, message);
    let answer = get(config.discovery_url()).await;
    let end = answer.as_ref().ok().and_then(certificate_end);
    let document = answer.map(|response| OwnDocument {
        status: response.status().as_u16(),
        issuer: serde_json::from_slice::<serde_json::Value>(response.body())
            .ok()
            .and_then(|document| Some(document.get("issuer")?.as_str()?.to_owned())),
        hsts: response.headers().contains_key(header::STRICT_TRANSPORT_SECURITY),
    });
    let mut findings = vec![at("issuer", process::issuer(issuer, &document))];
    if !matches!(&document, Ok(document) if document.issuer.as_deref() == Some(issuer)) {
        return findings;
    }
    if config.is_https() {
        findings.push(at("certificate", process::certificate(end, Clock::System.now())));
    }
    // The language's cookie is made like the others, and leaves nothing here.
    if let Ok(page) = get(format!("{issuer}/?lang=fr")).await {
        let cookies = page.headers().get_all(header::SET_COOKIE).iter();
        let cookies: Vec<_> = cookies
            .filter_map(|cookie| Some(cookie.to_str().ok()?.to_owned()))
            .collect();
        findings.push(at("cookies", process::cookies(config.is_https(), &cookies)));
    }
    if let Some(host) = issuer.strip_prefix("https://")
        && Url::parse(issuer).is_ok_and(|url| url.port().is_none())
    {
        let status = get(format!("http://{host}/")).await;
        let status = status.map(|response| response.status().as_u16());
        findings.push(at("plain_http", process::plain_http(&status)));
    }
    findings
}

async fn homeservers(
    config: &Config,
    store: &Store,
    egress: Egress,
    chosen: &[String],
) -> anyhow::Result<Vec<Finding>> {
    let list = store.list_homeservers().await.context("the list of homeservers")?;
    if let Some(unknown) = chosen.iter().find(|name| list.iter().all(|one| one.name != **name)) {
        bail!("{unknown} is not on the list of homeservers");
    }
    if list.is_empty() {
        let message = "the list is empty, nobody can sign in: `tchap-connect apply config/tchap.toml`, for example";
        return Ok(vec![here("homeservers", (Outcome::Failed, message.to_owned()))]);
    }
    let wanted: Vec<_> = list
        .iter()
        .filter(|one| chosen.is_empty() || chosen.contains(&one.name))
        .collect();
    let clock = Clock::System;
    let upstream = Upstream::new(egress, clock.clone(), config.directory_rules);
    let domain = a_domain(&list);
    let asked = wanted.iter().map(|homeserver| {
        let address = format!("doctor@{}", homeserver.email_domains.first().unwrap_or(&domain));
        let (upstream, list, clock) = (&upstream, &list, &clock);
        async move {
            let checkup = async {
                let checkup = upstream.check_up(list, homeserver, &address, clock).await;
                let answers = checkup.is_ok();
                (
                    checkup,
                    if answers {
                        watch(config, store, upstream, homeserver).await
                    } else {
                        None
                    },
                )
            };
            tokio::time::timeout(PER_HOMESERVER, checkup).await.ok()
        }
    });
    let found = join_all(asked).await;
    let mut pinned = Vec::new();
    for homeserver in &list {
        pinned.extend(store.find_pinned_issuer(&homeserver.name).await?);
    }
    let checkups = wanted.iter().copied().zip(&found);
    let checkups = checkups.filter_map(|(homeserver, found)| Some((homeserver, found.as_ref()?.0.as_ref().ok()?)));
    let issuers = issuers(&list, &pinned, checkups);
    let judged = wanted.into_iter().zip(found).flat_map(|(homeserver, found)| {
        let Some((found, watch)) = found else {
            return vec![homeserver::too_slow(homeserver, PER_HOMESERVER.as_secs())];
        };
        let others = issuers.iter().filter(|other| other.homeserver != homeserver.name);
        homeserver::judge(&homeserver::Facts {
            homeserver,
            found,
            now: clock.now(),
            pinned: pinned.iter().find(|one| one.homeserver == homeserver.name).cloned(),
            registration: current_registration(&config.issuer, &config.oauth_redirect_uri(&homeserver.name)),
            others: others.cloned().collect(),
            watch,
        })
    });
    Ok(judged.collect())
}

/// What the lifecycle watch would be told of an account that nobody has; `None` where nobody watches.
async fn watch(
    config: &Config,
    store: &Store,
    upstream: &Upstream,
    homeserver: &Homeserver,
) -> Option<Result<bool, String>> {
    let way = homeserver.watch.way?;
    let nobody = Watched {
        agent_id: String::new(),
        matrix_id: format!("@tchap-connect-doctor:{}", homeserver.name),
        at_issuer: None,
        paused: None,
    };
    let said = async {
        let access = loop {
            // The first time it fetches a token.
            if let Some(access) = lifecycle_watch::access(config, store, upstream, homeserver, way).await? {
                break access;
            }
        };
        let said = upstream.standings(homeserver, &access, &[nobody]).await?;
        Ok::<_, lifecycle_watch::Failure>(!said.is_empty())
    };
    Some(said.await.map_err(|failure| failure.to_string()))
}

/// A domain to ask the directory about.
fn a_domain(list: &[Homeserver]) -> String {
    let ruled = list.iter().find_map(|one| one.email_domains.first());
    ruled.or(list.first().map(|one| &one.name)).cloned().unwrap_or_default()
}

/// Every issuer that the list names, that logins hold a server to, or that was seen now.
fn issuers<'a>(
    list: &[Homeserver],
    pinned: &[PinnedIssuer],
    found: impl Iterator<Item = (&'a Homeserver, &'a Checkup)>,
) -> Vec<IssuerOf> {
    let of = |named: bool| {
        move |(issuer, homeserver): (&String, &String)| IssuerOf {
            issuer: issuer.clone(),
            homeserver: homeserver.clone(),
            named,
        }
    };
    let listed = list
        .iter()
        .filter_map(|one| Some((one.oauth.issuer.as_ref()?, &one.name)));
    let pinned = pinned.iter().map(|one| (&one.issuer, &one.homeserver));
    let seen = found.filter_map(|(homeserver, checkup)| {
        let service = checkup.service.as_ref().ok()?.as_ref()?;
        Some((&service.issuer, &homeserver.name))
    });
    let others = pinned.chain(seen).map(of(false));
    listed.map(of(true)).chain(others).collect()
}
