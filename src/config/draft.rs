//! Reading the settings one by one: each with its default, its bounds and what development mode assumes.

use std::net::SocketAddr;

use ipnet::IpNet;

use super::reader::Reader;
use super::{
    Config, Database, Fetch, Lifetimes, Limits, Links, Log, Mode, Problems, Registration, Retention, Theme, Upstream,
    Watch, checks,
};
use crate::tls::{Tls, TlsFiles};

/// A configuration half read.
pub(super) struct Draft {
    pub(super) mode: Mode,
    pub(super) reader: Reader,
    pub(super) assumptions: Vec<String>,
}

impl Draft {
    /// Over what was written.
    pub fn new(mode: Mode, reader: Reader) -> Self {
        Self {
            mode,
            reader,
            assumptions: Vec::new(),
        }
    }

    /// Reads everything.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn finish(mut self) -> Result<Config, Problems> {
        let listen = self.listen();
        let own_tls = self.reader.is_given("tls.cert_file") || self.reader.is_given("tls.key_file");
        let issuer = self.issuer(listen, own_tls);
        let trusted_proxies = self.trusted_proxies(own_tls);
        let database = self.database();
        let sealing_key = self.sealing_key(&database);
        let tls = self.tls();
        let lifetimes = self.lifetimes();
        let reader = &mut self.reader;
        let rotation_days = reader.integer("keys.rotation_days", 90, 0..=730);
        let retention = Retention {
            administrative_acts: reader.integer("retention.administrative_acts", 1826, 30..=36_525),
            security_events: reader.integer("retention.security_events", 365, 1..=3653),
            statistics: reader.integer("retention.statistics", 1096, 365..=36_525),
        };
        let limits = Limits {
            open_flows_per_network: reader.integer("limits.open_flows_per_network", 2000, 1..=1_000_000),
            failed_passwords_per_account: reader.integer("limits.failed_passwords_per_account", 4, 1..=100),
            failed_passwords_per_network: reader.integer("limits.failed_passwords_per_network", 100, 1..=1800),
        };
        let registration = Registration {
            mode: reader
                .text("registration.mode", Some("off"), checks::registration_mode)
                .unwrap_or_default(),
            per_network_per_day: reader.integer("registration.per_network_per_day", 20, 1..=100_000),
            max_clients: reader.integer("registration.max_clients", 1000, 1..=1_000_000),
            unused_days: reader.integer("registration.unused_days", 90, 1..=3650),
        };
        let directory_rules = reader
            .text("directory.rules", Some("first"), checks::directory_rules)
            .unwrap_or_default();
        let upstream = Upstream {
            timeout_seconds: reader.integer("upstream.timeout_seconds", 10, 1..=60).unsigned_abs(),
            ca_file: reader.text("upstream.ca_file", None, checks::pem_file),
        };
        let watch = Watch {
            period: reader.integer("watch.period", 240, 60..=86_400),
            tokens_dir: reader.text("watch.tokens_dir", None, checks::directory),
        };
        // Else nobody's session would last until the next answer.
        if lifetimes.unconfirmed < 2 * watch.period {
            reader.problem("lifetimes.unconfirmed", "must be at least twice watch.period");
        }
        let fetch = Fetch {
            allow: reader.list("fetch.allow", checks::host_and_port),
            ca_file: reader.text("fetch.ca_file", None, checks::pem_file),
        };
        let metrics_token = reader.text("metrics.token_file", None, checks::token_file);
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
            tls,
            trusted_proxies,
            database,
            sealing_key,
            lifetimes,
            key_rotation: (rotation_days > 0).then_some(rotation_days * 24 * 3600),
            retention,
            limits,
            registration,
            directory_rules,
            upstream,
            watch,
            fetch,
            metrics_token,
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

    fn issuer(&mut self, listen: SocketAddr, own_tls: bool) -> Option<String> {
        let mode = self.mode;
        let scheme = if own_tls { "https" } else { "http" };
        let default = match mode {
            Mode::Development if listen.ip().is_loopback() && listen.port() != 0 => {
                Some(format!("{scheme}://{listen}"))
            }
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
        let issuer = self
            .reader
            .text("issuer", default.as_deref(), |text| checks::issuer(text, mode));
        if own_tls && issuer.as_deref().is_some_and(|issuer| issuer.starts_with("http:")) {
            self.reader
                .problem("issuer", "browsers reach us by TLS (tls.cert_file): write https");
        }
        issuer
    }

    /// Both files or neither; and they must belong together.
    fn tls(&mut self) -> Option<TlsFiles> {
        let both = [("tls.cert_file", "tls.key_file"), ("tls.key_file", "tls.cert_file")];
        for (given, missing) in both {
            if self.reader.is_given(given) && !self.reader.is_given(missing) {
                let message = format!("{given} is given: a certificate and its key are named together");
                self.reader.problem(missing, message);
            }
        }
        let cert_file = self.reader.text("tls.cert_file", None, checks::pem_file);
        let mode = self.mode;
        let key_file = self
            .reader
            .text("tls.key_file", None, |text| checks::private_file(text, mode));
        let files = TlsFiles {
            cert_file: cert_file?,
            key_file: key_file?,
        };
        if let Err(error) = Tls::load(files.clone()) {
            let key = if error.is_of_key() {
                "tls.key_file"
            } else {
                "tls.cert_file"
            };
            self.reader.problem(key, error.to_string());
        }
        Some(files)
    }

    fn trusted_proxies(&mut self, own_tls: bool) -> Vec<IpNet> {
        // Where only http is served, a public https issuer has a proxy in front of it: without its address every
        // visitor would seem to come from one network and share one cap.
        if self.mode == Mode::Production && !own_tls && !self.reader.is_given("trusted_proxies") {
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
            refresh_token_idle: reader.integer("lifetimes.refresh_token_idle", 30 * DAY, HOUR..=365 * DAY),
            refresh_token: reader.integer("lifetimes.refresh_token", 90 * DAY, HOUR..=730 * DAY),
            session: reader.integer("lifetimes.session", 12 * HOUR, 300..=30 * DAY),
            consent: reader.integer("lifetimes.consent", 365 * DAY, HOUR..=730 * DAY),
            unconfirmed: reader.integer("lifetimes.unconfirmed", DAY, 600..=30 * DAY),
            sign_ins: reader.integer("lifetimes.sign_ins", 365 * DAY, DAY..=1095 * DAY),
        };
        if lifetimes.login_attempt > lifetimes.flow {
            reader.problem("lifetimes.login_attempt", "must not be longer than lifetimes.flow");
        }
        if lifetimes.refresh_token_idle > lifetimes.refresh_token {
            let message = "must not be longer than lifetimes.refresh_token";
            reader.problem("lifetimes.refresh_token_idle", message);
        }
        // The cookie session binds a flow to its browser.
        if lifetimes.session < lifetimes.flow {
            reader.problem("lifetimes.session", "must not be shorter than lifetimes.flow");
        }
        lifetimes
    }

    pub(super) fn assume(&mut self, what: String) {
        self.assumptions.push(what);
    }
}
