//! `/status`: how each homeserver is.

use askama::Template;

use super::{Layout, filters, wait};
use crate::web::i18n::Text;

/// How the homeservers are, in the operator's order.
#[derive(Template)]
#[template(path = "status.html")]
pub struct StatusPage {
    pub layout: Layout,
    pub servers: Vec<ServerStatus>,
}

/// One homeserver.
#[derive(Debug, Clone)]
pub struct ServerStatus {
    pub name: String,
    pub label: String,
    pub state: ServerState,
}

/// What is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerState {
    Works,
    /// It has not answered for so many seconds.
    Failing {
        seconds: u64,
    },
    /// It was not asked yet.
    Unknown,
}

impl ServerState {
    pub(super) fn words(self, text: &Text) -> String {
        match self {
            ServerState::Works => text.get("status-works"),
            ServerState::Failing { seconds } => {
                text.with("status-failing", &[("wait", &wait(text, Some(seconds.max(1))))])
            }
            ServerState::Unknown => text.get("status-unknown"),
        }
    }
}
