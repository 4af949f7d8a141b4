//! The directory of a Tchap-like federation: any homeserver says which homeserver an e-mail address belongs to
//! (`GET /_matrix/identity/api/v1/info`). Its answers are untrusted: a server outside our list is refused, and one
//! answer alone decides neither where a password goes nor who may assert an address.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use serde::Deserialize;
use tokio::task::JoinHandle;
use url::form_urlencoded;

use super::{Api, Upstream};
use crate::{
    config::DomainRules,
    domain::{
        agent::AgentEmail,
        homeserver::{DirectoryFinding, Entitlement, Homeserver, Testimony, entitlement, find},
        identity::{ThirdPartyEmail, UpstreamIdentity},
    },
    egress::EgressError,
    secret::random_bytes,
};

/// How long one server may take to answer.
const PER_SERVER: Duration = Duration::from_secs(3);
/// How long the answer of one is waited for before the next is asked as well: nobody waits for a server that is slow.
const PATIENCE: Duration = Duration::from_millis(400);
/// How long all of them may take together.
const ALTOGETHER: Duration = Duration::from_secs(10);

/// How long an answer counts for where an address leads, in seconds.
const ANSWER_LIFETIME: i64 = 300;
/// So many answers are kept.
const MAX_ANSWERS: usize = 10_000;

/// What the directory is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// Where an address leads. An answer of a few minutes ago will do.
    ToRoute,
    /// Whether a homeserver may assert an address. Others must say so, now.
    ToBelieve,
}

/// The last answers, each under the server that gave it: it never counts for a second one.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers(Arc<Mutex<ByServer>>);

/// Server and address → homeserver, and until when that counts (Unix seconds).
type ByServer = HashMap<(String, String), (String, i64)>;

impl Answers {
    fn find(&self, server: &str, address: &str, now: i64) -> Option<String> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (homeserver, until) = answers.get(&(server.to_owned(), address.to_owned()))?;
        (now < *until && *until <= now + ANSWER_LIFETIME).then(|| homeserver.clone())
    }

    fn keep(&self, server: &str, address: &str, homeserver: &str, now: i64) {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MAX_ANSWERS {
            answers.retain(|_, (_, until)| now < *until);
        }
        // Still full: made room for by forgetting, which costs a request and no more.
        if answers.len() >= MAX_ANSWERS {
            answers.clear();
        }
        let key = (server.to_owned(), address.to_owned());
        answers.insert(key, (homeserver.to_owned(), now + ANSWER_LIFETIME));
    }
}

/// Why the directory gave no usable answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// No homeserver on the list offers the directory.
    #[error("no listed homeserver offers the directory")]
    NotOffered,
    /// None of them answered sensibly in time.
    #[error("no directory server answered")]
    Unreachable,
    /// The only answers named servers that are not on the list.
    #[error("the directory names a server that is not on the list")]
    NotListed,
}

#[derive(Deserialize)]
struct Info {
    hs: String,
    new_hs: Option<String>,
}

impl Upstream {
    /// Asks the homeservers in random order, the next one when the last has failed or is slow, until `agreeing` of them name the same server.
    /// When they never do, the first answer stands, with the one server that gave it. Where an answer announces a move, one
    /// more server is asked: the move may have happened, and then the account is not where the first one says.
    pub(super) async fn lookup(
        &self,
        homeservers: &[Homeserver],
        address: &str,
        agreeing: usize,
    ) -> Result<DirectoryFinding, DirectoryError> {
        let servers: Vec<_> = homeservers.iter().filter(|server| server.directory).collect();
        if servers.is_empty() {
            return Err(DirectoryError::NotOffered);
        }
        let mut findings = Vec::new();
        // One answer, even one that is no use, shows that the directory could be asked.
        let mut failure = DirectoryError::Unreachable;
        self.ask_in_turn(servers, homeservers, address, Asked::ToRoute, |answer| match answer {
            Ok(finding) => {
                let enough = agreeing.max(1 + usize::from(finding.new_homeserver.is_some()));
                add(&mut findings, finding) >= enough
            }
            Err(DirectoryError::Unreachable) => false,
            Err(error) => {
                failure = error;
                false
            }
        })
        .await;
        best(findings).ok_or(failure)
    }

