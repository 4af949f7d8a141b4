//! What most commands begin with: the configuration, and an open, up-to-date database.

use anyhow::{Context as _, bail};

use super::{Global, logging, output};
use crate::clock::Clock;
use crate::config::{Config, Mode};
use crate::keys::Keys;
use crate::store::Store;

/// Whether a command may make a database that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// It may: it is one that begins things.
    MayBeMade,
    /// It must not: an empty one would only hide a wrong path.
    MustExist,
}

/// Configuration, database and clock.
pub struct Context {
    pub config: Config,
    pub store: Store,
    pub clock: Clock,
}

/// Reads the configuration of this process.
pub fn load_config(global: &Global) -> Result<Config, crate::config::Problems> {
    let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    let variables = std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value)));
    Config::load(global.config.as_deref(), variables)
}

impl Context {
    /// Reads the configuration, starts logging, opens the database and checks that its tables are up to date.
    /// Development brings them up to date itself.
    pub async fn open(global: &Global, database: Database) -> anyhow::Result<Self> {
        let context = Self::open_as_it_is(global, database).await?;
        let pending = context.store.pending_migrations().await?;
        if pending > 0 && context.config.mode == Mode::Production {
            bail!("the database's tables are not up to date ({pending} to go): run `tchap-connect migrate` first");
        }
        if pending > 0 {
            context.store.migrate().await?;
            tracing::info!(migrations = pending, "Brought the database's tables up to date");
        }
        Ok(context)
    }

    /// [`Context::open`] without looking at the tables.
    pub async fn open_as_it_is(global: &Global, database: Database) -> anyhow::Result<Self> {
        let config = load_config(global)?;
        logging::start(&config.log)?;
        let shown = config
            .setting("database.url")
            .map_or("", |setting| setting.value.as_str());
        if let (Database::MustExist, Some(file)) = (database, config.database.sqlite_file())
            && !file.exists()
        {
            bail!(
                "there is no database {shown}: is this the right directory and configuration (--config, \
                 TCHAP_CONNECT_CONFIG)? `tchap-connect serve`, `migrate` and `apply` make one"
            );
        }
        let store = Store::open_with(config.database.url.expose(), config.database.max_connections)
            .await
            .with_context(|| format!("cannot open {shown}"))?;
        Ok(Self {
            config,
            store,
            clock: Clock::System,
        })
    }

    /// Opens the signing keys with the sealing key, making both in development where there are none.
    pub async fn keys(&self) -> anyhow::Result<Keys> {
        let sealing = self.config.read_sealing_key()?;
        Ok(Keys::load_or_generate(&self.store, sealing, self.clock.now()).await?)
    }
}

/// Prints what development mode assumed.
pub fn say_assumptions(config: &Config) {
    if config.mode == Mode::Development {
        output::say("Development mode (for this machine only; a configuration file or an https issuer ends it):");
    }
    for assumption in &config.assumptions {
        output::say(&format!("  assumed: {assumption}"));
    }
}
