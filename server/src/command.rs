//! Everything that changes something: who asks, with which body, under which idempotency key, and the one transaction
//! that carries it out, keeps the audit log and remembers the reply.

use crate::{
    app::{App, blocking},
    error::ApiError,
    http::body::{FromJson, read_body, read_json},
    office::Office,
    principal::Principal,
};
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload, http::StatusCode, web};
use db::{Tx, idempotency};
use serde::Serialize;
use std::{future::Future, pin::Pin};
use sync_core::Hash;
use validator::Validate;

/// Longest idempotency key.
const MAX_KEY_CHARS: usize = 200;

/// A request to change something.
#[derive(Debug)]
pub(crate) struct Command<B> {
    pub(crate) principal: Principal,
    pub(crate) body: B,
    key: Option<String>,
    request_hash: Hash,
}

/// The body of a command that has none: nothing, or `{}`.
#[derive(Debug, Clone, Copy, Default, serde::Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

impl<B> Command<B> {
    /// The same request with another body: what a handler made of the one that came, such as a hashed password.
    pub(crate) fn with<C>(self, make: impl FnOnce(B) -> C) -> Command<C> {
        let Self { principal, body, key, request_hash } = self;
        Command { principal, body: make(body), key, request_hash }
    }
}

impl Command<web::Bytes> {
    /// A request whose body is no JSON, and was read under bounds of its own.
    ///
    /// # Errors
    /// `idempotency_key_malformed` (422).
    pub(crate) fn of_bytes(
        request: &HttpRequest,
        principal: Principal,
        body: web::Bytes,
    ) -> Result<Self, ApiError> {
        let line = format!("{} {}\n", request.method(), request.uri());
        let request_hash = Hash::of(&[line.as_bytes(), &body].concat());
        Ok(Self { principal, body, key: idempotency_key(request)?, request_hash })
    }
}

impl<B: FromJson + 'static> FromRequest for Command<B> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let principal = Principal::from_request(request, &mut Payload::None);
        let bytes = read_body(request, payload);
        let key = idempotency_key(request);
        let line = format!("{} {}\n", request.method(), request.uri());
        Box::pin(async move {
            let principal = principal.await?;
            let key = key?;
            let bytes = bytes.await?;
            let body = if bytes.is_empty() { read_json(b"{}")? } else { read_json(&bytes)? };
            let request_hash = Hash::of(&[line.as_bytes(), &bytes].concat());
            Ok(Self { principal, body, key, request_hash })
        })
    }
}

fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, ApiError> {
    let Some(value) = request.headers().get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().unwrap_or_default().trim();
    if key.is_empty() || key.len() > MAX_KEY_CHARS {
        return Err(ApiError::field(
            "",
            "idempotency_key_malformed",
            format!("«Idempotency-Key» debe tener de 1 a {MAX_KEY_CHARS} caracteres visibles."),
            format!("'Idempotency-Key' must have 1 to {MAX_KEY_CHARS} visible characters"),
        ));
    }
    Ok(Some(key.to_owned()))
}

/// A reply as it is sent and remembered.
#[derive(Debug)]
struct Reply {
    status: u16,
    body: Vec<u8>,
    is_repeat: bool,
}

impl Reply {
    fn new(status: StatusCode, value: &impl Serialize) -> Result<Self, ApiError> {
        let body = if status == StatusCode::NO_CONTENT {
            Vec::new()
        } else {
            serde_json::to_vec(value).map_err(ApiError::internal)?
        };
        Ok(Self { status: status.as_u16(), body, is_repeat: false })
    }

    fn into_response(self) -> Result<HttpResponse, ApiError> {
        let status = StatusCode::from_u16(self.status).map_err(ApiError::internal)?;
        let mut response = HttpResponse::build(status);
        if self.is_repeat {
            response.insert_header(("Idempotency-Replayed", "true"));
        }
        if self.body.is_empty() {
            return Ok(response.finish());
        }
        Ok(response.content_type("application/json").body(self.body))
    }
}

