//! Figures of surveys of real customers and citizens: NPS, CSAT and CES, each with its definition (DOMAIN.md 5.1).
//! What an auditor felt is shown beside them and never mixed in.

use super::{Figure, SCORE_DECIMALS, card::share_figure, shown};
use crate::{Exact, Rounded, statistics::nps};
use alloc::string::{String, ToString};
use ordered::BTreeMap;
use serde::{Deserialize, Serialize};

/// How many people gave each rating.
pub type Ratings = BTreeMap<u32, u32>;

/// A survey figure with its definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KpiFigure {
    /// `nps`, `csat_t2b`, `ces_t3b`.
    pub kpi: String,
    /// What it counts, on which scale.
    pub definition: String,
    /// The figure: points for NPS, percent for the others.
    #[serde(flatten)]
    pub figure: Figure,
    /// Mean rating beside it.
    pub mean: Option<Rounded>,
}

/// Net promoter score of ratings from 0 to 10; `None` where nobody answered or a rating is off the scale.
pub fn nps_of(ratings: &Ratings, level: &Exact) -> Option<KpiFigure> {
    let between = |low: u32, high: u32| counted(ratings, low, high);
    let n = on_scale(ratings, 0, 10)?;
    let (promoters, passives, detractors) = (between(9, 10)?, between(7, 8)?, between(0, 6)?);
    let found = nps(promoters, passives, detractors, level)?;
    let inputs: &[(&str, &dyn ToString)] = &[
        ("promoters", &promoters),
        ("passives", &passives),
        ("detractors", &detractors),
        ("standard_error", &found.standard_error.to_fixed(super::DETAIL_DECIMALS)),
    ];
    let mut figure = Figure::new(&found.value, n, "100 x (promoters - detractors) / n", inputs);
    figure.interval = Some(shown(&found.interval, SCORE_DECIMALS));
    Some(kpi("nps", "9-10 promote, 0-6 detract, on 0-10", figure, mean(ratings)))
}

/// Top-two-box satisfaction of ratings from 1 to 5; `None` where nobody answered or a rating is off the scale.
pub fn csat(ratings: &Ratings, level: &Exact) -> Option<KpiFigure> {
    let n = on_scale(ratings, 1, 5)?;
    let figure = share_figure(counted(ratings, 4, 5)?, n, level, "answers 4-5 / answers")?;
    Some(kpi("csat_t2b", "4-5 on 1-5", figure, mean(ratings)))
}

/// Share of 5 to 7 of ratings from 1 to 7 ("it was easy"); `None` where nobody answered or a rating is off the scale.
pub fn ces(ratings: &Ratings, level: &Exact) -> Option<KpiFigure> {
    let n = on_scale(ratings, 1, 7)?;
    let figure = share_figure(counted(ratings, 5, 7)?, n, level, "answers 5-7 / answers")?;
    Some(kpi("ces_t3b", "5-7 on 1-7", figure, mean(ratings)))
}

fn kpi(name: &str, definition: &str, figure: Figure, mean: Option<Rounded>) -> KpiFigure {
    KpiFigure { kpi: name.to_string(), definition: definition.to_string(), figure, mean }
}

fn counted(ratings: &Ratings, low: u32, high: u32) -> Option<u32> {
    ratings.range(low..=high).try_fold(0_u32, |total, (_, it)| total.checked_add(*it))
}

/// Everybody, or `None` where a rating lies off the scale.
fn on_scale(ratings: &Ratings, low: u32, high: u32) -> Option<u32> {
    let all = counted(ratings, 0, u32::MAX)?;
    (counted(ratings, low, high)? == all).then_some(all)
}

fn mean(ratings: &Ratings) -> Option<Rounded> {
    let n = Exact::from(counted(ratings, 0, u32::MAX)?);
    let sum: Exact = ratings.iter().map(|(rating, count)| Exact::from(*rating) * Exact::from(*count)).sum();
    sum.checked_div(&n).map(|it| Rounded::new(&it, SCORE_DECIMALS))
}
