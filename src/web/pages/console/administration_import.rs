//! `/console/administrations/import`: a table from a spreadsheet, and what it would change before it does.

use askama::Template;

use super::super::filters;
use super::ConsoleLayout;
use super::administrations::field_words;
use crate::domain::administration::import::{Change, Import};
use crate::domain::administration::table::{Fault, LineFault, MAX_FAULTS, MAX_LINES};
use crate::domain::administration::{Administration, Branch};
use crate::web::i18n::Text;

/// So many changes stand on one page of a preview.
pub const CHANGES_PER_PAGE: usize = 100;

/// The form.
#[derive(Template)]
#[template(path = "console/administration_import.html")]
pub struct ImportPage {
    pub layout: ConsoleLayout,
    /// What was sent, to be corrected.
    pub table: String,
    pub faults: Vec<LineFault>,
    pub notice: Option<ImportNotice>,
}

/// What is to be said besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportNotice {
    /// The preview is gone: too old, or another took its place.
    Gone,
    /// Nothing was sent.
    Empty,
    /// More than the limit was sent.
    TooLarge,
}

/// What an import would do.
#[derive(Template)]
#[template(path = "console/administration_preview.html")]
pub struct PreviewPage {
    pub layout: ConsoleLayout,
    /// Posts to this address.
    pub action: String,
    pub import: Import,
    /// Counted from 0.
    pub page: usize,
    /// Somebody changed the table meanwhile: this is what the import would do now.
    pub is_anew: bool,
}

impl ImportNotice {
    fn words(self, text: &Text) -> String {
        text.get(match self {
            Self::Gone => "console-import-gone",
            Self::Empty => "console-import-empty",
            Self::TooLarge => "console-import-too-large",
        })
    }
}

impl ImportPage {
    fn fault_words(&self, fault: &LineFault) -> String {
        fault_words(&self.layout.text, &fault.fault)
    }

    fn has_more_faults(&self) -> bool {
        self.faults.len() >= MAX_FAULTS
    }
}

fn fault_words(text: &Text, fault: &Fault) -> String {
    match fault {
        Fault::Encoding => text.get("console-import-fault-encoding"),
        Fault::MissingColumn(column) => text.with("console-import-fault-missing", &[("column", column)]),
        Fault::UnknownColumn(column) => text.with("console-import-fault-column", &[("column", column.as_str())]),
        Fault::Cells => text.get("console-import-fault-cells"),
        Fault::TooLong => text.with("console-import-fault-long", &[("lines", &MAX_LINES.to_string())]),
        Fault::Field(field) => format!("{field} : {}", field_words(text, field)),
        Fault::Repeated(line) => text.with("console-import-fault-repeated", &[("line", &line.to_string())]),
    }
}

impl PreviewPage {
    fn shown_changes(&self) -> &[Change] {
        let from = self
            .page
            .saturating_mul(CHANGES_PER_PAGE)
            .min(self.import.changes.len());
        let to = (from + CHANGES_PER_PAGE).min(self.import.changes.len());
        &self.import.changes[from..to]
    }

    fn next_url(&self) -> Option<String> {
        let is_more = (self.page + 1).saturating_mul(CHANGES_PER_PAGE) < self.import.changes.len();
        is_more.then(|| format!("{}?page={}", self.action, self.page + 1))
    }

    fn first_url(&self) -> Option<String> {
        (self.page > 0).then(|| self.action.clone())
    }

    fn count(&self, key: &str, count: usize) -> String {
        self.layout.text.count(key, count as u64)
    }
}

/// What a change does to each field: its name, what it was (empty for a new one), what it will be.
fn fields(change: &Change) -> Vec<(&'static str, String, String)> {
    let each = |one: &Administration| {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        [
            ("name", one.name.clone()),
            ("siren", text(&one.siren)),
            ("siret", text(&one.siret)),
            ("branch", one.branch.map(Branch::as_str).unwrap_or_default().to_owned()),
            ("organizational_unit", text(&one.organizational_unit)),
        ]
    };
    let former = change.former.as_ref().map(|former| each(&former.administration));
    let wanted = each(&change.administration).into_iter().enumerate();
    wanted
        .map(|(at, (field, to))| {
            (
                field,
                former.as_ref().map(|former| former[at].1.clone()).unwrap_or_default(),
                to,
            )
        })
        .filter(|(_, from, to)| from != to)
        .collect()
}