    /// Asks these servers in random order, the next one when the last has answered, failed or is slow, until `heard` has heard
    /// enough.
    async fn ask_in_turn(
        &self,
        mut servers: Vec<&Homeserver>,
        homeservers: &[Homeserver],
        address: &str,
        asked: Asked,
        mut heard: impl FnMut(Result<DirectoryFinding, DirectoryError>) -> bool,
    ) {
        shuffle(&mut servers);
        let asking = async {
            let list: Arc<[Homeserver]> = homeservers.into();
            let (mut waiting, mut under_way) = (servers.into_iter(), FuturesUnordered::new());
            loop {
                if let Some(server) = waiting.next() {
                    under_way.push(self.begin_to_ask(server, &list, address, asked));
                }
                let answer = match waiting.len() {
                    0 => under_way.next().await,
                    _ => match tokio::time::timeout(PATIENCE, under_way.next()).await {
                        Ok(answer) => answer,
                        Err(_) => continue,
                    },
                };
                match answer {
                    None => break,
                    Some(answer) => {
                        if heard(answer.unwrap_or(Err(DirectoryError::Unreachable))) {
                            break;
                        }
                    }
                }
            }
        };
        if tokio::time::timeout(ALTOGETHER, asking).await.is_err() {
            tracing::warn!("the directory servers did not answer in time");
        }
    }

    /// Asks one server in a task of its own, which goes on when nobody waits for it any more: that a server does not answer
    /// is to be learned from too.
    fn begin_to_ask(
        &self,
        server: &Homeserver,
        homeservers: &Arc<[Homeserver]>,
        address: &str,
        asked: Asked,
    ) -> JoinHandle<Result<DirectoryFinding, DirectoryError>> {
        let (upstream, server, homeservers) = (self.clone(), server.clone(), homeservers.clone());
        let (address, to_route) = (address.to_owned(), asked == Asked::ToRoute);
        tokio::spawn(async move { upstream.ask(&server, &homeservers, &address, to_route).await })
    }

    /// One server's answer, if its target is on the list. To route, one of a few minutes ago will do.
    async fn ask(
        &self,
        server: &Homeserver,
        homeservers: &[Homeserver],
        address: &str,
        to_route: bool,
    ) -> Result<DirectoryFinding, DirectoryError> {
        let now = self.clock.now();
        let kept = self.answers.find(&server.name, address, now);
        if let Some(homeserver) = kept.filter(|name| to_route && find(homeservers, name).is_some()) {
            return Ok(DirectoryFinding {
                homeserver,
                new_homeserver: None,
                answered_by: vec![server.name.clone()],
            });
        }
        if !self.health.admit(&server.name, Api::Directory, now) {
            return Err(DirectoryError::Unreachable);
        }
        let info = self.info(server, address).await.map_err(|reason| {
            tracing::warn!(
                homeserver = server.name,
                reason,
                "a directory server gave no answer, the next one is asked"
            );
            DirectoryError::Unreachable
        })?;
        let Some(homeserver) = find(homeservers, &info.hs) else {
            tracing::warn!(
                homeserver = server.name,
                "a directory answer names a server that is not on the list"
            );
            return Err(DirectoryError::NotListed);
        };
        let new_homeserver = info.new_hs.filter(|name| find(homeservers, name).is_some());
        // The guests' server is the answer to what is not known, perhaps only not yet; and a move may happen any moment.
        if new_homeserver.is_none() && !homeserver.guests {
            self.answers.keep(&server.name, address, &info.hs, now);
        }
        Ok(DirectoryFinding {
            homeserver: info.hs,
            new_homeserver,
            answered_by: vec![server.name.clone()],
        })
    }

    async fn info(&self, server: &Homeserver, address: &str) -> Result<Info, String> {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("medium", "email")
            .append_pair("address", address)
            .finish();
        let url = format!("{}/_matrix/identity/api/v1/info?{query}", server.base_url);
        let request = http::Request::get(url)
            .body(Vec::new())
            .map_err(|_| EgressError::InvalidRequest.to_string())?;
        let response = self
            .send(server, Api::Directory, PER_SERVER, request)
            .await
            .map_err(|error| error.to_string())?;
        if !response.status().is_success() {
            return Err(format!("status {}", response.status().as_u16()));
        }
        serde_json::from_slice(response.body()).map_err(|_| "an answer that cannot be read".to_owned())
    }

