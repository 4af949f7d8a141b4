//! `/console/journal`: the audit log by pages, and as a file of JSON lines.

use askama::Template;
use axum::Router;
use axum::body::Body;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use futures_util::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::super::authors::Authors;
use super::super::cursor;
use super::super::error::{AuthorizeError, PageError};
use super::super::pages::ErrorKind;
use super::super::pages::console::{JOURNAL, JournalForm, JournalLine, JournalPage, Party};
use super::super::routes::no_head;
use super::{HOME, Member, own_place};
use crate::app::SharedApp;
use crate::audit;
use crate::console::sessions;
use crate::domain::audit::{Action, Actor, Class, Entry, Event, Filter, Link, ObjectKind, day_start, parse_day};
use crate::domain::role::Right;
use crate::protocol::params::Params;
use crate::store::{Store, StoreError};

/// How many stand on one page.
const PER_PAGE: u32 = 50;
/// How many events an export reads at a time, and how often: the newest hundred thousand. More, from the command line.
const BATCH: u32 = 500;
const MAX_BATCHES: u32 = 200;
/// Longer ids are none, in bytes.
const MAX_ID: usize = 300;

pub fn routes() -> Router<SharedApp> {
    Router::new()
        .route("/console/journal", get(show).head(no_head))
        .route("/console/journal/export", get(export).head(no_head))
}

/// `GET /console/journal`: `suite` is the page, sealed; the others are filters.
async fn show(member: Member) -> Result<Response, AuthorizeError> {
    member.require(Right::SeeAudit)?;
    let params = member.query()?;
    let form = form(&params);
    let filter = filter(&by_id(&member.app.store, &form).await?)?;
    let query = encode(&form);
    let list = format!("journal\n{query}");
    let before: Option<(i64, String)> = cursor::named(&member.app, &list, params.get("suite"))?;
    let place = before.as_ref().map(|(at, id)| (*at, id.as_str()));
    let mut entries = member.app.store.list_audit_events(&filter, place, PER_PAGE + 1).await?;
    let next = cursor::cut(&member.app, &list, &mut entries, PER_PAGE, |last| {
        (last.at, last.id.clone())
    })?;
    let page = JournalPage {
        layout: member.layout(&JOURNAL),
        form,
        lines: named(&member.app.store, entries).await?,
        export_url: format!("{}/export?{query}", JOURNAL.path),
        first_url: before.is_some().then(|| format!("{}?{query}", JOURNAL.path)),
        next_url: next.map(|place| format!("{}?{query}suite={place}", JOURNAL.path)),
    };
    Ok(Html(page.render()?).into_response())
}

/// `GET /console/journal/export`: one event a line, newest first, written while it is read. That it was taken is recorded.
async fn export(member: Member) -> Result<Response, AuthorizeError> {
    member.require(Right::SeeAudit)?;
    let filter = filter(&by_id(&member.app.store, &form(&member.query()?)).await?)?;
    let store = member.app.store.clone();
    let event = Event {
        actor: member.actor(),
        action: Action::AuditExported,
        object: (ObjectKind::Audit, String::new()),
        detail: filter.to_json(),
    };
    audit::record(&store, member.now, event).await?;
    let begin = (store, filter, None::<(i64, String)>, 0);
    let lines = stream::try_unfold(begin, |(store, filter, before, batch)| async move {
        if batch == MAX_BATCHES {
            return Ok(None);
        }
        match lines(&store, &filter, before.as_ref()).await? {
            Some((text, last)) => Ok(Some((text, (store, filter, Some(last), batch + 1)))),
            None => Ok::<_, StoreError>(None),
        }
    });
    let head = [
        (CONTENT_TYPE, "application/x-ndjson"),
        (CONTENT_DISPOSITION, "attachment; filename=\"journal.jsonl\""),
    ];
    Ok((head, Body::from_stream(lines)).into_response())
}

/// Some lines of an export, and the place of the last one.
async fn lines(
    store: &Store,
    filter: &Filter,
    before: Option<&(i64, String)>,
) -> Result<Option<(String, (i64, String))>, StoreError> {
    let place = before.map(|(at, id)| (*at, id.as_str()));
    let entries = store.list_audit_events(filter, place, BATCH).await?;
    let text = entries.iter().map(|entry| format!("{}\n", entry.to_json())).collect();
    Ok(entries.last().map(|last| (text, (last.at, last.id.clone()))))
}

fn form(params: &Params) -> JournalForm {
    let text = |name: &str| params.get(name).unwrap_or_default().trim().to_owned();
    JournalForm {
        class: text("categorie"),
        action: text("acte"),
        actor_kind: text("auteur"),
        actor_id: text("auteur_id"),
        object_kind: text("objet"),
        object_id: text("objet_id"),
        from: text("du"),
        through: text("au"),
    }
}

/// The form with agents by our id: people know their Matrix ids.
async fn by_id(store: &Store, form: &JournalForm) -> Result<JournalForm, StoreError> {
    let mut form = form.clone();
    let parties = [
        (&form.actor_kind, &mut form.actor_id),
        (&form.object_kind, &mut form.object_id),
    ];
    for (kind, id) in parties {
        if kind == "agent" && id.starts_with('@') && !id.contains('\0') {
            let found = sessions::find(store, id).await?;
            *id = found.into_iter().next().map_or_else(|| id.clone(), |agent| agent.id);
        }
    }
    Ok(form)
}

