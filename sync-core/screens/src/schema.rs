//! The JSON Schema of the messages, of which the types of the phone's pages are made.

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{Message, Photo, Reply};

/// The schema of every message, as pretty JSON with a line's end.
pub fn schema() -> String {
    // As they are written, so that what is always there is not optional.
    let mut schemas = SchemaGenerator::new(SchemaSettings::draft07().for_serialize());
    let members: Map<String, Value> = [
        ("message", schemas.subschema_for::<Message>()),
        ("reply", schemas.subschema_for::<Reply>()),
        ("photo", schemas.subschema_for::<Photo>()),
    ]
    .into_iter()
    .map(|(name, schema)| (name.to_owned(), schema.to_value()))
    .collect();
    let definitions = schemas.take_definitions(true);
    let document = json!({
        "title": "Messages", "type": "object", "additionalProperties": false,
        "required": members.keys().collect::<Vec<_>>(), "properties": members, "definitions": definitions,
    });
    format!("{document:#}\n")
}
