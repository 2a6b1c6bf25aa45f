//! Judges one item: whether its keys fit its type, and whether its credit makes sense. Owns the rules of an item
//! that need no other item.

use std::collections::BTreeSet;

use domain::{
    Exact,
    checklist::{CREDIT_DECIMALS, CreditBand, Item, ItemType, MAX_WEIGHT, Section},
};

use super::validator::{bad_range, local_text, not_empty, photo_limits, repeated};
use crate::{ids, read::Report};

/// Largest number of photos or characters that evidence may demand.
const MAX_DEMANDED_PHOTOS: u32 = 20;
const MAX_DEMANDED_CHARS: u32 = 5_000;

/// An item, where it stands, and where to report.
struct Judged<'a> {
    item: &'a Item,
    at: &'a str,
    report: &'a Report,
}

/// Judges an item of a section.
pub(super) fn validate(item: &Item, section: &Section, at: &str, report: &Report) {
    let judged = Judged { item, at, report };
    judged.id(section);
    judged.texts();
    if report.is_misread(&format!("{at}.type")) {
        return;
    }
    judged.weight();
    judged.keys_of_type();
    judged.options();
    judged.credit();
    judged.reach();
    judged.evidence();
}

impl Judged<'_> {
    fn refuse(&self, key: &str, code: &str, es: impl Into<String>, en: impl Into<String>) {
        self.report.refuse(&format!("{}.{key}", self.at), code, es, en);
    }

    fn id(&self, section: &Section) {
        let id = &self.item.id;
        let (letter, digits) = id.split_at_checked(1).unwrap_or_default();
        let is_formed =
            letter == section.id && digits.len() == 2 && digits.bytes().all(|it| it.is_ascii_digit());
        if !is_formed {
            let section = &section.id;
            self.refuse(
                "id",
                "bad_item_id",
                format!("El id es la letra de la sección y dos cifras, como {section}01"),
                format!("The id is the letter of the section and two digits, such as {section}01"),
            );
        }
    }

    fn texts(&self) {
        local_text(self.report, &format!("{}.q", self.at), &self.item.q);
        if let Some(hint) = &self.item.hint {
            local_text(self.report, &format!("{}.hint", self.at), hint);
        }
        if let Some(confirm) = &self.item.confirm {
            local_text(self.report, &format!("{}.confirm.says", self.at), &confirm.says);
        }
        if let Some(unit) = &self.item.unit {
            not_empty(self.report, &format!("{}.unit", self.at), unit);
        }
        for (key, id) in [("pillar", &self.item.pillar), ("indicator", &self.item.indicator)] {
            if let Some(id) = id {
                ids::snake(self.report, &format!("{}.{key}", self.at), id);
            }
        }
    }

    fn weight(&self) {
        let item = self.item;
        if item.weight > MAX_WEIGHT {
            let (es, en) =
                (format!("El peso pasa de {MAX_WEIGHT}"), format!("The weight is above {MAX_WEIGHT}"));
            self.refuse("weight", "out_of_range", es, en);
        }
        if item.is_scored() && !item.kind.can_score() {
            let kind = item.kind.name();
            self.refuse(
                "weight",
                "cannot_score",
                format!("Una pregunta de tipo {kind} no califica; ponga peso 0 y sin «critical»"),
                format!("An item of type {kind} does not score; set weight 0 and no `critical`"),
            );
        }
        if !item.required && (item.critical || (item.weight > 0 && !item.bonus)) {
            self.refuse(
                "required",
                "not_required",
                "Una pregunta crítica o con peso debe ser obligatoria; agregue «required: true»",
                "A critical or scored item must be required; add `required: true`",
            );
        }
        if item.bonus && item.critical {
            self.refuse(
                "bonus",
                "critical_bonus",
                "Una pregunta adicional no puede ser crítica; quite una de las dos",
                "A bonus item cannot be critical; remove one of the two",
            );
        }
        if item.bonus && item.weight == 0 {
            self.refuse(
                "bonus",
                "bonus_without_weight",
                "Una pregunta adicional necesita peso",
                "A bonus item needs weight",
            );
        }
    }

    fn keys_of_type(&self) {
        let item = self.item;
        let numeric = item.kind.is_numeric();
        for (key, present, fits, types) in [
            ("min", item.min.is_some(), numeric, "number, duration"),
            ("max", item.max.is_some(), numeric, "number, duration"),
            ("unit", item.unit.is_some(), numeric, "number, duration"),
            ("allow_na", item.allow_na, numeric, "number, duration"),
            ("min_chars", item.min_chars.is_some(), item.kind == ItemType::Text, "text"),
            ("anchors", item.anchors.is_some(), item.kind == ItemType::Scale, "scale_1_5"),
            ("options", !item.options.is_empty(), item.kind.is_choice(), "single_choice, multi_choice"),
            (
                "credit",
                item.credit.is_some(),
                numeric || item.kind == ItemType::MultiChoice,
                "number, duration, multi_choice",
            ),
        ] {
            if present && !fits {
                self.refuse(
                    key,
                    "not_for_type",
                    format!("«{key}» solo va con: {types}; quítela o cambie el tipo"),
                    format!("`{key}` only goes with: {types}; remove it or change the type"),
                );
            }
        }
        if let (Some(min), Some(max)) = (&item.min, &item.max)
            && min > max
        {
            bad_range(self.report, &format!("{}.max", self.at), "min", "max");
        }
        if item.min_chars.is_some_and(|it| it > MAX_DEMANDED_CHARS) {
            self.too_much("min_chars", MAX_DEMANDED_CHARS);
        }
        if let Some(anchors) = &item.anchors {
            for (language, texts) in [("es", &anchors.es), ("en", &anchors.en)] {
                let filled = texts.iter().filter(|it| !it.trim().is_empty()).count();
                if texts.len() != 5 || filled != 5 {
                    self.refuse(
                        &format!("anchors.{language}"),
                        "anchors_not_five",
                        "Escriba cinco textos, del 1 al 5",
                        "Write five texts, from 1 to 5",
                    );
                }
            }
        }
    }

    fn options(&self) {
        let item = self.item;
        if item.kind.is_choice() && item.options.len() < 2 {
            self.refuse(
                "options",
                "options_missing",
                "Escriba al menos dos opciones",
                "Write at least two options",
            );
        }
        let mut seen = BTreeSet::new();
        for (index, option) in item.options.iter().enumerate() {
            let at = format!("{}.options[{index}]", self.at);
            ids::snake(self.report, &format!("{at}.id"), &option.id);
            if !seen.insert(&option.id) {
                repeated(self.report, &format!("{at}.id"), &option.id);
            }
            not_empty(self.report, &format!("{at}.es"), &option.es);
            not_empty(self.report, &format!("{at}.en"), &option.en);
            match &option.c {
                Some(credit) => self.credit_value(&format!("options[{index}].c"), credit),
                None if item.is_scored() => self.credit_missing(&format!("options[{index}].c"), "c: 0.5"),
                None => {}
            }
            if option.exclusive && item.kind != ItemType::MultiChoice {
                self.refuse(
                    &format!("options[{index}].exclusive"),
                    "not_for_type",
                    "«exclusive» solo va con multi_choice; quítela",
                    "`exclusive` only goes with multi_choice; remove it",
                );
            }
        }
    }

    fn credit(&self) {
        let item = self.item;
        let mode = item.credit.as_ref().and_then(|it| it.mode);
        let bands = item.credit.as_ref().map(|it| it.bands.as_slice()).unwrap_or_default();
        if item.kind == ItemType::MultiChoice {
            if item.is_scored() && mode.is_none() {
                self.credit_missing("credit", "credit: {mode: per_option}");
            }
            if !bands.is_empty() {
                self.refuse(
                    "credit.bands",
                    "not_for_type",
                    "«bands» solo va con: number, duration; quítela",
                    "`bands` only goes with: number, duration; remove it",
                );
            }
        }
        if item.kind.is_numeric() {
            if item.is_scored() && bands.is_empty() {
                self.credit_missing("credit", "credit: {bands: [{le: 5, c: 1.0}, {else: 0.0}]}");
            }
            if mode.is_some() {
                self.refuse(
                    "credit.mode",
                    "not_for_type",
                    "«mode» solo va con multi_choice; quítela",
                    "`mode` only goes with multi_choice; remove it",
                );
            }
            self.bands(bands);
        }
        if item.credit.is_some() && !item.is_scored() {
            self.refuse(
                "credit",
                "credit_without_weight",
                "La pregunta no tiene peso, así que su crédito no se usa; quítelo o dé peso",
                "The item has no weight, so its credit is not used; remove it or give weight",
            );
        }
    }

    fn bands(&self, bands: &[CreditBand]) {
        let mut previous: Option<&Exact> = None;
        for (index, band) in bands.iter().enumerate() {
            let key = format!("credit.bands[{index}]");
            match band {
                CreditBand::UpTo { le, c } => {
                    self.credit_value(&format!("{key}.c"), c);
                    if previous.is_some_and(|it| it >= le) {
                        self.refuse(
                            &format!("{key}.le"),
                            "bands_out_of_order",
                            "Los límites «le» deben subir de una banda a la siguiente",
                            "The limits `le` must go up from one band to the next",
                        );
                    }
                    previous = Some(le);
                }
                CreditBand::Otherwise { c } => {
                    self.credit_value(&format!("{key}.else"), c);
                    if index + 1 != bands.len() {
                        self.refuse(
                            &key,
                            "else_not_last",
                            "«else» va al final: las bandas que siguen nunca se usan",
                            "`else` goes last: the bands after it are never used",
                        );
                    }
                }
            }
        }
        if !bands.is_empty() && bands.iter().all(|it| matches!(it, CreditBand::UpTo { .. })) {
            self.refuse(
                "credit.bands",
                "else_missing",
                "Agregue al final una banda {else: ...} para los demás números",
                "Add a last band {else: ...} for all other numbers",
            );
        }
    }

    /// Whether full credit can be earned, and no credit where failing is critical.
    fn reach(&self) {
        let item = self.item;
        if !item.is_scored() || item.options.iter().any(|it| it.c.is_none()) {
            return;
        }
        let bands = item.credit.as_ref().map(|it| it.bands.as_slice()).unwrap_or_default();
        let of_bands = bands.iter().map(|(CreditBand::UpTo { c, .. } | CreditBand::Otherwise { c })| c);
        let of_options = item.options.iter().filter_map(|it| it.c.as_ref());
        let (best, worst, key) = match item.kind {
            ItemType::Number | ItemType::Duration => {
                (of_bands.clone().max().cloned(), of_bands.min().cloned(), "credit")
            }
            ItemType::SingleChoice => {
                (of_options.clone().max().cloned(), of_options.min().cloned(), "options")
            }
            ItemType::MultiChoice => (Some(of_options.sum()), Some(Exact::zero()), "options"),
            _ => return,
        };
        if best.is_some_and(|it| it < Exact::one()) {
            self.refuse(
                key,
                "full_credit_unreachable",
                "Ninguna respuesta da crédito 1, así que la sección nunca llega a 100; ajuste los créditos",
                "No answer gives credit 1, so the section never reaches 100; adjust the credits",
            );
        }
        if item.critical && worst.is_some_and(|it| !it.is_zero()) {
            self.refuse(
                key,
                "critical_unreachable",
                "Ninguna respuesta da crédito 0, así que la pregunta crítica nunca falla; dé 0 a una",
                "No answer gives credit 0, so the critical item never fails; give 0 to one",
            );
        }
    }

    fn evidence(&self) {
        let Some(evidence) = &self.item.evidence else { return };
        if let Some(photo) = &evidence.photo {
            if matches!(self.item.kind, ItemType::Audio | ItemType::File) {
                self.refuse(
                    "evidence.photo",
                    "not_for_type",
                    "Una grabación o un archivo no lleva fotos al lado; quítelas",
                    "There are no photos beside a recording or a file; remove them",
                );
            }
            if let Some(limits) = &photo.limits {
                photo_limits(limits, &format!("{}.evidence.photo.limits", self.at), self.report);
            }
            if photo.min > MAX_DEMANDED_PHOTOS {
                self.too_much("evidence.photo.min", MAX_DEMANDED_PHOTOS);
            }
            if photo.required_if.is_some() && photo.min == 0 {
                self.refuse(
                    "evidence.photo.min",
                    "demands_nothing",
                    "Con «required_if» escriba cuántas fotos se piden, 1 o más",
                    "With `required_if`, write how many photos are asked for, 1 or more",
                );
            }
            if let Some(hint) = &photo.hint {
                local_text(self.report, &format!("{}.evidence.photo.hint", self.at), hint);
            }
        }
        if let Some(comment) = &evidence.comment {
            if comment.min_chars == 0 {
                self.refuse(
                    "evidence.comment.min_chars",
                    "demands_nothing",
                    "Escriba cuántos caracteres se piden, 1 o más",
                    "Write how many characters are asked for, 1 or more",
                );
            }
            if comment.min_chars > MAX_DEMANDED_CHARS {
                self.too_much("evidence.comment.min_chars", MAX_DEMANDED_CHARS);
            }
            if let Some(hint) = &comment.hint {
                local_text(self.report, &format!("{}.evidence.comment.hint", self.at), hint);
            }
        }
    }

    fn credit_value(&self, key: &str, credit: &Exact) {
        let fits = !credit.is_negative()
            && *credit <= Exact::one()
            && credit.round_half_up(CREDIT_DECIMALS) == *credit;
        if !fits {
            self.refuse(
                key,
                "bad_credit",
                format!("El crédito va de 0 a 1, con {CREDIT_DECIMALS} decimales a lo más"),
                format!("Credit goes from 0 to 1, with at most {CREDIT_DECIMALS} decimals"),
            );
        }
    }

    fn credit_missing(&self, key: &str, example: &str) {
        self.refuse(
            key,
            "credit_missing",
            format!("La pregunta tiene peso; diga cuánto vale cada respuesta, como {example}"),
            format!("The item has weight; say what each answer is worth, such as {example}"),
        );
    }

    fn too_much(&self, key: &str, most: u32) {
        self.refuse(
            key,
            "out_of_range",
            format!("Pide demasiado: a lo más {most}"),
            format!("Asks for too much: at most {most}"),
        );
    }
}
