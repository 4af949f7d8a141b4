//! `/console/api`: accesses to the API. One's own are made and revoked here; operators see those of everybody, and revoke them.

use askama::Template;
use axum::Router;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};

use super::super::api::DOCUMENT;
use super::super::authors::Authors;
use super::super::cursor;
use super::super::error::{AuthorizeError, PageError, see_other};
use super::super::form::PageForm;
use super::super::pages::ErrorKind;
use super::super::pages::console::{API, ApiDone, ApiEntry, ApiForm, ApiFormPage, ApiPage, ApiProblem, NewAccess};
use super::super::routes::no_head;
use super::Member;
use crate::app::SharedApp;
use crate::console::api::{self, LIFETIMES, Wanted};
use crate::console::clients::Refused;
use crate::domain::api::{ApiAccess, ApiScope};
use crate::domain::role::{Right, Role};
use crate::protocol::params::Params;
use crate::secret::random_id;

const ADD: &str = "/console/api/nouveau";
const PER_PAGE: u32 = 50;

pub fn routes() -> Router<SharedApp> {
    Router::new()
        .route("/console/api", get(show).head(no_head))
        .route("/console/api/nouveau", get(form).post(create).head(no_head))
        .route("/console/api/{id}/revocation", post(revoke))
}

/// `GET /console/api`: `suite` is the page of everybody's accesses, sealed.
async fn show(member: Member) -> Result<Response, AuthorizeError> {
    member.require(API.right)?;
    let done = ApiDone::parse(member.query()?.get("fait").unwrap_or_default());
    page(&member, done, None).await
}

async fn page(member: &Member, done: Option<ApiDone>, made: Option<NewAccess>) -> Result<Response, AuthorizeError> {
    let store = &member.app.store;
    let query = member.query()?;
    let sees_all = member.may(Right::SeeAllClients);
    let own = store.list_api_accesses(Some(&member.agent.id), None, PER_PAGE).await?;
    let sealed = query.get("suite").filter(|_| sees_all);
    let after: Option<(i64, String)> = cursor::named(&member.app, API.path, sealed)?;
    let place = after.as_ref().map(|(at, id)| (*at, id.as_str()));
    let mut all = match sees_all {
        true => store.list_api_accesses(None, place, PER_PAGE + 1).await?,
        false => Vec::new(),
    };
    let place = |last: &ApiAccess| (last.created_at, last.client_id.clone());
    let next = cursor::cut(&member.app, API.path, &mut all, PER_PAGE, place)?;
    all.retain(|access| access.agent_id != member.agent.id);
    let makers = Authors::of(store, all.iter().map(|access| access.agent_id.as_str())).await?;
    let others = (1..).zip(all).map(|(number, access)| {
        let maker = makers.name(&access.agent_id);
        entry(access, format!("other-{number}"), Some(maker), member.now)
    });
    let page = ApiPage {
        layout: member.layout(&API),
        done,
        made,
        own: (1..)
            .zip(own)
            .map(|(number, access)| entry(access, format!("own-{number}"), None, member.now))
            .collect(),
        others: sees_all.then(|| others.collect()),
        may_revoke_others: member.may(REVOKE_OTHERS),
        next_url: next.map(|place| format!("{}?suite={place}", API.path)),
        first_url: after.map(|_| API.path.to_owned()),
        choices: choices(member).map(|role| (address(role.as_ref()), role)).collect(),
        document_url: DOCUMENT,
        issuer: member.app.config.issuer.clone(),
    };
    Ok(Html(page.render()?).into_response())
}

/// Whoever may change the clients of everybody ends the accesses of everybody.
const REVOKE_OTHERS: Right<'static> = Right::EditClient {
    owned: false,
    administration: None,
};

fn entry(access: ApiAccess, mark: String, maker: Option<String>, now: i64) -> ApiEntry {
    ApiEntry {
        mark,
        is_over: access.is_over(now),
        id: access.client_id,
        name: access.name,
        maker,
        role: access.role,
        scopes: access.scopes.into_iter().collect(),
        created_at: access.created_at,
        last_used_at: access.last_used_at,
        expires_at: access.expires_at,
    }
}

/// The roles that somebody may lend to a program, a partner's first.
fn choices(member: &Member) -> impl Iterator<Item = Option<Role>> {
    let lent = member.roles.granted.iter().cloned().map(Some);
    std::iter::once(None).chain(lent)
}

fn address(role: Option<&Role>) -> String {
    let (name, administration) = role.map_or(("", ""), Role::parts);
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("role", name)
        .append_pair("administration", administration)
        .finish();
    format!("{ADD}?{query}")
}

