//! The steps of a login: identifier, password or single sign-on at the homeserver, and which account to continue with.

use askama::Template;

use super::{Layout, Service, filters, wait};
use crate::web::i18n::Text;

/// Asks who the agent is. Posts `identifier`, and `homeserver` (a server name, or empty) when there is a list.
#[derive(Template)]
#[template(path = "identifier.html")]
pub struct IdentifierPage {
    pub layout: Layout,
    /// The service that the agent comes from.
    pub service: Service,
    pub action: String,
    /// What the agent typed before, or the service's `login_hint`.
    pub value: String,
    pub error: Option<IdentifierError>,
    /// Server name and label of the homeserver that the error is about.
    pub server: Option<(String, String)>,
    /// (server name, label) of the homeservers to choose from; empty: no choice is offered.
    pub homeservers: Vec<(String, String)>,
}

/// Why the identifier does not lead to a homeserver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentifierError {
    Empty,
    /// Neither an e-mail address nor a Matrix id.
    Malformed,
    /// No homeserver on our list is responsible for this address.
    UnknownDomain,
    /// The directory knows the address as a guest's, or not at all.
    UnknownAddress,
    HomeserverUnreachable,
    DirectoryUnavailable,
    /// Too many look-ups; seconds to wait.
    TooMany {
        seconds: u64,
    },
}

impl IdentifierError {
    #[cfg(test)]
    pub const ALL: [IdentifierError; 7] = [
        IdentifierError::Empty,
        IdentifierError::Malformed,
        IdentifierError::UnknownDomain,
        IdentifierError::UnknownAddress,
        IdentifierError::HomeserverUnreachable,
        IdentifierError::DirectoryUnavailable,
        IdentifierError::TooMany { seconds: 180 },
    ];

    fn message(self, text: &Text) -> String {
        let key = match self {
            IdentifierError::TooMany { seconds } => {
                return text.with("identifier-error-too-many", &[("wait", &wait(text, Some(seconds)))]);
            }
            IdentifierError::Empty => "identifier-error-empty",
            IdentifierError::Malformed => "identifier-error-malformed",
            IdentifierError::UnknownDomain => "identifier-error-unknown-domain",
            IdentifierError::UnknownAddress => "identifier-error-unknown-address",
            IdentifierError::HomeserverUnreachable => "identifier-error-unreachable",
            IdentifierError::DirectoryUnavailable => "identifier-error-directory",
        };
        text.get(key)
    }

    /// Whether it is about what was typed, rather than about something out of the agent's hands.
    fn about_input(self) -> bool {
        matches!(
            self,
            IdentifierError::Empty | IdentifierError::Malformed | IdentifierError::UnknownDomain
        )
    }
}

impl IdentifierPage {
    fn about_input(&self) -> bool {
        self.error.is_some_and(IdentifierError::about_input)
    }

    /// A guest goes on with a press of a button of their own.
    fn asks_guests(&self) -> bool {
        self.error == Some(IdentifierError::UnknownAddress)
    }

    fn offers_list_first(&self) -> bool {
        matches!(
            self.error,
            Some(
                IdentifierError::UnknownDomain
                    | IdentifierError::UnknownAddress
                    | IdentifierError::DirectoryUnavailable
                    | IdentifierError::TooMany { .. }
            )
        )
    }
}

/// Asks for the password of one homeserver, named first. Posts `password`, and `identifier` with `needs_matrix_id`.
#[derive(Template)]
#[template(path = "password.html")]
pub struct PasswordPage {
    pub layout: Layout,
    pub service: Service,
    pub action: String,
    /// Server name, such as `agent.dinum.tchap.gouv.fr`.
    pub homeserver_name: String,
    pub homeserver_label: String,
    pub identifier: String,
    /// The server refuses e-mail addresses: ask for the Matrix id or user name.
    pub needs_matrix_id: bool,
    pub error: Option<PasswordError>,
    /// Where "use another account" posts to.
    pub change_action: String,
}

/// Why the homeserver did not let the agent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordError {
    Empty,
    /// Wrong identifier or password, or a deactivated account: homeservers answer the same.
    Wrong,
    /// Seconds to wait, where the homeserver says so.
    Throttled {
        seconds: Option<u64>,
    },
    /// The homeserver refused the e-mail address; comes with `needs_matrix_id`.
    MatrixIdNeeded,
    HomeserverUnreachable,
}

impl PasswordError {
    fn message(self, text: &Text) -> String {
        match self {
            PasswordError::Empty => text.get("password-error-empty"),
            PasswordError::Wrong => text.get("password-error-wrong"),
            PasswordError::Throttled { seconds } => {
                text.with("password-error-throttled", &[("wait", &wait(text, seconds))])
            }
            PasswordError::MatrixIdNeeded => text.get("password-error-matrix-id"),
            PasswordError::HomeserverUnreachable => text.get("password-error-unreachable"),
        }
    }
}

impl PasswordPage {
    /// The error belongs to the identifier field.
    fn identifier_error(&self) -> bool {
        self.needs_matrix_id && self.error == Some(PasswordError::MatrixIdNeeded)
    }

    /// The error belongs to the password field.
    fn password_error(&self) -> bool {
        matches!(self.error, Some(PasswordError::Empty | PasswordError::Wrong))
    }
}

/// Says which homeserver comes next, before the browser leaves. Posts `provider` (an identity provider's id, or empty).
#[derive(Template)]
#[template(path = "sso.html")]
pub struct SsoPage {
    pub layout: Layout,
    pub service: Service,
    pub action: String,
    pub homeserver_name: String,
    pub homeserver_label: String,
    /// (id, name) of the homeserver's identity providers; empty: one button for the server itself.
    pub providers: Vec<(String, String)>,
    /// Where "use another account" posts to.
    pub change_action: String,
}

impl ConfirmAccountPage {
    fn title(&self) -> String {
        self.layout.text.get(match self.typed {
            Some(_) => "confirm-title",
            None => "confirm-after-logout-title",
        })
    }

    fn intro(&self) -> String {
        let key = match self.typed {
            Some(_) => "confirm-intro",
            None => "confirm-after-logout-intro",
        };
        self.layout.text.with(key, &[("service", &self.service)])
    }
}

/// A session exists: continue with it? Posts `account=current` or `account=other`.
#[derive(Template)]
#[template(path = "choose_account.html")]
pub struct ChooseAccountPage {
    pub layout: Layout,
    pub service: Service,
    pub action: String,
    /// Stands for the account shown, for the handler to compare.
    pub shown: String,
    /// Display name; the Matrix id when there is none.
    pub name: String,
    pub matrix_id: String,
}

/// The account that came back is not the one typed, or came back by itself after a logout. Posts `answer=continue` or `answer=change`.
#[derive(Template)]
#[template(path = "confirm_account.html")]
pub struct ConfirmAccountPage {
    pub layout: Layout,
    pub service: String,
    pub action: String,
    /// Stands for the account shown, for the handler to compare.
    pub shown: String,
    /// What was typed, when it is another account.
    pub typed: Option<String>,
    pub came_back_name: String,
    pub came_back_matrix_id: String,
}
