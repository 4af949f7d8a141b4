//! The integration tests, one binary: the whole application over HTTP, and its parts against what they talk to.

mod browser;
mod cli;
mod engines;
mod jobs;
mod keys;
mod main_job;
mod real_synapse;
mod store;
mod support;
mod upstream;
