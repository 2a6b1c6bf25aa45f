//! What people and programs send to the office as JSON, spreadsheets, and the file that proves a visit.

use crate::{fair, flipped, within};
use server::{
    app::{
        imports::{Kind, Prepared, Upload},
        visits::evidence::check,
    },
    testing::strangers::BODIES,
};
use sync_core::{Bytes, Hash, codec, signature::SigningKey};

/// The key that the office of the recorded file signs with.
const OFFICE: [u8; 32] = [
    205, 38, 98, 21, 78, 109, 118, 178, 178, 185, 46, 112, 192, 202, 195, 204, 245, 52, 249, 183, 78, 181,
    184, 152, 25, 236, 80, 144, 131, 208, 10, 80,
];

/// A body of the API; the first byte says of what.
pub fn api_json(bytes: &[u8]) {
    let Some((choice, text)) = bytes.split_first() else { return };
    let Some(read) = BODIES.get(usize::from(*choice) % BODIES.len()) else { return };
    let Err(error) = within(fair(text), || read(text)) else { return };
    let problem = error.problem();
    assert!([400, 422].contains(&problem.status), "{problem:?}");
    assert!(!problem.errors.is_empty(), "refused for no reason");
    for it in &problem.errors {
        let whole = !it.code.is_empty() && !it.message_es.is_empty() && !it.message_en.is_empty();
        assert!(whole, "{it:?}");
    }
}

/// Bytes that a spreadsheet may take for each of its own: a workbook is packed up to a thousand times, and a cell is more than the
/// sixteen bytes that it is written in.
const PER_PACKED_BYTE: usize = 8_192;
/// Bytes that any spreadsheet may take: the texts of its cells may be one text over and over.
const ANY_SPREADSHEET: usize = 128 << 20;

/// A spreadsheet to import; the first byte says of what.
pub fn spreadsheet(bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let Some(kind) = Kind::ALL.get(usize::from(*choice) % Kind::ALL.len()).copied() else { return };
    let most = bytes.len().saturating_mul(PER_PACKED_BYTE).saturating_add(ANY_SPREADSHEET);
    let upload = Upload { kind, file_name: "a", sheet: None, bytes };
    match within(most, || Prepared::read(upload)) {
        Ok(read) => {
            for it in read.problems() {
                let whole = !it.code.is_empty() && !it.message_es.is_empty() && !it.message_en.is_empty();
                assert!(it.row > 0 && whole, "{it:?}");
            }
        }
        Err(error) => {
            let problem = error.problem();
            assert!([413, 422].contains(&problem.status), "{problem:?}");
            assert!(!problem.errors.is_empty(), "refused for no reason");
        }
    }
}

/// The file that proves a visit, as it is, or as a body that the office's key seals.
pub fn evidence_file(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    drop(within(fair(bytes), || check(text)));
    let text = text.trim();
    let sealed = sealed(text);
    if within(fair(sealed.as_bytes()), || check(&sealed)).is_ok()
        && let Ok(changed) = String::from_utf8(flipped(sealed.as_bytes()))
    {
        assert!(check(&changed).is_err(), "changed and taken: {changed}");
    }
}

fn sealed(body: &str) -> String {
    let key = SigningKey::from_secret(&OFFICE);
    let mut signed = Vec::from(*b"veedor-visit-1");
    signed.extend_from_slice(&Hash::of(body.as_bytes()).0);
    let text = |it: Result<Vec<u8>, codec::CodecError>| {
        String::from_utf8(it.expect("a key can be written")).expect("JSON is text")
    };
    let public = text(codec::to_json(&key.public_key()));
    let sig = text(codec::to_json(&Bytes::from(key.sign(&signed))));
    format!(r#"{{"format":"veedor-visit-1","body":{body},"key":{public},"sig":{sig}}}"#)
}
