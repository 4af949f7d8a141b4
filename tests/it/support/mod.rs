//! What the integration tests stand on.

pub mod app;
pub mod auth_service;
pub mod browser;
pub mod chromium;
pub mod client_key;
pub mod documents;
pub mod homeserver;
pub mod html;
pub mod logout_receiver;
pub mod partner_site;
pub mod real;
pub mod registrant;
pub mod relying_party;
pub mod secrets;
pub mod tls;
pub mod watch;

pub use app::{
    EMAIL, JEAN, LOCAL_PART, MARIES_EMAIL, NAME, PASSWORD, SHORT_TIMEOUT, TestApp, client, jean, marie, put_client,
    refreshing, refreshing_public,
};
pub use browser::{Browser, Page};
pub use relying_party::{RelyingParty, WITHOUT};
