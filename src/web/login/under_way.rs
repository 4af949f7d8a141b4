//! A flow as a handler finds it: loaded, bound to this browser, its request checked anew, its agent known.

use axum::extract::{FromRequestParts, Path};
use http::Method;
use http::request::Parts;

use super::super::error::{AuthorizeError, PageError};
use super::super::pages::{ErrorKind, Layout};
use super::super::person::Person;
use super::super::visitor::Visitor;
use super::request::Request;
use super::step_url;
use crate::app::SharedApp;
use crate::domain::flow::{Flow, Step};
use crate::protocol::params::Params;

/// One step of a flow; handlers of `/authorize/{flow}/…` take it as an argument.
pub struct UnderWay {
    pub app: SharedApp,
    pub visitor: Visitor,
    pub flow: Flow,
    pub request: Request,
    pub person: Option<Person>,
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
        let request = Request::check(app, params).await?;
        let person = request.person(app, visitor.signed_in().await?.as_deref(), now).await?;
        Ok(Self {
            app: app.clone(),
            visitor,
            flow,
            request,
            person,
            now,
        })
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
    pub async fn save(&mut self) -> Result<(), PageError> {
        if self.app.store.update_flow(&self.flow).await? {
            self.flow.version += 1;
            Ok(())
        } else {
            Err(PageError::new(ErrorKind::FlowExpired))
        }
    }

    /// Ends the flow; of two racing requests only one can.
    pub async fn end(&self) -> Result<(), PageError> {
        match self.app.store.delete_flow(&self.flow.id).await? {
            true => Ok(()),
            false => Err(PageError::new(ErrorKind::FlowExpired)),
        }
    }

    /// What surrounds the pages of this flow.
    pub fn layout(&self) -> Layout {
        self.visitor
            .layout(&self.app, &self.request.checked.ui_locales, step_url(&self.flow.id))
    }

    /// The address of a form of this flow.
    pub fn action(&self, form: &str) -> String {
        format!("{}/{form}", step_url(&self.flow.id))
    }
}

impl FromRequestParts<SharedApp> for UnderWay {
    type Rejection = AuthorizeError;

    /// Loads the flow that the address names. One that no browser has come to yet (it began with a POST) is bound to the
    /// first that does, by a GET only: a POST from another site comes without the cookie that the browser may have.
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
        let mut flow = app
            .store
            .find_flow(flow_id, app.clock.now())
            .await?
            .ok_or_else(expired)?;
        let visitor = Visitor::from_request_parts(parts, app).await?;
        if flow.browser.is_some() || parts.method != Method::GET {
            return Self::of(app, visitor, flow).await;
        }
        flow.browser = Some(visitor.browser_or_new().await?);
        let mut step = Self::of(app, visitor, flow).await?;
        step.save().await?;
        Ok(step)
    }
}
