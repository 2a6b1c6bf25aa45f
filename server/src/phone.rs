//! The phone's pages as files: read whole when the office opens, so that nothing but these names can ever be asked for. Owns what of a
//! folder is served, and as what; knows nothing of requests.

use crate::{config::Config, error::ApiError};
use actix_web::web::Bytes;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use sync_core::Hash;

/// The page at the address itself.
pub(crate) const INDEX: &str = "index.html";
/// Packed forms, best first: name in HTTP, and how a file of it ends.
pub(crate) const PACKED: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];
/// Most files of a phone, and most bytes of all: whoever names another folder by mistake is told.
const MAX_FILES: usize = 2_000;
const MAX_BYTES: u64 = 64 << 20;

/// The phone's files by their names below the address; none where the office serves no phone.
#[derive(Debug, Default)]
pub(crate) struct Phone {
    pub(crate) files: BTreeMap<String, File>,
}

/// One file, ready to be sent.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) media_type: &'static str,
    pub(crate) is_forever: bool,
    pub(crate) whole: Form,
    /// By the name of the encoding.
    pub(crate) packed: BTreeMap<&'static str, Form>,
}

/// Bytes with the tag that tells them from all others.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) bytes: Bytes,
    pub(crate) tag: String,
}

impl Form {
    fn of(bytes: Vec<u8>) -> Self {
        Self { tag: format!("\"{}\"", Hash::of(&bytes)), bytes: bytes.into() }
    }
}

impl Phone {
    /// Reads the folder of the settings, whole.
    ///
    /// # Errors
    /// `bad_setting` (422) at `/phone` for a folder that cannot be read, has no page, or is too large to be a phone.
    pub(crate) fn read(config: &Config) -> Result<Self, ApiError> {
        let Some(folder) = &config.phone else { return Ok(Self::default()) };
        let found = contents(folder).map_err(|why| unusable(folder, &why))?;
        if !found.contains_key(INDEX) {
            return Err(unusable(folder, "index.html is missing"));
        }
        Ok(Self { files: of_contents(found) })
    }
}

fn unusable(folder: &Path, why: &str) -> ApiError {
    let folder = folder.display();
    ApiError::field(
        "/phone",
        "bad_setting",
        format!(
            "No vale: {folder} no es la carpeta de la aplicación del teléfono ({why}); la hace «cargo xtask phone» en phone/dist."
        ),
        format!(
            "Not valid: {folder} is not the folder of the phone app ({why}); `cargo xtask phone` makes it in phone/dist"
        ),
    )
}

/// Every file of a folder by its name there, steps divided by `/`; hidden ones are not for anybody.
fn contents(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let (mut found, mut folders, mut total) = (BTreeMap::new(), vec![(String::new(), folder.to_owned())], 0);
    while let Some((above, folder)) = folders.pop() {
        let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
        for entry in fs::read_dir(&folder).map_err(|it| failed(&folder, it))? {
            let path: PathBuf = entry.map_err(|it| failed(&folder, it))?.path();
            let Some(name) = path.file_name().and_then(|it| it.to_str()).filter(|it| !it.starts_with('.'))
            else {
                continue;
            };
            let name = format!("{above}{name}");
            let kind = fs::symlink_metadata(&path).map_err(|it| failed(&path, it))?;
            if kind.is_dir() {
                folders.push((format!("{name}/"), path));
                continue;
            }
            total += fs::metadata(&path).map_err(|it| failed(&path, it))?.len();
            if found.len() >= MAX_FILES || total > MAX_BYTES {
                return Err(format!("more than {MAX_FILES} files, or {MAX_BYTES} bytes"));
            }
            found.insert(name, fs::read(&path).map_err(|it| failed(&path, it))?);
        }
    }
    Ok(found)
}

/// Puts what is packed to what it was packed from.
fn of_contents(mut contents: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, File> {
    let mut packed_of: BTreeMap<String, BTreeMap<&'static str, Form>> = BTreeMap::new();
    for (encoding, ending) in PACKED {
        let is_packed = |name: &str| name.strip_suffix(ending).is_some_and(|it| contents.contains_key(it));
        let names: Vec<String> = contents.keys().filter(|it| is_packed(it)).cloned().collect();
        for name in names {
            let whole = name.trim_end_matches(ending).to_owned();
            if let Some(bytes) = contents.remove(&name) {
                packed_of.entry(whole).or_default().insert(encoding, Form::of(bytes));
            }
        }
    }
    let file = |(name, bytes): (String, Vec<u8>)| {
        let packed = packed_of.remove(&name).unwrap_or_default();
        let (media_type, is_forever) = (media_type(&name), is_named_by_content(&name));
        (name, File { media_type, is_forever, whole: Form::of(bytes), packed })
    };
    contents.into_iter().map(file).collect()
}

/// The type of a file by the end of its name.
fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Whether the name ends in a hash of the content, as in `assets/index-B7x_9QkL.js`. A word is none, nor is a number of any length.
fn is_named_by_content(name: &str) -> bool {
    const DIGITS: usize = 8;
    let Some(file) = name.strip_prefix("assets/").map(|it| it.rsplit('/').next().unwrap_or(it)) else {
        return false;
    };
    let stem = file.split('.').next().unwrap_or(file);
    let Some((before, hash)) = stem.len().checked_sub(DIGITS).and_then(|it| stem.split_at_checked(it)) else {
        return false;
    };
    let is_digit = |it: u8| it.is_ascii_alphanumeric() || it == b'-' || it == b'_';
    let is_no_word = |it: u8| it.is_ascii_digit() || it.is_ascii_uppercase() || it == b'_';
    before.len() > 1 && before.ends_with('-') && hash.bytes().all(is_digit) && hash.bytes().any(is_no_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_hash_of_the_content_lasts() {
        for name in
            ["assets/index-B7x_9QkL.js", "assets/phone_wasm_bg-a-Bcd_12.wasm", "assets/x/a-01234567.css"]
        {
            assert!(is_named_by_content(name), "{name}");
        }
        for name in [
            "index-B7x_9QkL.js",
            "assets/index.js",
            "assets/icon-maskable.png",
            "assets/-B7x_9QkL.js",
            "assets/B7x_9QkL.js",
            "sw.js",
            "assets/año-B7x_9Qk.js",
        ] {
            assert!(!is_named_by_content(name), "{name}");
        }
    }
}
