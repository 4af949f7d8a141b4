//! How far a client has come: what a partner tries out is not yet for everybody.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// How many may try a client out that is not in production.
pub const MAX_TESTERS: usize = 20;

/// The stages of a client's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientStage {
    /// Made by a partner: it signs in its testers only.
    Sandbox,
    /// The same, while an operator decides.
    Requested,
    /// An operator vouches for it. Who does not say otherwise is there: whatever was registered before there were stages.
    #[default]
    Production,
}

impl ClientStage {
    /// Every stage.
    pub const ALL: [Self; 3] = [Self::Sandbox, Self::Requested, Self::Production];

    /// Its name in the database and in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Requested => "requested",
            Self::Production => "production",
        }
    }

    /// The one of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == name)
    }

    /// An operator vouches for it.
    pub fn is_production(&self) -> bool {
        *self == Self::Production
    }
}

/// What the console knows of a client besides its metadata.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    /// How far it has come.
    #[serde(skip_serializing_if = "ClientStage::is_production")]
    pub stage: ClientStage,
    /// The Matrix ids of those who may sign in before it is in production.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub testers: BTreeSet<String>,
    /// The e-mail domain of the administration that it belongs to: that of the agent who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub administration: Option<String>,
    /// An operator disabled it: no partner enables it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub locked: bool,
}

impl Standing {
    /// Whether the account of this Matrix id may sign in, as far as the stage is concerned.
    pub fn lets_in(&self, matrix_id: &str) -> bool {
        self.stage.is_production() || self.testers.contains(matrix_id)
    }
}
