//! Reads the values of reserved fields from JSON, exactly and with every problem in one pass. Owns their bounds.

use alloc::{
    format,
    string::{String, ToString},
};
use core::str::FromStr;

use super::{
    FACTS, Fact, LocalTime, MAX_EXPLANATION_CHARS, Moment, OUTCOME, Outcome, OutcomeKind, PLATFORM, Platform,
    Position, PositionSource, Reason, unknown_fact,
};
use crate::{
    FieldProblem, Problem,
    input::{At, Json, Object, Problems, complain},
    problem::pointer,
};

/// Degrees times 10,000,000 from the equator to a pole.
const POLE_E7: i64 = 900_000_000;
/// Degrees times 10,000,000 half around.
const HALF_AROUND_E7: i64 = 1_800_000_000;
/// Once around the earth, in millimetres.
const AROUND_MM: i64 = 40_075_000_000;
/// The end of the year 9999, milliseconds since 1970.
const LAST_MS: i64 = 253_402_300_799_999;
/// Longest name of a time zone.
const MAX_ZONE_BYTES: usize = 64;
/// Furthest that a wall clock can be from UTC, in minutes, with an hour to spare.
const MAX_OFFSET_MINUTES: u64 = 15 * 60;

/// Reads the value of a reserved field; `None` for null, which takes it back.
///
/// # Errors
/// A problem with code `invalid_answers` that names every member which does not fit: `unknown_fact` for the field itself,
/// `not_json`, `wrong_type`, `missing`, `unknown_field`, `repeated_field`, `out_of_range`, `unknown_name`, `unknown_zone`,
/// `local_time_off` where wall clock and instant cannot be of one place, `only_when_live`, `too_long`.
pub fn parse_fact(field: &str, json: &str) -> Result<Option<Fact>, Problem> {
    let invalid = |errors| Problem::invalid("invalid_answers", "The fact does not fit its field", errors);
    if !FACTS.contains(&field) {
        return Err(invalid(alloc::vec![unknown_fact(field)]));
    }
    if json.trim() == "null" {
        return Ok(None);
    }
    let mut problems = Problems::new();
    let fact = read(field, json, &mut problems);
    match fact {
        Some(fact) if problems.is_empty() => Ok(Some(fact)),
        _ => Err(invalid(problems)),
    }
}

/// As [`parse_fact`], for whoever only reads: members and names of a later version are passed over.
pub(super) fn read_fact(field: &str, json: &str) -> Option<Fact> {
    let mut problems = Problems::new();
    let fact = read(field, json, &mut problems);
    problems.retain(|it| !matches!(it.code.as_str(), "unknown_field" | "unknown_name" | "too_long"));
    fact.filter(|_| problems.is_empty())
}

fn read(field: &str, json: &str, problems: &mut Problems) -> Option<Fact> {
    let parsed = match Json::parse(json) {
        Ok(parsed) => parsed,
        Err(problem) => {
            problems.extend(problem.errors.into_iter().map(|it| FieldProblem {
                field: pointer("", field),
                code: "not_json".to_string(),
                ..it
            }));
            return None;
        }
    };
    let mut object = At::of(&parsed, pointer("", field)).object(problems)?;
    let fact = match field {
        PLATFORM => platform(&mut object, problems).map(Fact::Platform),
        OUTCOME => outcome(&mut object, problems).map(Fact::Outcome),
        _ => moment(&mut object, problems).map(Fact::Moment),
    };
    object.finish(problems);
    fact
}

fn moment(object: &mut Object<'_>, problems: &mut Problems) -> Option<Moment> {
    let at_ms = instant(object, "at_ms", problems);
    let local = object.need("local", problems).and_then(|it| local(&it, problems));
    let zone = object.need("zone", problems).and_then(|it| zone(&it, problems));
    let position = object.take("position").map(|it| position(&it, problems));
    let (at_ms, local, zone) = (at_ms?, local?, zone?);
    let apart = local.minutes().map(|it| it.abs_diff(at_ms / 60_000));
    if apart.is_none_or(|it| it > MAX_OFFSET_MINUTES) {
        complain(
            problems,
            pointer(&object.pointer, "local"),
            "local_time_off",
            format!("La hora local {local} no puede ser la del instante {at_ms} en ninguna zona"),
            format!("The local time {local} cannot be the one of the instant {at_ms} in any zone"),
        );
    }
    let position = match position {
        Some(read) => Some(read?),
        None => None,
    };
    Some(Moment { at_ms, local, zone, position })
}

fn instant(object: &mut Object<'_>, name: &str, problems: &mut Problems) -> Option<u64> {
    let found = object.need(name, problems)?;
    whole(&found, (0, LAST_MS), problems).and_then(|it| u64::try_from(it).ok())
}

fn local(at: &At<'_>, problems: &mut Problems) -> Option<LocalTime> {
    let text = at.text(problems)?;
    let read = LocalTime::parse(&text);
    if read.is_none() {
        let (es, en) = (
            "debe ser una hora local como \"2026-11-21T10:30\"",
            "must be a local time such as \"2026-11-21T10:30\"",
        );
        complain(problems, at.pointer.clone(), "wrong_type", es.into(), en.into());
    }
    read
}

fn zone(at: &At<'_>, problems: &mut Problems) -> Option<String> {
    let text = at.text(problems)?;
    let fits = is_zone(&text);
    if !fits {
        let (es, en) = (
            "debe ser una zona horaria IANA, como America/Bogota: la de la sucursal",
            "must be an IANA time zone, such as America/Bogota: the branch's",
        );
        complain(problems, at.pointer.clone(), "unknown_zone", es.into(), en.into());
    }
    fits.then_some(text)
}

