//! The HTTP edge: one file per resource; translate, call, translate. Here is what all have in common: the routes put
//! together, headers, limits, and answers to addresses that do not exist.

pub(crate) mod appeals;
pub(crate) mod assessments;
pub(crate) mod assignments;
pub(crate) mod audit_log;
pub(crate) mod blobs;
pub(crate) mod body;
pub(crate) mod branches;
pub(crate) mod content;
pub(crate) mod devices;
pub(crate) mod evidence;
pub(crate) mod exchange;
mod expected;
pub(crate) mod health;
pub(crate) mod imports;
pub(crate) mod incidents;
pub(crate) mod incoming;
pub(crate) mod kpis;
pub mod openapi;
pub(crate) mod organization;
pub(crate) mod page;
pub(crate) mod payouts;
pub(crate) mod phone;
pub(crate) mod programmes;
pub(crate) mod quarantine;
pub(crate) mod redaction;
pub(crate) mod regions;
pub(crate) mod review;
pub(crate) mod rows;
pub(crate) mod scorecards;
pub(crate) mod second_factor;
pub(crate) mod sessions;
mod shape;
pub(crate) mod staff;
pub(crate) mod users;
pub(crate) mod visits;

use crate::{app::App, error::ApiError};
use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header::HeaderValue},
    middleware::{DefaultHeaders, Next},
    web,
};
use domain::problem::pointer;
use tracing_actix_web::RequestId;
use utoipa_actix_web::{scope::scope, service_config::ServiceConfig};

/// Everything that the office serves, as one list; the OpenAPI document is made of the same list.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.configure(health::routes);
    config.service(scope("/api/v1").configure(api));
}

/// The resources of `/api/v1`.
fn api(config: &mut ServiceConfig<'_>) {
    config
        .configure(sessions::routes)
        .configure(second_factor::routes)
        .configure(organization::routes)
        .configure(users::routes)
        .configure(devices::routes)
        .configure(appeals::routes)
        .configure(audit_log::routes)
        .configure(evidence::routes)
        .configure(imports::routes)
        .configure(incidents::routes)
        .configure(assessments::routes)
        .configure(kpis::routes)
        .configure(payouts::routes)
        .configure(quarantine::routes)
        .configure(redaction::routes)
        .configure(review::routes)
        .configure(scorecards::routes)
        .configure(visits::routes);
    config.configure(regions::routes).configure(branches::routes).configure(staff::routes);
    config.configure(content::routes).configure(programmes::routes).configure(assignments::routes);
}

/// What every request needs: the application, limits, and problems instead of the framework's own errors.
pub(crate) fn settings(app: &App, config: &mut web::ServiceConfig) {
    config
        .app_data(web::Data::new(app.clone()))
        .app_data(web::PayloadConfig::new(body::MAX_BODY_BYTES))
        .app_data(web::PathConfig::default().error_handler(|_, request| not_an_id(request).into()))
        .configure(exchange::routes)
        .configure(blobs::routes)
        .configure(crate::console::routes)
        .configure(phone::routes)
        .route("/api/openapi.json", web::get().to(openapi::show))
        .default_service(web::to(unknown_address));
}

/// Headers that every answer carries unless it sets its own.
pub(crate) fn security_headers(is_tls: bool) -> DefaultHeaders {
    let headers = DefaultHeaders::new()
        .add(("X-Content-Type-Options", "nosniff"))
        .add(("X-Frame-Options", "DENY"))
        .add(("Referrer-Policy", "no-referrer"))
        .add(("Cross-Origin-Opener-Policy", "same-origin"))
        .add(("Cross-Origin-Resource-Policy", "same-origin"))
        .add(("Cache-Control", "no-store"))
        .add((
            "Content-Security-Policy",
            "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
        ));
    if is_tls { headers.add(("Strict-Transport-Security", "max-age=31536000")) } else { headers }
}

/// Sends the request's id back, so that a person can report it and the log can be searched for it.
pub(crate) async fn request_id(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let id = request.request().extract_request_id();
    let mut response = next.call(request).await?;
    if let Some(value) = id.and_then(|it| HeaderValue::from_str(&it).ok()) {
        let name = actix_web::http::header::HeaderName::from_static("x-request-id");
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

trait WithRequestId {
    fn extract_request_id(&self) -> Option<String>;
}

impl WithRequestId for HttpRequest {
    fn extract_request_id(&self) -> Option<String> {
        use actix_web::HttpMessage as _;
        self.extensions().get::<RequestId>().map(ToString::to_string)
    }
}

fn no_such_address() -> ApiError {
    ApiError::not_found("esa dirección", "this address")
}

/// Every step of an address that is read into a type is an id: the first that is no UUID is at fault.
fn not_an_id(request: &HttpRequest) -> ApiError {
    let path = request.match_info();
    let Some((name, _)) = path.iter().find(|it| uuid::Uuid::try_parse(it.1).is_err()) else {
        return no_such_address();
    };
    ApiError::field(
        &pointer("", name),
        "wrong_shape",
        format!("«{name}» debe ser un identificador UUID."),
        format!("'{name}' must be an identifier, a UUID"),
    )
}

/// Says 405 where the address exists for another method, else 404.
async fn unknown_address(request: HttpRequest) -> HttpResponse {
    if let Some(page) = crate::console::missing(&request) {
        return page;
    }
    let allowed = openapi::methods_of(request.path());
    if allowed.is_empty() || allowed.contains(&request.method().as_str().to_owned()) {
        return no_such_address().error_response();
    }
    let allowed = allowed.join(", ");
    let mut response = if request.method() == Method::OPTIONS {
        HttpResponse::NoContent().finish()
    } else {
        ApiError::wrong_method(&allowed).error_response()
    };
    if let Ok(value) = HeaderValue::from_str(&allowed) {
        response.headers_mut().insert(actix_web::http::header::ALLOW, value);
    }
    response
}
