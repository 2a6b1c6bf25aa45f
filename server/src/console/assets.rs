//! The files that pages load: styles and scripts of our own, and htmx as its makers gave it. Owns their addresses, which change with
//! their content, so that browsers keep them for good.

use actix_web::{HttpResponse, http::header, web};
use sha2::{Digest as _, Sha256};
use std::{fmt::Write as _, sync::LazyLock};

/// A file, with the beginning of its hash in its address.
struct Asset {
    address: String,
    kind: &'static str,
    content: &'static str,
}

static STYLES: LazyLock<Asset> = LazyLock::new(|| {
    asset("console.css", "text/css; charset=utf-8", include_str!("../../assets/console.css"))
});
static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| asset("console.js", SCRIPT_KIND, include_str!("../../assets/console.js")));
/// htmx 4.0.1, its `dist/htmx.min.js`, under the licence 0BSD.
static HTMX: LazyLock<Asset> =
    LazyLock::new(|| asset("htmx-4.0.1.js", SCRIPT_KIND, include_str!("../../assets/htmx-4.0.1.min.js")));

const SCRIPT_KIND: &str = "text/javascript; charset=utf-8";
/// Digits of the hash in an address.
const DIGITS: usize = 16;

fn asset(name: &str, kind: &'static str, content: &'static str) -> Asset {
    let mut hash = String::new();
    for byte in Sha256::digest(content).iter().take(DIGITS / 2) {
        // Writing into a text cannot fail.
        let _ = write!(hash, "{byte:02x}");
    }
    Asset { address: format!("/assets/{hash}/{name}"), kind, content }
}

/// The address of the styles.
pub(crate) fn styles() -> &'static str {
    &STYLES.address
}

/// The address of our script.
pub(crate) fn script() -> &'static str {
    &SCRIPT.address
}

/// The address of htmx.
pub(crate) fn htmx() -> &'static str {
    &HTMX.address
}

pub(super) fn routes(config: &mut web::ServiceConfig) {
    for it in [&STYLES, &SCRIPT, &HTMX] {
        let asset: &'static Asset = it;
        config.route(&asset.address, web::get().to(move || async move { served(asset) }));
    }
}

fn served(asset: &Asset) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(asset.kind)
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(asset.content)
}
