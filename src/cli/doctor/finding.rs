//! One line of the report.

use serde::Serialize;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Ok,
    /// It works, but somebody should look.
    Warning,
    /// It does not work.
    Failed,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable: scripts rely on it.
    pub check: &'static str,
    /// What was looked at: a homeserver, our issuer, or this process.
    #[serde(rename = "where")]
    pub place: String,
    pub result: Outcome,
    /// What is so, and what to do.
    pub message: String,
}

impl Finding {
    pub fn new(check: &'static str, place: &str, result: Outcome, message: impl Into<String>) -> Self {
        Self {
            check,
            place: place.to_owned(),
            result,
            message: message.into(),
        }
    }
}
