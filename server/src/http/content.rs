//! `/api/v1/content`: versions of checklists, standards and plans.

use crate::{
    app::{
        App,
        content::{self, Kind, NewContent, Version},
    },
    command::{Command, Nothing, execute, read},
    error::ApiError,
    http::{body::Query, page::PageOf},
    principal::Principal,
};
use actix_web::{
    HttpResponse, get,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, ETAG, EntityTag, Header as _, IfNoneMatch},
    },
    post, web,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(show).service(release);
}

/// Which content.
#[derive(Debug, Clone, Default, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ContentQuery {
    /// One kind only.
    pub(crate) kind: Option<Kind>,
}

/// Every version, by kind, id and version: all on one page.
#[utoipa::path(tag = "content", params(ContentQuery), responses((status = 200, body = PageOf<Version>)))]
#[get("/content")]
pub(crate) async fn list(
    app: web::Data<App>,
    principal: Principal,
    query: Query<ContentQuery>,
) -> Result<web::Json<PageOf<Version>>, ApiError> {
    let kind = query.0.kind;
    read(&app, principal, move |tx, principal| {
        Ok(PageOf { items: content::list(tx, principal, kind)?, next: None })
    })
    .await
}

/// Stores content as a draft, from YAML or JSON; a draft of the same version is replaced. What is allowed but unwise in
/// a plan comes back as `warnings`.
///
/// Refusals: `invalid_template` (422) with every problem by line, `version_released` (409).
#[utoipa::path(tag = "content", request_body = NewContent, responses((status = 201, body = PageOf<Version>)))]
#[post("/content")]
pub(crate) async fn create(
    app: web::Data<App>,
    command: Command<NewContent>,
) -> Result<HttpResponse, ApiError> {
    execute(&app, command, StatusCode::CREATED, |tx, office, new| {
        Ok(PageOf { items: content::create(tx, office, new)?, next: None })
    })
    .await
}

/// Reads the address of a version; in the handler, so that somebody without a session learns nothing of addresses.
fn version_of(path: web::Path<(String, String, String)>) -> Result<(Kind, String, u32), ApiError> {
    let (kind, id, version) = path.into_inner();
    let kind = Kind::from_word(&kind).ok_or_else(content::not_found)?;
    let version = version.parse().map_err(|_| content::not_found())?;
    Ok((kind, id, version))
}

/// The canonical JSON of a version; its ETag is the content's SHA-256.
#[utoipa::path(tag = "content", responses((status = 200, description = "the content", body = Object)))]
#[get("/content/{kind}/{id}/{version}")]
pub(crate) async fn show(
    app: web::Data<App>,
    principal: Principal,
    path: web::Path<(String, String, String)>,
    request: actix_web::HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (kind, id, version) = version_of(path)?;
    let (json, hash) = app.read(move |tx| content::read(tx, &principal, kind, &id, version)).await?;
    let tag = EntityTag::new_strong(hash.to_string());
    let is_known = match IfNoneMatch::parse(&request) {
        Ok(IfNoneMatch::Items(known)) => known.iter().any(|it| it.weak_eq(&tag)),
        _ => false,
    };
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, tag.to_string())).insert_header((CACHE_CONTROL, "private, no-cache"));
    Ok(if is_known { response.finish() } else { response.content_type("application/json").body(json) })
}

/// Releases a draft: from now on it can be assigned, and never changes. Devices are told of a checklist.
///
/// Refusals: `wrong_state` (409).
#[utoipa::path(tag = "content", responses((status = 200, body = Version)))]
#[post("/content/{kind}/{id}/{version}/release")]
pub(crate) async fn release(
    app: web::Data<App>,
    path: web::Path<(String, String, String)>,
    command: Command<Nothing>,
) -> Result<HttpResponse, ApiError> {
    let (kind, id, version) = version_of(path)?;
    execute(&app, command, StatusCode::OK, move |tx, office, _| {
        content::release(tx, office, kind, &id, version)
    })
    .await
}