/// Whether a text may be the name of a time zone.
pub(crate) fn is_zone(text: &str) -> bool {
    text.len() <= MAX_ZONE_BYTES
        && text.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'/' | b'_' | b'-' | b'+'))
}

/// Whether it is before the year 10000.
pub(crate) fn is_instant(at_ms: u64) -> bool {
    i64::try_from(at_ms).is_ok_and(|it| it <= LAST_MS)
}

/// Whether there is such a place, told as exactly and when it can have been.
pub(crate) fn is_on_earth(it: &Position) -> bool {
    (-POLE_E7..=POLE_E7).contains(&it.lat_e7)
        && (-HALF_AROUND_E7..=HALF_AROUND_E7).contains(&it.lon_e7)
        && it.accuracy_mm.is_none_or(|it| i64::try_from(it).is_ok_and(|it| it <= AROUND_MM))
        && it.at_ms.is_none_or(is_instant)
}

fn position(at: &At<'_>, problems: &mut Problems) -> Option<Position> {
    let mut object = at.object(problems)?;
    let source = object.need("source", problems).and_then(|it| name(&it, problems));
    let lat_e7 = object.need("lat_e7", problems).and_then(|it| whole(&it, (-POLE_E7, POLE_E7), problems));
    let lon_e7 = object
        .need("lon_e7", problems)
        .and_then(|it| whole(&it, (-HALF_AROUND_E7, HALF_AROUND_E7), problems));
    let is_live = source == Some(PositionSource::Live);
    let mut of_live = |name: &str, most: i64| {
        let found = if is_live { object.need(name, problems)? } else { object.take(name)? };
        if source == Some(PositionSource::Typed) {
            only_when_live(problems, found.pointer);
            return None;
        }
        whole(&found, (0, most), problems).and_then(|it| u64::try_from(it).ok())
    };
    let (accuracy_mm, at_ms) = (of_live("accuracy_mm", AROUND_MM), of_live("at_ms", LAST_MS));
    let mocked = object.take("mocked");
    let mocked = match mocked {
        Some(found) if source == Some(PositionSource::Typed) => {
            only_when_live(problems, found.pointer);
            None
        }
        found => found.and_then(|it| it.flag(problems)),
    };
    object.finish(problems);
    Some(Position { source: source?, lat_e7: lat_e7?, lon_e7: lon_e7?, accuracy_mm, at_ms, mocked })
}

fn only_when_live(problems: &mut Problems, pointer: String) {
    let (es, en) = (
        "sólo lo dice el dispositivo; quítelo de una ubicación escrita a mano",
        "only a device can tell it; leave it out of a typed position",
    );
    complain(problems, pointer, "only_when_live", es.into(), en.into());
}

fn platform(object: &mut Object<'_>, problems: &mut Problems) -> Option<Platform> {
    let kind = object.need("kind", problems).and_then(|it| name(&it, problems));
    let mut flag = |name: &str| object.need(name, problems).and_then(|it| it.flag(problems));
    let (hardware_key, camera, file_picker) = (flag("hardware_key"), flag("camera"), flag("file_picker"));
    Some(Platform { kind: kind?, hardware_key: hardware_key?, camera: camera?, file_picker: file_picker? })
}

fn outcome(object: &mut Object<'_>, problems: &mut Problems) -> Option<Outcome> {
    let kind: Option<OutcomeKind> = object.need("kind", problems).and_then(|it| name(&it, problems));
    let reason: Option<Reason> = object.take("reason").and_then(|it| name(&it, problems));
    let explanation = match object.take("explanation") {
        Some(found) => explanation(&found, problems)?,
        None => String::new(),
    };
    // What a later version calls its outcome is one all the same.
    Some(Outcome { kind: kind.unwrap_or(OutcomeKind::NotCompleted), reason, explanation })
}

fn explanation(at: &At<'_>, problems: &mut Problems) -> Option<String> {
    let text = at.any_text(problems)?;
    if text.chars().count() > MAX_EXPLANATION_CHARS {
        complain(
            problems,
            at.pointer.clone(),
            "too_long",
            format!("Demasiado largo: a lo más {MAX_EXPLANATION_CHARS} caracteres"),
            format!("Too long: at most {MAX_EXPLANATION_CHARS} characters"),
        );
    }
    Some(text)
}

fn name<T: FromStr<Err = FieldProblem>>(at: &At<'_>, problems: &mut Problems) -> Option<T> {
    let text = at.text(problems)?;
    match text.parse() {
        Ok(found) => Some(found),
        Err(FieldProblem { code, message_es, message_en, .. }) => {
            complain(problems, at.pointer.clone(), &code, message_es, message_en);
            None
        }
    }
}

fn whole(at: &At<'_>, (least, most): (i64, i64), problems: &mut Problems) -> Option<i64> {
    let value = at.whole(problems)?;
    if (least..=most).contains(&value) {
        return Some(value);
    }
    complain(
        problems,
        at.pointer.clone(),
        "out_of_range",
        format!("{value} está fuera del rango de {least} a {most}"),
        format!("{value} is outside the range from {least} to {most}"),
    );
    None
}

/// Where problems stand, for tests.
#[cfg(test)]
pub(super) fn told(problem: &Problem) -> alloc::vec::Vec<(&str, &str)> {
    problem.errors.iter().map(|it| (it.field.as_str(), it.code.as_str())).collect()
}
