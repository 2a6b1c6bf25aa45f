//! The language of a page: as the address says, else as was chosen before, else as the browser prefers, else Spanish.

use super::shell::query_of;
use actix_web::{HttpRequest, http::header};
use domain::{FieldProblem, LocalText, Problem};
use std::fmt;

/// The cookie that remembers the language chosen.
pub(crate) const LANG_COOKIE: &str = "veedor_lang";

/// A language of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lang {
    Es,
    En,
}

impl Lang {
    /// The language of a request.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let asked = || query_of(request, "lang").and_then(|it| Self::named(&it));
        let chosen = || request.cookie(LANG_COOKIE).and_then(|it| Self::named(it.value()));
        let accepted =
            || request.headers().get(header::ACCEPT_LANGUAGE)?.to_str().ok().and_then(Self::preferred);
        asked().or_else(chosen).or_else(accepted).unwrap_or(Self::Es)
    }

    pub(super) fn named(text: &str) -> Option<Self> {
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
    pub(crate) fn text(self, text: &LocalText) -> &str {
        match self {
            Self::Es => &text.es,
            Self::En => &text.en,
        }
    }

    /// One of two texts.
    pub(crate) fn choose<'a>(self, es: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Es => es,
            Self::En => en,
        }
    }

    /// What is wrong with a field.
    pub(crate) fn message(self, it: &FieldProblem) -> &str {
        self.choose(&it.message_es, &it.message_en)
    }

    /// What a problem says in this language.
    pub(crate) fn problem(self, problem: &Problem) -> Vec<String> {
        problem.errors.iter().map(|it| self.message(it).to_owned()).collect()
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
        f.write_str(match self {
            Self::Es => "es",
            Self::En => "en",
        })
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
