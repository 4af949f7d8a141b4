//! Homeservers (placeholder: the upstream work brings the whole file).

use serde::{Deserialize, Serialize};

/// A way to sign in at a homeserver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// `m.login.sso`.
    Sso,
    /// `m.login.password`.
    Password,
}

/// A homeserver on our list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Homeserver {
    /// Matrix server name.
    pub name: String,
    /// What agents read.
    pub label: String,
    /// Base of the client API, no trailing slash.
    pub base_url: String,
    /// The guests' server.
    #[serde(default)]
    pub guests: bool,
    /// Ways switched on, in order of preference.
    pub ways: Vec<Way>,
    /// E-mail domains (with their subdomains) that this server is entitled to.
    #[serde(default)]
    pub email_domains: Vec<String>,
    /// Offers the identity info endpoint.
    #[serde(default)]
    pub directory: bool,
    /// Its SSO always asks for the credentials again.
    #[serde(default)]
    pub sso_always_asks: bool,
    /// The same address with a newer `added_at` is a recreated account.
    #[serde(default)]
    pub recreated_by_address: bool,
}
