//! Administrations: the table e-mail domain → public body that operators keep.

use serde::{Deserialize, Serialize};

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
