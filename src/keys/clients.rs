//! What clients sign: the one place where their signatures are verified (assertions, request objects).

use std::sync::Arc;

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::Jwk;
use serde_json::{Map, Value};

use super::remote::RemoteKeys;
use super::{Keys, verify_signature};
use crate::egress::Fetcher;
use crate::protocol::client::{Client, SigningAlg};
use crate::protocol::jwk::PublicKeys;
use crate::protocol::jws::{self, Header, Reason, Verified};

/// The public keys of all clients.
#[derive(Debug, Clone)]
pub struct ClientSignatures {
    ours: Arc<Keys>,
    remote: RemoteKeys,
}

impl ClientSignatures {
    /// With what fetches their `jwks_uri`.
    pub fn new(ours: Arc<Keys>, fetcher: Fetcher) -> Self {
        Self {
            ours,
            remote: RemoteKeys::new(fetcher),
        }
    }

    /// Verifies the signature of a JWT with the key of the client that its header names, by exactly the algorithm
    /// `registered`, or by any that this provider knows. Without a client the same work is done in vain. The caller
    /// checks the claims.
    ///
    /// # Errors
    /// What is wrong, for the log.
    pub async fn verify(
        &self,
        client: Option<&Client>,
        token: &str,
        registered: Option<SigningAlg>,
        now: i64,
    ) -> Result<Verified, Reason> {
        let header = jws::header(token)?;
        if registered.is_some_and(|alg| alg != header.alg) {
            return Err("it is not signed with the algorithm that the client registered");
        }
        let found = match client {
            Some(client) => self.key(client, &header, now).await,
            None => Err("there is no such client"),
        };
        // Where there is no key, one of ours stands in, so that no client and a wrong key take as long.
        let key = match &found {
            Ok(key) => Some(key.clone()),
            Err(_) => self.stand_in(header.alg, now),
        };
        let claims = key.and_then(|key| verified_claims(token, key, header.alg));
        found?;
        Ok(Verified {
            typ: header.typ,
            claims: claims.ok_or("its signature is wrong")?,
        })
    }

    async fn key(&self, client: &Client, header: &Header, now: i64) -> Result<Value, Reason> {
        let kid = header.kid.as_deref();
        match (&client.keys.jwks, &client.keys.jwks_uri) {
            (Some(set), _) => {
                let keys = PublicKeys::parse(set).map_err(|_| "the client's jwks cannot be used")?;
                keys.find(kid, header.alg)
                    .cloned()
                    .ok_or("its key is not among the client's jwks")
            }
            (None, Some(uri)) => self.remote.find(uri, kid, header.alg, now).await,
            (None, None) => Err("the client has no keys"),
        }
    }

    fn stand_in(&self, alg: SigningAlg, now: i64) -> Option<Value> {
        let ours = self.ours.jwks(now);
        let mut keys = ours.get("keys")?.as_array()?.iter();
        keys.find(|key| key.get("alg").is_some_and(|named| named == alg.as_str()))
            .cloned()
    }
}

fn verified_claims(token: &str, key: Value, alg: SigningAlg) -> Option<Map<String, Value>> {
    let jwk: Jwk = serde_json::from_value(key).ok()?;
    verify_signature(token, &DecodingKey::from_jwk(&jwk).ok()?, alg).ok()
}
