//! `/api/v1/visits/{visit}/redact`: takes personal data out of a visit for good.

use crate::{
    app::{
        App, blocking,
        redaction::{Redacted, RedactionOrder, redact},
    },
    command::{Command, execute},
    error::ApiError,
};
use actix_web::{HttpResponse, http::StatusCode, post, web};
use domain::ids::AuditId;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(redact_visit);
}

/// Takes answers, comments, remarks or photos out of a visit for good, in whatever state it is.
///
/// Their commitments stay, so that chain and signatures still prove all else; a frozen score keeps its figures, and before an
/// approval a redacted answer counts as none. Phones drop the data when they next synchronise. Refusals: `own_visit` (403),
/// `nothing_named`, `nothing_recorded`, `not_redactable` (422), `already_redacted`, `try_again` (409).
#[utoipa::path(tag = "review", request_body = RedactionOrder, responses((status = 200, body = Redacted)))]
#[post("/visits/{visit}/redact")]
pub(crate) async fn redact_visit(
    app: web::Data<App>,
    visit: web::Path<Uuid>,
    command: Command<RedactionOrder>,
) -> Result<HttpResponse, ApiError> {
    let (visit, org) = (AuditId(visit.into_inner()), command.principal.org);
    let reply =
        execute(&app, command, StatusCode::OK, move |tx, office, order| redact(tx, office, visit, order))
            .await?;
    // What cannot be done now is done within the hour.
    let inside = app.get_ref().clone();
    let purged = blocking(move || {
        inside.purge_redacted(org)?;
        // What failed commands wrote before, no redaction finds.
        Ok::<_, ApiError>(inside.db.clear_free_pages()?)
    });
    if let Err(error) = purged.await {
        tracing::warn!(%error, "the bytes of redacted evidence are still there");
    }
    Ok(reply)
}
