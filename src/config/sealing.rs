//! The sealing key: where it comes from, what its file must be like, and how development makes one. Production never
//! makes a key: a lost key is a start error, because what was sealed under it is lost too.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::{Config, Database, Draft, Mode, SealingKeySource};
use crate::secret::{self, Redacted, SealingKey, SecretError};

const DEVELOPMENT_FILE: &str = "tchap-connect.key";

/// Why there is no sealing key to work with.
#[derive(Debug, thiserror::Error)]
pub enum SealingError {
    /// The file cannot be read or made.
    #[error("the sealing key file {} cannot be used: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Every account of the machine may read it.
    #[error("the sealing key file {} can be read by everybody on this machine: chmod 600 it", .0.display())]
    Exposed(PathBuf),
    /// It is not a key.
    #[error(transparent)]
    Form(#[from] SecretError),
}

impl Config {
    /// Reads the sealing key; in development a missing file is made, readable by its owner only.
    ///
    /// # Errors
    /// [`SealingError`].
    pub fn read_sealing_key(&self) -> Result<SealingKey, SealingError> {
        match &self.sealing_key {
            SealingKeySource::Value(text) => Ok(SealingKey::parse(text)?),
            SealingKeySource::File(path) => {
                if self.mode == Mode::Development && !path.exists() {
                    create(path)?;
                }
                read(path, self.mode)
            }
        }
    }
}

impl Draft {
    pub(super) fn sealing_key(&mut self, database: &Database) -> SealingKeySource {
        let in_file = self.reader.file_has("sealing_key");
        let given = self.reader.is_given("sealing_key");
        let both = given && self.reader.is_given("sealing_key_file");
        let hide = |_: &str| "[redacted]".to_owned();
        let value = self.reader.secret("sealing_key", None, hide, |text| {
            let key = Redacted::new(text);
            SealingKey::parse(&key).map(|_| key).map_err(|error| error.to_string())
        });
        if in_file {
            self.reader.problem(
                "sealing_key",
                "does not belong into this file: put the key into a file of its own (sealing_key_file) or into \
                 TCHAP_CONNECT_SEALING_KEY",
            );
        }
        let default = self.assumed_key_file(given, database);
        let mode = self.mode;
        let file = self.reader.text("sealing_key_file", default.as_deref(), |text| {
            let path = PathBuf::from(text);
            match read(&path, mode) {
                Err(SealingError::File { source, .. })
                    if mode == Mode::Development && source.kind() == std::io::ErrorKind::NotFound => {}
                result => drop(result.map_err(|error| error.to_string())?),
            }
            Ok(path)
        });
        if both {
            self.reader
                .problem("sealing_key_file", "sealing_key is given too: keep one of the two");
        }
        match (value, file) {
            (Some(value), _) => SealingKeySource::Value(value),
            (None, file) => SealingKeySource::File(file.unwrap_or_default()),
        }
    }

    /// Where development keeps its key when nothing is said: beside the database. Production is asked for one.
    fn assumed_key_file(&mut self, has_value: bool, database: &Database) -> Option<String> {
        if has_value || self.reader.is_given("sealing_key_file") {
            return None;
        }
        if self.mode == Mode::Production {
            self.reader.problem(
                "sealing_key_file",
                "name a file that only the service can read, made with: (umask 077; openssl rand -hex 32 > FILE); or \
                 set TCHAP_CONNECT_SEALING_KEY",
            );
            return None;
        }
        let file = database.sqlite_file().map(|path| path.with_extension("key"));
        let file = file.map_or_else(|| DEVELOPMENT_FILE.to_owned(), |path| path.display().to_string());
        self.assume(format!(
            "the sealing key is in {file} (made at first start; the database is useless without it)"
        ));
        Some(file)
    }
}

fn read(path: &Path, mode: Mode) -> Result<SealingKey, SealingError> {
    let file_error = |source| SealingError::File {
        path: path.to_owned(),
        source,
    };
    let metadata = fs::metadata(path).map_err(file_error)?;
    // The group may read it: that is how container platforms hand a secret to a service.
    if mode == Mode::Production && metadata.permissions().mode() & 0o007 != 0 {
        return Err(SealingError::Exposed(path.to_owned()));
    }
    let text = Redacted::new(fs::read_to_string(path).map_err(file_error)?);
    Ok(SealingKey::parse(&text)?)
}

fn create(path: &Path) -> Result<(), SealingError> {
    let key = Redacted::new(secret::random_token()?);
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => file,
        // Somebody else was quicker: theirs counts.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(()),
        Err(source) => {
            return Err(SealingError::File {
                path: path.to_owned(),
                source,
            });
        }
    };
    file.write_all(key.expose().as_bytes())
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.sync_all())
        .map_err(|source| SealingError::File {
            path: path.to_owned(),
            source,
        })
}
