//! The mapping against good and bad documents.

use super::*;
use serde_json::json;

/// A checklist with one item of each kind that imports meet.
pub(crate) fn checklist() -> Checklist {
    let text = |it: &str| json!({"es": it, "en": it});
    let document = json!({
        "schema": "cem-checklist/1", "id": "small", "version": 1, "kind": "inspection", "channel": "presencial",
        "title": text("t"), "purpose": text("p"), "scenario": text("s"), "default_locale": "es-MX",
        "visit": {"minutes_min": 1, "minutes_max": 9, "shopper_lockout_days": 0, "branch_spacing_days": 0,
            "submit_within_hours": 24},
        "scoring": {"mode": "points_pooled", "na": "exclude", "hidden": "exclude", "unanswered_optional": "exclude",
            "scale_1_5": "linear", "bonus_cap": "100", "critical": {"mode": "none"},
            "rounding": {"decimals": 2, "mode": "half_up"}, "bands": [{"id": "all", "min": "0", "es": "a", "en": "a"}]},
        "sections": [{"id": "A", "weight": 1, "touchpoint": "x", "title": text("A"), "items": [
            {"id": "A01", "type": "yes_no", "weight": 1, "required": true, "q": text("q")},
            {"id": "A02", "type": "number", "weight": 0, "min": 0, "max": 10, "q": text("q")},
            {"id": "A03", "type": "multi_choice", "weight": 0, "q": text("q"),
                "options": [{"id": "a", "es": "a", "en": "a"}, {"id": "b", "es": "b", "en": "b"}]},
            {"id": "A04", "type": "text", "weight": 0, "q": text("q")}
        ]}]
    });
    serde_json::from_value(document).unwrap()
}

/// A mapping that fits the checklist above.
pub(crate) const MAPPING: &str = r#"
schema: audit-import/1
template: small
visits:
  id: id
  branch: {code: place, name: name, latitude: lat, longitude: lon}
  date: day
  time_zone: America/Chicago
  auditor: {column: team, blank: unassigned}
  facts: [risk]
answers:
  id: ID
  yes_no: {"0": yes, "1": no}
  values: {A03: {"a b": "a b", both: "a b", none: ""}}
  items: {A01: v1, A02: v2, A03: v3, A04: v4}
"#;

/// Codes of the problems of the mapping above with a text in it replaced.
fn codes(text: &str, replacement: &str) -> Vec<String> {
    assert!(MAPPING.contains(text), "{text}");
    let problem = Mapping::read("M.yaml", &MAPPING.replacen(text, replacement, 1), &checklist()).unwrap_err();
    assert_eq!(problem.code, "invalid_mapping");
    assert!(problem.errors.iter().all(|it| it.message_es.contains("M.yaml:") && !it.message_en.is_empty()));
    problem.errors.into_iter().map(|it| format!("{} {}", it.field, it.code)).collect()
}

#[test]
fn a_mapping_that_fits_is_read_whole() {
    let mapping = Mapping::read("M.yaml", MAPPING, &checklist()).unwrap();
    assert_eq!(mapping.visits.branch.position, Some(("lat".to_owned(), "lon".to_owned())));
    assert_eq!(mapping.visits.facts, ["risk"]);
    assert_eq!(mapping.time_zone.iana_name(), Some("America/Chicago"));
    let [first, second, ..] = mapping.items.as_slice() else { panic!("too few items") };
    assert_eq!((first.item.id.as_str(), first.column.as_str()), ("A01", "v1"));
    assert_eq!(first.values.as_ref().unwrap()["1"], "\"no\"");
    assert!(second.values.is_none());
}

#[test]
fn every_problem_of_a_mapping_is_told_at_once() {
    let found = codes(
        MAPPING,
        &MAPPING
            .replace("import/1", "import/9")
            .replace("template: small", "template: other\nextra: x")
            .replace("America/Chicago", "Mars/Olympus")
            .replace("  date: day\n", "")
            .replace("A01: v1", "A01: v1, Z99: v9"),
    );
    let expected = [
        "/schema wrong_schema",
        "/template wrong_template",
        "/extra unknown_key",
        "/visits/date missing_key",
        "/visits/time_zone unknown_time_zone",
        "/answers/items/Z99 unknown_item",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_value_that_the_item_does_not_take_is_refused_where_it_stands() {
    assert_eq!(codes("\"1\": no", "\"1\": maybe"), ["/answers/yes_no/1 wrong_type"]);
    let own = codes("both: \"a b\"", "both: a c");
    assert_eq!(own, ["/answers/values/A03/both unknown_option"]);
}

#[test]
fn a_required_item_without_a_column_is_refused() {
    assert_eq!(codes("A01: v1, ", ""), ["/answers/items item_not_mapped"]);
}

#[test]
fn half_a_position_is_refused() {
    assert_eq!(codes(", longitude: lon", ""), ["/visits/branch incomplete_position"]);
}

#[test]
fn a_document_of_another_shape_is_refused() {
    assert_eq!(codes("[risk]", "risk"), ["/visits/facts wrong_type"]);
    assert_eq!(codes("id: ID", "id: \" \""), ["/answers/id blank"]);
    assert!(!codes(MAPPING, "[]").is_empty());
    assert!(!codes("template: small", "template: [").is_empty());
}
