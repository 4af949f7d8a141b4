//! Administrations: the table e-mail domain → public body that operators keep.

pub mod import;
pub mod table;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::agent::Agent;
use super::homeserver::domain_is_under;
use super::identifier::email_domain;
use super::names::plain;
pub use crate::protocol::admission::Branch;
use crate::protocol::client_metadata::{FieldProblem, check_display_name, is_domain_name};
use crate::protocol::siren::{is_siren, is_siret};

/// Longer beginnings than this tell nothing apart, in characters.
const MAX_TERM: usize = 40;
/// A name of more words is found by these.
const MAX_WORDS: usize = 12;

/// A public body, found by the domain of an agent's e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Administration {
    /// The e-mail domain, lower case; covers its subdomains.
    pub domain: String,
    /// The name agents and services read.
    pub name: String,
    /// 9 digits, Luhn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub siren: Option<String>,
    /// 14 digits, Luhn, starting with the SIREN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub siret: Option<String>,
    /// Which public service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<Branch>,
    /// A part of the body, when the domain stands for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organizational_unit: Option<String>,
}

impl Administration {
    /// Whether it is that of this agent, by the e-mail address that counts.
    pub fn is_of(&self, agent: &Agent) -> bool {
        let domain = agent.email.as_ref().and_then(|email| email_domain(&email.address));
        domain.is_some_and(|domain| domain_is_under(domain, &self.domain))
    }

    /// The same with the SIREN that its SIRET begins with: who gives the one has given the other.
    pub fn with_siren_of_siret(mut self) -> Self {
        let of_siret = || self.siret.as_ref()?.get(..9).map(str::to_owned);
        self.siren = self.siren.take().or_else(of_siret);
        self
    }

    /// What a search finds it by, each by its beginning: its domain, its numbers, its name from each of its words on.
    pub fn terms(&self) -> BTreeSet<String> {
        let plain = plain(&self.name);
        let words: Vec<&str> = plain
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .take(MAX_WORDS)
            .collect();
        let names = (0..words.len()).map(|from| term(&words[from..].concat()));
        let numbers = self.siren.iter().chain(&self.siret).map(|number| term(number));
        let mut terms: BTreeSet<_> = names.chain(numbers).chain([term(&self.domain)]).collect();
        terms.remove("");
        terms
    }

    /// Checks the domain, the name and the numbers.
    ///
    /// # Errors
    /// Every problem, never an empty list.
    pub fn validate(&self) -> Result<(), Vec<FieldProblem>> {
        let mut problems = Vec::new();
        if !is_domain_name(&self.domain) {
            let message = "required: an e-mail domain in lower case, for example \"beta.gouv.fr\"";
            problems.push(FieldProblem::new("domain", message));
        }
        if let Err(message) = check_display_name(&self.name) {
            problems.push(FieldProblem::new("name", message));
        }
        if self.siren.as_deref().is_some_and(|siren| !is_siren(siren)) {
            let message = "expected 9 digits whose check digit (Luhn) is right";
            problems.push(FieldProblem::new("siren", message));
        }
        if let Some(siret) = &self.siret {
            let of_siren = self
                .siren
                .as_ref()
                .is_none_or(|siren| siret.starts_with(siren.as_str()));
            if !is_siret(siret) {
                let message = "expected 14 digits whose check digit (Luhn) is right";
                problems.push(FieldProblem::new("siret", message));
            } else if !of_siren {
                problems.push(FieldProblem::new("siret", "must start with the SIREN"));
            }
        }
        if let Some(Err(message)) = self.organizational_unit.as_deref().map(check_display_name) {
            problems.push(FieldProblem::new("organizational_unit", message));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

/// What somebody looks for, in the form of [`Administration::terms`]: ASCII letters and digits.
pub fn term(text: &str) -> String {
    let plain = plain(text);
    plain
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(MAX_TERM)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dinum() -> Administration {
        Administration {
            domain: "beta.gouv.fr".into(),
            name: "DINUM".into(),
            siren: Some("130025265".into()),
            siret: Some("13002526500013".into()),
            branch: Some(Branch::Etat),
            organizational_unit: None,
        }
    }

    #[test]
    fn real_numbers_are_accepted() {
        assert_eq!(dinum().validate(), Ok(()));
    }

    #[test]
    fn it_is_found_by_the_beginning_of_what_it_is_called() {
        let education = Administration {
            domain: "ac-paris.fr".into(),
            name: "Académie de l’Île-de-France".into(),
            ..dinum()
        };
        let terms = education.terms();
        let found = |typed: &str| terms.iter().any(|one| one.starts_with(&term(typed)));
        for typed in [
            "AC-Paris",
            "ac-paris.fr",
            "académie de l",
            "ile de",
            "France",
            "130 025 265",
            "13002526500013",
        ] {
            assert!(found(typed), "{typed} in {terms:?}");
        }
        for typed in ["paris", "cademie", "25265"] {
            assert!(!found(typed), "{typed}");
        }
        let long = Administration {
            name: "é ".repeat(50),
            ..dinum()
        };
        assert!(long.terms().len() <= MAX_WORDS + 3);
        assert_eq!(term("\u{202e}%_'\"); drop"), "drop");
    }

    #[test]
    fn a_siret_gives_its_siren() {
        let of_siret = |siren: Option<&str>, siret: &str| {
            let siren = siren.map(str::to_owned);
            let siret = Some(siret.to_owned());
            Administration {
                siren,
                siret,
                ..dinum()
            }
            .with_siren_of_siret()
            .siren
        };
        assert_eq!(of_siret(None, "13002526500013").as_deref(), Some("130025265"));
        assert_eq!(
            of_siret(Some("1"), "13002526500013").as_deref(),
            Some("1"),
            "what is given is checked"
        );
        assert_eq!(of_siret(None, "ééééééé"), None);
    }

    #[test]
    fn wrong_numbers_and_names_are_found_all_at_once() {
        let wrong = Administration {
            domain: "Beta.gouv.fr".into(),
            name: " ".into(),
            siren: Some("130025266".into()),
            siret: Some("1".into()),
            ..dinum()
        };
        let fields: Vec<_> = wrong
            .validate()
            .unwrap_err()
            .into_iter()
            .map(|problem| problem.field)
            .collect();
        assert_eq!(fields, ["domain", "name", "siren", "siret"]);
        let other = Administration {
            siren: Some("356000000".into()),
            ..dinum()
        };
        assert_eq!(other.validate().unwrap_err()[0].message, "must start with the SIREN");
    }
}
