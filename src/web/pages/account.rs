//! The agent's own page, and the history of sign-ins.

use askama::Template;

use super::console::Pages;
use super::{ConsentKind, Layout, filters, moment, way_words};
use crate::domain::homeserver::Way;
use crate::web::i18n::Text;

/// What an agent has given to whom, and the sessions. Its forms post `shown` as given.
#[derive(Template)]
#[template(path = "account.html")]
pub struct AccountPage {
    pub layout: Layout,
    /// What the agent just did.
    pub done: Option<Done>,
    /// Stands for the session shown, for the handlers to compare.
    pub shown: String,
    /// Display name; the Matrix id when there is none.
    pub name: String,
    pub matrix_id: String,
    pub email: Option<String>,
    pub services: Vec<ServiceEntry>,
    pub service_pages: Pages,
    pub sessions: Vec<SessionEntry>,
    pub session_pages: Pages,
    /// Ends all sessions but this one.
    pub others_action: String,
    /// The last ones.
    pub sign_ins: Vec<SignInEntry>,
    /// Where more of them are, if there are.
    pub history_url: Option<String>,
    pub data_url: String,
}

/// A page of the history.
#[derive(Template)]
#[template(path = "account_history.html")]
pub struct HistoryPage {
    pub layout: Layout,
    pub back_url: String,
    pub sign_ins: Vec<SignInEntry>,
    pub newest_url: Option<String>,
    pub older_url: Option<String>,
}

/// What an agent did on their page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    Withdrawn,
    SessionEnded,
    OthersEnded,
}

impl Done {
    pub const ALL: [Done; 3] = [Done::Withdrawn, Done::SessionEnded, Done::OthersEnded];

    /// As it stands in the page's address.
    pub fn as_str(self) -> &'static str {
        match self {
            Done::Withdrawn => "retrait",
            Done::SessionEnded => "session",
            Done::OthersEnded => "sessions",
        }
    }

    pub fn parse(text: &str) -> Option<Done> {
        Done::ALL.into_iter().find(|done| done.as_str() == text)
    }

    fn words(self, text: &Text) -> String {
        text.get(match self {
            Done::Withdrawn => "account-done-withdrawn",
            Done::SessionEnded => "account-done-session",
            Done::OthersEnded => "account-done-sessions",
        })
    }
}

/// A service that knows something of the agent. Times are Unix seconds.
#[derive(Clone, Debug)]
pub struct ServiceEntry {
    pub name: String,
    /// Address of our copy of its logo.
    pub logo: Option<String>,
    pub since: i64,
    pub last_used: i64,
    /// What it was given.
    pub kinds: Vec<ConsentKind>,
    /// Where it may act in the agent's name.
    pub places: Vec<String>,
    /// Takes it back.
    pub action: String,
}

impl ServiceEntry {
    fn given(&self, text: &Text) -> Vec<String> {
        let kinds = self.kinds.iter().map(|kind| text.get(kind.key()));
        let places = self
            .places
            .iter()
            .map(|place| format!("{} {place}", text.get(ConsentKind::Resource.key())));
        kinds.chain(places).collect()
    }
}

/// A browser session. Times are Unix seconds.
#[derive(Clone, Debug)]
pub struct SessionEntry {
    pub way: Way,
    pub begun_at: i64,
    pub ends_at: i64,
    /// Ends it; `None` for the one that looks at the page.
    pub action: Option<String>,
}

/// A sign-in to a service.
#[derive(Clone, Debug)]
pub struct SignInEntry {
    pub service: String,
    pub way: Way,
    /// Unix seconds.
    pub at: i64,
}
