//! Whom a client admits, as an operator writes it: lists of what is admitted, each empty one no limit of its kind. What
//! they mean for an agent is decided in `domain::admission`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::client_metadata::{FieldProblem, is_domain_name};
use super::siren::is_siren;

/// How many entries one list may have.
const MAX_ENTRIES: usize = 500;

/// One of the three public services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Branch {
    /// The State.
    Etat,
    /// Local authorities.
    Territoriale,
    /// Hospitals.
    Hospitaliere,
}

impl Branch {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Etat, Self::Territoriale, Self::Hospitaliere];

    /// Its name in documents and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Etat => "etat",
            Self::Territoriale => "territoriale",
            Self::Hospitaliere => "hospitaliere",
        }
    }

    /// The one of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|branch| branch.as_str() == text)
    }
}

/// What kind of person an account is of, as `belonging_population` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Population {
    /// An agent of an administration that is known.
    Agent,
    /// A guest.
    Partenaire,
}

/// Whom a client admits. Both kinds of condition must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdmissionRules {
    /// Of which administrations.
    #[serde(skip_serializing_if = "Administrations::is_empty")]
    pub administrations: Administrations,
    /// Of which populations.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub populations: BTreeSet<Population>,
}

/// The criteria by which an administration is admitted: one that matches is enough.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Administrations {
    /// Numbers of public bodies.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub siren: BTreeSet<String>,
    /// Domains of e-mail addresses in lower case, each with its subdomains.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub email_domains: BTreeSet<String>,
    /// Server names.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub homeservers: BTreeSet<String>,
    /// Public services.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub branches: BTreeSet<Branch>,
}

impl Administrations {
    /// No limit.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl AdmissionRules {
    /// No limit.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Notes every entry that could never match, so that a slip of the pen shuts nobody out unseen.
    pub(super) fn check(&self, admits_guests: bool, problems: &mut Vec<FieldProblem>) {
        let Administrations {
            siren,
            email_domains,
            homeservers,
            branches: _,
        } = &self.administrations;
        let mut each = |list: &str, entries: &BTreeSet<String>, good: fn(&str) -> bool, message: &str| {
            let field = format!("admission.administrations.{list}");
            if entries.len() > MAX_ENTRIES {
                problems.push(FieldProblem::new(&field, format!("at most {MAX_ENTRIES} entries")));
            }
            for entry in entries.iter().filter(|entry| !good(entry)) {
                problems.push(FieldProblem::new(&field, format!("{entry:?}: {message}")));
            }
        };
        each(
            "siren",
            siren,
            is_siren,
            "expected 9 digits whose check digit (Luhn) is right",
        );
        let message = "expected a domain in lower case, for example \"beta.gouv.fr\"; it covers its subdomains";
        each("email_domains", email_domains, is_domain_name, message);
        each(
            "homeservers",
            homeservers,
            is_server_name,
            "expected a server name in lower case",
        );
        if self.populations.contains(&Population::Partenaire) && !admits_guests {
            let message = "\"partenaire\" means guests, who are refused without admits_guests = true";
            problems.push(FieldProblem::new("admission.populations", message));
        }
    }
}

/// A domain name with or without a port (Matrix, appendices, "Server Name").
fn is_server_name(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "0"));
    let is_port = (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    !host.is_empty() && host.bytes().all(is_plain) && is_port
}
