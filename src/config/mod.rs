//! The process configuration: one file (`tchap-connect.toml`) and `TCHAP_CONNECT_*` variables, which win. It holds only
//! process settings; what people manage (homeservers, administrations, clients) lives in the database. Every problem is
//! reported at once, with its key and where it was written.
//!
//! Two modes. *Production* is what a configuration file or an https issuer means unless it says otherwise: it assumes
//! nothing that matters. *Development* is what one gets with neither: everything is assumed, and said. So a deployment
//! cannot end up in development by forgetting something: its issuer would have to be http, on loopback.

mod checks;
mod draft;
mod reader;
mod sealing;
#[cfg(test)]
mod tests;
mod watch;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;

pub use reader::{Problem, Problems, Setting, syntax_problem};
pub use sealing::SealingError;

use crate::secret::Redacted;
use crate::tls::TlsFiles;
use draft::Draft;
use reader::Reader;

/// The file looked for in the current directory when none is named.
pub const DEFAULT_FILE: &str = "tchap-connect.toml";
/// The variable that names the file.
pub const FILE_VARIABLE: &str = "TCHAP_CONNECT_CONFIG";

/// How strict the process is about its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Assumes nothing that matters, refuses what is unsafe.
    Production,
    /// Runs with nothing but a homeserver, on this machine.
    Development,
}

/// The configuration in effect. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct Config {
    /// Our issuer: a bare origin without trailing slash. A `String`, because `Url` would add a slash.
    pub issuer: String,
    /// Where the HTTP server listens.
    pub listen: SocketAddr,
    /// Production or development.
    pub mode: Mode,
    /// Where the certificate is when TLS ends here; `None` when a proxy ends it.
    pub tls: Option<TlsFiles>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Where everything is stored.
    pub database: Database,
    /// Where the sealing key is.
    pub sealing_key: SealingKeySource,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// How long a signing key signs, in seconds; `None` until it is rotated by command.
    pub key_rotation: Option<i64>,
    /// How long what happened is remembered.
    pub retention: Retention,
    /// Caps.
    pub limits: Limits,
    /// Clients that register themselves.
    pub registration: Registration,
    /// What our e-mail domain rules are worth beside the directory.
    pub directory_rules: DomainRules,
    /// Requests to homeservers.
    pub upstream: Upstream,
    /// Whether accounts still stand.
    pub watch: Watch,
    /// Requests to addresses that clients name.
    pub fetch: Fetch,
    /// Who shows it reads `/metrics`; `None`: nobody does.
    pub metrics_token: Option<Redacted>,
    /// The look of the pages.
    pub theme: Theme,
    /// Links in the footer of every page.
    pub links: Links,
    /// Logging.
    pub log: Log,
    /// What development mode assumed, each a sentence to print at start.
    pub assumptions: Vec<String>,
    /// Every setting with its value (secrets redacted) and source, in the order of the example file.
    pub settings: Vec<Setting>,
}

/// Where everything is stored.
#[derive(Debug, Clone)]
pub struct Database {
    /// `sqlite:PATH` or `postgres://…` (which may carry a password).
    pub url: Redacted,
    /// Connections of the PostgreSQL pool.
    pub max_connections: u32,
}

/// Where the sealing key is; read with [`Config::read_sealing_key`].
#[derive(Debug, Clone)]
pub enum SealingKeySource {
    /// Given in the environment.
    Value(Redacted),
    /// A file of its own.
    File(PathBuf),
}

/// How long things live, each in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// An authorization code.
    pub code: i64,
    /// A login attempt at a homeserver.
    pub login_attempt: i64,
    /// A flow, from the authorization request to the code.
    pub flow: i64,
    /// An access token.
    pub access_token: i64,
    /// An ID token.
    pub id_token: i64,
    /// A refresh token that is not used.
    pub refresh_token_idle: i64,
    /// A refresh token however often it is used, counted from the authorization.
    pub refresh_token: i64,
    /// A browser session, absolute.
    pub session: i64,
    /// A remembered consent.
    pub consent: i64,
    /// What was last known of an account, where its homeserver is watched.
    pub unconfirmed: i64,
    /// A sign-in in the agent's history.
    pub sign_ins: i64,
}

/// How long what happened is remembered, in whole days (UTC) before the present one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Administrative acts of the audit log.
    pub administrative_acts: i64,
    /// Its security events.
    pub security_events: i64,
    /// Counts of sign-ins.
    pub statistics: i64,
}

/// Caps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Unfinished flows per network (IPv4 address or IPv6 /64).
    pub open_flows_per_network: i64,
    /// Failed passwords per account and half hour from browsers that the agent never signed in with.
    pub failed_passwords_per_account: i64,
    /// The same per network (IPv4 address or IPv6 /64), whoever they are for.
    pub failed_passwords_per_network: i64,
}

/// Who may register a client by themselves (RFC 7591).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RegistrationMode {
    /// Nobody: there is no such endpoint.
    #[default]
    Off,
    /// Whoever has an initial access token.
    Token,
    /// Everybody.
    Open,
}

