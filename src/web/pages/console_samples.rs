//! The console's pages in their states.

use askama::Template;

use super::console::*;
use super::samples::Sample;
use super::*;
use crate::domain::role::Role;

const MATRIX_ID: &str = "@jean.dupont-beta.gouv.fr:agent.dinum.tchap.gouv.fr";

/// As an operator sees it, at the start of a section.
pub(super) fn frame(layout: &Layout, section: &'static Section) -> ConsoleLayout {
    ConsoleLayout {
        layout: layout.clone(),
        nav: SECTIONS.to_vec(),
        section,
        is_start: true,
        shown: "shown".into(),
    }
}

pub(super) fn samples(layout: &Layout) -> Vec<Sample> {
    let home = |name: &str, roles: &[Role]| ConsoleHomePage {
        layout: frame(layout, &HOME),
        name: name.into(),
        matrix_id: MATRIX_ID.into(),
        roles: roles.to_vec(),
    };
    let manager = Role::Manager {
        administration: "beta.gouv.fr".into(),
    };
    let pages = [
        ("console-home", home("Jean Dupont [DINUM]", &[Role::Operator]).render()),
        (
            "console-home-roles",
            home(&"W".repeat(200), &[Role::Support, manager]).render(),
        ),
        ("console-home-partner", home(MATRIX_ID, &[]).render()),
    ];
    let pages = pages.map(|(name, page)| (name.to_owned(), page.expect("the page renders")));
    pages.into_iter().collect()
}
