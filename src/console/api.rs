//! Accesses to the API: made by an agent for a program of theirs, and revoked.

use std::collections::BTreeSet;

use serde_json::json;

use super::clients::{Refused, new_secret};
use crate::app::App;
use crate::audit;
use crate::domain::agent::Agent;
use crate::domain::api::{ApiAccess, ApiScope};
use crate::domain::audit::{Action, Actor, Event, ObjectKind};
use crate::domain::role::Role;
use crate::protocol::client::{Client, GrantType, RequestDefaults};
use crate::protocol::client_metadata::{ClientMetadata, FieldProblem, check_display_name};
use crate::protocol::resource::Resource;
use crate::secret::random_client_id;
use crate::store::{Store, StoreError};

/// How many accesses one agent may have, those that are over included.
pub const MAX_ACCESSES: i64 = 10;
/// How long an access may live, in days.
pub const LIFETIMES: [i64; 3] = [30, 90, 365];
const DAY: i64 = 86_400;

/// The API as a protected resource (RFC 8707). It is in the program, not in the database: nobody registers for it.
pub fn resource(issuer: &str) -> Resource {
    Resource {
        identifier: format!("{issuer}/api"),
        name: "API".to_owned(),
        access_token_format: Default::default(),
        access_token_signing_alg: Default::default(),
        scopes: ApiScope::ALL.map(|scope| scope.as_str().to_owned()).into(),
        client_id: None,
    }
}

/// An access as somebody asks for it.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What its maker calls it.
    pub name: String,
    /// The role that it acts with; `None` for a partner's. Whoever calls has checked that its maker may lend it.
    pub role: Option<Role>,
    /// What its tokens may be good for.
    pub scopes: BTreeSet<ApiScope>,
    /// One of [`LIFETIMES`]; `None` lives until it is revoked.
    pub days: Option<i64>,
}

impl Wanted {
    fn check(&self) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        if let Err(message) = check_display_name(&self.name) {
            problems.push(FieldProblem::new("name", message));
        }
        let offered = ApiScope::of_role(self.role.as_ref());
        if self.scopes.is_empty() {
            problems.push(FieldProblem::new("scopes", "required: at least one"));
        } else if !self.scopes.iter().all(|scope| offered.contains(scope)) {
            problems.push(FieldProblem::new("scopes", "the role has no right to one of them"));
        }
        let known = self.days.is_none_or(|days| LIFETIMES.contains(&days));
        // Its second factor is given once, when it is made: what stands on it does not live for ever.
        let forever = self.days.is_none() && self.role.as_ref().is_some_and(Role::needs_second_factor);
        if !known || forever {
            problems.push(FieldProblem::new("days", "required with this role: 30, 90 or 365 days"));
        }
        problems
    }
}

/// Makes an access of `maker`'s (at `now`, Unix seconds); answers it with its secret, to be shown once.
///
/// # Errors
/// [`Refused`].
pub async fn create(
    app: &App,
    actor: Actor,
    maker: &Agent,
    wanted: &Wanted,
    now: i64,
) -> Result<(ApiAccess, String), Refused> {
    let problems = wanted.check();
    if !problems.is_empty() {
        return Err(Refused::Problems(problems));
    }
    // Counted again when it is written: here so that nothing is recorded for one too many.
    if app.store.count_api_accesses(&maker.id).await? >= MAX_ACCESSES {
        return Err(Refused::Full);
    }
    let client = client(&app.config.issuer, wanted)?;
    let expires_at = wanted.days.map(|days| now + days * DAY);
    let access = ApiAccess {
        client_id: client.id.clone(),
        name: wanted.name.clone(),
        agent_id: maker.id.clone(),
        role: wanted.role.clone(),
        scopes: client.scopes.clone(),
        created_at: now,
        expires_at,
        last_used_at: None,
    };
    let (value, record) = new_secret(now, expires_at)?;
    let detail = json!({
        "agent": maker.id,
        "role": access.role.as_ref().map(|role| role.parts().0),
        "scopes": access.scopes,
        "expires_at": expires_at,
    });
    let event = Event::new(
        actor,
        Action::ApiAccessCreated,
        (ObjectKind::Client, &access.client_id),
        detail,
    );
    audit::record(&app.store, now, event).await?;
    match app
        .store
        .insert_api_access(&access, &client, &record, MAX_ACCESSES)
        .await?
    {
        true => Ok((access, value)),
        false => Err(Refused::Full),
    }
}

/// The client behind an access: confidential, of one grant, for one resource.
fn client(issuer: &str, wanted: &Wanted) -> Result<Client, Refused> {
    let resource = resource(issuer);
    let scopes: Vec<&str> = wanted.scopes.iter().map(|scope| scope.as_str()).collect();
    let id = random_client_id()?;
    let metadata = ClientMetadata {
        sector: Some(id.clone()),
        client_id: id,
        name: wanted.name.clone(),
        grant_types: [GrantType::ClientCredentials].into(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        requests: RequestDefaults {
            resources: vec![resource.identifier],
            ..RequestDefaults::default()
        },
        ..ClientMetadata::default()
    };
    let mut client = metadata.validate(&scopes).map_err(Refused::Problems)?;
    // It signs nobody in.
    client.scopes.remove("openid");
    Ok(client)
}

/// Revokes an access with all its tokens, at once.
///
/// # Errors
/// When the database fails.
pub async fn revoke(store: &Store, actor: Actor, access: &ApiAccess, now: i64) -> Result<(), StoreError> {
    let object = (ObjectKind::Client, access.client_id.as_str());
    let detail = json!({"agent": access.agent_id});
    audit::record(store, now, Event::new(actor, Action::ApiAccessRevoked, object, detail)).await?;
    store.delete_client(&access.client_id, None, now).await?;
    Ok(())
}
