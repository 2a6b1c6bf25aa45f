//! Points and percentages with a fixed number of decimals, as integers: they add up exactly and fast. Owns their
//! text form.

use alloc::string::String;
use core::{fmt, ops::AddAssign};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Exact;

macro_rules! fixed_decimals {
    ($name:ident, $decimals:literal, $doc:literal, $pattern:literal) => {
        #[doc = $doc]
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            /// Decimals it is kept and printed with.
            pub const DECIMALS: u32 = $decimals;

            /// From units of its last decimal.
            pub const fn from_units(units: i64) -> Self {
                Self(units)
            }

            /// In units of its last decimal.
            pub const fn units(self) -> i64 {
                self.0
            }

            /// As an exact number.
            pub fn to_exact(self) -> Exact {
                Exact::scaled(self.0, $decimals)
            }

            /// Reads its text; `None` where it is not a decimal or has more decimals than are kept.
            pub fn parse(text: &str) -> Option<Self> {
                let exact = Exact::parse(text).ok()?;
                let units = exact.to_scaled($decimals)?;
                (Exact::scaled(units, $decimals) == exact).then_some(Self(units))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let scale = 10_u64.pow($decimals);
                let sign = if self.0 < 0 { "-" } else { "" };
                let units = self.0.unsigned_abs();
                write!(f, "{sign}{}.{:0width$}", units / scale, units % scale, width = $decimals)
            }
        }

        impl AddAssign for $name {
            /// Saturates; the limits of a checklist keep sums far from there.
            fn add_assign(&mut self, other: Self) {
                self.0 = self.0.saturating_add(other.0);
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text)
                    .ok_or_else(|| de::Error::custom(concat!("expected a decimal with ", $decimals, " decimals")))
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> alloc::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "description": $doc, "type": "string", "pattern": $pattern })
            }
        }
    };
}

fixed_decimals!(Points, 4, "Points with 4 decimals: `9.2500`.", "^-?[0-9]+\\.[0-9]{4}$");
fixed_decimals!(Percent, 2, "A percentage with 2 decimals, of 100: `63.10`.", "^-?[0-9]+\\.[0-9]{2}$");

impl Percent {
    /// `100 * part / whole`, rounded half up; `None` where the whole is not positive or the part is negative.
    pub(super) fn of(part: Points, whole: Points) -> Option<Self> {
        let (part, whole) = (i128::from(part.units()), i128::from(whole.units()));
        if whole <= 0 || part < 0 {
            return None;
        }
        let hundredths = (part * 20_000 + whole) / (whole * 2);
        i64::try_from(hundredths).ok().map(Self::from_units)
    }

    /// Rounds half up.
    pub(super) fn round(exact: &Exact) -> Self {
        Self::from_units(exact.to_scaled(Self::DECIMALS).unwrap_or(i64::MAX))
    }
}
