//! What a visit's answers come to under another version of its checklist.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop where it stands")]

use domain::{
    checklist::Checklist,
    visit_score::{Migration, PreparedChecklist, migration},
};
use serde_json::{Value, json};

fn version(number: u32, items: &Value) -> PreparedChecklist {
    let text = |it: &str| json!({"es": it, "en": it});
    let checklist: Checklist = serde_json::from_value(json!({
        "schema": "cem-checklist/1", "id": "small", "version": number, "kind": "inspection", "channel": "presencial",
        "title": text("t"), "purpose": text("p"), "scenario": text("s"), "default_locale": "es-MX",
        "visit": {"minutes_min": 1, "minutes_max": 60, "shopper_lockout_days": 0, "branch_spacing_days": 0, "submit_within_hours": 24},
        "scoring": {
            "mode": "points_pooled", "na": "exclude", "hidden": "exclude", "unanswered_optional": "exclude",
            "scale_1_5": "linear", "bonus_cap": "100", "critical": {"mode": "none"},
            "rounding": {"decimals": 2, "mode": "half_up"}, "bands": [{"id": "all", "min": "0", "es": "t", "en": "t"}]
        },
        "sections": [{"id": "A", "weight": 100, "touchpoint": "t", "title": text("A"), "items": items}]
    }))
    .unwrap();
    PreparedChecklist::new(&checklist).unwrap()
}

fn item(id: &str, kind: &str, required: bool) -> Value {
    let mut item = json!({"id": id, "type": kind, "weight": 1, "q": {"es": id, "en": id}});
    if required {
        item["required"] = json!(true);
    }
    if kind == "number" {
        item["weight"] = json!(0);
        item["max"] = json!("10");
    }
    if kind == "text" {
        item["weight"] = json!(0);
    }
    item
}

fn codes(report: &Migration) -> Vec<(&str, &str)> {
    report
        .misfits
        .iter()
        .chain(&report.newly_required)
        .map(|it| (it.field.as_str(), it.code.as_str()))
        .collect()
}

#[test]
fn what_no_longer_fits_and_what_is_newly_asked_is_named_field_by_field() {
    let first = version(
        1,
        &json!([
            item("A01", "yes_no", true),
            item("A02", "yes_no", false),
            item("A03", "scale_1_5", true),
            item("A04", "text", false),
        ]),
    );
    let second = version(
        2,
        &json!([
            item("A01", "yes_no", true),
            item("A03", "yes_no", true),
            item("A04", "text", false),
            item("A05", "yes_no", true),
        ]),
    );
    let recorded = [
        ("A01", "\"yes\""),
        ("A02", "\"no\""),
        ("A02#comment", "\"why\""),
        ("A03", "4"),
        ("A04", "\"well\""),
    ];
    let recorded = recorded.map(|(field, json)| (field.to_owned(), json.to_owned())).into();
    let report = migration(&first, &second, &recorded);
    let expected = [
        ("/A02", "field_gone"),
        ("/A02#comment", "field_gone"),
        ("/A03", "other_kind"),
        ("/A03", "required"),
        ("/A05", "required"),
    ];
    assert_eq!(codes(&report), expected);
    // To the version that it has, nothing changes; a demand that was open before is not new.
    assert_eq!(migration(&first, &first, &recorded), Migration::default());
    let open = [("A01".to_owned(), "\"yes\"".to_owned())].into();
    assert_eq!(codes(&migration(&first, &second, &open)), [("/A05", "required")]);
}
