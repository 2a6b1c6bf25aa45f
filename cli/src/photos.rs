//! Photos of a phone in the terminal: which pictures it takes, how much room there is, and the way to the server with its
//! progress. Owns the reading of positions; a photo's bytes and its lane are the device's.

use crate::{
    client::{Client, PROMPT, Traffic},
    devices,
    import::run::now_ms,
};
use device::{AuditDetail, BlobTransport, Device, TransportError, Upload};
use domain::Problem;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use server::environment::Environment;
use std::{
    fs::File,
    io::{self, IsTerminal as _, Read as _, Seek as _},
    path::Path,
    thread,
    time::Duration,
};
use sync_core::{
    Hash, OpId,
    blob::part_path,
    lane::{Finish, Pause, Summary},
    payload::BlobRef,
};

/// Longest wait before photos are tried again by a program that somebody waits for.
const LONGEST_WAIT_MS: u64 = 10_000;
/// What takes longer shows how far it is.
const SILENT_MS: u64 = 1_000;

// ---- the file ----

/// What kind of picture begins so.
fn mime_of(head: &[u8]) -> Option<&'static str> {
    let brand = head.get(8..12).unwrap_or_default();
    let is_media = head.get(4..8) == Some(b"ftyp".as_slice());
    if head.starts_with(&[0xFF, 0xD8, 0xFF]) {
        Some("image/jpeg")
    } else if head.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else if head.starts_with(b"RIFF") && brand == b"WEBP" {
        Some("image/webp")
    } else if is_media && brand == b"avif" {
        Some("image/avif")
    } else if is_media && [b"heic", b"heix", b"hevc", b"mif1", b"msf1"].iter().any(|it| *it == brand) {
        Some("image/heic")
    } else {
        None
    }
}

/// A file as a photo: open at its beginning, with its media type.
///
/// # Errors
/// `unreadable_input`; `not_a_photo` for anything but a picture.
pub(crate) fn open(path: &Path) -> Result<(File, &'static str), Problem> {
    let unreadable = |error: io::Error| {
        Problem::single(
            400,
            "unreadable_input",
            format!("No se puede leer {}: {error}", path.display()),
            format!("Cannot read {}: {error}", path.display()),
        )
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut head = Vec::new();
    (&mut file).take(16).read_to_end(&mut head).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    let mime = mime_of(&head).ok_or_else(|| {
        Problem::single(
            422,
            "not_a_photo",
            format!("{} no es una foto (JPEG, PNG, WebP, HEIC o AVIF)", path.display()),
            format!("{} is not a photo (JPEG, PNG, WebP, HEIC or AVIF)", path.display()),
        )
    })?;
    Ok((file, mime))
}

/// Tells the device how much room there is where its folder lies; where the system does not say, nothing is told.
pub(crate) fn tell_free_space(device: &mut Device, folder: &Path) {
    #[cfg(unix)]
    if let Ok(disk) = rustix::fs::statvfs(folder) {
        device.tell_free_space(disk.f_bavail.saturating_mul(disk.f_frsize));
    }
    #[cfg(not(unix))]
    let _ = (device, folder);
}

/// The attachment of a photo in a field.
///
/// # Errors
/// `unknown_attachment`.
pub(crate) fn attachment(visit: &AuditDetail, field: &str, photo: &Hash) -> Result<OpId, Problem> {
    let found = visit.attachments.get(field).and_then(|list| list.iter().find(|it| it.value.blob == *photo));
    found.map(|it| it.id).ok_or_else(|| {
        Problem::single(
            404,
            "unknown_attachment",
            format!("{field} no tiene la foto {photo}"),
            format!("{field} does not have the photo {photo}"),
        )
    })
}

// ---- the position ----

/// A decimal as a whole number of its last place, read from its digits: `places` of them after the point, more are cut.
fn scaled(text: &str, places: usize) -> Option<i64> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) || whole.len() > 9 {
        return None;
    }
    let fraction: String = fraction.chars().chain("0".repeat(places).chars()).take(places).collect();
    let value: i64 = format!("{whole}{fraction}").parse().ok()?;
    Some(if is_negative { -value } else { value })
}

fn degrees(text: &str, most: i64) -> Result<i64, String> {
    scaled(text, 7).filter(|it| it.abs() <= most * 10_000_000).ok_or_else(|| format!("-{most} ... {most}"))
}

/// Latitude in 1e-7 degrees.
pub(crate) fn latitude(text: &str) -> Result<i64, String> {
    degrees(text, 90)
}

/// Longitude in 1e-7 degrees.
pub(crate) fn longitude(text: &str) -> Result<i64, String> {
    degrees(text, 180)
}

/// Metres in millimetres.
pub(crate) fn accuracy(text: &str) -> Result<u64, String> {
    scaled(text, 3).and_then(|it| u64::try_from(it).ok()).ok_or_else(|| "0 ... 999999999".to_owned())
}

// ---- the way to the server ----

/// What became of photos in a synchronisation.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Sent {
    /// Sent and stored.
    stored: u64,
    /// There already.
    had: u64,
    /// Bytes sent.
    bytes: u64,
    /// Found lost on the device.
    lost: u64,
    /// Refused by the server for good.
    refused: u64,
    /// Left for the next time.
    left: u64,
    /// Why photos rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<Rest>,
}

/// Why photos rest.
#[derive(Debug, Serialize)]
struct Rest {
    code: &'static str,
    message_es: &'static str,
    message_en: &'static str,
    retry_after_ms: u64,
}

impl Sent {
    /// Whether the server has to hear of it in an exchange: what waits here, and what was lost or turned up.
    pub(crate) fn has_news(&self) -> bool {
        self.stored + self.had + self.lost > 0
    }

