//! Checklist files, good and broken: each rule of the validator is broken once and told where it stands.

use proptest::prelude::*;

use super::*;
use crate::released::canonical_json;

const BANK: &str = include_str!("../../content/checklists/ms_banco_sucursal.yaml");

/// Reads the bank checklist with one text replaced; the edit must apply.
fn edited(from: &str, to: &str) -> Vec<(String, String)> {
    assert!(BANK.contains(from), "the example no longer has {from}");
    let Err(problems) = read_checklist("bank.yaml", &BANK.replacen(from, to, 1)) else { return Vec::new() };
    problems.into_iter().map(|it| (it.path, it.code)).collect()
}

/// An edit to the bank checklist and the one problem that it must cause: text, its replacement, path, code.
type Case = (&'static str, &'static str, &'static str, &'static str);

#[track_caller]
fn each_is_the_only_problem(cases: &[Case]) {
    for (from, to, path, code) in cases {
        assert_eq!(edited(from, to), [(path.to_string(), code.to_string())], "{from} -> {to}");
    }
}

#[test]
fn the_settings_of_a_checklist_are_judged() {
    each_is_the_only_problem(&[
        ("schema: cem-checklist/1", "schema: cem-checklist/2", "schema", "unknown_schema"),
        ("id: ms-banco-sucursal", "id: MS_Banco", "id", "bad_id"),
        ("id: ms-banco-sucursal", "id: no", "id", "bad_id"),
        ("version: 1", "version: 0", "version", "bad_version"),
        ("version: 1", "version: one", "version", "wrong_type"),
        ("kind: mystery_shopper", "kind: spy", "kind", "unknown_value"),
        ("channel: presencial", "channel: En persona", "channel", "bad_id"),
        ("default_locale: es-MX", "default_locale: Spanish", "default_locale", "bad_locale"),
        ("en: \"Mystery shopper: bank branch\"", "en: \"\"", "title.en", "empty_text"),
        (", en: \"Mystery shopper: bank branch\"", "", "title.en", "missing_key"),
        ("minutes_max: 120", "minutes_max: 3", "visit.minutes_max", "bad_range"),
        ("submit_within_hours: 24", "submit_within_hours: 0", "visit.submit_within_hours", "out_of_range"),
        ("to: \"16:00\"", "to: \"08:00\"", "visit.windows[0].to", "bad_range"),
        ("to: \"16:00\"", "to: \"25:00\"", "visit.windows[0].to", "bad_time"),
        ("[mon, tue,", "[mon, mon,", "visit.windows[0].days", "bad_days"),
        ("[mon, tue,", "[mon, martes,", "visit.windows[0].days[1]", "unknown_value"),
        ("scoring:\n", "photo: {long_edge: 639, quality: 80}\nscoring:\n", "photo.long_edge", "out_of_range"),
        ("scoring:\n", "photo: {long_edge: 4096, quality: 96}\nscoring:\n", "photo.quality", "out_of_range"),
        ("scoring:\n", "photo: {long_edge: 1600}\nscoring:\n", "photo.quality", "missing_key"),
        (
            "gps: true}}",
            "gps: true, limits: {long_edge: 5000, quality: 80}}}",
            "sections[0].items[1].evidence.photo.limits.long_edge",
            "out_of_range",
        ),
    ]);
}

#[test]
fn the_scoring_of_a_checklist_is_judged() {
    each_is_the_only_problem(&[
        ("bonus_cap: 100.00", "bonus_cap: 99", "scoring.bonus_cap", "out_of_range"),
        ("{mode: cap_overall, cap: 59.99}", "{mode: cap_overall}", "scoring.critical.cap", "bad_cap"),
        ("cap: 59.99", "cap: 100.01", "scoring.critical.cap", "bad_cap"),
        ("cap: 59.99", "cap: 59.999", "scoring.critical.cap", "bad_cap"),
        ("mode: cap_overall", "mode: zero_overall", "scoring.critical.cap", "bad_cap"),
        ("decimals: 2", "decimals: 3", "scoring.rounding.decimals", "out_of_range"),
        ("na: exclude", "na: zero", "scoring.na", "unknown_value"),
        ("min: 0.00", "min: 1", "scoring.bands[0].min", "bands_out_of_order"),
        ("min: 75.00", "min: 60", "scoring.bands[2].min", "bands_out_of_order"),
        ("min: 90.00", "min: 100.5", "scoring.bands[3].min", "bands_out_of_order"),
        ("id: competente", "id: excelencia", "scoring.bands[3].id", "repeated_id"),
        ("es: \"Competente\"", "es: \" \"", "scoring.bands[2].es", "empty_text"),
    ]);
}

