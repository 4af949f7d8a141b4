//! Which account: the signed-in one or another (`prompt=select_account`), and whether the one that came back is right.

use axum::response::Response;

use super::super::error::{AuthorizeError, PageError, see_other};
use super::super::form::PageForm;
use super::super::pages::{ChooseAccountPage, ConfirmAccountPage, ErrorKind};
use super::super::person::Person;
use super::identifier::start_over;
use super::under_way::UnderWay;
use super::{render, step_url};
use crate::domain::flow::Step;

fn person(step: &UnderWay) -> Result<&Person, AuthorizeError> {
    step.person
        .as_ref()
        .ok_or_else(|| PageError::new(ErrorKind::FlowExpired).into())
}

/// Go on as this agent, or as another?
pub fn choose_page(step: &UnderWay) -> Result<Response, AuthorizeError> {
    let person = person(step)?;
    render(&ChooseAccountPage {
        layout: step.layout(),
        service: step.request.client.name.clone(),
        action: step.action("choose"),
        name: person.name().to_owned(),
        matrix_id: person.agent.matrix_id.clone(),
    })
}

/// `POST /authorize/{flow}/choose`
pub async fn choose(mut step: UnderWay, PageForm(form): PageForm) -> Result<Response, AuthorizeError> {
    match (step.next(), form.get("account")) {
        (Step::Choose, Some("current")) => {
            step.flow.progress.account_chosen = true;
            step.save().await?;
        }
        (Step::Choose, Some("other")) => start_over(&mut step).await?,
        _ => {}
    }
    Ok(see_other(&step_url(&step.flow.id)))
}

/// Another account came back than the one typed: say who it is, and ask.
pub fn confirm_page(step: &UnderWay) -> Result<Response, AuthorizeError> {
    let person = person(step)?;
    render(&ConfirmAccountPage {
        layout: step.layout(),
        service: step.request.client.name.clone(),
        action: step.action("confirm"),
        typed: step.flow.progress.typed.clone().unwrap_or_default(),
        came_back_name: person.name().to_owned(),
        came_back_matrix_id: person.agent.matrix_id.clone(),
    })
}

/// `POST /authorize/{flow}/confirm`
pub async fn confirm(mut step: UnderWay, PageForm(form): PageForm) -> Result<Response, AuthorizeError> {
    match (step.next(), form.get("answer")) {
        (Step::Confirm, Some("continue")) => {
            step.flow.progress.account_confirmed = true;
            step.save().await?;
        }
        (Step::Confirm, Some("change")) => start_over(&mut step).await?,
        _ => {}
    }
    Ok(see_other(&step_url(&step.flow.id)))
}