/// Carries out a use case in one transaction: answers a repeated request with its first reply, else runs the use
/// case, writes what it reports to the audit log and remembers the reply.
///
/// The use case may be run again where the database asks for it, so it must not act outside its transaction.
///
/// # Errors
/// `idempotency_key_reused` (422) for a known key with another request; those of the use case, after which nothing is
/// stored.
pub(crate) async fn execute<B, T, F>(
    app: &App,
    command: Command<B>,
    status: StatusCode,
    mut use_case: F,
) -> Result<HttpResponse, ApiError>
where
    B: Send + 'static,
    T: Serialize,
    F: FnMut(&mut Tx<'_>, &mut Office, &B) -> Result<T, ApiError> + Send + 'static,
{
    let app = app.clone();
    let reply = blocking(move || {
        let db = app.db.clone();
        let Command { principal, body, key, request_hash } = command;
        let seen = Seen { principal, key, request_hash };
        db.write(move |tx| {
            if let Some(reply) = seen.find(tx)? {
                return Ok(reply);
            }
            let mut office = Office::of_principal(&app, seen.principal.clone());
            let value = use_case(tx, &mut office, &body)?;
            let reply = Reply::new(status, &value)?;
            seen.remember(tx, &office, &reply)?;
            office.close(tx)?;
            Ok::<Reply, ApiError>(reply)
        })
    })
    .await?;
    reply.into_response()
}

/// The idempotency key of a request and what is remembered under it.
#[derive(Debug)]
struct Seen {
    principal: Principal,
    key: Option<String>,
    request_hash: Hash,
}

/// The status under which a reply with a secret is remembered: it is not kept.
const SECRET: u32 = 0;

impl Seen {
    fn find(&self, tx: &mut Tx<'_>) -> Result<Option<Reply>, ApiError> {
        let Some(key) = &self.key else { return Ok(None) };
        // The same request may come twice at once: the second waits here until the first is stored.
        tx.lock(self.principal.org, &format!("idempotency {} {key}", self.principal.user))?;
        let Some(found) = idempotency::find(tx, self.principal.org, self.principal.user, key)? else {
            return Ok(None);
        };
        if found.request_hash != self.request_hash {
            return Err(ApiError::field(
                "",
                "idempotency_key_reused",
                "Esa «Idempotency-Key» ya se usó con otra solicitud; use una nueva.",
                "that 'Idempotency-Key' was used with another request; take a new one",
            ));
        }
        if found.status == SECRET {
            return Err(ApiError::conflict(
                "reply_was_secret",
                "La solicitud ya se cumplió y su respuesta llevaba un secreto que no se guarda; pida uno nuevo.",
                "the request was carried out and its reply held a secret that is not kept; ask for a new one",
            ));
        }
        let status = u16::try_from(found.status).map_err(ApiError::internal)?;
        Ok(Some(Reply { status, body: found.body, is_repeat: true }))
    }

    fn remember(&self, tx: &mut Tx<'_>, office: &Office, reply: &Reply) -> Result<(), ApiError> {
        let Some(key) = &self.key else { return Ok(()) };
        let (status, body) = if office.has_secret_reply() {
            (SECRET, Vec::new())
        } else {
            (u32::from(reply.status), reply.body.clone())
        };
        let kept = idempotency::StoredAnswer {
            user_id: self.principal.user,
            key: key.clone(),
            request_hash: self.request_hash,
            status,
            body,
            created_at: office.now(),
        };
        Ok(idempotency::append(tx, self.principal.org, &kept)?)
    }
}

/// Reads in one transaction for somebody; the job checks the rights.
///
/// # Errors
/// Those of the job.
pub(crate) async fn read<T, F>(
    app: &web::Data<App>,
    principal: Principal,
    job: F,
) -> Result<web::Json<T>, ApiError>
where
    T: Send + 'static,
    F: FnOnce(&mut Tx<'_>, &Principal) -> Result<T, ApiError> + Send + 'static,
{
    app.read(move |tx| job(tx, &principal)).await.map(web::Json)
}
