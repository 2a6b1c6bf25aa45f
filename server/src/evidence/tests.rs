//! What is read of good photos, and that nothing else is read, whatever the bytes are.

use super::{Camera, MAX_DISTANCE, Unreadable, distance, mime_of, read};
use crate::testing::photos::{TestCamera, bomb, encoded, jpeg, picture, with_camera};
use image::{GenericImageView, ImageFormat};
use proptest::prelude::*;
use std::cell::Cell;

const CAMERA: TestCamera =
    TestCamera { taken_at: "2026:11:20 10:11:12", north: [19, 25, 57], west: [99, 7, 59], orientation: 1 };

fn in_time() -> bool {
    false
}

fn size_of(bytes: &[u8]) -> (u32, u32) {
    image::load_from_memory(bytes).unwrap().dimensions()
}

#[test]
fn a_photo_gives_small_copies_that_say_nothing_of_its_camera() {
    let original = with_camera(&jpeg(1, 2_000, 1_000), &CAMERA);
    let photo = read(&original, &in_time).unwrap();
    assert_eq!((photo.mime, photo.width, photo.height), ("image/jpeg", 2_000, 1_000));
    assert_eq!((size_of(&photo.view), size_of(&photo.thumbnail)), ((1_600, 800), (320, 160)));
    for copy in [&photo.view, &photo.thumbnail] {
        assert!(!copy.windows(4).any(|it| it == b"Exif"));
        assert_eq!(super::camera::read(copy), Camera::default());
    }
}

#[test]
fn a_small_photo_is_not_blown_up() {
    let photo = read(&jpeg(2, 60, 40), &in_time).unwrap();
    assert_eq!((size_of(&photo.view), size_of(&photo.thumbnail)), ((60, 40), (60, 40)));
}

#[test]
fn a_photo_that_lies_on_its_side_is_turned_upright() {
    let lying = with_camera(&jpeg(3, 400, 200), &TestCamera { orientation: 6, ..CAMERA });
    let photo = read(&lying, &in_time).unwrap();
    assert_eq!((photo.width, photo.height, size_of(&photo.view)), (200, 400, (200, 400)));
    // A quarter turn to the right brings what was at the lower left to the upper left.
    let (before, after) = (picture(3, 400, 200), image::load_from_memory(&photo.view).unwrap());
    let (expected, found) = (before.get_pixel(8, 191), after.get_pixel(8, 8));
    let differs = expected.0.iter().zip(found.0).any(|(one, other)| one.abs_diff(other) > 24);
    assert!(!differs, "{expected:?} {found:?}");
}

#[test]
fn the_camera_tells_when_and_where() {
    let photo = read(&with_camera(&jpeg(4, 80, 60), &CAMERA), &in_time).unwrap();
    let place = Some((194_325_000, -991_330_556));
    assert_eq!(photo.camera, Camera { taken_at: Some("2026-11-20T10:11:12".to_owned()), place });
    let nonsense = TestCamera { taken_at: "2026:13:99 10:11:12", north: [91, 0, 0], ..CAMERA };
    let photo = read(&with_camera(&jpeg(4, 80, 60), &nonsense), &in_time).unwrap();
    assert_eq!(photo.camera, Camera::default());
}

#[test]
fn png_and_webp_are_read_too() {
    for (format, mime) in [(ImageFormat::Png, "image/png"), (ImageFormat::WebP, "image/webp")] {
        let photo = read(&encoded(&picture(5, 90, 70), format), &in_time).unwrap();
        assert_eq!((photo.mime, photo.width, photo.height), (mime, 90, 70));
    }
}

#[test]
fn the_same_scene_looks_alike_however_it_is_packed_and_another_does_not() {
    let look = |bytes: &[u8]| read(bytes, &in_time).unwrap().look;
    let original = look(&jpeg(6, 1_200, 900));
    let smaller = look(&jpeg(6, 640, 480));
    let repacked = look(&encoded(&picture(6, 1_200, 900), ImageFormat::Png));
    for near in [smaller, repacked] {
        assert!(distance(original, near) <= MAX_DISTANCE, "{}", distance(original, near));
    }
    for seed in 7..17 {
        let other = look(&jpeg(seed, 1_200, 900));
        assert!(distance(original, other) > MAX_DISTANCE, "seed {seed}: {}", distance(original, other));
    }
}

