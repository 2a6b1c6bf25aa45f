//! Judges a checklist as a whole: its settings, its sections and how they fit together. Owns every rule above the
//! item; those of one item are in `items`, those of conditions in `conditions`.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Exact, LocalText,
    checklist::{
        CHECKLIST_SCHEMA, Checklist, CriticalMode, Item, ItemType, MAX_ITEMS, MAX_WEIGHT, PhotoLimits,
        RecordingAllowed, RecordingStore, Scoring, ScoringMode, Section, VisitRules,
    },
};

use super::{conditions, items};
use crate::{ids, read::Report};

/// Judges a checklist and reports everything that is wrong with it.
pub(super) fn validate(checklist: &Checklist, report: &Report) {
    head(checklist, report);
    visit(&checklist.visit, report);
    if let Some(limits) = &checklist.photo {
        photo_limits(limits, "photo", report);
    }
    scoring(&checklist.scoring, report);
    sections(checklist, report);
    // `None` for an item whose type was misread, so that nothing is said about what it can be.
    let mut earlier: BTreeMap<&str, Option<&Item>> = BTreeMap::new();
    let all: BTreeSet<&str> = checklist.items().map(|it| it.id.as_str()).collect();
    for (index, section) in checklist.sections.iter().enumerate() {
        for (place, item) in section.items.iter().enumerate() {
            let at = format!("sections[{index}].items[{place}]");
            if earlier.contains_key(item.id.as_str()) {
                repeated(report, &format!("{at}.id"), &item.id);
            }
            let has_type = !report.is_misread(&format!("{at}.type"));
            items::validate(item, section, &at, report);
            if item.kind == ItemType::Audio && has_type {
                recorded(&checklist.visit, &at, report);
            }
            conditions::validate(item, &at, &conditions::Known { earlier: &earlier, all: &all }, report);
            earlier.insert(&item.id, has_type.then_some(item));
        }
    }
    if all.len() > MAX_ITEMS {
        report.refuse(
            "sections",
            "too_many_items",
            format!("Hay más de {MAX_ITEMS} preguntas; divida el cuestionario"),
            format!("There are more than {MAX_ITEMS} items; split the checklist"),
        );
    }
}

fn head(checklist: &Checklist, report: &Report) {
    if checklist.schema != CHECKLIST_SCHEMA {
        report.refuse(
            "schema",
            "unknown_schema",
            format!("Escriba {CHECKLIST_SCHEMA}"),
            format!("Write {CHECKLIST_SCHEMA}"),
        );
    }
    ids::kebab(report, "id", &checklist.id);
    ids::snake(report, "channel", &checklist.channel);
    if checklist.version == 0 {
        report.refuse("version", "bad_version", "Las versiones empiezan en 1", "Versions begin at 1");
    }
    if !is_locale(&checklist.default_locale) {
        report.refuse(
            "default_locale",
            "bad_locale",
            "Escriba un idioma como es-MX o en",
            "Write a locale such as es-MX or en",
        );
    }
    local_text(report, "title", &checklist.title);
    local_text(report, "purpose", &checklist.purpose);
    local_text(report, "scenario", &checklist.scenario);
}

fn is_locale(text: &str) -> bool {
    let (language, region) = text.split_once('-').unwrap_or((text, "MX"));
    let all = |text: &str, is: fn(&u8) -> bool| text.len() == 2 && text.as_bytes().iter().all(is);
    all(language, u8::is_ascii_lowercase) && all(region, u8::is_ascii_uppercase)
}

fn visit(visit: &VisitRules, report: &Report) {
    if visit.minutes_min > visit.minutes_max {
        bad_range(report, "visit.minutes_max", "minutes_min", "minutes_max");
    }
    if visit.submit_within_hours == 0 {
        report.refuse(
            "visit.submit_within_hours",
            "out_of_range",
            "Dé al menos una hora para entregar",
            "Give at least one hour to submit",
        );
    }
    for (index, window) in visit.windows.iter().enumerate() {
        let at = format!("visit.windows[{index}]");
        if window.from >= window.to {
            bad_range(report, &format!("{at}.to"), "from", "to");
        }
        let mut days = BTreeSet::new();
        let at = format!("{at}.days");
        let fits = !window.days.is_empty() && window.days.iter().all(|it| days.insert(*it));
        if !fits && !report.is_misread_within(&at) {
            report.refuse(
                &at,
                "bad_days",
                "Indique al menos un día, sin repetir",
                "Name at least one day, none twice",
            );
        }
    }
}

