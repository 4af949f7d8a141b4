//! `/console/statistiques`: of all services, of an administration's agents, of a client; and `/stats`, the totals for everybody.

use std::collections::HashMap;

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
use super::super::pages::console::{Pages, PublicStatisticsPage, STATISTICS, ShownStatistics, StatisticsPage};
use super::super::routes::no_head;
use super::super::visitor::{language_of, layout};
use super::Member;
use crate::app::{App, SharedApp};
use crate::domain::administration::table::inert;
use crate::domain::audit::{day_name, day_of};
use crate::domain::homeserver::Way;
use crate::domain::role::{Right, Role};
use crate::domain::statistics::{PERIODS, Report, Scope};
use crate::protocol::params::Params;
use crate::store::{ClientFilter, StoreError, Whose};

/// So many lines of a table stand on one page.
const PER_PAGE: usize = 50;
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
    let app = &member.app;
    let report = app
        .reports
        .get(&app.store, &asked.scope, asked.days, member.now)
        .await?;
    let names = names(app, &report.clients.groups).await?;
    let rows = rows(&report, &names);
    let (kind, name, text) = match member.query()?.get("format") {
        Some("csv") => ("text/csv; charset=utf-8; header=present", "csv", csv(&rows)),
        Some("json") => {
            let row = |row: &Row| json!({"table": row.table, "group": row.group, "count": row.count, "name": row.name});
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
    let now = app.clock.now();
    let report = sums(&app, 30, now).await?;
    let page = PublicStatisticsPage {
        layout: layout(&app, language_of(&app, &headers, uri.query()), "/stats".to_owned()),
        totals: vec![
            (30, report.signed_in.total),
            (365, sums(&app, 365, now).await?.signed_in.total),
        ],
        report,
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
    let scope = match (params.get("service"), params.get("administration")) {
        (Some(id), None) => {
            let id = Some(id).filter(|id| !id.contains('\0')).ok_or_else(not_found)?;
            let client = member.app.store.find_client(id).await?.ok_or_else(not_found)?;
            let owned = member.app.store.is_client_owner(id, &member.agent.id).await?;
            let administration = client.standing.administration.as_deref();
            member.require(Right::SeeClient { owned, administration })?;
            Scope::Client(client.id)
        }
        (None, Some(domain)) => {
            member.require(Right::SeeAdministrationStatistics { administration: domain })?;
            Scope::Administration(domain.replace('\0', ""))
        }
        (None, None) if member.may(Right::SeeStatistics) => Scope::Everything,
        (None, None) => return Ok(None),
        _ => return Err(invalid().into()),
    };
    Ok(Some(Asked { scope, days }))
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

async fn numbers(member: &Member, Asked { scope, days }: Asked) -> Result<ShownStatistics, PageError> {
    let (name, value) = match &scope {
        Scope::Everything => ("", ""),
        Scope::Client(id) => ("service", id.as_str()),
        Scope::Administration(domain) => ("administration", domain.as_str()),
    };
    let app = &member.app;
    let address = url(name, value, days);
    let here = address.replacen(STATISTICS.path, "", 1);
    let export = |format: &str| format!("{}/export{here}&format={format}", STATISTICS.path);
    let report = app.reports.get(&app.store, &scope, days, member.now).await?;
    let params = member.query()?;
    let (clients, client_pages) = cut(&report.clients.groups, &address, "services", &params)?;
    let (administrations, administration_pages) =
        cut(&report.administrations.groups, &address, "administrations", &params)?;
    let mut named = clients.to_vec();
    named.extend(matches!(scope, Scope::Client(_)).then(|| (value.to_owned(), None)));
    let names = names(app, &named).await?;
    let name_of = |id: &str| names.get(id).map_or(id, String::as_str).to_owned();
    Ok(ShownStatistics {
        of: name_of(value),
        days,
        clients: clients.iter().map(|(id, count)| (name_of(id), *count)).collect(),
        client_pages,
        administrations: administrations.to_vec(),
        administration_pages,
        periods: PERIODS.map(|days| (url(name, value, days), days)).to_vec(),
        csv_url: export("csv"),
        json_url: export("json"),
        report,
    })
}

/// Groups with their counts, as reports have them.
type Named = [(String, Option<i64>)];

/// A page of a table. What is over stays as it is until the day ends, so that a number says where a page begins.
fn cut<'a>(groups: &'a Named, url: &str, name: &str, params: &Params) -> Result<(&'a Named, Pages), PageError> {
    let page = params.get(name).map_or(Some(0), |page| page.parse::<usize>().ok());
    let invalid = || PageError::with_detail(ErrorKind::Request, "this is no page of the list");
    let begin = page.and_then(|page| page.checked_mul(PER_PAGE)).ok_or_else(invalid)?;
    let rest = groups.get(begin..).unwrap_or_default();
    let pages = Pages {
        first_url: (begin > 0).then(|| url.to_owned()),
        next_url: (rest.len() > PER_PAGE).then(|| format!("{url}&{name}={}", begin / PER_PAGE + 1)),
    };
    Ok((&rest[..rest.len().min(PER_PAGE)], pages))
}

/// What the services of a table are called.
async fn names(app: &App, groups: &Named) -> Result<HashMap<String, String>, StoreError> {
    let ids: Vec<_> = groups.iter().map(|(id, _)| id.as_str()).collect();
    app.store.find_client_names(&ids).await
}

fn url(name: &str, value: &str, days: i64) -> String {
    let mut query = Serializer::new(String::new());
    if !name.is_empty() {
        query.append_pair(name, value);
    }
    query.append_pair("jours", &days.to_string());
    format!("{}?{}", STATISTICS.path, query.finish())
}

/// What is shown of all together, without tables by service and administration.
async fn sums(app: &App, days: i64, now: i64) -> Result<Report, StoreError> {
    let (from, until) = (day_of(now) - days, day_of(now));
    let counts = app.store.list_sign_in_days(&Scope::Everything, from, until).await?;
    Ok(Report::of(from, until, &counts, Vec::new(), Vec::new()))
}

/// A line of an export: its count is none where it is hidden, its name empty where the group says all.
struct Row {
    table: &'static str,
    group: String,
    count: Option<i64>,
    name: String,
}

fn rows(report: &Report, names: &HashMap<String, String>) -> Vec<Row> {
    let row = |table, group: String, count: Option<i64>| Row {
        table,
        group,
        count,
        name: String::new(),
    };
    let mut rows: Vec<Row> = Vec::new();
    for (table, groups) in [
        ("signed_in_by_day", &report.signed_in.groups),
        ("refused_by_day", &report.refused.groups),
    ] {
        rows.extend(groups.iter().map(|(day, count)| row(table, day_name(*day), *count)));
    }
    rows.extend(report.clients.groups.iter().map(|(id, count)| Row {
        name: names.get(id).cloned().unwrap_or_default(),
        ..row("signed_in_by_service", id.clone(), *count)
    }));
    let administrations = report.administrations.groups.iter();
    rows.extend(administrations.map(|(domain, count)| row("signed_in_by_administration", domain.clone(), *count)));
    let ways = report.ways.groups.iter();
    rows.extend(ways.map(|(way, count)| row("signed_in_by_way", way.map_or("", Way::as_str).to_owned(), *count)));
    let reasons = report.reasons.groups.iter();
    rows.extend(reasons.map(|(reason, count)| row("refused_by_reason", reason.as_str().to_owned(), *count)));
    rows
}

/// No cell is a formula to any spreadsheet.
fn csv(rows: &[Row]) -> String {
    let quoted = |text: &str| format!("\"{}\"", inert(text).replace('"', "\"\""));
    let line = |row: &Row| {
        let count = row.count.map(|count| count.to_string()).unwrap_or_default();
        format!("{},{},{count},{}\r\n", row.table, quoted(&row.group), quoted(&row.name))
    };
    "table,group,count,name\r\n".to_owned() + &rows.iter().map(line).collect::<String>()
}