#[test]
fn the_sections_are_judged() {
    each_is_the_only_problem(&[
        ("weight: 25\n", "weight: 24\n", "sections", "weights_not_100"),
        ("touchpoint: llegada", "touchpoint: La llegada", "sections[1].touchpoint", "bad_id"),
        ("standard: [\"3.2\"]", "standard: [\"3\"]", "sections[2].standard[0]", "bad_criterion"),
        ("standard: [\"3.2\"]", "standard: [3.2]", "sections[2].standard[0]", "wrong_type"),
        ("es: \"Llegada y fachada\"", "es: \"\"", "sections[1].title.es", "empty_text"),
    ]);
    let letter = edited("- id: Z\n", "- id: Y\n");
    assert_eq!(
        letter.first().map(|(path, code)| (path.as_str(), code.as_str())),
        Some(("sections[0].id", "bad_id"))
    );
    let repeated = edited("- id: G\n", "- id: F\n");
    assert!(repeated.contains(&("sections[7].id".to_string(), "repeated_id".to_string())));
    let points = edited("type: time, weight: 0", "type: yes_no, weight: 1");
    assert!(points.contains(&("sections[0].weight".to_string(), "points_without_weight".to_string())));
}

#[test]
fn the_items_are_judged() {
    each_is_the_only_problem(&[
        ("{id: A02,", "{id: A1,", "sections[1].items[1].id", "bad_item_id"),
        ("{id: A02,", "{id: B09,", "sections[1].items[1].id", "bad_item_id"),
        ("{id: A02,", "{id: A01,", "sections[1].items[1].id", "repeated_id"),
        ("{id: A02, type: yes_no,", "{id: A02, type: yesno,", "sections[1].items[1].type", "unknown_value"),
        (
            "{id: A02, type: yes_no, weight: 2",
            "{id: A02, type: yes_no, weight: 10001",
            "sections[1].items[1].weight",
            "out_of_range",
        ),
        (
            "{id: A02, type: yes_no, weight: 2",
            "{id: A02, type: yes_no, weight: 2.5",
            "sections[1].items[1].weight",
            "wrong_type",
        ),
        ("{id: A02, type: yes_no,", "{id: A02, type: text,", "sections[1].items[1].weight", "cannot_score"),
        ("weight: 2, required: true", "weight: 2", "sections[1].items[0].required", "not_required"),
        ("critical: true", "critical: true, bonus: true", "sections[5].items[0].bonus", "critical_bonus"),
        (
            "weight: 1, bonus: true",
            "weight: 0, bonus: true",
            "sections[6].items[4].bonus",
            "bonus_without_weight",
        ),
        ("pillar: empatia", "pillar: Empatía", "sections[1].items[2].pillar", "bad_id"),
        ("indicator: auditor_csat", "indicator: CSAT!", "sections[7].items[2].indicator", "bad_id"),
        ("unit: cajeros", "unit: \"\"", "sections[1].items[3].unit", "empty_text"),
        (
            "allow_na: true, unit: cajeros, min: 0, max: 20",
            "allow_na: true, unit: cajeros, min: 21, max: 20",
            "sections[1].items[3].max",
            "bad_range",
        ),
        (
            "type: yes_no_na, weight: 3",
            "type: yes_no_na, min: 3, weight: 3",
            "sections[1].items[2].min",
            "not_for_type",
        ),
        (
            "min_chars: 60}\n  - id: C",
            "min_chars: 5001}\n  - id: C",
            "sections[2].items[4].min_chars",
            "out_of_range",
        ),
        ("\"Rude or indifferent\", ", "", "sections[3].items[3].anchors.en", "anchors_not_five"),
        ("{id: A02,", "{id: A02, wieght: 2,", "sections[1].items[1].wieght", "unknown_key"),
        ("{id: A02,", "{id: A02, type: text,", "sections[1].items[1].type", "repeated_key"),
    ]);
}

