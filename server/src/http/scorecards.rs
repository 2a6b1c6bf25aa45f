//! `/api/v1/branches/{branch}/scorecard` and `/api/v1/scorecards/network`.

use crate::{
    app::{
        App,
        period::Period,
        scorecards::{self, BranchScorecard, NetworkScorecard},
    },
    command::read,
    error::ApiError,
    http::body::Query,
    principal::Principal,
};
use actix_web::{get, web};
use domain::ids::{BranchId, RegionId};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(branch).service(network);
}

/// Of which days.
#[derive(Debug, Clone, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PeriodQuery {
    /// First day, `YYYY-MM-DD`.
    from: String,
    /// Last day.
    to: String,
}

/// Of which days and where.
#[derive(Debug, Clone, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NetworkQuery {
    /// First day, `YYYY-MM-DD`.
    from: String,
    /// Last day.
    to: String,
    /// This region and those below it.
    region: Option<Uuid>,
}

/// The scorecard of a branch.
#[utoipa::path(tag = "scorecards", params(PeriodQuery), responses((status = 200, body = BranchScorecard)))]
#[get("/branches/{branch}/scorecard")]
pub(crate) async fn branch(
    app: web::Data<App>,
    principal: Principal,
    branch: web::Path<Uuid>,
    query: Query<PeriodQuery>,
) -> Result<web::Json<BranchScorecard>, ApiError> {
    let period = Period::read("", &query.0.from, &query.0.to)?;
    let (branch, inside) = (BranchId(branch.into_inner()), app.clone());
    read(&app, principal, move |tx, principal| scorecards::branch(tx, &inside, principal, branch, period))
        .await
}

/// All branches of a period that the caller reaches, best first by shrunken score.
#[utoipa::path(tag = "scorecards", params(NetworkQuery), responses((status = 200, body = NetworkScorecard)))]
#[get("/scorecards/network")]
pub(crate) async fn network(
    app: web::Data<App>,
    principal: Principal,
    query: Query<NetworkQuery>,
) -> Result<web::Json<NetworkScorecard>, ApiError> {
    let period = Period::read("", &query.0.from, &query.0.to)?;
    let region = query.0.region.map(RegionId);
    read(&app, principal, move |tx, principal| scorecards::network(tx, principal, period, region)).await
}
