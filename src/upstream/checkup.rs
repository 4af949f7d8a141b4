//! What an operator wants to know of a homeserver before agents do. It is asked as a login would ask it; nobody is signed
//! in, and nothing is registered or remembered.

use std::time::{Duration, UNIX_EPOCH};

use http::uri::Scheme;
use http::{HeaderMap, Request, Response, header};
use ruma::api::error::RetryAfter;
use serde::Deserialize;
use url::Url;

use super::{
    DirectoryError, Offered, Upstream, UpstreamError,
    error::{Step, refusal},
};
use crate::{
    clock::Clock,
    domain::homeserver::{DirectoryFinding, Homeserver, Way},
    egress::{EgressError, Reach, certificate_end, reach},
};

/// What a homeserver that answers shows of itself.
#[derive(Clone, Debug)]
pub struct Checkup {
    /// How many seconds its clock is ahead of ours (behind: negative), by the `Date` of an answer.
    pub clock_ahead: Option<i64>,
    /// The certificate that ends first of those that it and its authentication service show; `None` without TLS.
    pub certificate: Option<CertificateSeen>,
    /// Its authentication service, where OAuth 2.0 is switched on.
    pub service: Result<Option<ServiceSeen>, UpstreamError>,
    /// The ways in.
    pub offered: Result<Offered, UpstreamError>,
    /// Its answer for the address asked about, where it offers the directory.
    pub directory: Option<Result<DirectoryFinding, DirectoryError>>,
}

/// What matters of an authentication service's metadata, which are right as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceSeen {
    /// Exactly as published.
    pub issuer: String,
    /// Whether clients can register themselves.
    pub registers_clients: bool,
}

/// A certificate of a server's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSeen {
    /// Where it was shown.
    pub url: String,
    /// When it ends, in Unix seconds.
    pub end: i64,
}

/// A homeserver that does not answer as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreached {
    /// In the words of a login.
    pub error: UpstreamError,
    /// Where the connection ends, if there is none.
    pub reach: Option<Reach>,
}

/// What came of a test that somebody asked for.
#[derive(Clone, Debug)]
pub enum Tested {
    /// It was asked everything.
    Done(Box<Result<Checkup, Unreached>>),
    /// All of it took too long: agents give up before that.
    TooSlow,
    /// Another test is under way in this process.
    Busy,
}

/// A clock further off than this is worth a look, in seconds.
pub const CLOCK_WARNING: i64 = 5;
/// A clock further off breaks logins: ID tokens come from the future, or are too old. In seconds.
pub const CLOCK_FAILED: i64 = 60;

/// Days before its end when a certificate should have been renewed: the usual programs do it when a third of its life is left,
/// and the shortest common life is 47 days. In seconds.
pub const CERTIFICATE_WARNING: i64 = 14 * 24 * 3600;

/// How long all answers together may take.
const TEST: Duration = Duration::from_secs(20);

#[derive(Deserialize)]
struct Versions {
    versions: Vec<String>,
}

impl Upstream {
    /// [`Upstream::check_up`] for somebody who waits for it: one at a time, and within 20 seconds.
    pub async fn test(&self, list: &[Homeserver], homeserver: &Homeserver, address: &str) -> Tested {
        let Ok(_turn) = self.tests.try_acquire() else {
            return Tested::Busy;
        };
        // What is remembered is no test.
        let fresh = Self::new(self.egress.clone(), self.clock.clone(), self.rules);
        let checkup = fresh.check_up(list, homeserver, address, &self.clock);
        match tokio::time::timeout(TEST, checkup).await {
            Ok(found) => Tested::Done(Box::new(found)),
            Err(_) => Tested::TooSlow,
        }
    }

    /// Asks a homeserver for everything that a login there rests on; `address` is one that nobody has.
    ///
    /// # Errors
    /// [`Unreached`] when `/_matrix/client/versions` is not answered; then nothing else is asked.
    pub async fn check_up(
        &self,
        list: &[Homeserver],
        homeserver: &Homeserver,
        address: &str,
        clock: &Clock,
    ) -> Result<Checkup, Unreached> {
        let (clock_ahead, own) = self.versions(homeserver, clock).await?;
        let now = clock.now();
        let service = match homeserver.ways.contains(&Way::OAuth) {
            true => self.authentication_service(homeserver, now).await,
            false => Ok(None),
        };
        let seen = |service: super::AuthenticationService| ServiceSeen {
            registers_clients: service.registers_clients(),
            issuer: service.issuer,
        };
        let its_service = match &service {
            Ok(Some(service)) => self.certificate(&service.issuer).await,
            _ => None,
        };
        Ok(Checkup {
            clock_ahead,
            certificate: own.into_iter().chain(its_service).min_by_key(|one| one.end),
            service: service.map(|service| service.map(seen)),
            offered: self.offered(homeserver, now).await,
            directory: match homeserver.directory {
                true => Some(self.directory_of(list, homeserver, address).await),
                false => None,
            },
        })
    }

