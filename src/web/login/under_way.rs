//! A flow as a handler finds it: loaded, bound to this browser, its request checked anew, its agent known.

use axum::extract::{FromRequestParts, Path};
use axum::response::Response;
use http::Method;
use http::request::Parts;

use super::super::error::{AuthorizeError, PageError, see_other};
use super::super::form::refuse_foreign;
use super::super::logo;
use super::super::pages::{ErrorKind, Layout, Service};
use super::super::person::Person;
use super::super::visitor::Visitor;
use super::request::Request;
use super::{counting, own_pages, step_url};
use crate::app::SharedApp;
use crate::domain::flow::{Flow, Stage, Step};
use crate::domain::login_problem::LoginProblem;
use crate::domain::statistics::Outcome;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::params::Params;
use crate::secret::{fingerprint, random_token};

/// One step of a flow; handlers of `/authorize/{flow}/…` take it as an argument.
pub struct UnderWay {
    pub app: SharedApp,
    pub visitor: Visitor,
    pub flow: Flow,
    pub request: Request,
    pub person: Option<Person>,
    /// The address of the client's logo.
    logo: Option<String>,
    pub now: i64,
}

impl UnderWay {
    /// A flow that is already loaded.
    pub async fn of(app: &SharedApp, visitor: Visitor, flow: Flow) -> Result<Self, AuthorizeError> {
        let browser = visitor.browser().await?;
        if browser.is_none() || browser != flow.browser {
            return Err(PageError::new(ErrorKind::FlowBrowser).into());
        }
        let now = app.clock.now();
        let params = Params::parse(flow.params.as_bytes())
            .map_err(|error| PageError::with_detail(ErrorKind::Request, error.description))?;
        let request = match own_pages::find(app, &flow.client_id).await? {
            Some(client) => Request::of(app, client, params).await?,
            None => Request::check(app, params).await?,
        };
        let person = request.person(app, visitor.signed_in().await?.as_deref(), now).await?;
        let logo = match &request.client.presentation.logo_uri {
            Some(uri) => app.store.find_client_logo_time(&request.client.id, uri).await?,
            None => None,
        };
        Ok(Self {
            logo: logo.map(|fetched_at| logo::address(&request.client.id, fetched_at)),
            app: app.clone(),
            visitor,
            flow,
            request,
            person,
            now,
        })
    }

    /// The flow whose login attempt comes back. An attempt is consumed by the browser that opened it: a link scanner's
    /// visit costs the agent nothing.
    pub async fn come_back(app: &SharedApp, visitor: Visitor, attempt: &str) -> Result<Self, AuthorizeError> {
        let browser = visitor.browser().await?;
        let browser = browser.ok_or_else(|| PageError::new(ErrorKind::FlowBrowser))?;
        let flow = app
            .store
            .consume_attempt(&fingerprint(attempt), &browser, app.clock.now())
            .await?;
        Self::of(
            app,
            visitor,
            flow.ok_or_else(|| PageError::new(ErrorKind::FlowExpired))?,
        )
        .await
    }

    /// What is due.
    pub fn next(&self) -> Step {
        self.request.next_step(
            &self.flow.progress,
            self.person.as_ref(),
            self.flow.created_at,
            self.now,
        )
    }

    /// Saves the flow's progress, unless another request of the same browser was faster.
    pub async fn save(&mut self) -> Result<(), AuthorizeError> {
        if self.app.store.update_flow(&self.flow).await? {
            self.flow.version += 1;
            Ok(())
        } else {
            Err(AuthorizeError::Again(step_url(&self.flow.id)))
        }
    }