/// Judges how large and how fine photos are sent.
pub(super) fn photo_limits(limits: &PhotoLimits, at: &str, report: &Report) {
    for (key, value, range) in [
        ("long_edge", limits.long_edge, PhotoLimits::LONG_EDGES),
        ("quality", limits.quality, PhotoLimits::QUALITIES),
    ] {
        if !range.contains(&value) {
            let (least, most) = range.into_inner();
            report.refuse(
                &format!("{at}.{key}"),
                "out_of_range",
                format!("Va de {least} a {most}"),
                format!("It goes from {least} to {most}"),
            );
        }
    }
}

/// Judges an item that is answered with sound: the visit's own rules must allow to record it and to keep it.
fn recorded(visit: &VisitRules, at: &str, report: &Report) {
    let is_allowed = visit.recording.is_some_and(|it| {
        it.allowed == RecordingAllowed::OnlyIfAnnouncedOrLawful && it.store == RecordingStore::HashAndFile
    });
    if !is_allowed && !report.is_misread_within("visit") {
        report.refuse(
            &format!("{at}.type"),
            "recording_not_allowed",
            "Pide una grabación y «visit.recording» no la permite; escriba {allowed: only_if_announced_or_lawful, store: hash_and_file}",
            "It asks for a recording, which `visit.recording` does not allow; write {allowed: only_if_announced_or_lawful, store: hash_and_file}",
        );
    }
}

fn scoring(scoring: &Scoring, report: &Report) {
    let hundred = Exact::from(100);
    if scoring.bonus_cap < hundred || scoring.bonus_cap > Exact::from(1_000) {
        report.refuse(
            "scoring.bonus_cap",
            "out_of_range",
            "El tope de adicionales va de 100 a 1000; lo usual es 100.00",
            "The cap on bonuses goes from 100 to 1000; usually 100.00",
        );
    }
    let cap = scoring.critical.cap.as_ref();
    match (scoring.critical.mode, cap) {
        (CriticalMode::CapOverall, Some(cap)) if is_percentage(cap) => {}
        (CriticalMode::CapOverall, _) => report.refuse(
            "scoring.critical.cap",
            "bad_cap",
            "cap_overall necesita «cap» de 0 a 100, con dos decimales a lo más",
            "cap_overall needs `cap` from 0 to 100, with at most two decimals",
        ),
        (_, Some(_)) => report.refuse(
            "scoring.critical.cap",
            "bad_cap",
            "«cap» solo va con cap_overall; quítelo",
            "`cap` only goes with cap_overall; remove it",
        ),
        (_, None) => {}
    }
    if scoring.rounding.decimals != 2 {
        report.refuse(
            "scoring.rounding.decimals",
            "out_of_range",
            "Las calificaciones llevan 2 decimales",
            "Scores have 2 decimals",
        );
    }
    bands(scoring, report);
}

fn bands(scoring: &Scoring, report: &Report) {
    if scoring.bands.is_empty() {
        report.refuse(
            "scoring.bands",
            "bands_missing",
            "Defina al menos una categoría, desde 0",
            "Define at least one band, from 0",
        );
    }
    let mut previous: Option<&Exact> = None;
    let mut seen = BTreeSet::new();
    for (index, band) in scoring.bands.iter().enumerate() {
        let at = format!("scoring.bands[{index}]");
        ids::snake(report, &format!("{at}.id"), &band.id);
        if !seen.insert(&band.id) {
            repeated(report, &format!("{at}.id"), &band.id);
        }
        let follows = previous.map_or(band.min.is_zero(), |it| *it < band.min);
        if !follows || !is_percentage(&band.min) {
            report.refuse(
                &format!("{at}.min"),
                "bands_out_of_order",
                "Las categorías empiezan en 0 y suben hasta 100 a lo más, con dos decimales a lo más",
                "Bands begin at 0 and go up to at most 100, with at most two decimals",
            );
        }
        previous = Some(&band.min);
        not_empty(report, &format!("{at}.es"), &band.es);
        not_empty(report, &format!("{at}.en"), &band.en);
    }
}

fn is_percentage(number: &Exact) -> bool {
    !number.is_negative() && *number <= Exact::from(100) && number.round_half_up(2) == *number
}

