//! The OpenAPI 3.1 document, made from the routes themselves. Adds what holds for every operation: the problem that any
//! of them may answer with, and the session that all but a few need.

use crate::http::routes;
use actix_web::HttpResponse;
use serde_json::{Value, json};
use std::sync::OnceLock;
use utoipa_actix_web::AppExt as _;

/// Operations that need no session.
const OPEN: &[&str] =
    &["/healthz", "/readyz", "/api/v1/sessions", "/api/v1/sessions/by-code", "/api/v1/devices/enrol"];

/// The document.
pub fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let (_, api) = actix_web::App::new().into_utoipa_app().configure(routes).split_for_parts();
        let mut document = serde_json::to_value(api).expect("the document is plain data");
        describe(&mut document);
        document
    })
}

/// The document as it is checked in: indented, with a line feed at its end.
pub fn document_text() -> String {
    let mut text = serde_json::to_string_pretty(document()).expect("the document is plain data");
    text.push('\n');
    text
}

/// Serves the document.
pub(crate) async fn show() -> HttpResponse {
    HttpResponse::Ok().json(document())
}

/// The methods of an address, in capitals; none for an unknown address.
pub(crate) fn methods_of(path: &str) -> Vec<String> {
    let Some(paths) = document().get("paths").and_then(Value::as_object) else { return Vec::new() };
    let mut methods: Vec<String> = paths
        .iter()
        .filter(|(template, _)| matches(template, path))
        .filter_map(|(_, item)| item.as_object())
        .flat_map(|item| item.keys())
        .map(|it| it.to_uppercase())
        .collect();
    methods.sort();
    methods.dedup();
    methods
}

fn matches(template: &str, path: &str) -> bool {
    let (mut template, mut path) = (template.split('/'), path.split('/'));
    loop {
        match (template.next(), path.next()) {
            (None, None) => return true,
            (Some(expected), Some(found)) if expected.starts_with('{') || expected == found => {}
            _ => return false,
        }
    }
}

fn describe(document: &mut Value) {
    *member(document, "info") = json!({
        "title": "Veedor",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "Mystery audits: answers, scores, standards, scorecards and pay. Every refusal is a problem \
                        detail (RFC 9457) with a stable code and texts in Spanish and English; every POST may carry \
                        an Idempotency-Key.",
        "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
    });
    let components = member(document, "components");
    *member(components, "securitySchemes") = json!({"session": {"type": "http", "scheme": "bearer"}});
    *member(member(components, "schemas"), "Problem") = problem_schema();
    *member(document, "security") = json!([{"session": []}]);
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    for (path, item) in paths.iter_mut() {
        let Some(operations) = item.as_object_mut() else { continue };
        for (method, operation) in operations.iter_mut() {
            *member(member(operation, "responses"), "default") = json!({
                "description": "a refusal, with a stable code and every offending field",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            });
            if OPEN.contains(&path.as_str()) {
                *member(operation, "security") = json!([]);
            } else if method == "post"
                && let Some(operation) = operation.as_object_mut()
            {
                let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
                if let Some(parameters) = parameters.as_array_mut() {
                    parameters.push(idempotency_key());
                }
            }
        }
    }
}

/// The member of an object, made where it is absent.
fn member<'a>(value: &'a mut Value, name: &str) -> &'a mut Value {
    if !value.is_object() {
        *value = json!({});
    }
    match value {
        Value::Object(members) => members.entry(name).or_insert(Value::Null),
        other => other,
    }
}

fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "required": false,
        "description": "a repeated request with the same key is answered with the first reply",
        "schema": {"type": "string", "minLength": 1, "maxLength": 200},
    })
}

fn problem_schema() -> Value {
    json!({
        "type": "object",
        "required": ["type", "title", "status", "code", "errors"],
        "properties": {
            "type": {"type": "string", "description": "urn:veedor:problem:<code>"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "code": {"type": "string", "description": "stable, snake case"},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["field", "code", "message_es", "message_en"],
                    "properties": {
                        "field": {"type": "string", "description": "JSON Pointer into the input; empty for all of it"},
                        "code": {"type": "string"},
                        "message_es": {"type": "string"},
                        "message_en": {"type": "string"},
                    },
                },
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_matches_its_template_only() {
        assert!(matches("/a/{id}/b", "/a/1/b"));
        assert!(!matches("/a/{id}/b", "/a/1"));
        assert!(!matches("/a/{id}", "/a/1/b"));
        assert!(!matches("/a", "/b"));
    }
}
