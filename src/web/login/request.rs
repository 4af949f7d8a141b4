//! An authorization request under way: client, verified place to return to, checked request. Derived from the
//! parameters at the first step and again at every later one.

use std::collections::BTreeSet;

use super::super::error::{AuthorizeError, PageError};
use super::super::pages::ErrorKind;
use super::super::person::Person;
use super::super::resources::{self, TargetError};
use super::{own_pages, request_object};
use crate::app::App;
use crate::domain::claims;
use crate::domain::flow::{ConsentRule, Denial, Progress, Step, next_step};
use crate::protocol::authorize::{self, AuthorizationRequest, OFFLINE_ACCESS, Prompt};
use crate::protocol::client::{Client, ConsentPolicy};
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::id_token;
use crate::protocol::params::Params;
use crate::protocol::resource::{self, Resource};
use crate::protocol::return_to::ReturnTo;

/// A checked request.
pub struct Request {
    /// Those that the request stands on.
    pub params: Params,
    pub client: Client,
    pub checked: AuthorizationRequest,
    /// Whom its tokens are to be for (RFC 8707), as it names them.
    pub audience: BTreeSet<String>,
    /// The resources among them.
    pub resources: Vec<Resource>,
    /// The subject of the verified `id_token_hint`.
    hint: Option<String>,
}

impl Request {
    /// Client, request object, redirect URI, request, hint: in this order, since only a verified redirect URI may learn of
    /// errors. That of a bad object is the one outside of it.
    pub async fn check(app: &App, params: Params) -> Result<Self, AuthorizeError> {
        let client_id = params.get("client_id").filter(|_| !params.is_repeated("client_id"));
        let client = match client_id {
            Some(id) => app.store.find_client(id).await?.filter(|client| !client.disabled),
            None => None,
        };
        let client = client.ok_or_else(|| PageError::new(ErrorKind::ClientUnknown))?;
        Self::of(app, client, params).await
    }

    /// The same for a client that is known already.
    pub async fn of(app: &App, client: Client, params: Params) -> Result<Self, AuthorizeError> {
        let resolved = request_object::resolve(app, &params, &client).await;
        let mut params = resolved.map_err(|error| match ReturnTo::verify(&params, &client) {
            Ok(return_to) => AuthorizeError::to(&return_to, &error, &app.config.issuer),
            Err(_) => PageError::with_detail(ErrorKind::Request, error.description).into(),
        })?;
        let now = app.clock.now();
        let return_to = ReturnTo::verify(&params, &client).map_err(|_| {
            app.statistics.error(&client.id, "redirect_uri_mismatch", now);
            PageError::new(ErrorKind::RedirectUri)
        })?;
        let fail = |error: OAuthError| {
            app.statistics.error(&client.id, error.code.as_str(), now);
            AuthorizeError::to(&return_to, &error, &app.config.issuer)
        };
        let audience = resource::asked(&params).map_err(fail)?;
        let resources = match resources::find(app, &client, &audience).await {
            Ok(resources) => resources,
            Err(TargetError::Refused(error)) => return Err(fail(error)),
            Err(TargetError::Store(error)) => return Err(error.into()),
        };
        let their_scopes = resources.iter().flat_map(|resource| &resource.scopes);
        let scopes: Vec<&str> = claims::SCOPES
            .iter()
            .copied()
            .chain(their_scopes.map(String::as_str))
            .collect();
        let checked = authorize::check(&params, &client, return_to.clone(), &scopes).map_err(fail)?;
        let hint = checked
            .id_token_hint
            .as_deref()
            .map(|hint| hinted_subject(app, hint, &client.id))
            .transpose();
        let hint = hint.map_err(fail)?;
        authorize::forget_unread(&mut params);
        Ok(Self {
            params,
            client,
            checked,
            audience,
            resources,
            hint,
        })
    }

