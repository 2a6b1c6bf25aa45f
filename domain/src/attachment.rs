//! What may be attached to a visit beside pictures: sound that was recorded, and files. Owns the one list of media types, their sizes,
//! and how their bytes begin; what a picture is, is the office's who looks at it.

use alloc::{string::String, vec::Vec};

use crate::{FieldProblem, checklist::ItemType};

/// Most bytes of a recording or a file.
pub const MAX_ATTACHMENT_BYTES: u64 = 25_000_000;
/// Bytes from the beginning that [`begins_as`] looks at, at most.
pub const HEAD_BYTES: usize = 512;

/// Which items of a checklist a programme permits that not every one does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Permitted {
    /// Items that are answered with sound.
    pub audio: bool,
    /// Items that are answered with a file.
    pub files: bool,
}

impl Permitted {
    /// Whether items of this type are asked.
    pub fn asks(self, kind: ItemType) -> bool {
        match kind {
            ItemType::Audio => self.audio,
            ItemType::File => self.files,
            _ => true,
        }
    }
}

/// What a media type is attached as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Sound,
    File,
    Picture,
}

/// A media type, what it is attached as, and the end of a file's name.
struct MediaType(&'static str, Sort, &'static str);

/// Every media type of recordings and files.
const MEDIA_TYPES: [MediaType; 11] = [
    MediaType("audio/webm", Sort::Sound, "webm"),
    MediaType("audio/mp4", Sort::Sound, "m4a"),
    MediaType("audio/ogg", Sort::Sound, "ogg"),
    MediaType("audio/mpeg", Sort::Sound, "mp3"),
    MediaType("audio/wav", Sort::Sound, "wav"),
    MediaType("application/pdf", Sort::File, "pdf"),
    MediaType("text/plain", Sort::File, "txt"),
    MediaType("text/csv", Sort::File, "csv"),
    MediaType("image/jpeg", Sort::Picture, "jpg"),
    MediaType("image/png", Sort::Picture, "png"),
    MediaType("image/webp", Sort::Picture, "webp"),
];

fn known(mime: &str) -> Option<&'static MediaType> {
    MEDIA_TYPES.iter().find(|it| it.0 == mime)
}

fn takes(kind: ItemType, sort: Sort) -> bool {
    match kind {
        ItemType::Audio => sort == Sort::Sound,
        ItemType::File => sort != Sort::Sound,
        _ => false,
    }
}

/// The media types that an item of this type takes; none for a type that takes neither sound nor files.
pub fn accepted(kind: ItemType) -> Vec<&'static str> {
    MEDIA_TYPES.iter().filter(|it| takes(kind, it.1)).map(|it| it.0).collect()
}

/// Whether a media type is sound.
pub fn is_sound(mime: &str) -> bool {
    mime.starts_with("audio/")
}

/// Whether a media type is that of a recording or of a file that is no picture.
pub fn is_no_picture(mime: &str) -> bool {
    is_sound(mime) || known(mime).is_some_and(|it| it.1 == Sort::File)
}

/// Whether a branch may attach a file of this media type to an appeal: pictures and documents.
pub fn is_of_appeal(mime: &str) -> bool {
    known(mime).is_some_and(|it| it.1 == Sort::Picture) || mime == "application/pdf"
}

/// The end of the name of a file of this media type; none for one that is not in the list.
pub fn extension(mime: &str) -> Option<&'static str> {
    known(mime).map(|it| it.2)
}

/// The media type that bytes begin as, of those in the list that are no pictures; text for what reads as text.
pub fn begins_as(head: &[u8]) -> Option<&'static str> {
    let at = |place: usize, mark: &[u8]| head.get(place..).is_some_and(|it| it.starts_with(mark));
    Some(match head {
        _ if at(0, b"\x1A\x45\xDF\xA3") => "audio/webm",
        _ if at(4, b"ftyp") => "audio/mp4",
        _ if at(0, b"OggS") => "audio/ogg",
        _ if at(0, b"ID3") => "audio/mpeg",
        // The frame of an MPEG layer, of which the first 11 bits are set and the layer is named.
        [0xFF, second, ..] if second & 0xE0 == 0xE0 && second & 0x06 != 0 => "audio/mpeg",
        _ if at(0, b"RIFF") && at(8, b"WAVE") => "audio/wav",
        _ if at(0, b"%PDF-") => "application/pdf",
        _ if is_text(head) => "text/plain",
        _ => return None,
    })
}

/// Whether bytes read as text, up to a character that is cut at their end.
fn is_text(head: &[u8]) -> bool {
    let head = head.get(..HEAD_BYTES).unwrap_or(head);
    let whole = match core::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    whole
        && !head.is_empty()
        && !head.iter().any(|it| *it < 0x20 && !matches!(it, b'\t' | b'\n' | b'\r' | 0x0C))
}

