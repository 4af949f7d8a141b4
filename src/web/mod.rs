//! The web shell: axum handlers that parse, load, let the core decide, save and answer; and the pages they show.

pub mod error;
pub mod form;
mod health;
pub mod i18n;
mod layers;
mod login;
mod oidc;
mod person;
pub mod pages;
mod routes;
pub mod theme;
mod visitor;

pub use routes::router;
