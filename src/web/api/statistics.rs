//! Statistics: of all services, of an administration's agents, of a client. Small groups are hidden, as on the pages.

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::caller::Caller;
use super::problem::Problem;
use super::read::Asked;
use crate::app::SharedApp;
use crate::domain::api::ApiScope;
use crate::domain::audit::day_name;
use crate::domain::homeserver::Way;
use crate::domain::role::Right;
use crate::domain::statistics::{Groups, PERIODS, Scope};

pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Of which sign-ins, and when. Without client and administration: of all, for operators and support.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// `client_id`.
    client: Option<String>,
    /// An e-mail domain.
    administration: Option<String>,
    /// So many days before today: 7, 30 or 365; 30 when it is left out.
    days: Option<u16>,
}

/// A group and how many.
#[derive(Serialize, ToSchema)]
struct Count {
    group: String,
    /// None where they are so few that they could be somebody, or would tell another group.
    count: Option<i64>,
}

/// Numbers in groups.
#[derive(Serialize, ToSchema)]
struct Table {
    counts: Vec<Count>,
    /// All of them together; none where it would tell a group.
    total: Option<i64>,
}

impl Table {
    fn of<K>(groups: &Groups<K>, name: impl Fn(&K) -> String) -> Self {
        let count = |(group, count): &(K, Option<i64>)| Count {
            group: name(group),
            count: *count,
        };
        Self {
            counts: groups.groups.iter().map(count).collect(),
            total: groups.total,
        }
    }
}

/// What is told of some days.
#[derive(Serialize, ToSchema)]
struct Report {
    /// So many days before today.
    days: i64,
    signed_in_by_day: Table,
    refused_by_day: Table,
    signed_in_by_client: Table,
    signed_in_by_administration: Table,
    signed_in_by_way: Table,
    refused_by_reason: Table,
}

/// Sign-ins by day, client, administration, way and reason.
#[utoipa::path(get, path = "/statistics", tag = "statistics", params(Filter),
    security(("oauth2" = ["statistics:read"])), responses((status = 200, description = "The numbers", body = Report),
        (status = 404, description = "No such client", body = Problem, content_type = "application/problem+json")))]
async fn show(caller: Caller, Asked(asked): Asked<Filter>) -> Result<Json<Report>, Problem> {
    caller.scope(ApiScope::StatisticsRead)?;
    let days = asked.days.map_or(PERIODS[0], i64::from);
    if !PERIODS.contains(&days) {
        return Err(Problem::malformed("days is 7, 30 or 365"));
    }
    let scope = match (asked.client, asked.administration) {
        (Some(id), None) => {
            let store = &caller.app.store;
            let kept = store.find_kept_client(&id).await?.ok_or_else(Problem::not_found)?;
            let owned = store.is_client_owner(&id, &caller.agent.id).await?;
            let administration = kept.client.standing.administration.as_deref();
            if !caller.may(Right::SeeClient { owned, administration }) {
                return Err(Problem::not_found());
            }
            Scope::Client(id)
        }
        (None, Some(domain)) => {
            let right = Right::SeeAdministrationStatistics {
                administration: &domain,
            };
            if !caller.may(right) {
                return Err(Problem::forbidden());
            }
            Scope::Administration(domain)
        }
        (None, None) if caller.may(Right::SeeStatistics) => Scope::Everything,
        (None, None) => return Err(Problem::forbidden()),
        (Some(_), Some(_)) => return Err(Problem::malformed("client or administration, not both")),
    };
    let app = &caller.app;
    let told = app.reports.get(&app.store, &scope, days, caller.now).await?;
    Ok(Json(Report {
        days,
        signed_in_by_day: Table::of(&told.signed_in, |day| day_name(*day)),
        refused_by_day: Table::of(&told.refused, |day| day_name(*day)),
        signed_in_by_client: Table::of(&told.clients, String::clone),
        signed_in_by_administration: Table::of(&told.administrations, String::clone),
        signed_in_by_way: Table::of(&told.ways, |way| way.map_or("", Way::as_str).to_owned()),
        refused_by_reason: Table::of(&told.reasons, |reason| reason.as_str().to_owned()),
    }))
}
