//! Signing keys: made by the program itself, stored sealed, published, rotated, and the only place where tokens are
//! signed (RFC 7515) and our own are verified. A key's state follows from the time: *next* before `active_from`,
//! *active* while it is the newest that has started, *retired* afterwards. Newer is what has the higher serial.

mod clients;
mod error;
mod fetches;
mod material;
mod remote;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::try_join_all;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::protocol::client::SigningAlg;
use crate::secret::{SealingKey, SecretError};
use crate::store::{Store, StoredKey};
pub use clients::ClientSignatures;
pub use error::KeysError;
use material::Signer;

/// How long relying parties may cache the JWKS, in seconds (its `Cache-Control: max-age`).
pub const JWKS_MAX_AGE: i64 = 600;

/// A rotated key is published this long before it signs: a full cache lifetime, and the time by which the slowest
/// replica has reloaded.
const PUBLISHED_AHEAD: i64 = JWKS_MAX_AGE + 60;

/// A retired key stays in the JWKS for the longest lifetime that a token signed with it may have, in seconds.
pub const PUBLISHED_AFTER: i64 = 3600;

/// How long a retired key is kept to verify `id_token_hint`, in seconds: 13 months (protocol.md §2).
pub const KEPT_FOR_HINTS: i64 = 396 * 24 * 3600;

const SEALING_KEY_SETTING: &str = "sealing_key_fingerprint";

/// A key's state at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// Published, not signing yet.
    Next,
    /// Signing.
    Active,
    /// Replaced.
    Retired,
}

/// What operators see of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct KeyInfo {
    /// `kid`.
    pub kid: String,
    /// JWA name.
    pub alg: &'static str,
    /// At the instant asked for.
    pub state: KeyState,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds.
    pub active_from: i64,
    /// When its successor took over, Unix seconds; set when retired.
    pub retired_at: Option<i64>,
}

/// All signing keys, shared by the whole program.
pub struct Keys {
    sealing: SealingKey,
    /// RS256 first; within an algorithm by serial.
    all: RwLock<Arc<Vec<Key>>>,
    fetches: fetches::Fetches,
}

struct Key {
    kid: String,
    alg: SigningAlg,
    serial: i64,
    created_at: i64,
    active_from: i64,
    signer: Signer,
    jwk: Value,
    verifier: DecodingKey,
}

impl Keys {
    /// Opens the stored keys and makes those that are missing; replicas starting together end with the same keys.
    ///
    /// # Errors
    /// [`KeysError::WrongSealingKey`] when the database was sealed with another key; nothing is made anew then.
    pub async fn load_or_generate(store: &Store, sealing: SealingKey, now: i64) -> Result<Self, KeysError> {
        let stored = store
            .insert_setting_if_absent(SEALING_KEY_SETTING, sealing.fingerprint())
            .await?;
        let keys = Self::sealed_by(sealing, stored)?;
        keys.add(store, now, now, |newest| newest.is_none()).await?;
        Ok(keys)
    }

    /// No keys yet, of a database that was sealed by the key of this fingerprint.
    fn sealed_by(sealing: SealingKey, stored: String) -> Result<Self, KeysError> {
        if stored != sealing.fingerprint() {
            let given = sealing.fingerprint().to_owned();
            return Err(KeysError::WrongSealingKey { stored, given });
        }
        Ok(Self {
            sealing,
            all: RwLock::default(),
            fetches: fetches::Fetches::default(),
        })
    }

    /// Opens the stored keys as they are and makes none; `None` while the database has never been sealed.
    ///
    /// # Errors
    /// As [`Keys::load_or_generate`].
    pub async fn open_stored(store: &Store, sealing: SealingKey) -> Result<Option<Self>, KeysError> {
        let Some(stored) = store.setting(SEALING_KEY_SETTING).await? else {
            return Ok(None);
        };
        let keys = Self::sealed_by(sealing, stored)?;
        keys.reload(store).await?;
        Ok(Some(keys))
    }

    /// Seals what has to be read back, for its place in the database; see [`SealingKey::seal`].
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<String, SecretError> {
        self.sealing.seal(place, plain)
    }

    /// Opens what [`Keys::seal`] made for the same place.
    ///
    /// # Errors
    /// [`SecretError::Open`].
    pub fn unseal(&self, place: &str, sealed: &str) -> Result<Vec<u8>, SecretError> {
        self.sealing.open(place, sealed)
    }

    /// Reads the stored keys again: another replica or the command line may have rotated them.
    ///
    /// # Errors
    /// When the database fails or a key cannot be opened; the former keys stay in use then.
    pub async fn reload(&self, store: &Store) -> Result<(), KeysError> {
        let rows = store.list_signing_keys().await?;
        let mut keys = rows.iter().map(|row| self.open(row)).collect::<Result<Vec<_>, _>>()?;
        keys.sort_by_key(|key| (key.alg, key.serial));
        *self.all.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(())
    }

