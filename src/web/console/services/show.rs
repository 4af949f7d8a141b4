//! The page of one client, and its history.

use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Response};

use super::super::super::authors::Authors;
use super::super::super::cursor;
use super::super::super::error::AuthorizeError;
use super::super::super::pages::console::problem_words::problem_words;
use super::super::super::pages::console::services::{
    Alert, Done, Fact, OwnerLine, PurposeView, RevisionLine, SERVICES, SecretLine, ServiceHistoryPage, ServicePage,
};
use super::super::super::pages::console::services_form::{Control, Form};
use super::super::super::pages::console::stacks::{Stack, configuration};
use super::super::Member;
use super::form::{Typed, field_of};
use super::{Opened, health, requests};
use crate::console::clients::lacks_for_production;
use crate::domain::client_change::{Purpose, Revision, field_changes};
use crate::domain::role::Right;
use crate::protocol::client::{Client, ClientSecret};
use crate::protocol::client_metadata::FieldProblem;
use crate::protocol::standing::ClientStage;
use crate::secret::random_id;

const PER_PAGE: u32 = 50;
/// How many changes the page of the client shows.
const FIRST: u32 = 3;
const DAY: i64 = 86_400;
/// So long before its end a secret is said to end soon, in seconds.
pub const SOON: i64 = 14 * DAY;

/// What the page says of the act before it.
#[derive(Default)]
pub struct Feedback {
    pub done: Option<Done>,
    pub alert: Option<Alert>,
    pub problems: Vec<FieldProblem>,
    pub typed: Typed,
    pub new_secret: Option<String>,
}

/// `GET /console/services/{id}`
pub async fn show(member: Member, Path(id): Path<String>) -> Result<Response, AuthorizeError> {
    let opened = Opened::load(&member, &id).await?;
    let feedback = Feedback {
        done: member.query()?.get("fait").and_then(Done::parse),
        ..Feedback::default()
    };
    service_page(&member, opened, feedback).await
}

/// The page.
pub async fn service_page(member: &Member, opened: Opened, mut feedback: Feedback) -> Result<Response, AuthorizeError> {
    let store = &member.app.store;
    let url = opened.url();
    let (may_edit, kept) = (member.may(opened.edit()), &opened.kept);
    let client = &kept.client;
    let secrets = store.list_client_secrets(&client.id, member.now).await?;
    let purpose = store.find_client_purpose(&client.id).await?;
    let request = match store.find_client_request(&client.id).await? {
        Some(request) => {
            let authors = Authors::of(store, [request.requested_by.as_str()]).await?;
            Some(requests::view(&authors, kept, &request))
        }
        None => None,
    };
    let history = store.list_client_revisions(&client.id, None, FIRST + 1).await?;
    let layout = member.layout(&SERVICES);
    let text = layout.text;
    let testers = client.standing.testers.iter().cloned().collect::<Vec<_>>().join("\n");
    if feedback.problems.is_empty() || !feedback.typed.contains_key("testers") {
        feedback.typed.insert("testers".to_owned(), testers);
    }
    let mut form = Form::new(text, &feedback.typed, &feedback.problems, field_of);
    let owners = store.list_client_owners(&client.id).await?;
    let owner = |(agent_id, matrix_id, name)| OwnerLine {
        agent_id,
        matrix_id,
        name,
    };
    let invited = store.list_client_invitations(&client.id, member.now).await?;
    let lacks = match client.standing.stage {
        ClientStage::Sandbox => lacks_for_production(client),
        _ => Vec::new(),
    };
    let page = ServicePage {
        reasons: form.field("reasons", "reasons", Control::Lines),
        answer: form.field("answer", "answer", Control::Lines),
        testers: form.field("testers", "testers", Control::Lines),
        matrix_id: form.field("matrix_id", "matrix-id", Control::Line),
        confirmation: form.field("confirmation", "confirmation", Control::Line),
        layout,
        done: feedback.done,
        alert: feedback.alert,
        id: client.id.clone(),
        name: client.name.clone(),
        stage: client.standing.stage,
        disabled: client.disabled,
        locked: client.standing.locked,
        unvouched: client.self_registered,
        administration: client.standing.administration.clone(),
        created_at: kept.created_at,
        version: kept.version,
        may_edit,
        may_approve: member.may(Right::ApproveClient),
        facts: facts(client),
        configuration: stacks(member, client, &purpose, feedback.new_secret.as_deref()),
        has_secret: client.has_secret(),
        health: health::load(&member.app, client, &secrets, member.now).await?,
        secrets: secrets.iter().map(|secret| secret_line(secret, member.now)).collect(),
        once: random_id()?,
        new_secret: feedback.new_secret.clone(),
        request,
        lacks: lacks.iter().map(|problem| problem_words(&text, problem)).collect(),
        owners: owners.into_iter().map(owner).collect(),
        invited: invited.into_iter().map(|one| (one.matrix_id, one.expires_at)).collect(),
        purpose: Some(purpose).filter(|purpose| !purpose.purpose.is_empty()).map(view),
        history_url: (history.len() > FIRST as usize).then(|| format!("{url}/historique")),
        history: revisions(member, &history[..history.len().min(FIRST as usize)]).await?,
        url,
    };
    Ok(Html(page.render()?).into_response())
}

