//! The public keys of a client (RFC 7517): what of its JWK Set can verify signatures, and which key is meant.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::client::SigningAlg;

/// Longest JWK Set accepted, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;
const MAX_KEYS: usize = 50;

/// Members that only private and symmetric keys have (RFC 7518 §6, RFC 9864's `priv`).
const SECRET_MEMBERS: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// A client's keys for signatures; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKeys(Vec<PublicKey>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct PublicKey {
    kid: Option<String>,
    /// What it may verify.
    algs: Vec<SigningAlg>,
    /// The members that make the key, and no others.
    jwk: Value,
}

/// Why a JWK Set cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwkSetError {
    /// Not a JWK Set.
    #[error("not a JWK Set: expected an object with the member keys, a list of at most 50 objects")]
    Malformed,
    /// Longer than [`MAX_BYTES`].
    #[error("too long: at most 64 kilobytes")]
    TooLong,
    /// A private or symmetric key: it is no secret any more.
    #[error("it holds a private or symmetric key: replace that key, and publish only the public half of the new one")]
    Private,
    /// RSA below 2048 bits (RFC 7518 §3.3).
    #[error("an RSA key has fewer than 2048 bits")]
    Weak,
    /// RFC 7517 §4.5.
    #[error("two keys have the same kid")]
    RepeatedKid,
    /// Nothing in it verifies signatures by an algorithm of ours.
    #[error("no key in it is for signatures by RS256, PS256 (RSA), ES256 (P-256) or EdDSA (Ed25519)")]
    Useless,
}

impl PublicKeys {
    /// Reads a JWK Set. Keys for encryption and of kinds unknown here are passed over (RFC 7517 §5), unless they are
    /// private.
    ///
    /// # Errors
    /// [`JwkSetError`].
    pub fn parse(set: &Value) -> Result<Self, JwkSetError> {
        let keys = set
            .get("keys")
            .and_then(Value::as_array)
            .ok_or(JwkSetError::Malformed)?;
        if keys.len() > MAX_KEYS {
            return Err(JwkSetError::Malformed);
        }
        let mut found = Vec::new();
        let mut kids = BTreeSet::new();
        for key in keys {
            let key = key.as_object().ok_or(JwkSetError::Malformed)?;
            if SECRET_MEMBERS.iter().any(|member| key.contains_key(*member)) || key.get("kty") == Some(&json!("oct")) {
                return Err(JwkSetError::Private);
            }
            let Some(key) = PublicKey::read(key)? else { continue };
            if key.kid.as_ref().is_some_and(|kid| !kids.insert(kid.clone())) {
                return Err(JwkSetError::RepeatedKid);
            }
            found.push(key);
        }
        match found.is_empty() {
            true => Err(JwkSetError::Useless),
            false => Ok(Self(found)),
        }
    }

    /// Whether a set can be registered.
    ///
    /// # Errors
    /// [`JwkSetError`].
    pub fn registrable(set: &Value) -> Result<(), JwkSetError> {
        Self::from_slice(set.to_string().as_bytes()).map(drop)
    }

    /// Reads the text of a JWK Set.
    ///
    /// # Errors
    /// [`JwkSetError`].
    pub fn from_slice(text: &[u8]) -> Result<Self, JwkSetError> {
        if text.len() > MAX_BYTES {
            return Err(JwkSetError::TooLong);
        }
        Self::parse(&serde_json::from_slice(text).map_err(|_| JwkSetError::Malformed)?)
    }

    /// The key that a signature by `alg` under `kid` was made with; without a `kid` only a single key can be meant (Core
    /// §10.1).
    pub fn find(&self, kid: Option<&str>, alg: SigningAlg) -> Option<&Value> {
        let mut fitting = self
            .0
            .iter()
            .filter(|key| key.algs.contains(&alg) && (kid.is_none() || key.kid.as_deref() == kid));
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Some(&key.jwk),
            _ => None,
        }
    }
}

impl PublicKey {
    fn read(key: &Map<String, Value>) -> Result<Option<Self>, JwkSetError> {
        let text = |name: &str| key.get(name).and_then(Value::as_str);
        let bytes = |name: &str| text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        let is_32 = |name: &str| bytes(name).is_some_and(|bytes| bytes.len() == 32);
        let (algs, members): (&[SigningAlg], &[&str]) = match (text("kty"), text("crv")) {
            (Some("RSA"), _) => match (bytes("n").map(|n| bits(&n)), bytes("e")) {
                (Some(8193..), _) | (None, _) | (_, None) => return Ok(None),
                (Some(..2048), _) => return Err(JwkSetError::Weak),
                (Some(_), Some(_)) => (&[SigningAlg::RS256, SigningAlg::PS256], &["kty", "n", "e"]),
            },
            (Some("EC"), Some("P-256")) if is_32("x") && is_32("y") => {
                (&[SigningAlg::ES256], &["kty", "crv", "x", "y"])
            }
            (Some("OKP"), Some("Ed25519")) if is_32("x") => (&[SigningAlg::EdDSA], &["kty", "crv", "x"]),
            _ => return Ok(None),
        };
        // RFC 7517 §4.2, §4.3: whoever says what a key is for means it.
        let for_signatures = key.get("use").is_none_or(|usage| usage == "sig")
            && key.get("key_ops").is_none_or(|operations| {
                operations
                    .as_array()
                    .is_some_and(|several| several.iter().any(|one| one == "verify"))
            });
        let algs: Vec<_> = algs
            .iter()
            .copied()
            .filter(|alg| key.get("alg").is_none_or(|named| named == alg.as_str()))
            .collect();
        if !for_signatures || algs.is_empty() {
            return Ok(None);
        }
        let members = members
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), key.get(*name)?.clone())));
        Ok(Some(Self {
            kid: text("kid").map(str::to_owned),
            algs,
            jwk: Value::Object(members.collect()),
        }))
    }
}