    /// Adds a key per algorithm. It is published at once and signs from the moment when every relying party can know
    /// it; where one is on its way already, that is the one. `immediately` (a key is lost or stolen) it signs from `now`,
    /// and one on its way never will.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rotate(&self, store: &Store, now: i64, immediately: bool) -> Result<(), KeysError> {
        let active_from = if immediately { now } else { now + PUBLISHED_AHEAD };
        self.add(store, now, active_from, |newest| {
            newest.is_none_or(|key| immediately || key.active_from <= now)
        })
        .await
    }

    /// Reads the stored keys again, and adds the next key of each algorithm whose newest has signed for `period` seconds.
    ///
    /// # Errors
    /// When the database fails or a key cannot be opened; the former keys stay in use then.
    pub async fn rotate_when_due(&self, store: &Store, now: i64, period: i64) -> Result<(), KeysError> {
        self.add(store, now, now + PUBLISHED_AHEAD, |newest| {
            newest.is_some_and(|key| key.active_from + period <= now)
        })
        .await
    }

    /// Forgets a retired key, because somebody else has it: it is no longer published and verifies nothing any more.
    ///
    /// # Errors
    /// [`KeysError::NotRetired`]; when the database fails.
    pub async fn withdraw(&self, store: &Store, kid: &str, now: i64) -> Result<(), KeysError> {
        if !store.delete_retired_signing_key(kid, now).await? {
            return Err(KeysError::NotRetired(kid.to_owned()));
        }
        tracing::warn!(kid, "A signing key is withdrawn");
        self.reload(store).await
    }

    /// Signs `claims` as a compact JWS of this `typ` (RFC 8725 §3.11) with the active key of this algorithm.
    ///
    /// # Errors
    /// When there is no such key, the claims are no JSON or the signature fails.
    pub fn sign(&self, typ: &str, alg: SigningAlg, claims: &impl Serialize, now: i64) -> Result<String, KeysError> {
        let keys = self.current();
        let of_alg = of_alg(&keys, alg);
        let key = of_alg
            .get(active_index(of_alg, now))
            .ok_or(KeysError::Missing(alg.as_str()))?;
        let claims = serde_json::to_vec(claims).map_err(|_| KeysError::Claims)?;
        let header = json!({ "alg": alg.as_str(), "kid": key.kid, "typ": typ }).to_string();
        let mut token = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = key.signer.sign(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    /// Verifies the signature of a token of ours of this `typ`, however old, and answers its claims. The caller checks
    /// `iss`, `aud` and time.
    ///
    /// # Errors
    /// [`KeysError::Token`].
    pub fn verify(&self, typ: &str, token: &str) -> Result<Map<String, Value>, KeysError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| KeysError::Token)?;
        // A logout token is no ID token, although everything else in it may be the same.
        if header.typ.as_deref() != Some(typ) {
            return Err(KeysError::Token);
        }
        let keys = self.current();
        let key = keys
            .iter()
            .find(|key| header.kid.as_deref() == Some(&key.kid))
            .ok_or(KeysError::Token)?;
        verify_signature(token, &key.verifier, key.alg)
    }

    /// The JWK Set to publish: next and active keys, and retired ones whose tokens may still live.
    pub fn jwks(&self, now: i64) -> Value {
        let keys = self.current();
        let published = keys
            .iter()
            .zip(states(&keys, now))
            .filter(|(_, (_, retired_at))| retired_at.is_none_or(|retired_at| now < retired_at + PUBLISHED_AFTER));
        json!({ "keys": published.map(|(key, _)| &key.jwk).collect::<Vec<_>>() })
    }

    /// All keys with their states.
    pub fn list(&self, now: i64) -> Vec<KeyInfo> {
        let keys = self.current();
        let info = |(key, (state, retired_at)): (&Key, _)| KeyInfo {
            kid: key.kid.clone(),
            alg: key.alg.as_str(),
            state,
            created_at: key.created_at,
            active_from: key.active_from,
            retired_at,
        };
        keys.iter().zip(states(&keys, now)).map(info).collect()
    }

    fn current(&self) -> Arc<Vec<Key>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the stored keys and adds one to each algorithm whose newest key makes it `due`. Of replicas that find the
    /// same key newest, one adds its successor; the others take that one.
    async fn add(
        &self,
        store: &Store,
        now: i64,
        active_from: i64,
        due: impl Fn(Option<&Key>) -> bool,
    ) -> Result<(), KeysError> {
        self.reload(store).await?;
        let keys = self.current();
        let newest = SigningAlg::ALL.map(|alg| (alg, of_alg(&keys, alg).last()));
        let made = newest
            .into_iter()
            .filter(|(_, newest)| due(*newest))
            .map(|(alg, newest)| self.generate(alg, newest.map_or(1, |key| key.serial + 1), now, active_from));
        let made = try_join_all(made).await?;
        for key in &made {
            if store.insert_signing_key(key).await? {
                tracing::info!(kid = key.id, alg = key.alg, active_from, "Made a signing key");
            }
        }
        match made.is_empty() {
            true => Ok(()),
            false => self.reload(store).await,
        }
    }

    async fn generate(&self, alg: SigningAlg, serial: i64, now: i64, active_from: i64) -> Result<StoredKey, KeysError> {
        let signer = tokio::task::spawn_blocking(move || Signer::generate(alg));
        let signer = signer.await.map_err(|_| KeysError::Crypto)??;
        let (kid, jwk) = signer.public_jwk()?;
        Ok(StoredKey {
            alg: alg.as_str().to_owned(),
            serial,
            sealed_private: self.sealing.seal(&place(&kid), &signer.to_pkcs8()?)?,
            public_jwk: jwk.to_string(),
            created_at: now,
            active_from,
            id: kid,
        })
    }

    fn open(&self, row: &StoredKey) -> Result<Key, KeysError> {
        let alg = SigningAlg::ALL
            .into_iter()
            .find(|alg| alg.as_str() == row.alg)
            .ok_or(KeysError::Crypto)?;
        let der = zeroize::Zeroizing::new(self.sealing.open(&place(&row.id), &row.sealed_private)?);
        let signer = Signer::from_pkcs8(alg, &der)?;
        // The public half comes from the sealed private one: a row altered in the database cannot publish another.
        let (kid, jwk) = signer.public_jwk()?;
        let public: Jwk = serde_json::from_value(jwk.clone()).map_err(|_| KeysError::Crypto)?;
        Ok(Key {
            kid,
            alg,
            serial: row.serial,
            created_at: row.created_at,
            active_from: row.active_from,
            signer,
            jwk,
            verifier: DecodingKey::from_jwk(&public).map_err(|_| KeysError::Crypto)?,
        })
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.current();
        f.debug_list().entries(keys.iter().map(|key| &key.kid)).finish()
    }
}

