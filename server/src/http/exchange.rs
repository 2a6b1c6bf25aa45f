//! `POST /sync/v1/exchange`: the sync protocol over HTTP. Owns media types, compression and the bounds of a body;
//! answers every request with a `Reply`, so that a captive portal's page is never taken for one.

use super::incoming;
use crate::{
    app::{App, blocking},
    error::ApiError,
    exchange::{self, FOREIGN_DEVICE, Sender},
    principal::{Principal, find_ended, token},
    rate_limit,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, AcceptEncoding, ContentEncoding, Encoding, Header as _},
    },
    web,
};
use flate2::{
    Compression,
    read::{GzDecoder, GzEncoder},
};
use serde::{Serialize, de::DeserializeOwned};
use std::io::Read;
use sync_core::{
    DeviceId,
    codec::{self, CodecError},
    exchange::{EXCHANGE_PATH, MAX_ITEMS, Refusal, RefusalCode, Reply, Request},
};

/// Largest body as it travels.
const MAX_PACKED_BYTES: usize = 8 << 20;
/// Largest body unpacked: a few segments of the largest size, and no bomb.
const MAX_BODY_BYTES: u64 = 32 << 20;
/// The same of a device that may only hand in what it had left: what a session sends by itself fits.
const MAX_ENDED_PACKED_BYTES: usize = 2 << 20;
const MAX_ENDED_BODY_BYTES: u64 = 8 << 20;
/// The same of a body of debugging.
const MAX_JSON_BYTES: u64 = 4 << 20;
/// How far back in a body a packed part may reach, as a power of 2: as far as the levels that phones pack with do. A decoder
/// keeps so much, however short the body is that asks for it.
const MAX_ZSTD_WINDOW: u32 = 23;
/// When a device may come again that found every place taken; it adds a wait of its own, so that not all come at once.
const PLACE_RETRY_MS: u64 = 2_000;
/// Below this, packing an answer costs more than it saves.
const WORTH_PACKING: usize = 512;

/// How a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Cbor,
    /// For debugging, with the same types.
    Json,
}

impl Form {
    pub(super) fn of(request: &HttpRequest, name: header::HeaderName) -> Self {
        let json = text(request, name).is_some_and(|it| it.contains("json"));
        if json { Self::Json } else { Self::Cbor }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Cbor => "application/cbor",
            Self::Json => "application/json",
        }
    }

    pub(super) fn read<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, CodecError> {
        match self {
            Self::Cbor => codec::from_cbor(bytes),
            Self::Json => codec::from_json(bytes),
        }
    }

    fn write(self, reply: &impl Serialize) -> Result<Vec<u8>, CodecError> {
        match self {
            Self::Cbor => codec::to_cbor(reply),
            Self::Json => codec::to_json(reply),
        }
    }
}

/// Registers the route.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config.service(web::resource(EXCHANGE_PATH).route(web::post().to(exchange_route)));
}

async fn exchange_route(
    app: web::Data<App>,
    principal: Result<Principal, ApiError>,
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let sender = match principal {
        Ok(principal) => Sender::Principal(principal),
        Err(refused) if refused.problem().status == 401 => match ended(&app, &request, refused).await? {
            Ok(sender) => sender,
            Err(refusal) => return respond(&request, None, &Reply::Refused(refusal)),
        },
        Err(failed) => return Err(failed),
    };
    let dev = sender.dev();
    let (packed_bytes, most) = match &sender {
        Sender::Principal(_) => (MAX_PACKED_BYTES, MAX_BODY_BYTES),
        Sender::Ended(_) => (MAX_ENDED_PACKED_BYTES, MAX_ENDED_BODY_BYTES),
    };
    // Taken before the body is read: bodies are what fills the memory.
    // Who is no device is refused below, and has its place like one device.
    let Some(_place) = app.exchange_places.take(dev.unwrap_or_default()) else {
        let retry_after_ms = Some(PLACE_RETRY_MS);
        let refusal = Refusal::new(RefusalCode::Unavailable, "too_many_exchanges");
        return respond(&request, dev, &Reply::Refused(Refusal { retry_after_ms, ..refusal }));
    };
    // The bytes as they travel: the framework's own reading would unpack some encodings, and not bound what comes out.
    let reply = match incoming::read(body.into_inner(), packed_bytes).await {
        Err(broken) => Reply::Refused(Refusal::new(broken.code(), broken.reason())),
        Ok(body) => {
            let form = Form::of(&request, header::CONTENT_TYPE);
            let encoding = packed_as(&request);
            let _turn = app.exchange_turns.acquire().await.map_err(ApiError::internal)?;
            let app = app.get_ref().clone();
            blocking(move || {
                let most = if form == Form::Json { MAX_JSON_BYTES } else { most };
                let bytes = unpack(encoding, &body, most);
                answer(&app, &sender, form, bytes)
            })
            .await?
        }
    };
    respond(&request, dev, &reply)
}

/// Who speaks with a token that opens nothing any more: a device that was taken out, or a stranger.
pub(super) async fn ended(
    app: &web::Data<App>,
    request: &HttpRequest,
    refused: ApiError,
) -> Result<Result<Sender, Refusal>, ApiError> {
    let found = match token(request) {
        Some(token) => app.read(move |tx| find_ended(tx, &token)).await?,
        None => None,
    };
    let Some(found) = found else {
        return Ok(Err(Refusal::new(RefusalCode::Unauthorized, &refused.problem().code)));
    };
    if rate_limit::admit(request, app).is_err() {
        let retry_after_ms = Some(60_000);
        return Ok(Err(Refusal {
            retry_after_ms,
            ..Refusal::new(RefusalCode::TooMany, "too_many_requests")
        }));
    }
    Ok(Ok(Sender::Ended(found)))
}

