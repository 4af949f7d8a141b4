//! `Authorization`: what a client may do, and know of an agent. Every grant ends in one, every token and claim starts from
//! one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::protocol::error::OAuthError;
use crate::protocol::pkce;

/// The hub between grants and tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    /// Row id.
    pub id: String,
    /// Who may use it.
    pub client_id: String,
    /// Granted scopes.
    pub scope: BTreeSet<String>,
    /// What the client may know of an agent; `None` when it acts on its own behalf (RFC 6749 §4.4).
    #[serde(flatten)]
    pub agent: Option<AgentGrant>,
    /// Unix seconds.
    pub created_at: i64,
}

impl Authorization {
    /// The browser session with which it ends; `None` when it outlives it (`offline_access`, Core §11) or never had one.
    pub fn ends_with_session(&self) -> Option<&str> {
        let agent = self.agent.as_ref()?;
        (!self.scope.contains("offline_access")).then_some(&agent.session_id)
    }
}

/// What one client may know of one agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentGrant {
    /// Whom it is about.
    pub agent_id: String,
    /// The browser session it was made in.
    pub session_id: String,
    /// `sub` for this client.
    pub subject: String,
    /// Granted claims: what the agent saw and agreed to (or all that was asked, where no consent is needed).
    pub claims: BTreeSet<String>,
    /// Names of the claims that the `claims` parameter wants in UserInfo (Core §5.5).
    pub demanded_in_userinfo: BTreeSet<String>,
    /// Names of the claims that the `claims` parameter wants in the ID token.
    pub demanded_in_id_token: BTreeSet<String>,
    /// `nonce`, echoed in the ID token.
    pub nonce: Option<String>,
    /// Unix seconds; `None` when not known.
    pub auth_time: Option<i64>,
    /// The level reached.
    pub acr: String,
    /// `["pwd"]` only when we relayed the password ourselves.
    pub amr: Vec<String>,
    /// Session id for this client (one per session and client).
    pub sid: String,
}

/// An authorization code as stored; the code itself is shown once and only its fingerprint kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeRecord {
    /// SHA-256 of the code.
    pub fingerprint: String,
    /// The [`Authorization`] it stands for.
    pub authorization_id: String,
    /// The client it was given to.
    pub client_id: String,
    /// The redirect URI it was sent to.
    pub redirect_uri: String,
    /// PKCE S256 challenge, when the request had one.
    pub code_challenge: Option<String>,
    /// Unix seconds.
    pub expires_at: i64,
    /// When it was spent, Unix seconds.
    pub consumed_at: Option<i64>,
}

impl CodeRecord {
    /// Whether this code may be redeemed by this client with this redirect URI and PKCE verifier at `now` (RFC 6749
    /// §4.1.3, RFC 7636 §4.6). That it was not spent is decided by the database, atomically.
    ///
    /// # Errors
    /// `invalid_grant`, with one description for all but PKCE: a thief learns nothing of what was wrong.
    pub fn check(
        &self,
        client_id: &str,
        redirect_uri: &str,
        code_verifier: Option<&str>,
        now: i64,
    ) -> Result<(), OAuthError> {
        if self.client_id != client_id || self.redirect_uri != redirect_uri || self.expires_at <= now {
            return Err(Self::REFUSED);
        }
        pkce::verify(self.code_challenge.as_deref(), code_verifier)
    }

    /// What every unusable code answers.
    pub const REFUSED: OAuthError =
        OAuthError::invalid_grant("the code is unknown, expired, spent or not for this client");
}

/// An opaque access token as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessTokenRecord {
    /// SHA-256 of the token.
    pub fingerprint: String,
    /// The [`Authorization`] it stands for.
    pub authorization_id: String,
    /// Unix seconds.
    pub expires_at: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_former_release_wrote_still_reads_and_an_agent_is_optional() {
        let former = r#"{"id":"a","client_id":"c","agent_id":"g","session_id":"s","subject":"u","scope":["openid"],
            "claims":["sub"],"demanded_in_userinfo":[],"demanded_in_id_token":["acr"],"nonce":null,"auth_time":null,
            "acr":"eidas1","amr":["pwd"],"sid":"i","created_at":7}"#;
        let read: Authorization = serde_json::from_str(former).unwrap();
        let agent = read.agent.clone().unwrap();
        assert_eq!(
            (agent.agent_id.as_str(), agent.auth_time, read.created_at),
            ("g", None, 7)
        );
        assert_eq!(read.ends_with_session(), Some("s"));
        let written = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<Authorization>(&written).unwrap(), read);

        let offline = Authorization {
            scope: ["openid", "offline_access"].map(String::from).into(),
            ..read.clone()
        };
        assert_eq!(offline.ends_with_session(), None);
        let alone = Authorization { agent: None, ..read };
        assert_eq!(alone.ends_with_session(), None);
        let written = serde_json::to_string(&alone).unwrap();
        assert_eq!(serde_json::from_str::<Authorization>(&written).unwrap(), alone);
    }
}
