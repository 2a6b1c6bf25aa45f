//! `/api/v1/audit-log`: who did what, and whether the log is intact.

use crate::{
    app::{
        App,
        audit_log::{self, LogEntry, Selection, Verification},
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
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(verify);
}

/// Which entries.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// Only about this kind of thing; together with `subject`.
    subject_kind: Option<String>,
    /// Only about this one; together with `subject_kind`.
    subject: Option<String>,
    /// `next` of the page before; none for the first page.
    after: Option<String>,
    /// Rows of the page, at most 1000; 100 where it is left out.
    #[validate(range(min = 1, max = 1000))]
    limit: Option<u32>,
}

/// The audit log, oldest entry first.
#[utoipa::path(tag = "audit log", params(Which), responses((status = 200, body = PageOf<LogEntry>)))]
#[get("/audit-log")]
pub(crate) async fn list(
    app: web::Data<App>,
    principal: Principal,
    which: Query<Which>,
) -> Result<web::Json<PageOf<LogEntry>>, ApiError> {
    let Which { subject_kind, subject, after, limit } = which.0;
    let (after, limit) = Paging { after, limit }.page()?;
    let subject = match (subject_kind, subject) {
        (Some(kind), Some(id)) => Some((kind, id)),
        (None, None) => None,
        _ => {
            return Err(ApiError::field(
                "/subject",
                "half_a_subject",
                "«subject» y «subject_kind» van juntos.",
                "'subject' and 'subject_kind' go together",
            ));
        }
    };
    let which = Selection { subject, after: after.unwrap_or(0), limit };
    read(&app, principal, move |tx, principal| {
        Ok(PageOf::of(audit_log::list(tx, principal, &which)?, |it| it))
    })
    .await
}

/// Checks the audit log entry by entry.
#[utoipa::path(tag = "audit log", responses((status = 200, body = Verification)))]
#[get("/audit-log/verification")]
pub(crate) async fn verify(
    app: web::Data<App>,
    principal: Principal,
) -> Result<web::Json<Verification>, ApiError> {
    read(&app, principal, audit_log::verify).await
}
