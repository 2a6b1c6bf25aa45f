//! Spans of whole days, ends included, as every figure and every payout names them. Owns their reading and their
//! arithmetic; which day a visit belongs to is said by the branch's own calendar.

use crate::error::ApiError;
use domain::{Date, FieldProblem};
use jiff::{ToSpan, civil};
use serde::{Deserialize, Serialize};

/// Longest span that is computed: more is a mistake, and would read everything at once.
const MAX_DAYS: u32 = 3_700;

/// A span of days, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// First day, `YYYY-MM-DD`.
    #[schema(value_type = String, format = Date)]
    pub from: Date,
    /// Last day, `YYYY-MM-DD`.
    #[schema(value_type = String, format = Date)]
    pub to: Date,
}

impl Period {
    /// Reads two days.
    ///
    /// # Errors
    /// `not_a_date`, `period_reversed` or `period_too_long`, under the JSON Pointer `parent`.
    pub(crate) fn read(parent: &str, from: &str, to: &str) -> Result<Self, ApiError> {
        let (first, last) = (date(parent, "from", from), date(parent, "to", to));
        match (first, last) {
            (Ok(from), Ok(to)) => Self { from, to }.checked(parent),
            (first, last) => {
                Err(ApiError::invalid(first.err().into_iter().chain(last.err()).collect::<Vec<_>>()))
            }
        }
    }

    /// The period itself, once its ends stand in order and not too far apart.
    ///
    /// # Errors
    /// `period_reversed` or `period_too_long`.
    pub(crate) fn checked(self, parent: &str) -> Result<Self, ApiError> {
        if self.to < self.from {
            return Err(ApiError::field(
                &format!("{parent}/to"),
                "period_reversed",
                "El periodo termina antes de empezar; intercambie las fechas.",
                "the period ends before it begins; swap the dates",
            ));
        }
        if self.days() > MAX_DAYS {
            return Err(ApiError::field(
                &format!("{parent}/to"),
                "period_too_long",
                format!("El periodo pasa de {MAX_DAYS} días; elija uno más corto."),
                format!("the period is longer than {MAX_DAYS} days; choose a shorter one"),
            ));
        }
        Ok(self)
    }

    /// The day that lies so many days before another; the other itself beyond the calendar.
    pub(crate) fn days_before(day: Date, days: u32) -> Date {
        civil_day(day)
            .and_then(|it| it.checked_sub(i64::from(days).days()).ok())
            .and_then(|it| Date::parse(&it.to_string()))
            .unwrap_or(day)
    }

    /// The day that lies so many days after another; the other itself beyond the calendar.
    pub(crate) fn days_after(day: Date, days: u32) -> Date {
        civil_day(day)
            .and_then(|it| it.checked_add(i64::from(days).days()).ok())
            .and_then(|it| Date::parse(&it.to_string()))
            .unwrap_or(day)
    }

    /// Number of days.
    pub(crate) fn days(self) -> u32 {
        self.from.days_through(self.to)
    }

    /// The span of the same length that ends the day before this one begins: what a trend compares with. Whole months
    /// are compared with whole months.
    pub(crate) fn previous(self) -> Self {
        self.found_previous().unwrap_or(self)
    }

    fn found_previous(self) -> Option<Self> {
        let (from, to) = (civil_day(self.from)?, civil_day(self.to)?);
        let last = from.yesterday().ok()?;
        let first = if from.day() == 1 && to.last_of_month() == to {
            let years = i32::from(to.year()) - i32::from(from.year());
            let months = years * 12 + i32::from(to.month()) - i32::from(from.month()) + 1;
            from.checked_sub(months.months()).ok()?
        } else {
            last.checked_sub(i64::from(self.days().checked_sub(1)?).days()).ok()?
        };
        Some(Self { from: Date::parse(&first.to_string())?, to: Date::parse(&last.to_string())? })
    }

    /// Days that this span shares with `[from, to]`; an absent end is open. Zero where they do not meet.
    pub(crate) fn days_within(self, from: Option<Date>, to: Option<Date>) -> u32 {
        let first = from.map_or(self.from, |it| it.max(self.from));
        let last = to.map_or(self.to, |it| it.min(self.to));
        first.days_through(last)
    }
}

impl Period {
    /// The year that ends on the last day.
    pub(crate) fn year_before(self) -> Self {
        let from = civil_day(self.to).and_then(|it| it.checked_sub(1.year()).ok());
        let from = from.and_then(|it| it.tomorrow().ok()).and_then(|it| Date::parse(&it.to_string()));
        Self { from: from.unwrap_or(self.from), to: self.to }
    }

    /// The day after.
    pub(crate) fn day_after(day: Date) -> Date {
        let next = civil_day(day).and_then(|it| it.tomorrow().ok());
        next.and_then(|it| Date::parse(&it.to_string())).unwrap_or(day)
    }
}

fn civil_day(day: Date) -> Option<civil::Date> {
    day.to_string().parse().ok()
}

/// Reads a day of a stored row or a request.
pub(crate) fn date(parent: &str, field: &str, text: &str) -> Result<Date, FieldProblem> {
    Date::parse(text).ok_or_else(|| {
        FieldProblem::new(
            format!("{parent}/{field}"),
            "not_a_date",
            format!("«{text}» no es una fecha; escriba año-mes-día, como 2026-04-01."),
            format!("\"{text}\" is not a date; write year-month-day, such as 2026-04-01"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(from: &str, to: &str) -> Period {
        Period::read("", from, to).unwrap()
    }

    #[test]
    fn both_ends_belong_to_a_period() {
        assert_eq!(period("2026-04-01", "2026-06-30").days(), 91);
        assert_eq!(period("2026-03-01", "2026-04-30").days(), 61);
        assert_eq!(period("2026-03-01", "2026-03-01").days(), 1);
    }

    #[test]
    fn whole_months_are_compared_with_whole_months() {
        assert_eq!(period("2026-04-01", "2026-06-30").previous(), period("2026-01-01", "2026-03-31"));
        assert_eq!(period("2026-03-01", "2026-03-31").previous(), period("2026-02-01", "2026-02-28"));
        assert_eq!(period("2025-11-22", "2026-11-21").previous(), period("2024-11-22", "2025-11-21"));
    }

    #[test]
    fn days_of_a_hire_count_only_inside_the_period() {
        let quarter = period("2026-04-01", "2026-06-30");
        let day = |text: &str| Date::parse(text);
        assert_eq!(quarter.days_within(day("2026-04-21"), None), 71);
        assert_eq!(quarter.days_within(None, day("2026-03-31")), 0);
        assert_eq!(quarter.days_within(day("2026-07-01"), None), 0);
        assert_eq!(quarter.days_within(None, None), 91);
    }

    #[test]
    fn what_is_no_period_is_refused_where_it_is_wrong() {
        let code = |from: &str, to: &str| {
            let error = Period::read("/period", from, to).unwrap_err();
            error.problem().errors.iter().map(|it| format!("{} {}", it.field, it.code)).collect::<Vec<_>>()
        };
        assert_eq!(code("2026-13-01", "x"), ["/period/from not_a_date", "/period/to not_a_date"]);
        assert_eq!(code("2026-02-01", "2026-01-01"), ["/period/to period_reversed"]);
        assert_eq!(code("1926-02-01", "2026-01-01"), ["/period/to period_too_long"]);
        assert_eq!(code("2026-02-01T10:00", "2026-02-02"), ["/period/from not_a_date"]);
    }
}
