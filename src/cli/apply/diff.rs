//! The difference between what an `apply` file asks for and what the database holds, field by field.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::Stored;
use super::read::Wanted;
use crate::domain::client_change::{FieldChange, field_changes};
use crate::domain::homeserver::Homeserver;

/// What happens to one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    Added,
    Changed,
    Unchanged,
}

/// One entry and what happens to it.
#[derive(Debug, Serialize)]
pub struct Changed {
    pub kind: &'static str,
    pub id: String,
    pub change: Change,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<FieldChange>,
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.change {
            Change::Added => '+',
            Change::Changed => '~',
            Change::Unchanged => '=',
        };
        write!(f, "{mark} {:<15} {}", self.kind, self.id)?;
        let changed = self.fields.iter();
        changed
            .filter(|_| self.change == Change::Changed)
            .try_for_each(|change| {
                let FieldChange { field, from, to } = change;
                write!(f, "\n    {field}: {from} -> {to}")
            })
    }
}

/// Every entry of the file, in its order, with its difference.
pub fn changes(stored: &Stored, wanted: &Wanted) -> Vec<Changed> {
    let mut changes = Vec::new();
    for homeserver in &wanted.homeservers {
        let former = stored.homeservers.iter().find(|known| known.name == homeserver.name);
        changes.push(compare("homeserver", &homeserver.name, former, homeserver));
    }
    changes.extend(order(stored, wanted));
    for administration in &wanted.administrations {
        let mut known = stored.administrations.iter();
        let former = known.find(|known| known.domain == administration.domain);
        changes.push(compare(
            "administration",
            &administration.domain,
            former,
            administration,
        ));
    }
    for resource in &wanted.resources {
        let mut known = stored.resources.iter();
        let former = known.find(|known| known.identifier == resource.identifier);
        changes.push(compare("resource", &resource.identifier, former, resource));
    }
    for wanted in &wanted.clients {
        let former = stored.clients.iter().find(|known| known.id == wanted.client.id);
        let mut changed = compare("client", &wanted.client.id, former, &wanted.client);
        if wanted.new_secret(stored).is_some() && former.is_some() {
            changed.change = Change::Changed;
            changed.fields.push(FieldChange {
                field: "secret".to_owned(),
                from: "the former ones, for 24 hours more".into(),
                to: "the one in the file".into(),
            });
        }
        changes.push(changed);
    }
    changes
}

/// The whole list of homeservers afterwards: the file's in its order, then those it does not name.
pub fn merged(stored: &[Homeserver], wanted: &[Homeserver]) -> Vec<Homeserver> {
    let named = |known: &&Homeserver| wanted.iter().any(|wanted| wanted.name == known.name);
    let others = stored.iter().filter(|known| !named(known));
    wanted.iter().chain(others).cloned().collect()
}

/// A change of the order in which agents see the homeservers that were known before.
fn order(stored: &Stored, wanted: &Wanted) -> Option<Changed> {
    let names = |list: &[Homeserver]| -> Vec<Value> {
        let known = list
            .iter()
            .filter(|one| stored.homeservers.iter().any(|known| known.name == one.name));
        known.map(|one| one.name.clone().into()).collect()
    };
    let (from, to) = (
        names(&stored.homeservers),
        names(&merged(&stored.homeservers, &wanted.homeservers)),
    );
    (from != to).then(|| Changed {
        kind: "homeservers",
        id: "order".to_owned(),
        change: Change::Changed,
        fields: vec![FieldChange {
            field: "order".to_owned(),
            from: from.into(),
            to: to.into(),
        }],
    })
}

fn compare<T: Serialize>(kind: &'static str, id: &str, former: Option<&T>, wanted: &T) -> Changed {
    let fields = field_changes(former, wanted);
    Changed {
        kind,
        id: id.to_owned(),
        change: match (former, fields.is_empty()) {
            (None, _) => Change::Added,
            (Some(_), true) => Change::Unchanged,
            (Some(_), false) => Change::Changed,
        },
        fields: if former.is_some() { fields } else { Vec::new() },
    }
}
