//! Exact numbers: rationals that never lose a digit, read from decimal text and printed with a stated number of
//! decimals. Owns rounding: every rounding of the product is one of the named functions here.

use alloc::{
    format,
    string::{String, ToString},
};
use core::{
    fmt,
    iter::Sum,
    ops::{Add, Mul, Neg, Sub},
};
use num_bigint::{BigInt, Sign};
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Longest decimal text that is read; longer ones are refused rather than computed with.
pub const MAX_DECIMAL_CHARS: usize = 40;
/// Largest power of ten that an exponent may name.
const MAX_EXPONENT: i32 = 30;

/// An exact rational number.
///
/// In JSON it is a string: a plain decimal where it ends (`"12.5"`), else a fraction (`"11137/120"`). JSON integers
/// are read too; JSON numbers with decimals are read by [`Exact::parse`] from their text, never through a float.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Exact(BigRational);

/// Why a text is not an exact number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberError {
    /// Not a decimal number such as `-12.50`.
    NotANumber,
    /// Longer than [`MAX_DECIMAL_CHARS`], also once it is written as a decimal, or with an exponent out of range.
    TooLong,
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotANumber => "not a decimal number such as 12.50",
            Self::TooLong => "a number too long to be read exactly",
        })
    }
}

impl core::error::Error for NumberError {}

impl Exact {
    /// Zero.
    pub fn zero() -> Self {
        Self(BigRational::zero())
    }

    /// One.
    pub fn one() -> Self {
        Self(BigRational::one())
    }

    /// `numerator / denominator`, or `None` where the denominator is zero.
    pub fn ratio(numerator: i64, denominator: i64) -> Option<Self> {
        Self::from(numerator).checked_div(&Self::from(denominator))
    }

    /// A number of units of `10^-decimals`: `scaled(12_345, 2)` is 123.45.
    pub fn scaled(units: i64, decimals: u32) -> Self {
        Self(BigRational::new(BigInt::from(units), ten_to(decimals)))
    }

