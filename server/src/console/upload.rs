//! A form that brings a file: read whole within its bound, then part by part. What a file is says the use case by its bytes, never the
//! name or the type that a browser gives it.

use super::{
    form::{Typed, not_understood},
    shell::session_token,
};
use crate::{error::ApiError, http::incoming};
use actix_multipart::Multipart;
use actix_web::{
    HttpRequest,
    error::PayloadError,
    web::{Bytes, Payload},
};
use futures_core::Stream;
use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

/// What fields and the marks between the parts may take beside the file, in bytes.
const BESIDE: usize = 64 * 1024;
/// Most parts of a form.
const MOST_PARTS: usize = 50;

/// A form with its file.
pub(super) struct Upload {
    pub(super) typed: Typed,
    /// The bytes of the file; empty where none was chosen.
    pub(super) file: Vec<u8>,
    /// What the browser calls it.
    pub(super) name: String,
}

/// Reads a form of this session whose file has at most `most` bytes and comes in the field `file`.
///
/// # Errors
/// `too_large` as it is given, `malformed` (400), `form_of_another_session` (409).
pub(super) async fn read(
    request: &HttpRequest,
    payload: Payload,
    most: usize,
    too_large: fn() -> ApiError,
) -> Result<Upload, ApiError> {
    let body = incoming::read(payload.into_inner(), most.saturating_add(BESIDE));
    let body = body.await.map_err(|broken| match broken {
        incoming::Broken::TooLarge => too_large(),
        incoming::Broken::Off | incoming::Broken::TooSlow => not_understood(),
    })?;
    let mut parts = Multipart::new(request.headers(), Once(Some(body)));
    let (mut fields, mut file, mut file_name) = (Vec::new(), Vec::new(), String::new());
    for _ in 0..MOST_PARTS {
        let Some(part) = poll_fn(|context| Pin::new(&mut parts).poll_next(context)).await else {
            let typed = Typed::of_parts(fields);
            let token = session_token(request).ok_or_else(super::session::none)?;
            super::form::refuse_stale(&typed, &token)?;
            return Ok(Upload { typed, file, name: file_name });
        };
        let mut part = part.map_err(|_| not_understood())?;
        let name = part.name().unwrap_or_default().to_owned();
        let limit = if name == "file" { most } else { BESIDE };
        let bytes = part.bytes(limit).await.map_err(|_| too_large())?.map_err(|_| not_understood())?;
        if name == "file" {
            file = bytes.to_vec();
            let told = part.content_disposition().and_then(|it| it.get_filename());
            told.unwrap_or_default().clone_into(&mut file_name);
        } else {
            fields.push((name, String::from_utf8(bytes.to_vec()).map_err(|_| not_understood())?));
        }
    }
    Err(not_understood())
}

/// A body that is here already, as the stream that the parts are read from.
struct Once(Option<Bytes>);

impl Stream for Once {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.take().map(Ok))
    }
}
