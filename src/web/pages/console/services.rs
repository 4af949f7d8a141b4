//! Clients: the list, a new one, one with its parts, its form, its history, the queue of requests.

use askama::Template;

use super::super::{date, filters, moment};
use super::diff::{member_words, value_lines};
use super::health::Health;
use super::services_form::{Control, Field, FieldGroup};
use super::stacks::{Snippet, Stack};
use super::{ConsoleLayout, Section};
use crate::domain::client_change::FieldChange;
use crate::domain::role::Right;
use crate::protocol::standing::ClientStage;
use crate::web::i18n::Text;

pub const SERVICES: Section = Section {
    id: "services",
    path: "/console/services",
    right: Right::CreateClient,
};

/// `/console/services`
#[derive(Template)]
#[template(path = "console/services/list.html")]
pub struct ServicesPage {
    pub layout: ConsoleLayout,
    pub done: Option<Done>,
    pub lines: Vec<ServiceLine>,
    pub invitations: Vec<InvitationLine>,
    /// What was searched.
    pub search: String,
    pub stage: Option<ClientStage>,
    /// Whose are shown, and whose else could be: the word in the address.
    pub whose: &'static str,
    pub choices: Vec<&'static str>,
    pub next_url: Option<String>,
    pub first_url: Option<String>,
    /// Where the requests are, for whoever answers them.
    pub queue_url: Option<String>,
}

impl ServicesPage {
    fn is_chosen(&self, choice: &str) -> bool {
        self.whose == choice
    }
}

#[derive(Clone, Debug)]
pub struct ServiceLine {
    pub id: String,
    pub name: String,
    pub stage: ClientStage,
    pub disabled: bool,
    /// It registered itself.
    pub unvouched: bool,
    pub url: String,
}

#[derive(Clone, Debug)]
pub struct InvitationLine {
    pub name: String,
    /// Unix seconds.
    pub until: i64,
    pub action: String,
}

/// A new client, or the metadata of one, to be typed.
#[derive(Template)]
#[template(path = "console/services/form.html")]
pub struct ServiceFormPage {
    pub layout: ConsoleLayout,
    /// The client's name; `None` for a new one.
    pub name: Option<String>,
    pub action: String,
    pub back_url: String,
    /// What the writer saw.
    pub version: i64,
    /// A value of this form's own: a new client is made once.
    pub once: String,
    pub groups: Vec<FieldGroup>,
    /// Somebody changed the client meanwhile: which members.
    pub stale: Option<Vec<String>>,
    pub alert: Option<Alert>,
    /// A change of this needs an operator.
    pub asks: bool,
    /// What the admission rules as typed would mean.
    pub preview: Option<Preview>,
    pub has_errors: bool,
}

impl ServiceFormPage {
    fn heading(&self) -> String {
        let text = self.layout.text;
        match &self.name {
            Some(name) => text.with("console-services-edit-title", &[("name", name.as_str())]),
            None => text.get("console-services-new"),
        }
    }

    fn preview_words(&self, preview: &Preview) -> String {
        let (agents, refused) = (preview.agents.to_string(), preview.refused.to_string());
        let key = match preview.partly {
            true => "console-services-preview-partly",
            false => "console-services-preview",
        };
        let values = [("agents", agents.as_str()), ("refused", refused.as_str())];
        self.layout.text.with(key, &values)
    }
}

/// Whom a change would shut out.
#[derive(Clone, Copy, Debug)]
pub struct Preview {
    pub agents: u64,
    pub refused: u64,
    pub partly: bool,
}

/// What stands in the way of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alert {
    Full,
    Waiting,
    Stale,
    ForOperators,
    Missing,
    Problems,
}

impl Alert {
    fn words(self, text: &Text) -> String {
        text.get(match self {
            Alert::Full => "console-services-alert-full",
            Alert::Waiting => "console-services-alert-waiting",
            Alert::Stale => "console-services-alert-stale",
            Alert::ForOperators => "console-services-alert-operators",
            Alert::Missing => "console-services-alert-missing",
            Alert::Problems => "console-services-alert-problems",
        })
    }
}

/// What was just done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    Saved,
    Requested,
    Unchanged,
    Approved,
    Answered,
    Withdrawn,
    Disabled,
    Enabled,
    Deleted,
    Retired,
    Invited,
    Uninvited,
    Joined,
    Testers,
    /// The form had been sent before.
    Before,
}

impl Done {
    pub const ALL: [(Done, &'static str); 15] = [
        (Done::Saved, "enregistre"),
        (Done::Requested, "demande"),
        (Done::Unchanged, "inchange"),
        (Done::Approved, "approuve"),
        (Done::Answered, "repondu"),
        (Done::Withdrawn, "retire"),
        (Done::Disabled, "desactive"),
        (Done::Enabled, "active"),
        (Done::Deleted, "supprime"),
        (Done::Retired, "secret-retire"),
        (Done::Invited, "invite"),
        (Done::Uninvited, "desinvite"),
        (Done::Joined, "rejoint"),
        (Done::Testers, "testeurs"),
        (Done::Before, "deja"),
    ];

    /// As it stands in the page's address.
    pub fn as_str(self) -> &'static str {
        let found = Done::ALL.into_iter().find(|(done, _)| *done == self);
        found.map_or("", |(_, word)| word)
    }

