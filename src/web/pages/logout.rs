//! Signing out: the question, and what came of it.

use askama::Template;

use super::{Layout, filters};

/// Asks before anything is ended. Posts `answer=leave` or `answer=stay`.
#[derive(Template)]
#[template(path = "logout.html")]
pub struct LogoutPage {
    pub layout: Layout,
    /// Name of the service that asks, when it is known.
    pub service: Option<String>,
    pub action: String,
    /// Stands for the session shown, for the handler to compare.
    pub shown: String,
    /// Display name; the Matrix id when there is none.
    pub name: String,
    pub matrix_id: String,
}

/// The session is over. The frames tell services in the browser (Front-Channel Logout §3).
#[derive(Template)]
#[template(path = "signed_out.html")]
pub struct SignedOutPage {
    pub layout: Layout,
    pub frames: Vec<String>,
    /// Back to the service: a registered address.
    pub back: Option<String>,
    /// The browser goes back by itself.
    pub goes_back: bool,
}

/// The agent said no.
#[derive(Template)]
#[template(path = "still_signed_in.html")]
pub struct StillSignedInPage {
    pub layout: Layout,
    /// Back to the service: a registered address.
    pub back: Option<String>,
}