/// Whether bytes may be what a media type says; a picture is for whoever looks at it.
pub fn agrees(mime: &str, head: &[u8]) -> bool {
    match known(mime).map(|it| it.1) {
        None => false,
        Some(Sort::Picture) => true,
        Some(_) if mime.starts_with("text/") => begins_as(head) == Some("text/plain"),
        Some(_) => begins_as(head) == Some(mime),
    }
}

/// What keeps something from being attached as the answer to an item that takes sound or files; none for other items.
///
/// - **Shape**: the media type without parameters; the size in bytes; the code is `not_permitted`, `media_type` or `too_large`.
pub fn refusal(
    kind: ItemType,
    permitted: Permitted,
    mime: &str,
    size: u64,
    at: impl Into<String>,
) -> Option<FieldProblem> {
    if !matches!(kind, ItemType::Audio | ItemType::File) {
        return None;
    }
    let (code, es, en) = if !permitted.asks(kind) {
        (
            "not_permitted",
            "El programa de esta visita no lo permite",
            "The programme of this visit does not permit it",
        )
    } else if !known(mime).is_some_and(|it| takes(kind, it.1)) {
        ("media_type", "Este tipo de archivo no se admite aquí", "This type of file is not taken here")
    } else if size > MAX_ATTACHMENT_BYTES || size == 0 {
        ("too_large", "El archivo está vacío o pasa de 25 MB", "The file is empty or above 25 MB")
    } else {
        return None;
    };
    Some(FieldProblem::new(at, code, es, en))
}

/// That the bytes are not what their media type says.
pub fn wrong_bytes(at: impl Into<String>) -> FieldProblem {
    FieldProblem::new(
        at,
        "wrong_bytes",
        "El contenido del archivo no es del tipo que dice ser",
        "What is in the file is not of the type that it says",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_by_how_they_begin() {
        for (head, expected) in [
            (&b"\x1A\x45\xDF\xA3\x01"[..], Some("audio/webm")),
            (b"\0\0\0\x1Cftypmp42", Some("audio/mp4")),
            (b"OggS\0", Some("audio/ogg")),
            (b"ID3\x04", Some("audio/mpeg")),
            (b"\xFF\xFB\x90", Some("audio/mpeg")),
            (b"RIFF\0\0\0\0WAVE", Some("audio/wav")),
            (b"%PDF-1.7", Some("application/pdf")),
            ("día;1\r\n".as_bytes(), Some("text/plain")),
            (b"d\xC3", Some("text/plain")),
            (b"d\xFFx", None),
            (b"MZ\x90\0", None),
            (b"", None),
        ] {
            assert_eq!(begins_as(head), expected, "{head:?}");
        }
        assert!(agrees("text/csv", b"a,b") && !agrees("text/csv", b"%PDF-1.7"));
        assert!(!agrees("audio/webm", b"OggS") && agrees("image/jpeg", b"whatever it is"));
        assert!(!agrees("application/x-msdownload", b"MZ"));
    }

    #[test]
    fn an_item_takes_its_own_media_types_within_the_size_and_only_where_they_are_permitted() {
        let all = Permitted { audio: true, files: true };
        let code =
            |kind, permitted, mime, size| refusal(kind, permitted, mime, size, "/A01").map(|it| it.code);
        for (kind, permitted, mime, size, expected) in [
            (ItemType::Audio, all, "audio/webm", 1, None),
            (ItemType::File, all, "application/pdf", MAX_ATTACHMENT_BYTES, None),
            (ItemType::File, all, "image/png", 1, None),
            (ItemType::Photo, Permitted::default(), "image/heic", 0, None),
            (ItemType::Audio, all, "application/pdf", 1, Some("media_type")),
            (ItemType::File, all, "audio/webm", 1, Some("media_type")),
            (ItemType::File, all, "text/html", 1, Some("media_type")),
            (ItemType::Audio, all, "audio/ogg", 0, Some("too_large")),
            (ItemType::File, all, "text/csv", MAX_ATTACHMENT_BYTES + 1, Some("too_large")),
            (ItemType::Audio, Permitted { audio: false, files: true }, "audio/ogg", 1, Some("not_permitted")),
            (ItemType::File, Permitted { audio: true, files: false }, "text/csv", 1, Some("not_permitted")),
        ] {
            assert_eq!(code(kind, permitted, mime, size).as_deref(), expected, "{kind:?} {mime} {size}");
        }
        let of_appeals: Vec<&str> = MEDIA_TYPES.iter().map(|it| it.0).filter(|it| is_of_appeal(it)).collect();
        assert_eq!(of_appeals, ["application/pdf", "image/jpeg", "image/png", "image/webp"]);
        assert_eq!(accepted(ItemType::Audio).len(), 5);
        assert_eq!(accepted(ItemType::File).len(), 6);
        assert!(accepted(ItemType::Photo).is_empty());
    }
}
