//! Reads answers from JSON text, exactly. Owns which value fits which item (DOMAIN.md 11) and how it is refused.

use alloc::{
    borrow::ToOwned,
    boxed::Box,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use core::fmt;
use ordered::{BTreeMap, BTreeSet};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{Answer, AnswerField, AnswerPart, Answers, TimeOfDay};
use crate::{
    Exact, FieldProblem, Problem,
    checklist::{Checklist, Item, ItemType},
    problem::pointer,
    visit_facts::is_reserved,
};

/// Most fields that the answers of one visit may have.
pub const MAX_ANSWER_FIELDS: usize = 10_000;
/// Longest text or comment, in characters.
pub const MAX_TEXT_CHARS: usize = 20_000;
/// Most photos beside one answer.
pub const MAX_PHOTOS: usize = 100;
/// Longest blob id, in bytes.
pub const MAX_BLOB_ID_BYTES: usize = 128;

/// Reads the answers of a visit from a JSON object by field; reserved fields ([`crate::visit_facts`]) are passed over.
///
/// # Errors
/// A problem with code `invalid_answers` that names every field which does not fit: `not_json`, `unknown_item`,
/// `unknown_option`, `wrong_type`, `out_of_range`, `repeated_option`, `exclusive_option`, `repeated_key`,
/// `na_not_allowed`, `too_long`.
pub fn parse_answers(checklist: &Checklist, json: &str) -> Result<Answers, Problem> {
    let invalid =
        |errors| Problem::invalid("invalid_answers", "The answers do not fit the checklist", errors);
    let members = crate::json::read::<Members>(json.as_bytes()).map_err(|error| {
        invalid(vec![FieldProblem::new(
            "",
            "not_json",
            format!("No es un objeto JSON de respuestas por pregunta: {error}"),
            format!("Not a JSON object of answers by item: {error}"),
        )])
    })?;
    if members.0.len() > MAX_ANSWER_FIELDS {
        return Err(invalid(vec![too_long("", "campos", "fields", MAX_ANSWER_FIELDS)]));
    }
    let fields = FieldParser::of(checklist);
    let (mut answers, mut problems, mut seen) = (Answers::new(), Vec::new(), BTreeSet::new());
    // What a visit states beside its answers is none of them.
    for (field, value) in members.0.iter().filter(|it| !is_reserved(&it.0)) {
        if !seen.insert(field.as_str()) {
            problems.push(repeated_key(field));
            continue;
        }
        match fields.parse(field, value.get()) {
            Ok(Some(answer)) => {
                answers.insert(field.clone(), answer);
            }
            Ok(None) => {}
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(answers) } else { Err(invalid(problems)) }
}

/// Reads one field (`B02`, `B02#comment`, `B02#photo`) from its JSON text; `None` for null.
///
/// # Errors
/// What does not fit, at the pointer of the field; the codes are those of [`parse_answers`].
pub fn parse_field(checklist: &Checklist, field: &str, json: &str) -> Result<Option<Answer>, FieldProblem> {
    field_answer(|id| checklist.item(id), field, json)
}

/// Reads fields one by one, as [`parse_field`], for whoever has many.
pub struct FieldParser<'a> {
    items: BTreeMap<&'a str, &'a Item>,
}

impl<'a> FieldParser<'a> {
    /// For the fields of a checklist.
    pub fn of(checklist: &'a Checklist) -> Self {
        Self { items: checklist.items().map(|it| (it.id.as_str(), it)).collect() }
    }

    /// As [`parse_field`].
    ///
    /// # Errors
    /// As there.
    pub fn parse(&self, field: &str, json: &str) -> Result<Option<Answer>, FieldProblem> {
        field_answer(|id| self.items.get(id).copied(), field, json)
    }
}

/// Reads the answer to one item from its JSON text; `None` for null.
///
/// # Errors
/// What does not fit, at the pointer of the item; the codes are those of [`parse_answers`].
pub fn parse_answer(item: &Item, json: &str) -> Result<Option<Answer>, FieldProblem> {
    let at = Place(&item.id, None);
    let json = json.trim();
    if json == "null" {
        return Ok(None);
    }
    if json == "\"na\""
        && item.kind != ItemType::Text
        && !(item.kind.is_choice() && item.option("na").is_some())
    {
        return if item.accepts_na() { Ok(Some(Answer::NotApplicable)) } else { Err(na_not_allowed(at)) };
    }
    let answer = match item.kind {
        ItemType::YesNo | ItemType::YesNoNa => yes_no(at, json),
        ItemType::Scale => scale(at, json),
        ItemType::Number | ItemType::Duration => number(item, at, json),
        ItemType::SingleChoice => single_choice(item, at, json),
        ItemType::MultiChoice => multi_choice(item, at, json),
        ItemType::Time => time(at, json),
        ItemType::Photo | ItemType::Audio | ItemType::File => photos(at, json),
        ItemType::Text => text(at, json),
    };
    answer.map(Some)
}

fn field_answer<'a>(
    item_of: impl Fn(&str) -> Option<&'a Item>,
    field: &str,
    json: &str,
) -> Result<Option<Answer>, FieldProblem> {
    let found = AnswerField::parse(field).and_then(|it| item_of(it.item).map(|item| (item, it.part)));
    let at = Place(field, None);
    match found {
        None => Err(unknown_item(at, field)),
        Some((item, AnswerPart::Value)) => parse_answer(item, json),
        Some(_) if json.trim() == "null" => Ok(None),
        Some((_, AnswerPart::Comment)) => text(at, json).map(Some),
        Some((_, AnswerPart::Photos)) => photos(at, json).map(Some),
    }
}

