//! Starts the office on a port, with or without TLS, and stops it without cutting off what is under way.

use crate::{
    app::{App, blocking},
    config::Config,
    error::ApiError,
    http,
};
use actix_web::{
    HttpServer,
    dev::{Server, ServerHandle, ServiceFactory, ServiceRequest},
    middleware::{Compress, NormalizePath, TrailingSlash, from_fn},
};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};
use tokio::signal::unix::{SignalKind, signal};
use tracing_actix_web::TracingLogger;
use utoipa_actix_web::AppExt as _;

/// Serves until `stop` ends, then lets the requests under way finish.
///
/// # Errors
/// Where the address cannot be had or the certificate cannot be read.
pub async fn serve(app: App, stop: impl Future<Output = ()>) -> Result<(), ApiError> {
    until(start(app)?, stop).await
}

/// How often what is no longer needed is thrown away.
const TIDY_EVERY: Duration = Duration::from_secs(3_600);

/// Tidies now and every hour, and tells once a day where the streams end; a failure is told in the log and tried again the
/// next time.
async fn keep_tidy(app: App) {
    let mut every = tokio::time::interval(TIDY_EVERY);
    let mut told = None;
    loop {
        every.tick().await;
        let inside = app.clone();
        match blocking(move || inside.tell_heads(told)).await {
            Ok(day) => told = day,
            Err(error) => tracing::warn!(%error, "the ends of the streams could not be told"),
        }
        let app = app.clone();
        if let Err(error) = blocking(move || app.tidy()).await {
            tracing::warn!(%error, "tidying failed");
        }
    }
}

/// How often it is looked for photos that nobody looked at, where nothing told of one.
const PHOTOS_EVERY: Duration = Duration::from_secs(60);

/// Reads photos as they come; a failure is told in the log and tried again later.
async fn keep_reading(app: App) {
    loop {
        let inside = app.clone();
        match blocking(move || inside.read_photos()).await {
            Ok(0) => drop(tokio::time::timeout(PHOTOS_EVERY, app.photos.notified()).await),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "reading photos failed");
                tokio::time::sleep(PHOTOS_EVERY).await;
            }
        }
    }
}

async fn until(running: Running, stop: impl Future<Output = ()>) -> Result<(), ApiError> {
    tracing::info!(addresses = ?running.addresses, "the office is open");
    let handle = running.handle.clone();
    let server = running.server;
    let (tidy, photos) = (keep_tidy(running.app.clone()), keep_reading(running.app));
    tokio::pin!(server, stop, tidy, photos);
    tokio::select! {
        ended = &mut server => return ended.map_err(ApiError::internal),
        () = &mut tidy => {}
        () = &mut photos => {}
        () = &mut stop => {}
    }
    tracing::info!("the office closes; requests under way are finished first");
    let (ended, ()) = tokio::join!(server, handle.stop(true));
    ended.map_err(ApiError::internal)
}

/// Serves on this thread until SIGINT or SIGTERM; `opened` is told where, once.
///
/// # Errors
/// As [`serve`].
pub fn run(app: App, opened: impl FnOnce(&[SocketAddr])) -> Result<(), ApiError> {
    actix_web::rt::System::new().block_on(async move {
        let mut ended = signal(SignalKind::terminate()).map_err(ApiError::internal)?;
        let running = start(app)?;
        opened(&running.addresses);
        let stop = async move {
            tokio::select! {
                _ = ended.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        };
        until(running, stop).await
    })
}

/// An office that listens; it serves while `server` is polled.
pub struct Running {
    /// Where it listens.
    pub addresses: Vec<SocketAddr>,
    /// Stops it.
    pub handle: ServerHandle,
    /// The server itself, a future.
    pub server: Server,
    app: App,
}

/// Listens at the configured address.
///
/// # Errors
/// As [`serve`].
pub fn start(app: App) -> Result<Running, ApiError> {
    let config = Arc::clone(&app.config);
    let is_tls = config.is_tls();
    let served = app.clone();
    let server = HttpServer::new(move || application(&served));
    let server = match config.workers {
        Some(workers) => server.workers(workers.max(1)),
        None => server,
    };
    let server = server.disable_signals().shutdown_timeout(config.shutdown_seconds);
    let server = if is_tls {
        server.bind_rustls_0_23(&config.listen, tls(&config)?)
    } else {
        server.bind(&config.listen)
    };
    let server =
        server.map_err(|error| ApiError::internal(format!("cannot listen at {}: {error}", config.listen)))?;
    let addresses = server.addrs();
    let server = server.run();
    Ok(Running { addresses, handle: server.handle(), server, app })
}

/// The whole application, as a server or a test runs it.
pub fn application(
    app: &App,
) -> actix_web::App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = actix_web::dev::ServiceResponse<impl actix_web::body::MessageBody + use<>>,
        Error = actix_web::Error,
        InitError = (),
    > + use<>,
> {
    let (service, _) = actix_web::App::new().into_utoipa_app().configure(http::routes).split_for_parts();
    service
        .configure(|config| http::settings(app, config))
        .wrap(Compress::default())
        .wrap(http::security_headers(app.config.is_tls()))
        .wrap(NormalizePath::new(TrailingSlash::MergeOnly))
        .wrap(from_fn(http::request_id))
        .wrap(TracingLogger::default())
}

fn tls(config: &Config) -> Result<ServerConfig, ApiError> {
    let (Some(cert), Some(key)) = (&config.tls_cert, &config.tls_key) else {
        return Err(ApiError::internal("both tls_cert and tls_key are needed"));
    };
    let unreadable = |path: &Path, error: String| {
        ApiError::internal(format!("cannot read the PEM file {}: {error}", path.display()))
    };
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(|it| it.collect::<Result<Vec<_>, _>>())
        .map_err(|error| unreadable(cert, error.to_string()))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, error.to_string()))?;
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(ApiError::internal)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| ApiError::internal(format!("the certificate and its key do not fit: {error}")))
}
