//! The lines of a run as separated text (CSV, RFC 4180) for payroll and spreadsheets: UTF-8 with its mark, and no cell that a
//! spreadsheet would take for a formula. What a person's lines add up to is what the run pays them: what is paid beside or below them
//! (the cap on all of them, recognitions) has a row of its own.

use super::{
    frozen::Frozen,
    plan_of,
    read::{amount, not_calculated, readable, totals},
    sheet::names_of,
};
use crate::{error::ApiError, principal::Principal};
use csv::{Terminator, WriterBuilder};
use db::{Tx, payouts};
use domain::ids::RunId;
use std::collections::BTreeMap;

/// The columns; programs rely on their names.
const COLUMNS: [&str; 13] = [
    "run",
    "plan",
    "version",
    "mode",
    "state",
    "period_from",
    "period_to",
    "person",
    "name",
    "line",
    "component",
    "amount",
    "currency",
];

/// The component of a row that brings a person's lines to what is paid.
const BALANCE: &str = "cap_and_recognitions";

/// The lines of a calculated run, by person and number, then for whom they do not add up to what is paid the difference.
///
/// # Errors
/// `forbidden`, `not_found`, `not_calculated` (409).
pub(crate) fn export(tx: &mut Tx<'_>, principal: &Principal, id: RunId) -> Result<String, ApiError> {
    let run = readable(tx, principal, id)?;
    if run.result_hash.is_none() {
        return Err(not_calculated());
    }
    let decimals = plan_of(tx, principal.org, &run)?.money.minor_units;
    let names = names_of(tx, principal.org, &Frozen::read(&run.inputs)?.staff)?;
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(ApiError::internal)?;
    let mut write = |person: String, line: u32, component: String, minor: i64| {
        let cells = [
            run.run_id.to_string(),
            run.plan_id.clone(),
            run.plan_version.to_string(),
            run.mode.as_str().to_owned(),
            run.state.to_string(),
            run.period_from.to_string(),
            run.period_to.to_string(),
            person.clone(),
            names.get(&person).cloned().unwrap_or_default(),
            line.to_string(),
            component,
            amount(minor, decimals),
            run.currency.clone(),
        ];
        writer.write_record(cells.map(harmless)).map_err(ApiError::internal)
    };
    // By person: how many lines, and what they add up to.
    let mut sums: BTreeMap<String, (u32, i64)> = BTreeMap::new();
    let mut after = None;
    loop {
        let page = payouts::list_lines(tx, principal.org, id, None, after.as_ref(), db::MAX_PAGE)?;
        for it in page.items {
            let sum = sums.entry(it.person.clone()).or_default();
            *sum = (sum.0.max(it.line), sum.1.saturating_add(it.amount_minor));
            write(it.person, it.line, it.component, it.amount_minor)?;
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    for it in totals(tx, principal.org, id)? {
        let (last, sum) = sums.get(&it.person).copied().unwrap_or_default();
        let difference = it.payable_minor.saturating_sub(sum);
        if difference != 0 {
            write(it.person, last.saturating_add(1), BALANCE.to_owned(), difference)?;
        }
    }
    let bytes = writer.into_inner().map_err(ApiError::internal)?;
    Ok(format!("\u{feff}{}", String::from_utf8(bytes).map_err(ApiError::internal)?))
}

/// A cell that no spreadsheet calculates: what begins as a formula begins with an apostrophe, unless it is a plain number.
fn harmless(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number(&cell) {
        return format!("'{cell}");
    }
    cell
}

fn is_number(cell: &str) -> bool {
    let digits = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    let bare = cell.strip_prefix('-').unwrap_or(cell);
    bare.split_once('.').map_or_else(|| digits(bare), |(whole, rest)| digits(whole) && digits(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_begins_as_a_formula_and_is_no_number_gets_an_apostrophe() {
        for plain in ["", "Ana", "-12.50", "-3", "1-2", "a=1", "12.50"] {
            assert_eq!(harmless(plain.to_owned()), plain);
        }
        for formula in ["=1+1", "+5", "-1+1", "-", "-.5", "-1.", "@SUM(A1)", "\t=1", "\r=1", "--1"] {
            assert_eq!(harmless(formula.to_owned()), format!("'{formula}"));
        }
    }
}