    fn add(&mut self, run: &Summary) {
        self.stored += run.stored;
        self.had += run.had;
        self.bytes += run.bytes;
        (self.lost, self.refused, self.left) = (run.lost, run.refused, run.left);
    }
}

/// HTTP under the lane.
struct Http<'a> {
    client: &'a Client,
    traffic: &'a mut Traffic,
}

impl BlobTransport for Http<'_> {
    fn query(&mut self, request: &[u8]) -> Result<Vec<u8>, TransportError> {
        self.client.query_blobs(request, self.traffic).map_err(|it| TransportError(it.to_string()))
    }

    fn part(
        &mut self,
        blob: &BlobRef,
        offset: u64,
        hash: &Hash,
        bytes: &[u8],
    ) -> Result<Vec<u8>, TransportError> {
        let path = part_path(blob, offset);
        self.client.send_part(&path, hash, bytes, self.traffic).map_err(|it| TransportError(it.to_string()))
    }
}

/// Sends photos until none is left; waits and tries again while that moves something.
///
/// # Errors
/// What stopped it, as a problem for people. Everything stays in the device's folder.
pub(crate) fn send_until_done(
    device: &mut Device,
    client: &Client,
    environment: &Environment,
    traffic: &mut Traffic,
    pause: Option<Pause>,
) -> Result<Sent, Problem> {
    let (mut sent, mut attempt) = (Sent::default(), 0);
    let mut upload = Upload::new(device)?;
    loop {
        let authorized = match device.enrolment()? {
            Some(enrolment) => client.with_token(&enrolment.token),
            None => client.clone(),
        };
        let mut http = Http { client: &authorized, traffic: &mut *traffic };
        let finish = run(device, &mut upload, &mut http, environment, pause)?;
        sent.add(upload.summary());
        if let Finish::Paused { cause, wait_ms } = finish {
            let (message_es, message_en) = Upload::explain(cause);
            let code = cause.code();
            sent.paused = Some(Rest { code, message_es, message_en, retry_after_ms: wait_ms });
        }
        let Some(mut problem) = Upload::problem(&finish) else { return Ok(sent) };
        // A run that moved something begins the count anew: a poor line is no reason to give up.
        attempt = if upload.summary().bytes > 0 { 1 } else { attempt + 1 };
        if !Upload::is_temporary(&finish) || attempt >= PROMPT {
            if let (Some(failure), Some(first)) = (upload.failure(), problem.errors.first_mut()) {
                first.message_en = format!("{} ({})", first.message_en, failure.0);
            }
            return Err(problem);
        }
        match finish {
            Finish::Backoff { wait_ms, .. } => {
                thread::sleep(Duration::from_millis(wait_ms.min(LONGEST_WAIT_MS)));
            }
            // The server was restored meanwhile: ops first.
            _ => devices::sync_until_done(device, client, environment, traffic, PROMPT)?,
        }
    }
}

/// One run, which shows how far it is where it takes long and somebody watches.
fn run(
    device: &mut Device,
    upload: &mut Upload,
    http: &mut Http<'_>,
    environment: &Environment,
    pause: Option<Pause>,
) -> Result<Finish, Problem> {
    let begun_ms = now_ms(environment);
    let bar = io::stderr().is_terminal().then(|| bar(device)).transpose()?;
    upload.begin(pause, u32::from_be_bytes(environment.bytes()), begun_ms);
    let finish = loop {
        if let Some(finish) = upload.advance(device, http)? {
            break finish;
        }
        if let Some(bar) = bar.as_ref().filter(|_| now_ms(environment).saturating_sub(begun_ms) > SILENT_MS) {
            bar.set_position(upload.summary().bytes);
        }
    };
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    Ok(finish)
}

fn bar(device: &Device) -> Result<ProgressBar, Problem> {
    let bar = ProgressBar::new(device.status()?.unsent.bytes);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {bytes} / {total_bytes} {elapsed}") {
        bar.set_style(style);
    }
    Ok(bar)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_from_their_digits() {
        assert_eq!(latitude("19.4326077"), Ok(194_326_077));
        assert_eq!(longitude("-99.13320809"), Ok(-991_332_080));
        assert_eq!((latitude("-0.5"), longitude("180")), (Ok(-5_000_000), Ok(1_800_000_000)));
        assert_eq!((accuracy("12.5"), accuracy("0")), (Ok(12_500), Ok(0)));
        for text in ["90.0000001", "-91", "", "-", "1e3", "19,4", "1.", ".5", "N", "99999999999999999999"] {
            assert!(latitude(text).is_err(), "{text}");
        }
        assert!(accuracy("-1").is_err() && longitude("180.1").is_err());
    }

    #[test]
    fn pictures_are_told_by_how_they_begin() {
        let known: [(&[u8], &str); 5] = [
            (b"\xFF\xD8\xFF\xE0\x00\x10JFIF", "image/jpeg"),
            (b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0DIHDR", "image/png"),
            (b"RIFF\x24\x00\x00\x00WEBPVP8 ", "image/webp"),
            (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "image/heic"),
            (b"\x00\x00\x00\x1Cftypavif\x00\x00\x00\x00", "image/avif"),
        ];
        for (head, mime) in known {
            assert_eq!(mime_of(head), Some(mime));
        }
        let others: [&[u8]; 5] =
            [b"", b"%PDF-1.7", b"RIFF\x24\x00\x00\x00WAVEfmt ", b"<svg", b"\x00\x00\x00\x18ftypmp42"];
        assert!(others.iter().all(|it| mime_of(it).is_none()));
    }
}
