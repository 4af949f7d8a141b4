//! `/console/statistiques`: of all services, of an administration's agents, of a client; and `/stats`, the totals for everybody.

use askama::Template;
use axum::Router;
use axum::extract::{OriginalUri, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::HeaderMap;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use serde_json::json;
use url::form_urlencoded::Serializer;

use super::super::error::{AuthorizeError, PageError};
use super::super::pages::ErrorKind;
use super::super::pages::console::{PublicStatisticsPage, STATISTICS, ShownStatistics, StatisticsPage};
use super::super::routes::no_head;
use super::super::visitor::{language_of, layout};
use super::Member;
use crate::app::{App, SharedApp};
use crate::domain::administration::table::inert;
use crate::domain::audit::{day_name, day_of};
use crate::domain::homeserver::Way;
use crate::domain::role::{Right, Role};
use crate::domain::statistics::{Report, Scope};
use crate::store::{ClientFilter, StoreError, Whose};

/// The periods that there are, in days before today.
const PERIODS: [i64; 3] = [30, 7, 365];
/// So many clients of somebody's are offered.
const MOST_CLIENTS: u32 = 50;

pub fn routes() -> Router<SharedApp> {
    Router::new()
        .route("/console/statistiques", get(show).head(no_head))
        .route("/console/statistiques/export", get(export).head(no_head))
}

/// What an address asks for, once it is known that this person may see it.
struct Asked {
    scope: Scope,
    /// What people call it; empty: all.
    of: String,
    days: i64,
}

/// `GET /console/statistiques`: `service` or `administration` narrows, `jours` is the period.
async fn show(member: Member) -> Result<Response, AuthorizeError> {
    let page = StatisticsPage {
        layout: member.layout(&STATISTICS),
        scopes: scopes(&member).await?,
        shown: match asked(&member).await? {
            Some(asked) => Some(numbers(&member, asked).await?),
            None => None,
        },
    };
    Ok(Html(page.render()?).into_response())
}

/// `GET /console/statistiques/export`: the same as a file; `format` is `csv` or `json`.
async fn export(member: Member) -> Result<Response, AuthorizeError> {
    let asked = asked(&member)
        .await?
        .ok_or_else(|| PageError::new(ErrorKind::NotFound))?;
    let report = report(&member.app, &asked.scope, asked.days, member.now).await?;
    let rows = rows(&report);
    let (kind, name, text) = match member.query()?.get("format") {
        Some("csv") => ("text/csv; charset=utf-8; header=present", "csv", csv(&rows)),
        Some("json") => {
            let row = |(table, group, count): &Row| json!({"table": table, "group": group, "count": count});
            let rows: Vec<_> = rows.iter().map(row).collect();
            ("application/json", "json", format!("{:#}\n", json!({"counts": rows})))
        }
        _ => return Err(PageError::with_detail(ErrorKind::Request, "format is csv or json").into()),
    };
    let disposition = format!("attachment; filename=\"statistiques.{name}\"");
    let head = [(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, disposition)];
    Ok((head, text).into_response())
}

/// `GET /stats`: totals, which caches keep for five minutes.
pub async fn public(
    State(app): State<SharedApp>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let (now, everything) = (app.clock.now(), Scope::Everything);
    let mut totals = Vec::new();
    for days in [30, 365] {
        totals.push((days, sums(&app, &everything, days, now).await?.signed_in.total));
    }
    let page = PublicStatisticsPage {
        layout: layout(&app, language_of(&app, &headers, uri.query()), "/stats".to_owned()),
        totals,
        report: sums(&app, &everything, 30, now).await?,
    };
    Ok(([(CACHE_CONTROL, "public, max-age=300")], Html(page.render()?)).into_response())
}

async fn asked(member: &Member) -> Result<Option<Asked>, AuthorizeError> {
    let params = member.query()?;
    let days = params.get("jours").map_or(Some(PERIODS[0]), |days| days.parse().ok());
    let days = days.filter(|days| PERIODS.contains(days));
    let invalid = || PageError::with_detail(ErrorKind::Request, "there is no such period");
    let days = days.ok_or_else(invalid)?;
    let not_found = || PageError::new(ErrorKind::NotFound);
    let (scope, of) = match (params.get("service"), params.get("administration")) {
        (Some(id), None) => {
            let id = Some(id).filter(|id| !id.contains('\0')).ok_or_else(not_found)?;
            let client = member.app.store.find_client(id).await?.ok_or_else(not_found)?;
            let owned = member.app.store.is_client_owner(id, &member.agent.id).await?;
            let administration = client.standing.administration.as_deref();
            member.require(Right::SeeClient { owned, administration })?;
            (Scope::Client(client.id), client.name)
        }
        (None, Some(domain)) => {
            member.require(Right::SeeAdministrationStatistics { administration: domain })?;
            (Scope::Administration(domain.replace('\0', "")), domain.to_owned())
        }
        (None, None) if member.may(Right::SeeStatistics) => (Scope::Everything, String::new()),
        (None, None) => return Ok(None),
        _ => return Err(invalid().into()),
    };
    Ok(Some(Asked { scope, of, days }))
}

/// What somebody may choose from: all, their administrations, their clients.
async fn scopes(member: &Member) -> Result<Vec<(String, String)>, PageError> {
    let mut scopes = Vec::new();
    for role in &member.roles.granted {
        if let Role::Manager { administration } = role
            && member.may(Right::SeeAdministrationStatistics { administration })
        {
            scopes.push((
                url("administration", administration, PERIODS[0]),
                administration.clone(),
            ));
        }
    }
    let own = ClientFilter {
        whose: Whose::Owner(&member.agent.id),
        stage: None,
        prefix: "",
    };
    for line in member.app.store.list_client_page(own, None, MOST_CLIENTS).await? {
        let client = line.client()?;
        scopes.push((url("service", &client.id, PERIODS[0]), client.name));
    }
    Ok(scopes)
}

async fn numbers(member: &Member, Asked { scope, of, days }: Asked) -> Result<ShownStatistics, PageError> {
    let (name, value) = match &scope {
        Scope::Everything => ("", ""),
        Scope::Client(id) => ("service", id.as_str()),
        Scope::Administration(domain) => ("administration", domain.as_str()),
    };
    let here = url(name, value, days).replacen(STATISTICS.path, "", 1);
    let export = |format: &str| format!("{}/export{here}&format={format}", STATISTICS.path);
    let mut report = report(&member.app, &scope, days, member.now).await?;
    // Services by the names that people know; one that was deleted has its id left.
    for (client, _) in &mut report.clients.groups {
        if let Some(known) = member.app.store.find_client(client).await? {
            *client = known.name;
        }
    }
    Ok(ShownStatistics {
        of,
        days,
        report,
        periods: PERIODS.map(|days| (url(name, value, days), days)).to_vec(),
        csv_url: export("csv"),
        json_url: export("json"),
    })
}

fn url(name: &str, value: &str, days: i64) -> String {
    let mut query = Serializer::new(String::new());
    if !name.is_empty() {
        query.append_pair(name, value);
    }
    query.append_pair("jours", &days.to_string());
    format!("{}?{}", STATISTICS.path, query.finish())
}

/// What is shown of the days before today: those that are over.
async fn report(app: &App, scope: &Scope, days: i64, now: i64) -> Result<Report, StoreError> {
    let (from, until) = (day_of(now) - days, day_of(now));
    let store = &app.store;
    let counts = store.list_sign_in_days(scope, from, until).await?;
    let clients = store.list_sign_ins_by_client(scope, from, until).await?;
    let administrations = store.list_sign_ins_by_administration(scope, from, until).await?;
    Ok(Report::of(from, until, &counts, clients, administrations))
}

/// The same without tables by service and administration.
async fn sums(app: &App, scope: &Scope, days: i64, now: i64) -> Result<Report, StoreError> {
    let (from, until) = (day_of(now) - days, day_of(now));
    let counts = app.store.list_sign_in_days(scope, from, until).await?;
    Ok(Report::of(from, until, &counts, Vec::new(), Vec::new()))
}

/// A line of an export: table, group, count (none where it is hidden).
type Row = (&'static str, String, Option<i64>);

fn rows(report: &Report) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let days = |table, groups: &[(i64, Option<i64>)]| -> Vec<Row> {
        groups
            .iter()
            .map(|(day, count)| (table, day_name(*day), *count))
            .collect()
    };
    rows.extend(days("signed_in_by_day", &report.signed_in.groups));
    rows.extend(days("refused_by_day", &report.refused.groups));
    let named = |table, groups: &[(String, Option<i64>)]| -> Vec<Row> {
        groups
            .iter()
            .map(|(name, count)| (table, name.clone(), *count))
            .collect()
    };
    rows.extend(named("signed_in_by_service", &report.clients.groups));
    rows.extend(named("signed_in_by_administration", &report.administrations.groups));
    let ways = report.ways.groups.iter();
    rows.extend(ways.map(|(way, count)| ("signed_in_by_way", way.map_or("", Way::as_str).to_owned(), *count)));
    let reasons = report.reasons.groups.iter();
    rows.extend(reasons.map(|(reason, count)| ("refused_by_reason", reason.as_str().to_owned(), *count)));
    rows
}

/// No cell is a formula to any spreadsheet.
fn csv(rows: &[Row]) -> String {
    let quoted = |text: &str| format!("\"{}\"", inert(text).replace('"', "\"\""));
    let line = |(table, group, count): &Row| {
        let count = count.map(|count| count.to_string()).unwrap_or_default();
        format!("{table},{},{count}\r\n", quoted(group))
    };
    "table,group,count\r\n".to_owned() + &rows.iter().map(line).collect::<String>()
}
