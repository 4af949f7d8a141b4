//! What the statistics learn of sign-ins: each once, when it ends. Our own pages are no service.

use super::super::person::Person;
use super::own_pages;
use super::request::Request;
use super::under_way::UnderWay;
use crate::app::App;
use crate::domain::flow::{Denial, Stage};
use crate::domain::statistics::Outcome;
use crate::statistics::Attempt;

/// A sign-in of an agent who is known, or of nobody, that ended like this.
pub fn ended(app: &App, request: &Request, person: Option<&Person>, outcome: Outcome, now: i64) {
    if own_pages::stays_here(&request.client) {
        return;
    }
    let attempt = Attempt {
        client_id: &request.client.id,
        administration: person.and_then(|person| person.administration.as_deref()),
        homeserver: person.map(|person| person.agent.homeserver.as_str()),
        way: person.map(|person| person.session.way),
        outcome,
    };
    app.statistics.count(attempt, now);
}

/// The request is refused.
pub fn refused(app: &App, request: &Request, person: Option<&Person>, denial: Denial, now: i64) {
    if let Some(outcome) = Outcome::of_denial(denial) {
        ended(app, request, person, outcome, now);
    }
}

/// A login that had come to this stage ended like this.
pub fn stopped(step: &UnderWay, stage: &Stage, outcome: Outcome) {
    if own_pages::stays_here(&step.request.client) {
        return;
    }
    let attempt = Attempt {
        client_id: &step.request.client.id,
        // What somebody typed is not yet whose account it is.
        administration: None,
        homeserver: stage.homeserver(),
        way: stage.way(),
        outcome,
    };
    step.app.statistics.count(attempt, step.now);
}
