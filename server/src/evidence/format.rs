//! What kind of image bytes are, told by the bytes alone, and what their outline gives away before anything is decoded.

use super::Unreadable;
use image::ImageFormat;

/// Most passes over a photo: an encoder takes about ten, and each one costs the work of the whole photo however few bytes
/// it has.
const MAX_PASSES: usize = 64;

/// A kind of image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MediaType {
    Jpeg,
    Png,
    WebP,
    /// One that is known by its first bytes and not decoded.
    Other(&'static str),
}

impl MediaType {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
            Self::Other(name) => name,
        }
    }

    /// How it is decoded; none for a kind that is not taken.
    pub(super) fn decoded_as(self) -> Option<ImageFormat> {
        match self {
            Self::Jpeg => Some(ImageFormat::Jpeg),
            Self::Png => Some(ImageFormat::Png),
            Self::WebP => Some(ImageFormat::WebP),
            Self::Other(_) => None,
        }
    }
}

/// The kind of image that bytes begin as; none for what is no image.
pub(super) fn of(bytes: &[u8]) -> Option<MediaType> {
    // Phones write this kind; the decoders do not know it.
    const HEIF: [&[u8]; 4] = [b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc"];
    if bytes.get(4..12).is_some_and(|brand| HEIF.contains(&brand)) {
        return Some(MediaType::Other("image/heic"));
    }
    Some(match image::guess_format(bytes).ok()? {
        ImageFormat::Jpeg => MediaType::Jpeg,
        ImageFormat::Png => MediaType::Png,
        ImageFormat::WebP => MediaType::WebP,
        other => MediaType::Other(other.to_mime_type()),
    })
}

/// Refuses a file that does not go to its end, and a JPEG file that takes too many passes.
pub(super) fn check_outline(bytes: &[u8], media_type: MediaType) -> Result<(), Unreadable> {
    match media_type {
        MediaType::Jpeg => check_jpeg(bytes),
        MediaType::WebP => check_webp(bytes),
        MediaType::Png | MediaType::Other(_) => Ok(()),
    }
}

/// Each chunk of a WebP file must be all there: its decoder takes the memory that a chunk says it has, up to 4 GB, before it reads
/// it.
fn check_webp(bytes: &[u8]) -> Result<(), Unreadable> {
    let mut rest = bytes.get(12..).ok_or(Unreadable::Truncated)?;
    while let Some((head, after)) = rest.split_at_checked(8) {
        let size = head.last_chunk::<4>().map_or(0, |it| u32::from_le_bytes(*it));
        let size = usize::try_from(size).map_err(|_| Unreadable::Truncated)?;
        let (_, next) = after.split_at_checked(size).ok_or(Unreadable::Truncated)?;
        // Chunks begin at even places.
        rest = next.get(size % 2..).unwrap_or_default();
    }
    Ok(())
}

/// Decoders fill a JPEG file up with grey where it does not go to its end.
fn check_jpeg(bytes: &[u8]) -> Result<(), Unreadable> {
    let (mut at, mut passes) = (2_usize, 0_usize);
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        // Between two markers there is the photo's own data, in which 0xFF is followed by a 0.
        let marker = rest.iter().position(|it| *it == 0xFF).ok_or(Unreadable::Truncated)?;
        at = at.saturating_add(marker);
        match bytes.get(at.saturating_add(1)).copied() {
            None => return Err(Unreadable::Truncated),
            Some(0xD9) => return Ok(()),
            Some(0xFF) => at = at.saturating_add(1),
            Some(0x00 | 0x01 | 0xD0..=0xD8) => at = at.saturating_add(2),
            Some(kind) => {
                passes = passes.saturating_add(usize::from(kind == 0xDA));
                if passes > MAX_PASSES {
                    return Err(Unreadable::TooManyPasses);
                }
                at = at.saturating_add(2).saturating_add(segment_length(bytes, at)?);
            }
        }
    }
}

/// The length of the segment whose marker stands at a place.
fn segment_length(bytes: &[u8], marker: usize) -> Result<usize, Unreadable> {
    let from = marker.saturating_add(2);
    let length = bytes.get(from..from.saturating_add(2)).ok_or(Unreadable::Truncated)?;
    let length: [u8; 2] = length.try_into().map_err(|_| Unreadable::Truncated)?;
    Ok(usize::from(u16::from_be_bytes(length)))
}
