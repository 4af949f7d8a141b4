//! The integration tests, one binary.

mod engines;
mod jobs;
mod keys;
mod store;
