//! `/api/v1/visits/{visit}/evidence`: what a reviewer sees of the photos of a visit, and the files themselves. A file never
//! changes, since its name is the hash of the original; it is kept by the reviewer's own browser only.

use crate::{
    app::{
        App, blocking,
        evidence::{self, VisitEvidence},
    },
    blob_store::BlobFile,
    command::read,
    error::ApiError,
    principal::Principal,
};
use actix_web::{HttpResponse, HttpResponseBuilder, body::SizedStream, get, http::header, web};
use db::blobs::{Blob, Picture};
use domain::{attachment, ids::AuditId};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(show_evidence).service(show_thumbnail).service(show_view).service(show_original);
}

/// A visit and a blob, as the address names them.
type BlobPath = web::Path<(Uuid, String)>;

/// The evidence of a visit: what is stored and missing, when and where it was taken, and what looks odd.
#[utoipa::path(tag = "evidence", responses((status = 200, body = VisitEvidence)))]
#[get("/visits/{visit}/evidence")]
pub(crate) async fn show_evidence(
    app: web::Data<App>,
    principal: Principal,
    visit: web::Path<Uuid>,
) -> Result<web::Json<VisitEvidence>, ApiError> {
    let visit = AuditId(visit.into_inner());
    read(&app, principal, move |tx, principal| evidence::report(tx, principal, visit)).await
}

/// A small upright copy of a photo, without metadata.
///
/// Refusals: `picture_pending` (409) until it was looked at, `picture_refused` (409) where it is no photo that can be shown.
#[utoipa::path(tag = "evidence", responses((status = 200, content_type = "image/jpeg", body = Vec<u8>)))]
#[get("/visits/{visit}/evidence/{blob}/thumbnail")]
pub(crate) async fn show_thumbnail(
    app: web::Data<App>,
    principal: Principal,
    path: BlobPath,
) -> Result<HttpResponse, ApiError> {
    copy(app, principal, path, BlobFile::Thumbnail).await
}

/// An upright copy of a photo that fills a screen, without metadata.
///
/// Refusals: as of the thumbnail.
#[utoipa::path(tag = "evidence", responses((status = 200, content_type = "image/jpeg", body = Vec<u8>)))]
#[get("/visits/{visit}/evidence/{blob}/view")]
pub(crate) async fn show_view(
    app: web::Data<App>,
    principal: Principal,
    path: BlobPath,
) -> Result<HttpResponse, ApiError> {
    copy(app, principal, path, BlobFile::View).await
}

/// The evidence as it came, to be saved and not shown: nobody vouches for what is in it.
#[utoipa::path(
    tag = "evidence",
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>))
)]
#[get("/visits/{visit}/evidence/{blob}/original")]
pub(crate) async fn show_original(
    app: web::Data<App>,
    principal: Principal,
    path: BlobPath,
) -> Result<HttpResponse, ApiError> {
    let org = principal.org;
    let found = find(&app, principal, path).await?;
    let lost = || ApiError::internal(format!("the stored blob {} is missing", found.blob));
    let bytes = app.blobs.read(org, found.blob, None).await?.ok_or_else(lost)?;
    let named = found.mime.as_deref().filter(|it| attachment::is_no_picture(it));
    let ending = named.and_then(attachment::extension);
    let ending = ending.map(|it| format!(".{it}")).unwrap_or_default();
    let name = format!("attachment; filename=\"{}{ending}\"", found.blob);
    let mut response = HttpResponse::Ok();
    untouched(&mut response, &format!("\"{}\"", found.blob))
        .content_type("application/octet-stream")
        .insert_header((header::CONTENT_DISPOSITION, name));
    Ok(response.body(SizedStream::new(found.size, bytes.into_stream())))
}

async fn find(app: &web::Data<App>, principal: Principal, path: BlobPath) -> Result<Blob, ApiError> {
    let (visit, blob) = path.into_inner();
    app.read(move |tx| evidence::find_blob(tx, &principal, AuditId(visit), &blob)).await
}

async fn copy(
    app: web::Data<App>,
    principal: Principal,
    path: BlobPath,
    file: BlobFile,
) -> Result<HttpResponse, ApiError> {
    let org = principal.org;
    let found = find(&app, principal, path).await?;
    match found.picture {
        Picture::Ready => {}
        Picture::Pending => {
            return Err(ApiError::conflict(
                "picture_pending",
                "La foto aún no se procesa; pídala en unos segundos.",
                "the photo was not looked at yet; ask again in a few seconds",
            ));
        }
        Picture::Refused => {
            let reason = found.reason.unwrap_or_default();
            return Err(ApiError::conflict(
                "picture_refused",
                format!("No se puede mostrar como foto ({reason}); descargue el original."),
                format!("it cannot be shown as a photo ({reason}); download the original"),
            ));
        }
    }
    let (inside, blob) = (app.get_ref().clone(), found.blob);
    let bytes = blocking(move || evidence::copy(&inside, org, blob, file)).await?;
    let bytes = bytes.ok_or_else(|| ApiError::internal(format!("the stored blob {blob} is missing")))?;
    let mut response = HttpResponse::Ok();
    untouched(&mut response, &format!("\"{blob}-{file:?}\"")).content_type("image/jpeg");
    Ok(response.body(bytes))
}

/// Headers of bytes that are sent as they are and never run: a browser guesses no type and lets them load nothing.
pub(crate) fn untouched<'a>(
    response: &'a mut HttpResponseBuilder,
    etag: &str,
) -> &'a mut HttpResponseBuilder {
    response
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
        .insert_header((header::CACHE_CONTROL, "private, max-age=86400, immutable"))
        .insert_header((header::VARY, "Authorization, Cookie"))
        .insert_header((header::ETAG, etag.to_owned()))
}
