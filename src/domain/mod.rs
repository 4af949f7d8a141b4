//! What is ours: pure decisions about homeservers, identifiers and identities.

pub mod homeserver;
pub mod identifier;
pub mod identity;