#[test]
fn credits_are_judged() {
    each_is_the_only_problem(&[
        ("{le: 10, c: 0.8}", "{le: 10, c: 1.2}", "sections[2].items[1].credit.bands[1].c", "bad_credit"),
        ("{le: 10, c: 0.8}", "{le: 10, c: 0.80005}", "sections[2].items[1].credit.bands[1].c", "bad_credit"),
        (
            "{le: 10, c: 0.8}",
            "{le: 5, c: 0.8}",
            "sections[2].items[1].credit.bands[1].le",
            "bands_out_of_order",
        ),
        (
            "{le: 20, c: 0.25}, {else: 0.0}",
            "{else: 0.0}, {le: 20, c: 0.25}",
            "sections[2].items[1].credit.bands[3]",
            "else_not_last",
        ),
        (
            "{le: 20, c: 0.25}, {else: 0.0}",
            "{le: 20, c: 0.25}",
            "sections[2].items[1].credit.bands",
            "else_missing",
        ),
        ("{le: 10, c: 0.8}", "{c: 0.8}", "sections[2].items[1].credit.bands[1].le", "missing_key"),
        (
            ", credit: {bands: [{le: 0, c: 1.0}, {le: 1, c: 0.5}, {else: 0.0}]}",
            "",
            "sections[1].items[3].credit",
            "credit_missing",
        ),
        ("        credit: {mode: per_option}\n", "", "sections[4].items[4].credit", "credit_missing"),
        ("{id: plazo, c: 0.25,", "{id: plazo,", "sections[4].items[4].options[3].c", "credit_missing"),
        (
            "{id: plazo, c: 0.25,",
            "{id: plazo, c: 0.2,",
            "sections[4].items[4].options",
            "full_credit_unreachable",
        ),
        (
            "{id: ninguna, c: 1.0,",
            "{id: ninguna, c: 0.9,",
            "sections[4].items[5].options",
            "full_credit_unreachable",
        ),
        ("{le: 0, c: 1.0}", "{le: 0, c: 0.9}", "sections[1].items[3].credit", "full_credit_unreachable"),
        ("{id: varias, c: 0.0,", "{id: breve, c: 0.0,", "sections[4].items[5].options[2].id", "repeated_id"),
        ("{id: varias, c: 0.0,", "{id: no, c: 0.0,", "sections[4].items[5].options[2].id", "bad_id"),
        (
            "{id: varias, c: 0.0,",
            "{id: varias, exclusive: true, c: 0.0,",
            "sections[4].items[5].options[2].exclusive",
            "not_for_type",
        ),
        (
            "type: number, weight: 0, indicator: auditor_nps,",
            "type: number, weight: 0, indicator: auditor_nps, credit: {bands: [{else: 1}]},",
            "sections[7].items[3].credit",
            "credit_without_weight",
        ),
    ]);
    let critical =
        edited("pillar: tiempo_esfuerzo, unit: min", "critical: true, pillar: tiempo_esfuerzo, unit: min");
    assert_eq!(critical, []);
    let never = BANK
        .replacen(
            "pillar: tiempo_esfuerzo, unit: min",
            "critical: true, pillar: tiempo_esfuerzo, unit: min",
            1,
        )
        .replacen("{le: 20, c: 0.25}, {else: 0.0}", "{le: 20, c: 0.25}, {else: 0.1}", 1);
    let problems = read_checklist("bank.yaml", &never).unwrap_err();
    assert_eq!(problems[0].code, "critical_unreachable");
}

#[test]
fn conditions_are_judged() {
    let when = "sections[2].items[2].when";
    each_is_the_only_problem(&[
        ("when: \"B02 > 10\"", "when: \"B02 >> 10\"", when, "bad_condition"),
        ("when: \"B02 > 10\"", "when: \"B02 > 10 and\"", when, "bad_condition"),
        ("when: \"B02 > 10\"", "when: \"B03 == 'yes'\"", when, "not_earlier"),
        ("when: \"B02 > 10\"", "when: \"C01 == 'yes'\"", when, "not_earlier"),
        ("when: \"B02 > 10\"", "when: \"X99 == 'yes'\"", when, "unknown_item"),
        ("when: \"B02 > 10\"", "when: \"B02 == 'yes'\"", when, "impossible_value"),
        ("when: \"B02 > 10\"", "when: \"B02 == 181\"", when, "impossible_value"),
        ("when: \"B02 > 10\"", "when: \"B01 == 'na'\"", when, "impossible_value"),
        ("when: \"B02 > 10\"", "when: \"B01 > 'no'\"", when, "bad_operator"),
        ("when: \"B02 > 10\"", "when: \"Z03 in ['cuenta', 'otra']\"", when, "impossible_value"),
        ("when: \"B02 > 10\"", "when: \"Z01 > '25:00'\"", when, "impossible_value"),
        ("when: \"B02 > 10\"", "when: \"Z02 == 'p1'\"", when, "not_comparable"),
        (
            "\"C04 <= 2\"",
            "\"C04 <= 6\"",
            "sections[3].items[3].evidence.comment.required_if",
            "impossible_value",
        ),
        ("\"A03 == 'no'\"", "\"A04 == 0\"", "sections[1].items[2].evidence.photo.required_if", "not_earlier"),
    ]);
    assert_eq!(
        edited("when: \"B02 > 10\"", "when: \"Z01 > '12:30' or not (B01 == 'yes' and B02 in [1, 2.5])\""),
        []
    );
}