    /// Stops the login: the next page says why. It is shown at the step's own address, so that neither a form nor a
    /// login token stays in the address bar.
    pub async fn stop(mut self, problem: LoginProblem) -> Result<Response, AuthorizeError> {
        let homeserver = self.flow.progress.stage.homeserver().map(str::to_owned);
        let before = std::mem::replace(&mut self.flow.progress.stage, Stage::Stopped { problem, homeserver });
        self.flow.attempt = None;
        self.save().await?;
        if let Some(outcome) = Outcome::of_problem(problem) {
            counting::stopped(&self, &before, outcome);
        }
        Ok(self.again())
    }

    /// The agent whose account a page shows; without one the page's turn is over.
    pub fn signed_in(&self) -> Result<&Person, AuthorizeError> {
        let expired = || PageError::new(ErrorKind::FlowExpired).into();
        self.person.as_ref().ok_or_else(expired)
    }

    /// The agent's own no, as the client reads it.
    pub fn denied(&self, description: &'static str) -> AuthorizeError {
        let error = OAuthError::new(ErrorCode::AccessDenied, description);
        let id = &self.request.client.id;
        self.app.statistics.error(id, error.code.as_str(), self.now);
        AuthorizeError::to(&self.request.checked.return_to, &error, &self.app.config.issuer)
    }

    /// Back to the address that shows what is due.
    pub fn again(&self) -> Response {
        see_other(&step_url(&self.flow.id))
    }

    /// Stands for the account that a page shows, in its form: what was shown for one agent is not done for another.
    pub fn account_mark(&self) -> String {
        let session = self.person.as_ref().map(|person| person.session.id.as_str());
        fingerprint(&format!("{}\n{}", self.flow.id, session.unwrap_or_default()))
    }

    /// What surrounds the pages of this flow.
    pub fn layout(&self) -> Layout {
        self.visitor
            .layout(&self.app, &self.request.checked.ui_locales, step_url(&self.flow.id))
    }

    /// The service as its pages present it.
    pub fn service(&self) -> Service {
        let client = &self.request.client;
        let leads_to = || self.request.checked.return_to.place();
        Service {
            name: client.name.clone(),
            logo: self.logo.clone(),
            policy_uri: client.presentation.policy_uri.clone(),
            tos_uri: client.presentation.tos_uri.clone(),
            unverified: client.self_registered.then(leads_to),
            in_test: !client.standing.stage.is_production(),
        }
    }

    /// The address of a form of this flow.
    pub fn action(&self, form: &str) -> String {
        format!("{}/{form}", step_url(&self.flow.id))
    }
}

impl FromRequestParts<SharedApp> for UnderWay {
    type Rejection = AuthorizeError;

    /// Loads the flow that the address names. One that no browser has come to yet (it began with a POST) is bound to the
    /// first that does, by a GET only: a POST from another site comes without the cookie that the browser may have. It goes
    /// on under another address.
    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, AuthorizeError> {
        let expired = || PageError::new(ErrorKind::FlowExpired);
        let Ok(Path(ids)) = Path::<Vec<(String, String)>>::from_request_parts(parts, app).await else {
            return Err(expired().into());
        };
        let flow_id = ids.first().map(|(_, id)| id.as_str()).unwrap_or_default();
        // PostgreSQL takes no NUL in a text.
        if flow_id.contains('\0') {
            return Err(expired().into());
        }
        let flow = app
            .store
            .find_flow(flow_id, app.clock.now())
            .await?
            .ok_or_else(expired)?;
        let visitor = Visitor::from_request_parts(parts, app).await?;
        if parts.method != Method::GET {
            refuse_foreign(app, &parts.headers, &visitor.network, app.clock.now()).await?;
        }
        if flow.browser.is_some() || parts.method != Method::GET {
            return Self::of(app, visitor, flow).await;
        }
        // Under a new id: whoever began the flow with a POST knows the old one.
        let (new_id, browser) = (random_token()?, visitor.browser_for_flow().await?);
        match app.store.bind_flow(&flow.id, &new_id, &browser).await? {
            true => Err(AuthorizeError::Again(step_url(&new_id))),
            false => Err(expired().into()),
        }
    }
}
