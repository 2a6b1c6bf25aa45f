//! When and where a photo's EXIF data say that it was taken. Evidence for a reviewer, never a proof: anybody can write it.

use exif::{DateTime, Exif, In, Rational, Reader, Tag, Value};
use std::io::Cursor;

/// What the camera wrote into a photo; what it did not write is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Camera {
    /// `2026-11-21T10:00:00`, by the camera's own clock, with its offset from UTC where it tells one.
    pub(crate) taken_at: Option<String>,
    /// Latitude and longitude in 1e-7 degrees.
    pub(crate) place: Option<(i64, i64)>,
}

/// Reads it; bytes without such data, or with broken ones, say nothing.
pub(super) fn read(bytes: &[u8]) -> Camera {
    let Ok(exif) = Reader::new().read_from_container(&mut Cursor::new(bytes)) else {
        return Camera::default();
    };
    Camera { taken_at: taken_at(&exif), place: place(&exif) }
}

fn ascii(exif: &Exif, tag: Tag) -> Option<&[u8]> {
    match &exif.get_field(tag, In::PRIMARY)?.value {
        Value::Ascii(texts) => texts.first().map(Vec::as_slice),
        _ => None,
    }
}

fn taken_at(exif: &Exif) -> Option<String> {
    let text = ascii(exif, Tag::DateTimeOriginal)?;
    let at = DateTime::from_ascii(text).ok()?;
    let date = format!("{:04}-{:02}-{:02}", at.year, at.month, at.day);
    let stated = format!("{date}T{:02}:{:02}:{:02}", at.hour, at.minute, at.second);
    // Parsed again, so that the 99th of a 13th month is not shown.
    stated.parse::<jiff::civil::DateTime>().ok()?;
    Some(stated + &offset(exif).unwrap_or_default())
}

/// `+01:00`, where the camera tells it.
fn offset(exif: &Exif) -> Option<String> {
    let text = std::str::from_utf8(ascii(exif, Tag::OffsetTimeOriginal)?).ok()?;
    let is_digit = |place: usize| text.as_bytes().get(place).is_some_and(u8::is_ascii_digit);
    let is_offset = text.len() == 6
        && text.starts_with(['+', '-'])
        && text.get(3..4) == Some(":")
        && [1, 2, 4, 5].into_iter().all(is_digit);
    is_offset.then(|| text.to_owned())
}

fn place(exif: &Exif) -> Option<(i64, i64)> {
    let latitude = angle(exif, Tag::GPSLatitude, Tag::GPSLatitudeRef, b'S', 90)?;
    let longitude = angle(exif, Tag::GPSLongitude, Tag::GPSLongitudeRef, b'W', 180)?;
    Some((latitude, longitude))
}

/// Degrees, minutes and seconds as 1e-7 degrees, negative on the `negative` side.
fn angle(exif: &Exif, tag: Tag, side: Tag, negative: u8, most: i64) -> Option<i64> {
    let Value::Rational(parts) = &exif.get_field(tag, In::PRIMARY)?.value else { return None };
    let mut sum = 0_i128;
    for (part, divisor) in parts.iter().zip([1, 60, 3_600]) {
        sum = sum.checked_add(e10(part, divisor)?)?;
    }
    let angle =
        i64::try_from((sum + 500) / 1_000).ok().filter(|it| *it <= most.saturating_mul(10_000_000))?;
    let is_negative = ascii(exif, side)?.first()? == &negative;
    Some(if is_negative { -angle } else { angle })
}

/// A part in 1e-10 degrees, so that three of them add up to the digit.
fn e10(part: &Rational, divisor: i128) -> Option<i128> {
    let scaled = i128::from(part.num).checked_mul(10_000_000_000)?;
    scaled.checked_div(i128::from(part.denom).checked_mul(divisor)?)
}
