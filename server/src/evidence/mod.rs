//! What a photo shows: smaller upright copies without any metadata, when and where its camera says that it was taken, and
//! a hash of its look. Pure: bytes in, a value out. Whatever the bytes are, the answer is a value or a reason, within
//! bounds of bytes, pixels, passes and time; a panic of a decoder is a reason too.

mod camera;
mod format;
mod near;

pub(crate) use camera::Camera;
pub(crate) use near::{MAX_DISTANCE, bands, distance, probes};

use domain::attachment;
use format::MediaType;
use image::{
    DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, codecs::jpeg::JpegEncoder,
    error::LimitErrorKind, metadata::Orientation,
};
use image_hasher::{HashAlg, HasherConfig};
use std::{
    io::{self, BufRead, Read, Seek, SeekFrom},
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Largest file that is read as a photo.
const MAX_BYTES: usize = 32 << 20;
/// Most pixels: a camera of 50 megapixels fits.
const MAX_PIXELS: u64 = 52_000_000;
/// Longest side.
const MAX_SIDE: u32 = 20_000;
/// Most memory of a decoder.
const MAX_ALLOCATED: u64 = 256 << 20;
/// Longest side of the copy for lists.
const THUMBNAIL_SIDE: u32 = 320;
/// Longest side of the copy that fills a screen.
const VIEW_SIDE: u32 = 1_600;
const QUALITY: u8 = 82;
/// Bytes that a decoder is given before the time is looked at again.
const READ_AT_ONCE: usize = 64 * 1024;

/// A photo that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Photo {
    pub(crate) mime: &'static str,
    /// Upright.
    pub(crate) width: u32,
    /// Upright.
    pub(crate) height: u32,
    /// JPEG without metadata.
    pub(crate) thumbnail: Vec<u8>,
    /// JPEG without metadata.
    pub(crate) view: Vec<u8>,
    pub(crate) camera: Camera,
    /// Perceptual hash: photos that look alike differ in few bits.
    pub(crate) look: u64,
}

/// Why bytes are no photo that can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    NotAnImage,
    FormatNotTaken,
    TooManyBytes,
    TooManyPixels,
    TooManyPasses,
    TookTooLong,
    Truncated,
    Broken,
}

impl Unreadable {
    /// Stable machine code.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::NotAnImage => "not_an_image",
            Self::FormatNotTaken => "format_not_taken",
            Self::TooManyBytes => "too_many_bytes",
            Self::TooManyPixels => "too_many_pixels",
            Self::TooManyPasses => "too_many_passes",
            Self::TookTooLong => "took_too_long",
            Self::Truncated => "truncated",
            Self::Broken => "broken",
        }
    }
}

/// The media type that the bytes themselves show: an image, sound or a file that may be attached; none for anything else.
pub(crate) fn mime_of(bytes: &[u8]) -> Option<&'static str> {
    format::of(bytes).map(MediaType::name).or_else(|| attachment::begins_as(bytes))
}

/// Reads a photo.
///
/// - **Shape**: `expired` tells whether the time is over; it is asked again and again while the bytes are read.
pub(crate) fn read(bytes: &[u8], expired: &dyn Fn() -> bool) -> Result<Photo, Unreadable> {
    let decoded = catch_unwind(AssertUnwindSafe(|| decode(bytes, expired)));
    match decoded.unwrap_or(Err(Unreadable::Broken)) {
        Err(_) if expired() => Err(Unreadable::TookTooLong),
        other => other,
    }
}

fn decode(bytes: &[u8], expired: &dyn Fn() -> bool) -> Result<Photo, Unreadable> {
    if bytes.len() > MAX_BYTES {
        return Err(Unreadable::TooManyBytes);
    }
    let media_type = format::of(bytes).ok_or(Unreadable::NotAnImage)?;
    let decoded_as = media_type.decoded_as().ok_or(Unreadable::FormatNotTaken)?;
    format::check_outline(bytes, media_type)?;
    let mut reader = ImageReader::with_format(Timed { bytes, at: 0, expired }, decoded_as);
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_ALLOCATED);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(unreadable)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width).saturating_mul(u64::from(height)) > MAX_PIXELS {
        return Err(Unreadable::TooManyPixels);
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let whole = DynamicImage::from_decoder(decoder).map_err(unreadable)?;
    if expired() {
        return Err(Unreadable::TookTooLong);
    }
    // Made small first and turned then: turning the whole would take its memory twice.
    let mut view = within(&whole, VIEW_SIDE);
    drop(whole);
    view.apply_orientation(orientation);
    let view = DynamicImage::ImageRgb8(view.into_rgb8());
    let thumbnail = within(&view, THUMBNAIL_SIDE);
    let (width, height) = if is_turned(orientation) { (height, width) } else { (width, height) };
    Ok(Photo {
        mime: media_type.name(),
        width,
        height,
        thumbnail: jpeg(&thumbnail)?,
        view: jpeg(&view)?,
        camera: camera::read(bytes),
        look: look(&thumbnail),
    })
}

/// The image, or a copy whose longer side is `side`.
fn within(image: &DynamicImage, side: u32) -> DynamicImage {
    if image.width() <= side && image.height() <= side { image.clone() } else { image.thumbnail(side, side) }
}

fn is_turned(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

fn jpeg(image: &DynamicImage) -> Result<Vec<u8>, Unreadable> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(image).map_err(unreadable)?;
    Ok(bytes)
}

/// The signs of the lowest frequencies against their median: what stays when a photo is resized or packed again.
fn look(image: &DynamicImage) -> u64 {
    let hasher = HasherConfig::with_bytes_type::<[u8; 8]>()
        .hash_size(8, 8)
        .hash_alg(HashAlg::Median)
        .preproc_dct()
        .to_hasher();
    u64::from_be_bytes(hasher.hash_image(image).into_inner())
}

fn unreadable(error: ImageError) -> Unreadable {
    match error {
        ImageError::Limits(limit) => match limit.kind() {
            LimitErrorKind::DimensionError | LimitErrorKind::InsufficientMemory => Unreadable::TooManyPixels,
            _ => Unreadable::Broken,
        },
        ImageError::IoError(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => Unreadable::Truncated,
        _ => Unreadable::Broken,
    }
}

/// Bytes that end when the time is over.
struct Timed<'a> {
    bytes: &'a [u8],
    at: usize,
    expired: &'a dyn Fn() -> bool,
}

impl BufRead for Timed<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if (self.expired)() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let end = self.at.saturating_add(READ_AT_ONCE).min(self.bytes.len());
        Ok(self.bytes.get(self.at..end).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.at = self.at.saturating_add(amount);
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let taken = self.fill_buf()?.read(to)?;
        self.consume(taken);
        Ok(taken)
    }
}

impl Seek for Timed<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let mut cursor = io::Cursor::new(self.bytes);
        cursor.set_position(u64::try_from(self.at).unwrap_or(u64::MAX));
        let at = cursor.seek(to)?;
        self.at = usize::try_from(at).map_err(|_| io::ErrorKind::InvalidInput)?;
        Ok(at)
    }
}

#[cfg(test)]
mod tests;
