//! The integration tests, one binary: the whole application over HTTP, and its parts against what they talk to.

mod admission;
mod authorization_requests;
mod cli;
mod consent;
mod credential_binding;
mod engines;
mod fresh_login;
mod hostile_homeserver;
mod identity;
mod jobs;
mod keys;
mod login_errors;
mod main_job;
mod redirect_uris;
mod store;
mod support;
mod token_endpoint;
mod upstream;
mod userinfo;
