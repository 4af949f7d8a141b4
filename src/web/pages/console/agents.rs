//! `/console/agents`: an agent's sessions and tokens, for operators and support, and the emergency.

use askama::Template;

use super::super::{filters, moment};
use super::homeservers::way_words;
use super::{ConsoleLayout, Pages};
use crate::domain::agent::AccountState;
use crate::domain::ending::{Target, Toll};
use crate::domain::homeserver::Way;
use crate::web::i18n::Text;

/// Where an agent is searched, and where an emergency begins.
#[derive(Template)]
#[template(path = "console/agents.html")]
pub struct AgentsPage {
    pub layout: ConsoleLayout,
    pub done: Option<Toll>,
    /// What was typed into the search.
    pub typed: String,
    /// Nobody was found.
    pub not_found: bool,
    /// Several were.
    pub found: Vec<FoundAgent>,
    /// What was typed into the form of the emergency; `None` for whoever may not use it.
    pub emergency: Option<(String, String)>,
    /// There is no such thing to end.
    pub no_target: bool,
}

/// An agent among several.
#[derive(Clone, Debug)]
pub struct FoundAgent {
    pub url: String,
    pub name: String,
    pub matrix_id: String,
}

/// One agent. Times are Unix seconds.
#[derive(Template)]
#[template(path = "console/agent.html")]
pub struct AgentPage {
    pub layout: ConsoleLayout,
    pub done: bool,
    /// Of the page; what ends things is below it.
    pub url: String,
    pub name: String,
    pub matrix_id: String,
    pub email: Option<String>,
    pub state: AccountState,
    pub first_seen: i64,
    pub sessions: Vec<AgentSession>,
    pub session_pages: Pages,
    pub services: Vec<AgentService>,
    pub service_pages: Pages,
}

/// A browser session.
#[derive(Clone, Debug)]
pub struct AgentSession {
    /// Names it on this page.
    pub mark: String,
    pub way: Way,
    pub begun_at: i64,
    pub ends_at: i64,
}

/// A client that holds something of the agent.
#[derive(Clone, Debug)]
pub struct AgentService {
    pub client_id: String,
    pub name: String,
    /// How many authorizations live.
    pub authorizations: i64,
    /// One of them outlives the session (`offline_access`).
    pub offline: bool,
    /// The latest end of anything issued.
    pub until: i64,
}

/// What an emergency would end, to be confirmed.
#[derive(Template)]
#[template(path = "console/emergency.html")]
pub struct EmergencyPage {
    pub layout: ConsoleLayout,
    pub target: Target,
    pub toll: Toll,
    pub typed: String,
    /// What was typed is not the name.
    pub unconfirmed: bool,
}

impl AgentsPage {
    fn not_found(&self) -> Option<String> {
        self.not_found.then(|| self.layout.text.get("console-agents-not-found"))
    }

    fn no_target(&self) -> Option<String> {
        self.no_target.then(|| self.layout.text.get("console-agents-no-target"))
    }

    /// What can be ended, each with its name and whether it was chosen.
    fn kinds(&self, chosen: &str) -> [(&'static str, String, bool); 3] {
        ["client", "administration", "homeserver"]
            .map(|kind| (kind, kind_words(&self.layout.text, kind), kind == chosen))
    }
}

impl EmergencyPage {
    fn unconfirmed(&self) -> Option<String> {
        self.unconfirmed
            .then(|| self.layout.text.get("console-agents-unconfirmed"))
    }
}

fn kind_words(text: &Text, kind: &str) -> String {
    text.get(match kind {
        "client" => "console-agents-kind-client",
        "administration" => "console-agents-kind-administration",
        _ => "console-agents-kind-homeserver",
    })
}

fn state_words(text: &Text, state: AccountState) -> String {
    text.get(match state {
        AccountState::Stands => "console-agents-state-open",
        AccountState::Paused(_) => "console-agents-state-paused",
        AccountState::Closed => "console-agents-state-closed",
    })
}

fn toll_words(text: &Text, toll: &Toll) -> String {
    let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let sessions = text.count("console-agents-sessions-count", number(toll.sessions));
    let authorizations = text.count("console-agents-authorizations-count", number(toll.authorizations));
    format!("{sessions}, {authorizations}")
}
