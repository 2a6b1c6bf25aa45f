//! What is wrong with a JSON document, all of it at once. Serde stops at the first field that it cannot read: here that
//! field is told, a value that can be read stands in for it, and the document is read again, until `validator` can
//! apply its rules to the rest. Only a document that was refused comes here.

use super::{
    body::{json_pointer, rule_problems},
    expected::{Expected, Fault, Precision},
};
use domain::{FieldProblem, input::Json, problem::pointer};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use validator::Validate;

/// How many bytes are read again at most, so that a document made of mistakes costs little; whatever it still has is
/// told the next time.
const MAX_REREAD_BYTES: usize = 32 << 20;
/// A document is read again at least so often.
const MIN_ROUNDS: usize = 16;

/// Where a document comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Body,
    /// Its numbers come as texts.
    Query,
}

/// Everything that keeps a document from being read as a `T`, by field; nothing where all of it can be read.
pub(super) fn problems<T: DeserializeOwned + Validate>(
    document: Value,
    size: usize,
    origin: Origin,
) -> Vec<FieldProblem> {
    let mut mender = Mender { document, origin, told: BTreeMap::new(), tried: BTreeMap::new() };
    for _ in 0..(MAX_REREAD_BYTES / size.max(1)).max(MIN_ROUNDS) {
        match serde_path_to_error::deserialize::<_, T>(&mender.document) {
            Ok(read) => {
                let rules = rule_problems(&read);
                let mut found: Vec<FieldProblem> =
                    rules.into_iter().filter(|it| !mender.stands_in(&it.field)).collect();
                found.extend(mender.into_problems());
                found.sort();
                return found;
            }
            Err(error) => {
                let at = json_pointer(error.path());
                if !mender.mend(&at, &error.into_inner().to_string()) {
                    break;
                }
            }
        }
    }
    mender.into_problems()
}

