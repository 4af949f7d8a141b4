//! The directory of a Tchap-like federation: any homeserver says which homeserver an e-mail address belongs to
//! (`GET /_matrix/identity/api/v1/info`). Its answers are untrusted: a server outside our list is refused, and one
//! answer alone decides neither where a password goes nor who may assert an address.

use std::time::Duration;

use futures_util::future::join_all;
use serde::Deserialize;
use url::form_urlencoded;

use super::{Api, Upstream};
use crate::{
    domain::{
        agent::AgentEmail,
        homeserver::{DirectoryFinding, Entitlement, Homeserver, entitled, entitlement, find},
        identity::{ThirdPartyEmail, UpstreamIdentity},
    },
    egress::EgressError,
    secret::random_bytes,
};

/// How long one server may take to answer before the next one is asked.
const PER_SERVER: Duration = Duration::from_secs(3);
/// How long all of them may take together.
const ALTOGETHER: Duration = Duration::from_secs(10);

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
    /// Asks the homeservers one after the other, in random order, until `agreeing` of them name the same server.
    /// When they never do, the first answer stands, with the one server that gave it. `except` is not asked.
    pub(super) async fn lookup(
        &self,
        homeservers: &[Homeserver],
        address: &str,
        agreeing: usize,
        except: Option<&str>,
    ) -> Result<DirectoryFinding, DirectoryError> {
        let may_answer = |homeserver: &&Homeserver| homeserver.directory && Some(homeserver.name.as_str()) != except;
        let mut servers: Vec<_> = homeservers.iter().filter(may_answer).collect();
        if servers.is_empty() {
            return Err(DirectoryError::NotOffered);
        }
        shuffle(&mut servers);
        let mut findings = Vec::new();
        // One answer, even one that is no use, shows that the directory could be asked.
        let mut failure = DirectoryError::Unreachable;
        let asking = async {
            for server in servers {
                if !self.health.admit(&server.name, Api::Directory, self.clock.now()) {
                    continue;
                }
                match self.ask(server, homeservers, address).await {
                    Ok(finding) => {
                        if add(&mut findings, finding) >= agreeing {
                            break;
                        }
                    }
                    Err(DirectoryError::Unreachable) => {}
                    Err(error) => failure = error,
                }
            }
        };
        if tokio::time::timeout(ALTOGETHER, asking).await.is_err() {
            tracing::warn!("the directory servers did not answer in time");
        }
        // The earliest of those with most answers.
        findings
            .into_iter()
            .rev()
            .max_by_key(|finding| finding.answered_by.len())
            .ok_or(failure)
    }

    /// One server's answer, if its target is on the list.
    async fn ask(
        &self,
        server: &Homeserver,
        homeservers: &[Homeserver],
        address: &str,
    ) -> Result<DirectoryFinding, DirectoryError> {
        let info = self.info(server, address).await.map_err(|reason| {
            tracing::warn!(
                homeserver = server.name,
                reason,
                "a directory server gave no answer, the next one is asked"
            );
            DirectoryError::Unreachable
        })?;
        if find(homeservers, &info.hs).is_none() {
            tracing::warn!(
                homeserver = server.name,
                "a directory answer names a server that is not on the list"
            );
            return Err(DirectoryError::NotListed);
        }
        let new_homeserver = info.new_hs.filter(|name| find(homeservers, name).is_some());
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
            Entitlement::AskDirectory => match self.lookup(homeservers, &email.address, 1, Some(asserting)).await {
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
            finding.answered_by.len()
        }
        None => {
            findings.push(answer);
            1
        }
    }
}

/// Fisher–Yates. Spreads the load; without randomness the order of the list would do as well.
fn shuffle<T>(items: &mut [T]) {
    for last in (1..items.len()).rev() {
        let Ok(bytes) = random_bytes() else { return };
        items.swap(last, usize::from_le_bytes(bytes) % (last + 1));
    }
}
