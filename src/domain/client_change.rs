//! How clients change: what is kept of a change, what a partner may change alone, and what differs between two documents.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::protocol::client::Client;

/// A client as stored, with what a writer must know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptClient {
    /// Its document.
    pub client: Client,
    /// Raised at every write.
    pub version: i64,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds.
    pub updated_at: i64,
}

/// What a client was before and after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Row id.
    pub id: String,
    /// Whose it is.
    pub client_id: String,
    /// The agent who did it, by internal id.
    pub author: String,
    /// Unix seconds.
    pub at: i64,
    /// `None` for the first.
    pub before: Option<Client>,
    /// What it became.
    pub after: Client,
}

/// What a partner asks an operator for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRequest {
    /// Whose it is.
    pub client_id: String,
    /// The client as wanted.
    pub wanted: Client,
    /// In the partner's words.
    pub reasons: String,
    /// The version of the client that it was written on.
    pub base_version: i64,
    /// The agent who asks, by internal id.
    pub requested_by: String,
    /// Unix seconds.
    pub requested_at: i64,
    /// Why it was not granted, in the operator's words.
    pub answer: Option<String>,
    /// Unix seconds; `None` while it waits.
    pub answered_at: Option<i64>,
}

/// What a partner said when the client was made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Purpose {
    /// The software that the service is made with.
    pub stack: String,
    /// What the service is for.
    pub purpose: String,
    /// Why each scope is needed.
    pub scopes: std::collections::BTreeMap<String, String>,
}

/// An invitation to look after a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Whose it is.
    pub client_id: String,
    /// Who may take it up.
    pub matrix_id: String,
    /// Unix seconds.
    pub expires_at: i64,
}

/// One member that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldChange {
    /// Its name.
    pub field: String,
    /// The former value; null when there was none.
    pub from: Value,
    /// The new one.
    pub to: Value,
}

/// What differs between two documents, member by member.
pub fn field_changes<T: Serialize>(former: Option<&T>, wanted: &T) -> Vec<FieldChange> {
    let (from, to) = (former.map(members).unwrap_or_default(), members(wanted));
    let names: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    let value = |members: &Map<String, Value>, name: &String| members.get(name).cloned().unwrap_or_default();
    names
        .into_iter()
        .filter(|name| from.get(*name) != to.get(*name))
        .map(|name| FieldChange {
            field: name.clone(),
            from: value(&from, name),
            to: value(&to, name),
        })
        .collect()
}

fn members<T: Serialize>(entry: &T) -> Map<String, Value> {
    match serde_json::to_value(entry) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

/// What only operators say of a client, whoever writes the rest: a wish of a partner's leaves it as it is.
pub fn keep_what_operators_say(wanted: &mut Client, known: &Client) {
    wanted.consent = known.consent;
    wanted.subject_type = known.subject_type;
    wanted.sector.clone_from(&known.sector);
    wanted.requests.resources.clone_from(&known.requests.resources);
    wanted.standing = known.standing.clone();
    wanted.disabled = known.disabled;
    wanted.self_registered = known.self_registered;
}
