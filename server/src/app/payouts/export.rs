//! The lines of a run as separated text (CSV, RFC 4180) for payroll and spreadsheets: UTF-8 with its mark, and no cell that a
//! spreadsheet would take for a formula.

use super::{
    frozen::Frozen,
    plan_of,
    read::{amount, not_calculated, readable},
    sheet::names_of,
};
use crate::{error::ApiError, principal::Principal};
use csv::{Terminator, WriterBuilder};
use db::{Tx, payouts};
use domain::ids::RunId;

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

/// The lines of a calculated run, by person and number.
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
    let mut after = None;
    loop {
        let page = payouts::list_lines(tx, principal.org, id, None, after.as_ref(), db::MAX_PAGE)?;
        for it in page.items {
            let name = names.get(&it.person).cloned().unwrap_or_default();
            let cells = [
                run.run_id.to_string(),
                run.plan_id.clone(),
                run.plan_version.to_string(),
                run.mode.as_str().to_owned(),
                run.state.to_string(),
                run.period_from.to_string(),
                run.period_to.to_string(),
                it.person,
                name,
                it.line.to_string(),
                it.component,
                amount(it.amount_minor, decimals),
                run.currency.clone(),
            ];
            writer.write_record(cells.map(harmless)).map_err(ApiError::internal)?;
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
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
