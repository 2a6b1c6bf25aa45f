//! `/sync/v1/blobs`: the blob lane over HTTP. Owns paths, the bounds of a body, and ranges; answers everything but the bytes
//! of a blob with a `BlobReply`, so that a captive portal's page is never taken for one.

use super::{
    exchange::{Form, ended, respond_with, text},
    incoming::{self, Broken},
};
use crate::{
    app::{App, blocking},
    error::ApiError,
    exchange::{
        Sender,
        blobs::{self, Chunk},
    },
    principal::Principal,
};
use actix_web::{
    HttpRequest, HttpResponse,
    body::SizedStream,
    http::{
        StatusCode,
        header::{self, ByteRangeSpec, Header as _, Range},
    },
    web,
};
use serde::Deserialize;
use sync_core::{
    DeviceId, Hash,
    blob::{BlobQuery, BlobRefusal, BlobReply, CHUNK_HASH_HEADER, QUERY_PATH},
    exchange::{Limits, RefusalCode},
    payload::BlobRef,
};

/// Largest body of a query: 256 blobs take about 20 kB.
const MAX_QUERY_BYTES: usize = 64 * 1024;
/// When a device comes again where too many send at once.
const TURN_RETRY_MS: u64 = 2_000;

/// Registers the routes.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config.service(web::resource(QUERY_PATH).route(web::post().to(query))).service(
        web::resource("/sync/v1/blobs/{blob}")
            .route(web::patch().to(take))
            .route(web::get().to(show))
            .route(web::head().to(show)),
    );
}

/// Where a part goes, as the address says it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    offset: u64,
    size: u64,
}

fn respond(
    request: &HttpRequest,
    dev: Option<DeviceId>,
    reply: &BlobReply,
) -> Result<HttpResponse, ApiError> {
    let refused = match reply {
        BlobReply::Done(_) | BlobReply::Progress(_) => None,
        BlobReply::Refused(refusal) => Some((refusal.code, refusal.reason.as_str())),
    };
    respond_with(request, dev, refused, reply)
}

fn refuse(
    request: &HttpRequest,
    dev: Option<DeviceId>,
    code: RefusalCode,
    reason: &str,
) -> Result<HttpResponse, ApiError> {
    respond(request, dev, &BlobReply::Refused(BlobRefusal::new(code, reason)))
}

/// The caller, or the answer to somebody who is not signed in.
fn signed_in(
    request: &HttpRequest,
    principal: Result<Principal, ApiError>,
) -> Result<Result<Principal, HttpResponse>, ApiError> {
    match principal {
        Ok(principal) => Ok(Ok(principal)),
        Err(refused) if refused.problem().status == 401 => {
            refuse(request, None, RefusalCode::Unauthorized, &refused.problem().code).map(Err)
        }
        Err(failed) => Err(failed),
    }
}

/// Who sends: also a device that was taken out, which may send what its ops name.
async fn sender(
    app: &web::Data<App>,
    request: &HttpRequest,
    principal: Result<Principal, ApiError>,
) -> Result<Result<Sender, HttpResponse>, ApiError> {
    match principal {
        Ok(principal) => Ok(Ok(Sender::Principal(principal))),
        Err(refused) if refused.problem().status == 401 => match ended(app, request, refused).await? {
            Ok(sender) => Ok(Ok(sender)),
            Err(it) => {
                let retry_after_ms = it.retry_after_ms;
                let refusal = BlobRefusal { retry_after_ms, ..BlobRefusal::new(it.code, &it.reason) };
                respond(request, None, &BlobReply::Refused(refusal)).map(Err)
            }
        },
        Err(failed) => Err(failed),
    }
}

async fn query(
    app: web::Data<App>,
    principal: Result<Principal, ApiError>,
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let sender = match sender(&app, &request, principal).await? {
        Ok(sender) => sender,
        Err(response) => return Ok(response),
    };
    let dev = sender.dev();
    let body = match incoming::read(body.into_inner(), MAX_QUERY_BYTES).await {
        Ok(body) => body,
        Err(broken) => return refuse(&request, dev, broken.code(), broken.reason()),
    };
    let Ok(query) = Form::of(&request, header::CONTENT_TYPE).read::<BlobQuery>(&body) else {
        return refuse(&request, dev, RefusalCode::Malformed, "not_a_request");
    };
    let app = app.get_ref().clone();
    let reply = blocking(move || blobs::query(&app, &sender, &query)).await?;
    respond(&request, dev, &reply)
}

