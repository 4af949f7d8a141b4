//! The process configuration: one file (`tchap-connect.toml`) and `TCHAP_CONNECT_*` variables, which win. It holds only
//! process settings; what people manage (homeservers, administrations, clients) lives in the database. Every problem is
//! reported at once, with its key and where it was written.
//!
//! Two modes. *Production* is what a configuration file or an https issuer means unless it says otherwise: it assumes
//! nothing that matters. *Development* is what one gets with neither: everything is assumed, and said. So a deployment
//! cannot end up in development by forgetting something: its issuer would have to be http, on loopback.

mod checks;
mod reader;
mod sealing;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;

pub use reader::{Problem, Problems, Setting, syntax_problem};
pub use sealing::SealingError;

use crate::secret::Redacted;
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
    /// Caps.
    pub limits: Limits,
    /// Requests to homeservers.
    pub upstream: Upstream,
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
    /// A browser session, absolute.
    pub session: i64,
    /// A remembered consent.
    pub consent: i64,
}

/// Caps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Unfinished flows per network (IPv4 address or IPv6 /64).
    pub open_flows_per_network: i64,
}

/// Requests to homeservers.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// The longest that one request to a homeserver may take, in seconds.
    pub timeout_seconds: u64,
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
        let draft = Draft {
            // A mode that cannot be read is the strict one: its own problem is noted already.
            mode: mode.unwrap_or(Mode::Production),
            reader,
            assumptions: Vec::new(),
        };
        draft.finish()
    }

    /// Value and source of a setting as it may be shown.
    pub fn setting(&self, key: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.key == key)
    }

    /// The address of the discovery document (Discovery §4), which a client's software is given.
    pub fn discovery_url(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.issuer)
    }

    /// Whether browsers reach us by https, so that cookies can be `__Host-` and `Secure`.
    pub fn is_https(&self) -> bool {
        self.issuer.starts_with("https://")
    }
}

/// A configuration half read.
struct Draft {
    mode: Mode,
    reader: Reader,
    assumptions: Vec<String>,
}

impl Draft {
    fn finish(mut self) -> Result<Config, Problems> {
        let listen = self.listen();
        let issuer = self.issuer(listen);
        let trusted_proxies = self.trusted_proxies();
        let database = self.database();
        let sealing_key = self.sealing_key(&database);
        let lifetimes = self.lifetimes();
        let reader = &mut self.reader;
        let rotation_days = reader.integer("keys.rotation_days", 90, 0..=730);
        let limits = Limits {
            open_flows_per_network: reader.integer("limits.open_flows_per_network", 2000, 1..=1_000_000),
        };
        let upstream = Upstream {
            timeout_seconds: reader.integer("upstream.timeout_seconds", 10, 1..=60).unsigned_abs(),
            ca_file: reader.text("upstream.ca_file", None, checks::pem_file),
        };
        let theme = Theme {
            dsfr_dir: reader.text("theme.dsfr_dir", None, checks::dsfr_dir),
        };
        let links = Links {
            accessibility: reader.text("links.accessibility", None, checks::link),
            legal: reader.text("links.legal", None, checks::link),
            privacy: reader.text("links.privacy", None, checks::link),
        };
        let log = Log {
            format: reader
                .text("log.format", Some("text"), checks::log_format)
                .unwrap_or_default(),
            filter: reader
                .text("log.filter", Some("info"), checks::log_filter)
                .unwrap_or_default(),
        };
        let settings = self.reader.finish()?;
        // A `None` here has its problem noted, so `finish` has returned above; the alternative texts are never used.
        Ok(Config {
            issuer: issuer.unwrap_or_default(),
            listen,
            mode: self.mode,
            trusted_proxies,
            database,
            sealing_key,
            lifetimes,
            key_rotation: (rotation_days > 0).then_some(rotation_days * 24 * 3600),
            limits,
            upstream,
            theme,
            links,
            log,
            assumptions: self.assumptions,
            settings,
        })
    }

