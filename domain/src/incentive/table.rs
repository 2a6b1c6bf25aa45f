//! Tables from attainment or value to a payout percentage: linear between knots, or in steps.

use crate::Exact;
use alloc::{format, string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// What a table is entered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// The attainment, in percent.
    AttainmentPct,
    /// The result itself.
    Value,
}

/// A payout table ("tabulador").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Table {
    /// Linear between knots.
    Linear {
        /// What it is entered with.
        x: Axis,
        /// Knots `[x, payout percentage]`, ascending.
        knots: Vec<[Exact; 2]>,
        /// Percentage below the first knot.
        below: Exact,
        /// Percentage above the last knot.
        above: Exact,
    },
    /// Steps, closed below: a step holds from its `x` up to the next one.
    Step {
        /// What it is entered with.
        x: Axis,
        /// Steps `[x, payout percentage]`, ascending; below the first nothing is paid.
        steps: Vec<[Exact; 2]>,
    },
}

impl Table {
    /// What it is entered with.
    pub fn axis(&self) -> Axis {
        match self {
            Self::Linear { x, .. } | Self::Step { x, .. } => *x,
        }
    }

    /// Its knots or steps.
    pub fn points(&self) -> &[[Exact; 2]] {
        match self {
            Self::Linear { knots, .. } => knots,
            Self::Step { steps, .. } => steps,
        }
    }

    /// The payout percentage of a value, exact, and how it was found.
    pub(super) fn payout(&self, value: &Exact) -> (Exact, String) {
        let points = self.points();
        let above = points.iter().position(|[x, _]| value < x).unwrap_or(points.len());
        let lower = above.checked_sub(1).and_then(|it| points.get(it));
        match (self, lower, points.get(above)) {
            (Self::Step { .. }, Some([x, pct]), _) => (pct.clone(), format!("step from {x}: {pct}")),
            (Self::Step { .. }, None, _) => (Exact::zero(), String::from("below the first step: 0")),
            (Self::Linear { below, .. }, None, _) => {
                (below.clone(), format!("below the first knot: {below}"))
            }
            // A value at the last knot pays that knot; only above it does `above` hold.
            (Self::Linear { above, .. }, Some([x, pct]), None) => {
                if value == x {
                    (pct.clone(), format!("knot {x}: {pct}"))
                } else {
                    (above.clone(), format!("above the last knot: {above}"))
                }
            }
            (Self::Linear { .. }, Some([x0, y0]), Some([x1, y1])) => {
                // Checked: knots ascend, so they differ.
                let slope = (y1 - y0).checked_div(&(x1 - x0)).unwrap_or_default();
                let pct = y0 + &((value - x0) * &slope);
                (pct, format!("{y0} + (x - {x0}) x {slope}"))
            }
        }
    }

    /// Lower edge of the step that pays a percentage; the lowest one where several do.
    pub(super) fn edge_of(&self, payout_pct: &Exact) -> Option<&Exact> {
        match self {
            Self::Step { steps, .. } => steps.iter().find(|[_, pct]| pct == payout_pct).map(|[x, _]| x),
            Self::Linear { .. } => None,
        }
    }
}
