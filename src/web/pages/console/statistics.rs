//! `/console/statistiques`: a chart with its table, and the tables beside it. The public page shows the totals of the same.

use std::sync::Arc;

use askama::Template;

use super::super::{Layout, date, filters};
use super::{ConsoleLayout, Pages, homeservers};
use crate::domain::homeserver::Way;
use crate::domain::statistics::{Outcome, Report};
use crate::web::i18n::Text;

/// Of one scope.
#[derive(Template)]
#[template(path = "console/statistics.html")]
pub struct StatisticsPage {
    pub layout: ConsoleLayout,
    /// Links to what else this person may see: address and name.
    pub scopes: Vec<(String, String)>,
    /// What is shown; `None`: nothing was chosen yet.
    pub shown: Option<ShownStatistics>,
}

/// The numbers of a scope, in words.
#[derive(Clone, Debug)]
pub struct ShownStatistics {
    /// A service's name or an administration's domain; empty: all.
    pub of: String,
    pub days: i64,
    pub report: Arc<Report>,
    /// A page of the sign-ins by service, by name.
    pub clients: Named,
    pub client_pages: Pages,
    /// A page of those by administration.
    pub administrations: Named,
    pub administration_pages: Pages,
    /// Addresses of other periods, with their days.
    pub periods: Vec<(String, i64)>,
    pub csv_url: String,
    pub json_url: String,
}

/// `/stats`
#[derive(Template)]
#[template(path = "stats.html")]
pub struct PublicStatisticsPage {
    pub layout: Layout,
    /// Days and sign-ins in them.
    pub totals: Vec<(i64, Option<i64>)>,
    pub report: Report,
}

/// Width and height of a chart, in its own units.
const WIDTH: i64 = 720;
const HEIGHT: i64 = 160;

/// The bars of a chart: one path. What is hidden has no bar.
fn bars(groups: &[(i64, Option<i64>)]) -> String {
    let most = groups.iter().filter_map(|(_, count)| *count).max().unwrap_or(0).max(1);
    let step = WIDTH / i64::try_from(groups.len()).unwrap_or(1).max(1);
    let width = (step * 4 / 5).max(1);
    let bar = |(at, (_, count)): (i64, &(i64, Option<i64>))| {
        let height = count.unwrap_or(0) * HEIGHT / most;
        format!("M{} {HEIGHT}v-{height}h{width}v{height}z", at * step)
    };
    (0..).zip(groups).map(bar).collect()
}

/// What a chart shows, from when to when and how high.
fn scale_words(text: &Text, label: &str, groups: &[(i64, Option<i64>)]) -> String {
    let day = |group: Option<&(i64, Option<i64>)>| group.map(|(day, _)| date(text, day)).unwrap_or_default();
    let most = groups.iter().filter_map(|(_, count)| *count).max();
    let (from, through) = (day(groups.first()), day(groups.last()));
    let most = number(text, &most);
    let values = [("what", label), ("from", &from), ("through", &through), ("most", &most)];
    text.with("statistics-scale", &values)
}

fn number(text: &Text, count: &Option<i64>) -> String {
    count.map_or_else(|| text.get("statistics-hidden"), |count| count.to_string())
}

fn way_words(text: &Text, way: &Option<Way>) -> String {
    way.as_ref().map_or_else(
        || text.get("statistics-no-way"),
        |way| homeservers::way_words(text, way),
    )
}

fn outcome_words(text: &Text, outcome: &Outcome) -> String {
    text.get(match outcome {
        Outcome::SignedIn => "statistics-signed-in",
        Outcome::NotAdmitted => "statistics-not-admitted",
        Outcome::Declined => "statistics-declined",
        Outcome::WrongCredentials => "statistics-wrong-credentials",
        Outcome::AccountEnded => "statistics-account-ended",
        Outcome::HomeserverFailed => "statistics-homeserver-failed",
        Outcome::Throttled => "statistics-throttled",
        Outcome::NotAsDemanded => "statistics-not-as-demanded",
    })
}

fn named<'a>(text: &Text, name: &'a str) -> std::borrow::Cow<'a, str> {
    match name {
        "" => text.get("statistics-unknown").into(),
        name => name.into(),
    }
}

/// Groups and their counts.
pub type Named = Vec<(String, Option<i64>)>;

fn days(text: &Text, groups: &[(i64, Option<i64>)]) -> Named {
    groups
        .iter()
        .rev()
        .map(|(day, count)| (date(text, day), *count))
        .collect()
}

fn names(text: &Text, groups: &[(String, Option<i64>)]) -> Named {
    groups
        .iter()
        .map(|(name, count)| (named(text, name).into_owned(), *count))
        .collect()
}

fn ways(text: &Text, groups: &[(Option<Way>, Option<i64>)]) -> Named {
    groups
        .iter()
        .map(|(way, count)| (way_words(text, way), *count))
        .collect()
}

fn reasons(text: &Text, groups: &[(Outcome, Option<i64>)]) -> Named {
    groups
        .iter()
        .map(|(reason, count)| (outcome_words(text, reason), *count))
        .collect()
}
