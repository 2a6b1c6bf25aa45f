//! Calendar days of periods and eligibility, without times and zones. Owns counting them.

use alloc::{format, string::String};
use core::{fmt, str::FromStr};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A day of the Gregorian calendar, years 1900 to 2999; `"2026-04-01"` in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// The first day there is.
    pub const MIN: Self = Self { year: 1900, month: 1, day: 1 };
    /// The last day there is.
    pub const MAX: Self = Self { year: 2999, month: 12, day: 31 };

    /// A day, or `None` where the calendar has no such day.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let valid = (1900..3000).contains(&year) && day >= 1 && day <= days_in(year, month)?;
        valid.then_some(Self { year, month, day })
    }

    /// Reads `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Option<Self> {
        let shaped = text.len() == 10 && text.bytes().all(|it| it.is_ascii_digit() || it == b'-');
        let mut parts = text.split('-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        if !shaped || parts.next().is_some() || year.len() != 4 || month.len() != 2 {
            return None;
        }
        Self::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
    }

    /// Days from this one through `last`, both counted; 0 where `last` is earlier.
    pub fn days_through(self, last: Self) -> u32 {
        last.number().checked_sub(self.number()).map_or(0, |it| it + 1)
    }

    /// The day so many days after this one; none beyond the calendar.
    pub fn days_after(self, days: u32) -> Option<Self> {
        let (mut first, mut left) = (Self { day: 1, ..self }, days.checked_add(u32::from(self.day) - 1)?);
        loop {
            let in_month = u32::from(days_in(first.year, first.month)?);
            if left < in_month {
                return Self::new(first.year, first.month, first.day + u8::try_from(left).ok()?);
            }
            left -= in_month;
            first = if first.month == 12 {
                Self::new(first.year + 1, 1, 1)?
            } else {
                Self { month: first.month + 1, ..first }
            };
        }
    }

    /// Whether this day begins a month (or any day of it) and `last` ends exactly `months` months later: from the
    /// 1st to the end of a month, or from the 15th to the 14th.
    pub fn is_months_through(self, last: Self, months: u16) -> bool {
        let total = self.year * 12 + u16::from(self.month) - 1 + months;
        let month = u8::try_from(total % 12 + 1).unwrap_or(1);
        // The day after the last one is this day of the month, so many months later.
        Self::new(total / 12, month, self.day).is_some_and(|after| last.number() + 1 == after.number())
    }

    /// Days since 1 January of year 0.
    fn number(self) -> u32 {
        let years = u32::from(self.year);
        let before = years - 1;
        let leap_days = before / 4 - before / 100 + before / 400;
        let months: u32 = (1..self.month).filter_map(|it| days_in(self.year, it)).map(u32::from).sum();
        years * 365 + leap_days + months + u32::from(self.day)
    }
}

fn days_in(year: u16, month: u8) -> Option<u8> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    Some(match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return None,
    })
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text).ok_or_else(|| format!("not a day such as 2026-04-01: {text}"))
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Date {
    fn schema_name() -> alloc::borrow::Cow<'static, str> {
        "Date".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"description": "A calendar day", "type": "string", "format": "date"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn days(from: &str, to: &str) -> u32 {
        Date::parse(from).unwrap().days_through(Date::parse(to).unwrap())
    }

    #[test]
    fn both_ends_of_a_period_count() {
        assert_eq!(days("2026-04-01", "2026-06-30"), 91);
        assert_eq!(days("2026-04-21", "2026-06-30"), 71);
        assert_eq!(days("2026-03-01", "2026-04-30"), 61);
        assert_eq!(days("2026-05-01", "2026-05-01"), 1);
        assert_eq!(days("2026-05-02", "2026-05-01"), 0);
    }

    #[test]
    fn the_day_after_so_many_days_is_that_many_days_away() {
        let from = Date::parse("2023-12-30").unwrap();
        let mut last = from;
        for days in 0..800 {
            let after = from.days_after(days).unwrap();
            assert_eq!(from.days_through(after), days + 1);
            assert!(days == 0 || after > last);
            last = after;
        }
        assert_eq!(Date::parse("2024-02-28").unwrap().days_after(1), Date::parse("2024-02-29"));
        assert_eq!((Date::MAX.days_after(1), Date::MIN.days_after(u32::MAX)), (None, None));
    }

    #[test]
    fn whole_months_end_the_day_before_they_began() {
        let fits = |from: &str, to: &str, months| {
            Date::parse(from).unwrap().is_months_through(Date::parse(to).unwrap(), months)
        };
        assert!(fits("2026-04-01", "2026-06-30", 3) && fits("2026-12-01", "2026-12-31", 1));
        assert!(fits("2026-03-15", "2027-03-14", 12) && fits("2026-11-01", "2026-12-31", 2));
        assert!(!fits("2026-04-01", "2026-06-29", 3) && !fits("2026-04-01", "2026-06-30", 1));
    }

    #[test]
    fn leap_years_have_their_day() {
        assert_eq!(days("2024-01-01", "2024-12-31"), 366);
        assert_eq!(days("1900-01-01", "1900-12-31"), 365);
        assert_eq!(days("2000-02-28", "2000-03-01"), 3);
        assert_eq!(days("2023-12-31", "2024-01-01"), 2);
        assert_eq!(days("2024-12-31", "2025-01-01"), 2);
    }

    #[test]
    fn a_day_that_the_calendar_does_not_have_is_refused() {
        for text in [
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-04-31",
            "2026-4-1",
            "26-04-01",
            "2026-04-1x",
            "2026-04-01-",
            "20260401",
            "",
            "2026/04/01",
            "1899-12-31",
        ] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
        assert_eq!(Date::parse("2026-04-01").unwrap().to_string(), "2026-04-01");
    }
}
