//! Administrations: the table e-mail domain → public body that operators keep.

use serde::{Deserialize, Serialize};

use crate::protocol::client_metadata::{FieldProblem, check_display_name, is_domain_name};

/// La Poste's SIREN. Its establishments are too many for Luhn: their SIRET's digits sum to a multiple of five.
const LA_POSTE: &str = "356000000";

/// One of the three public services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Branch {
    /// The State.
    Etat,
    /// Local authorities.
    Territoriale,
    /// Hospitals.
    Hospitaliere,
}

/// A public body, found by the domain of an agent's e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

fn is_siren(text: &str) -> bool {
    is_number(text, 9) && luhn(text)
}

fn is_siret(text: &str) -> bool {
    let of_la_poste =
        || text.starts_with(LA_POSTE) && text.bytes().map(|digit| u32::from(digit - b'0')).sum::<u32>() % 5 == 0;
    is_number(text, 14) && (luhn(text) || of_la_poste())
}

fn is_number(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit()) && text.bytes().any(|byte| byte != b'0')
}

/// Luhn's check over a text of digits.
fn luhn(digits: &str) -> bool {
    let value = |(place, digit): (usize, u8)| {
        let digit = u32::from(digit - b'0');
        match (place % 2, digit) {
            (0, digit) => digit,
            (_, digit @ 5..) => digit * 2 - 9,
            (_, digit) => digit * 2,
        }
    };
    digits.bytes().rev().enumerate().map(value).sum::<u32>() % 10 == 0
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
        assert!(
            is_siret("35600000000048") && is_siren("356000000"),
            "La Poste, head office"
        );
        assert!(
            !luhn("35600000009075") && is_siret("35600000009075"),
            "La Poste, an establishment"
        );
    }

    #[test]
    fn wrong_numbers_and_names_are_found_all_at_once() {
        for bad in [
            "",
            "13002526",
            "130025266",
            "1300252650",
            "13002526x",
            "000000000",
            "１３００２５２６５",
        ] {
            assert!(!is_siren(bad), "{bad}");
        }
        for bad in ["13002526500014", "1300252650001", "35600000009076", "00000000000000"] {
            assert!(!is_siret(bad), "{bad}");
        }
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
