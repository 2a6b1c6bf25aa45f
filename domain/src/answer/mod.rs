//! What an auditor answered. Owns the values, their canonical JSON text and the fields they are kept under; what an
//! item accepts is in `parse`, what an answer is worth in `visit_score`.
//!
//! Answers of a visit are kept by field: `B02` is the answer to item B02, `B02#comment` the comment beside it
//! (a text), `B02#photo` the photos beside it (blob ids).

mod parse;

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;
use ordered::BTreeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Exact;
pub use parse::{
    FieldParser, MAX_ANSWER_FIELDS, MAX_BLOB_ID_BYTES, MAX_PHOTOS, MAX_TEXT_CHARS, parse_answer,
    parse_answers, parse_field,
};

/// Answers of one visit by field (see the module). An unanswered item is absent.
pub type Answers = BTreeMap<String, Answer>;

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Yes.
    Yes,
    /// No.
    No,
    /// Does not apply here.
    NotApplicable,
    /// A step of a scale, 1 to 5.
    Scale(u8),
    /// A number or a duration, in the item's unit.
    Number(Exact),
    /// The chosen option of a single choice.
    Option(String),
    /// The chosen options of a multiple choice, in the order chosen, without repeats; may be empty.
    Options(Vec<String>),
    /// A wall-clock time.
    Time(TimeOfDay),
    /// Ids of blobs: photos, recordings or files.
    Photos(Vec<String>),
    /// A text.
    Text(String),
}

impl Answer {
    /// The canonical JSON text (DOMAIN.md 11): the value of a `set` operation is these bytes.
    pub fn to_json(&self) -> String {
        match self {
            Self::Yes => quoted("yes"),
            Self::No => quoted("no"),
            Self::NotApplicable => quoted("na"),
            Self::Scale(value) => value.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Option(text) | Self::Text(text) => quoted(text),
            Self::Options(ids) | Self::Photos(ids) => {
                format!("[{}]", ids.iter().map(|it| quoted(it)).collect::<Vec<_>>().join(","))
            }
            Self::Time(time) => quoted(&time.to_string()),
        }
    }
}

impl fmt::Display for Answer {
    /// For an explanation: the value itself, but of a text only its length and of photos only their number, since a
    /// narrative names people and an explanation travels further than it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Yes => f.write_str("yes"),
            Self::No => f.write_str("no"),
            Self::NotApplicable => f.write_str("na"),
            Self::Scale(value) => write!(f, "{value}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Option(id) => f.write_str(id),
            Self::Options(ids) => f.write_str(&ids.join(", ")),
            Self::Time(time) => write!(f, "{time}"),
            Self::Photos(ids) => write!(f, "[photos: {}]", ids.len()),
            Self::Text(text) => write!(f, "[characters: {}]", text.chars().count()),
        }
    }
}

/// A JSON string with everything escaped that must be.
fn quoted(text: &str) -> String {
    use fmt::Write;
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for it in text.chars() {
        match it {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            it if u32::from(it) < 0x20 => {
                // Writing to a String cannot fail.
                let _ = write!(json, "\\u{:04x}", u32::from(it));
            }
            it => json.push(it),
        }
    }
    json.push('"');
    json
}

/// Prints answers as one JSON object, fields in order, no whitespace.
pub fn answers_to_json(answers: &Answers) -> String {
    let fields: Vec<String> =
        answers.iter().map(|(field, answer)| format!("{}:{}", quoted(field), answer.to_json())).collect();
    format!("{{{}}}", fields.join(","))
}

/// A field of a visit's answers: an item and which of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AnswerField<'a> {
    /// The item.
    pub item: &'a str,
    /// Which part.
    pub part: AnswerPart,
}

/// What is kept of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AnswerPart {
    /// Its answer, under its id.
    Value,
    /// The comment beside it, under `id#comment`.
    Comment,
    /// The photos beside it, under `id#photo`.
    Photos,
}

impl<'a> AnswerField<'a> {
    /// Reads a field name; `None` where what follows `#` is no part.
    pub fn parse(field: &'a str) -> Option<Self> {
        Some(match field.split_once('#') {
            None => Self { item: field, part: AnswerPart::Value },
            Some((item, "comment")) => Self { item, part: AnswerPart::Comment },
            Some((item, "photo")) => Self { item, part: AnswerPart::Photos },
            Some(_) => return None,
        })
    }
}

/// The field of the comment beside an item.
pub fn comment_field(item: &str) -> String {
    format!("{item}#comment")
}

/// The field of the photos beside an item.
pub fn photo_field(item: &str) -> String {
    format!("{item}#photo")
}

/// A wall-clock time of day, to the minute; `"HH:MM"` in JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay {
    minutes: u16,
}

impl TimeOfDay {
    /// Reads `HH:MM`, two digits each, 00:00 to 23:59.
    pub fn parse(text: &str) -> Option<Self> {
        let (hours, minutes) = text.split_once(':')?;
        let two_digits = |it: &str| (it.len() == 2).then_some(it)?.parse::<u16>().ok();
        if !text.bytes().all(|it| it.is_ascii_digit() || it == b':') {
            return None;
        }
        let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
        (hours < 24 && minutes < 60).then_some(Self { minutes: hours * 60 + minutes })
    }

    /// Minutes since midnight.
    pub fn minutes(self) -> u16 {
        self.minutes
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("not a time such as 09:30"))
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for TimeOfDay {
    fn schema_name() -> alloc::borrow::Cow<'static, str> {
        "TimeOfDay".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Wall-clock time, HH:MM",
            "type": "string",
            "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"
        })
    }
}

#[cfg(test)]
mod tests;
