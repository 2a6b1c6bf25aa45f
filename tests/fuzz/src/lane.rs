//! Bodies and blobs: packed bodies that may be bombs, the addresses and headers of the blob lane, and photos.

use crate::{SMALL, read_cbor, read_json, within};
use flate2::{Compression, write::GzEncoder};
use server::testing::strangers::{self, SeenPhoto};
use std::{cell::Cell, io::Write as _, panic};
use sync_core::blob::{BlobQuery, BlobReply, MAX_QUERIED_BLOBS};

/// The most that a body may unpack to here.
const MOST: u64 = 1 << 20;
/// The most that reading a photo may take: its pixels once, what its decoder keeps beside them, and the copies.
const PHOTO: usize = 768 << 20;
/// How often a decoder may ask for more bytes.
const MAX_ASKED: u32 = 100_000;

/// The body of an exchange, packed as the first byte says.
pub fn body(bytes: &[u8]) {
    const NAMES: [&str; 6] = ["identity", "zstd", "gzip", "", "br", "ZSTD"];
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let name = NAMES.get(usize::from(*choice) % NAMES.len()).copied().unwrap_or_default();
    // A buffer grows by doubling, and the decoder keeps a window beside it.
    let most = usize::try_from(MOST).unwrap_or(usize::MAX).saturating_mul(4).saturating_add(SMALL);
    match within(most, || strangers::body(name, bytes, MOST)) {
        Ok(unpacked) => assert!(u64::try_from(unpacked.len()).is_ok_and(|it| it <= MOST)),
        Err(code) => assert!(["too_large", "encoding", "broken"].contains(&code)),
    }
    let zstd = zstd::bulk::compress(bytes, 3).expect("bytes can be packed");
    assert_eq!(strangers::body("zstd", &zstd, MOST).as_deref(), Ok(bytes));
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    let gzip = gzip.write_all(bytes).and_then(|()| gzip.finish()).expect("bytes can be packed");
    assert_eq!(strangers::body("gzip", &gzip, MOST).as_deref(), Ok(bytes));
}

/// The blob lane: a line each of a blob, an address's parameters, the hash of a part, a size and a range, then a query.
pub fn blob_lane(bytes: &[u8]) {
    let mut lines = bytes.splitn(6, |it| *it == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (blob, query, hash, size, range, message) = (line(), line(), line(), line(), line(), line());
    let blob = String::from_utf8_lossy(blob);
    if let Some((blob, offset, hash)) = strangers::part(&blob, query, hash) {
        let address = format!("offset={offset}&size={}", blob.size);
        let again = strangers::part(&blob.id.to_string(), address.as_bytes(), hash.to_string().as_bytes());
        assert_eq!(again, Some((blob, offset, hash)));
    }
    let size = String::from_utf8_lossy(size).parse().unwrap_or(1_000);
    if let Some((from, to)) = strangers::range(range, size) {
        assert!(to <= size && (from < to || (from, to) == (0, size)), "{from}..{to} of {size}");
    }
    if let Some(query) = read_cbor::<BlobQuery>(message) {
        assert!(query.check_bounds().is_err() || query.blobs.len() <= MAX_QUERIED_BLOBS);
    }
    drop(read_json::<BlobQuery>(message));
    drop(read_cbor::<BlobReply>(message));
}

/// A photo. A decoder that panics is caught by the reader, so a panic is told as `broken` here too.
pub fn photo(bytes: &[u8]) {
    let read = |bytes: &[u8]| {
        let asked = Cell::new(0_u32);
        let expired = || {
            asked.set(asked.get().saturating_add(1));
            asked.get() > MAX_ASKED
        };
        // libFuzzer ends the program at any panic; whether the reader catches it is what is tried.
        let hook = panic::take_hook();
        panic::set_hook(Box::new(|_| {}));
        let read = strangers::photo(bytes, &expired);
        panic::set_hook(hook);
        read
    };
    match within(PHOTO, || read(bytes)) {
        Ok(photo) => shown(&photo),
        Err(code) => assert!(!code.is_empty() && code != "took_too_long", "{code}"),
    }
}

/// A photo that was read is within its bounds, and its copies are photos that say nothing of a camera.
fn shown(photo: &SeenPhoto) {
    let SeenPhoto { width, height, thumbnail, view, taken_at, place } = photo;
    assert!((1..=20_000).contains(width) && (1..=20_000).contains(height), "{width} x {height}");
    assert!(u64::from(*width) * u64::from(*height) <= 52_000_000, "{width} x {height}");
    assert!(taken_at.as_ref().is_none_or(|it| (19..=25).contains(&it.len())), "{taken_at:?}");
    assert!(place.is_none_or(|(north, east)| north.abs() <= 900_000_000 && east.abs() <= 1_800_000_000));
    for (copy, side) in [(thumbnail, 320), (view, 1_600)] {
        let read = strangers::photo(copy, &|| false).expect("a copy is a photo");
        assert!(read.width <= side && read.height <= side, "{} x {}", read.width, read.height);
        assert!(read.taken_at.is_none() && read.place.is_none());
    }
}
