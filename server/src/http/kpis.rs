//! `/api/v1/kpis`: figures of service and of what customers said.

use crate::{
    app::{
        App,
        kpis::{self, Entered, NewObservations, Observation},
    },
    command::{Command, execute, read},
    error::ApiError,
    http::{
        body::Query,
        page::{PageOf, Paging},
    },
    principal::Principal,
};
use actix_web::{HttpResponse, get, http::StatusCode, post, web};
use db::observations::{KpiFilter, KpiScope};
use domain::{
    Date,
    ids::{BranchId, KpiId, RegionId, StaffId},
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(enter).service(list);
}

/// Which observations.
#[derive(Debug, Clone, Default, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct KpiQuery {
    /// Of this branch.
    branch: Option<Uuid>,
    /// Of this region itself.
    region: Option<Uuid>,
    /// Of this member of staff.
    staff: Option<Uuid>,
    /// Of this metric.
    metric: Option<String>,
    /// Whose period ends on this day or later.
    #[param(value_type = Option<String>)]
    from: Option<Date>,
    /// Whose period begins on this day or earlier.
    #[param(value_type = Option<String>)]
    to: Option<Date>,
    /// `next` of the page before.
    after: Option<String>,
    /// Rows of the page, at most 1000; 100 where it is left out.
    #[validate(range(min = 1, max = 1000))]
    limit: Option<u32>,
}

/// Enters observations: all of them or none.
///
/// Refusals: `invalid_input` (422) with `metric_name`, `metric_from_visits`, `out_of_range`, `value_and_ratio`,
/// `unknown_scope` at the fields concerned.
#[utoipa::path(tag = "kpis", request_body = NewObservations, responses((status = 201, body = Entered)))]
#[post("/kpis")]
pub(crate) async fn enter(
    app: web::Data<App>,
    command: Command<NewObservations>,
) -> Result<HttpResponse, ApiError> {
    execute(&app, command, StatusCode::CREATED, kpis::enter).await
}

/// Observations, by id.
#[utoipa::path(tag = "kpis", params(KpiQuery), responses((status = 200, body = PageOf<Observation>)))]
#[get("/kpis")]
pub(crate) async fn list(
    app: web::Data<App>,
    principal: Principal,
    query: Query<KpiQuery>,
) -> Result<web::Json<PageOf<Observation>>, ApiError> {
    let query = query.0;
    let (after, limit) = Paging { after: query.after, limit: query.limit }.page()?;
    let scopes = [
        query.staff.map(|it| KpiScope::Staff(StaffId(it))),
        query.branch.map(|it| KpiScope::Branch(BranchId(it))),
        query.region.map(|it| KpiScope::Region(RegionId(it))),
    ];
    let scope = scopes.into_iter().flatten().next();
    let filter = KpiFilter { scope, metric: query.metric, from: query.from, to: query.to };
    read(&app, principal, move |tx, principal| {
        Ok(PageOf::of(kpis::list(tx, principal, filter, after.map(KpiId), limit)?, |it| it))
    })
    .await
}
