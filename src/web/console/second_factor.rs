//! `/console/second-facteur`: operators and support enrol their second factor and give it.

use askama::Template;
use axum::Router;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use qrcode::QrCode as Encoded;
use qrcode::types::Color;

use super::super::error::{AuthorizeError, PageError, see_other};
use super::super::form::PageForm;
use super::super::pages::ErrorKind;
use super::super::pages::console::{FactorProblem, FactorStep, HOME as SECTION, QrCode, SecondFactorPage};
use super::super::routes::no_head;
use super::{HOME, Member, SECOND_FACTOR, own_place};
use crate::app::SharedApp;
use crate::console::second_factor::{self, Answer};
use crate::protocol::params::Params;

/// The fields of the forms: the application's code, and where to go on.
const CODE: &str = "code";
const BACK: &str = "retour";

pub fn routes() -> Router<SharedApp> {
    Router::new()
        .route("/console/second-facteur", get(show).post(give).head(no_head))
        .route("/console/second-facteur/inscription", post(enrol))
}

/// `GET /console/second-facteur`: `retour` says where to go on.
async fn show(member: Member) -> Result<Response, AuthorizeError> {
    let back = back(&member.query()?);
    page(&member, back, None).await
}

/// `POST /console/second-facteur/inscription`: the one-time code.
async fn enrol(member: Member, PageForm(form): PageForm) -> Result<Response, AuthorizeError> {
    let back = back(&form);
    let typed = form.get("enrolment").unwrap_or_default();
    needed(&member)?;
    if !member.is_shown(&form) {
        return Ok(again(&back));
    }
    let Member {
        app, agent, session, ..
    } = &member;
    let answer = second_factor::begin(&app.store, &app.keys, agent, &session.id, typed, member.now).await?;
    match problem(&answer, FactorProblem::Enrolment) {
        None => Ok(again(&back)),
        problem => page(&member, back, problem).await,
    }
}

/// `POST /console/second-facteur`: the application's code.
async fn give(member: Member, PageForm(form): PageForm) -> Result<Response, AuthorizeError> {
    let back = back(&form);
    let code = form.get(CODE).unwrap_or_default();
    needed(&member)?;
    if !member.is_shown(&form) {
        return Ok(again(&back));
    }
    let Member {
        app, agent, session, ..
    } = &member;
    let answer = second_factor::give(&app.store, &app.keys, agent, &session.id, code, member.now).await?;
    match problem(&answer, FactorProblem::Code) {
        None => Ok(see_other(&back)),
        problem => page(&member, back, problem).await,
    }
}

/// Takes the code that a form brought; without one, or with a wrong one, asks for it on a page that sends the form again.
///
/// # Errors
/// That page.
pub async fn ask_first(member: &Member, form: &Params) -> Result<(), AuthorizeError> {
    let Member {
        app, agent, session, ..
    } = member;
    let problem = match form.get(CODE) {
        None => None,
        Some(code) => {
            let answer = second_factor::give(&app.store, &app.keys, agent, &session.id, code, member.now).await?;
            match problem(&answer, FactorProblem::Code) {
                None => return Ok(()),
                problem => problem,
            }
        }
    };
    let carried = form.pairs().filter(|(name, _)| !["shown", CODE].contains(name));
    let page = SecondFactorPage {
        layout: member.layout(&SECTION),
        step: FactorStep::Give,
        problem,
        action: member.here.clone(),
        carried: carried
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    };
    Err(AuthorizeError::First(Box::new(Html(page.render()?).into_response())))
}

/// Nobody else has a second factor.
fn needed(member: &Member) -> Result<(), PageError> {
    match member.roles.need_second_factor() {
        true => Ok(()),
        false => Err(PageError::new(ErrorKind::NotFound)),
    }
}

fn back(params: &Params) -> String {
    params.get(BACK).and_then(own_place).unwrap_or(HOME).to_owned()
}

fn again(back: &str) -> Response {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair(BACK, back)
        .finish();
    see_other(&format!("{SECOND_FACTOR}?{query}"))
}

/// What the page says of a code that was not taken.
fn problem(answer: &Answer, wrong: FactorProblem) -> Option<FactorProblem> {
    match answer {
        Answer::Taken => None,
        Answer::Wrong => Some(wrong),
        Answer::Wait(seconds) => Some(FactorProblem::Wait((*seconds).try_into().unwrap_or_default())),
    }
}

async fn page(member: &Member, back: String, problem: Option<FactorProblem>) -> Result<Response, AuthorizeError> {
    needed(member)?;
    let Member {
        app, agent, session, ..
    } = member;
    let layout = member.layout(&SECTION);
    let step = match app.store.find_stored_factor(&agent.id).await? {
        Some(stored) if stored.confirmed_at.is_some() => FactorStep::Give,
        // The secret is shown to the session that gave the one-time code, and to no other.
        Some(stored) if stored.session_id == session.id => {
            let service = layout.text.get("site-name");
            let authenticator = second_factor::authenticator(&app.keys, agent, &stored, &service)?;
            let url = authenticator.url().map_err(|error| PageError::from_inside(&error))?;
            FactorStep::Scan {
                secret: authenticator.secret(),
                qr: draw(&url)?,
                url,
            }
        }
        _ => FactorStep::Enrol,
    };
    let page = SecondFactorPage {
        layout,
        step,
        problem,
        action: SECOND_FACTOR.to_owned(),
        carried: vec![(BACK.to_owned(), back)],
    };
    Ok(Html(page.render()?).into_response())
}

fn draw(text: &str) -> Result<QrCode, PageError> {
    let code = Encoded::new(text).map_err(|error| PageError::from_inside(&error))?;
    let width = code.width();
    let dark = code
        .to_colors()
        .into_iter()
        .enumerate()
        .filter(|(_, color)| *color == Color::Dark);
    let path = dark.map(|(at, _)| format!("M{} {}h1v1h-1z", at % width, at / width));
    Ok(QrCode {
        width,
        path: path.collect(),
    })
}