async fn take(
    app: web::Data<App>,
    principal: Result<Principal, ApiError>,
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let sender = match sender(&app, &request, principal).await? {
        Ok(sender) => sender,
        Err(response) => return Ok(response),
    };
    let dev = sender.dev();
    let Some((blob, offset, hash)) = part_of(&request) else {
        return refuse(&request, dev, RefusalCode::Malformed, "not_a_part");
    };
    // Taken before the body is read: bodies are what fills the memory.
    let Some(_place) = app.blob_places.take(dev.unwrap_or_default()) else {
        return respond(
            &request,
            dev,
            &BlobReply::Refused(BlobRefusal {
                retry_after_ms: Some(TURN_RETRY_MS),
                ..BlobRefusal::new(RefusalCode::TooMany, "too_many_parts")
            }),
        );
    };
    let most = usize::try_from(Limits::default().chunk_bytes).unwrap_or(usize::MAX);
    let bytes = match incoming::read(body.into_inner(), most).await {
        Ok(bytes) => bytes,
        Err(Broken::TooLarge) => return refuse(&request, dev, RefusalCode::TooLarge, "chunk_too_large"),
        Err(_) => return refuse(&request, dev, RefusalCode::Malformed, "body_broke_off"),
    };
    let inside = app.get_ref().clone();
    let reply = blocking(move || {
        let chunk = Chunk { blob, offset, hash, bytes: &bytes };
        blobs::take(&inside, &sender, &chunk)
    })
    .await?;
    respond(&request, dev, &reply)
}

/// [`CHUNK_HASH_HEADER`], as this library wants it.
const HASH_HEADER: &str = "chunk-sha256";
const _: () = assert!(CHUNK_HASH_HEADER.eq_ignore_ascii_case(HASH_HEADER));

async fn show(
    app: web::Data<App>,
    principal: Result<Principal, ApiError>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let principal = match signed_in(&request, principal)? {
        Ok(principal) => principal,
        Err(response) => return Ok(response),
    };
    let dev = principal.dev;
    let Some(id) = blob_of(&request) else {
        return refuse(&request, dev, RefusalCode::NotFound, "no_such_blob");
    };
    let (inside, org) = (app.get_ref().clone(), principal.org);
    let size = match blocking(move || blobs::readable(&inside, &principal, id)).await? {
        Ok(size) => size,
        Err(refusal) => return respond(&request, dev, &BlobReply::Refused(refusal)),
    };
    let mut response = HttpResponse::Ok();
    response
        .content_type("application/octet-stream")
        // The bytes as they lie there: packing them would make ranges of something else.
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .insert_header((header::ETAG, format!("\"{id}\"")));
    let range = match asked_range(&request, size) {
        Asked::Everything => None,
        Asked::Part(from, to) => {
            response.status(StatusCode::PARTIAL_CONTENT);
            let range = format!("bytes {from}-{}/{size}", to.saturating_sub(1));
            response.insert_header((header::CONTENT_RANGE, range));
            Some(from..to)
        }
        Asked::Beyond => {
            response.status(StatusCode::RANGE_NOT_SATISFIABLE);
            return Ok(response.insert_header((header::CONTENT_RANGE, format!("bytes */{size}"))).finish());
        }
    };
    let length = range.as_ref().map_or(size, |it| it.end.saturating_sub(it.start));
    let Some(found) = app.blobs.read(org, id, range).await? else {
        return refuse(&request, dev, RefusalCode::NotFound, "no_such_blob");
    };
    Ok(response.body(SizedStream::new(length, found.into_stream())))
}

/// Of which blob a part is, where it begins, and its hash.
pub(crate) fn part_of(request: &HttpRequest) -> Option<(BlobRef, u64, Hash)> {
    let place = web::Query::<Place>::from_query(request.query_string()).ok()?;
    let hash = text(request, header::HeaderName::from_static(HASH_HEADER))?.parse().ok()?;
    Some((BlobRef { id: blob_of(request)?, size: place.size }, place.offset, hash))
}

fn blob_of(request: &HttpRequest) -> Option<Hash> {
    request.match_info().get("blob")?.parse().ok()
}

/// What of a blob is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Everything,
    /// From the first byte to the one after the last.
    Part(u64, u64),
    Beyond,
}

/// A single range is honoured; anything else is answered with everything, as the standard allows.
pub(crate) fn asked_range(request: &HttpRequest, size: u64) -> Asked {
    let Ok(Range::Bytes(specs)) = Range::parse(request) else { return Asked::Everything };
    let [spec] = specs.as_slice() else { return Asked::Everything };
    let (from, to) = match spec {
        ByteRangeSpec::FromTo(from, last) => (*from, last.saturating_add(1).min(size)),
        ByteRangeSpec::From(from) => (*from, size),
        ByteRangeSpec::Last(count) => (size.saturating_sub(*count), size),
    };
    if from < to { Asked::Part(from, to) } else { Asked::Beyond }
}