/// The fields that stand more than once in an object.
pub(super) fn repeated(text: &str) -> Vec<FieldProblem> {
    fn walk(at: &str, json: &Json, found: &mut BTreeSet<String>) {
        match json {
            Json::Object(fields) => {
                let mut names = BTreeSet::new();
                for (name, value) in fields {
                    let here = pointer(at, name);
                    walk(&here, value, found);
                    if !names.insert(name) {
                        found.insert(here);
                    }
                }
            }
            Json::List(items) => {
                items.iter().enumerate().for_each(|(index, it)| walk(&pointer(at, index), it, found));
            }
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    if let Ok(json) = Json::parse(text) {
        walk("", &json, &mut found);
    }
    found.into_iter().map(|it| repeated_field(&it)).collect()
}

/// That a field or parameter stands more than once.
pub(super) fn repeated_field(at: &str) -> FieldProblem {
    let es = "Aparece más de una vez; deje uno solo.";
    FieldProblem::new(at, "repeated_field", es, "stands there more than once; leave one of them")
}

/// A document that is mended field by field.
struct Mender {
    document: Value,
    origin: Origin,
    told: BTreeMap<String, (Precision, FieldProblem)>,
    /// What stood in for a field, by its place.
    tried: BTreeMap<String, BTreeSet<String>>,
}

impl Mender {
    fn into_problems(self) -> Vec<FieldProblem> {
        self.told.into_values().map(|it| it.1).collect()
    }

    /// Whether what stands at a place did not come with the document.
    fn stands_in(&self, at: &str) -> bool {
        self.tried
            .keys()
            .any(|it| at.strip_prefix(it.as_str()).is_some_and(|it| it.is_empty() || it.starts_with('/')))
    }

    /// Tells what is wrong at a place and mends it; false where that is not possible.
    fn mend(&mut self, at: &str, reason: &str) -> bool {
        match Fault::of(reason) {
            Fault::Missing(name) => {
                let at = pointer(at, name);
                let (es, en) = (format!("Falta «{name}»."), format!("\"{name}\" is missing"));
                self.tell(Precision::Values, FieldProblem::new(&*at, "missing_field", es, en));
                self.stand_in(&at, "true")
            }
            Fault::Unknown(name, known) => self.take_out(at, name, &known),
            Fault::Wrong(expected) => {
                let at = self.located(at, reason);
                self.reread_text(&at, &expected) || self.replace(&at, &expected)
            }
        }
    }

    /// Tells a problem, unless more is known of the place already or something stands in for what is around it.
    fn tell(&mut self, precision: Precision, problem: FieldProblem) {
        let is_news = match self.told.get(&problem.field) {
            Some((known, _)) => *known < precision,
            None => !self.stands_in(&problem.field),
        };
        if is_news {
            self.told.insert(problem.field.clone(), (precision, problem));
        }
    }

    fn replace(&mut self, at: &str, expected: &Expected) -> bool {
        let Expected { precision, es, en, stand_in, stand_in_alone } = expected;
        self.tell(*precision, FieldProblem::new(at, "wrong_shape", es, en));
        let is_alone = self.owner(at).is_some_and(|it| it.0.len() == 1);
        self.stand_in(at, if is_alone { stand_in_alone } else { stand_in })
    }

    /// Puts a value in a place, each only once; takes the place away where none is left to try.
    fn stand_in(&mut self, at: &str, value: &str) -> bool {
        let is_new = self.tried.entry(at.to_owned()).or_default().insert(value.to_owned());
        // What stood in for its parts went with it.
        let inside = format!("{at}/");
        self.tried.retain(|it, _| !it.starts_with(&inside));
        let value = serde_json::from_str(value).unwrap_or_default();
        match self.document.pointer_mut(at) {
            Some(place) if is_new => *place = value,
            Some(_) => return self.remove(at),
            None => match self.owner(at) {
                Some((fields, name)) if is_new => drop(fields.insert(name, value)),
                _ => return false,
            },
        }
        true
    }

    /// The object that a place is in, and its name there.
    fn owner(&mut self, at: &str) -> Option<(&mut serde_json::Map<String, Value>, String)> {
        let (parent, name) = at.rsplit_once('/')?;
        let name = name.replace("~1", "/").replace("~0", "~");
        Some((self.document.pointer_mut(parent)?.as_object_mut()?, name))
    }

    fn remove(&mut self, at: &str) -> bool {
        self.owner(at).is_some_and(|(fields, name)| fields.remove(&name).is_some())
    }

    /// Takes every field out of an object that does not belong there. Of an object that serde buffered, whose path ends
    /// above the field, it knows only some fields: there only the named one goes.
    fn take_out(&mut self, at: &str, name: &str, known: &[&str]) -> bool {
        let (owner, is_whole) = match at.strip_suffix(&pointer("", name)) {
            Some(owner) => (owner, true),
            None => (at, false),
        };
        let Some(Value::Object(fields)) = self.document.pointer_mut(owner) else { return false };
        let is_foreign = |it: &str| it == name || is_whole && !known.contains(&it);
        let foreign: Vec<String> = fields.keys().filter(|it| is_foreign(it)).cloned().collect();
        fields.retain(|it, _| !is_foreign(it));
        for name in &foreign {
            let es = format!("«{name}» no existe aquí; quítelo o corrija su nombre.");
            let en = format!("there is no \"{name}\" here; remove it or correct its name");
            self.tell(Precision::Values, FieldProblem::new(pointer(owner, name), "unknown_field", es, en));
        }
        !foreign.is_empty()
    }

    /// Serde buffers some objects and then only knows of the object: the field is the one with the value that it names.
    fn located(&self, at: &str, reason: &str) -> String {
        let found = reason.strip_prefix("invalid type: ").or_else(|| reason.strip_prefix("invalid value: "));
        let found = found.and_then(|it| it.rsplit_once(", expected ")).map(|it| it.0);
        let Some((found, Some(Value::Object(fields)))) = found.zip(Some(self.document.pointer(at))) else {
            return at.to_owned();
        };
        let mut alike = fields.iter().filter(|it| unexpected(it.1) == found).map(|it| it.0);
        match (alike.next(), alike.next()) {
            (Some(name), None) => pointer(at, name),
            _ => at.to_owned(),
        }
    }

    /// In a query string a number is a text that reads as one.
    fn reread_text(&mut self, at: &str, expected: &Expected) -> bool {
        let Some(Value::String(text)) = self.document.pointer(at) else { return false };
        let is_number = self.origin == Origin::Query && expected.stand_in == "0" && !self.stands_in(at);
        let Some(number) = text.parse::<i64>().ok().filter(|_| is_number) else { return false };
        self.document.pointer_mut(at).map(|it| *it = number.into()).is_some()
    }
}

/// How serde names a value.
fn unexpected(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(it) => format!("boolean `{it}`"),
        Value::Number(it) if it.is_f64() => format!("floating point `{it}`"),
        Value::Number(it) => format!("integer `{it}`"),
        Value::String(it) => format!("string {it:?}"),
        Value::Array(_) => "sequence".to_owned(),
        Value::Object(_) => "map".to_owned(),
    }
}