fn view(purpose: Purpose) -> PurposeView {
    PurposeView {
        words: purpose.purpose,
        scopes: purpose.scopes.into_iter().collect(),
    }
}

/// Every stack's configuration, that of the client's own first and open.
fn stacks(
    member: &Member,
    client: &Client,
    purpose: &Purpose,
    secret: Option<&str>,
) -> Vec<(Stack, bool, Vec<super::super::super::pages::console::stacks::Snippet>)> {
    let own = Stack::parse(&purpose.stack).unwrap_or_default();
    let mut stacks = Stack::ALL;
    stacks.sort_by_key(|stack| *stack != own);
    let issuer = &member.app.config.issuer;
    let all = stacks.into_iter();
    all.map(|stack| (stack, stack == own, configuration(stack, issuer, client, secret)))
        .collect()
}

fn secret_line(secret: &ClientSecret, now: i64) -> SecretLine {
    SecretLine {
        id: secret.id.clone(),
        created_at: secret.created_at,
        expires_at: secret.expires_at,
        ends_soon: secret.expires_at.is_some_and(|at| at < now + SOON),
        age_days: ((now - secret.created_at).max(0) / DAY).unsigned_abs(),
    }
}

/// What the client says of itself, what is empty left out.
fn facts(client: &Client) -> Vec<Fact> {
    let typed = super::form::write(&crate::console::clients::metadata_of(client));
    let keys = [
        ("redirect_uris", "redirect-uris"),
        ("application_type", "application-type"),
        ("token_endpoint_auth_method", "token-endpoint-auth-method"),
        ("id_token_signed_response_alg", "id-token-signed-response-alg"),
        ("userinfo_signed_response_alg", "userinfo-signed-response-alg"),
        ("default_max_age", "default-max-age"),
        ("jwks_uri", "jwks-uri"),
        ("client_uri", "client-uri"),
        ("logo_uri", "logo-uri"),
        ("policy_uri", "policy-uri"),
        ("tos_uri", "tos-uri"),
        ("contacts", "contacts"),
        ("post_logout_redirect_uris", "post-logout-redirect-uris"),
        ("backchannel_logout_uri", "backchannel-logout-uri"),
        ("frontchannel_logout_uri", "frontchannel-logout-uri"),
        ("token_endpoint_auth_signing_alg", "token-endpoint-auth-signing-alg"),
        ("request_object_signing_alg", "request-object-signing-alg"),
        ("request_uris", "request-uris"),
        ("introspection_signed_response_alg", "introspection-signed-response-alg"),
        ("default_acr_values", "default-acr-values"),
        ("initiate_login_uri", "initiate-login-uri"),
        ("siren", "siren"),
        ("email_domains", "email-domains"),
        ("homeservers", "homeservers"),
    ];
    let fact = |(field, key): (&str, &'static str)| Fact {
        key,
        values: typed
            .get(field)
            .map_or("", String::as_str)
            .lines()
            .map(str::to_owned)
            .collect(),
    };
    let scopes = Fact {
        key: "scopes",
        values: client.scopes.iter().cloned().collect(),
    };
    let resources = Fact {
        key: "resources",
        values: client.requests.resources.clone(),
    };
    let written = keys.map(fact).into_iter().chain([resources]);
    let written = written.filter(|fact| !fact.values.is_empty());
    std::iter::once(scopes).chain(written).collect()
}

async fn revisions(member: &Member, revisions: &[Revision]) -> Result<Vec<RevisionLine>, AuthorizeError> {
    let authors = Authors::of(
        &member.app.store,
        revisions.iter().map(|revision| revision.author.as_str()),
    )
    .await?;
    let line = |revision: &Revision| RevisionLine {
        by: authors.name(&revision.author),
        at: revision.at,
        first: revision.before.is_none(),
        changes: field_changes(revision.before.as_ref(), &revision.after),
    };
    Ok(revisions.iter().map(line).collect())
}

/// `GET /console/services/{id}/historique`
pub async fn history(member: Member, Path(id): Path<String>) -> Result<Response, AuthorizeError> {
    let opened = Opened::load(&member, &id).await?;
    let query = member.query()?;
    let list = format!("{}/historique", opened.url());
    let before: Option<(i64, String)> = cursor::named(&member.app, &list, query.get("avant"))?;
    let before = before.as_ref().map(|(at, id)| (*at, id.as_str()));
    let client = &opened.kept.client;
    let store = &member.app.store;
    let mut found = store.list_client_revisions(&client.id, before, PER_PAGE + 1).await?;
    let next = cursor::cut(&member.app, &list, &mut found, PER_PAGE, |last| {
        (last.at, last.id.clone())
    })?;
    let page = ServiceHistoryPage {
        name: client.name.clone(),
        back_url: opened.url(),
        next_url: next.map(|place| format!("{list}?avant={place}")),
        first_url: before.map(|_| list.clone()),
        history: revisions(&member, &found).await?,
        layout: member.layout(&SERVICES),
    };
    Ok(Html(page.render()?).into_response())
}
