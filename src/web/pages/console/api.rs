//! `/console/api`: accesses to the API, and the form that makes one.

use askama::Template;

use super::super::{filters, moment};
use super::{ConsoleLayout, role_words};
use crate::domain::api::ApiScope;
use crate::domain::role::Role;
use crate::web::i18n::Text;

/// An access. Times are Unix seconds.
#[derive(Clone, Debug)]
pub struct ApiEntry {
    /// Names its line on the page.
    pub mark: String,
    /// `client_id`.
    pub id: String,
    pub name: String,
    /// Matrix id of who made it; `None` where it is one's own.
    pub maker: Option<String>,
    pub role: Option<Role>,
    pub scopes: Vec<String>,
    pub created_at: i64,
    pub last_used_at: Option<i64>,
    pub expires_at: Option<i64>,
    pub is_over: bool,
}

/// What was just made, shown once.
#[derive(Clone, Debug)]
pub struct NewAccess {
    pub id: String,
    pub secret: String,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiDone {
    Revoked,
    /// The form was sent before: what it made was shown then.
    Before,
}

impl ApiDone {
    /// As it stands in the page's address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Revoked => "revocation",
            Self::Before => "deja",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Revoked, Self::Before]
            .into_iter()
            .find(|done| done.as_str() == text)
    }

    fn words(self, text: &Text) -> String {
        match self {
            Self::Revoked => text.get("console-api-done-revoked"),
            Self::Before => text.get("console-api-done-before"),
        }
    }
}

/// The list.
#[derive(Template)]
#[template(path = "console/api.html")]
pub struct ApiPage {
    pub layout: ConsoleLayout,
    pub done: Option<ApiDone>,
    pub made: Option<NewAccess>,
    pub own: Vec<ApiEntry>,
    /// Those of others, for who may see them.
    pub others: Option<Vec<ApiEntry>>,
    pub may_revoke_others: bool,
    pub next_url: Option<String>,
    pub first_url: Option<String>,
    /// The roles that one may lend, each with the address of its form.
    pub choices: Vec<(String, Option<Role>)>,
    pub document_url: &'static str,
    pub issuer: String,
}

/// What was typed.
#[derive(Clone, Debug, Default)]
pub struct ApiForm {
    pub name: String,
    pub days: String,
    pub scopes: Vec<ApiScope>,
}

/// Why no access was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiProblem {
    Name,
    Scopes,
    Days,
    /// About no field.
    Full,
}

impl ApiProblem {
    fn message(self, text: &Text) -> String {
        text.get(match self {
            Self::Name => "console-api-problem-name",
            Self::Scopes => "console-api-problem-scopes",
            Self::Days => "console-api-problem-days",
            Self::Full => "console-api-problem-full",
        })
    }
}

/// The form.
#[derive(Template)]
#[template(path = "console/api_form.html")]
pub struct ApiFormPage {
    pub layout: ConsoleLayout,
    pub action: &'static str,
    /// The form makes one access.
    pub once: String,
    pub role: Option<Role>,
    pub offered: Vec<ApiScope>,
    /// In days.
    pub lifetimes: [i64; 3],
    pub may_be_endless: bool,
    pub typed: ApiForm,
    pub problem: Option<ApiProblem>,
}

impl ApiFormPage {
    /// The message of the problem when it is this one.
    fn error(&self, problem: ApiProblem) -> Option<String> {
        (self.problem == Some(problem)).then(|| problem.message(&self.layout.text))
    }

    fn parts(&self) -> (&'static str, &str) {
        self.role.as_ref().map_or(("", ""), Role::parts)
    }
}

/// The role of an access in words.
fn role_of(text: &Text, role: &Option<Role>) -> String {
    match role {
        Some(role) => role_words(text, role),
        None => text.get("console-role-partner"),
    }
}

/// What a scope is for.
fn scope_words(text: &Text, scope: &ApiScope) -> String {
    text.get(&format!("console-api-scope-{}", scope.as_str().replace(':', "-")))
}

fn instant(text: &Text, at: &i64) -> String {
    moment(text, *at)
}
