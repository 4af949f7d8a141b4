//! Our tokens for the lifecycle watch: one file per homeserver, read at each use, so that a new token needs no restart.

use super::{Config, checks};
use crate::secret::Redacted;

impl Config {
    /// Our token for the watch of a homeserver.
    ///
    /// # Errors
    /// Why there is none, in words for the operator and without the token.
    pub fn read_watch_token(&self, homeserver: &str) -> Result<Redacted, String> {
        let directory = self.watch.tokens_dir.as_ref();
        let directory = directory.ok_or_else(|| "watch.tokens_dir is not set".to_owned())?;
        let path = directory.join(homeserver);
        let path = checks::private_file(&path.display().to_string(), self.mode)?;
        let text =
            std::fs::read_to_string(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        let text = Redacted::new(text);
        match text.expose().trim() {
            token if !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Redacted::new(token)),
            _ => Err(format!("{} holds no access token", path.display())),
        }
    }
}
