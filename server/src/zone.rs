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

/// What people call the zones that they mean, in lower case and with underscores.
const MEANT: [(&str, &str); 7] = [
    ("cdmx", "America/Mexico_City"),
    ("ciudad_de_mexico", "America/Mexico_City"),
    ("mexico", "America/Mexico_City"),
    ("bogota", "America/Bogota"),
    ("colombia", "America/Bogota"),
    ("españa", "Europe/Madrid"),
    ("argentina", "America/Argentina/Buenos_Aires"),
];

/// The IANA zone whose name is nearest to a text that is none; none where nothing is near.
pub(crate) fn nearest(text: &str) -> Option<String> {
    let plain = text.trim().to_lowercase().replace(' ', "_").replace('é', "e").replace('á', "a");
    if let Some((_, meant)) = MEANT.iter().find(|it| it.0 == plain) {
        return Some((*meant).to_owned());
    }
    let city = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let database = jiff::tz::db();
    let near = database.available().map(|it| {
        let name = it.as_str().to_lowercase();
        let whole = strsim::damerau_levenshtein(&plain, &name);
        let last = strsim::damerau_levenshtein(&city(&plain), &city(&name));
        (whole.min(last), whole, it.as_str().to_owned())
    });
    let (distance, _, name) = near.min()?;
    (distance * 3 <= city(&plain).len()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_zone_is_told_with_the_nearest_that_there_is() {
        for (text, expected) in [
            ("America/Mexico_Cty", "America/Mexico_City"),
            ("Mexico City", "America/Mexico_City"),
            ("Ciudad de México", "America/Mexico_City"),
            ("america/tijuna", "America/Tijuana"),
            ("Chicago", "America/Chicago"),
        ] {
            assert_eq!(nearest(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(nearest("Olympus Mons on Mars"), None);
    }
}