/// Where a value stands: its field, and its place in a list. The pointer is only made where something does not fit.
#[derive(Clone, Copy)]
struct Place<'a>(&'a str, Option<usize>);

impl Place<'_> {
    fn nth(self, index: usize) -> Self {
        Self(self.0, Some(index))
    }
}

impl From<Place<'_>> for String {
    fn from(place: Place<'_>) -> Self {
        let field = pointer("", place.0);
        place.1.map_or_else(|| field.clone(), |index| pointer(&field, index))
    }
}

/// The members of a JSON object, in order, repeats kept so that they can be refused.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object of answers by item")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

fn read<T: DeserializeOwned>(at: Place<'_>, json: &str, es: &str, en: &str) -> Result<T, FieldProblem> {
    crate::json::read(json.as_bytes()).map_err(|_| wrong_type(at, json, es, en))
}

fn yes_no(at: Place<'_>, json: &str) -> Result<Answer, FieldProblem> {
    match json {
        "\"yes\"" => Ok(Answer::Yes),
        "\"no\"" => Ok(Answer::No),
        _ => Err(wrong_type(at, json, "\"yes\" o \"no\"", "\"yes\" or \"no\"")),
    }
}

fn scale(at: Place<'_>, json: &str) -> Result<Answer, FieldProblem> {
    let value: i64 = read(at, json, "un entero de 1 a 5", "an integer from 1 to 5")?;
    match u8::try_from(value) {
        Ok(step @ 1..=5) => Ok(Answer::Scale(step)),
        _ => Err(out_of_range(at, json, "1", "5")),
    }
}

fn number(item: &Item, at: Place<'_>, json: &str) -> Result<Answer, FieldProblem> {
    let is_number = json.starts_with(|it: char| it == '-' || it.is_ascii_digit());
    if !is_number || crate::json::read::<&RawValue>(json.as_bytes()).is_err() {
        return Err(wrong_type(at, json, "un número", "a number"));
    }
    let value =
        Exact::parse(json).map_err(|_| too_long(at, "dígitos", "digits", crate::exact::MAX_DECIMAL_CHARS))?;
    let below = item.min.as_ref().is_some_and(|it| value < *it);
    let above = item.max.as_ref().is_some_and(|it| value > *it);
    if below || above {
        let limit = |it: &Option<Exact>| it.as_ref().map_or_else(|| "…".to_string(), ToString::to_string);
        return Err(out_of_range(at, json, &limit(&item.min), &limit(&item.max)));
    }
    Ok(Answer::Number(value))
}

fn single_choice(item: &Item, at: Place<'_>, json: &str) -> Result<Answer, FieldProblem> {
    let id: String = read(at, json, "el id de una opción", "the id of an option")?;
    if item.option(&id).is_none() {
        return Err(unknown_option(item, at, &id));
    }
    Ok(Answer::Option(id))
}

fn multi_choice(item: &Item, at: Place<'_>, json: &str) -> Result<Answer, FieldProblem> {
    let ids: Vec<String> = read(at, json, "una lista de ids de opciones", "a list of option ids")?;
    let mut seen = BTreeSet::new();
    let mut exclusive = None;
    for (place, id) in ids.iter().enumerate() {
        let at = at.nth(place);
        let option = item.option(id).ok_or_else(|| unknown_option(item, at, id))?;
        if !seen.insert(id) {
            return Err(repeated_option(at, id));
        }
        if option.exclusive {
            exclusive = Some(id);
        }
    }
    match exclusive {
        Some(id) if ids.len() > 1 => Err(exclusive_option(at, id)),
        _ => Ok(Answer::Options(ids)),
    }
}

