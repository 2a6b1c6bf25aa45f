//! `/api/v1/quarantine`: what exchanges stored and did not apply.

use crate::{
    app::{
        App,
        quarantine::{self, SetAside},
    },
    command::read,
    error::ApiError,
    http::{
        body::Query,
        page::{PageOf, Paging},
    },
    principal::Principal,
};
use actix_web::{get, web};
use utoipa_actix_web::service_config::ServiceConfig;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list);
}

/// Ops that devices sent and that were not applied, each with its reason, by device and position.
#[utoipa::path(tag = "visits", params(Paging), responses((status = 200, body = PageOf<SetAside>)))]
#[get("/quarantine")]
pub(crate) async fn list(
    app: web::Data<App>,
    principal: Principal,
    paging: Query<Paging>,
) -> Result<web::Json<PageOf<SetAside>>, ApiError> {
    let (after, limit) = paging.0.page()?;
    read(&app, principal, move |tx, principal| {
        Ok(PageOf::of(quarantine::list(tx, principal, after, limit)?, |it| it))
    })
    .await
}
