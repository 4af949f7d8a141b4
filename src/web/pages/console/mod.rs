//! The console's pages: what surrounds them, and its start. Each feature has a file of its own.

mod agents;
mod api;
mod second_factor;
mod team;

mod administration_import;
mod administrations;
pub mod homeserver_test;
mod homeservers;
mod journal;
mod keys;
mod statistics;

mod diff;
pub mod health;
pub mod problem_words;
pub mod services;
pub mod services_form;
pub mod stacks;
pub mod trial;

use std::ops::Deref;

use askama::Template;

use super::{Layout, filters};
use crate::domain::role::{Right, Role};
use crate::web::i18n::Text;

pub use administration_import::{ImportNotice, ImportPage, PreviewPage};
pub use administrations::{
    AdministrationDone, AdministrationForm, AdministrationNotice, AdministrationPage, AdministrationsPage,
    UnknownDomainsPage,
};
pub use agents::{AgentPage, AgentService, AgentSession, AgentsPage, EmergencyPage, FoundAgent};
pub use api::{ApiDone, ApiEntry, ApiForm, ApiFormPage, ApiPage, ApiProblem, NewAccess};
pub use homeserver_test::TestLine;
pub use homeservers::{
    ApiHealth, Discovered, HomeserverDone, HomeserverEntry, HomeserverForm, HomeserverFormPage, HomeserverNotice,
    HomeserverPage, HomeserversPage,
};
pub use journal::{JournalForm, JournalLine, JournalPage, Party};
pub use keys::{KeysDone, KeysPage, KeysProblem};
pub use second_factor::{FactorProblem, FactorStep, QrCode, SecondFactorPage};
pub use statistics::{PublicStatisticsPage, ShownStatistics, StatisticsPage};
pub use team::{InvitationEntry, InviteProblem, RoleEntry, TeamDone, TeamPage};

/// A part of the console, as the navigation lists it. Its name is `console-nav-{id}`, what it is for `console-about-{id}`.
#[derive(Debug, PartialEq, Eq)]
pub struct Section {
    pub id: &'static str,
    pub path: &'static str,
    /// Whoever has it sees the entry.
    pub right: Right<'static>,
}

pub const HOME: Section = Section {
    id: "home",
    path: "/console",
    right: Right::Enter,
};

pub const ADMINISTRATIONS: Section = Section {
    id: "administrations",
    path: "/console/administrations",
    right: Right::SeeAdministrations,
};

pub const AGENTS: Section = Section {
    id: "agents",
    path: "/console/agents",
    right: Right::SeeAgents,
};

pub const HOMESERVERS: Section = Section {
    id: "homeservers",
    path: "/console/serveurs",
    right: Right::SeeHomeservers,
};

pub const KEYS: Section = Section {
    id: "keys",
    path: "/console/cles",
    right: Right::SeeKeys,
};

pub const TEAM: Section = Section {
    id: "team",
    path: "/console/equipe",
    right: Right::SeeRoles,
};

pub const STATISTICS: Section = Section {
    id: "statistics",
    path: "/console/statistiques",
    right: Right::Enter,
};

pub const API: Section = Section {
    id: "api",
    path: "/console/api",
    right: Right::ActByApi { role: None },
};

pub const JOURNAL: Section = Section {
    id: "journal",
    path: "/console/journal",
    right: Right::SeeAudit,
};

/// In the order of the navigation. What is not built yet is not here.
pub const SECTIONS: &[&Section] = &[
    &HOME,
    &services::SERVICES,
    &ADMINISTRATIONS,
    &HOMESERVERS,
    &KEYS,
    &AGENTS,
    &STATISTICS,
    &API,
    &JOURNAL,
    &TEAM,
];

/// What surrounds a page of the console: that of every page, and the navigation.
#[derive(Clone, Debug)]
pub struct ConsoleLayout {
    pub layout: Layout,
    /// Only what this person may see.
    pub nav: Vec<&'static Section>,
    pub section: &'static Section,
    /// This page is the section's own, and not one below it.
    pub is_start: bool,
    /// Stands for the session shown; every form posts it as `shown`.
    pub shown: String,
}

impl Deref for ConsoleLayout {
    type Target = Layout;

    fn deref(&self) -> &Layout {
        &self.layout
    }
}

impl ConsoleLayout {
    /// `aria-current` of an entry: this very page, or the part that it is in.
    fn current(&self, entry: &Section) -> Option<&'static str> {
        (entry == self.section).then_some(if self.is_start { "page" } else { "true" })
    }
}

impl Section {
    fn name(&self, text: &Text) -> String {
        text.get(&format!("console-nav-{}", self.id))
    }

    fn about(&self, text: &Text) -> String {
        text.get(&format!("console-about-{}", self.id))
    }
}

/// Onward and back in one list among several on a page.
#[derive(Clone, Debug, Default)]
pub struct Pages {
    pub first_url: Option<String>,
    pub next_url: Option<String>,
}

impl Pages {
    /// At `url`, whose parameter `name` is the sealed place that a page of the list begins after.
    pub fn of(url: &str, name: &str, is_later: bool, next: Option<String>) -> Self {
        Self {
            first_url: is_later.then(|| url.to_owned()),
            next_url: next.map(|place| format!("{url}?{name}={place}")),
        }
    }
}

/// A role in words.
pub fn role_words(text: &Text, role: &Role) -> String {
    match role {
        Role::Operator => text.get("console-role-operator"),
        Role::Support => text.get("console-role-support"),
        Role::Manager { administration } => {
            text.with("console-role-manager", &[("administration", administration.as_str())])
        }
    }
}

/// `/console`: what somebody can do here.
#[derive(Template)]
#[template(path = "console/home.html")]
pub struct ConsoleHomePage {
    pub layout: ConsoleLayout,
    /// Display name; the Matrix id when there is none.
    pub name: String,
    pub matrix_id: String,
    pub roles: Vec<Role>,
}

impl ConsoleHomePage {
    /// Those that this person manages.
    fn administrations(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().filter_map(|role| match role {
            Role::Manager { administration } => Some(administration.as_str()),
            _ => None,
        })
    }
}
