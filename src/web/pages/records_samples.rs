//! The journal, the statistics, and a client tried out, in their states.

use std::sync::Arc;

use askama::Template;

use super::console::trial::{ClaimLine, Trial, TrialPage};
use super::console::*;
use super::console_samples::frame;
use super::samples::Sample;
use super::{Language, Layout};
use crate::domain::audit::{Action, Actor, Class, ObjectKind};
use crate::domain::claims::Source;
use crate::domain::homeserver::Way;
use crate::domain::statistics::{DayCount, Outcome, Report};

const NOW: i64 = 1_783_000_000;
const TODAY: i64 = NOW / 86_400;
const MATRIX_ID: &str = "@jean.dupont-beta.gouv.fr:agent.dinum.tchap.gouv.fr";

pub(super) fn samples(layout: &Layout) -> Vec<Sample> {
    let long = "W".repeat(200);
    let mut lines: Vec<_> = Action::ALL.map(|action| line(action.as_str(), MATRIX_ID)).into();
    lines.push(line("thing.of_tomorrow", &long));
    let pages = [
        ("console-journal", journal(layout, lines, "client.created").render()),
        ("console-journal-none", journal(layout, Vec::new(), "").render()),
        (
            "console-statistics",
            statistics(layout, Some("Annuaire des agents"), 40).render(),
        ),
        ("console-statistics-long", statistics(layout, Some(&long), 3).render()),
        ("console-statistics-choice", statistics(layout, None, 0).render()),
        ("stats", public(layout, 40).render()),
        ("stats-hidden", public(layout, 1).render()),
        ("service-trial", trial(layout, None, None).render()),
        (
            "service-trial-claims",
            trial(layout, Some("Jean Dupont [DINUM]"), None).render(),
        ),
        ("service-trial-long", trial(layout, Some(&long), None).render()),
        (
            "service-trial-error",
            trial(layout, None, Some("access_denied")).render(),
        ),
    ];
    let rendered = |(name, page): (&str, askama::Result<String>)| (name.to_owned(), page.expect("the page renders"));
    let mut pages: Vec<_> = pages.into_iter().map(rendered).collect();
    let nothing = StatisticsPage {
        scopes: Vec::new(),
        ..statistics(layout, None, 0)
    };
    pages.push((
        "console-statistics-none".into(),
        nothing.render().expect("the page renders"),
    ));
    pages
}

fn line(action: &str, name: &str) -> JournalLine {
    let party = |kind: &str, name: &str, url: Option<&str>| Party {
        kind: kind.into(),
        name: name.into(),
        url: url.map(str::to_owned),
    };
    JournalLine {
        at: NOW,
        action: action.into(),
        actor: party("agent", name, Some("/console/agents/a")),
        object: party(
            "client",
            "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
            Some("/console/services/a"),
        ),
        detail: vec![
            ("fields".into(), "name, redirect_uris".into()),
            ("reason".into(), name.into()),
        ],
        place: Some("2026-07-02/7".into()),
    }
}

fn journal(layout: &Layout, lines: Vec<JournalLine>, action: &str) -> JournalPage {
    JournalPage {
        layout: frame(layout, &JOURNAL),
        form: JournalForm {
            action: action.into(),
            from: "2026-07-01".into(),
            ..JournalForm::default()
        },
        lines,
        export_url: "/console/journal/export?".into(),
        first_url: Some("/console/journal".into()),
        next_url: Some("/console/journal?suite=x".into()),
    }
}

fn report(most: i64, name: &str) -> Report {
    let count = |day: i64, way, outcome, count| DayCount {
        day,
        way,
        outcome,
        count,
    };
    let mut counts: Vec<_> = (TODAY - 30..TODAY)
        .map(|day| count(day, Some(Way::Sso), Outcome::SignedIn, most * (day % 7)))
        .collect();
    counts.push(count(TODAY - 1, Some(Way::Password), Outcome::SignedIn, most));
    counts.push(count(TODAY - 2, Some(Way::Sso), Outcome::NotAdmitted, most));
    counts.push(count(TODAY - 2, None, Outcome::Declined, 2 * most));
    let total: i64 = counts
        .iter()
        .filter(|one| one.outcome == Outcome::SignedIn)
        .map(|one| one.count)
        .sum();
    let administrations = vec![(name.to_owned(), total - 2 * most), (String::new(), 2 * most)];
    Report::of(
        TODAY - 30,
        TODAY,
        &counts,
        vec![(name.to_owned(), total)],
        administrations,
    )
}

