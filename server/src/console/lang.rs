//! The language of a page: as the address says, else as the browser prefers, else Spanish.

use actix_web::{HttpRequest, http::header};
use domain::{LocalText, Problem};
use std::fmt;

/// A language of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lang {
    Es,
    En,
}

impl Lang {
    /// The language of a request.
    pub(crate) fn of(request: &HttpRequest, asked: Option<&str>) -> Self {
        let accepted = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|it| it.to_str().ok());
        asked.and_then(Self::named).or_else(|| accepted.and_then(Self::preferred)).unwrap_or(Self::Es)
    }

    fn named(text: &str) -> Option<Self> {
        let primary = text.trim().split('-').next().unwrap_or_default();
        if primary.eq_ignore_ascii_case("es") {
            Some(Self::Es)
        } else if primary.eq_ignore_ascii_case("en") {
            Some(Self::En)
        } else {
            None
        }
    }

    /// The first language of the header that the console speaks, by weight; a weight of 0 refuses it.
    fn preferred(header: &str) -> Option<Self> {
        let mut best: Option<(u32, Self)> = None;
        for entry in header.split(',') {
            let (name, rest) = entry.split_once(';').unwrap_or((entry, ""));
            let Some(lang) = Self::named(name) else { continue };
            let weight = weight(rest);
            if weight > 0 && best.is_none_or(|(held, _)| weight > held) {
                best = Some((weight, lang));
            }
        }
        best.map(|(_, lang)| lang)
    }

    /// The text of this language.
    pub(crate) fn t(self, es: &'static str, en: &'static str) -> &'static str {
        match self {
            Self::Es => es,
            Self::En => en,
        }
    }

    /// The text of this language.
    pub(crate) fn text(self, text: &LocalText) -> &str {
        match self {
            Self::Es => &text.es,
            Self::En => &text.en,
        }
    }

    /// What a problem says in this language.
    pub(crate) fn problem(self, problem: &Problem) -> Vec<String> {
        let texts = problem.errors.iter().map(|it| match self {
            Self::Es => it.message_es.clone(),
            Self::En => it.message_en.clone(),
        });
        texts.collect()
    }
}

/// `q=0.8` in thousandths; 1000 where nothing is said.
fn weight(rest: &str) -> u32 {
    let Some(q) = rest.trim().strip_prefix("q=") else { return 1_000 };
    domain::Exact::parse(q.trim())
        .ok()
        .and_then(|it| it.to_scaled(3))
        .and_then(|it| u32::try_from(it).ok())
        .unwrap_or(0)
}

impl fmt::Display for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.t("es", "en"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browsers_preference_decides_by_weight() {
        assert_eq!(Lang::preferred("en-GB,en;q=0.9,es;q=0.8"), Some(Lang::En));
        assert_eq!(Lang::preferred("fr, en;q=0.5, es-MX;q=0.7"), Some(Lang::Es));
        assert_eq!(Lang::preferred("en;q=0"), None);
        assert_eq!(Lang::preferred("fr"), None);
    }
}
