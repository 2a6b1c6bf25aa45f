//! The OpenAPI document that is checked in is the one that the routes make, and every operation says how it refuses.

use serde_json::Value;

#[test]
fn the_document_that_is_checked_in_is_the_one_of_the_routes() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let checked_in = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        checked_in == server::openapi::document_text(),
        "server/openapi.json is stale: write it anew with `cargo xtask openapi`"
    );
}

#[test]
fn it_is_openapi_3_1_and_every_operation_says_how_it_refuses() {
    let document = server::openapi::document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let refusal = &operation["responses"]["default"]["content"]["application/problem+json"]["schema"];
            assert_eq!(refusal["$ref"], "#/components/schemas/Problem", "{method} {path}");
            assert!(operation["summary"].is_string() || path.ends_with('z'), "{method} {path}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(target)) = members.get("$ref") {
                    found.push(target.clone());
                }
                members.values().for_each(|it| references(it, found));
            }
            Value::Array(items) => items.iter().for_each(|it| references(it, found)),
            _ => {}
        }
    }
    let document = server::openapi::document();
    let mut found = Vec::new();
    references(document, &mut found);
    for target in found {
        assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target}");
    }
}
