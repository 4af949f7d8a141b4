//! Random values, fingerprints, constant-time equality, sealing at rest, and `Redacted`, the wrapper that keeps
//! a secret out of `Debug` output. All of ring's work in this program is done here.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead;
use ring::digest;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// A secret text: never printed, wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Redacted(String);

impl Redacted {
    /// Wraps a secret.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The secret itself; callers keep it out of logs, URLs and error texts.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Drop for Redacted {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// What went wrong with randomness or sealing. Carries no detail: there is none that helps and is safe to show.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The operating system gave no random bytes.
    #[error("the operating system's random source failed")]
    Random,
    /// The key is not 32 bytes of base64url or hexadecimal.
    #[error("a sealing key is 32 bytes, written as base64url (43 characters) or hexadecimal (64 characters)")]
    KeyForm,
    /// The sealed value was altered, belongs to another row, or was sealed under another key.
    #[error("a sealed value could not be opened with this sealing key")]
    Open,
}

/// `N` random bytes from the operating system.
///
/// # Errors
/// [`SecretError::Random`] when the operating system has none.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], SecretError> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| SecretError::Random)?;
    Ok(bytes)
}

/// A random value of 256 bits as base64url: codes, tokens, client secrets.
///
/// # Errors
/// [`SecretError::Random`].
pub fn random_token() -> Result<String, SecretError> {
    Ok(URL_SAFE_NO_PAD.encode(random_bytes::<32>()?))
}

/// A random identifier of 128 bits as base64url: rows, subjects, incident ids.
///
/// # Errors
/// [`SecretError::Random`].
pub fn random_id() -> Result<String, SecretError> {
    Ok(URL_SAFE_NO_PAD.encode(random_bytes::<16>()?))
}

/// A random `client_id` of 128 bits. Hexadecimal: one that starts with a dash would look like an option to every command.
///
/// # Errors
/// [`SecretError::Random`].
pub fn random_client_id() -> Result<String, SecretError> {
    let digits = random_bytes::<16>()?.map(|byte| format!("{byte:02x}"));
    Ok(digits.concat())
}

/// SHA-256.
pub fn sha256(data: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, data).as_ref());
    hash
}

/// SHA-512.
pub fn sha512(data: &[u8]) -> [u8; 64] {
    let mut hash = [0; 64];
    hash.copy_from_slice(digest::digest(&digest::SHA512, data).as_ref());
    hash
}

/// The SHA-256 of a secret as base64url: the only form in which a secret of ours is stored.
pub fn fingerprint(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(sha256(secret.as_bytes()))
}

