//! A number as it is shown: rounded half up, once, to a stated number of decimals. Owns how figures print in results.

use crate::Exact;
use alloc::string::String;
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Most decimals that a figure is shown with.
const MAX_DECIMALS: u32 = 12;

/// A rounded number and its number of decimals; a string such as `"88.40"` in JSON.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rounded {
    value: Exact,
    decimals: u32,
}

impl Rounded {
    /// Rounds half up.
    pub fn new(value: &Exact, decimals: u32) -> Self {
        Self { value: value.round_half_up(decimals), decimals }
    }

    /// The value, after rounding.
    pub fn value(&self) -> &Exact {
        &self.value
    }

    /// The number of decimals shown.
    pub fn decimals(&self) -> u32 {
        self.decimals
    }

    /// In units of the last decimal: cents for an amount with two; `None` where it does not fit.
    pub fn units(&self) -> Option<i64> {
        self.value.to_scaled(self.decimals)
    }
}

impl fmt::Display for Rounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.value.to_fixed(self.decimals))
    }
}

impl fmt::Debug for Rounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Rounded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rounded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let value = Exact::parse(&text).map_err(de::Error::custom)?;
        let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        match u32::try_from(decimals) {
            Ok(decimals) if decimals <= MAX_DECIMALS && !text.contains(['/', 'e', 'E']) => {
                Ok(Self { value, decimals })
            }
            _ => Err(de::Error::custom("not a rounded number such as 12.50")),
        }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Rounded {
    fn schema_name() -> alloc::borrow::Cow<'static, str> {
        "Rounded".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A rounded decimal with a fixed number of decimals, such as \"88.40\"",
            "type": "string",
            "pattern": "^-?[0-9]+(\\.[0-9]+)?$"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_figure_prints_all_its_decimals_and_is_read_back_with_them() {
        let figure = Rounded::new(&Exact::parse("2640").unwrap(), 4);
        assert_eq!(figure.to_string(), "2640.0000");
        let json = serde_json::to_string(&figure).unwrap();
        assert_eq!(serde_json::from_str::<Rounded>(&json).unwrap(), figure);
        assert_eq!(Rounded::new(&Exact::parse("-0.005").unwrap(), 2).units(), Some(-1));
        for text in ["\"1/3\"", "\"1e3\"", "12", "\"x\""] {
            assert!(serde_json::from_str::<Rounded>(text).is_err(), "{text}");
        }
    }
}
