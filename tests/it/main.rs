//! The integration tests, one binary: the whole application over HTTP, and its parts against what they talk to.

mod authorization_requests;
mod consent;
mod engines;
mod fresh_login;
mod jobs;
mod keys;
mod main_job;
mod redirect_uris;
mod store;
mod support;
mod upstream;
