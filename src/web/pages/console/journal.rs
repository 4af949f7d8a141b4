//! `/console/journal`: the audit log by pages.

use askama::Template;

use super::super::{filters, moment};
use super::ConsoleLayout;
use crate::domain::audit::{Action, Actor, Class, Entry, ObjectKind};

/// A page of the log.
#[derive(Template)]
#[template(path = "console/journal.html")]
pub struct JournalPage {
    pub layout: ConsoleLayout,
    pub form: JournalForm,
    pub entries: Vec<Entry>,
    pub export_url: String,
    pub first_url: Option<String>,
    pub next_url: Option<String>,
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
    /// Every choice of the lists, by field.
    fn choices(field: &str) -> Vec<&'static str> {
        match field {
            "categorie" => Class::ALL.map(Class::as_str).to_vec(),
            "acte" => Action::ALL.map(Action::as_str).to_vec(),
            "auteur" => Actor::KINDS.to_vec(),
            _ => ObjectKind::ALL.map(ObjectKind::as_str).to_vec(),
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

    /// The texts of the form: name, label, what was typed.
    fn texts(&self) -> [(&'static str, &'static str, &str); 4] {
        [
            ("auteur_id", "console-journal-auteur-id", &self.form.actor_id),
            ("objet_id", "console-journal-objet-id", &self.form.object_id),
            ("du", "console-journal-du", &self.form.from),
            ("au", "console-journal-au", &self.form.through),
        ]
    }
}

/// Kind and id, as one text.
fn whole(kind: &str, id: &str) -> String {
    format!("{kind} {id}").trim_end().to_owned()
}
