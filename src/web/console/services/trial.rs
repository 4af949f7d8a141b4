//! "Try it": a sign-in as a client, on pages like its agents meet them, that ends here. Whoever tries sees what the service would
//! get of themselves. No code and no token is made: what is shown opens nothing anywhere.

use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::super::super::error::{AuthorizeError, see_other};
use super::super::super::form::PageForm;
use super::super::super::login::own_pages;
use super::super::super::login::request::Request;
use super::super::super::pages::console::services::SERVICES;
use super::super::super::pages::console::trial::{ClaimLine, Trial, TrialPage};
use super::super::super::person::Person;
use super::super::Member;
use super::{Opened, author};
use crate::console::clients;
use crate::domain::claims;
use crate::domain::grant::AgentGrant;
use crate::protocol::client::Client;
use crate::protocol::id_token::{IdTokenClaims, at_hash};

/// Stands where the service would read something that nobody but it may have.
const NOT_SHOWN: &str = "…";

/// `GET /console/services/{id}/essai`
pub async fn show(member: Member, Path(id): Path<String>) -> Result<Response, AuthorizeError> {
    let opened = Opened::load(&member, &id).await?;
    page(&member, &opened, None, None)
}

/// `POST /console/services/{id}/essai`: on to the login, as the service's button would lead there.
pub async fn begin(
    member: Member,
    Path(id): Path<String>,
    PageForm(form): PageForm,
) -> Result<Response, AuthorizeError> {
    let opened = Opened::load(&member, &id).await?;
    if !member.is_shown(&form) {
        return Ok(see_other(&format!("{}/essai", opened.url())));
    }
    let client = &opened.kept.client;
    clients::note_trial(&member.app, &author(&member), &client.id, member.now).await?;
    let way = own_pages::begin_trial(&member.app, &member.visitor, client, member.now).await?;
    Ok(see_other(&way))
}

/// `GET /console/services/{id}/essai/resultat`: of the agent who is signed in, whoever that is by now.
pub async fn result(member: Member, Path(id): Path<String>) -> Result<Response, AuthorizeError> {
    let opened = Opened::load(&member, &id).await?;
    let query = member.query()?;
    if let Some(error) = query.get("error") {
        let description = query.get("error_description").unwrap_or_default();
        return page(&member, &opened, None, Some((error.to_owned(), description.to_owned())));
    }
    let request = own_pages::trial(&member.app, &opened.kept.client).await?;
    let person = Person::load(&member.app, &request, &member.session.id, member.now).await?;
    match person {
        Some(person) if person.admission.is_ok() => {
            let trial = trial(&member, &opened.kept.client, &request, person)?;
            page(&member, &opened, Some(trial), None)
        }
        // Whoever is not admitted learns so on the way here.
        _ => page(
            &member,
            &opened,
            None,
            Some(("access_denied".to_owned(), String::new())),
        ),
    }
}

/// What the service would get.
fn trial(member: &Member, client: &Client, request: &Request, person: Person) -> Result<Trial, AuthorizeError> {
    let scope = &request.checked.scope;
    let grant = AgentGrant {
        agent_id: person.agent.id,
        session_id: person.session.id,
        subject: person.subject,
        claims: person.claims,
        demanded_in_userinfo: Default::default(),
        demanded_in_id_token: Default::default(),
        nonce: None,
        auth_time: person.session.auth_time,
        acr: person.acr.to_owned(),
        amr: claims::amr(person.session.way),
        sid: NOT_SHOWN.to_owned(),
    };
    let values = claims::within(person.values, &grant.claims, &client.scopes, scope, scope);
    let userinfo = claims::userinfo(scope, &grant, &values);
    let config = &member.app.config;
    let alg = client.id_token_signed_response_alg;
    let id_token = IdTokenClaims {
        iss: &config.issuer,
        sub: &grant.subject,
        aud: &client.id,
        iat: member.now,
        exp: member.now + config.lifetimes.id_token,
        auth_time: grant.auth_time,
        nonce: Some(NOT_SHOWN),
        acr: &grant.acr,
        amr: &grant.amr,
        at_hash: at_hash(alg, NOT_SHOWN),
        sid: &grant.sid,
        extra: claims::id_token_extra(&grant, &values),
    };
    let words = scope.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    let token_response = json!({
        "access_token": NOT_SHOWN,
        "token_type": "Bearer",
        "expires_in": config.lifetimes.access_token,
        "scope": words,
        "id_token": NOT_SHOWN,
    });
    let id_token = serde_json::to_value(&id_token).unwrap_or_default();
    Ok(Trial {
        name: person.agent.display_name.unwrap_or(person.agent.matrix_id),
        lines: lines(&userinfo),
        token_response: format!("{token_response:#}"),
        id_token_header: format!("{:#}", json!({"alg": alg.as_str(), "typ": "JWT"})),
        id_token: format!("{id_token:#}"),
        userinfo: format!("{:#}", Value::Object(userinfo)),
    })
}

fn lines(userinfo: &Map<String, Value>) -> Vec<ClaimLine> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let line = |(claim, value): (&String, &Value)| ClaimLine {
        claim: claim.clone(),
        value: text(value),
        scopes: claims::givers(claim).join(", "),
        source: claims::source(claim),
    };
    userinfo.iter().map(line).collect()
}

fn page(
    member: &Member,
    opened: &Opened,
    trial: Option<Trial>,
    error: Option<(String, String)>,
) -> Result<Response, AuthorizeError> {
    let page = TrialPage {
        layout: member.layout(&SERVICES),
        name: opened.kept.client.name.clone(),
        back_url: opened.url(),
        action: format!("{}/essai", opened.url()),
        trial,
        error,
    };
    Ok(Html(page.render()?).into_response())
}
