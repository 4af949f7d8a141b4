//! What each setting must look like. Every message says what to write instead, and none repeats a secret.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use tracing_subscriber::EnvFilter;
use url::Url;

use super::{DomainRules, LogFormat, Mode, RegistrationMode};
use crate::protocol::return_to::is_loopback;
use crate::secret::Redacted;

pub fn mode(text: &str) -> Result<Mode, String> {
    match text {
        "production" => Ok(Mode::Production),
        "development" => Ok(Mode::Development),
        _ => Err("expected \"production\" or \"development\"".to_owned()),
    }
}

pub fn registration_mode(text: &str) -> Result<RegistrationMode, String> {
    match text {
        "off" => Ok(RegistrationMode::Off),
        "token" => Ok(RegistrationMode::Token),
        "open" => Ok(RegistrationMode::Open),
        _ => Err("expected \"off\", \"token\" or \"open\"".to_owned()),
    }
}

pub fn directory_rules(text: &str) -> Result<DomainRules, String> {
    match text {
        "first" => Ok(DomainRules::First),
        "last" => Ok(DomainRules::Last),
        "only" => Ok(DomainRules::Only),
        _ => Err("expected \"first\", \"last\" or \"only\"".to_owned()),
    }
}

pub fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "expected an address and a port, for example \"127.0.0.1:8080\" or \"[::]:8080\"".to_owned())
}

/// A bare origin (Discovery §3 wants https; http only on this machine).
pub fn issuer(text: &str, mode: Mode) -> Result<String, String> {
    let url = Url::parse(text).map_err(|_| "expected an origin such as \"https://connect.example.gouv.fr\"")?;
    match url.scheme() {
        "https" if url.has_host() => {}
        "http" if mode == Mode::Production => {
            return Err("production needs https: http is for mode = \"development\" on this machine".to_owned());
        }
        "http" if is_loopback(&url) => {}
        "http" => return Err("http is only for 127.0.0.1, [::1] and localhost: use https".to_owned()),
        _ => return Err("expected an origin such as \"https://connect.example.gouv.fr\"".to_owned()),
    }
    let origin = url.origin().ascii_serialization();
    if origin == text {
        Ok(origin)
    } else {
        Err(format!(
            "must be a bare origin, without path or trailing slash: write \"{origin}\""
        ))
    }
}

pub fn network(text: &str) -> Result<IpNet, String> {
    let host = || text.parse::<std::net::IpAddr>().map(IpNet::from);
    text.parse::<IpNet>()
        .or_else(|_| host())
        .map_err(|_| format!("{text:?} is not a network: write for example \"10.0.0.0/8\" or \"127.0.0.1\""))
}

/// A host and a port, as they stand in an address: lower case, no numbers for addresses in other forms.
pub fn host_and_port(text: &str) -> Result<(String, u16), String> {
    let url = Url::parse(&format!("https://{text}")).ok();
    let parts = url
        .as_ref()
        .and_then(|url| Some((url.host_str()?, url.port_or_known_default()?)));
    match parts {
        Some((host, port)) if format!("{host}:{port}") == text && !host.contains('*') => Ok((host.to_owned(), port)),
        _ => Err(format!(
            "{text:?} is not a host and a port: write for example \"127.0.0.1:8443\" or \"client.internal:443\""
        )),
    }
}

pub fn database_url(text: &str) -> Result<Redacted, String> {
    let schemes = ["sqlite:", "postgres://", "postgresql://"];
    if !schemes.iter().any(|scheme| text.starts_with(scheme)) {
        return Err("expected \"sqlite:PATH\" or \"postgres://user:password@host/database\"".to_owned());
    }
    if text.starts_with("sqlite:") && (text.contains(":memory:") || text.contains("mode=memory")) {
        return Err("a database in memory would forget accounts and keys: name a file".to_owned());
    }
    if !text.starts_with("sqlite:") && Url::parse(text).is_err() {
        return Err(
            "not a URL: write \"postgres://user:password@host/database\" (special characters as %XX)".to_owned(),
        );
    }
    Ok(Redacted::new(text))
}

/// A database URL without its password (which may stand before the host or in the query).
pub fn show_database(text: &str) -> String {
    if text.starts_with("sqlite:") {
        return text.to_owned();
    }
    let Ok(mut url) = Url::parse(text) else {
        return "[unreadable]".to_owned();
    };
    if url.password().is_some() && url.set_password(Some("redacted")).is_err() {
        return "[redacted]".to_owned();
    }
    if url.query_pairs().any(|(name, _)| name.contains("password")) {
        url.set_query(Some("redacted"));
    }
    url.into()
}

/// A bearer token in a file of its own, long enough not to be guessed.
pub fn token_file(text: &str) -> Result<Redacted, String> {
    let content = std::fs::read_to_string(text).map_err(|error| format!("{text} cannot be read: {error}"))?;
    let token = content.trim();
    let is_token = token.len() >= 32 && token.bytes().all(|byte| byte.is_ascii_graphic());
    is_token
        .then(|| Redacted::new(token))
        .ok_or_else(|| format!("{text} holds no token: expected at least 32 characters without spaces"))
}

pub fn pem_file(text: &str) -> Result<PathBuf, String> {
    let pem = std::fs::read_to_string(text).map_err(|error| format!("{text} cannot be read: {error}"))?;
    if pem.contains("-----BEGIN CERTIFICATE-----") {
        Ok(text.into())
    } else {
        Err(format!("{text} holds no certificate in PEM form"))
    }
}

/// A file that holds a secret: in production not for everybody on the machine. (The group may read it: that is how
/// container platforms hand a secret to a service.)
pub fn private_file(text: &str, mode: Mode) -> Result<PathBuf, String> {
    let metadata = std::fs::metadata(text).map_err(|error| format!("{text} cannot be read: {error}"))?;
    if mode == Mode::Production && metadata.permissions().mode() & 0o007 != 0 {
        return Err(format!("{text} can be read by everybody on this machine: chmod 600 it"));
    }
    Ok(text.into())
}

pub fn directory(text: &str) -> Result<PathBuf, String> {
    match Path::new(text).is_dir() {
        true => Ok(text.into()),
        false => Err(format!("{text} is not a directory that can be read")),
    }
}

pub fn dsfr_dir(text: &str) -> Result<PathBuf, String> {
    let directory = Path::new(text);
    if directory.join("core").is_dir() && directory.join("component").is_dir() {
        Ok(directory.to_owned())
    } else {
        Err(format!(
            "{text} has no core/ and component/: name the \"dist\" directory of a copy of @gouvfr/dsfr"
        ))
    }
}

pub fn link(text: &str) -> Result<String, String> {
    let url = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "https" | "http"));
    url.filter(Url::has_host)
        .map(String::from)
        .ok_or_else(|| "expected a full address such as \"https://example.gouv.fr/accessibilite\"".to_owned())
}

pub fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("expected \"text\" or \"json\"".to_owned()),
    }
}

pub fn log_filter(text: &str) -> Result<String, String> {
    EnvFilter::builder()
        .parse(text)
        .map(|_| text.to_owned())
        .map_err(|error| format!("not a log filter ({error}): write for example \"info,tchap_connect=debug\""))
}
