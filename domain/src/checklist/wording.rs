//! Answers in words, as people read them beside a score: what was answered, and what would have earned everything.

use alloc::{format, string::String, vec::Vec};

use super::{CreditBand, Item, ItemType};
use crate::{Exact, LocalText};

impl Item {
    /// The answer that earns full credit, in words; empty for an item that cannot score.
    pub fn best_answer(&self) -> LocalText {
        match self.kind {
            ItemType::YesNo | ItemType::YesNoNa => LocalText::new("Sí", "Yes"),
            ItemType::Scale => self.step_in_words(5),
            ItemType::SingleChoice => {
                let best = self.options.iter().filter_map(|it| it.c.as_ref()).max();
                self.options_where(|c| Some(c) == best, (" o ", " or "))
            }
            ItemType::MultiChoice => self.options_where(|c| !c.is_zero() && !c.is_negative(), ("; ", "; ")),
            ItemType::Number | ItemType::Duration => self.best_band(),
            ItemType::Time | ItemType::Photo | ItemType::Text | ItemType::Audio | ItemType::File => {
                LocalText::default()
            }
        }
    }

    /// An answer as the explanation of a score shows it (`yes`, `4`, `12.5`, the id of an option), in words.
    pub fn answer_in_words(&self, shown: &str) -> LocalText {
        let same = || LocalText::new(shown, shown);
        match (self.kind, shown) {
            (_, "na") => LocalText::new("No aplica", "Not applicable"),
            (ItemType::YesNo | ItemType::YesNoNa, "yes") => LocalText::new("Sí", "Yes"),
            (ItemType::YesNo | ItemType::YesNoNa, "no") => LocalText::new("No", "No"),
            (ItemType::Scale, step) => step.parse().map_or_else(|_| same(), |it| self.step_in_words(it)),
            (ItemType::SingleChoice, id) => self.option(id).map_or_else(same, name),
            (ItemType::MultiChoice, ids) => {
                joined(ids.split(", ").filter_map(|it| self.option(it)).map(name), ("; ", "; "))
            }
            (ItemType::Number | ItemType::Duration, number) => self.measured(number),
            _ => same(),
        }
    }

    fn step_in_words(&self, step: usize) -> LocalText {
        let anchor = |all: &Vec<String>| {
            let found = step.checked_sub(1).and_then(|it| all.get(it));
            found.map(|it| format!(": {it}")).unwrap_or_default()
        };
        let (es, en) = self.anchors.as_ref().map(|it| (anchor(&it.es), anchor(&it.en))).unwrap_or_default();
        LocalText::new(format!("{step} de 5{es}"), format!("{step} of 5{en}"))
    }

    fn options_where(&self, is_meant: impl Fn(&Exact) -> bool, between: (&str, &str)) -> LocalText {
        let meant = self.options.iter().filter(|it| it.c.as_ref().is_some_and(&is_meant));
        joined(meant.map(name), between)
    }

    fn best_band(&self) -> LocalText {
        let Some(credit) = &self.credit else { return LocalText::default() };
        let worth = |it: &CreditBand| match it {
            CreditBand::UpTo { c, .. } | CreditBand::Otherwise { c } => c.clone(),
        };
        let Some(most) = credit.bands.iter().map(worth).max() else { return LocalText::default() };
        let mut below: Option<&Exact> = None;
        let mut best: Option<(Option<&Exact>, Option<&Exact>)> = None;
        for band in &credit.bands {
            let (limit, c) = match band {
                CreditBand::UpTo { le, c } => (Some(le), c),
                CreditBand::Otherwise { c } => (None, c),
            };
            if *c == most {
                best = Some((best.map_or(below, |it| it.0), limit));
            }
            below = limit;
        }
        match best {
            Some((None, Some(limit))) => {
                let limit = self.measured(&format!("{limit}"));
                LocalText::new(format!("a lo más {}", limit.es), format!("at most {}", limit.en))
            }
            Some((Some(above), None)) => {
                let above = self.measured(&format!("{above}"));
                LocalText::new(format!("más de {}", above.es), format!("more than {}", above.en))
            }
            Some((Some(above), Some(limit))) => {
                let (above, limit) = (format!("{above}"), self.measured(&format!("{limit}")));
                LocalText::new(
                    format!("más de {above} y a lo más {}", limit.es),
                    format!("more than {above} and at most {}", limit.en),
                )
            }
            Some((None, None)) | None => LocalText::default(),
        }
    }