/// Clients that register themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registration {
    /// Who may.
    pub mode: RegistrationMode,
    /// How many attempts from one network (IPv4 address or IPv6 /64) within a day.
    pub per_network_per_day: i64,
    /// How many in all.
    pub max_clients: i64,
    /// After so many days without a sign-in or a token such a client is deleted.
    pub unused_days: i64,
}

impl Registration {
    /// Whether there is an endpoint at all.
    pub fn is_on(self) -> bool {
        self.mode != RegistrationMode::Off
    }
}

/// What our own e-mail domain rules are worth beside the directory, for where an address leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DomainRules {
    /// A rule that matches decides; the directory is asked about the other addresses.
    #[default]
    First,
    /// The directory decides; a rule does where it does not know the address or cannot be asked.
    Last,
    /// The directory is never asked, not even about who may assert an address.
    Only,
}

/// Requests to homeservers.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// The longest that one request to a homeserver may take, in seconds.
    pub timeout_seconds: u64,
    /// PEM file with further certification authorities.
    pub ca_file: Option<PathBuf>,
}

/// The lifecycle watch.
#[derive(Debug, Clone)]
pub struct Watch {
    /// Each account is asked about so often, in seconds.
    pub period: i64,
    /// The directory with our token for each homeserver that is asked, in a file of its name.
    pub tokens_dir: Option<PathBuf>,
}

/// Requests to addresses that clients name (`jwks_uri`, `request_uri`, logout and the like).
#[derive(Debug, Clone)]
pub struct Fetch {
    /// Host and port of servers that may have no public address.
    pub allow: Vec<(String, u16)>,
    /// PEM file with further certification authorities.
    pub ca_file: Option<PathBuf>,
}

/// The look of the pages.
#[derive(Debug, Clone)]
pub struct Theme {
    /// The `dist` directory of an operator's own copy of DSFR, which replaces the neutral stylesheet.
    pub dsfr_dir: Option<PathBuf>,
}

/// Links in the footer of every page; `None` is our own page or no link.
#[derive(Debug, Clone, Default)]
pub struct Links {
    /// Accessibility statement.
    pub accessibility: Option<String>,
    /// Legal notice.
    pub legal: Option<String>,
    /// Personal data and cookies.
    pub privacy: Option<String>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Logging.
#[derive(Debug, Clone)]
pub struct Log {
    /// Text or JSON.
    pub format: LogFormat,
    /// A `tracing` filter, for example `info,tchap_connect=debug`.
    pub filter: String,
}

impl Database {
    /// The file of an SQLite database.
    pub fn sqlite_file(&self) -> Option<&Path> {
        let path = self.url.expose().strip_prefix("sqlite:")?;
        Some(Path::new(path.strip_prefix("//").unwrap_or(path)))
    }
}

impl Config {
    /// Reads the file (`file`, else the one named by `TCHAP_CONNECT_CONFIG`, else `./tchap-connect.toml` if there) and
    /// the variables `env`.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn load(file: Option<&Path>, env: impl IntoIterator<Item = (String, String)>) -> Result<Self, Problems> {
        let mut env: Vec<_> = env.into_iter().collect();
        let named = env.iter().position(|(name, _)| name == FILE_VARIABLE);
        let named = named.map(|at| env.swap_remove(at).1).filter(|name| !name.is_empty());
        let path = file.map(Path::to_owned).or_else(|| named.map(PathBuf::from));
        let path = path.or_else(|| Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.exists()));
        let Some(path) = path else {
            return Self::parse(None, env);
        };
        let name = path.display().to_string();
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(Some((&name, &text)), env),
            Err(error) => Err(Problems(vec![Problem {
                key: "configuration file".to_owned(),
                source: name,
                message: format!("cannot be read: {error}"),
            }])),
        }
    }

    /// Reads a configuration from a file's name and text and from variables.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn parse(
        file: Option<(&str, &str)>,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Problems> {
        let (name, text) = file.unwrap_or(("no file", ""));
        let mut reader = Reader::new(name, text, env);
        let deployed = file.is_some()
            || reader
                .text_of("issuer")
                .is_some_and(|issuer| !issuer.starts_with("http://"));
        let assumed_mode = if deployed { "production" } else { "development" };
        let mode = reader.text("mode", Some(assumed_mode), checks::mode);
        // A mode that cannot be read is the strict one: its own problem is noted already.
        Draft::new(mode.unwrap_or(Mode::Production), reader).finish()
    }

    /// Value and source of a setting as it may be shown.
    pub fn setting(&self, key: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.key == key)
    }

    /// The address of the discovery document (Discovery §4), which a client's software is given.
    pub fn discovery_url(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.issuer)
    }

    /// Where browsers come back to from a homeserver's authentication service: one address per homeserver.
    pub fn oauth_redirect_uri(&self, homeserver: &str) -> String {
        format!("{}/login/oauth/{homeserver}", self.issuer)
    }

    /// Whether browsers reach us by https, so that cookies can be `__Host-` and `Secure`.
    pub fn is_https(&self) -> bool {
        self.issuer.starts_with("https://")
    }
}
