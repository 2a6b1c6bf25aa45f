//! Quantiles of the normal distribution and of Student's t: the only floating numbers of the rules. Computed with
//! `libm` in one fixed order of operations, so every machine gets the same bits, then rounded once to a fixed number
//! of decimals; from there on everything is exact again.
#![expect(clippy::float_arithmetic, reason = "quantiles have no exact form; rounded once where they leave")]

use crate::Exact;
use alloc::format;
use core::f64::consts::{FRAC_2_PI, FRAC_PI_2, SQRT_2};

/// Decimals of a Student's t, as printed in tables and in statements.
const T_DECIMALS: usize = 6;
/// Decimals of a normal quantile.
const Z_DECIMALS: usize = 12;
/// Above this, the expansion around the normal quantile is exact to more decimals than are kept.
const EXPAND_ABOVE: u32 = 400;
/// Halvings of an interval: one for each bit of a double and some to spare.
const HALVINGS: u32 = 64;
/// No level nearer to 0 or 1 than this is read.
const LEVEL_MARGIN: f64 = 1e-6;

/// Two-sided normal quantile: the `z` with `P(|Z| <= z) = level`, so 1.96 for 0.95.
///
/// 0.95 gives the digits stated in DOMAIN.md 5.2; other levels are rounded to 12 decimals. `None` where the level is
/// not between 0 and 1.
pub fn normal_quantile(level: &Exact) -> Option<Exact> {
    if *level == super::level_95() {
        return Some(Exact::scaled(1_959_963_984_540_054, 15));
    }
    Exact::parse(&format!("{:.Z_DECIMALS$}", z(usable(level)?))).ok()
}

/// Two-sided quantile of Student's t: the `t` with `P(|T| <= t) = level`, rounded to 6 decimals; 3.182446 for 0.95
/// with 3 degrees of freedom.
///
/// `None` without degrees of freedom or where the level is not between 0 and 1.
/// Source: Abramowitz and Stegun 26.7.3, 26.7.4 (the distribution) and 26.7.5 (its expansion for many degrees).
pub fn student_t(level: &Exact, degrees: u32) -> Option<Exact> {
    let level = usable(level)?;
    if degrees == 0 {
        return None;
    }
    let t = if degrees > EXPAND_ABOVE { expanded(z(level), degrees) } else { inverted(level, degrees) };
    Exact::parse(&format!("{t:.T_DECIMALS$}")).ok()
}

fn usable(level: &Exact) -> Option<f64> {
    let level = level.to_f64();
    (LEVEL_MARGIN..=1.0 - LEVEL_MARGIN).contains(&level).then_some(level)
}

/// `erf(z / sqrt 2) = level`, by halving.
fn z(level: f64) -> f64 {
    halve(0.0, 8.0, |it| libm::erf(it / SQRT_2) < level)
}

/// `t = sqrt(degrees) tan(angle)`, the angle by halving.
fn inverted(level: f64, degrees: u32) -> f64 {
    let angle = halve(0.0, FRAC_PI_2, |it| within(it, degrees) < level);
    libm::sqrt(f64::from(degrees)) * libm::tan(angle)
}

/// `P(|T| <= sqrt(degrees) tan(angle))`, a finite sum.
fn within(angle: f64, degrees: u32) -> f64 {
    let (sine, cosine) = (libm::sin(angle), libm::cos(angle));
    let odd = degrees % 2 == 1;
    // Terms multiply by 2/3, 4/5, ... for odd and by 1/2, 3/4, ... for even degrees, and by the squared cosine.
    let mut term = if odd { cosine } else { 1.0 };
    let mut sum = if degrees == 1 { 0.0 } else { term };
    let mut step = if odd { 2 } else { 1 };
    while step + 2 < degrees {
        term *= f64::from(step) / f64::from(step + 1) * cosine * cosine;
        sum += term;
        step += 2;
    }
    if odd { FRAC_2_PI * (angle + sine * sum) } else { sine * sum }
}

/// Expansion of the quantile around the normal one, by powers of one over the degrees of freedom.
fn expanded(z: f64, degrees: u32) -> f64 {
    let (n, square) = (f64::from(degrees), z * z);
    let first = z * (square + 1.0) / 4.0;
    let second = z * (square * (5.0 * square + 16.0) + 3.0) / 96.0;
    let third = z * (square * (square * (3.0 * square + 19.0) + 17.0) - 15.0) / 384.0;
    z + (first + (second + third / n) / n) / n
}

/// The point between `low` and `high` below which `is_below` holds.
fn halve(mut low: f64, mut high: f64, is_below: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..HALVINGS {
        let middle = low + (high - low) / 2.0;
        if is_below(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low + (high - low) / 2.0
}
