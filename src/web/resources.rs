//! The resources that a request may ask tokens for (RFC 8707): named here, decided by what is registered.

use std::collections::BTreeSet;

use super::error::JsonError;
use crate::app::App;
use crate::console;
use crate::domain::claims::SCOPES;
use crate::domain::grant::Authorization;
use crate::protocol::client::Client;
use crate::protocol::error::OAuthError;
use crate::protocol::resource::{AccessTokenFormat, INVALID_TARGET, Resource};
use crate::store::StoreError;

/// Why resources cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// `invalid_target`.
    #[error(transparent)]
    Refused(#[from] OAuthError),
    /// The storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<TargetError> for JsonError {
    fn from(error: TargetError) -> Self {
        match error {
            TargetError::Refused(error) => error.into(),
            TargetError::Store(error) => error.into(),
        }
    }
}

/// The resources of these identifiers, which `client` must have registered for. Our own identifier, the issuer, is
/// everybody's and no entry of the list.
pub async fn find(app: &App, client: &Client, identifiers: &BTreeSet<String>) -> Result<Vec<Resource>, TargetError> {
    let mut resources = Vec::new();
    let api = console::api::resource(&app.config.issuer);
    for identifier in identifiers.iter().filter(|one| **one != app.config.issuer) {
        if !client.requests.resources.contains(identifier) {
            return Err(INVALID_TARGET.into());
        }
        if *identifier == api.identifier {
            resources.push(api.clone());
            continue;
        }
        resources.push(app.store.find_resource(identifier).await?.ok_or(INVALID_TARGET)?);
    }
    Ok(resources)
}

/// Whom an access token is for.
pub struct Target {
    /// Resources, or the issuer.
    pub audience: BTreeSet<String>,
    resources: Vec<Resource>,
}

impl Target {
    /// Those of the authorization's resources that the request names, or all of them.
    pub async fn of(
        app: &App,
        client: &Client,
        authorization: &Authorization,
        asked: BTreeSet<String>,
    ) -> Result<Self, TargetError> {
        let ours = || BTreeSet::from([app.config.issuer.clone()]);
        let granted = match authorization.resources.is_empty() {
            true => ours(),
            false => authorization.resources.clone(),
        };
        if !asked.is_subset(&granted) {
            return Err(INVALID_TARGET.into());
        }
        let audience = if asked.is_empty() { granted } else { asked };
        let resources = find(app, client, &audience).await?;
        let is_jwt = |resource: &Resource| resource.access_token_format == AccessTokenFormat::Jwt;
        // What verifies a token by itself must be the only one that it is for.
        if audience.len() > 1 && resources.iter().any(is_jwt) {
            return Err(INVALID_TARGET.into());
        }
        Ok(Self { audience, resources })
    }

    /// The one resource whose tokens are JWTs, if this is it.
    pub fn jwt(&self) -> Option<&Resource> {
        let only = self.resources.first()?;
        (only.access_token_format == AccessTokenFormat::Jwt).then_some(only)
    }

    /// Those of the scopes that are the provider's or of a resource that the token is for.
    pub fn narrow(&self, scope: BTreeSet<String>) -> BTreeSet<String> {
        let of_resource = |word: &String| self.resources.iter().any(|resource| resource.scopes.contains(word));
        let of_ours = |word: &String| SCOPES.contains(&word.as_str());
        scope
            .into_iter()
            .filter(|word| of_ours(word) || of_resource(word))
            .collect()
    }

    /// The scopes of the resources themselves.
    pub fn resource_scopes(&self) -> impl Iterator<Item = &String> {
        self.resources.iter().flat_map(|resource| &resource.scopes)
    }
}