/// The associated data that ties a sealed key to its row.
fn place(kid: &str) -> String {
    format!("signing_keys/{kid}")
}

/// The claims of a JWT signed with this key by this algorithm: neither `none` nor an HMAC under the public key passes.
fn verify_signature(token: &str, key: &DecodingKey, alg: SigningAlg) -> Result<Map<String, Value>, KeysError> {
    let mut validation = Validation::new(jwt_algorithm(alg));
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let token = jsonwebtoken::decode(token, key, &validation).map_err(|_| KeysError::Token)?;
    Ok(token.claims)
}

fn jwt_algorithm(alg: SigningAlg) -> Algorithm {
    match alg {
        SigningAlg::RS256 => Algorithm::RS256,
        SigningAlg::ES256 => Algorithm::ES256,
        SigningAlg::PS256 => Algorithm::PS256,
        SigningAlg::EdDSA => Algorithm::EdDSA,
    }
}

/// The keys of one algorithm; `keys` is sorted.
fn of_alg(keys: &[Key], alg: SigningAlg) -> &[Key] {
    let start = keys.partition_point(|key| key.alg < alg);
    let end = keys.partition_point(|key| key.alg <= alg);
    &keys[start..end]
}

/// Which of an algorithm's keys signs: the newest that has started. The first one when none has, so that a replica
/// whose clock is behind can sign as well.
fn active_index(keys: &[Key], now: i64) -> usize {
    keys.iter().rposition(|key| key.active_from <= now).unwrap_or(0)
}

/// State and time of retirement of each key, in the order of `keys`.
fn states(keys: &[Key], now: i64) -> Vec<(KeyState, Option<i64>)> {
    let mut states = Vec::with_capacity(keys.len());
    for alg in SigningAlg::ALL {
        let keys = of_alg(keys, alg);
        let active = active_index(keys, now);
        states.extend(keys.iter().enumerate().map(|(index, _)| match index.cmp(&active) {
            // Not always the next in line: `keys rotate --now` overtakes one that has not started yet.
            std::cmp::Ordering::Less => (
                KeyState::Retired,
                keys[index + 1..].iter().map(|newer| newer.active_from).min(),
            ),
            std::cmp::Ordering::Equal => (KeyState::Active, None),
            std::cmp::Ordering::Greater => (KeyState::Next, None),
        }));
    }
    states
}
