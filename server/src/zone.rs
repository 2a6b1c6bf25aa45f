//! Time zones and instants as the API writes them.

use db::Micros;
use jiff::{Timestamp, tz::TimeZone};
use validator::ValidationError;

/// Refuses what is no IANA time zone, for `validator`.
pub(crate) fn check(zone: &str) -> Result<(), ValidationError> {
    if TimeZone::get(zone).is_ok() {
        return Ok(());
    }
    let text = "No es una zona horaria IANA como «America/Mexico_City». / not an IANA time zone such as 'America/Mexico_City'";
    Err(ValidationError::new("unknown_zone").with_message(text.into()))
}

/// An instant in RFC 3339, UTC.
pub(crate) fn instant(at: Micros) -> String {
    Timestamp::from_microsecond(at.0).map_or_else(|_| at.0.to_string(), |it| it.to_string())
}

/// The calendar day of an instant in a zone; none for an instant or a zone that does not exist.
pub(crate) fn local_date(millis: i64, zone: &str) -> Option<domain::date::Date> {
    let local = Timestamp::from_millisecond(millis).ok()?.to_zoned(TimeZone::get(zone).ok()?);
    domain::date::Date::parse(&local.date().to_string())
}
