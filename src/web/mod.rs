//! The web shell: axum handlers that parse, load, let the core decide, save and answer; and the pages they show.

mod account;
mod api;
mod authors;
mod console;
mod cursor;
mod error;
mod form;
mod health;
mod i18n;
mod layers;
mod login;
pub(crate) mod logo;
mod logout;
mod oidc;
pub(crate) mod pages;
mod person;
mod resources;
mod routes;
mod serve;
mod status;
pub(crate) mod theme;
mod visitor;

pub use serve::{Limits, serve};
