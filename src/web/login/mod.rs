//! The steps of a flow. Every step has one address, `/authorize/{flow}`, which shows whatever is due; forms post to
//! addresses below it and end with a redirect to it. Steps never route to one another.

pub mod account;
pub mod consent;
pub mod counting;
pub mod finish;
mod gate;
pub mod identifier;
pub mod oauth;
pub mod own_pages;
pub mod password;
mod refusal;
pub mod request;
mod request_object;
pub mod sso;
mod under_way;

use askama::Template;
use axum::response::IntoResponse;
use axum::response::{Html, Response};
use http::header::SET_COOKIE;
use serde_json::json;

use super::error::{AuthorizeError, Incident, PageError, see_other};
use super::pages::{ErrorKind, ProblemPage};
use super::visitor::Visitor;
use crate::app::App;
use crate::audit;
use crate::domain::admission::Refusal;
use crate::domain::agent::Pause;
use crate::domain::audit::{Action, Actor, Event, ObjectKind};
use crate::domain::flow::{Denial, Flow, Progress, Stage, Step};
use crate::domain::login_loop::{AWAY, Turns};
use crate::domain::login_problem::LoginProblem;
use crate::domain::statistics::Outcome;
use crate::protocol::authorize::Prompt;
use crate::secret::random_token;
use refusal::Explanation;
use request::Request;
use under_way::UnderWay;

/// The address of a flow's current step.
pub fn step_url(flow_id: &str) -> String {
    format!("/authorize/{flow_id}")
}

/// Stores a request that needs a page, bound to the browser unless that is not known yet.
pub async fn start_flow(
    app: &App,
    visitor: &Visitor,
    request: &Request,
    progress: Progress,
    bound: bool,
    now: i64,
) -> Result<Flow, PageError> {
    if app.store.count_open_flows(&visitor.network, now).await? >= app.config.limits.open_flows_per_network {
        let event = Event {
            actor: Actor::System,
            action: Action::FlowsThrottled,
            object: (ObjectKind::Network, visitor.network.clone()),
            detail: json!({"client": request.client.id}),
        };
        audit::record_once(&app.store, now, event, 3600).await?;
        return Err(PageError::new(ErrorKind::TooMany));
    }
    // Only now: a request that is refused leaves no cookie session behind.
    let browser = match bound {
        true => Some(visitor.browser_for_flow().await?),
        false => None,
    };
    let away = match &browser {
        Some(browser) => app.store.count_flows_away(&visitor.network, browser, now).await?,
        None => 0,
    };
    let in_a_loop = away >= AWAY || progress == Progress::in_a_loop();
    if in_a_loop {
        let event = Event {
            actor: Actor::System,
            action: Action::LoginLoopStopped,
            object: (ObjectKind::Client, request.client.id.clone()),
            detail: json!({"away": away}),
        };
        audit::record_once(&app.store, now, event, 3600).await?;
    }
    let flow = Flow {
        // In a URL of ours, and the token of every form below it.
        id: random_token()?,
        browser,
        client_id: request.client.id.clone(),
        params: request.params.encode(),
        progress: if in_a_loop { Progress::in_a_loop() } else { progress },
        attempt: None,
        network: visitor.network.clone(),
        created_at: now,
        expires_at: now + app.config.lifetimes.flow,
        version: 0,
    };
    app.store.insert_flow(&flow).await?;
    Ok(flow)
}

