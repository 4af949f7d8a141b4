//! `/console/equipe`: who has which role, and who is invited to one.

use askama::Template;

use super::super::{filters, moment};
use super::{ConsoleLayout, Pages, role_words};
use crate::domain::role::Role;
use crate::web::i18n::Text;

/// The page. Its forms post `shown` as given.
#[derive(Template)]
#[template(path = "console/team.html")]
pub struct TeamPage {
    pub layout: ConsoleLayout,
    /// What was just done.
    pub done: Option<TeamDone>,
    /// Whether this person may give and take roles.
    pub may_edit: bool,
    pub roles: Vec<RoleEntry>,
    pub role_pages: Pages,
    pub invitations: Vec<InvitationEntry>,
    pub invitation_pages: Pages,
    /// What was typed into the form that invites: Matrix id, role, administration.
    pub typed: (String, String, String),
    pub problem: Option<InviteProblem>,
}

/// Somebody's role. Times are Unix seconds.
#[derive(Clone, Debug)]
pub struct RoleEntry {
    pub agent_id: String,
    /// Display name; the Matrix id when there is none.
    pub name: String,
    pub matrix_id: String,
    pub role: Role,
    pub since: i64,
    /// Matrix id of who gave it; `None` for the command line.
    pub by: Option<String>,
    pub has_second_factor: bool,
}

/// An invitation.
#[derive(Clone, Debug)]
pub struct InvitationEntry {
    pub id: String,
    pub matrix_id: String,
    pub role: Role,
    /// Until when it counts, Unix seconds.
    pub until: i64,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TeamDone {
    Given,
    Invited,
    Removed,
    Withdrawn,
}

impl TeamDone {
    pub const ALL: [Self; 4] = [Self::Given, Self::Invited, Self::Removed, Self::Withdrawn];

    /// As it stands in the page's address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Given => "role",
            Self::Invited => "invitation",
            Self::Removed => "retrait",
            Self::Withdrawn => "annulation",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|done| done.as_str() == text)
    }

    fn words(self, text: &Text) -> String {
        text.get(match self {
            Self::Given => "console-team-done-given",
            Self::Invited => "console-team-done-invited",
            Self::Removed => "console-team-done-removed",
            Self::Withdrawn => "console-team-done-withdrawn",
        })
    }
}

/// Why a role was not given or taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InviteProblem {
    MatrixId,
    Homeserver,
    Guest,
    Given,
    Role,
    Administration,
    /// About no field: the last operator stays.
    LastOperator,
}

impl InviteProblem {
    fn message(self, text: &Text) -> String {
        text.get(match self {
            Self::MatrixId => "console-team-problem-matrix-id",
            Self::Homeserver => "console-team-problem-homeserver",
            Self::Guest => "console-team-problem-guest",
            Self::Given => "console-team-problem-given",
            Self::Role => "console-team-problem-role",
            Self::Administration => "console-team-problem-administration",
            Self::LastOperator => "console-team-problem-last",
        })
    }
}

impl TeamPage {
    /// The message of the problem when it is about this field.
    fn error(&self, field: &str) -> Option<String> {
        let problem = self.problem?;
        let about = match problem {
            InviteProblem::MatrixId | InviteProblem::Homeserver | InviteProblem::Guest | InviteProblem::Given => {
                "matrix_id"
            }
            InviteProblem::Role => "role",
            InviteProblem::Administration => "administration",
            InviteProblem::LastOperator => "",
        };
        (about == field).then(|| problem.message(&self.layout.text))
    }

    /// The roles to choose from, each with its name and whether it was chosen.
    fn choices(&self) -> [(&'static str, String, bool); 3] {
        let text = &self.layout.text;
        let choice = |name: &'static str, words: String| (name, words, self.typed.1 == name);
        [
            choice("support", text.get("console-role-support")),
            choice("operator", text.get("console-role-operator")),
            choice("manager", text.get("console-team-manager")),
        ]
    }
}
