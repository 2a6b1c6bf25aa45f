//! What an answer is worth: from an answer to a credit between 0 and 1. Owns the rule of each item type, prepared so
//! that scoring only compares and adds integers.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use crate::{
    Exact,
    answer::Answer,
    checklist::{CREDIT_DECIMALS, CreditBand, Item, ItemType},
};

/// Full credit, in the units of credits.
pub(super) const FULL_CREDIT: i64 = 10_i64.pow(CREDIT_DECIMALS);

/// How an answer becomes credit; credits in units of `1 / FULL_CREDIT`.
#[derive(Debug, Clone)]
pub(super) enum CreditRule {
    /// The item does not score.
    None,
    /// Yes is 1, no is 0.
    YesNo,
    /// `(value - 1) / 4`.
    Scale,
    /// The chosen option's.
    Option(Vec<(String, i64)>),
    /// The sum of the chosen options', between 0 and 1.
    Options(Vec<(String, i64)>),
    /// That of the first band whose limit is not exceeded, else the last.
    Bands { up_to: Vec<(Exact, i64)>, otherwise: i64 },
}

impl CreditRule {
    /// Prepares the rule of an item; the error says in English what of it cannot score.
    pub(super) fn new(item: &Item) -> Result<Self, String> {
        if !item.is_scored() {
            return Ok(Self::None);
        }
        match item.kind {
            ItemType::YesNo | ItemType::YesNoNa => Ok(Self::YesNo),
            ItemType::Scale => Ok(Self::Scale),
            ItemType::SingleChoice => option_credits(item).map(Self::Option),
            ItemType::MultiChoice => option_credits(item).map(Self::Options),
            ItemType::Number | ItemType::Duration => bands(item),
            ItemType::Time | ItemType::Photo | ItemType::Text | ItemType::Audio | ItemType::File => {
                Err(format!("an item of type {} cannot score", item.kind.name()))
            }
        }
    }

    /// Credit of an answer; `None` where the answer is not one of this item.
    pub(super) fn credit(&self, answer: &Answer) -> Option<i64> {
        match (self, answer) {
            (Self::None, _) => Some(0),
            (Self::YesNo, Answer::Yes) => Some(FULL_CREDIT),
            (Self::YesNo, Answer::No) => Some(0),
            (Self::Scale, Answer::Scale(step @ 1..=5)) => Some((i64::from(*step) - 1) * FULL_CREDIT / 4),
            (Self::Option(credits), Answer::Option(id)) => credit_of(credits, id),
            (Self::Options(credits), Answer::Options(ids)) => {
                let sum = ids.iter().map(|it| credit_of(credits, it)).sum::<Option<i64>>()?;
                Some(sum.clamp(0, FULL_CREDIT))
            }
            (Self::Bands { up_to, otherwise }, Answer::Number(value)) => {
                Some(up_to.iter().find(|(limit, _)| value <= limit).map_or(*otherwise, |(_, credit)| *credit))
            }
            _ => None,
        }
    }

    /// In words, the part of the rule that an answer met.
    pub(super) fn describe(&self, answer: &Answer) -> String {
        match (self, answer) {
            (Self::None, _) => "weight 0".to_string(),
            (Self::YesNo, _) => "yes = 1, no = 0".to_string(),
            (Self::Scale, _) => "(value - 1) / 4".to_string(),
            (Self::Option(_), _) => format!("option {answer}"),
            (Self::Options(_), _) => "sum of the chosen options, from 0 to 1".to_string(),
            (Self::Bands { up_to, .. }, Answer::Number(value)) => up_to
                .iter()
                .find(|(limit, _)| value <= limit)
                .map_or_else(|| "band else".to_string(), |(limit, _)| format!("band le {limit}")),
            (Self::Bands { .. }, _) => "bands".to_string(),
        }
    }
}

fn credit_of(credits: &[(String, i64)], id: &str) -> Option<i64> {
    credits.iter().find(|(it, _)| it == id).map(|(_, credit)| *credit)
}

fn option_credits(item: &Item) -> Result<Vec<(String, i64)>, String> {
    item.options
        .iter()
        .map(|it| {
            let c = it.c.as_ref().ok_or_else(|| format!("option {} has no credit", it.id))?;
            Ok((it.id.clone(), credit_units(c)?))
        })
        .collect()
}

fn bands(item: &Item) -> Result<CreditRule, String> {
    let bands = item.credit.as_ref().map(|it| it.bands.as_slice()).unwrap_or_default();
    let Some((CreditBand::Otherwise { c }, up_to)) = bands.split_last() else {
        return Err("a scored number needs credit bands that end with else".to_string());
    };
    let up_to = up_to
        .iter()
        .map(|it| match it {
            CreditBand::UpTo { le, c } => Ok((le.clone(), credit_units(c)?)),
            CreditBand::Otherwise { .. } => Err("only the last band can be else".to_string()),
        })
        .collect::<Result<Vec<_>, String>>()?;
    if up_to.windows(2).any(|it| matches!(it, [(one, _), (next, _)] if one >= next)) {
        return Err("credit bands must go up".to_string());
    }
    Ok(CreditRule::Bands { up_to, otherwise: credit_units(c)? })
}

fn credit_units(credit: &Exact) -> Result<i64, String> {
    let units = credit.to_scaled(CREDIT_DECIMALS).filter(|it| (0..=FULL_CREDIT).contains(it));
    match units {
        Some(units) if Exact::scaled(units, CREDIT_DECIMALS) == *credit => Ok(units),
        _ => Err(format!("credit {credit} is not between 0 and 1 with at most {CREDIT_DECIMALS} decimals")),
    }
}