/// Equality whose time does not depend on where the texts differ.
pub fn constant_time_eq(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

/// Seals values at rest with AES-256-GCM. The associated data (table and row id) ties a sealed value to its place.
pub struct SealingKey {
    key: aead::LessSafeKey,
    fingerprint: String,
}

impl SealingKey {
    /// Reads a key of 32 bytes written as base64url or hexadecimal.
    ///
    /// # Errors
    /// [`SecretError::KeyForm`].
    pub fn parse(text: &Redacted) -> Result<Self, SecretError> {
        let text = text.expose().trim();
        let mut bytes = if text.len() == 64 {
            decode_hex(text)
        } else {
            URL_SAFE_NO_PAD.decode(text).ok()
        }
        .filter(|bytes| bytes.len() == 32)
        .ok_or(SecretError::KeyForm)?;
        let key = Self::of(&bytes);
        bytes.zeroize();
        key
    }

    /// The key that a token of 256 bits is the only way to. Not its fingerprint, which is stored beside what is sealed.
    ///
    /// # Errors
    /// None that is known.
    pub fn derived_from(token: &Redacted) -> Result<Self, SecretError> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, token.expose().as_bytes());
        Self::of(hmac::sign(&key, b"tchap-connect key of a token").as_ref())
    }

    fn of(bytes: &[u8]) -> Result<Self, SecretError> {
        let key = aead::UnboundKey::new(&aead::AES_256_GCM, bytes).map_err(|_| SecretError::KeyForm)?;
        let fingerprint =
            URL_SAFE_NO_PAD.encode(&sha256(&[b"tchap-connect sealing key".as_slice(), bytes].concat())[..16]);
        Ok(Self {
            key: aead::LessSafeKey::new(key),
            fingerprint,
        })
    }

    /// Tells two keys apart without saying anything of either.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Seals `plain` for the place named by `place` (for example `signing_keys/abc`).
    ///
    /// # Errors
    /// [`SecretError::Random`].
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<String, SecretError> {
        let nonce = random_bytes::<12>()?;
        let mut sealed = plain.to_vec();
        self.key
            .seal_in_place_append_tag(
                aead::Nonce::assume_unique_for_key(nonce),
                aead::Aad::from(place.as_bytes()),
                &mut sealed,
            )
            .map_err(|_| SecretError::Random)?;
        Ok(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// Opens what [`SealingKey::seal`] made for the same place.
    ///
    /// # Errors
    /// [`SecretError::Open`].
    pub fn open(&self, place: &str, sealed: &str) -> Result<Vec<u8>, SecretError> {
        let mut bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| SecretError::Open)?;
        let (nonce, body) = bytes.split_at_mut_checked(12).ok_or(SecretError::Open)?;
        let nonce = aead::Nonce::try_assume_unique_for_key(nonce).map_err(|_| SecretError::Open)?;
        let plain = self
            .key
            .open_in_place(nonce, aead::Aad::from(place.as_bytes()), body)
            .map_err(|_| SecretError::Open)?;
        Ok(plain.to_vec())
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", self.fingerprint)
    }
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text.chars().map(|c| c.to_digit(16)).collect::<Option<_>>()?;
    Some(digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SealingKey {
        SealingKey::parse(&Redacted::new("00".repeat(32))).unwrap()
    }

    #[test]
    fn a_sealed_value_opens_only_in_its_place_and_unaltered() {
        let sealed = key().seal("signing_keys/a", b"secret").unwrap();
        assert_eq!(key().open("signing_keys/a", &sealed).unwrap(), b"secret");
        assert!(key().open("signing_keys/b", &sealed).is_err());
        assert!(key().open("signing_keys/a", &sealed[1..]).is_err());
        let other = SealingKey::parse(&Redacted::new("11".repeat(32))).unwrap();
        assert!(other.open("signing_keys/a", &sealed).is_err());
        assert_ne!(other.fingerprint(), key().fingerprint());
    }

    #[test]
    fn a_value_sealed_under_a_token_opens_with_that_token_only() {
        let of = |token: &str| SealingKey::derived_from(&Redacted::new(token)).unwrap();
        let sealed = of("token").seal("refresh_tokens/a", b"successor").unwrap();
        assert_eq!(of("token").open("refresh_tokens/a", &sealed).unwrap(), b"successor");
        assert!(of("tokem").open("refresh_tokens/a", &sealed).is_err());
        assert!(of(&fingerprint("token")).open("refresh_tokens/a", &sealed).is_err());
    }

    #[test]
    fn a_sealing_key_is_32_bytes_and_nothing_else() {
        assert!(SealingKey::parse(&Redacted::new(random_token().unwrap())).is_ok());
        for bad in ["", "short", &"z".repeat(64), &"é".repeat(32), &"0".repeat(63)] {
            assert!(SealingKey::parse(&Redacted::new(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn secrets_do_not_print() {
        assert_eq!(format!("{:?}", Redacted::new("hush")), "[redacted]");
        assert!(!format!("{:?}", key()).contains("0000"));
    }

    #[test]
    fn fingerprints_are_sha256() {
        // RFC 7636 appendix B: the S256 challenge is the same computation.
        assert_eq!(
            fingerprint("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
        assert!(constant_time_eq("a", "a") && !constant_time_eq("a", "b") && !constant_time_eq("a", "aa"));
    }
}
