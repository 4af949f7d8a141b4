//! The keys that authentication services sign with, kept for as long as they say, within bounds. They change without notice:
//! a token that the kept ones do not fit is held against newly fetched ones, every few seconds at most.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use openidconnect::core::CoreJsonWebKeySet;

use super::metadata::{AuthenticationService, age};
use crate::upstream::{
    Upstream, UpstreamError,
    error::{Step, refusal},
};

/// For the sake of a token that does not fit, they are fetched no sooner again, in seconds.
const PAUSE: i64 = 10;

/// One set for each issuer that logins go to. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(in crate::upstream) struct ServiceKeys(Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<Option<Set>>>>>>);

#[derive(Debug)]
struct Set {
    jwks_uri: String,
    keys: CoreJsonWebKeySet,
    /// Unix seconds.
    fetched_at: i64,
    fresh_until: i64,
}

impl Upstream {
    /// Whether a token holds against the keys of its issuer, as `check` says. One fetch at a time for each issuer.
    ///
    /// # Errors
    /// That of `check`; or why the keys could not be fetched.
    pub(super) async fn held_against_keys<T>(
        &self,
        service: &AuthenticationService,
        now: i64,
        check: impl Fn(&CoreJsonWebKeySet) -> Result<T, UpstreamError>,
    ) -> Result<T, UpstreamError> {
        let set = self.service_keys.of(&service.issuer);
        let mut set = set.lock().await;
        let jwks_uri = service.jwks_uri.as_str();
        let kept = set.as_ref();
        if let Some(kept) = kept.filter(|kept| kept.jwks_uri == jwks_uri && now < kept.fresh_until) {
            match check(&kept.keys) {
                Err(_) if now >= kept.fetched_at + PAUSE => {}
                outcome => return outcome,
            }
        }
        let response = self.get(jwks_uri).await?;
        if !response.status().is_success() {
            return Err(refusal(Step::LoginTypes, &response));
        }
        let keys = serde_json::from_slice(response.body())
            .map_err(|_| UpstreamError::Nonsense("a key set that cannot be read"))?;
        let outcome = check(&keys);
        *set = Some(Set {
            jwks_uri: jwks_uri.to_owned(),
            keys,
            fetched_at: now,
            fresh_until: now + age(response.headers()),
        });
        outcome
    }
}

impl ServiceKeys {
    fn of(&self, issuer: &str) -> Arc<tokio::sync::Mutex<Option<Set>>> {
        let mut sets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sets.entry(issuer.to_owned()).or_default().clone()
    }
}
