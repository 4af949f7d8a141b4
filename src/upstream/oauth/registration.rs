//! Our client at an authentication service: the one its operator made, or one that we registered (RFC 7591). Before that,
//! the issuer must be the one that this homeserver is known by, and no other homeserver's (mix-up, RFC 9700 §4.4).

use futures_util::future::join_all;
use http::{Request, header};
use serde::Deserialize;
use serde_json::json;

use super::AuthenticationService;
use crate::{
    domain::homeserver::{Homeserver, Way},
    secret::fingerprint,
    store::{PinnedIssuer, Store, StoreError},
    upstream::{DEVICE_NAME, Upstream, UpstreamError},
};

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// At the homeserver's side.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// At ours.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Upstream {
    /// The client id to use at the authentication service of a homeserver, which must be the one it is known by. We are
    /// `our_url` and come back to `redirect_uri`; `list` is every homeserver that there is.
    ///
    /// # Errors
    /// `IssuerChanged`, `IssuerShared`, `ClientRefused`, or what the registration endpoint answers.
    pub async fn oauth_client(
        &self,
        store: &Store,
        list: &[Homeserver],
        homeserver: &Homeserver,
        service: &AuthenticationService,
        (our_url, redirect_uri): (&str, &str),
        now: i64,
    ) -> Result<String, ClientError> {
        let pinned = self.pinned(store, list, homeserver, service, now).await?;
        if let Some(client_id) = &homeserver.oauth.client_id {
            return Ok(client_id.clone());
        }
        let metadata = metadata(our_url, redirect_uri);
        let registration = fingerprint(&metadata);
        if let (Some(client_id), Some(known)) = (pinned.client_id, pinned.registration)
            && known == registration
        {
            return Ok(client_id);
        }
        let client_id = self.register(service, metadata).await?;
        let registered = Some((client_id.as_str(), registration.as_str()));
        store.update_upstream_client(&service.issuer, registered).await?;
        tracing::info!(homeserver = homeserver.name, "registered at the authentication service");
        Ok(client_id)
    }

    /// The issuer stays the one that was seen first, or that the operator named.
    async fn pinned(
        &self,
        store: &Store,
        list: &[Homeserver],
        homeserver: &Homeserver,
        service: &AuthenticationService,
        now: i64,
    ) -> Result<PinnedIssuer, ClientError> {
        let (name, issuer) = (&homeserver.name, &service.issuer);
        let others = || list.iter().filter(|other| other.name != *name);
        let shared = || alarm(homeserver, UpstreamError::IssuerShared);
        if others().any(|other| other.oauth.issuer.as_ref() == Some(issuer)) {
            return Err(shared());
        }
        if homeserver.oauth.issuer.as_ref().is_some_and(|named| named != issuer) {
            return Err(alarm(homeserver, UpstreamError::IssuerChanged));
        }
        let known = store.find_pinned_issuer(name).await?;
        match known {
            Some(known) if known.issuer == *issuer => return Ok(known),
            // The operator's word counts more than what was seen first.
            _ if homeserver.oauth.issuer.is_some() => store.delete_pinned_issuer(name, issuer).await?,
            Some(_) => return Err(alarm(homeserver, UpstreamError::IssuerChanged)),
            None => {
                // The first to claim an issuer need not be the one whose it is.
                let asked = others().filter(|other| other.oauth.issuer.is_none() && other.ways.contains(&Way::OAuth));
                let found = join_all(asked.map(|other| self.authentication_service(other, now))).await;
                if found
                    .into_iter()
                    .flatten()
                    .flatten()
                    .any(|other| other.issuer == *issuer)
                {
                    return Err(shared());
                }
            }
        }
        match store.pin_issuer(name, issuer, now).await? {
            Some(pinned) if pinned.issuer == *issuer => {
                tracing::info!(
                    homeserver = name,
                    issuer,
                    "the homeserver is known by this issuer from now on"
                );
                Ok(pinned)
            }
            Some(_) => Err(alarm(homeserver, UpstreamError::IssuerChanged)),
            None => Err(shared()),
        }
    }

    async fn register(&self, service: &AuthenticationService, metadata: String) -> Result<String, UpstreamError> {
        #[derive(Deserialize)]
        struct Registered {
            client_id: String,
            token_endpoint_auth_method: Option<String>,
        }
        let refused = UpstreamError::ClientRefused;
        let Some(endpoint) = &service.registration_endpoint else {
            return Err(refused("it does not register clients, and none was made for us"));
        };
        let request = Request::post(endpoint.as_str())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json")
            .body(metadata.into_bytes());
        let request = request.map_err(|_| UpstreamError::Nonsense("an address that is none"))?;
        let response = self.egress.send(request).await?;
        if response.status().is_server_error() {
            return Err(UpstreamError::Unreachable("it reports a failure of its own"));
        }
        if !response.status().is_success() {
            return Err(refused("it does not let it register"));
        }
        let registered: Registered = serde_json::from_slice(response.body())
            .map_err(|_| UpstreamError::Nonsense("a registration that cannot be read"))?;
        let is_id = (1..=255).contains(&registered.client_id.len())
            && registered.client_id.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_id
            || registered
                .token_endpoint_auth_method
                .is_some_and(|method| method != "none")
        {
            return Err(UpstreamError::Nonsense(
                "a registration of another client than was asked for",
            ));
        }
        Ok(registered.client_id)
    }
}

/// What we register (RFC 7591 §2).
fn metadata(our_url: &str, redirect_uri: &str) -> String {
    json!({
        "client_name": DEVICE_NAME,
        "client_uri": format!("{our_url}/"),
        "redirect_uris": [redirect_uri],
        "response_types": ["code"],
        "grant_types": ["authorization_code"],
        // A public client: PKCE and a redirect URI of its own protect the code, and there is no secret to keep.
        "token_endpoint_auth_method": "none",
        "application_type": "web",
    })
    .to_string()
}

/// What [`PinnedIssuer::registration`] says when the client registered there is still the one that we would register.
pub fn current_registration(our_url: &str, redirect_uri: &str) -> String {
    fingerprint(&metadata(our_url, redirect_uri))
}

/// Loudly: somebody moved the authentication service, or somebody claims another's.
fn alarm(homeserver: &Homeserver, error: UpstreamError) -> ClientError {
    tracing::error!(
        homeserver = homeserver.name,
        error.kind = error.kind(),
        "logins at this homeserver are refused: its authentication service is not the one it is known by; if that is right, \
         write it into the list of homeservers (oauth.issuer)"
    );
    error.into()
}
