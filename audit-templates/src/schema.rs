//! JSON Schemas of the content files, for editors. Owns which there are; they are generated from the types.

use domain::{checklist::Checklist, incentive::Plan, standard::Standard};

/// File name and text of every schema that is checked in under `schemas/`.
///
/// `cargo run -p audit-templates --example schemas` writes them.
pub fn schemas() -> Vec<(&'static str, String)> {
    vec![
        ("checklist.json", schema_text::<Checklist>()),
        ("plan.json", schema_text::<Plan>()),
        ("standard.json", schema_text::<Standard>()),
    ]
}

fn schema_text<T: schemars::JsonSchema>() -> String {
    let schema = schemars::schema_for!(T);
    let text = serde_json::to_string_pretty(&schema).expect("a schema is a JSON value");
    format!("{text}\n")
}
