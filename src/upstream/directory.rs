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
        homeserver::{DirectoryFinding, Entitlement, Homeserver, entitled, entitlement, find},
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
pub(super) enum Asked<'a> {
    /// Where an address leads. An answer of a few minutes ago will do.
    ToRoute,
    /// Whether this homeserver may assert an address. Another one must say so, now.
    ToBelieve(&'a str),
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
        asked: Asked<'_>,
    ) -> Result<DirectoryFinding, DirectoryError> {
        let may_answer =
            |homeserver: &&Homeserver| homeserver.directory && asked != Asked::ToBelieve(homeserver.name.as_str());
        let mut servers: Vec<_> = homeservers.iter().filter(may_answer).collect();
        if servers.is_empty() {
            return Err(DirectoryError::NotOffered);
        }
        shuffle(&mut servers);
        let mut findings = Vec::new();
        // One answer, even one that is no use, shows that the directory could be asked.
        let mut failure = DirectoryError::Unreachable;
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
                    Some(Ok(Ok(finding))) => {
                        let enough = agreeing.max(1 + usize::from(finding.new_homeserver.is_some()));
                        if add(&mut findings, finding) >= enough {
                            break;
                        }
                    }
                    Some(Ok(Err(DirectoryError::Unreachable)) | Err(_)) => {}
                    Some(Ok(Err(error))) => failure = error,
                }
            }
        };
        if tokio::time::timeout(ALTOGETHER, asking).await.is_err() {
            tracing::warn!("the directory servers did not answer in time");
        }
        best(findings).ok_or(failure)
    }

    /// Asks one server in a task of its own, which goes on when nobody waits for it any more: that a server does not answer
    /// is to be learned from too.
    fn begin_to_ask(
        &self,
        server: &Homeserver,
        homeservers: &Arc<[Homeserver]>,
        address: &str,
        asked: Asked<'_>,
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
    /// to assert, by our rules or by the directory as another server tells it. While the directory cannot be asked, the
    /// one believed before (`known`) still is, if it was added at the same time. The rest is omitted and logged.
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
            Entitlement::AskDirectory => match self
                .lookup(homeservers, &email.address, 1, Asked::ToBelieve(asserting))
                .await
            {
                Ok(finding) => entitled(homeservers, asserting, &email.address, Some(&finding)),
                Err(DirectoryError::Unreachable) => is_known(),
                Err(DirectoryError::NotOffered | DirectoryError::NotListed) => false,
            },
        };
        if !believed {
            tracing::warn!(
                homeserver = asserting,
                "an e-mail address is omitted: not this homeserver's to assert"
            );
        }
        believed
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
mod tests {
    use super::*;

    fn says(servers: &[&str], homeserver: &str, new: Option<&str>) -> DirectoryFinding {
        DirectoryFinding {
            homeserver: homeserver.into(),
            new_homeserver: new.map(str::to_owned),
            answered_by: servers.iter().map(|server| (*server).to_owned()).collect(),
        }
    }

    #[test]
    fn most_answers_win_then_the_new_home_then_the_earliest() {
        for (findings, home) in [
            (vec![says(&["1"], "a", None), says(&["2"], "b", None)], "a"),
            (vec![says(&["1"], "a", None), says(&["2", "3"], "b", None)], "b"),
            (vec![says(&["1"], "a", Some("b"))], "a"),
            (vec![says(&["1"], "a", Some("b")), says(&["2"], "b", None)], "b"),
            (vec![says(&["1"], "b", None), says(&["2"], "a", Some("b"))], "b"),
            // One server's word moves nobody against two.
            (vec![says(&["1", "3"], "a", Some("b")), says(&["2"], "b", None)], "a"),
            (vec![says(&["1"], "a", Some("b")), says(&["2"], "c", None)], "a"),
            // Two servers that each announce a move to the other's: the earliest.
            (vec![says(&["1"], "a", Some("b")), says(&["2"], "b", Some("a"))], "a"),
        ] {
            let chosen = best(findings.clone()).map(|finding| finding.homeserver);
            assert_eq!(chosen.as_deref(), Some(home), "{findings:?}");
        }
        assert_eq!(best(Vec::new()), None);
    }

    #[test]
    fn answers_are_kept_for_minutes_per_server_and_not_without_bound() {
        let answers = Answers::default();
        answers.keep("1", "x@a.fr", "a", 1000);
        assert_eq!(answers.find("1", "x@a.fr", 1299).as_deref(), Some("a"));
        for (server, address, now) in [
            ("2", "x@a.fr", 1000),
            ("1", "y@a.fr", 1000),
            ("1", "x@a.fr", 1300),
            ("1", "x@a.fr", 0),
        ] {
            assert_eq!(answers.find(server, address, now), None, "{server} {address} {now}");
        }
        for agent in 0..=MAX_ANSWERS {
            answers.keep("1", &format!("agent{agent}@a.fr"), "a", 2000);
        }
        assert!(answers.0.lock().expect("a lock").len() <= MAX_ANSWERS);
    }
}
