//! From what this process and its own address showed to what it means. Nothing is asked here.

use ipnet::IpNet;

use super::finding::{Finding, Outcome};
use crate::cli::output::instant;
use crate::config::Mode;
use crate::egress::EgressError;
use crate::keys::{KeyInfo, KeyState};
use crate::protocol::client::SigningAlg;
use crate::upstream::CERTIFICATE_WARNING;

/// A key that is later than this was not made because `serve` does not run, in seconds.
const OVERDUE: i64 = 24 * 3600;

/// A disk with less than this is about to be full, in bytes: SQLite's log alone grows by tens of megabytes.
const DISK_FAILED: u64 = 100 * 1024 * 1024;
/// A disk should have at least this, in bytes.
const DISK_WARNING: u64 = 1024 * 1024 * 1024;

/// A finding about this process.
pub fn here(check: &'static str, (result, message): (Outcome, String)) -> Finding {
    Finding::new(check, "this process", result, message)
}

pub fn mode(mode: Mode) -> (Outcome, String) {
    match mode {
        Mode::Production => (Outcome::Ok, "production".to_owned()),
        Mode::Development => (
            Outcome::Warning,
            "development, for this machine only: a configuration file or an https issuer makes it production"
                .to_owned(),
        ),
    }
}

pub fn migrations(pending: usize, mode: Mode) -> (Outcome, String) {
    match (pending, mode) {
        (0, _) => (Outcome::Ok, "answers, tables up to date".to_owned()),
        (_, Mode::Production) => (
            Outcome::Failed,
            format!("answers, but {pending} migration(s) are to be applied: run `tchap-connect migrate`"),
        ),
        (_, Mode::Development) => (
            Outcome::Warning,
            format!("answers; `serve` will apply {pending} migration(s)"),
        ),
    }
}

/// Every algorithm must have a key that signs, and the next one must not be late.
pub fn keys(keys: &[KeyInfo], rotation: Option<i64>, now: i64) -> (Outcome, String) {
    if keys.is_empty() {
        let message = "none yet: `serve` makes them at its first start";
        return (Outcome::Warning, message.to_owned());
    }
    let active = |alg: &SigningAlg| {
        keys.iter()
            .find(|key| key.alg == alg.as_str() && key.state == KeyState::Active)
    };
    let missing: Vec<_> = SigningAlg::ALL
        .iter()
        .filter(|alg| active(alg).is_none())
        .map(|alg| alg.as_str())
        .collect();
    if !missing.is_empty() {
        let message = format!("no key signs by {}: `serve` makes one at its start", missing.join(", "));
        return (Outcome::Failed, message);
    }
    let Some(rotation) = rotation else {
        let message = "one signs by each algorithm; they are rotated by command only (`keys rotate`)";
        return (Outcome::Ok, message.to_owned());
    };
    let has_next = |alg: &str| keys.iter().any(|key| key.alg == alg && key.state == KeyState::Next);
    let due = SigningAlg::ALL.iter().filter_map(active);
    let due = due
        .filter(|key| !has_next(key.alg))
        .map(|key| key.active_from.saturating_add(rotation))
        .min();
    match due {
        Some(due) if due.saturating_add(OVERDUE) < now => (
            Outcome::Warning,
            format!("the next ones have been due since {}: does `serve` run?", instant(due)),
        ),
        Some(due) => (
            Outcome::Ok,
            format!("one signs by each algorithm; the next ones are made {}", instant(due)),
        ),
        None => (
            Outcome::Ok,
            "one signs by each algorithm; the next ones are published".to_owned(),
        ),
    }
}

/// Whose word on a reader's address is taken. The configuration itself refuses a network of everybody.
pub fn proxies(trusted: &[IpNet]) -> (Outcome, String) {
    let shown: Vec<_> = trusted.iter().map(ToString::to_string).collect();
    match shown.is_empty() {
        true => (
            Outcome::Ok,
            "X-Forwarded-For is believed from nobody (trusted_proxies is empty)".to_owned(),
        ),
        false => (
            Outcome::Ok,
            format!("X-Forwarded-For is believed from {} only", shown.join(", ")),
        ),
    }
}

/// When a certificate ends, in Unix seconds; `None` if it cannot be read. One that is out of date already is met as no connection.
pub fn certificate(end: Option<i64>, now: i64) -> (Outcome, String) {
    let Some(end) = end else {
        return (Outcome::Warning, "when the certificate ends cannot be read".to_owned());
    };
    let until = instant(end);
    match end - now {
        ..=0 => (
            Outcome::Failed,
            format!("the certificate ended {until}: nobody gets a connection"),
        ),
        left if left <= CERTIFICATE_WARNING => {
            let days = left / (24 * 3600);
            let message = format!("the certificate ends {until}, in {days} days: is its renewal at work?");
            (Outcome::Warning, message)
        }
        _ => (Outcome::Ok, format!("the certificate is good until {until}")),
    }
}