    /// The agent behind the visitor's browser session, if any.
    pub async fn person(&self, app: &App, session: Option<&str>, now: i64) -> Result<Option<Person>, PageError> {
        match session {
            Some(session) => Person::load(app, self, session, now).await,
            None => Ok(None),
        }
    }

    /// What is shown, agreed to and remembered like a claim, but is none: to act while the agent is away, and at other
    /// services. The names cannot be those of claims.
    pub fn powers(&self) -> impl Iterator<Item = String> {
        let scope = self.checked.scope.iter();
        let of_resources = scope.filter(|scope| !claims::SCOPES.contains(&scope.as_str()));
        let offline = self.checked.scope.get(OFFLINE_ACCESS).cloned();
        let at = self
            .resources
            .iter()
            .map(|resource| format!("resource:{}", resource.identifier));
        offline
            .into_iter()
            .chain(at)
            .chain(of_resources.map(|scope| format!("scope:{scope}")))
    }

    /// What comes next.
    pub fn next_step(&self, progress: &Progress, person: Option<&Person>, started_at: i64, now: i64) -> Step {
        let signed_in = person.map(Person::signed_in);
        let hint = self.hint.as_deref();
        next_step(
            &self.checked,
            hint,
            progress,
            signed_in.as_ref(),
            self.consent_rule(),
            started_at,
            now,
        )
    }

    /// Public clients on loopback or a private scheme can be impersonated by any program on the agent's device (RFC 8252
    /// §8.6): they always ask. So do those that registered themselves, whose secret is in that program.
    pub fn consent_rule(&self) -> ConsentRule {
        let unproven = self.client.is_public() || self.client.self_registered;
        match self.client.consent {
            _ if own_pages::is(&self.client) => ConsentRule::Never,
            _ if unproven && !self.checked.return_to.is_https() => ConsentRule::Always,
            ConsentPolicy::None if self.checked.return_to.is_https() && !self.client.is_public() => ConsentRule::Never,
            _ => ConsentRule::Remembered,
        }
    }

    /// Whether a refusal goes back to the client without a word to the agent.
    pub fn answers_at_once(&self, denial: Denial) -> bool {
        self.checked.prompts(Prompt::None) || !matches!(denial, Denial::Admission(_) | Denial::NotFresh)
    }

    /// The refusal as the client reads it.
    pub fn refuse(&self, app: &App, denial: Denial) -> AuthorizeError {
        tracing::info!(client.id = self.client.id, denial = ?denial, "an authorization request was refused");
        let error = oauth_error(denial);
        app.statistics
            .error(&self.client.id, error.code.as_str(), app.clock.now());
        AuthorizeError::to(&self.checked.return_to, &error, &app.config.issuer)
    }
}

fn hinted_subject(app: &App, hint: &str, client_id: &str) -> Result<String, OAuthError> {
    let claims = app
        .keys
        .verify("JWT", hint)
        .map_err(|_| OAuthError::invalid_request("id_token_hint is not a token of ours"))?;
    id_token::hinted_subject(&claims, &app.config.issuer, client_id)
}

fn oauth_error(denial: Denial) -> OAuthError {
    let (code, description) = match denial {
        Denial::LoginRequired => (
            ErrorCode::LoginRequired,
            "the agent is not signed in, or not recently enough",
        ),
        Denial::ConsentRequired => (ErrorCode::ConsentRequired, "the agent has not agreed to this yet"),
        Denial::InteractionRequired => (ErrorCode::InteractionRequired, "a page has to be shown"),
        Denial::OtherAgent => (
            ErrorCode::LoginRequired,
            "another agent is signed in than the one asked for",
        ),
        Denial::NotFresh => (ErrorCode::LoginRequired, "a new login could not be proven"),
        Denial::UnmetAcr => (
            ErrorCode::UnmetAuthenticationRequirements,
            "the level asked for cannot be reached",
        ),
        Denial::Admission(_) => (ErrorCode::AccessDenied, "the service does not admit this agent"),
    };
    OAuthError::new(code, description)
}
