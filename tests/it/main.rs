//! The integration tests, one binary: the whole application over HTTP, and its parts against what they talk to.

mod admission;
mod architecture;
mod authorization_requests;
mod cli;
mod consent;
mod credential_binding;
mod discovery;
mod engines;
mod fresh_login;
mod hostile_homeserver;
mod identity;
mod jobs;
mod keys;
mod killed;
mod login_errors;
mod main_job;
mod pages;
mod redirect_uris;
mod secrets_in_logs;
mod skipped_steps;
mod store;
mod support;
mod token_endpoint;
mod upstream;
mod userinfo;
