//! The pages that agents see: plain data in, HTML out (askama, `templates/`). They know nothing of requests, flows or
//! the database. Markup uses DSFR class names; every input, button and message has a stable `id`; no script.

mod account;
mod consent;
pub mod console;
mod filters;
mod login;
mod logout;
mod problem;
mod service;
mod status;

use std::sync::Arc;

use askama::Template;

pub use account::{AccountPage, Done, HistoryPage, ServiceEntry, SessionEntry, SignInEntry};
pub use consent::{ConsentItem, ConsentKind, ConsentPage};
pub use login::{
    ChooseAccountPage, ConfirmAccountPage, IdentifierError, IdentifierPage, PasswordError, PasswordPage, SsoPage,
};
pub use logout::{LogoutPage, SignedOutPage, StillSignedInPage};
pub use problem::{ErrorKind, ErrorPage, ProblemPage, branch, more_admitted, population};
pub use service::Service;
pub use status::{ServerState, ServerStatus, StatusPage};

use super::i18n::{Language, Text};
use super::theme::Theme;
use crate::domain::audit::{day_date, day_name, day_of};
use crate::domain::homeserver::Way;

/// Addresses of the pages that a public service must have; from the configuration, each shown only when set.
#[derive(Clone, Debug, Default)]
pub struct FooterLinks {
    pub accessibility: Option<String>,
    pub legal: Option<String>,
    pub privacy: Option<String>,
}

/// What surrounds every page.
#[derive(Clone, Debug)]
pub struct Layout {
    pub text: Text,
    pub theme: Arc<Theme>,
    pub footer: Arc<FooterLinks>,
    /// Path and query of this page as seen by the browser, where a switch of language comes back to.
    pub here: String,
}

impl Layout {
    /// The link that shows this page in the other language: `here` with `lang=` set.
    fn switch_url(&self) -> String {
        let (path, query) = self.here.split_once('?').unwrap_or((&self.here, ""));
        let kept = query
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.starts_with("lang="));
        let lang = format!("lang={}", self.text.language().other());
        let query = kept.chain([lang.as_str()]).collect::<Vec<_>>().join("&");
        // One leading slash: `//host/` would leave this site.
        format!("/{}?{query}", path.trim_start_matches(['/', '\\']))
    }

    /// The title of the browser tab; on an error it says so first (RGAA 8.6).
    fn title(&self, step: String, error: bool) -> String {
        let step = if error {
            self.text.with("title-error", &[("title", &step)])
        } else {
            step
        };
        self.text.with("title", &[("title", &step)])
    }

    fn other_language(&self) -> Language {
        self.text.language().other()
    }
}

/// `/`: for whoever lands here without a service.
#[derive(Template)]
#[template(path = "home.html")]
pub struct HomePage {
    pub layout: Layout,
    /// Address of the discovery document, for developers.
    pub discovery_url: String,
}

/// An authorization response by form_post: sent on at once by a script, else by a click.
#[derive(Template)]
#[template(path = "form_post.html")]
pub struct FormPostPage {
    pub layout: Layout,
    /// The verified redirect URI.
    pub action: String,
    pub members: Vec<(&'static str, String)>,
}

/// A duration to wait, in words: seconds up to two minutes, then minutes, rounded up.
fn wait(text: &Text, seconds: Option<u64>) -> String {
    match seconds {
        None | Some(0) => text.get("wait-unknown"),
        Some(seconds @ 1..=120) => text.count("wait-seconds", seconds),
        Some(3601..) => text.get("wait-long"),
        Some(seconds) => text.count("wait-minutes", seconds.div_ceil(60)),
    }
}

fn way_words(text: &Text, way: Way) -> String {
    text.get(match way {
        Way::OAuth => "way-oauth",
        Way::Sso => "way-sso",
        Way::Password => "way-password",
    })
}

/// Day and time (UTC) of a time in Unix seconds.
fn moment(text: &Text, unix_seconds: i64) -> String {
    let time = unix_seconds.rem_euclid(86_400);
    let time = format!("{:02}:{:02}", time / 3600, time % 3600 / 60);
    let date = date(text, &day_of(unix_seconds));
    text.with("value-moment", &[("date", &date), ("time", &time)])
}

/// A day, given in days since 1970-01-01.
fn date(text: &Text, &day: &i64) -> String {
    let Some(date) = day_date(day) else {
        return day_name(day);
    };
    let two = |number: u8| format!("{number:02}");
    let (day, month) = (two(date.day()), two(u8::from(date.month())));
    let values = [("day", &*day), ("month", &month), ("year", &date.year().to_string())];
    text.with("value-date", &values)
}

#[cfg(test)]
mod account_samples;
#[cfg(test)]
mod api_samples;
#[cfg(test)]
mod catalogue_samples;
#[cfg(test)]
mod console_samples;
#[cfg(test)]
mod records_samples;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod services_samples;
#[cfg(test)]
mod tests;
