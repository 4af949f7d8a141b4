//! The JWK Sets that clients publish (`jwks_uri`), fetched when they are needed and kept for as long as their server says,
//! within bounds. One fetch at a time for each address, however many wait for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use crate::egress::{FetchLimits, Fetcher};
use crate::protocol::client::SigningAlg;
use crate::protocol::jwk::{MAX_BYTES, PublicKeys};
use crate::protocol::jws::Reason;

/// More addresses than this are not remembered.
const MAX_ADDRESSES: usize = 500;

/// How long a set is kept: what its server says within these bounds, in seconds.
const KEPT: std::ops::RangeInclusive<i64> = 60..=24 * 3600;
const KEPT_BY_DEFAULT: i64 = 600;

/// A fetch that brought nothing new is not repeated for so long, in seconds; one that failed is tried again sooner.
const PAUSE: i64 = 60;
const PAUSE_AFTER_FAILURE: i64 = 15;

const LIMITS: FetchLimits = FetchLimits {
    max_bytes: MAX_BYTES,
    timeout: Duration::from_secs(5),
};

const NO_SUCH_KEY: Reason = "its key is not at the client's jwks_uri";

/// The sets known so far. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct RemoteKeys {
    fetcher: Fetcher,
    known: Arc<Mutex<HashMap<String, Known>>>,
}

#[derive(Debug)]
struct Known {
    set: Arc<tokio::sync::Mutex<Set>>,
    used_at: i64,
}

/// What was fetched from an address, and when. Unix seconds.
#[derive(Debug, Default)]
struct Set {
    keys: Option<PublicKeys>,
    fresh_until: i64,
    next_fetch: i64,
}

impl RemoteKeys {
    pub fn new(fetcher: Fetcher) -> Self {
        Self {
            fetcher,
            known: Arc::default(),
        }
    }

    /// The key of this `kid` and algorithm, fetched anew when it is not known.
    pub async fn find(&self, uri: &str, kid: Option<&str>, alg: SigningAlg, now: i64) -> Result<Value, Reason> {
        let (fetcher, uri, kid) = (self.fetcher.clone(), uri.to_owned(), kid.map(str::to_owned));
        let set = self.set(&uri, now);
        // A task of its own: a caller who hangs up does not leave a fetch without its result, and the next one without keys.
        let find = async move {
            let mut set = set.lock().await;
            if let Some(key) = set.find(kid.as_deref(), alg, now) {
                return Ok(key);
            }
            if now >= set.next_fetch {
                set.fetch(&fetcher, &uri, now).await;
            }
            set.find(kid.as_deref(), alg, now).ok_or(NO_SUCH_KEY)
        };
        tokio::spawn(find).await.unwrap_or(Err(NO_SUCH_KEY))
    }

    fn set(&self, uri: &str, now: i64) -> Arc<tokio::sync::Mutex<Set>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains_key(uri) && known.len() >= MAX_ADDRESSES {
            let oldest = known.iter().min_by_key(|(_, known)| known.used_at);
            if let Some(oldest) = oldest.map(|(uri, _)| uri.clone()) {
                known.remove(&oldest);
            }
        }
        let entry = known.entry(uri.to_owned()).or_insert_with(|| Known {
            set: Arc::default(),
            used_at: now,
        });
        entry.used_at = now;
        entry.set.clone()
    }
}

impl Set {
    fn find(&self, kid: Option<&str>, alg: SigningAlg, now: i64) -> Option<Value> {
        let keys = self.keys.as_ref().filter(|_| now < self.fresh_until)?;
        keys.find(kid, alg).cloned()
    }

    /// Fetches the set; the former one stays, for its time, when that fails.
    async fn fetch(&mut self, fetcher: &Fetcher, uri: &str, now: i64) {
        let failure = match fetcher.get(uri, LIMITS).await {
            Ok(answer) if answer.status == StatusCode::OK => match PublicKeys::from_slice(&answer.body) {
                Ok(keys) => {
                    *self = Self {
                        keys: Some(keys),
                        fresh_until: now + kept(&answer.headers),
                        next_fetch: now + PAUSE,
                    };
                    return;
                }
                Err(error) => error.to_string(),
            },
            Ok(answer) => format!("status {}", answer.status.as_u16()),
            Err(error) => error.to_string(),
        };
        self.next_fetch = now + PAUSE_AFTER_FAILURE;
        tracing::warn!(jwks_uri = uri, error = failure, "a client's keys could not be fetched");
    }
}

/// How long an answer may be kept, in seconds (RFC 9111 §5.2.2), within our bounds.
fn kept(headers: &HeaderMap) -> i64 {
    let values = headers.get_all(header::CACHE_CONTROL).iter();
    let directives = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let mut kept = KEPT_BY_DEFAULT;
    for directive in directives.map(|directive| directive.trim().to_ascii_lowercase()) {
        match directive.split_once('=') {
            Some(("max-age", seconds)) => {
                kept = seconds.trim_matches('"').parse().unwrap_or(KEPT_BY_DEFAULT);
            }
            None if matches!(&*directive, "no-store" | "no-cache") => return *KEPT.start(),
            _ => {}
        }
    }
    kept.clamp(*KEPT.start(), *KEPT.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_says_within_bounds_how_long_its_keys_are_kept() {
        for (value, expected) in [
            ("max-age=300", 300),
            ("public, MAX-AGE=\"300\"", 300),
            ("max-age=1", 60),
            ("max-age=-5", 60),
            ("max-age=99999999", 86_400),
            ("max-age=99999999999999999999", 600),
            ("max-age=300, no-store", 60),
            ("no-cache", 60),
            ("s-maxage=5", 600),
            ("", 600),
        ] {
            let headers = [(header::CACHE_CONTROL, value.parse().unwrap())].into_iter().collect();
            assert_eq!(kept(&headers), expected, "{value}");
        }
        assert_eq!(kept(&HeaderMap::new()), 600);
    }

    #[test]
    fn no_more_addresses_are_remembered_than_so_many() {
        let fetcher = Fetcher::new(crate::egress::FetchOptions::default()).unwrap();
        let remote = RemoteKeys::new(fetcher);
        for number in 0..MAX_ADDRESSES as i64 + 10 {
            remote.set(&format!("https://{number}.example/jwks"), number);
            remote.set("https://busy.example/jwks", number);
        }
        let known = remote.known.lock().unwrap();
        assert_eq!(known.len(), MAX_ADDRESSES);
        assert!(known.contains_key("https://busy.example/jwks") && !known.contains_key("https://0.example/jwks"));
    }
}