fn pages() -> Pages {
    Pages {
        first_url: Some("/console/statistiques".into()),
        next_url: Some("/console/statistiques?services=x".into()),
    }
}

fn statistics(layout: &Layout, of: Option<&str>, most: i64) -> StatisticsPage {
    let periods = [30, 7, 365].map(|days| ("/console/statistiques?jours=30".into(), days));
    StatisticsPage {
        layout: frame(layout, &STATISTICS),
        scopes: vec![
            (
                "/console/statistiques?administration=beta.gouv.fr".into(),
                "beta.gouv.fr".into(),
            ),
            (
                "/console/statistiques?service=a".into(),
                of.unwrap_or("Annuaire").into(),
            ),
        ],
        shown: of.map(|of| ShownStatistics {
            of: of.into(),
            days: 30,
            report: Arc::new(report(most, of)),
            clients: report(most, of).clients.groups,
            client_pages: pages(),
            administrations: report(most, of).administrations.groups,
            administration_pages: pages(),
            periods: periods.to_vec(),
            csv_url: "/console/statistiques/export?format=csv".into(),
            json_url: "/console/statistiques/export?format=json".into(),
        }),
    }
}

fn public(layout: &Layout, most: i64) -> PublicStatisticsPage {
    let report = report(most, "");
    PublicStatisticsPage {
        layout: layout.clone(),
        totals: vec![(30, report.signed_in.total), (365, report.signed_in.total)],
        report,
    }
}

/// Also for hostile values.
fn trial(layout: &Layout, name: Option<&str>, error: Option<&str>) -> TrialPage {
    let sources = [
        Source::Provider,
        Source::Homeserver,
        Source::Address,
        Source::Administration,
        Source::Language,
    ];
    let made = |name: &str| Trial {
        name: name.into(),
        lines: sources
            .map(|source| ClaimLine {
                claim: "belonging_population".into(),
                value: name.into(),
                scopes: "profile, given_name".into(),
                source,
            })
            .into(),
        token_response: format!("{{\n  \"access_token\": \"…\",\n  \"scope\": \"{name}\"\n}}"),
        id_token_header: "{\n  \"alg\": \"RS256\"\n}".into(),
        id_token: format!("{{\n  \"name\": \"{name}\"\n}}"),
        userinfo: format!("{{\n  \"name\": \"{name}\"\n}}"),
    };
    TrialPage {
        layout: frame(layout, &services::SERVICES),
        name: name.unwrap_or("Annuaire").into(),
        back_url: "/console/services/a".into(),
        action: "/console/services/a/essai".into(),
        trial: name.map(made),
        error: error.map(|code| (code.to_owned(), "the agent is not admitted".to_owned())),
    }
}

/// Every word of the log has its words on the page, in both languages.
#[test]
fn every_act_kind_and_class_of_the_journal_has_its_words() {
    for language in Language::ALL {
        let page = journal(&super::samples::layout(language), Vec::new(), "")
            .render()
            .expect("the page renders");
        let words = |value: &str| {
            let option = format!("<option value=\"{value}\"");
            let (_, rest) = page.split_once(&option).unwrap_or_else(|| panic!("no {value}"));
            let rest = rest.split_once('>').map_or("", |(_, rest)| rest);
            rest.split('<').next().unwrap_or_default().to_owned()
        };
        let values = Action::ALL.iter().map(|action| action.as_str());
        let values = values.chain(ObjectKind::ALL.iter().map(|kind| kind.as_str()));
        let values = values.chain(Class::ALL.iter().map(|class| class.as_str()));
        for value in values.chain(Actor::KINDS) {
            let words = words(value);
            assert!(
                !words.is_empty() && !words.starts_with("console-"),
                "{language} {value}: {words}"
            );
        }
    }
}

/// Threat 21: whatever somebody is called stays text.
#[test]
fn hostile_values_stay_text_in_the_journal_the_numbers_and_a_trial() {
    const HOSTILE: &str = "\"><script>alert(1)</script>\u{202e}<img src=x onerror=alert(2)>";
    let layout = super::samples::layout(Language::Fr);
    let pages = [
        journal(&layout, vec![line(HOSTILE, HOSTILE)], HOSTILE).render(),
        statistics(&layout, Some(HOSTILE), 40).render(),
        trial(&layout, Some(HOSTILE), Some(HOSTILE)).render(),
    ];
    for html in pages.map(|page| page.expect("the page renders")) {
        assert!(html.contains("alert(1)"));
        assert!(
            !html.contains("<script") && !html.contains("<img src=x") && !html.contains('\u{202e}'),
            "{html}"
        );
    }
}