fn sections(checklist: &Checklist, report: &Report) {
    if checklist.sections.is_empty() {
        report.refuse(
            "sections",
            "sections_missing",
            "Agregue al menos una sección",
            "Add at least one section",
        );
    }
    let mut seen = BTreeSet::new();
    for (index, section) in checklist.sections.iter().enumerate() {
        let at = format!("sections[{index}]");
        if !seen.insert(&section.id) {
            repeated(report, &format!("{at}.id"), &section.id);
        }
        section_itself(section, &at, report);
        if checklist.scoring.mode == ScoringMode::SectionWeighted {
            section_weight(section, &at, report);
        }
    }
    let total: u64 = checklist.sections.iter().map(|it| u64::from(it.weight)).sum();
    let weights_read = !report.any_misread(|it| it == "sections" || is_section_weight(it));
    if checklist.scoring.mode == ScoringMode::SectionWeighted && total != 100 && weights_read {
        report.refuse(
            "sections",
            "weights_not_100",
            format!("Los pesos de las secciones suman {total}; deben sumar 100"),
            format!("The section weights add up to {total}; they must add up to 100"),
        );
    }
    let scores = checklist.items().any(|it| it.weight > 0 && !it.bonus);
    if !scores && !report.any_misread(|it| it.starts_with("sections")) {
        report.refuse(
            "sections",
            "nothing_to_score",
            "Ninguna pregunta tiene peso; dé peso al menos a una",
            "No item has weight; give weight to at least one",
        );
    }
}

/// Whether a path is that of a section or of its weight.
fn is_section_weight(path: &str) -> bool {
    path.strip_prefix("sections[")
        .and_then(|it| it.split_once(']'))
        .is_some_and(|(_, rest)| rest.is_empty() || rest == ".weight")
}

fn section_itself(section: &Section, at: &str, report: &Report) {
    let id = section.id.as_bytes();
    if !matches!(id, [b'A'..=b'Z']) || ids::is_reserved(&section.id) {
        report.refuse(
            &format!("{at}.id"),
            "bad_id",
            "El id de una sección es una letra mayúscula, y no Y ni N, que YAML 1.1 lee como sí y no",
            "The id of a section is one capital letter, and not Y or N, which YAML 1.1 reads as true and false",
        );
    }
    if section.weight > MAX_WEIGHT {
        report.refuse(
            &format!("{at}.weight"),
            "out_of_range",
            format!("El peso pasa de {MAX_WEIGHT}"),
            format!("The weight is above {MAX_WEIGHT}"),
        );
    }
    ids::snake(report, &format!("{at}.touchpoint"), &section.touchpoint);
    local_text(report, &format!("{at}.title"), &section.title);
    for (index, criterion) in section.standard.iter().enumerate() {
        let is_criterion = criterion.split_once('.').is_some_and(|(section, number)| {
            [section, number].iter().all(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit()))
        });
        if !is_criterion {
            report.refuse(
                &format!("{at}.standard[{index}]"),
                "bad_criterion",
                "Escriba un criterio del estándar como \"3.2\"",
                "Write a criterion of the standard such as \"3.2\"",
            );
        }
    }
    if section.items.is_empty() {
        report.refuse(
            &format!("{at}.items"),
            "items_missing",
            "Agregue al menos una pregunta o quite la sección",
            "Add at least one item or remove the section",
        );
    }
}

fn section_weight(section: &Section, at: &str, report: &Report) {
    let scores = section.items.iter().any(|it| it.weight > 0 && !it.bonus);
    if section.weight > 0 && !scores && !section.items.is_empty() {
        report.refuse(
            &format!("{at}.weight"),
            "weight_without_points",
            "La sección tiene peso pero ninguna pregunta con peso; dé peso a una o ponga 0",
            "The section has weight but no item with weight; give weight to one or set it to 0",
        );
    }
    if section.weight == 0 && section.items.iter().any(|it| it.weight > 0) {
        report.refuse(
            &format!("{at}.weight"),
            "points_without_weight",
            "La sección tiene preguntas con peso pero su peso es 0: nunca contarían",
            "The section has items with weight but its own weight is 0: they would never count",
        );
    }
}

/// Reports a text pair of which a half is empty.
pub(super) fn local_text(report: &Report, at: &str, text: &LocalText) {
    not_empty(report, &format!("{at}.es"), &text.es);
    not_empty(report, &format!("{at}.en"), &text.en);
}

/// Reports an empty text.
pub(super) fn not_empty(report: &Report, at: &str, text: &str) {
    if text.trim().is_empty() {
        report.refuse(at, "empty_text", "Escriba el texto", "Write the text");
    }
}

/// Reports a repeated id.
pub(super) fn repeated(report: &Report, at: &str, id: &str) {
    report.refuse(
        at,
        "repeated_id",
        format!("El id «{id}» ya se usó; cada uno debe ser único"),
        format!("The id `{id}` is already used; each must be unique"),
    );
}

/// Reports a lower limit above its upper one.
pub(super) fn bad_range(report: &Report, at: &str, low: &str, high: &str) {
    report.refuse(
        at,
        "bad_range",
        format!("«{low}» debe ser menor que «{high}»"),
        format!("`{low}` must be below `{high}`"),
    );
}