    /// What the server at this address shows, whatever it answers.
    async fn certificate(&self, url: &str) -> Option<CertificateSeen> {
        let request = Request::get(url).body(Vec::new()).ok();
        let request = request.filter(|request| request.uri().scheme() == Some(&Scheme::HTTPS))?;
        seen_at(url, &self.egress.send(request).await.ok()?)
    }

    /// Is this a homeserver? Answers how far its clock is ahead, and which certificate it shows.
    async fn versions(
        &self,
        homeserver: &Homeserver,
        clock: &Clock,
    ) -> Result<(Option<i64>, Option<CertificateSeen>), Unreached> {
        let plain = |error| Unreached { error, reach: None };
        let url = format!("{}/_matrix/client/versions", homeserver.base_url);
        let request = Request::get(&url)
            .body(Vec::new())
            .map_err(|_| plain(UpstreamError::Nonsense("an address that is none")))?;
        let before = clock.now();
        let response = match self.egress.send(request).await {
            Ok(response) => response,
            Err(error) => {
                let reach = match (error, Url::parse(&url)) {
                    (EgressError::Connect, Ok(url)) => Some(reach(&url).await),
                    _ => None,
                };
                let error = error.into();
                return Err(Unreached { error, reach });
            }
        };
        if !response.status().is_success() {
            return Err(plain(refusal(Step::Authenticated, &response)));
        }
        let nonsense = UpstreamError::Nonsense("a list of Matrix versions that cannot be read");
        match serde_json::from_slice::<Versions>(response.body()) {
            Ok(Versions { versions }) if !versions.is_empty() => Ok((
                ahead(response.headers(), before, clock.now()),
                seen_at(&homeserver.base_url, &response),
            )),
            _ => Err(plain(nonsense)),
        }
    }

    /// The answer of this one directory server.
    async fn directory_of(
        &self,
        list: &[Homeserver],
        homeserver: &Homeserver,
        address: &str,
    ) -> Result<DirectoryFinding, DirectoryError> {
        let alone = |other: &Homeserver| Homeserver {
            directory: other.name == homeserver.name,
            ..other.clone()
        };
        let list: Vec<_> = list.iter().map(alone).collect();
        self.lookup(&list, address, 1).await
    }
}

fn seen_at(url: &str, response: &Response<Vec<u8>>) -> Option<CertificateSeen> {
    let end = certificate_end(response)?;
    Some(CertificateSeen {
        url: url.to_owned(),
        end,
    })
}

/// How far the sender's clock is from the time between question and answer, both in Unix seconds. A cached answer is as old
/// as its `Age` says (RFC 9111 §5.1).
fn ahead(headers: &HeaderMap, before: i64, after: i64) -> Option<i64> {
    let date = headers
        .get(header::DATE)
        .and_then(|value| RetryAfter::try_from(value).ok());
    let Some(RetryAfter::DateTime(date)) = date else {
        return None;
    };
    let age = headers.get(header::AGE).and_then(|age| age.to_str().ok()?.parse().ok());
    let sent = i64::try_from(date.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()?;
    let date = sent.saturating_add(age.unwrap_or(0i64).clamp(0, 86_400));
    Some(match date {
        date if date > after => date - after,
        date if date < before => date - before,
        _ => 0,
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_clock_is_held_against_the_time_of_the_exchange() {
        // 784111777 seconds.
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (date, age, before, after, expected) in [
            (date, None, 784_111_777, 784_111_777, Some(0)),
            (date, None, 784_111_770, 784_111_780, Some(0)),
            (date, None, 784_111_700, 784_111_707, Some(70)),
            (date, None, 784_111_787, 784_111_790, Some(-10)),
            (date, Some("10"), 784_111_787, 784_111_790, Some(0)),
            (date, Some("x"), 784_111_787, 784_111_790, Some(-10)),
            ("10", None, 0, 0, None),
            ("yesterday", None, 0, 0, None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::DATE, HeaderValue::from_static(date));
            if let Some(age) = age {
                headers.insert(header::AGE, HeaderValue::from_static(age));
            }
            assert_eq!(ahead(&headers, before, after), expected, "{date} {age:?} {before}");
        }
        assert_eq!(ahead(&HeaderMap::new(), 0, 0), None);
    }
}
