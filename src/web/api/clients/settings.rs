//! What of a client may be changed, in the words of its registration: what the console's form shows, and no more.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::super::problem::Problem;
use crate::domain::claims::SCOPES;
use crate::protocol::admission::AdmissionRules;
use crate::protocol::authorize::OFFLINE_ACCESS;
use crate::protocol::client::{ApplicationType, ClientAuthMethod, ConsentPolicy, GrantType, RefreshRule, SigningAlg};
use crate::protocol::client_metadata::{ClientMetadata, FieldProblem};

/// What a client says of itself (OpenID Connect Registration §2).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The name agents read.
    pub name: String,
    /// Where the browser may be sent back to.
    pub redirect_uris: Vec<String>,
    /// Web or native.
    pub application_type: ApplicationType,
    /// The one method it uses; a confidential client that names none may use basic and post.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_method: Option<ClientAuthMethod>,
    /// It gets refresh tokens for `offline_access`.
    pub refresh_token: bool,
    /// It gets them without `offline_access`, too.
    pub refresh_always: bool,
    /// The scopes it may ask for, besides `openid`.
    pub scopes: BTreeSet<String>,
    /// The algorithm of its ID tokens.
    pub id_token_signed_response_alg: SigningAlg,
    /// UserInfo as a JWT signed with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_signed_response_alg: Option<SigningAlg>,
    /// Refuse requests without PKCE.
    pub require_pkce: bool,
    /// Always put `auth_time` in the ID token.
    pub require_auth_time: bool,
    /// `max_age` when the request gives none, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<u32>,
    /// Its public keys (RFC 7517 §5).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub jwks: Option<Value>,
    /// Where they are fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// Its home page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// Where its logo is fetched from, once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    /// What it does with personal data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    /// Its terms of service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    /// Addresses of its developers.
    pub contacts: Vec<String>,
    /// Where the browser may go after a logout.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where logout tokens are posted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// What the browser loads in a frame at a logout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frontchannel_logout_uri: Option<String>,
    /// Whether guests may sign in.
    pub admits_guests: bool,
    /// Whom it admits of all others.
    pub admission: AdmissionRules,
    /// Ask the agent or not; what operators say counts.
    pub consent: ConsentPolicy,
}

impl Settings {
    /// Those of a client.
    pub fn of(client: ClientMetadata) -> Self {
        let has = |grant| client.grant_types.contains(&grant);
        Self {
            refresh_token: has(GrantType::RefreshToken),
            refresh_always: client.refresh_tokens == RefreshRule::Always,
            scopes: client.scopes.into_iter().filter(|scope| is_ours(scope)).collect(),
            name: client.name,
            redirect_uris: client.redirect_uris,
            application_type: client.application_type,
            token_endpoint_auth_method: client.token_endpoint_auth_method,
            id_token_signed_response_alg: client.id_token_signed_response_alg,
            userinfo_signed_response_alg: client.algorithms.userinfo_signed_response_alg,
            require_pkce: client.require_pkce,
            require_auth_time: client.require_auth_time,
            default_max_age: client.default_max_age,
            jwks: client.keys.jwks,
            jwks_uri: client.keys.jwks_uri,
            client_uri: client.presentation.client_uri,
            logo_uri: client.presentation.logo_uri,
            policy_uri: client.presentation.policy_uri,
            tos_uri: client.presentation.tos_uri,
            contacts: client.presentation.contacts,
            post_logout_redirect_uris: client.logout.post_logout_redirect_uris,
            backchannel_logout_uri: client.logout.backchannel_logout_uri,
            frontchannel_logout_uri: client.logout.frontchannel_logout_uri,
            admits_guests: client.admits_guests,
            admission: client.admission,
            consent: client.consent,
        }
    }