#[test]
fn evidence_is_judged() {
    each_is_the_only_problem(&[
        (
            "required_if: \"A03 == 'no'\", min: 1",
            "required_if: \"A03 == 'no'\", min: 0",
            "sections[1].items[2].evidence.photo.min",
            "demands_nothing",
        ),
        (
            "required_if: \"A03 == 'no'\", min: 1",
            "required_if: \"A03 == 'no'\", min: 21",
            "sections[1].items[2].evidence.photo.min",
            "out_of_range",
        ),
        (
            "min_chars: 40",
            "min_chars: 0",
            "sections[3].items[3].evidence.comment.min_chars",
            "demands_nothing",
        ),
        (
            "en: \"Photo of the ticket if on paper\"",
            "en: \"\"",
            "sections[2].items[0].evidence.photo.hint.en",
            "empty_text",
        ),
    ]);
}

#[test]
fn what_a_grave_answer_says_is_judged() {
    let confirm = |rest: &str| format!("{{required_if: \"A03 == 'no'\", min: 1}}}}, confirm: {rest}");
    let evidence = "{required_if: \"A03 == 'no'\", min: 1}}";
    let says = "says: {es: \"Usted reporta\", en: \"You report\"}";
    assert_eq!(edited(evidence, &confirm(&format!("{{required_if: \"A03 == 'no'\", {says}}}"))), []);
    let at = "sections[1].items[2].confirm";
    for (rest, path, code) in [
        (format!("{{required_if: \"A04 == 'no'\", {says}}}"), format!("{at}.required_if"), "not_earlier"),
        (
            format!("{{required_if: \"A03 == 'na'\", {says}}}"),
            format!("{at}.required_if"),
            "impossible_value",
        ),
        (format!("{{{says}}}"), format!("{at}.required_if"), "missing_key"),
        (
            "{required_if: \"A03 == 'no'\", says: {es: \"Usted\", en: \"\"}}".to_owned(),
            format!("{at}.says.en"),
            "empty_text",
        ),
    ] {
        assert_eq!(edited(evidence, &confirm(&rest)), [(path, code.to_owned())], "{rest}");
    }
}

#[test]
fn many_problems_are_told_in_one_pass_by_line() {
    let text = BANK
        .replacen("version: 1", "version: 0", 1)
        .replacen("minutes_max: 120", "minutes_max: 3", 1)
        .replacen("weight: 25\n", "weight: 24\n", 1)
        .replacen("when: \"B02 > 10\"", "when: \"B02 >\"", 1)
        .replacen("{id: F05, type: yes_no,", "{id: F05, type: yesno, extra: 1,", 1);
    let problems = read_checklist("bank.yaml", &text).unwrap_err();
    let found: Vec<(&str, &str)> = problems.iter().map(|it| (it.path.as_str(), it.code.as_str())).collect();
    assert_eq!(
        found,
        [
            ("version", "bad_version"),
            ("visit.minutes_max", "bad_range"),
            ("sections", "weights_not_100"),
            ("sections[2].items[2].when", "bad_condition"),
            ("sections[6].items[4].type", "unknown_value"),
            ("sections[6].items[4].extra", "unknown_key"),
        ]
    );
    for problem in &problems {
        assert_eq!(problem.file, "bank.yaml");
        assert!(
            problem.line > 1 && !problem.message_es.is_empty() && !problem.message_en.is_empty(),
            "{problem}"
        );
    }
    let line = text.lines().nth(problems[3].line - 1).unwrap();
    assert!(line.contains("B03"), "{line}");
}

