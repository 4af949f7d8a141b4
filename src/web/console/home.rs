//! `/console`: what somebody can do here.

use askama::Template;
use axum::Router;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use super::super::error::AuthorizeError;
use super::super::pages::console::{ConsoleHomePage, HOME as SECTION};
use super::super::routes::no_head;
use super::Member;
use crate::app::SharedApp;

pub fn routes() -> Router<SharedApp> {
    Router::new().route("/console", get(show).head(no_head))
}

/// `GET /console`: operators and support give their second factor first.
async fn show(member: Member) -> Result<Response, AuthorizeError> {
    if member.roles.need_second_factor() && !member.roles.second_factor {
        return Err(member.ask_second_factor());
    }
    let page = ConsoleHomePage {
        layout: member.layout(&SECTION),
        name: member
            .agent
            .display_name
            .clone()
            .unwrap_or_else(|| member.agent.matrix_id.clone()),
        matrix_id: member.agent.matrix_id.clone(),
        roles: member.roles.granted.clone(),
    };
    Ok(Html(page.render()?).into_response())
}
