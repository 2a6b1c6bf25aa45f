//! Photos for tests, made on the spot: good ones, ones with a camera's data, and a bomb. Not part of the product.

use exif::{Field, In, Rational, Tag, Value, experimental::Writer};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use std::io::Cursor;

/// What a camera would write into a photo.
#[derive(Debug, Clone, Copy)]
pub struct TestCamera {
    /// `2026:11:20 10:11:12`.
    pub taken_at: &'static str,
    /// Degrees, minutes and seconds north.
    pub north: [u32; 3],
    /// Degrees, minutes and seconds west.
    pub west: [u32; 3],
    /// 1 to 8 as EXIF counts them; 6 asks for a quarter turn.
    pub orientation: u16,
}

/// A picture with large shapes; another seed gives one that looks different.
pub fn picture(seed: u32, width: u32, height: u32) -> DynamicImage {
    let level = |value: u32| u8::try_from(value % 256).unwrap_or(u8::MAX);
    DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, |x, y| {
        let (column, row) = (x * 5 / width.max(1), y * 5 / height.max(1));
        let mixed = (column * 7 + row * 13 + 1).wrapping_mul(seed.wrapping_mul(2_654_435_761) | 1);
        let (shade, slope) = ((mixed >> 9) % 200, x * 40 / width.max(1));
        Rgb([level(shade + slope), level(shade / 2 + slope), level(255 - shade)])
    }))
}

/// A picture as a file.
///
/// # Panics
/// Where it cannot be encoded.
pub fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).expect("a small picture can be encoded");
    bytes.into_inner()
}

/// A JPEG photo.
pub fn jpeg(seed: u32, width: u32, height: u32) -> Vec<u8> {
    encoded(&picture(seed, width, height), ImageFormat::Jpeg)
}

/// A JPEG photo with what a camera would write into it.
///
/// # Panics
/// Where the camera's data do not fit.
pub fn with_camera(jpeg: &[u8], camera: &TestCamera) -> Vec<u8> {
    let field = |tag, value| Field { tag, ifd_num: In::PRIMARY, value };
    let text = |text: &str| Value::Ascii(vec![text.as_bytes().to_vec()]);
    let angle = |parts: [u32; 3]| Value::Rational(parts.map(|num| Rational { num, denom: 1 }).to_vec());
    let fields = [
        field(Tag::Orientation, Value::Short(vec![camera.orientation])),
        field(Tag::DateTimeOriginal, text(camera.taken_at)),
        field(Tag::GPSLatitudeRef, text("N")),
        field(Tag::GPSLatitude, angle(camera.north)),
        field(Tag::GPSLongitudeRef, text("W")),
        field(Tag::GPSLongitude, angle(camera.west)),
    ];
    let mut writer = Writer::new();
    fields.iter().for_each(|it| writer.push_field(it));
    let mut data = Cursor::new(b"Exif\0\0".to_vec());
    data.set_position(6);
    let mut tiff = Cursor::new(Vec::new());
    writer.write(&mut tiff, false).expect("the fields can be written");
    let mut segment = data.into_inner();
    segment.extend(tiff.into_inner());
    let length = u16::try_from(segment.len() + 2).expect("the data fit into a segment");
    let (begin, rest) = jpeg.split_at(2);
    [begin, &[0xFF, 0xE1], &length.to_be_bytes(), &segment, rest].concat()
}

/// A PNG file of a few bytes that claims to be so many pixels wide and high.
pub fn bomb(side: u32) -> Vec<u8> {
    let chunk = |name: &[u8], data: &[u8]| {
        let length = u32::try_from(data.len()).unwrap_or(0).to_be_bytes();
        let mut crc = flate2::Crc::new();
        crc.update(name);
        crc.update(data);
        [&length, name, data, &crc.sum().to_be_bytes()].concat()
    };
    let header = [&side.to_be_bytes(), &side.to_be_bytes(), [8, 2, 0, 0, 0].as_slice()].concat();
    let (header, end) = (chunk(b"IHDR", &header), chunk(b"IEND", b""));
    let data = chunk(b"IDAT", &[0x78, 0x9c, 0x63, 0x00, 0x00, 0x00, 0x01, 0x00, 0x01]);
    [b"\x89PNG\r\n\x1a\n".as_slice(), &header, &data, &end].concat()
}