#[test]
fn what_cannot_be_shown_is_told_by_its_reason() {
    let whole = jpeg(8, 300, 200);
    let png = encoded(&picture(8, 300, 200), ImageFormat::Png);
    let tiff = b"II*\0\x08\0\0\0\0\0\0\0".to_vec();
    let webp = encoded(&picture(8, 300, 200), ImageFormat::WebP);
    let cases: [(Vec<u8>, Unreadable); 10] = [
        (Vec::new(), Unreadable::NotAnImage),
        (b"lorem ipsum dolor sit amet".to_vec(), Unreadable::NotAnImage),
        (tiff, Unreadable::FormatNotTaken),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec(), Unreadable::FormatNotTaken),
        (bomb(50_000), Unreadable::TooManyPixels),
        (bomb(15_000), Unreadable::TooManyPixels),
        (whole[..whole.len() / 2].to_vec(), Unreadable::Truncated),
        (png[..png.len() / 2].to_vec(), Unreadable::Truncated),
        (webp[..webp.len() / 2].to_vec(), Unreadable::Truncated),
        (vec![0; super::MAX_BYTES + 1], Unreadable::TooManyBytes),
    ];
    for (bytes, reason) in cases {
        assert_eq!(read(&bytes, &in_time).unwrap_err(), reason, "{} bytes", bytes.len());
    }
}

#[test]
fn a_truncated_photo_is_not_taken_for_whole_because_of_the_preview_inside_it() {
    // A camera's preview is a JPEG file of its own inside the first segments, with an end of its own.
    let preview = jpeg(9, 30, 20);
    let length = u16::try_from(preview.len() + 2).unwrap().to_be_bytes();
    let whole = jpeg(9, 300, 200);
    let with_preview = [&whole[..2], &[0xFF, 0xE2], &length, &preview, &whole[2..]].concat();
    assert!(read(&with_preview, &in_time).is_ok());
    let cut = &with_preview[..with_preview.len() - 200];
    assert_eq!(read(cut, &in_time).unwrap_err(), Unreadable::Truncated);
}

#[test]
fn a_photo_whose_metadata_claim_more_bytes_than_it_has_takes_no_memory_for_them() {
    let whole = encoded(&picture(9, 24, 16), ImageFormat::WebP);
    let file = |claimed: u32| {
        let outline = [&b"VP8X\x0a\0\0\0\x08\0\0\0\x17\0\0\x0f\0\0"[..], &whole[12..], b"EXIF"].concat();
        let size = u32::try_from(outline.len() + 4 + 4 + 6).unwrap();
        [b"RIFF", &size.to_le_bytes()[..], b"WEBP", &outline, &claimed.to_le_bytes(), b"Exif\0\0"].concat()
    };
    assert!(read(&file(6), &in_time).is_ok());
    assert_eq!(read(&file(800 << 20), &in_time).unwrap_err(), Unreadable::Truncated);
}

#[test]
fn a_photo_of_very_many_passes_is_not_decoded() {
    let whole = jpeg(10, 60, 40);
    let scan = [0xFF, 0xDA, 0x00, 0x08, 0x01, 0x01, 0x00, 0x00, 0x3F, 0x00, 0x00];
    let end = whole.len() - 2;
    let many = [&whole[..end], &scan.repeat(100), &whole[end..]].concat();
    assert_eq!(read(&many, &in_time).unwrap_err(), Unreadable::TooManyPasses);
}

#[test]
fn a_decoder_is_stopped_when_its_time_is_over() {
    let noise: Vec<u8> =
        (0..900_u32 * 900 * 3).map(|it| it.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let picture = image::RgbImage::from_raw(900, 900, noise).unwrap();
    let large = encoded(&picture.into(), ImageFormat::Png);
    assert!(large.len() > 4 * super::READ_AT_ONCE, "{}", large.len());
    let asked = Cell::new(0);
    let expired = || {
        asked.set(asked.get() + 1);
        asked.get() > 3
    };
    assert_eq!(read(&large, &expired).unwrap_err(), Unreadable::TookTooLong);
    assert!(read(&large, &in_time).is_ok());
}

#[test]
fn the_media_type_is_told_by_the_bytes() {
    assert_eq!(mime_of(&jpeg(1, 9, 9)), Some("image/jpeg"));
    assert_eq!(mime_of(b"GIF89a\x01\0\x01\0"), Some("image/gif"));
    assert_eq!(mime_of(b"plain text"), Some("text/plain"));
    assert_eq!(mime_of(b"\0\x01\x02\x03"), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_photos_are_read_or_refused_and_never_a_panic(
        kind in 0..3_usize,
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let format = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP][kind];
        let mut bytes = encoded(&picture(11, 64, 48), format);
        for (place, byte) in places {
            let at = place.index(bytes.len());
            bytes[at] = byte;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let _ = read(&bytes, &in_time);
    }
}