    /// Reads a decimal (`-12.50`, `1e3`) or a fraction of integers (`11137/120`), exactly.
    ///
    /// # Errors
    /// [`NumberError`] where the text is not such a number or is too long to be meant.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        if text.len() > MAX_DECIMAL_CHARS {
            return Err(NumberError::TooLong);
        }
        if let Some((numerator, denominator)) = text.split_once('/') {
            let (numerator, denominator) = (integer(numerator)?, integer(denominator)?);
            if denominator.is_zero() {
                return Err(NumberError::NotANumber);
            }
            return Self(BigRational::new(numerator, denominator)).readable_again();
        }
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => {
                (mantissa, exponent.parse::<i32>().map_err(|_| NumberError::NotANumber)?)
            }
            None => (text, 0),
        };
        if exponent.abs() > MAX_EXPONENT {
            return Err(NumberError::TooLong);
        }
        let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let has_point = mantissa.contains('.');
        let no_whole = whole.trim_start_matches('-').is_empty();
        if no_whole || (has_point && decimals.is_empty()) || !decimals.bytes().all(|it| it.is_ascii_digit()) {
            return Err(NumberError::NotANumber);
        }
        let units = integer(&format!("{whole}{decimals}"))?;
        // Both bounded above, so the scale fits in i32.
        let scale = i32::try_from(decimals.len()).map_err(|_| NumberError::TooLong)? - exponent;
        let power = ten_to(scale.unsigned_abs());
        let value = Self(if scale >= 0 {
            BigRational::new(units, power)
        } else {
            BigRational::from_integer(units * power)
        });
        if exponent == 0 { Ok(value) } else { value.readable_again() }
    }

    /// A fraction or an exponent may write shortly what is long as a decimal, and what was taken has to be read again.
    fn readable_again(self) -> Result<Self, NumberError> {
        if self.to_string().len() > MAX_DECIMAL_CHARS { Err(NumberError::TooLong) } else { Ok(self) }
    }

    /// Quotient, or `None` where the divisor is zero.
    pub fn checked_div(&self, divisor: &Self) -> Option<Self> {
        if divisor.is_zero() { None } else { Some(Self(&self.0 / &divisor.0)) }
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        self.0.is_zero()
    }

    /// Whether it is below zero.
    pub fn is_negative(&self) -> bool {
        self.0.is_negative()
    }

    /// Distance from zero.
    #[must_use]
    pub fn abs(&self) -> Self {
        Self(self.0.abs())
    }

    /// Rounds to `decimals`, halves away from zero: the way people check by hand (DOMAIN.md 4.4).
    #[must_use]
    pub fn round_half_up(&self, decimals: u32) -> Self {
        let scale = ten_to(decimals);
        Self(BigRational::new(self.rounded_units(&scale), scale))
    }

    /// Largest integer that is not above it.
    #[must_use]
    pub fn floor(&self) -> Self {
        Self(self.0.floor())
    }

    /// Rounds down to `decimals`.
    #[must_use]
    pub fn floor_to(&self, decimals: u32) -> Self {
        let scale = ten_to(decimals);
        let units = (&self.0 * BigRational::from_integer(scale.clone())).floor().to_integer();
        Self(BigRational::new(units, scale))
    }

    /// The value in units of `10^-decimals`, rounded half up; `None` where it does not fit.
    pub fn to_scaled(&self, decimals: u32) -> Option<i64> {
        self.rounded_units(&ten_to(decimals)).to_i64()
    }

    /// Prints with exactly `decimals` decimals, rounded half up: `12.50`.
    pub fn to_fixed(&self, decimals: u32) -> String {
        let units = self.rounded_units(&ten_to(decimals));
        fixed_text(&units, decimals)
    }

    /// Square root, exact to `decimals` (rounded down); zero for negative numbers.
    #[must_use]
    pub fn sqrt(&self, decimals: u32) -> Self {
        if self.is_negative() {
            return Self::zero();
        }
        let scale = ten_to(decimals);
        let squared = &self.0 * BigRational::from_integer(&scale * &scale);
        Self(BigRational::new(squared.to_integer().sqrt(), scale))
    }

    /// As `numerator/denominator` in lowest terms, also for integers (`100/1`).
    pub fn to_fraction(&self) -> String {
        format!("{}/{}", self.0.numer(), self.0.denom())
    }

    /// Nearest binary floating number, for drawing and for statistics that say so; never for money or scores.
    pub fn to_f64(&self) -> f64 {
        self.0.to_f64().unwrap_or(0.0)
    }

    fn rounded_units(&self, scale: &BigInt) -> BigInt {
        let numerator: BigInt = self.0.numer().abs() * scale * 2 + self.0.denom();
        let units = numerator.div_floor(&(self.0.denom() * 2));
        if self.is_negative() { -units } else { units }
    }
}

fn ten_to(power: u32) -> BigInt {
    BigInt::from(10).pow(power)
}

fn integer(text: &str) -> Result<BigInt, NumberError> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|it| it.is_ascii_digit()) {
        return Err(NumberError::NotANumber);
    }
    text.parse().map_err(|_| NumberError::NotANumber)
}

fn fixed_text(units: &BigInt, decimals: u32) -> String {
    let sign = if units.sign() == Sign::Minus { "-" } else { "" };
    let digits = units.abs().to_string();
    let places = usize::try_from(decimals).unwrap_or(usize::MAX);
    let digits = format!("{digits:0>width$}", width = places.saturating_add(1));
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(places));
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

impl From<i64> for Exact {
    fn from(value: i64) -> Self {
        Self(BigRational::from_integer(BigInt::from(value)))
    }
}

impl From<i32> for Exact {
    fn from(value: i32) -> Self {
        Self::from(i64::from(value))
    }
}

impl From<u32> for Exact {
    fn from(value: u32) -> Self {
        Self::from(i64::from(value))
    }
}