#[test]
fn a_checklist_of_another_mode_needs_no_weights() {
    let pooled = BANK.replacen("mode: section_weighted", "mode: points_pooled", 1).replacen(
        "weight: 25\n",
        "weight: 0\n",
        1,
    );
    assert_eq!(read_checklist("bank.yaml", &pooled).unwrap().sections[4].weight, 0);
}

#[test]
fn a_problem_becomes_a_field_of_a_problem_document() {
    let problems = read_checklist("bank.yaml", &BANK.replacen("version: 1", "version: 0", 1)).unwrap_err();
    let text = BANK.replacen("\"B02 > 10\"", "\"B02\"", 1);
    assert_eq!(problems[0].to_field_problem().field, "/version");
    let problems = read_checklist("bank.yaml", &text).unwrap_err();
    assert_eq!(problems[0].to_field_problem().field, "/sections/2/items/2/when");
}

#[test]
fn canonical_json_is_read_back_by_both_readers() {
    for released in checklists() {
        let from_serde: Checklist = serde_json::from_str(&released.canonical_json).unwrap();
        assert_eq!(from_serde, released.content, "{}", released.file_name);
        let from_reader = read_checklist("canonical.json", &released.canonical_json).unwrap();
        assert_eq!(from_reader, released.content, "{}", released.file_name);
        assert_eq!(canonical_json(&from_reader), released.canonical_json);
    }
}

proptest! {
    #[test]
    fn no_text_put_anywhere_in_a_checklist_panics(at in 0..BANK.len(), text in "\\PC{0,12}|[\\[\\]{}:,\\-\"'\n ]{0,6}") {
        let at = (0..=at).rev().find(|it| BANK.is_char_boundary(*it)).unwrap_or(0);
        let (head, tail) = BANK.split_at(at);
        let _ = read_checklist("f", &format!("{head}{text}{tail}"));
    }

    #[test]
    fn no_checklist_cut_short_panics(at in 0..BANK.len()) {
        let at = (0..=at).rev().find(|it| BANK.is_char_boundary(*it)).unwrap_or(0);
        let _ = read_checklist("f", &BANK[..at]);
    }
}

const EVIDENCE: &str = include_str!("../../examples/evidencia.yaml");

#[test]
fn a_checklist_may_ask_for_sound_and_files_and_say_how_large_its_photos_are() {
    let read = read_checklist("evidencia.yaml", EVIDENCE).unwrap();
    let kinds: Vec<&str> = read.items().map(|it| it.kind.name()).collect();
    assert_eq!(kinds, ["yes_no", "photo", "audio", "file"]);
    assert_eq!((read.photo_limits().long_edge, read.photo_limits().quality), (1600, 75));
    let json = canonical_json(&read);
    assert!(json.contains(r#""photo":{"long_edge":1600,"quality":75}"#), "{json}");
    let bank = canonical_json(&read_checklist("bank.yaml", BANK).unwrap());
    assert!(!bank.contains("long_edge"), "what says nothing of it has the content that it had");
}

#[test]
fn sound_and_files_neither_score_nor_go_where_recording_is_not_allowed() {
    let broken = |from: &str, to: &str| -> Vec<(String, String)> {
        assert!(EVIDENCE.contains(from), "the example no longer has {from}");
        let problems = read_checklist("evidencia.yaml", &EVIDENCE.replacen(from, to, 1)).unwrap_err();
        problems.into_iter().map(|it| (it.path, it.code)).collect()
    };
    let one = |path: &str, code: &str| vec![(path.to_owned(), code.to_owned())];
    for from in [
        "  recording: {allowed: only_if_announced_or_lawful, store: hash_and_file}\n",
        "only_if_announced_or_lawful",
        "hash_and_file",
    ] {
        let to = match from {
            "only_if_announced_or_lawful" => "never",
            "hash_and_file" => "hash_only",
            _ => "",
        };
        assert_eq!(broken(from, to), one("sections[0].items[2].type", "recording_not_allowed"), "{from}");
    }
    let scored = broken("type: file, weight: 0,", "type: file, weight: 1, required: true,");
    assert_eq!(scored, one("sections[0].items[3].weight", "cannot_score"));
    let beside = broken("type: file, weight: 0,", "type: file, weight: 0, evidence: {photo: {min: 1}},");
    assert_eq!(beside, one("sections[0].items[3].evidence.photo", "not_for_type"));
    let compared = broken("type: file, weight: 0,", "type: file, weight: 0, when: \"A03 == 'x'\",");
    assert_eq!(compared, one("sections[0].items[3].when", "not_comparable"));
}