    /// A number with its unit.
    fn measured(&self, number: &str) -> LocalText {
        let text = self.unit.as_ref().map_or_else(|| String::from(number), |it| format!("{number} {it}"));
        LocalText::new(text.clone(), text)
    }
}

fn name(option: &super::ItemOption) -> LocalText {
    LocalText::new(option.es.clone(), option.en.clone())
}

fn joined(texts: impl Iterator<Item = LocalText>, between: (&str, &str)) -> LocalText {
    let (es, en): (Vec<String>, Vec<String>) = texts.map(|it| (it.es, it.en)).unzip();
    LocalText::new(es.join(between.0), en.join(between.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn item(rest: &str) -> Item {
        let text = r#"{"es": "q", "en": "q"}"#;
        serde_json::from_str(&format!(r#"{{"id": "A01", "weight": 1, "q": {text}, {rest}}}"#)).unwrap()
    }

    #[test]
    fn the_best_answer_of_every_kind_that_scores_is_told() {
        let anchors =
            r#""anchors": {"es": ["a", "b", "c", "d", "muy bien"], "en": ["a", "b", "c", "d", "very well"]}"#;
        let options = r#""options": [{"id": "x", "c": "1", "es": "Equis", "en": "Ex"}, {"id": "y", "c": "0.5", "es": "Ye", "en": "Why"}, {"id": "z", "c": "0", "es": "Zeta", "en": "Zed"}]"#;
        let less = r#""unit": "min", "credit": {"bands": [{"le": "5", "c": "1"}, {"le": "10", "c": "0.5"}, {"else": "0"}]}"#;
        let more = r#""credit": {"bands": [{"le": "2", "c": "0"}, {"else": "1"}]}"#;
        let between = r#""credit": {"bands": [{"le": "2", "c": "0"}, {"le": "4", "c": "1"}, {"else": "0"}]}"#;
        for (rest, expected) in [
            (r#""type": "yes_no""#.to_string(), "Sí"),
            (format!(r#""type": "scale_1_5", {anchors}"#), "5 de 5: muy bien"),
            (format!(r#""type": "single_choice", {options}"#), "Equis"),
            (format!(r#""type": "multi_choice", {options}"#), "Equis; Ye"),
            (format!(r#""type": "duration", {less}"#), "a lo más 5 min"),
            (format!(r#""type": "number", {more}"#), "más de 2"),
            (format!(r#""type": "number", {between}"#), "más de 2 y a lo más 4"),
            (r#""type": "text""#.to_string(), ""),
        ] {
            assert_eq!(item(&rest).best_answer().es, expected, "{rest}");
        }
    }

    #[test]
    fn an_answer_is_told_in_the_words_of_its_item() {
        let options = r#""type": "multi_choice", "options": [{"id": "x", "es": "Equis", "en": "Ex"}, {"id": "y", "es": "Ye", "en": "Why"}]"#;
        assert_eq!(item(options).answer_in_words("x, y").en, "Ex; Why");
        let yes_no = item(r#""type": "yes_no_na""#);
        assert_eq!(
            (yes_no.answer_in_words("no").es.as_str(), yes_no.answer_in_words("na").es.as_str()),
            ("No", "No aplica")
        );
        let scale = item(r#""type": "scale_1_5""#);
        assert_eq!(scale.answer_in_words("2").es, "2 de 5");
        assert_eq!(item(r#""type": "duration", "unit": "min""#).answer_in_words("12.5").en, "12.5 min");
    }
}
