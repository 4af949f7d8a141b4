//! What the acts of the console have in common: why one is not done, and what it changes.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::protocol::client_metadata::FieldProblem;
use crate::store::StoreError;

/// Why an act was not done.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// What was written cannot be; never empty.
    #[error("{}", words(.0))]
    Invalid(Vec<FieldProblem>),
    /// Something of this name is there already.
    #[error("it is there already")]
    Exists,
    /// Somebody else changed it, or took it away, since it was shown.
    #[error("somebody else changed it since it was shown")]
    Outdated,
    /// Who does it, or everybody, could not sign in any more.
    #[error("whoever does it could not sign in any more")]
    LocksOut,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn words(problems: &[FieldProblem]) -> String {
    let each = problems
        .iter()
        .map(|problem| format!("{}: {}", problem.field, problem.message));
    each.collect::<Vec<_>>().join("; ")
}

/// The fields that differ, each with what it was and what it will be.
pub fn changes<T: Serialize>(former: &T, wanted: &T) -> Value {
    let members = |value: &T| match serde_json::to_value(value) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    };
    let (from, to) = (members(former), members(wanted));
    let names = from.keys().chain(to.keys());
    let differing = names.filter(|name| from.get(*name) != to.get(*name));
    let value = |members: &Map<String, Value>, name| members.get(name).cloned().unwrap_or_default();
    differing
        .map(|name| (name.clone(), Value::from(vec![value(&from, name), value(&to, name)])))
        .collect::<Map<_, _>>()
        .into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_told_with_both_values() {
        let (former, wanted) = (json!({"a": 1, "b": 2, "c": [1]}), json!({"b": 3, "c": [1], "d": true}));
        let expected = json!({"a": [1, null], "b": [2, 3], "d": [null, true]});
        assert_eq!(changes(&former, &wanted), expected);
        assert_eq!(changes(&wanted, &wanted), json!({}));
    }
}