/// The disk that holds the SQLite database: `free` bytes for this process, and how large the database is.
pub fn disk(free: u64, database: u64) -> (Outcome, String) {
    let shown = format!("{} free, the database has {}", mebibytes(free), mebibytes(database));
    match free {
        free if free < DISK_FAILED => (
            Outcome::Failed,
            format!("{shown}: it is about to be full, and then nobody signs in"),
        ),
        free if free < database.max(DISK_WARNING) => (
            Outcome::Warning,
            format!("{shown}: too little for a copy of the database and a busy year; make room"),
        ),
        _ => (Outcome::Ok, shown),
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes / (1024 * 1024))
}

/// What our own discovery document looks like from here.
#[derive(Debug, Clone)]
pub struct OwnDocument {
    pub status: u16,
    /// Its `issuer`, if it is JSON and has one.
    pub issuer: Option<String>,
    /// `Strict-Transport-Security` came with it.
    pub hsts: bool,
}

pub fn issuer(ours: &str, seen: &Result<OwnDocument, EgressError>) -> (Outcome, String) {
    let document = match seen {
        Ok(document) => document,
        Err(error) => {
            let message =
                format!("not reachable from here ({error}): is `serve` running, and does the proxy lead to it?");
            return (Outcome::Warning, message);
        }
    };
    match &document.issuer {
        Some(issuer) if issuer == ours && document.status == 200 => {
            match document.hsts || !ours.starts_with("https:") {
                true => (Outcome::Ok, "discovery is answered, with this issuer".to_owned()),
                false => (
                    Outcome::Warning,
                    "discovery is answered, but the proxy takes Strict-Transport-Security away".to_owned(),
                ),
            }
        }
        Some(issuer) => (
            Outcome::Failed,
            format!("another provider answers there, which calls itself {issuer}: correct `issuer`, or the proxy"),
        ),
        None => (
            Outcome::Failed,
            format!(
                "something else answers there (status {}): the proxy must pass every path on",
                document.status
            ),
        ),
    }
}

/// The cookies of a page of ours as a browser would get them (RFC 6265bis §4.1.3.2).
pub fn cookies(is_https: bool, cookies: &[String]) -> (Outcome, String) {
    if !is_https {
        let message = "http, for this machine only: cookies are not Secure";
        return (Outcome::Ok, message.to_owned());
    }
    let Some(cookie) = cookies.iter().find(|cookie| cookie.contains("tchap-connect")) else {
        let message = "a page comes without its cookie: the proxy must not take Set-Cookie away";
        return (Outcome::Failed, message.to_owned());
    };
    let mut parts = cookie.split(';').map(|part| part.trim().to_ascii_lowercase());
    let prefixed = parts.next().is_some_and(|pair| pair.starts_with("__host-"));
    let attributes: Vec<_> = parts.collect();
    let has = |name: &str| attributes.iter().any(|attribute| attribute == name);
    let has_domain = attributes.iter().any(|attribute| attribute.starts_with("domain="));
    match prefixed && has("secure") && has("httponly") && has("path=/") && !has_domain {
        true => (
            Outcome::Ok,
            "Secure, HttpOnly and __Host-, also behind the proxy".to_owned(),
        ),
        false => (
            Outcome::Failed,
            "the proxy changes cookies: browsers refuse a __Host- cookie that is not Secure, has a domain or another path"
                .to_owned(),
        ),
    }
}

/// What plain http at the host of our issuer answers.
pub fn plain_http(status: &Result<u16, EgressError>) -> (Outcome, String) {
    match status {
        Err(EgressError::Redirected) => (Outcome::Ok, "http is sent on to https".to_owned()),
        Err(_) => (Outcome::Ok, "http is not answered".to_owned()),
        Ok(200..=299) => (
            Outcome::Warning,
            "pages are answered over http as well: the proxy should send http on to https".to_owned(),
        ),
        Ok(_) => (Outcome::Ok, "http is refused".to_owned()),
    }
}

/// `unresolved` are the servers of `fetch.allow` that have no address.
pub fn fetch_rules(private_is_refused: bool, unresolved: &[String], allowed: usize) -> (Outcome, String) {
    if !private_is_refused {
        let message = "an address of this machine itself may be fetched for a client: please report this";
        return (Outcome::Failed, message.to_owned());
    }
    match (unresolved, allowed) {
        ([], 0) => (
            Outcome::Ok,
            "clients' addresses must be public (fetch.allow is empty)".to_owned(),
        ),
        ([], _) => (
            Outcome::Ok,
            format!("clients' addresses must be public, but for the {allowed} of fetch.allow"),
        ),
        (unresolved, _) => (
            Outcome::Warning,
            format!(
                "fetch.allow names servers without an address: {}",
                unresolved.join(", ")
            ),
        ),
    }
}

#[cfg(test)]
mod tests;
