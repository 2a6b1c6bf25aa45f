//! Prints the JSON Schema of the phone's messages, of which `npm run messages` in `phone/` makes TypeScript types.

use std::io::Write as _;

use schemars::SchemaGenerator;
use screens::{Message, Photo, Reply};

fn main() -> std::io::Result<()> {
    // As they are written, so that what is always there is not optional.
    let mut schemas = SchemaGenerator::new(schemars::generate::SchemaSettings::draft07().for_serialize());
    let members: serde_json::Map<String, serde_json::Value> = [
        ("message", schemas.subschema_for::<Message>()),
        ("reply", schemas.subschema_for::<Reply>()),
        ("photo", schemas.subschema_for::<Photo>()),
    ]
    .into_iter()
    .map(|(name, schema)| (name.to_owned(), schema.to_value()))
    .collect();
    let definitions = schemas.take_definitions(true);
    let document = serde_json::json!({
        "title": "Messages", "type": "object", "additionalProperties": false,
        "required": members.keys().collect::<Vec<_>>(), "properties": members, "definitions": definitions,
    });
    let text = serde_json::to_string_pretty(&document)?;
    writeln!(std::io::stdout(), "{text}")
}
