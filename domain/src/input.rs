//! Reading the JSON inputs of the tools strictly: every problem in one pass, decimals exactly from their text and
//! never through a float. Owns the reading; what a value means is decided by who asks for it.

use crate::{Date, Exact, FieldProblem, Problem, problem::pointer};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

/// Deepest nesting that is read; the shapes of the tools need six.
const MAX_DEPTH: usize = 16;

/// A JSON document whose numbers keep their text and whose objects keep repeated fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`, read as absent.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as written.
    Number(String),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object, fields as written.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a document.
    ///
    /// # Errors
    /// `malformed_json` where it is not one JSON document, `too_deep` where it nests too deeply (both status 400).
    pub fn parse(text: &str) -> Result<Self, Problem> {
        crate::json::read::<&RawValue>(text.as_bytes())
            .map_err(|it| malformed(&it))
            .and_then(|it| parsed(it, 0))
    }
}

fn parsed(raw: &RawValue, depth: usize) -> Result<Json, Problem> {
    if depth > MAX_DEPTH {
        return Err(Problem::single(
            400,
            "too_deep",
            "el documento está anidado demasiado profundo",
            "the document is nested too deeply",
        ));
    }
    let text = raw.get();
    Ok(match text.as_bytes().first() {
        Some(b'{') => {
            let fields: Fields<'_> = crate::json::read(text.as_bytes()).map_err(|it| malformed(&it))?;
            let fields = fields.0.into_iter().map(|(name, it)| Ok((name, parsed(it, depth + 1)?)));
            Json::Object(fields.collect::<Result<_, Problem>>()?)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = crate::json::read(text.as_bytes()).map_err(|it| malformed(&it))?;
            Json::List(items.into_iter().map(|it| parsed(it, depth + 1)).collect::<Result<_, _>>()?)
        }
        Some(b'"') => Json::Text(crate::json::read(text.as_bytes()).map_err(|it| malformed(&it))?),
        Some(b't') => Json::Bool(true),
        Some(b'f') => Json::Bool(false),
        Some(b'n') => Json::Null,
        _ => Json::Number(text.to_string()),
    })
}

fn malformed(error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    Problem::single(
        400,
        "malformed_json",
        format!("no es un documento JSON válido (línea {line}, columna {column})"),
        format!("not a valid JSON document (line {line}, column {column})"),
    )
}

/// The fields of an object in order, repeats kept.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<'a>(core::marker::PhantomData<&'a ()>);
        impl<'de: 'a, 'a> de::Visitor<'de> for Visitor<'a> {
            type Value = Fields<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<M: de::MapAccess<'de>>(self, mut map: M) -> Result<Fields<'a>, M::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Visitor(core::marker::PhantomData))
    }
}

/// Problems found so far.
pub(crate) type Problems = Vec<FieldProblem>;

/// Adds a problem unless the same field has one already: what is of the wrong type is not also missing.
pub(crate) fn complain(problems: &mut Problems, field: String, code: &str, es: String, en: String) {
    if !problems.iter().any(|it| it.field == field) {
        problems.push(FieldProblem::new(field, code, es, en));
    }
}

/// A value at a place.
#[derive(Clone)]
pub(crate) struct At<'a> {
    pub(crate) pointer: String,
    json: &'a Json,
}

impl<'a> At<'a> {
    pub(crate) fn root(json: &'a Json) -> Self {
        Self::of(json, String::new())
    }

    /// A value that stands at a place of something larger.
    pub(crate) fn of(json: &'a Json, pointer: String) -> Self {
        Self { pointer, json }
    }

    fn wrong(&self, problems: &mut Problems, es: &str, en: &str) {
        complain(
            problems,
            self.pointer.clone(),
            "wrong_type",
            format!("debe ser {es}"),
            format!("must be {en}"),
        );
    }

    pub(crate) fn is_object(&self) -> bool {
        matches!(self.json, Json::Object(_))
    }

