//! Whether the process lives and whether it can work: for whatever watches over it.

use crate::{app::App, error::ApiError};
use actix_web::{HttpResponse, get, web};
use utoipa_actix_web::service_config::ServiceConfig;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(healthz).service(readyz);
}

/// Whether the process lives.
#[utoipa::path(tag = "health", responses((status = 200, description = "it lives")))]
#[get("/healthz")]
pub(crate) async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}

/// Whether the database answers.
#[utoipa::path(tag = "health", responses((status = 200, description = "it can work")))]
#[get("/readyz")]
pub(crate) async fn readyz(app: web::Data<App>) -> Result<HttpResponse, ApiError> {
    app.read(|tx| Ok(db::organizations::find_meta(tx, "epoch").map(drop)?)).await?;
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ready\n"))
}
