//! `/console/cles`: the signing keys.

use askama::Template;

use super::super::{filters, moment};
use super::ConsoleLayout;
use crate::keys::{KeyInfo, KeyState};
use crate::web::i18n::Text;

/// The page. Times are Unix seconds.
#[derive(Template)]
#[template(path = "console/keys.html")]
pub struct KeysPage {
    pub layout: ConsoleLayout,
    pub done: Option<KeysDone>,
    pub problem: Option<KeysProblem>,
    pub keys: Vec<KeyInfo>,
    pub now: i64,
    /// When the next keys are made by themselves; `None`: by command only.
    pub next_rotation: Option<i64>,
    /// When the newest keys were published.
    pub published_at: i64,
    /// How often the key set was fetched since.
    pub fetches: i64,
    pub may_edit: bool,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysDone {
    Rotated,
    Withdrawn,
}

/// What was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysProblem {
    /// The key is not retired, or gone.
    NotRetired,
    /// To sign with new keys at once was not confirmed.
    NotConfirmed,
}

impl KeysDone {
    pub const ALL: [Self; 2] = [Self::Rotated, Self::Withdrawn];

    /// As it stands in the page's address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rotated => "renouvellement",
            Self::Withdrawn => "retrait",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|done| done.as_str() == text)
    }

    fn words(self, text: &Text) -> String {
        text.get(match self {
            Self::Rotated => "console-keys-done-rotated",
            Self::Withdrawn => "console-keys-done-withdrawn",
        })
    }
}

impl KeysProblem {
    fn words(self, text: &Text) -> String {
        text.get(match self {
            Self::NotRetired => "console-keys-not-retired",
            Self::NotConfirmed => "console-keys-not-confirmed",
        })
    }
}

impl KeysPage {
    /// A key is on its way already.
    fn has_next(&self) -> bool {
        self.keys.iter().any(|key| key.state == KeyState::Next)
    }

    fn age(&self, key: &KeyInfo) -> String {
        let days = (self.now - key.created_at).max(0) / 86_400;
        self.layout.text.count("console-keys-days", days.unsigned_abs())
    }

    fn fetched(&self) -> String {
        self.layout
            .text
            .count("console-keys-fetches", self.fetches.max(0).unsigned_abs())
    }
}

fn is_retired(key: &KeyInfo) -> bool {
    key.state == KeyState::Retired
}

fn state_badge(key: &KeyInfo) -> &'static str {
    match key.state {
        KeyState::Next => "new",
        KeyState::Active => "success",
        KeyState::Retired => "info",
    }
}

fn state_words(text: &Text, key: &KeyInfo) -> String {
    text.get(match key.state {
        KeyState::Next => "console-keys-next",
        KeyState::Active => "console-keys-active",
        KeyState::Retired => "console-keys-retired",
    })
}

/// Day and time, for what a template has bound.
fn instant(text: &Text, at: &i64) -> String {
    moment(text, *at)
}