/// The role that is asked for.
fn asked_role(params: &Params) -> Result<Option<Role>, PageError> {
    let text = |name: &str| params.get(name).unwrap_or_default();
    match text("role") {
        "" => Ok(None),
        name => {
            let role = Role::parse(name, text("administration"));
            role.map(Some).ok_or_else(|| PageError::new(ErrorKind::NotFound))
        }
    }
}

/// `GET /console/api/nouveau`
async fn form(member: Member) -> Result<Response, AuthorizeError> {
    let role = asked_role(&member.query()?)?;
    // It has to be this person's to lend: one with a second factor wants it anew.
    member.require_fresh(Right::ActByApi { role: role.as_ref() })?;
    let offered = ApiScope::of_role(role.as_ref());
    let typed = ApiForm {
        days: "90".to_owned(),
        // To read is what most begin with.
        scopes: offered.into_iter().filter(|scope| scope.only_reads()).collect(),
        ..ApiForm::default()
    };
    form_page(&member, role, typed, None)
}

/// `POST /console/api/nouveau`: the answer is the only place where the secret stands.
async fn create(member: Member, PageForm(form): PageForm) -> Result<Response, AuthorizeError> {
    let role = asked_role(&form)?;
    member.confirm(Right::ActByApi { role: role.as_ref() }, &form).await?;
    let typed = ApiForm {
        name: form.get("name").unwrap_or_default().trim().to_owned(),
        days: form.get("days").unwrap_or_default().to_owned(),
        scopes: ApiScope::ALL
            .into_iter()
            .filter(|scope| form.get(&format!("scope_{}", scope.as_str())).is_some())
            .collect(),
    };
    let wanted = Wanted {
        name: typed.name.clone(),
        role: role.clone(),
        scopes: typed.scopes.iter().copied().collect(),
        // What is no number is no lifetime either.
        days: Some(typed.days.as_str())
            .filter(|days| !days.is_empty())
            .map(|days| days.parse().unwrap_or(-1)),
    };
    if form.get("envoi").is_none() || !member.take_once(&form).await? {
        return Ok(done(ApiDone::Before));
    }
    let refused = match api::create(&member.app, member.actor(), &member.agent, &wanted, member.now).await {
        Ok((access, secret)) => {
            let made = NewAccess {
                id: access.client_id,
                secret,
            };
            return page(&member, None, Some(made)).await;
        }
        Err(refused) => refused,
    };
    member.give_back(&form).await?;
    let problem = match &refused {
        Refused::Problems(problems) => match problems.first().map(|problem| problem.field.as_str()) {
            Some("name") => ApiProblem::Name,
            Some("scopes") => ApiProblem::Scopes,
            _ => ApiProblem::Days,
        },
        Refused::Full => ApiProblem::Full,
        error => return Err(PageError::from_inside(error).into()),
    };
    form_page(&member, role, typed, Some(problem))
}

fn done(done: ApiDone) -> Response {
    see_other(&format!("{}?fait={}", API.path, done.as_str()))
}

fn form_page(
    member: &Member,
    role: Option<Role>,
    typed: ApiForm,
    problem: Option<ApiProblem>,
) -> Result<Response, AuthorizeError> {
    let page = ApiFormPage {
        layout: member.layout(&API),
        action: ADD,
        once: random_id()?,
        offered: ApiScope::of_role(role.as_ref()),
        may_be_endless: !role.as_ref().is_some_and(Role::needs_second_factor),
        lifetimes: LIFETIMES,
        role,
        typed,
        problem,
    };
    Ok(Html(page.render()?).into_response())
}

/// `POST /console/api/{id}/revocation`
async fn revoke(member: Member, Path(id): Path<String>, PageForm(form): PageForm) -> Result<Response, AuthorizeError> {
    member.require(API.right)?;
    if !member.is_shown(&form) {
        return Ok(see_other(API.path));
    }
    let not_found = || PageError::new(ErrorKind::NotFound);
    // PostgreSQL takes no NUL in a text.
    let id = Some(id).filter(|id| !id.contains('\0')).ok_or_else(not_found)?;
    let store = &member.app.store;
    let access = store.find_api_access(&id).await?.ok_or_else(not_found)?;
    if access.agent_id != member.agent.id {
        member.confirm(REVOKE_OTHERS, &form).await?;
    }
    api::revoke(store, member.actor(), &access, member.now).await?;
    Ok(done(ApiDone::Revoked))
}
