//! `/console/equipe`: operators invite others to roles, and take roles back.

use askama::Template;
use axum::Router;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};

use super::super::error::{AuthorizeError, PageError, see_other};
use super::super::form::PageForm;
use super::super::pages::ErrorKind;
use super::super::pages::console::{InvitationEntry, InviteProblem, RoleEntry, TEAM, TeamDone, TeamPage};
use super::super::routes::no_head;
use super::Member;
use crate::app::SharedApp;
use crate::console::roles::{self, Invited, RoleError};
use crate::domain::role::{Right, Role};

pub fn routes() -> Router<SharedApp> {
    Router::new()
        .route("/console/equipe", get(show).head(no_head))
        .route("/console/equipe/invitations", post(invite))
        .route("/console/equipe/invitations/retrait", post(withdraw))
        .route("/console/equipe/retrait", post(remove))
}

/// `GET /console/equipe`
async fn show(member: Member) -> Result<Response, AuthorizeError> {
    member.require(Right::SeeRoles)?;
    let done = TeamDone::parse(member.query()?.get("fait").unwrap_or_default());
    page(&member, done, Default::default(), None).await
}

/// `POST /console/equipe/invitations`
async fn invite(member: Member, PageForm(form): PageForm) -> Result<Response, AuthorizeError> {
    member.confirm(Right::EditRoles, &form).await?;
    let text = |name: &str| form.get(name).unwrap_or_default().trim().to_owned();
    let (matrix_id, name, administration) = (text("matrix_id"), text("role"), text("administration").to_lowercase());
    // What is left in the field of a manager's administration is no matter for the other roles.
    let of = if name == "manager" { administration.as_str() } else { "" };
    let invited = match Role::parse(&name, of) {
        Some(role) => roles::invite(&member.app.store, member.actor(), &matrix_id, &role, member.now).await,
        None if name == "manager" => Err(RoleError::Administration),
        None => {
            return page(
                &member,
                None,
                (matrix_id, name, administration),
                Some(InviteProblem::Role),
            )
            .await;
        }
    };
    match invited {
        Ok(Invited::Given(_)) => Ok(done(TeamDone::Given)),
        Ok(Invited::Until(_)) => Ok(done(TeamDone::Invited)),
        Err(error) => page(&member, None, (matrix_id, name, administration), Some(problem(error)?)).await,
    }
}

/// `POST /console/equipe/retrait`
async fn remove(member: Member, PageForm(form): PageForm) -> Result<Response, AuthorizeError> {
    member.confirm(Right::EditRoles, &form).await?;
    let text = |name: &str| form.get(name).unwrap_or_default();
    let not_found = || PageError::new(ErrorKind::NotFound);
    let role = Role::parse(text("role"), text("administration")).ok_or_else(not_found)?;
    match roles::remove(&member.app.store, member.actor(), text("agent"), &role, member.now).await {
        Ok(()) => Ok(done(TeamDone::Removed)),
        Err(RoleError::NotGiven) => Err(not_found().into()),
        Err(error) => page(&member, None, Default::default(), Some(problem(error)?)).await,
    }
}

/// `POST /console/equipe/invitations/retrait`
async fn withdraw(member: Member, PageForm(form): PageForm) -> Result<Response, AuthorizeError> {
    member.confirm(Right::EditRoles, &form).await?;
    let id = form.get("invitation").unwrap_or_default();
    match roles::withdraw(&member.app.store, member.actor(), id, member.now).await? {
        true => Ok(done(TeamDone::Withdrawn)),
        false => Err(PageError::new(ErrorKind::NotFound).into()),
    }
}

fn done(done: TeamDone) -> Response {
    see_other(&format!("{}?fait={}", TEAM.path, done.as_str()))
}

/// What to tell whoever typed it; what failed inside is not theirs.
fn problem(error: RoleError) -> Result<InviteProblem, PageError> {
    match error {
        RoleError::MatrixId => Ok(InviteProblem::MatrixId),
        RoleError::Homeserver => Ok(InviteProblem::Homeserver),
        RoleError::Guest => Ok(InviteProblem::Guest),
        RoleError::Administration => Ok(InviteProblem::Administration),
        RoleError::Given => Ok(InviteProblem::Given),
        RoleError::LastOperator => Ok(InviteProblem::LastOperator),
        RoleError::NotGiven | RoleError::Store(_) | RoleError::Secret(_) => Err(PageError::from_inside(&error)),
    }
}

async fn page(
    member: &Member,
    done: Option<TeamDone>,
    typed: (String, String, String),
    problem: Option<InviteProblem>,
) -> Result<Response, AuthorizeError> {
    let store = &member.app.store;
    let roles = store.list_roles().await?.into_iter().map(|given| RoleEntry {
        agent_id: given.agent_id,
        name: given.display_name.unwrap_or_else(|| given.matrix_id.clone()),
        matrix_id: given.matrix_id,
        role: given.role,
        since: given.granted_at,
        by: given.granted_by,
        has_second_factor: given.has_second_factor,
    });
    let invitations = store.list_role_invitations(member.now).await?;
    let invitations = invitations.into_iter().map(|invitation| InvitationEntry {
        id: invitation.id,
        matrix_id: invitation.matrix_id,
        role: invitation.role,
        until: invitation.expires_at,
    });
    let page = TeamPage {
        layout: member.layout(&TEAM),
        done,
        may_edit: member.may(Right::EditRoles),
        roles: roles.collect(),
        invitations: invitations.collect(),
        typed,
        problem,
    };
    Ok(Html(page.render()?).into_response())
}
