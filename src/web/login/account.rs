//! Which account: the signed-in one or another (`prompt=select_account`), and whether the one that came back is right.

use axum::response::Response;

use super::super::error::AuthorizeError;
use super::super::form::PageForm;
use super::super::pages::{ChooseAccountPage, ConfirmAccountPage};
use super::identifier::start_over;
use super::render;
use super::under_way::UnderWay;
use crate::domain::flow::Step;
use crate::protocol::params::Params;

/// Go on as this agent, or as another?
pub fn choose_page(step: &UnderWay) -> Result<Response, AuthorizeError> {
    let person = step.signed_in()?;
    render(&ChooseAccountPage {
        layout: step.layout(),
        service: step.request.client.name.clone(),
        action: step.action("choose"),
        shown: step.account_mark(),
        name: person.name().to_owned(),
        matrix_id: person.agent.matrix_id.clone(),
    })
}

/// `POST /authorize/{flow}/choose`
pub async fn choose(mut step: UnderWay, PageForm(form): PageForm) -> Result<Response, AuthorizeError> {
    if step.next() == Step::Choose && is_shown(&step, &form) {
        match form.get("account") {
            Some("current") => {
                step.flow.progress.account_chosen = step.person.as_ref().map(|person| person.session.id.clone());
                step.save().await?;
            }
            Some("other") => start_over(&mut step).await?,
            _ => {}
        }
    }
    Ok(step.again())
}

/// Another account came back than the one typed, or one after a logout: say who it is, and ask.
pub fn confirm_page(step: &UnderWay) -> Result<Response, AuthorizeError> {
    let person = step.signed_in()?;
    render(&ConfirmAccountPage {
        layout: step.layout(),
        service: step.request.client.name.clone(),
        action: step.action("confirm"),
        shown: step.account_mark(),
        typed: step
            .flow
            .progress
            .typed
            .clone()
            .filter(|_| step.flow.progress.other_account),
        came_back_name: person.name().to_owned(),
        came_back_matrix_id: person.agent.matrix_id.clone(),
    })
}

/// `POST /authorize/{flow}/confirm`
pub async fn confirm(mut step: UnderWay, PageForm(form): PageForm) -> Result<Response, AuthorizeError> {
    if step.next() == Step::Confirm && is_shown(&step, &form) {
        match form.get("answer") {
            Some("continue") => {
                step.flow.progress.account_confirmed = true;
                step.save().await?;
            }
            Some("change") => start_over(&mut step).await?,
            _ => {}
        }
    }
    Ok(step.again())
}

/// Whether the form shows the account that is signed in now; otherwise its page is shown again.
fn is_shown(step: &UnderWay, form: &Params) -> bool {
    form.get("shown") == Some(&step.account_mark())
}
