//! `/app/`: the phone's pages. Owns what a browser is told with them: how long they stay, in which form they travel, and what they
//! may do.

use crate::{
    app::App,
    error::ApiError,
    phone::{File, INDEX, PACKED},
};
use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{
        Method, StatusCode,
        header::{self, HeaderValue},
    },
    web,
};

/// What the pages and their worker may load and do.
const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; \
     connect-src 'self'; worker-src 'self'; manifest-src 'self'; media-src 'self' blob:; object-src 'none'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'";
/// What of the phone they may use.
const PERMISSIONS: &str = "camera=(self), geolocation=(self), microphone=(self)";
/// For names that change with their content.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// Names of the worker that stays between pages.
const WORKERS: [&str; 2] = ["sw.js", "service-worker.js"];

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config.route("/app", web::to(redirect)).route("/app/{name:.*}", web::to(show));
}

/// Addresses of the pages are relative to `/app/`.
async fn redirect(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    only_reading(&request)?;
    Ok(HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/app/")).finish())
}

async fn show(
    request: HttpRequest,
    app: web::Data<App>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    only_reading(&request)?;
    if app.phone.files.is_empty() {
        return Err(no_phone());
    }
    let name = if name.is_empty() { INDEX } else { name.as_str() };
    let file = app.phone.files.get(name);
    Ok(answer(&request, name, file.ok_or_else(|| ApiError::not_found("ese archivo", "this file"))?))
}

fn only_reading(request: &HttpRequest) -> Result<(), ApiError> {
    let is_reading = [Method::GET, Method::HEAD].contains(request.method());
    if is_reading { Ok(()) } else { Err(ApiError::wrong_method("GET, HEAD")) }
}

fn no_phone() -> ApiError {
    domain::Problem::single(
        404,
        "no_phone",
        "Esta oficina no sirve la aplicación del teléfono: hágala con «cargo xtask phone» e inicie con --phone phone/dist, o ponga esa carpeta, con el nombre «phone», junto al programa veedor.",
        "this office serves no phone app: build it with `cargo xtask phone` and start with --phone phone/dist, or put that folder beside the veedor program under the name `phone`",
    )
    .into()
}

fn answer(request: &HttpRequest, name: &str, file: &File) -> HttpResponse {
    let accepted = |it: &str| accepts(request, it);
    let best =
        PACKED.iter().find_map(|(it, _)| Some((*it, file.packed.get(it)?)).filter(|it| accepted(it.0)));
    let (encoding, form) = best.unwrap_or(("identity", &file.whole));
    let is_known = request.headers().get_all(header::IF_NONE_MATCH).any(|it| names(it, &form.tag));
    let mut response = HttpResponse::build(if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
    common_headers(&mut response, name, file.is_forever);
    response.insert_header((header::ETAG, form.tag.clone()));
    if !file.packed.is_empty() {
        response.insert_header((header::VARY, "Accept-Encoding"));
    }
    if is_known {
        return response.finish();
    }
    // Said also of what is not packed, so that nothing on the way packs it: the tag is of these bytes.
    response.insert_header((header::CONTENT_ENCODING, encoding));
    response.content_type(file.media_type).body(form.bytes.clone())
}

fn common_headers(response: &mut HttpResponseBuilder, name: &str, is_forever: bool) {
    response
        .insert_header((header::CACHE_CONTROL, if is_forever { FOREVER } else { "no-cache" }))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header(("Permissions-Policy", PERMISSIONS));
    if WORKERS.contains(&name) {
        response.insert_header(("Service-Worker-Allowed", "/app/"));
    }
}

/// Whether a request takes an encoding; one that is not named is not taken.
fn accepts(request: &HttpRequest, encoding: &str) -> bool {
    let lines = request.headers().get_all(header::ACCEPT_ENCODING).filter_map(|it| it.to_str().ok());
    let mut items = lines.flat_map(|it| it.split(','));
    items.any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let is_it = parts.next().is_some_and(|it| it.eq_ignore_ascii_case(encoding));
        let refused = |it: &str| {
            let weight = it.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
            weight.is_some_and(|(_, q)| q.trim().chars().all(|it| it == '0' || it == '.'))
        };
        is_it && !parts.any(refused)
    })
}

/// Whether a list of tags has this one. Whoever asks compares weakly.
fn names(value: &HeaderValue, tag: &str) -> bool {
    let known = value.to_str().unwrap_or_default().split(',').map(str::trim);
    known.map(|it| it.trim_start_matches("W/")).any(|it| it == "*" || it == tag)
}