impl Default for Exact {
    fn default() -> Self {
        Self::zero()
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident),*) => {$(
        impl $trait<&Exact> for &Exact {
            type Output = Exact;
            fn $method(self, other: &Exact) -> Exact {
                Exact((&self.0).$method(&other.0))
            }
        }
        impl $trait<Exact> for Exact {
            type Output = Exact;
            fn $method(self, other: Exact) -> Exact {
                Exact(self.0.$method(other.0))
            }
        }
        impl $trait<&Exact> for Exact {
            type Output = Exact;
            fn $method(self, other: &Exact) -> Exact {
                Exact(self.0.$method(&other.0))
            }
        }
    )*};
}
operators!(Add add, Sub sub, Mul mul);

impl Neg for Exact {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Sum for Exact {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::zero(), |total, it| total + it)
    }
}

impl<'a> Sum<&'a Exact> for Exact {
    fn sum<I: Iterator<Item = &'a Exact>>(iter: I) -> Self {
        iter.fold(Self::zero(), |total, it| total + it)
    }
}

impl fmt::Display for Exact {
    /// A plain decimal where it ends, else a fraction.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.denom().clone();
        let (mut twos, mut fives) = (0_u32, 0_u32);
        while rest.is_multiple_of(&BigInt::from(2)) {
            rest /= 2;
            twos += 1;
        }
        while rest.is_multiple_of(&BigInt::from(5)) {
            rest /= 5;
            fives += 1;
        }
        if rest.is_one() {
            f.write_str(&self.to_fixed(twos.max(fives)))
        } else {
            f.write_str(&self.to_fraction())
        }
    }
}

impl fmt::Debug for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Exact;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number as a string, or an integer")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Exact, E> {
                Exact::parse(text).map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Exact, E> {
                Ok(Exact::from(value))
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Exact, E> {
                i64::try_from(value).map(Exact::from).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Exact {
    fn schema_name() -> alloc::borrow::Cow<'static, str> {
        "Exact".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "An exact number: an integer, or a decimal as a string such as \"12.50\"",
            "type": ["string", "integer", "number"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_read_and_printed_without_losing_a_digit() {
        for (text, printed) in [
            ("12.50", "12.5"),
            ("-0.05", "-0.05"),
            ("1e3", "1000"),
            ("2.5e-3", "0.0025"),
            ("7/4", "1.75"),
            ("1/3", "1/3"),
        ] {
            assert_eq!(Exact::parse(text).unwrap().to_string(), printed);
        }
    }

    #[test]
    fn what_is_read_is_read_again_from_what_it_prints() {
        for text in ["10.0769401507233076940150723340000e-22", "1/1099511627776", "-1234567890.123456789e-29"]
        {
            assert_eq!(Exact::parse(text), Err(NumberError::TooLong), "{text}");
        }
        for text in ["1e30", "-1e-30", "1/1024", "1/3", "1234567890123456789.12345678901234567890"] {
            let number = Exact::parse(text).unwrap();
            assert_eq!(Exact::parse(&number.to_string()), Ok(number), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_not_a_number_is_refused() {
        for text in ["", "-", "1.", ".5", "1,5", "0x10", "1e", "nan", "--1", "1/0", "1/", "1e99", " 1", "+1"]
        {
            assert!(Exact::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn halves_round_away_from_zero() {
        assert_eq!(Exact::parse("88.33325").unwrap().to_fixed(4), "88.3333");
        assert_eq!(Exact::parse("-0.005").unwrap().to_fixed(2), "-0.01");
        assert_eq!(Exact::parse("0.004").unwrap().to_fixed(2), "0.00");
        assert_eq!(Exact::parse("-0.004").unwrap().to_fixed(2), "0.00");
    }

    #[test]
    fn a_square_root_is_exact_to_the_decimals_asked() {
        assert_eq!(Exact::from(2).sqrt(10).to_fixed(10), "1.4142135623");
        assert_eq!(Exact::parse("20.25").unwrap().sqrt(6).to_fixed(2), "4.50");
    }
}
