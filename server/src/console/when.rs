//! Instants and spans as people read them: on the wall clock of the branch, and how long ago.

use super::words::Words;
use db::Micros;
use jiff::{Timestamp, tz::TimeZone};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// How long something took or has waited, in its largest whole unit.
pub(crate) fn span(words: &Words, micros: i64) -> String {
    let seconds = micros.max(0) / 1_000_000;
    match seconds {
        ..HOUR => words.count("review-minutes", seconds / MINUTE),
        HOUR..DAY => words.count("review-hours", seconds / HOUR),
        _ => words.count("review-days", seconds / DAY),
    }
}

/// An instant on the wall clock of a zone, `2026-11-21 06:00`; in UTC where the zone is not known.
pub(crate) fn wall(at: Micros, zone: &str) -> String {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let at = Timestamp::from_microsecond(at.0).map(|it| it.to_zoned(zone));
    at.map_or_else(|_| String::new(), |it| it.strftime("%Y-%m-%d %H:%M").to_string())
}

/// The same of an instant as the API writes it, RFC 3339.
pub(crate) fn wall_of(text: &str, zone: &str) -> String {
    text.parse::<Timestamp>().map_or_else(|_| text.to_owned(), |it| wall(Micros(it.as_microsecond()), zone))
}