fn time(at: Place<'_>, json: &str) -> Result<Answer, FieldProblem> {
    let (es, en) = ("una hora \"HH:MM\" entre 00:00 y 23:59", "a time \"HH:MM\" between 00:00 and 23:59");
    let text: String = read(at, json, es, en)?;
    TimeOfDay::parse(&text).map(Answer::Time).ok_or_else(|| wrong_type(at, json, es, en))
}

fn photos(at: Place<'_>, json: &str) -> Result<Answer, FieldProblem> {
    let ids: Vec<String> = read(at, json, "una lista de ids de fotos", "a list of photo ids")?;
    if ids.len() > MAX_PHOTOS {
        return Err(too_long(at, "fotos", "photos", MAX_PHOTOS));
    }
    let mut seen = BTreeSet::new();
    for (place, id) in ids.iter().enumerate() {
        let at = at.nth(place);
        if id.is_empty() || id.len() > MAX_BLOB_ID_BYTES {
            return Err(too_long(at, "bytes de id", "bytes of id", MAX_BLOB_ID_BYTES));
        }
        if !seen.insert(id) {
            return Err(repeated_option(at, id));
        }
    }
    Ok(Answer::Photos(ids))
}

fn text(at: Place<'_>, json: &str) -> Result<Answer, FieldProblem> {
    let text: String = read(at, json, "un texto", "a text")?;
    // No text has more characters than bytes.
    if text.len() > MAX_TEXT_CHARS && text.chars().count() > MAX_TEXT_CHARS {
        return Err(too_long(at, "caracteres", "characters", MAX_TEXT_CHARS));
    }
    Ok(Answer::Text(text))
}

/// A value as quoted in a message, cut where it is long.
fn shown(json: &str) -> String {
    const SHOWN_CHARS: usize = 60;
    if json.chars().count() <= SHOWN_CHARS {
        return json.to_owned();
    }
    let start: String = json.chars().take(SHOWN_CHARS).collect();
    format!("{start}…")
}

fn unknown_item(at: Place<'_>, field: &str) -> FieldProblem {
    let field = shown(field);
    FieldProblem::new(
        at,
        "unknown_item",
        format!("El cuestionario no tiene la pregunta «{field}»; quítela o corrija su id"),
        format!("The checklist has no item `{field}`; remove it or correct its id"),
    )
}

fn repeated_key(field: &str) -> FieldProblem {
    let shown = shown(field);
    FieldProblem::new(
        pointer("", field),
        "repeated_key",
        format!("«{shown}» aparece más de una vez; deje una sola respuesta"),
        format!("`{shown}` appears more than once; keep one answer"),
    )
}

fn wrong_type(at: Place<'_>, json: &str, es: &str, en: &str) -> FieldProblem {
    let value = shown(json);
    FieldProblem::new(
        at,
        "wrong_type",
        format!("Se esperaba {es}, no {value}"),
        format!("Expected {en}, not {value}"),
    )
}

fn out_of_range(at: Place<'_>, json: &str, min: &str, max: &str) -> FieldProblem {
    let value = shown(json);
    FieldProblem::new(
        at,
        "out_of_range",
        format!("{value} está fuera del rango de {min} a {max}"),
        format!("{value} is outside the range from {min} to {max}"),
    )
}

fn na_not_allowed(at: Place<'_>) -> FieldProblem {
    FieldProblem::new(
        at,
        "na_not_allowed",
        "Esta pregunta no admite «no aplica»",
        "This item cannot be answered `na`",
    )
}

fn unknown_option(item: &Item, at: Place<'_>, id: &str) -> FieldProblem {
    let id = shown(id);
    let known = item.options.iter().map(|it| it.id.as_str()).collect::<Vec<_>>().join(", ");
    FieldProblem::new(
        at,
        "unknown_option",
        format!("No hay una opción «{id}»; las opciones son: {known}"),
        format!("There is no option `{id}`; the options are: {known}"),
    )
}

fn repeated_option(at: Place<'_>, id: &str) -> FieldProblem {
    let id = shown(id);
    FieldProblem::new(at, "repeated_option", format!("«{id}» está repetida"), format!("`{id}` is repeated"))
}

fn exclusive_option(at: Place<'_>, id: &str) -> FieldProblem {
    FieldProblem::new(
        at,
        "exclusive_option",
        format!("«{id}» no se puede elegir junto con otras opciones"),
        format!("`{id}` cannot be chosen together with other options"),
    )
}

fn too_long(at: impl Into<String>, es: &str, en: &str, most: usize) -> FieldProblem {
    FieldProblem::new(
        at,
        "too_long",
        format!("Demasiado largo, o vacío: a lo más {most} {es}"),
        format!("Too long, or empty: at most {most} {en}"),
    )
}
