//! `Authorization`: what a client may do, and know of an agent. Every grant ends in one, every token and claim starts from
//! one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::protocol::authorize::OFFLINE_ACCESS;
use crate::protocol::client::{Client, GrantType, RefreshRule};
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
    /// The resources whose tokens it may get (RFC 8707); empty means this provider itself.
    #[serde(default)]
    pub resources: BTreeSet<String>,
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
        (!self.scope.contains(OFFLINE_ACCESS)).then_some(&agent.session_id)
    }

    /// Whether `client` gets a refresh token: it must have registered the grant, and the agent have agreed to
    /// `offline_access` unless the client always gets one (Core §11).
    pub fn is_refreshable(&self, client: &Client) -> bool {
        let granted = match client.refresh_tokens {
            RefreshRule::OfflineAccess => self.scope.contains(OFFLINE_ACCESS),
            RefreshRule::Always => true,
        };
        self.agent.is_some() && granted && client.may_use(GrantType::RefreshToken)
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

/// An authorization with what has become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAuthorization {
    /// As it was given.
    pub authorization: Authorization,
    /// The latest end of anything issued from it, Unix seconds.
    pub expires_at: i64,
    /// Unix seconds.
    pub revoked_at: Option<i64>,
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
        self.check_binding(client_id, redirect_uri, code_verifier)?;
        match self.expires_at <= now {
            true => Err(Self::REFUSED),
            false => Ok(()),
        }
    }

    /// Whether whoever presents it is the one it was made for, be it spent or expired.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn check_binding(
        &self,
        client_id: &str,
        redirect_uri: &str,
        code_verifier: Option<&str>,
    ) -> Result<(), OAuthError> {
        if self.client_id != client_id || self.redirect_uri != redirect_uri {
            return Err(Self::REFUSED);
        }
        pkce::verify(self.code_challenge.as_deref(), code_verifier)
    }

    /// What every unusable code answers.
    pub const REFUSED: OAuthError =
        OAuthError::invalid_grant("the code is unknown, expired, spent or not for this client");
}

/// An access token as stored, opaque or a JWT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessTokenRecord {
    /// SHA-256 of the token.
    pub fingerprint: String,
    /// The [`Authorization`] it stands for.
    pub authorization_id: String,
    /// What it is good for: all of the authorization's, or fewer.
    pub scope: BTreeSet<String>,
    /// Whom it is for: resources, or the issuer.
    pub audience: BTreeSet<String>,
    /// Unix seconds.
    pub issued_at: i64,
    /// Unix seconds.
    pub expires_at: i64,
}

/// A refresh token as stored. Its family is its authorization: the tokens of public clients are replaced at each use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshTokenRecord {
    /// SHA-256 of the token.
    pub fingerprint: String,
    /// The [`Authorization`] it stands for.
    pub authorization_id: String,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds; moved on at each use.
    pub expires_at: i64,
    /// Set once it was replaced.
    pub rotation: Option<Rotation>,
}

/// How a refresh token was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// Unix seconds.
    pub at: i64,
    /// SHA-256 of the successor.
    pub successor: String,
    /// The successor, sealed under a key derived from the predecessor.
    pub sealed_successor: String,
    /// Nobody has used the successor yet.
    pub successor_is_fresh: bool,
}

/// What a presented refresh token is.
#[derive(Debug, PartialEq, Eq)]
pub enum RefreshUse<'a> {
    /// The one in force.
    Living,
    /// Replaced just now, and the answer that brought the successor may have been lost: it gets the same one again.
    LostResponse(&'a Rotation),
    /// Replaced, and used again: one of the two users is a thief (RFC 9700 §4.14.2).
    Reused,
    /// Too old.
    Expired,
}

impl RefreshTokenRecord {
    /// How long after its rotation a token may come again because the answer was lost, in seconds.
    pub const LOST_RESPONSE: i64 = 60;

    /// What every unusable refresh token answers.
    pub const REFUSED: OAuthError =
        OAuthError::invalid_grant("the refresh token is unknown, expired, revoked or not for this client");

    /// What this token is when it is presented at `now` by its own client.
    pub fn judge(&self, now: i64) -> RefreshUse<'_> {
        match &self.rotation {
            Some(rotation) if rotation.successor_is_fresh && now < rotation.at + Self::LOST_RESPONSE => {
                RefreshUse::LostResponse(rotation)
            }
            Some(_) => RefreshUse::Reused,
            None if self.expires_at <= now => RefreshUse::Expired,
            None => RefreshUse::Living,
        }
    }
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

    #[test]
    fn a_rotated_token_is_forgiven_within_the_minute_and_while_its_successor_is_fresh() {
        let record = |rotation| RefreshTokenRecord {
            fingerprint: String::new(),
            authorization_id: String::new(),
            created_at: 0,
            expires_at: 1000,
            rotation,
        };
        assert_eq!(record(None).judge(999), RefreshUse::Living);
        assert_eq!(record(None).judge(1000), RefreshUse::Expired);
        for (successor_is_fresh, now, forgiven) in [(true, 159, true), (true, 160, false), (false, 100, false)] {
            let rotation = Rotation {
                at: 100,
                successor: String::new(),
                sealed_successor: String::new(),
                successor_is_fresh,
            };
            let record = record(Some(rotation.clone()));
            let expected = if forgiven {
                RefreshUse::LostResponse(&rotation)
            } else {
                RefreshUse::Reused
            };
            assert_eq!(record.judge(now), expected, "fresh {successor_is_fresh} at {now}");
        }
    }

    #[test]
    fn refresh_tokens_are_for_clients_that_registered_and_by_their_rule() {
        let authorization = |scope: &str, agent: bool| -> Authorization {
            let mut document = serde_json::json!({"id": "a", "client_id": "c", "scope": [scope], "created_at": 7});
            if agent {
                let facts = serde_json::json!({"agent_id": "g", "session_id": "s", "subject": "u", "claims": [],
                    "demanded_in_userinfo": [], "demanded_in_id_token": [], "nonce": null, "auth_time": null,
                    "acr": "eidas1", "amr": [], "sid": "i"});
                document
                    .as_object_mut()
                    .unwrap()
                    .extend(facts.as_object().unwrap().clone());
            }
            serde_json::from_value(document).unwrap()
        };
        for (scope, agent, registered, rule, expected) in [
            ("offline_access", true, true, RefreshRule::OfflineAccess, true),
            ("openid", true, true, RefreshRule::OfflineAccess, false),
            ("openid", true, true, RefreshRule::Always, true),
            ("openid", true, false, RefreshRule::Always, false),
            ("offline_access", true, false, RefreshRule::OfflineAccess, false),
            ("offline_access", false, true, RefreshRule::Always, false),
        ] {
            let mut client = crate::protocol::client::tests::client();
            client.refresh_tokens = rule;
            if registered {
                client.grant_types.insert(GrantType::RefreshToken);
            }
            let given = authorization(scope, agent).is_refreshable(&client);
            assert_eq!(given, expected, "{scope} {agent} {registered} {rule:?}");
        }
    }
}