/// `GET /authorize/{flow}`: shows or answers whatever is due.
pub async fn show(mut step: UnderWay) -> Result<Response, AuthorizeError> {
    match step.next() {
        Step::Login => match step.flow.progress.stage.clone() {
            Stage::Identifier => identifier::page(&step, None, None).await,
            Stage::Password { .. } => password::page(&step, None).await,
            Stage::Sso { .. } => sso::page(&step).await,
            Stage::OAuth { .. } => oauth::page(&step).await,
            Stage::Stopped { problem, .. } => step.problem(problem),
        },
        Step::Choose => account::choose_page(&step),
        Step::Confirm => account::confirm_page(&step),
        Step::Consent => consent::page(&step),
        // What is refused whoever signs in: the agent is told that it goes round and round.
        Step::Refuse(_) if step.flow.progress == Progress::in_a_loop() => step.problem(LoginProblem::LoginLoop),
        Step::Refuse(denial) if step.request.answers_at_once(denial) => {
            step.app.store.delete_flow(&step.flow.id).await?;
            counting::refused(&step.app, &step.request, step.person.as_ref(), denial, step.now);
            Err(step.request.refuse(&step.app, denial))
        }
        Step::Refuse(denial) => {
            // However often the page is loaded.
            if !step.flow.progress.refusal_counted {
                step.flow.progress.refusal_counted = true;
                step.save().await?;
                counting::refused(&step.app, &step.request, step.person.as_ref(), denial, step.now);
            }
            let explanation = match denial {
                Denial::Admission(refusal) => {
                    refusal::explain(&step.app, &step.request.client, refusal, step.layout().text).await?
                }
                _ => Explanation::default(),
            };
            step.explained(denial_problem(denial), explanation)
        }
        Step::Issue(_) if own_pages::stays_here(&step.request.client) => {
            step.app.store.delete_flow(&step.flow.id).await?;
            Ok(see_other(&own_pages::destination(&step.request)))
        }
        Step::Issue(claims) => {
            // Nothing was asked of anybody: another site began it with a POST. As in `oidc::authorize`.
            let silent = step.request.checked.prompts(Prompt::None);
            let turns = (step.flow.progress == Progress::default() && !silent).then(|| step.visitor.turns());
            if turns.is_some_and(Turns::is_loop) {
                tracing::warn!(client.id = step.request.client.id, "a login loop was stopped");
                step.flow.progress = Progress::in_a_loop();
                step.save().await?;
                return Ok(step.again());
            }
            let cookie = turns
                .map(|turns| step.visitor.turns_cookie(&step.app, turns))
                .transpose()?;
            let (flow_id, person) = (Some(step.flow.id.as_str()), step.person.take());
            let mut answer = finish::issue(&step.app, &step.request, person, claims, flow_id, step.now).await?;
            answer.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
            Ok(answer)
        }
    }
}

/// `POST /authorize/{flow}/leave`: back to the service, with the reason.
pub async fn leave(step: UnderWay) -> Result<Response, AuthorizeError> {
    step.app.store.delete_flow(&step.flow.id).await?;
    Err(match step.next() {
        Step::Refuse(denial) => step.request.refuse(&step.app, denial),
        _ => {
            // What stopped the login is counted already.
            if !matches!(step.flow.progress.stage, Stage::Stopped { .. }) {
                counting::stopped(&step, &step.flow.progress.stage, Outcome::Declined);
            }
            step.denied("the agent went back without signing in")
        }
    })
}

fn denial_problem(denial: Denial) -> LoginProblem {
    match denial {
        Denial::Admission(Refusal::Guest) => LoginProblem::GuestRefused,
        Denial::Admission(Refusal::Administration) => LoginProblem::AdministrationRefused,
        Denial::Admission(Refusal::Population) => LoginProblem::PopulationRefused,
        Denial::Admission(Refusal::NotATester) => LoginProblem::NotATester,
        Denial::Admission(Refusal::Closed | Refusal::UnknownHomeserver) => LoginProblem::NotAdmitted,
        Denial::Admission(Refusal::Paused(pause)) => match pause {
            Pause::Locked => LoginProblem::Locked,
            Pause::Expired => LoginProblem::Expired,
            Pause::Suspended => LoginProblem::Suspended,
            Pause::Missing => LoginProblem::NotAdmitted,
        },
        Denial::UnmetAcr => LoginProblem::AcrUnreachable,
        Denial::OtherAgent => LoginProblem::OtherAgent,
        Denial::NotFresh | Denial::LoginRequired | Denial::ConsentRequired | Denial::InteractionRequired => {
            LoginProblem::FreshLoginUnproven
        }
    }
}

impl UnderWay {
    /// The page that explains what stopped the login, with the ways on.
    fn problem(&self, problem: LoginProblem) -> Result<Response, AuthorizeError> {
        self.explained(problem, Explanation::default())
    }

    fn explained(&self, problem: LoginProblem, explanation: Explanation) -> Result<Response, AuthorizeError> {
        let base = step_url(&self.flow.id);
        let incident = Incident::new();
        let page = ProblemPage {
            layout: self.layout(),
            service: Some(self.request.client.name.clone()),
            problem,
            homeserver: self.flow.progress.stage.homeserver().map(str::to_owned),
            admitted: explanation.admitted,
            contacts: explanation.contacts,
            action: Some(format!("{base}/restart")),
            leave_action: Some(format!("{base}/leave")),
            incident: Some(incident.0.clone()),
        };
        tracing::info!(
            flow.id = self.flow.log_id(),
            client.id = self.flow.client_id,
            problem.code = problem.code(),
            incident.id = incident.0,
            "a login was stopped"
        );
        render(&page)
    }
}

/// Writes a page.
fn render(page: &impl Template) -> Result<Response, AuthorizeError> {
    Ok(Html(page.render()?).into_response())
}
