//! Everything stored of an agent, for the agent to keep (GDPR articles 15 and 20). No secrets: codes and tokens are stored as
//! fingerprints, and those and the ids of sessions stay here.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde_json::{Value, json};

use super::super::error::AuthorizeError;
use super::{HISTORY, Owner};
use crate::domain::agent::AgentEmail;
use crate::domain::consent::Consent;
use crate::domain::grant::KeptAuthorization;
use crate::domain::history::PastSignIn;
use crate::domain::session::BrowserSession;

/// The newest so many sign-ins are in the download; what is older is on the page of the history, piece by piece.
const SIGN_INS: u32 = 5000;

/// `GET /mon-compte/donnees`
pub async fn download(owner: Owner) -> Result<Response, AuthorizeError> {
    let (store, agent) = (&owner.app.store, &owner.agent);
    let subjects = store.list_subjects(&agent.id).await?;
    let consents = store.list_consents(&agent.id, owner.now).await?;
    let authorizations = store.list_authorizations(&agent.id).await?;
    let mut sign_ins = store.list_past_sign_ins(&agent.id, None, SIGN_INS + 1).await?;
    let has_more = sign_ins.len() > SIGN_INS as usize;
    sign_ins.truncate(SIGN_INS as usize);
    let email = |email: &Option<AgentEmail>| {
        email
            .as_ref()
            .map(|it| json!({"address": it.address, "added_at": it.added_at}))
    };
    let subjects = subjects
        .iter()
        .map(|(sector, subject)| json!({"sector": sector, "subject": subject}));
    let document = json!({
        "issuer": owner.app.config.issuer,
        "written_at": owner.now,
        "times": "Unix seconds",
        "agent": {
            "id": agent.id,
            "homeserver": agent.homeserver,
            "matrix_id": agent.matrix_id,
            "display_name": agent.display_name,
            "email": email(&agent.email),
            "last_believed_email": email(&agent.last_believed),
            "at_issuer": agent.at_issuer.as_ref().map(|at| json!({"issuer": at.issuer, "subject": at.subject})),
            "locale": agent.locale,
            "created_at": agent.created_at,
            "updated_at": agent.updated_at,
        },
        "subjects": subjects.collect::<Vec<_>>(),
        "consents": consents.iter().map(consent).collect::<Vec<_>>(),
        "authorizations": authorizations.iter().map(authorization).collect::<Vec<_>>(),
        "sessions": owner.sessions().await?.iter().map(session).collect::<Vec<_>>(),
        "sign_ins": sign_ins.iter().map(sign_in).collect::<Vec<_>>(),
        "older_sign_ins_at": has_more.then(|| format!("{}{HISTORY}", owner.app.config.issuer)),
    });
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CONTENT_DISPOSITION, "attachment; filename=\"tchap-connect.json\""),
    ];
    Ok((headers, format!("{document:#}\n")).into_response())
}

fn consent(consent: &Consent) -> Value {
    json!({
        "client_id": consent.client_id,
        "claims": consent.claims,
        "given_at": consent.given_at,
        "expires_at": consent.expires_at,
    })
}

fn authorization(kept: &KeptAuthorization) -> Value {
    let authorization = &kept.authorization;
    let agent = authorization.agent.as_ref();
    json!({
        "id": authorization.id,
        "client_id": authorization.client_id,
        "scope": authorization.scope,
        "resources": authorization.resources,
        "subject": agent.map(|agent| &agent.subject),
        "claims": agent.map(|agent| &agent.claims),
        "auth_time": agent.and_then(|agent| agent.auth_time),
        "acr": agent.map(|agent| &agent.acr),
        "amr": agent.map(|agent| &agent.amr),
        "sid": agent.map(|agent| &agent.sid),
        "created_at": authorization.created_at,
        "expires_at": kept.expires_at,
        "revoked_at": kept.revoked_at,
    })
}

fn session(session: &BrowserSession) -> Value {
    json!({
        "way": session.way.as_str(),
        "auth_time": session.auth_time,
        "created_at": session.created_at,
        "expires_at": session.expires_at,
    })
}

fn sign_in(sign_in: &PastSignIn) -> Value {
    json!({
        "client_id": sign_in.client_id,
        "client_name": sign_in.client_name,
        "way": sign_in.way.as_str(),
        "at": sign_in.at,
    })
}
