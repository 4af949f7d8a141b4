//! Tchap Connect: an OpenID Connect provider backed by Tchap (Matrix) accounts.
//!
//! The map, and the one rule: arrows point left only.
//!
//! ```text
//! protocol  <-  domain  <-  egress, store  <-  upstream, keys  <-  web | jobs  <-  cli, main
//!  (pure)       (pure)              (the outside world)               (the shell)
//! ```
//! `clock`, `secret`, `tls` and `config` are the floor that everything may stand on.
#![warn(missing_docs)]

pub mod account;
pub mod app;
pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
pub mod domain;
pub mod egress;
pub mod jobs;
pub mod keys;
pub mod protocol;
pub mod secret;
pub mod statistics;
pub mod store;
pub mod tls;
pub mod upstream;
pub mod web;
