//! `/console/serveurs`: the list of homeservers, one of them, and the form.

use askama::Template;

use super::super::{ServerState, filters, moment};
use super::ConsoleLayout;
use super::homeserver_test::TestLine;
use crate::domain::homeserver::{Homeserver, WatchWay, Way};
use crate::upstream::Failure;
use crate::web::i18n::Text;

/// The list, in its order.
#[derive(Template)]
#[template(path = "console/homeservers.html")]
pub struct HomeserversPage {
    pub layout: ConsoleLayout,
    pub done: Option<HomeserverDone>,
    pub homeservers: Vec<HomeserverEntry>,
    pub may_edit: bool,
}

/// One line of it.
#[derive(Clone, Debug)]
pub struct HomeserverEntry {
    pub homeserver: Homeserver,
    pub health: ApiHealth,
    /// Of the directory, where it is offered.
    pub directory: Option<ApiHealth>,
}

/// What this process knows of one of a homeserver's interfaces. Times are Unix seconds.
#[derive(Clone, Copy, Debug)]
pub struct ApiHealth {
    pub state: ServerState,
    pub last_success: Option<i64>,
    pub last_failure: Option<(i64, Failure)>,
}

/// One homeserver.
#[derive(Template)]
#[template(path = "console/homeserver.html")]
pub struct HomeserverPage {
    pub layout: ConsoleLayout,
    /// `/console/serveurs/nom/…`
    pub address: String,
    pub entry: HomeserverEntry,
    pub discovered: Discovered,
    /// What came of the test that was asked for.
    pub test: Option<Vec<TestLine>>,
    pub notice: Option<HomeserverNotice>,
    pub may_edit: bool,
    /// Stands for the version shown.
    pub version: String,
    /// Whether the configuration holds a token for the watch. Never the token.
    pub has_watch_token: bool,
}

/// What homeserver and logins have shown.
#[derive(Clone, Debug, Default)]
pub struct Discovered {
    /// What it published when it was last asked in this process: `Some(None)` is no OAuth 2.0.
    pub service: Option<Option<String>>,
    /// The issuer that logins hold it to.
    pub pinned: Option<String>,
    /// Our client there, registered by ourselves.
    pub client_id: Option<String>,
}

/// The form.
#[derive(Template)]
#[template(path = "console/homeserver_form.html")]
pub struct HomeserverFormPage {
    pub layout: ConsoleLayout,
    pub action: String,
    pub form: HomeserverForm,
    /// The fields that are wrong, in their order on the page.
    pub errors: Vec<&'static str>,
    pub notice: Option<HomeserverNotice>,
    /// What is stored, when it is not what the form was filled with.
    pub stored: Option<Homeserver>,
}

/// What was typed, or is stored.
#[derive(Clone, Debug, Default)]
pub struct HomeserverForm {
    /// Empty: it is asked for first.
    pub name: String,
    pub label: String,
    pub base_url: String,
    /// In the order of preference; an empty one is none.
    pub ways: [String; 3],
    pub guests: bool,
    /// One a line.
    pub email_domains: String,
    pub directory: bool,
    pub sso_always_asks: bool,
    pub recreated_by_address: bool,
    pub oauth_client_id: String,
    pub oauth_issuer: String,
    pub watch_way: String,
    pub watch_base_url: String,
    pub watch_client_id: String,
    /// Stands for the version that is changed; empty for a new one.
    pub version: String,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HomeserverDone {
    Saved,
    Moved,
    Retired,
}

/// What is to be said besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HomeserverNotice {
    Exists,
    Changed,
    Deleted,
    NotConfirmed,
    /// Whoever does it could not sign in any more.
    LocksOut,
    /// Another test is under way.
    Busy,
}

impl HomeserverDone {
    pub const ALL: [Self; 3] = [Self::Saved, Self::Moved, Self::Retired];

    /// As it stands in the page's address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Saved => "enregistre",
            Self::Moved => "deplace",
            Self::Retired => "retire",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|done| done.as_str() == text)
    }

    fn words(self, text: &Text) -> String {
        text.get(match self {
            Self::Saved => "console-homeservers-done-saved",
            Self::Moved => "console-homeservers-done-moved",
            Self::Retired => "console-homeservers-done-retired",
        })
    }
}

