//! Decimals as the API reads and writes them: a JSON string or number, taken exactly from its text and never through
//! a float.

use domain::Exact;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;

/// A decimal number, exact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decimal(pub Exact);

impl Decimal {
    /// As an integer of 10^-`decimals`; none where it has more decimals than that, or is too large.
    pub(crate) fn scaled(&self, decimals: u32) -> Option<i64> {
        let units = self.0.to_scaled(decimals)?;
        (Exact::scaled(units, decimals) == self.0).then_some(units)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = match raw.get().as_bytes().first() {
            Some(b'"') => serde_json::from_str(raw.get()).map_err(de::Error::custom)?,
            Some(b'-' | b'0'..=b'9') => raw.get().to_owned(),
            _ => return Err(de::Error::custom("expected a decimal number, or a text with one")),
        };
        if text.contains('/') {
            return Err(de::Error::custom("expected a decimal number such as 12.50"));
        }
        Exact::parse(&text).map(Self).map_err(de::Error::custom)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// An integer of 10^-`decimals` as the API writes it: `"19.4326077"`.
pub(crate) fn shown(units: i64, decimals: u32) -> String {
    Exact::scaled(units, decimals).to_fixed(decimals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_are_read_to_the_last_digit() {
        for json in ["19.43260770000000001", "\"19.43260770000000001\""] {
            let read: Decimal = serde_json::from_str(json).unwrap();
            assert_eq!(read.0, Exact::parse("19.43260770000000001").unwrap());
            assert_eq!(read.scaled(7), None);
        }
        assert_eq!(serde_json::from_str::<Decimal>("-99.1332080").unwrap().scaled(7), Some(-991_332_080));
        for json in ["true", "\"1/3\"", "\"x\"", "{}", "\"\""] {
            assert!(serde_json::from_str::<Decimal>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn scaled_integers_are_written_with_all_their_decimals() {
        assert_eq!(shown(-991_332_080, 7), "-99.1332080");
        assert_eq!(shown(8_500, 2), "85.00");
    }
}