    pub fn parse(word: &str) -> Option<Done> {
        let found = Done::ALL.into_iter().find(|(_, known)| *known == word);
        found.map(|(done, _)| done)
    }

    fn words(self, text: &Text) -> String {
        text.get(&format!("console-services-done-{}", self.as_str()))
    }
}

/// One client. What its reader may not do is not there.
#[derive(Template)]
#[template(path = "console/services/show.html")]
pub struct ServicePage {
    pub layout: ConsoleLayout,
    pub done: Option<Done>,
    pub alert: Option<Alert>,
    pub id: String,
    pub name: String,
    pub stage: ClientStage,
    pub disabled: bool,
    pub locked: bool,
    pub unvouched: bool,
    pub administration: Option<String>,
    /// Unix seconds.
    pub created_at: i64,
    pub version: i64,
    /// The address of this page; those of its forms lie below.
    pub url: String,
    pub may_edit: bool,
    pub may_approve: bool,
    pub facts: Vec<Fact>,
    pub configuration: Vec<(Stack, bool, Vec<Snippet>)>,
    /// A value of the form's own: a secret is made once.
    pub once: String,
    /// Made just now, shown this once.
    pub new_secret: Option<String>,
    pub has_secret: bool,
    pub secrets: Vec<SecretLine>,
    pub request: Option<RequestView>,
    /// What is missing before production may be asked for.
    pub lacks: Vec<String>,
    pub reasons: Field,
    pub answer: Field,
    pub testers: Field,
    pub matrix_id: Field,
    pub confirmation: Field,
    pub owners: Vec<OwnerLine>,
    pub invited: Vec<(String, i64)>,
    pub purpose: Option<PurposeView>,
    pub health: Health,
    pub history: Vec<RevisionLine>,
    pub history_url: Option<String>,
}

impl ServicePage {
    fn has_errors(&self) -> bool {
        let fields = [
            &self.reasons,
            &self.answer,
            &self.testers,
            &self.matrix_id,
            &self.confirmation,
        ];
        fields.iter().any(|field| field.error.is_some())
    }
}

/// A member of the metadata with its values.
#[derive(Clone, Debug)]
pub struct Fact {
    /// `console-services-field-{key}`
    pub key: &'static str,
    pub values: Vec<String>,
}

impl Fact {
    fn label(&self) -> String {
        format!("console-services-field-{}", self.key)
    }
}

/// Times are Unix seconds.
#[derive(Clone, Debug)]
pub struct SecretLine {
    pub id: String,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    /// It ends within two weeks.
    pub ends_soon: bool,
    pub age_days: u64,
}

#[derive(Clone, Debug)]
pub struct RequestView {
    pub by: String,
    /// Unix seconds.
    pub at: i64,
    pub reasons: String,
    pub changes: Vec<FieldChange>,
    /// It is answered; the words where there are some.
    pub answered: Option<Option<String>>,
    /// The client is another than when it was asked.
    pub is_stale: bool,
}

#[derive(Clone, Debug)]
pub struct OwnerLine {
    pub agent_id: String,
    pub matrix_id: String,
    pub name: Option<String>,
}

#[derive(Clone, Debug)]
pub struct PurposeView {
    pub words: String,
    pub scopes: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
pub struct RevisionLine {
    pub by: String,
    /// Unix seconds.
    pub at: i64,
    /// It is the first.
    pub first: bool,
    pub changes: Vec<FieldChange>,
}

/// `/console/services/{id}/historique`
#[derive(Template)]
#[template(path = "console/services/history.html")]
pub struct ServiceHistoryPage {
    pub layout: ConsoleLayout,
    pub name: String,
    pub back_url: String,
    pub history: Vec<RevisionLine>,
    pub next_url: Option<String>,
    pub first_url: Option<String>,
}

/// `/console/services/demandes`
#[derive(Template)]
#[template(path = "console/services/queue.html")]
pub struct QueuePage {
    pub layout: ConsoleLayout,
    pub done: Option<Done>,
    pub entries: Vec<QueueEntry>,
    pub next_url: Option<String>,
    pub first_url: Option<String>,
}

#[derive(Clone, Debug)]
pub struct QueueEntry {
    pub name: String,
    pub url: String,
    pub request: RequestView,
}

/// A stage in one word, and the kind of its badge.
fn stage_words(text: &Text, stage: ClientStage) -> String {
    text.get(match stage {
        ClientStage::Sandbox => "console-services-stage-sandbox",
        ClientStage::Requested => "console-services-stage-requested",
        ClientStage::Production => "console-services-stage-production",
    })
}

fn stage_kind(stage: ClientStage) -> &'static str {
    match stage {
        ClientStage::Sandbox => "new",
        ClientStage::Requested => "warning",
        ClientStage::Production => "success",
    }
}

/// Day and time of an instant in Unix seconds.
fn at(text: &Text, unix_seconds: &i64) -> String {
    moment(text, *unix_seconds)
}

fn stack_words(text: &Text, stack: &Stack) -> String {
    stack
        .name()
        .map_or_else(|| text.get("console-services-stack-other"), str::to_owned)
}

/// Whose clients a list shows, in words.
fn whose_words(text: &Text, whose: &str) -> String {
    text.get(&format!("console-services-whose-{whose}"))
}