/// Events as the page shows them, agents by their Matrix ids.
async fn named(store: &Store, entries: Vec<Entry>) -> Result<Vec<JournalLine>, StoreError> {
    let read = |entry: &Entry| serde_json::from_str::<Value>(&entry.detail).unwrap_or_default();
    let details: Vec<_> = entries.iter().map(read).collect();
    let mut ids = Vec::new();
    for entry in &entries {
        let parties = [
            (&entry.actor_kind, &entry.actor_id),
            (&entry.object_kind, &entry.object_id),
        ];
        ids.extend(
            parties
                .iter()
                .filter(|(kind, _)| *kind == "agent")
                .map(|(_, id)| id.as_str()),
        );
    }
    for detail in &details {
        ids.extend(
            ["agent", "requested_by"]
                .iter()
                .filter_map(|name| detail.get(name)?.as_str()),
        );
    }
    let agents = Authors::of(store, ids).await?;
    let name = |id: &str| agents.name(id);
    let line = |(entry, detail): (&Entry, &Value)| JournalLine {
        at: entry.at,
        action: entry.action.clone(),
        actor: party(&entry.actor_kind, &entry.actor_id, name),
        object: party(&entry.object_kind, &entry.object_id, name),
        detail: members(detail, name),
        place: entry.link.as_ref().map(Link::place),
    };
    Ok(entries.iter().zip(&details).map(line).collect())
}

fn party(kind: &str, id: &str, name: impl Fn(&str) -> String) -> Party {
    let page = match kind {
        "agent" => Some("agents"),
        "client" => Some("services"),
        "administration" => Some("administrations/domaine"),
        "homeserver" => Some("serveurs/nom"),
        _ => None,
    };
    Party {
        kind: kind.to_owned(),
        name: if kind == "agent" { name(id) } else { id.to_owned() },
        url: page
            .map(|page| format!("{HOME}/{page}/{id}"))
            .filter(|url| own_place(url).is_some()),
    }
}

/// What else matters, member by member.
fn members(detail: &Value, name: impl Fn(&str) -> String) -> Vec<(String, String)> {
    let value = |value: &Value| match value {
        Value::String(text) => name(text),
        Value::Array(entries) if entries.iter().all(Value::is_string) => {
            let entries: Vec<_> = entries.iter().filter_map(Value::as_str).collect();
            entries.join(", ")
        }
        other => other.to_string(),
    };
    match detail {
        Value::Object(members) => members.iter().map(|(name, one)| (name.clone(), value(one))).collect(),
        Value::Null => Vec::new(),
        other => vec![(String::new(), value(other))],
    }
}

/// What the form asks for.
///
/// # Errors
/// A page about the request when a choice is not on its list, a day is none, or an id stands without its kind or the other way
/// round.
pub fn filter(form: &JournalForm) -> Result<Filter, PageError> {
    let invalid = || PageError::with_detail(ErrorKind::Request, "a filter has a value that it cannot have");
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let class = |text: String| {
        Class::ALL
            .into_iter()
            .find(|class| class.as_str() == text)
            .ok_or_else(invalid)
    };
    let day = |text: String| parse_day(&text).ok_or_else(invalid);
    let ids = [&form.actor_id, &form.object_id];
    if ids.iter().any(|id| id.len() > MAX_ID || id.contains('\0')) {
        return Err(invalid());
    }
    let actor = match (form.actor_kind.as_str(), form.actor_id.as_str()) {
        ("", "") => None,
        ("agent", id) if !id.is_empty() => Some(Actor::Agent(id.to_owned())),
        ("client", id) if !id.is_empty() => Some(Actor::Client(id.to_owned())),
        ("command_line", "") => Some(Actor::CommandLine),
        ("system", "") => Some(Actor::System),
        _ => return Err(invalid()),
    };
    let object = match (form.object_kind.as_str(), form.object_id.as_str()) {
        ("", "") => None,
        ("audit", id) => Some((ObjectKind::Audit, id.to_owned())),
        (kind, id) if !id.is_empty() => Some((ObjectKind::parse(kind).ok_or_else(invalid)?, id.to_owned())),
        _ => return Err(invalid()),
    };
    Ok(Filter {
        class: given(&form.class).map(class).transpose()?,
        action: given(&form.action)
            .map(|text| Action::parse(&text).ok_or_else(invalid))
            .transpose()?,
        actor,
        object,
        from: given(&form.from).map(day).transpose()?.map(day_start),
        until: given(&form.through).map(day).transpose()?.map(|day| day_start(day + 1)),
    })
}

/// The filters as they stand in an address, each with `&` after it.
fn encode(form: &JournalForm) -> String {
    let fields = [
        ("categorie", &form.class),
        ("acte", &form.action),
        ("auteur", &form.actor_kind),
        ("auteur_id", &form.actor_id),
        ("objet", &form.object_kind),
        ("objet_id", &form.object_id),
        ("du", &form.from),
        ("au", &form.through),
    ];
    let mut query = Serializer::new(String::new());
    query.extend_pairs(fields.into_iter().filter(|(_, value)| !value.is_empty()));
    let query = query.finish();
    if query.is_empty() { query } else { query + "&" }
}
