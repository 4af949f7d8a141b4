//! The one state of the program, shared by every handler and job.

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::Config;
use crate::keys::Keys;
use crate::store::Store;
use crate::upstream::Upstream;
use crate::web::pages::FooterLinks;
use crate::web::theme::Theme;

/// Everything a handler may need.
#[derive(Debug)]
pub struct App {
    /// Process settings.
    pub config: Config,
    /// The database.
    pub store: Store,
    /// Signing keys.
    pub keys: Keys,
    /// The homeserver side.
    pub upstream: Upstream,
    /// The only reader of time.
    pub clock: Clock,
    /// Stylesheets.
    pub theme: Arc<Theme>,
    /// Addresses in the footer.
    pub footer: Arc<FooterLinks>,
}

/// How handlers hold the [`App`].
pub type SharedApp = Arc<App>;
