//! One table of an `apply` file, read field by field so that every wrong field is reported and not only the first.

use serde::de::DeserializeOwned;

use crate::protocol::client_metadata::FieldProblem;

/// A table whose fields are taken one by one; what nobody takes is unknown.
pub struct Entry {
    table: toml::Table,
    problems: Vec<FieldProblem>,
}

impl Entry {
    /// Starts reading a table.
    pub fn new(table: toml::Table) -> Self {
        Self {
            table,
            problems: Vec::new(),
        }
    }

    /// The field, if it is there and of the right type.
    pub fn take<T: DeserializeOwned>(&mut self, field: &str) -> Option<T> {
        let value = self.table.remove(field)?;
        match value.try_into() {
            Ok(value) => Some(value),
            Err(error) => {
                self.problems.push(FieldProblem::new(field, error.message().trim()));
                None
            }
        }
    }

    /// Some fields that belong together. One that is of the wrong type is noted and counts as absent.
    pub fn group<T: DeserializeOwned + Default>(&mut self, fields: &[&str]) -> T {
        let mut group = toml::Table::new();
        for field in fields {
            let Some(value) = self.table.remove(*field) else {
                continue;
            };
            let alone = toml::Table::from_iter([((*field).to_owned(), value.clone())]);
            match alone.try_into::<T>() {
                Ok(_) => drop(group.insert((*field).to_owned(), value)),
                Err(error) => self.problems.push(FieldProblem::new(*field, error.message().trim())),
            }
        }
        group.try_into().unwrap_or_default()
    }

    /// Notes a problem, unless one with this field is noted already.
    pub fn problem(&mut self, field: &str, message: &str) {
        if !self.problems.iter().any(|known| known.field == field) {
            self.problems.push(FieldProblem::new(field, message));
        }
    }

    /// Ends the reading with what `validated` says: of several problems with one field, the first counts.
    ///
    /// # Errors
    /// Every problem, with `place` before each field.
    pub fn finish<T>(mut self, place: &str, validated: Result<T, Vec<FieldProblem>>) -> Result<T, Vec<FieldProblem>> {
        let unknown = self.table.keys().map(|field| FieldProblem::new(field, "unknown field"));
        self.problems.extend(unknown.collect::<Vec<_>>());
        let (value, more) = match validated {
            Ok(value) => (Some(value), Vec::new()),
            Err(problems) => (None, problems),
        };
        for problem in more {
            self.problem(&problem.field, &problem.message);
        }
        match value {
            Some(value) if self.problems.is_empty() => Ok(value),
            _ => Err(self
                .problems
                .into_iter()
                .map(|problem| FieldProblem::new(format!("{place}.{}", problem.field), problem.message))
                .collect()),
        }
    }
}
