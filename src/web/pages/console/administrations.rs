//! `/console/administrations`: the table of administrations, one of them, and the domains that it lacks.

use askama::Template;

use super::super::{filters, moment};
use super::ConsoleLayout;
use crate::domain::administration::Administration;
use crate::protocol::admission::Branch;
use crate::store::UnknownDomain;
use crate::web::i18n::Text;

/// A page of the table.
#[derive(Template)]
#[template(path = "console/administrations.html")]
pub struct AdministrationsPage {
    pub layout: ConsoleLayout,
    /// What was just done.
    pub done: Option<AdministrationDone>,
    /// What was looked for.
    pub query: String,
    pub administrations: Vec<Administration>,
    pub may_edit: bool,
    pub first_url: Option<String>,
    pub next_url: Option<String>,
}

/// The form of one administration.
#[derive(Template)]
#[template(path = "console/administration.html")]
pub struct AdministrationPage {
    pub layout: ConsoleLayout,
    /// Posts to this address.
    pub action: String,
    pub form: AdministrationForm,
    /// The fields that are wrong, in their order on the page.
    pub errors: Vec<String>,
    pub notice: Option<AdministrationNotice>,
    /// What is stored, when it is not what the form was filled with.
    pub stored: Option<Administration>,
    pub may_edit: bool,
    /// Whether its reader sees the table, too.
    pub may_list: bool,
    /// It is there, and can be deleted here; else it is added.
    pub delete_action: Option<String>,
}

/// What was typed, or is stored.
#[derive(Clone, Debug, Default)]
pub struct AdministrationForm {
    pub domain: String,
    pub name: String,
    pub siren: String,
    pub siret: String,
    pub branch: String,
    pub organizational_unit: String,
    /// Stands for the version that is changed; empty for a new one.
    pub version: String,
}

/// What is to be said of the form as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdministrationNotice {
    /// There is one of this domain.
    Exists,
    /// Somebody else changed it.
    Changed,
    /// Somebody else deleted it.
    Deleted,
    /// What was typed to confirm is not the domain.
    NotConfirmed,
}

/// E-mail domains seen at sign-ins that no administration covers.
#[derive(Template)]
#[template(path = "console/unknown_domains.html")]
pub struct UnknownDomainsPage {
    pub layout: ConsoleLayout,
    pub domains: Vec<UnknownDomain>,
    /// No more are counted.
    pub is_full: bool,
    pub may_edit: bool,
    pub first_url: Option<String>,
    pub next_url: Option<String>,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdministrationDone {
    Saved,
    Deleted,
    Imported,
}

impl AdministrationDone {
    pub const ALL: [Self; 3] = [Self::Saved, Self::Deleted, Self::Imported];

    /// As it stands in the page's address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Saved => "enregistree",
            Self::Deleted => "supprimee",
            Self::Imported => "import",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|done| done.as_str() == text)
    }

    fn words(self, text: &Text) -> String {
        text.get(match self {
            Self::Saved => "console-administrations-done-saved",
            Self::Deleted => "console-administrations-done-deleted",
            Self::Imported => "console-administrations-done-imported",
        })
    }
}

impl AdministrationNotice {
    fn words(self, text: &Text) -> String {
        text.get(match self {
            Self::Exists => "console-administrations-exists",
            Self::Changed => "console-administrations-changed",
            Self::Deleted => "console-administrations-deleted",
            Self::NotConfirmed => "console-administrations-not-confirmed",
        })
    }
}

impl AdministrationPage {
    /// What is wrong with a field, and what to write.
    fn error(&self, field: &str) -> Option<String> {
        let is_wrong = self.errors.iter().any(|wrong| wrong == field);
        is_wrong.then(|| field_words(&self.layout.text, field))
    }

    fn is_first(&self, field: &str) -> bool {
        self.notice.is_none() && self.errors.first().is_some_and(|first| first == field)
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

/// What a field of an administration must be.
pub fn field_words(text: &Text, field: &str) -> String {
    text.get(match field {
        "domain" => "console-administrations-wrong-domain",
        "name" => "console-administrations-wrong-name",
        "siren" => "console-administrations-wrong-siren",
        "siret" => "console-administrations-wrong-siret",
        "branch" => "console-administrations-wrong-branch",
        _ => "console-administrations-wrong-unit",
    })
}

fn branch_words(text: &Text, branch: &Branch) -> String {
    text.get(match branch {
        Branch::Etat => "console-branch-state",
        Branch::Territoriale => "console-branch-territorial",
        Branch::Hospitaliere => "console-branch-hospital",
    })
}

fn number(text: Option<&String>) -> &str {
    text.map(String::as_str).unwrap_or_default()
}
