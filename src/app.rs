//! The one state of the program, shared by every handler and job.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::Clock;
use crate::config::{Config, SealingError};
use crate::egress::{Egress, EgressOptions, EgressSetupError, FetchOptions, Fetcher};
use crate::keys::{ClientSignatures, Keys, KeysError};
use crate::statistics::{Reports, Statistics};
use crate::store::Store;
use crate::tls::{Tls, TlsError};
use crate::upstream::Upstream;
use crate::web::pages::FooterLinks;
use crate::web::theme::{Theme, ThemeError};

/// Everything a handler may need.
#[derive(Debug)]
pub struct App {
    /// Process settings.
    pub config: Config,
    /// The database.
    pub store: Store,
    /// Signing keys.
    pub keys: Arc<Keys>,
    /// TLS, where it ends here.
    pub tls: Option<Arc<Tls>>,
    /// The homeserver side.
    pub upstream: Upstream,
    /// Requests to addresses that clients name.
    pub fetcher: Fetcher,
    /// Wakes the job that delivers logout tokens.
    pub logout_queued: Arc<Notify>,
    /// What clients sign.
    pub client_signatures: ClientSignatures,
    /// Counts of sign-ins.
    pub statistics: Statistics,
    /// What is shown of those of days that are over.
    pub reports: Reports,
    /// The only reader of time.
    pub clock: Clock,
    pub(crate) theme: Arc<Theme>,
    pub(crate) footer: Arc<FooterLinks>,
}

/// How handlers hold the [`App`].
pub type SharedApp = Arc<App>;

/// Why the program cannot start with this configuration and database.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The sealing key cannot be read.
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// The signing keys cannot be opened.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The TLS certificate or its key is not usable.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The operator's stylesheets are not usable.
    #[error(transparent)]
    Theme(#[from] ThemeError),
    /// Outgoing requests cannot be set up.
    #[error(transparent)]
    Egress(#[from] EgressSetupError),
    /// A file with further certification authorities cannot be read.
    #[error("{0} cannot be read: {1}")]
    CaFile(&'static str, std::io::Error),
}

impl App {
    /// Puts the program together over a migrated database. Signing keys are made at the first start.
    ///
    /// # Errors
    /// [`StartError`], in words for the operator.
    pub async fn build(config: Config, store: Store, clock: Clock) -> Result<Self, StartError> {
        let keys = Keys::load_or_generate(&store, config.read_sealing_key()?, clock.now()).await?;
        let keys = Arc::new(keys);
        let fetcher = fetcher(&config)?;
        let egress = egress(&config)?;
        Ok(Self {
            theme: Arc::new(Theme::load(config.theme.dsfr_dir.as_deref())?),
            footer: Arc::new(FooterLinks {
                accessibility: config.links.accessibility.clone(),
                legal: config.links.legal.clone(),
                privacy: config.links.privacy.clone(),
            }),
            client_signatures: ClientSignatures::new(keys.clone(), fetcher.clone()),
            keys,
            tls: config.tls.clone().map(Tls::load).transpose()?.map(Arc::new),
            fetcher,
            upstream: Upstream::new(egress, clock.clone(), config.directory_rules),
            logout_queued: Arc::default(),
            statistics: Statistics::default(),
            reports: Reports::default(),
            config,
            store,
            clock,
        })
    }
}

/// What talks to homeservers.
///
/// # Errors
/// [`StartError`], in words for the operator.
pub fn egress(config: &Config) -> Result<Egress, StartError> {
    Ok(Egress::new(EgressOptions {
        timeout: Duration::from_secs(config.upstream.timeout_seconds),
        extra_ca: read_ca("upstream.ca_file", &config.upstream.ca_file)?,
        ..EgressOptions::default()
    })?)
}

/// What fetches the addresses that clients name.
///
/// # Errors
/// [`StartError`], in words for the operator.
pub fn fetcher(config: &Config) -> Result<Fetcher, StartError> {
    Ok(Fetcher::new(FetchOptions {
        allow: config.fetch.allow.clone(),
        extra_ca: read_ca("fetch.ca_file", &config.fetch.ca_file)?,
    })?)
}

fn read_ca(key: &'static str, file: &Option<PathBuf>) -> Result<Option<Vec<u8>>, StartError> {
    let pem = file.as_ref().map(std::fs::read).transpose();
    pem.map_err(|error| StartError::CaFile(key, error))
}
