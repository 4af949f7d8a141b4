//! What is fuzzed, one target per kind of input. The tests run the seeds through the same functions (`tests/it/fuzz.rs`).

mod files;
mod identifiers;
mod registration;
mod requests;
mod tokens;

/// A target panics when a promise is broken.
pub type Target = fn(&[u8]);

pub const TARGETS: [(&str, Target); 5] = [
    ("files", files::run),
    ("identifiers", identifiers::run),
    ("registration", registration::run),
    ("requests", requests::run),
    ("tokens", tokens::run),
];