    /// The addresses of an identity that may be believed, in their order: each must be the asserting homeserver's
    /// to assert, by our rules or by the directory as other servers tell it. While too few of them can be asked, or they
    /// disagree, the one believed before (`known`) still is, if it was added at the same time. The rest is omitted and logged.
    pub async fn believed_emails(
        &self,
        homeservers: &[Homeserver],
        identity: &UpstreamIdentity,
        known: Option<&AgentEmail>,
    ) -> Vec<ThirdPartyEmail> {
        let asked = identity
            .emails
            .iter()
            .map(|email| self.is_believed(homeservers, &identity.homeserver, email, known));
        // All at once: together they take no longer than one look-up may.
        let believed = join_all(asked).await;
        let emails = identity.emails.iter().zip(believed);
        emails
            .filter(|(_, believed)| *believed)
            .map(|(email, _)| email.clone())
            .collect()
    }

    async fn is_believed(
        &self,
        homeservers: &[Homeserver],
        asserting: &str,
        email: &ThirdPartyEmail,
        known: Option<&AgentEmail>,
    ) -> bool {
        let is_known =
            || known.is_some_and(|known| (&known.address, known.added_at) == (&email.address, email.added_at));
        let believed = match entitlement(homeservers, asserting, &email.address) {
            Entitlement::Yes => true,
            Entitlement::No => false,
            // Where our rules are all there is, an address that none covers is nobody's to assert.
            Entitlement::AskDirectory if self.rules == DomainRules::Only => false,
            Entitlement::AskDirectory => {
                let verdict = self.witnessed(homeservers, asserting, &email.address).await;
                verdict.unwrap_or_else(is_known)
            }
        };
        if !believed {
            tracing::warn!(
                homeserver = asserting,
                "an e-mail address is omitted: not this homeserver's to assert"
            );
        }
        believed
    }

    /// What the directory servers other than `asserting` say of an address of its; `None` when they do not settle it.
    async fn witnessed(&self, homeservers: &[Homeserver], asserting: &str, address: &str) -> Option<bool> {
        let may_answer = |server: &&Homeserver| server.directory && server.name != asserting;
        let servers: Vec<_> = homeservers.iter().filter(may_answer).collect();
        let mut testimony = Testimony::of(servers.len());
        self.ask_in_turn(servers, homeservers, address, Asked::ToBelieve, |answer| {
            match answer {
                Ok(finding) => testimony.hear(finding.homeserver == asserting),
                Err(DirectoryError::NotListed | DirectoryError::NotOffered) => testimony.hear(false),
                Err(DirectoryError::Unreachable) => {}
            }
            testimony.verdict().is_some()
        })
        .await;
        let verdict = testimony.verdict();
        if verdict.is_none() {
            tracing::warn!(
                homeserver = asserting,
                "too few directory servers agree on whose an e-mail address is"
            );
        }
        verdict
    }
}

/// Counts an answer; gives how many servers now agree with it.
fn add(findings: &mut Vec<DirectoryFinding>, answer: DirectoryFinding) -> usize {
    match findings
        .iter_mut()
        .find(|finding| finding.homeserver == answer.homeserver)
    {
        Some(finding) => {
            finding.answered_by.extend(answer.answered_by);
            finding.new_homeserver = finding.new_homeserver.take().or(answer.new_homeserver);
            finding.answered_by.len()
        }
        None => {
            findings.push(answer);
            1
        }
    }
}

/// The earliest of those with most answers; but where it announces a move that as many servers say has happened, the new home.
fn best(findings: Vec<DirectoryFinding>) -> Option<DirectoryFinding> {
    let votes = |finding: &DirectoryFinding| finding.answered_by.len();
    let winner = findings.iter().rev().max_by_key(|finding| votes(finding))?;
    let moved = findings.iter().find(|other| {
        winner.new_homeserver.as_ref() == Some(&other.homeserver)
            && other.new_homeserver.is_none()
            && votes(other) >= votes(winner)
    });
    Some(moved.unwrap_or(winner).clone())
}

/// Fisher–Yates. Spreads the load; without randomness the order of the list would do as well.
fn shuffle<T>(items: &mut [T]) {
    for last in (1..items.len()).rev() {
        let Ok(bytes) = random_bytes() else { return };
        items.swap(last, usize::from_le_bytes(bytes) % (last + 1));
    }
}

#[cfg(test)]
mod tests;