/// How many bits a number has that is written in bytes, the most significant first.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let rest = &number[zeros..];
    rest.first()
        .map_or(0, |first| rest.len() * 8 - first.leading_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rsa(bytes: usize) -> Value {
        json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode(vec![0xff; bytes]), "e": "AQAB"})
    }

    fn ec() -> Value {
        let half = URL_SAFE_NO_PAD.encode([1; 32]);
        json!({"kty": "EC", "crv": "P-256", "x": half, "y": half})
    }

    fn with(mut key: Value, members: Value) -> Value {
        let Value::Object(members) = members else {
            panic!("an object")
        };
        key.as_object_mut().unwrap().extend(members);
        key
    }

    fn parse(keys: &[Value]) -> Result<PublicKeys, JwkSetError> {
        PublicKeys::parse(&json!({ "keys": keys }))
    }

    #[test]
    fn a_key_is_found_by_kid_and_algorithm() {
        let keys = parse(&[
            with(rsa(256), json!({"kid": "r", "use": "sig"})),
            with(rsa(256), json!({"kid": "p", "alg": "PS256"})),
            with(ec(), json!({"kid": "e", "key_ops": ["verify"], "x5c": ["junk"]})),
            json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode([1; 32])}),
            with(ec(), json!({"kid": "e", "use": "enc"})),
            json!({"kty": "OKP", "crv": "X25519", "x": "AA"}),
            json!({"kty": "AKP", "pub": "AA"}),
            json!({}),
        ])
        .unwrap();
        use SigningAlg::{ES256, EdDSA, PS256, RS256};
        for (kid, alg, found) in [
            (Some("r"), RS256, true),
            (Some("r"), PS256, true),
            (Some("p"), PS256, true),
            (Some("p"), RS256, false),
            (Some("r"), ES256, false),
            (Some("e"), ES256, true),
            (Some("x"), ES256, false),
            (None, ES256, true),
            (None, EdDSA, true),
            (None, RS256, true),
            (None, PS256, false),
        ] {
            assert_eq!(keys.find(kid, alg).is_some(), found, "{kid:?} {alg:?}");
        }
        let names: Vec<_> = keys
            .find(Some("e"), ES256)
            .unwrap()
            .as_object()
            .unwrap()
            .keys()
            .collect();
        assert_eq!(names, ["crv", "kty", "x", "y"]);
    }

    #[test]
    fn what_is_private_weak_or_useless_is_refused() {
        for (keys, error) in [
            (vec![with(ec(), json!({"d": "AA"}))], JwkSetError::Private),
            (
                vec![ec(), with(rsa(256), json!({"use": "enc", "p": "AA"}))],
                JwkSetError::Private,
            ),
            (vec![ec(), json!({"kty": "oct", "k": "c2VjcmV0"})], JwkSetError::Private),
            (vec![ec(), json!({"kty": "oct"})], JwkSetError::Private),
            (vec![ec(), json!({"kty": "AKP", "priv": "AA"})], JwkSetError::Private),
            (vec![rsa(255)], JwkSetError::Weak),
            (
                vec![with(ec(), json!({"kid": "a"})), with(rsa(256), json!({"kid": "a"}))],
                JwkSetError::RepeatedKid,
            ),
            (vec![], JwkSetError::Useless),
            (vec![with(ec(), json!({"use": "enc"}))], JwkSetError::Useless),
            (vec![with(ec(), json!({"key_ops": ["encrypt"]}))], JwkSetError::Useless),
            (vec![with(ec(), json!({"alg": "ES384"}))], JwkSetError::Useless),
            (vec![with(rsa(256), json!({"alg": "ES256"}))], JwkSetError::Useless),
            (vec![with(ec(), json!({"crv": "P-384"}))], JwkSetError::Useless),
            (vec![with(ec(), json!({"x": "AA"}))], JwkSetError::Useless),
            (vec![rsa(1025)], JwkSetError::Useless),
            (vec![json!("key")], JwkSetError::Malformed),
            (vec![ec(); 51], JwkSetError::Malformed),
        ] {
            assert_eq!(parse(&keys).unwrap_err(), error, "{keys:?}");
        }
        for set in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":null}"#] {
            assert_eq!(
                PublicKeys::from_slice(set.as_bytes()),
                Err(JwkSetError::Malformed),
                "{set}"
            );
        }
        assert_eq!(
            PublicKeys::from_slice(&vec![b' '; MAX_BYTES + 1]),
            Err(JwkSetError::TooLong)
        );
    }

    #[test]
    fn leading_zeros_are_no_bits() {
        assert_eq!(
            (bits(&[0, 0, 1, 0]), bits(&[0x80, 0]), bits(&[0]), bits(&[])),
            (9, 16, 0, 0)
        );
    }
}
