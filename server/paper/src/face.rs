//! The fonts: what can be printed with them, how wide a text is, and where its lines break.

use crate::Unprintable;
use krilla::text::Font;
use rustybuzz::{Direction, UnicodeBuffer};
use std::sync::LazyLock;

static REGULAR: &[u8] = include_bytes!("../fonts/Inter-Regular.ttf");
static BOLD: &[u8] = include_bytes!("../fonts/Inter-Bold.ttf");
static FACES: LazyLock<Option<Faces>> =
    LazyLock::new(|| Some(Faces { regular: Face::of(REGULAR)?, bold: Face::of(BOLD)? }));

/// Both fonts.
pub(crate) struct Faces {
    pub(crate) regular: Face,
    pub(crate) bold: Face,
}

/// A font, for measuring and for drawing.
pub(crate) struct Face {
    shaper: rustybuzz::Face<'static>,
    pub(crate) font: Font,
}

/// The fonts, read once.
///
/// # Errors
/// Where they cannot be read.
pub(crate) fn faces() -> Result<&'static Faces, Unprintable> {
    FACES.as_ref().ok_or(Unprintable::Fonts)
}

impl Face {
    fn of(bytes: &'static [u8]) -> Option<Self> {
        Some(Self { shaper: rustybuzz::Face::from_slice(bytes, 0)?, font: Font::new(bytes.into(), 0)? })
    }

    /// How wide a text is, in points.
    pub(crate) fn width(&self, text: &str, size: f32) -> f32 {
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        buffer.guess_segment_properties();
        buffer.set_direction(Direction::LeftToRight);
        let shaped = rustybuzz::shape(&self.shaper, &[], buffer);
        let units: f32 = shaped.glyph_positions().iter().map(|it| of_units(it.x_advance)).sum();
        units * size / of_units(self.shaper.units_per_em())
    }

    /// A text with nothing that the font lacks: such a character is told by its number (`[U+1F44D]`), so that nothing is lost, and
    /// what is no character to be seen goes or becomes a space.
    pub(crate) fn printable(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for it in text.chars() {
            if it == '\u{ad}' || is_unseen(it) {
                continue;
            }
            if it.is_whitespace() || it.is_control() {
                out.push(' ');
            } else if self.shaper.glyph_index(it).is_some_and(|glyph| glyph.0 != 0) {
                out.push(it);
            } else {
                out.push_str(&format!("[U+{:04X}]", u32::from(it)));
            }
        }
        out
    }

    /// The lines of a text in a width, each printable; none of an empty text. What has no place to break is broken anywhere.
    pub(crate) fn lines(&self, text: &str, size: f32, width: f32) -> Vec<String> {
        let mut lines = Vec::new();
        for paragraph in text.lines() {
            let paragraph = self.printable(paragraph);
            let mut line = String::new();
            let mut used = 0.0;
            let space = self.width(" ", size);
            for word in paragraph.split_whitespace() {
                for part in self.parts(word, size, width) {
                    let wide = self.width(&part, size);
                    let gap = if line.is_empty() { 0.0 } else { space };
                    if !line.is_empty() && used + gap + wide > width {
                        lines.push(std::mem::take(&mut line));
                        used = 0.0;
                    }
                    if !line.is_empty() {
                        line.push(' ');
                        used += space;
                    }
                    line.push_str(&part);
                    used += wide;
                }
            }
            if !line.is_empty() {
                lines.push(line);
            }
        }
        lines
    }

    /// A word in parts that fit.
    fn parts(&self, word: &str, size: f32, width: f32) -> Vec<String> {
        if self.width(word, size) <= width {
            return vec![word.to_owned()];
        }
        let mut parts = Vec::new();
        let mut part = String::new();
        for it in word.chars() {
            part.push(it);
            if self.width(&part, size) > width && part.chars().nth(1).is_some() {
                part.pop();
                parts.push(std::mem::take(&mut part));
                part.push(it);
            }
        }
        parts.push(part);
        parts
    }
}

/// Marks of direction and width that a reader sees nothing of.
fn is_unseen(it: char) -> bool {
    matches!(it, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}')
}

/// Units of a font as a measure: they lie far below what a float holds exactly.
fn of_units(units: i32) -> f32 {
    let clamped = units.clamp(i32::from(i16::MIN), i32::from(i16::MAX));
    i16::try_from(clamped).map_or(0.0, f32::from)
}