    /// A client with these, and all else as in `base`: the scopes and grants of resources are an operator's.
    ///
    /// # Errors
    /// A scope that is none of ours; the rest is for [`ClientMetadata::validate`].
    pub fn on_top_of(self, base: ClientMetadata) -> Result<ClientMetadata, Problem> {
        let unknown = |scope: &&String| !is_ours(scope) || *scope == "openid";
        let problems: Vec<_> = self
            .scopes
            .iter()
            .filter(unknown)
            .map(|_| FieldProblem::new("scopes", "each is one of the provider's, without openid"))
            .take(1)
            .collect();
        if !problems.is_empty() {
            return Err(Problem::invalid(problems));
        }
        let mut wanted = base;
        wanted.scopes.retain(|scope| !is_ours(scope));
        wanted.scopes.extend(self.scopes);
        if wanted.grant_types.is_empty() {
            wanted.grant_types.insert(GrantType::AuthorizationCode);
        }
        match self.refresh_token {
            true => wanted.grant_types.insert(GrantType::RefreshToken),
            false => wanted.grant_types.remove(&GrantType::RefreshToken),
        };
        let has_offline = wanted.scopes.iter().any(|scope| scope == OFFLINE_ACCESS);
        if self.refresh_token && !self.refresh_always && !has_offline {
            wanted.scopes.push(OFFLINE_ACCESS.to_owned());
        }
        wanted.refresh_tokens = match self.refresh_always {
            true => RefreshRule::Always,
            false => RefreshRule::OfflineAccess,
        };
        wanted.name = self.name;
        wanted.redirect_uris = self.redirect_uris;
        wanted.application_type = self.application_type;
        wanted.token_endpoint_auth_method = self.token_endpoint_auth_method;
        wanted.id_token_signed_response_alg = self.id_token_signed_response_alg;
        wanted.algorithms.userinfo_signed_response_alg = self.userinfo_signed_response_alg;
        wanted.require_pkce = self.require_pkce;
        wanted.require_auth_time = self.require_auth_time;
        wanted.default_max_age = self.default_max_age;
        wanted.keys.jwks = self.jwks;
        wanted.keys.jwks_uri = self.jwks_uri;
        wanted.presentation.client_uri = self.client_uri;
        wanted.presentation.logo_uri = self.logo_uri;
        wanted.presentation.policy_uri = self.policy_uri;
        wanted.presentation.tos_uri = self.tos_uri;
        wanted.presentation.contacts = self.contacts;
        wanted.logout.post_logout_redirect_uris = self.post_logout_redirect_uris;
        wanted.logout.backchannel_logout_uri = self.backchannel_logout_uri;
        wanted.logout.frontchannel_logout_uri = self.frontchannel_logout_uri;
        wanted.admits_guests = self.admits_guests;
        wanted.admission = self.admission;
        wanted.consent = self.consent;
        Ok(wanted)
    }
}

fn is_ours(scope: &str) -> bool {
    SCOPES.contains(&scope)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_is_written_and_what_is_an_operators_stays() {
        let base = ClientMetadata {
            client_id: "c".into(),
            name: "Service".into(),
            redirect_uris: vec!["https://a.example/cb".into()],
            grant_types: [
                GrantType::AuthorizationCode,
                GrantType::RefreshToken,
                GrantType::ClientCredentials,
            ]
            .into(),
            scopes: ["orders.read", "email", "offline_access"].map(String::from).into(),
            default_max_age: Some(3600),
            ..ClientMetadata::default()
        };
        let settings = Settings::of(base.clone());
        assert!(!settings.scopes.contains("orders.read"));
        assert_eq!(settings.clone().on_top_of(base.clone()).unwrap(), base);
        // Nobody gives themselves the scope of a resource, or the grant of machines.
        for scope in ["orders.write", "openid", ""] {
            let mut more = settings.clone();
            more.scopes.insert(scope.to_owned());
            assert!(more.on_top_of(base.clone()).is_err(), "{scope}");
        }
        let made = settings.on_top_of(ClientMetadata::default()).unwrap();
        assert_eq!(
            made.grant_types,
            [GrantType::AuthorizationCode, GrantType::RefreshToken].into()
        );
    }
}
