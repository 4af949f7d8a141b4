//! Who asks the API: a program with a token for it, in the name of the agent who made its access. Everything that the token
//! stands on is looked at anew at each request.

use std::collections::BTreeSet;

use axum::extract::FromRequestParts;
use http::Method;
use http::request::Parts;

use super::super::oidc::userinfo::{INVALID_TOKEN, bearer_token};
use super::super::person;
use super::problem::Problem;
use crate::app::{App, SharedApp};
use crate::console::api::resource;
use crate::console::clients::Author;
use crate::domain::agent::{AccountState, Agent};
use crate::domain::api::{ApiAccess, ApiScope};
use crate::domain::audit::Actor;
use crate::domain::role::{Right, Roles, may};
use crate::domain::throttle::{Limit, api_bucket};
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::secret::fingerprint;
use crate::store::StoreError;

/// So many changes an agent's programs make at once, and over an hour; and so many tokens each of their accesses is given. What
/// is written is kept for long.
const MOST: i64 = 3600;

/// What the token endpoint answers a client whose access counts no more.
pub const ENDED: OAuthError = OAuthError::new(
    ErrorCode::UnauthorizedClient,
    "this access to the API counts no more: its end has come, or its maker lost the role or the account",
);

/// Whom tokens for the API are for.
pub fn audience(app: &App) -> String {
    resource(&app.config.issuer).identifier
}

/// An access with whom it stands for, as they are now.
pub struct Standing {
    pub access: ApiAccess,
    pub agent: Agent,
    pub roles: Roles,
}

/// The access behind a client; `None` when it is none, or counts no more: revoked, over, its maker's account does not stand or
/// is a guest's, or has lost the role or the second factor that it was made with.
pub async fn standing(app: &App, client_id: &str, now: i64) -> Result<Option<Standing>, StoreError> {
    let store = &app.store;
    let Some(access) = store.find_api_access(client_id).await? else {
        return Ok(None);
    };
    let agent = store.find_agent(&access.agent_id).await?;
    let Some(agent) = agent.filter(|agent| agent.account() == AccountState::Stands) else {
        return Ok(None);
    };
    let homeserver = store.find_homeserver(&agent.homeserver).await?;
    if !person::is_confirmed(app, &agent, homeserver.as_ref(), now) {
        return Ok(None);
    }
    let is_guest = homeserver.is_none_or(|homeserver| homeserver.guests);
    // Those that the access was made with: what was taken and given again lends itself anew.
    let granted = store.find_roles_given_by(&agent.id, access.created_at).await?;
    let factor = store.find_stored_factor(&agent.id).await?;
    let confirmed_at = factor.and_then(|factor| factor.confirmed_at);
    let has_factor = confirmed_at.is_some_and(|at| at <= access.created_at);
    let roles = access.roles(&granted, is_guest, has_factor, now);
    Ok(roles.map(|roles| Standing { access, agent, roles }))
}

/// Counts a change of an agent's programs, or a token of an access; when there were too many, the seconds until one more is
/// let through.
///
/// # Errors
/// When the database fails.
pub async fn take_one(app: &App, whose: &str, now: i64) -> Result<Result<(), i64>, StoreError> {
    let limit = Limit::per_hour(MOST);
    let taken = app.store.take(&api_bucket(whose), limit, now).await?;
    Ok(taken.map_err(|full_until| limit.wait(full_until, now)))
}

/// A request's program.
pub struct Caller {
    pub app: SharedApp,
    pub agent: Agent,
    pub access: ApiAccess,
    pub roles: Roles,
    pub scopes: BTreeSet<ApiScope>,
    pub now: i64,
}

impl FromRequestParts<SharedApp> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, Problem> {
        let now = app.clock.now();
        let token = bearer_token(&parts.headers).map_err(Problem::bearer)?;
        let token = token.ok_or_else(Problem::without_token)?;
        let invalid = || Problem::bearer(INVALID_TOKEN);
        let found = app.store.find_access_token(&fingerprint(token.expose()), now).await?;
        let (token, authorization) = found.ok_or_else(invalid)?;
        // For us and nobody else: neither a relying party's token nor one that another resource saw too.
        if token.audience != BTreeSet::from([audience(app)]) || authorization.agent.is_some() {
            return Err(invalid());
        }
        let standing = standing(app, &authorization.client_id, now)
            .await?
            .ok_or_else(invalid)?;
        let scopes = token.scope.iter().filter(|word| standing.access.scopes.contains(*word));
        let scopes: BTreeSet<_> = scopes.filter_map(|word| ApiScope::parse(word)).collect();
        // What only reads writes nothing, and whoever gets hold of it takes nothing from the agent's other programs.
        let may_change = parts.method != Method::GET && !scopes.iter().all(|scope| scope.only_reads());
        if may_change && let Err(wait) = take_one(app, &standing.agent.id, now).await? {
            return Err(Problem::too_many(wait));
        }
        Ok(Self {
            scopes,
            app: app.clone(),
            agent: standing.agent,
            access: standing.access,
            roles: standing.roles,
            now,
        })
    }
}

impl Caller {
    /// Whether the right is theirs, now.
    pub fn may(&self, right: Right<'_>) -> bool {
        may(&self.roles, right)
    }

    /// Lets tokens through that have the scope.
    ///
    /// # Errors
    /// 403.
    pub fn scope(&self, scope: ApiScope) -> Result<(), Problem> {
        match self.scopes.contains(&scope) {
            true => Ok(()),
            false => Err(Problem::insufficient_scope(scope)),
        }
    }

    /// Lets those through who have the scope and the right, which is of no single thing.
    ///
    /// # Errors
    /// 403.
    pub fn require(&self, scope: ApiScope, right: Right<'_>) -> Result<(), Problem> {
        self.scope(scope)?;
        match self.may(right) {
            true => Ok(()),
            false => Err(Problem::forbidden()),
        }
    }

    /// Who does what is done here, for the audit log.
    pub fn actor(&self) -> Actor {
        Actor::AgentByApi(self.agent.id.clone(), self.access.client_id.clone())
    }

    /// The same for acts on clients. An operator's program that may not approve asks, as a partner does.
    pub fn author(&self) -> Author {
        Author {
            actor: self.actor(),
            approves: self.may(Right::ApproveClient) && self.scopes.contains(&ApiScope::ClientsApprove),
        }
    }
}
