//! `/console/equipe`: operators invite others to roles, and take roles back.

use askama::Template;
use axum::Router;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};

use super::super::cursor;
use super::super::error::{AuthorizeError, PageError, see_other};
use super::super::form::PageForm;
use super::super::pages::ErrorKind;
use super::super::pages::console::{InvitationEntry, InviteProblem, Pages, RoleEntry, TEAM, TeamDone, TeamPage};
use super::super::routes::no_head;
use super::Member;
use crate::app::SharedApp;
use crate::console::roles::{self, Invited, RoleError};
use crate::domain::role::{Right, Role};
use crate::store::{GrantedRole, RoleInvitation, RolePlace};

/// How many roles, and invitations, stand on one page.
const PER_PAGE: u32 = 50;

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
    let query = member.query()?;
    let (app, list) = (&member.app, "team");
    let after: Option<RolePlace> = cursor::named(app, list, query.get("roles"))?;
    let mut roles = store.list_role_page(after.as_ref(), PER_PAGE + 1).await?;
    let next = cursor::cut(app, list, &mut roles, PER_PAGE, GrantedRole::place)?;
    let role_pages = Pages::of(TEAM.path, "roles", after.is_some(), next);
    let roles = roles.into_iter().map(|given| RoleEntry {
        agent_id: given.agent_id,
        name: given.display_name.unwrap_or_else(|| given.matrix_id.clone()),
        matrix_id: given.matrix_id,
        role: given.role,
        since: given.granted_at,
        by: given.granted_by,
        has_second_factor: given.has_second_factor,
    });
    let list = "team invitations";
    let after: Option<(i64, String)> = cursor::named(app, list, query.get("invitations"))?;
    let place = after.as_ref().map(|(at, id)| (*at, id.as_str()));
    let mut invitations = store.list_role_invitation_page(member.now, place, PER_PAGE + 1).await?;
    let place = |last: &RoleInvitation| (last.expires_at, last.id.clone());
    let next = cursor::cut(app, list, &mut invitations, PER_PAGE, place)?;
    let invitation_pages = Pages::of(TEAM.path, "invitations", after.is_some(), next);
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
        role_pages,
        invitations: invitations.collect(),
        invitation_pages,
        typed,
        problem,
    };
    Ok(Html(page.render()?).into_response())
}