impl HomeserverNotice {
    fn words(self, text: &Text) -> String {
        text.get(match self {
            Self::Exists => "console-homeservers-exists",
            Self::Changed => "console-homeservers-changed",
            Self::Deleted => "console-homeservers-deleted",
            Self::NotConfirmed => "console-homeservers-not-confirmed",
            Self::LocksOut => "console-homeservers-locks-out",
            Self::Busy => "console-homeservers-busy",
        })
    }
}

impl HomeserverFormPage {
    fn error(&self, field: &str) -> Option<String> {
        let is_wrong = self.errors.contains(&field);
        is_wrong.then(|| {
            self.layout.text.get(match field {
                "name" => "console-homeservers-wrong-name",
                "label" => "console-homeservers-wrong-label",
                "base_url" | "watch_base_url" => "console-homeservers-wrong-url",
                "ways" => "console-homeservers-wrong-ways",
                "email_domains" => "console-homeservers-wrong-domains",
                "oauth_client_id" | "watch_client_id" => "console-homeservers-wrong-client",
                "watch_way" => "console-homeservers-wrong-watch",
                _ => "console-homeservers-wrong-issuer",
            })
        })
    }

    fn is_first(&self, field: &str) -> bool {
        self.notice.is_none() && self.errors.first() == Some(&field)
    }

    /// The id of a field's error, where the page's own patterns do not write it.
    fn error_id(&self, field: &str) -> String {
        match self.is_first(field) {
            true => "error-message".to_owned(),
            false => format!("{field}-error"),
        }
    }

    fn is_new(&self) -> bool {
        self.form.version.is_empty()
    }
}

impl ApiHealth {
    fn words(&self, text: &Text) -> String {
        self.state.words(text)
    }

    fn failure_words(&self, text: &Text) -> Option<String> {
        let (at, failure) = self.last_failure?;
        let what = match failure {
            Failure::Timeout => text.get("console-homeservers-failure-timeout"),
            Failure::Connect => text.get("console-homeservers-failure-connect"),
            Failure::Broken => text.get("console-homeservers-failure-broken"),
            Failure::Status(status) => {
                text.with("console-homeservers-failure-status", &[("status", &status.to_string())])
            }
        };
        Some(text.with(
            "console-homeservers-failure-at",
            &[("at", &moment(text, at)), ("what", &what)],
        ))
    }
}

/// A way in, in a few words.
pub fn way_words(text: &Text, way: &Way) -> String {
    text.get(match way {
        Way::OAuth => "console-way-oauth",
        Way::Sso => "console-way-sso",
        Way::Password => "console-way-password",
    })
}

/// Ways in their order.
fn ways_words(text: &Text, homeserver: &Homeserver) -> String {
    let each = homeserver.ways.iter().map(|way| way_words(text, way));
    each.collect::<Vec<_>>().join(" → ")
}

fn watch_words(text: &Text, way: &WatchWay) -> String {
    text.get(match way {
        WatchWay::AccountStatus => "console-watch-account-status",
        WatchWay::SynapseAdmin => "console-watch-synapse",
        WatchWay::MasAdmin => "console-watch-mas",
    })
}

fn yes_no(text: &Text, value: &bool) -> String {
    text.get(if *value { "console-yes" } else { "console-no" })
}

/// The ways of the watch with their names in documents.
const WATCH_WAYS: [(&str, WatchWay); 3] = [
    ("account_status", WatchWay::AccountStatus),
    ("synapse_admin", WatchWay::SynapseAdmin),
    ("mas_admin", WatchWay::MasAdmin),
];

impl HomeserverForm {
    /// The way of the watch that was chosen; an error for one that there is not.
    pub fn watch_way(&self) -> Result<Option<WatchWay>, ()> {
        if self.watch_way.is_empty() {
            return Ok(None);
        }
        let found = WATCH_WAYS.iter().find(|(name, _)| *name == self.watch_way);
        found.map(|(_, way)| Some(*way)).ok_or(())
    }

    /// The name of a way of the watch.
    pub fn watch_name(way: Option<WatchWay>) -> String {
        let found = WATCH_WAYS.iter().find(|(_, known)| Some(*known) == way);
        found.map(|(name, _)| (*name).to_owned()).unwrap_or_default()
    }
}

/// Day and time, for what a template has bound.
fn instant(text: &Text, at: &i64) -> String {
    moment(text, *at)
}
