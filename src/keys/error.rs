//! What can go wrong with signing keys, in words for the operator.

use crate::secret::SecretError;
use crate::store::StoreError;

/// What can go wrong with signing keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The sealing key is not the one that this database was sealed with.
    #[error(
        "this is not the sealing key of this database: it was sealed with the key of fingerprint {stored}, the one \
         given has fingerprint {given}. Give the former key back; nothing was changed"
    )]
    WrongSealingKey {
        /// Fingerprint of the key that the database knows.
        stored: String,
        /// Fingerprint of the key given.
        given: String,
    },
    /// A sealed key cannot be opened, or the system has no randomness.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A key could not be made, read or used.
    #[error("a signing key could not be made, read or used")]
    Crypto,
    /// There is no key of this algorithm.
    #[error("there is no {0} signing key")]
    Missing(&'static str),
    /// The key is unknown, or nothing has replaced it.
    #[error(
        "{0} is not a retired key: see `keys list`. A key that signs, or is about to, is replaced first: `keys rotate \
         --now`"
    )]
    NotRetired(String),
    /// The claims cannot be written as JSON.
    #[error("the claims are not JSON")]
    Claims,
    /// The token is malformed, of another algorithm, or not signed by a key of ours.
    #[error("the token was not signed by a key of this provider")]
    Token,
}
