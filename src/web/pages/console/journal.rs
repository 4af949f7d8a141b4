//! `/console/journal`: the audit log by pages.

use askama::Template;

use super::super::{filters, moment};
use super::ConsoleLayout;
use crate::domain::audit::{Action, Actor, Class, ObjectKind};
use crate::web::i18n::Text;

/// A page of the log.
#[derive(Template)]
#[template(path = "console/journal.html")]
pub struct JournalPage {
    pub layout: ConsoleLayout,
    pub form: JournalForm,
    pub lines: Vec<JournalLine>,
    pub export_url: String,
    pub first_url: Option<String>,
    pub next_url: Option<String>,
}

/// One event. Its words are those of the log, which a newer release may have written.
#[derive(Clone, Debug)]
pub struct JournalLine {
    /// Unix seconds.
    pub at: i64,
    pub action: String,
    pub actor: Party,
    pub object: Party,
    /// What else matters: name and value.
    pub detail: Vec<(String, String)>,
    /// Its place in the chain of administrative acts.
    pub place: Option<String>,
}

/// Who did it, or what it was done to.
#[derive(Clone, Debug)]
pub struct Party {
    pub kind: String,
    /// The Matrix id of an agent, the id of anything else; empty where there is but one of the kind.
    pub name: String,
    /// Its page, where it has one.
    pub url: Option<String>,
}

/// What was asked for, as typed; empty is any.
#[derive(Clone, Debug, Default)]
pub struct JournalForm {
    pub class: String,
    pub action: String,
    pub actor_kind: String,
    pub actor_id: String,
    pub object_kind: String,
    pub object_id: String,
    pub from: String,
    pub through: String,
}

impl JournalPage {
    /// Every choice of the lists, by field: value and words.
    fn choices(&self, field: &str) -> Vec<(&'static str, String)> {
        let text = &self.layout.text;
        let worded = |names: &[&'static str], words: fn(&Text, &str) -> String| {
            names.iter().map(|name| (*name, words(text, name))).collect()
        };
        match field {
            "categorie" => worded(&Class::ALL.map(Class::as_str), class_words),
            "acte" => worded(&Action::ALL.map(Action::as_str), act_words),
            "auteur" => worded(&Actor::KINDS, kind_words),
            _ => worded(&ObjectKind::ALL.map(ObjectKind::as_str), kind_words),
        }
    }

    /// The lists of the form: name, label, what is chosen.
    fn lists(&self) -> [(&'static str, &'static str, &str); 4] {
        [
            ("categorie", "console-journal-categorie", &self.form.class),
            ("acte", "console-journal-acte", &self.form.action),
            ("auteur", "console-journal-auteur", &self.form.actor_kind),
            ("objet", "console-journal-objet", &self.form.object_kind),
        ]
    }

    /// The texts of the form: name, label, hint, what was typed.
    fn texts(&self) -> [(&'static str, &'static str, &'static str, &str); 4] {
        let (id, day) = ("console-journal-id-hint", "console-journal-day-hint");
        [
            ("auteur_id", "console-journal-auteur-id", id, &self.form.actor_id),
            ("objet_id", "console-journal-objet-id", id, &self.form.object_id),
            ("du", "console-journal-du", day, &self.form.from),
            ("au", "console-journal-au", day, &self.form.through),
        ]
    }
}

fn class_words(text: &Text, class: &str) -> String {
    text.get(&format!("console-class-{class}"))
}

/// What was done, in words; as it stands in the log where this release has none.
fn act_words(text: &Text, action: &str) -> String {
    match Action::parse(action) {
        Some(_) => text.get(&format!("console-act-{}", action.replace(['.', '_'], "-"))),
        None => action.to_owned(),
    }
}

fn kind_words(text: &Text, kind: &str) -> String {
    match Actor::KINDS.contains(&kind) || ObjectKind::parse(kind).is_some() {
        true => text.get(&format!("console-thing-{}", kind.replace('_', "-"))),
        false => kind.to_owned(),
    }
}