    pub(crate) fn object(&self, problems: &mut Problems) -> Option<Object<'a>> {
        let Json::Object(all) = self.json else {
            self.wrong(problems, "un objeto", "an object");
            return None;
        };
        let mut fields: Vec<(&str, &Json)> = Vec::new();
        for (name, value) in all {
            if fields.iter().any(|(it, _)| it == name) {
                let (es, en) = ("este campo aparece dos veces", "this field appears twice");
                complain(problems, pointer(&self.pointer, name), "repeated_field", es.into(), en.into());
            } else {
                fields.push((name, value));
            }
        }
        Some(Object { pointer: self.pointer.clone(), fields })
    }

    /// The fields of an object; none, and a problem, where it is none.
    pub(crate) fn fields(&self, problems: &mut Problems) -> Object<'a> {
        let none = || Object { pointer: self.pointer.clone(), fields: Vec::new() };
        self.object(problems).unwrap_or_else(none)
    }

    pub(crate) fn list(&self, problems: &mut Problems) -> Option<Vec<At<'a>>> {
        let Json::List(items) = self.json else {
            self.wrong(problems, "una lista", "an array");
            return None;
        };
        let at = |(index, json)| At { pointer: pointer(&self.pointer, index), json };
        Some(items.iter().enumerate().map(at).collect())
    }

    pub(crate) fn text(&self, problems: &mut Problems) -> Option<String> {
        match self.json {
            Json::Text(text) if !text.is_empty() => Some(text.clone()),
            _ => {
                self.wrong(problems, "un texto no vacío", "a text that is not empty");
                None
            }
        }
    }

    /// A text that may be empty.
    pub(crate) fn any_text(&self, problems: &mut Problems) -> Option<String> {
        match self.json {
            Json::Text(text) => Some(text.clone()),
            _ => {
                self.wrong(problems, "un texto", "a text");
                None
            }
        }
    }

    /// An integer, written without a fraction or an exponent.
    pub(crate) fn whole(&self, problems: &mut Problems) -> Option<i64> {
        let number = match self.json {
            Json::Number(text) => text.parse().ok(),
            _ => None,
        };
        if number.is_none() {
            self.wrong(problems, "un entero", "an integer");
        }
        number
    }

    pub(crate) fn decimal(&self, problems: &mut Problems) -> Option<Exact> {
        let number = match self.json {
            Json::Number(text) | Json::Text(text) => Exact::parse(text).ok(),
            _ => None,
        };
        if number.is_none() {
            self.wrong(
                problems,
                "un número decimal, como 84.20 o \"84.20\"",
                "a decimal, such as 84.20 or \"84.20\"",
            );
        }
        number
    }

    pub(crate) fn count(&self, problems: &mut Problems) -> Option<u32> {
        let number = match self.json {
            Json::Number(text) => text.parse().ok(),
            _ => None,
        };
        if number.is_none() {
            self.wrong(problems, "un entero desde 0", "an integer from 0");
        }
        number
    }

    pub(crate) fn flag(&self, problems: &mut Problems) -> Option<bool> {
        match self.json {
            Json::Bool(flag) => Some(*flag),
            _ => {
                self.wrong(problems, "true o false", "true or false");
                None
            }
        }
    }

    pub(crate) fn date(&self, problems: &mut Problems) -> Option<Date> {
        let date = match self.json {
            Json::Text(text) => Date::parse(text),
            _ => None,
        };
        if date.is_none() {
            self.wrong(problems, "una fecha como \"2026-04-01\"", "a day such as \"2026-04-01\"");
        }
        date
    }
}

/// An object whose fields are taken one by one; what nobody took is unknown.
pub(crate) struct Object<'a> {
    pub(crate) pointer: String,
    fields: Vec<(&'a str, &'a Json)>,
}

impl<'a> Object<'a> {
    /// Takes a field that may be absent.
    pub(crate) fn take(&mut self, name: &str) -> Option<At<'a>> {
        let index = self.fields.iter().position(|(it, _)| *it == name)?;
        let (_, json) = self.fields.remove(index);
        (*json != Json::Null).then(|| At { pointer: pointer(&self.pointer, name), json })
    }

    /// Takes a field that must be there.
    pub(crate) fn need(&mut self, name: &str, problems: &mut Problems) -> Option<At<'a>> {
        let found = self.take(name);
        if found.is_none() {
            missing(problems, pointer(&self.pointer, name));
        }
        found
    }

    /// Takes every field that is left.
    pub(crate) fn rest(&mut self) -> Vec<(&'a str, At<'a>)> {
        let at =
            |(name, json): (&'a str, &'a Json)| (name, At { pointer: pointer(&self.pointer, name), json });
        core::mem::take(&mut self.fields).into_iter().filter(|(_, it)| **it != Json::Null).map(at).collect()
    }

    /// Complains of every field that nobody took.
    pub(crate) fn finish(mut self, problems: &mut Problems) {
        for (_, at) in self.rest() {
            unknown_field(problems, at.pointer);
        }
    }
}

pub(crate) fn missing(problems: &mut Problems, field: String) {
    complain(problems, field, "missing", "falta este campo".into(), "this field is missing".into());
}

pub(crate) fn unknown_field(problems: &mut Problems, field: String) {
    let (es, en) = ("este campo no existe aquí", "there is no such field here");
    complain(problems, field, "unknown_field", es.into(), en.into());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits_and_repeated_fields_are_told() {
        let json = Json::parse(r#"{"a": 12345678901234567890.10, "b": "0.1", "a": 1, "c": null}"#).unwrap();
        let mut problems = Problems::new();
        let mut object = At::root(&json).object(&mut problems).unwrap();
        assert_eq!(problems[0].code, "repeated_field");
        let a = object.take("a").unwrap().decimal(&mut problems).unwrap();
        assert_eq!(a.to_string(), "12345678901234567890.1");
        assert!(object.take("c").is_none());
        object.finish(&mut problems);
        assert_eq!(problems[1].field, "/b");
    }

    #[test]
    fn a_document_that_is_not_json_or_nests_without_end_is_refused() {
        for text in ["", "{", "{} {}", "{'a':1}", "nul", "01"] {
            assert_eq!(Json::parse(text).unwrap_err().code, "malformed_json", "{text}");
        }
        let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
        assert!(["too_deep", "malformed_json"].contains(&Json::parse(&deep).unwrap_err().code.as_str()));
    }
}