    fn listen(&mut self) -> SocketAddr {
        self.reader
            .text("listen", Some("127.0.0.1:8080"), checks::listen)
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080)))
    }

    fn issuer(&mut self, listen: SocketAddr) -> Option<String> {
        let mode = self.mode;
        let default = match mode {
            Mode::Development if listen.ip().is_loopback() && listen.port() != 0 => Some(format!("http://{listen}")),
            _ => None,
        };
        if !self.reader.is_given("issuer") {
            match &default {
                Some(issuer) => self.assume(format!(
                    "the issuer is {issuer} (browsers reach it on this machine only)"
                )),
                None => self.reader.problem(
                    "issuer",
                    "write the origin that browsers see, for example issuer = \"https://connect.example.gouv.fr\"",
                ),
            }
        }
        self.reader
            .text("issuer", default.as_deref(), |text| checks::issuer(text, mode))
    }

    fn trusted_proxies(&mut self) -> Vec<IpNet> {
        // Only http is served here, so a public https issuer has a proxy in front of it: without its address every
        // visitor would seem to come from one network and share one cap.
        if self.mode == Mode::Production && !self.reader.is_given("trusted_proxies") {
            self.reader.problem(
                "trusted_proxies",
                "list the proxy that ends TLS, for example trusted_proxies = [\"10.0.0.5/32\"]; [] if it passes \
                 connections through unchanged",
            );
        }
        let proxies = self.reader.list("trusted_proxies", checks::network);
        if proxies.iter().any(|network| network.prefix_len() == 0) {
            self.reader.problem(
                "trusted_proxies",
                "a network of all addresses would believe everybody's X-Forwarded-For: list the proxies only",
            );
        }
        proxies
    }

    fn database(&mut self) -> Database {
        let default = (self.mode == Mode::Development).then_some("sqlite:tchap-connect.db");
        if !self.reader.is_given("database.url") {
            match default {
                Some(_) => self.assume("everything is stored in tchap-connect.db here (SQLite)".to_owned()),
                None => self.reader.problem(
                    "database.url",
                    "write url = \"sqlite:/var/lib/tchap-connect/tchap-connect.db\" or \
                     url = \"postgres://user:password@host/database\" under [database]",
                ),
            }
        }
        let url = self
            .reader
            .secret("database.url", default, checks::show_database, checks::database_url);
        Database {
            url: url.unwrap_or_default(),
            max_connections: u32::try_from(self.reader.integer("database.max_connections", 8, 1..=200)).unwrap_or(8),
        }
    }

    fn lifetimes(&mut self) -> Lifetimes {
        const HOUR: i64 = 3600;
        const DAY: i64 = 24 * HOUR;
        let reader = &mut self.reader;
        let lifetimes = Lifetimes {
            code: reader.integer("lifetimes.code", 60, 10..=600),
            login_attempt: reader.integer("lifetimes.login_attempt", 600, 60..=HOUR),
            flow: reader.integer("lifetimes.flow", 1800, 300..=DAY),
            access_token: reader.integer("lifetimes.access_token", 600, 60..=DAY),
            id_token: reader.integer("lifetimes.id_token", 600, 60..=HOUR),
            session: reader.integer("lifetimes.session", 12 * HOUR, 300..=30 * DAY),
            consent: reader.integer("lifetimes.consent", 365 * DAY, HOUR..=730 * DAY),
        };
        if lifetimes.login_attempt > lifetimes.flow {
            reader.problem("lifetimes.login_attempt", "must not be longer than lifetimes.flow");
        }
        // The cookie session binds a flow to its browser.
        if lifetimes.session < lifetimes.flow {
            reader.problem("lifetimes.session", "must not be shorter than lifetimes.flow");
        }
        lifetimes
    }

    fn assume(&mut self, what: String) {
        self.assumptions.push(what);
    }
}
