//! Consent: which service, which data in words with the values; accept or refuse. What was shown is what is granted.

use axum::response::Response;
use serde_json::Value;

use super::super::error::AuthorizeError;
use super::super::form::PageForm;
use super::super::pages::{ConsentItem, ConsentKind, ConsentPage};
use super::super::person::Person;
use super::under_way::UnderWay;
use super::{counting, own_pages, render};
use crate::domain::consent::Consent;
use crate::domain::flow::{Agreement, Step};
use crate::domain::statistics::Outcome;
use crate::protocol::authorize::OFFLINE_ACCESS;
use crate::protocol::client::SubjectType;
use crate::protocol::resource::Resource;
use crate::secret::{constant_time_eq, fingerprint};

/// The consent page.
pub fn page(step: &UnderWay) -> Result<Response, AuthorizeError> {
    let person = step.signed_in()?;
    render(&ConsentPage {
        layout: step.layout(),
        service: step.service(),
        action: step.action("consent"),
        agent_name: person.name().to_owned(),
        items: items(step, person),
        shown: shown(step, person),
    })
}

/// `POST /authorize/{flow}/consent`
pub async fn answer(mut step: UnderWay, PageForm(form): PageForm) -> Result<Response, AuthorizeError> {
    // To refuse is safe whatever else has happened.
    if form.get("answer") == Some("refuse") {
        step.app.store.delete_flow(&step.flow.id).await?;
        tracing::info!(
            flow.id = step.flow.log_id(),
            client.id = step.flow.client_id,
            "an agent refused consent"
        );
        counting::ended(
            &step.app,
            &step.request,
            step.person.as_ref(),
            Outcome::Declined,
            step.now,
        );
        return Err(step.denied("the agent refused"));
    }
    let shown_before = form.get("shown").unwrap_or_default();
    if step.next() == Step::Consent {
        if form.get("answer") == Some("accept") {
            accept(&mut step, shown_before).await?;
        }
    } else if step.person.is_some() && !shown_before.starts_with(&step.account_mark()) {
        // Somebody else signed in since the page was shown, and would not be asked: whose account is it to be?
        step.flow.progress.account_changed = true;
        step.save().await?;
    }
    Ok(step.again())
}

/// Remembers the consent first, then lets the flow go on. A page that showed something else than what would be given now
/// is shown again.
async fn accept(step: &mut UnderWay, shown_before: &str) -> Result<(), AuthorizeError> {
    let person = step.signed_in()?;
    if !constant_time_eq(shown_before, &shown(step, person)) {
        return Ok(());
    }
    let consent = Consent {
        agent_id: person.agent.id.clone(),
        client_id: step.request.client.id.clone(),
        claims: person.claims.clone(),
        given_at: step.now,
        expires_at: step.now + step.app.config.lifetimes.consent,
    };
    let session_id = person.session.id.clone();
    // What is tried is not given.
    if !own_pages::stays_here(&step.request.client) {
        step.app.store.upsert_consent(&consent).await?;
    }
    step.flow.progress.consented = Some(Agreement {
        session_id,
        claims: consent.claims,
    });
    step.save().await
}

/// Stands for the account shown and exactly what the page shows of it.
fn shown(step: &UnderWay, person: &Person) -> String {
    let values: Vec<_> = person
        .claims
        .iter()
        .map(|name| (name, person.values.get(name.as_str())))
        .collect();
    format!(
        "{}.{}",
        step.account_mark(),
        fingerprint(&format!("{}\n{values:?}", person.agent.id))
    )
}

fn items(step: &UnderWay, person: &Person) -> Vec<ConsentItem> {
    let public = step.request.client.subject_type == SubjectType::Public;
    let mut items: Vec<ConsentItem> = powers(step);
    for name in &person.claims {
        let (Some(kind), Some(value)) = (ConsentKind::of(name, public), person.values.get(name.as_str())) else {
            continue;
        };
        let item = ConsentItem {
            kind,
            value: words(value),
        };
        // `family_name` and `usual_name`, `administration_name` and `organization_label` are one datum each.
        if !items.contains(&item) {
            items.push(item);
        }
    }
    let order = |item: &ConsentItem| ConsentKind::ALL.iter().position(|kind| *kind == item.kind);
    items.sort_by_key(order);
    items
}

/// What the service may do, besides what it learns.
fn powers(step: &UnderWay) -> Vec<ConsentItem> {
    let scope = &step.request.checked.scope;
    let offline = scope.contains(OFFLINE_ACCESS).then(|| ConsentItem {
        kind: ConsentKind::OfflineAccess,
        value: String::new(),
    });
    let at_resource = |resource: &Resource| {
        let rights: Vec<_> = resource.scopes.intersection(scope).map(String::as_str).collect();
        let value = match rights.is_empty() {
            true => resource.name.clone(),
            false => format!("{} ({})", resource.name, rights.join(", ")),
        };
        ConsentItem {
            kind: ConsentKind::Resource,
            value,
        }
    };
    offline
        .into_iter()
        .chain(step.request.resources.iter().map(at_resource))
        .collect()
}

fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}