fn answer(app: &App, sender: &Sender, form: Form, bytes: Result<Vec<u8>, Unpack>) -> Result<Reply, ApiError> {
    let refused = |code, reason| Ok(Reply::Refused(Refusal::new(code, reason)));
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(Unpack::TooLarge) => return refused(RefusalCode::TooLarge, "body_too_large"),
        Err(Unpack::Encoding) => return refused(RefusalCode::Malformed, "unknown_content_encoding"),
        Err(Unpack::Broken) => return refused(RefusalCode::Malformed, "body_cannot_be_unpacked"),
    };
    if form == Form::Cbor && codec::count_items(&bytes) > MAX_ITEMS {
        return refused(RefusalCode::TooLarge, "too_many_items");
    }
    match form.read::<Request>(&bytes) {
        Ok(request) => exchange::exchange(app, sender, &request),
        Err(_) => refused(RefusalCode::Malformed, "not_a_request"),
    }
}

/// Why a body cannot be unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unpack {
    TooLarge,
    Encoding,
    Broken,
}

/// How the body of a request is packed; none where nobody knows the name.
fn packed_as(request: &HttpRequest) -> Option<ContentEncoding> {
    encoding(text(request, header::CONTENT_ENCODING))
}

/// The encoding of a name.
pub(crate) fn encoding(name: Option<&str>) -> Option<ContentEncoding> {
    match name {
        None | Some("") => Some(ContentEncoding::Identity),
        Some(name) => name.parse().ok(),
    }
}

/// Unpacks a body to at most so many bytes.
pub(crate) fn unpack(encoding: Option<ContentEncoding>, body: &[u8], most: u64) -> Result<Vec<u8>, Unpack> {
    let reader: Box<dyn Read + '_> = match encoding {
        Some(ContentEncoding::Identity) => Box::new(body),
        Some(ContentEncoding::Zstd) => {
            let mut reader = zstd::stream::read::Decoder::new(body).map_err(|_| Unpack::Broken)?;
            reader.window_log_max(MAX_ZSTD_WINDOW).map_err(|_| Unpack::Broken)?;
            Box::new(reader)
        }
        Some(ContentEncoding::Gzip) => Box::new(GzDecoder::new(body)),
        _ => return Err(Unpack::Encoding),
    };
    let mut bytes = Vec::new();
    reader.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(|_| Unpack::Broken)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > most { Err(Unpack::TooLarge) } else { Ok(bytes) }
}

/// How the answer is packed: what the device likes best of what is known here, and not at all where it says nothing.
fn wanted(request: &HttpRequest) -> Encoding {
    let known = [Encoding::zstd(), Encoding::gzip(), Encoding::identity()];
    let accepted = AcceptEncoding::parse(request).ok();
    accepted.and_then(|it| it.negotiate(known.iter())).unwrap_or_else(Encoding::identity)
}

fn respond(request: &HttpRequest, dev: Option<DeviceId>, reply: &Reply) -> Result<HttpResponse, ApiError> {
    let refused = match reply {
        Reply::Done(_) => None,
        Reply::Refused(refusal) => Some((refusal.code, refusal.reason.as_str())),
    };
    respond_with(request, dev, refused, reply)
}

/// Tells the operator what no honest device sends, once for each request; `dev` is the device of the session.
fn tell(dev: Option<DeviceId>, code: RefusalCode, reason: &str) {
    use RefusalCode::{BadHash, Fork, Invalid, Malformed, PrevMismatch, TooLarge, Unauthorized};
    let is_odd = match code {
        Malformed | Invalid | Fork | PrevMismatch | TooLarge | BadHash => true,
        Unauthorized => reason == FOREIGN_DEVICE,
        _ => false,
    };
    if is_odd {
        let dev = dev.map(tracing::field::display);
        tracing::warn!(dev, status = code.status(), reason, "a request of sync is refused");
    }
}

/// Answers with a message, packed as the device likes it best; its status says what was refused, if anything.
pub(super) fn respond_with(
    request: &HttpRequest,
    dev: Option<DeviceId>,
    refused: Option<(RefusalCode, &str)>,
    message: &impl Serialize,
) -> Result<HttpResponse, ApiError> {
    if let Some((code, reason)) = refused {
        tell(dev, code, reason);
    }
    let form = Form::of(request, header::ACCEPT);
    let bytes = form.write(message).map_err(ApiError::internal)?;
    let status = refused
        .map_or(Ok(StatusCode::OK), |it| StatusCode::from_u16(it.0.status()))
        .map_err(ApiError::internal)?;
    let mut response = HttpResponse::build(status);
    response.content_type(form.media_type()).insert_header((header::CACHE_CONTROL, "no-store"));
    if bytes.len() < WORTH_PACKING {
        return Ok(response.body(bytes));
    }
    let wanted = wanted(request);
    if wanted == Encoding::zstd() {
        let packed = zstd::bulk::compress(&bytes, exchange::ZSTD_LEVEL).map_err(ApiError::internal)?;
        response.insert_header((header::CONTENT_ENCODING, "zstd"));
        return Ok(response.body(packed));
    }
    if wanted == Encoding::gzip() {
        let mut packed = Vec::new();
        GzEncoder::new(bytes.as_slice(), Compression::fast())
            .read_to_end(&mut packed)
            .map_err(ApiError::internal)?;
        response.insert_header((header::CONTENT_ENCODING, "gzip"));
        return Ok(response.body(packed));
    }
    Ok(response.body(bytes))
}

pub(super) fn text(request: &HttpRequest, name: header::HeaderName) -> Option<&str> {
    request.headers().get(name).and_then(|it| it.to_str().ok())
}
