//! The link that logs a phone in: where the phone app is, and a one-time code behind `#`, which browsers send to nobody. Owns the
//! link, its QR for a terminal, and which addresses a phone can use.

use clap::Args;
use domain::Problem;
use qrcode::{EcLevel, QrCode, render::unicode::Dense1x2};
use std::net::SocketAddr;

/// White blocks on black, whatever the terminal's own colours.
const INK: &str = "\x1b[97;40m";
const NO_INK: &str = "\x1b[0m";

/// Where phones reach the office
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct AppAddress {
    /// Where phones reach the office, such as https://veedor.example.org; this machine where it is left out
    #[arg(long = "app", value_name = "ORIGIN", value_parser = origin)]
    origin: Option<String>,
}

impl AppAddress {
    /// The link for a code, to an office that listens there.
    pub(crate) fn link(&self, listen: &str, is_tls: bool, code: &str) -> String {
        let origin = self.origin.clone().unwrap_or_else(|| of_listener(listen, is_tls));
        format!("{origin}/app/#code={code}")
    }
}

/// Scheme, host and port, as a browser says them; without TLS only this machine, since elsewhere browsers keep no app.
fn origin(text: &str) -> Result<String, String> {
    let refused = || {
        "se espera https://SERVIDOR, o http://localhost:PUERTO / https://HOST is expected, or http://localhost:PORT"
            .to_owned()
    };
    let (scheme, rest) = text.split_once("://").ok_or_else(refused)?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (rest, "443"),
    };
    let is_local = ["localhost", "127.0.0.1", "[::1]"].contains(&host);
    let is_secure = scheme == "https" || (scheme == "http" && is_local);
    let fits = |it: char| it.is_ascii_alphanumeric() || "-._[]:".contains(it);
    if is_secure && !host.is_empty() && host.chars().all(fits) && port.parse::<u16>().is_ok() {
        Ok(format!("{scheme}://{rest}"))
    } else {
        Err(refused())
    }
}

/// Where a browser on this machine reaches what listens there.
fn of_listener(listen: &str, is_tls: bool) -> String {
    let scheme = if is_tls { "https" } else { "http" };
    match listen.parse::<SocketAddr>() {
        Ok(it) if it.ip().is_loopback() || it.ip().is_unspecified() => {
            format!("{scheme}://localhost:{}", it.port())
        }
        _ => format!("{scheme}://{listen}"),
    }
}

/// A text as a QR of half-height blocks with its margin; in ink where it is shown on a terminal.
///
/// # Errors
/// `internal` for a text that no QR can hold.
pub(crate) fn qr(text: &str, is_terminal: bool) -> Result<String, Problem> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M)
        .map_err(|error| Problem::single(500, "internal", "No se pudo dibujar el QR.", error.to_string()))?;
    let (ink, no_ink) = if is_terminal { (INK, NO_INK) } else { ("", "") };
    // Its "dark" is the block that is drawn: here the light ones, as on most terminals.
    let drawn = code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build();
    Ok(drawn.lines().map(|it| format!("{ink}{it}{no_ink}\n")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of a QR that was drawn, read as a camera reads it.
    fn read(drawn: &str) -> String {
        let rows: Vec<Vec<char>> = drawn.lines().map(|it| it.chars().collect()).collect();
        let is_dark = |x: usize, y: usize| {
            let half = rows[y / 2][x];
            if y.is_multiple_of(2) { " \u{2584}".contains(half) } else { " \u{2580}".contains(half) }
        };
        let (wide, high) = (rows[0].len(), rows.len() * 2);
        let shade = |x: usize, y: usize| if is_dark(x / 4, y / 4) { 0 } else { 255 };
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(wide * 4, high * 4, shade);
        image.detect_grids()[0].decode().unwrap().1
    }

    #[test]
    fn a_camera_reads_the_link() {
        let link = AppAddress::default().link("127.0.0.1:8080", false, "7K4M-9XQ2-TB3H");
        assert_eq!(link, "http://localhost:8080/app/#code=7K4M-9XQ2-TB3H");
        assert_eq!(read(&qr(&link, false).unwrap()), link);
        let inked = qr(&link, true).unwrap();
        assert!(inked.lines().all(|it| it.starts_with(INK) && it.ends_with(NO_INK)));
    }

    #[test]
    fn a_link_leads_where_a_browser_keeps_an_app() {
        let listens = |listen| AppAddress::default().link(listen, false, "C");
        assert_eq!(listens("0.0.0.0:80"), "http://localhost:80/app/#code=C");
        assert_eq!(listens("[::1]:80"), "http://localhost:80/app/#code=C");
        assert_eq!(AppAddress::default().link("[::]:443", true, "C"), "https://localhost:443/app/#code=C");
        assert_eq!(listens("veedor.example.org:80"), "http://veedor.example.org:80/app/#code=C");
        let given = AppAddress { origin: Some(origin("https://veedor.example.org/").unwrap()) };
        assert_eq!(given.link("0.0.0.0:80", false, "C"), "https://veedor.example.org/app/#code=C");
        for good in ["https://a:8443", "http://localhost:1", "http://[::1]:80", "https://[2001:db8::1]"] {
            assert_eq!(origin(good).as_deref(), Ok(good));
        }
        for bad in ["a", "http://a", "https://", "https://a/app", "https://a:b", "https://a?b", "ftp://a"] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }
}
