//! Workbooks (XLSX): one sheet, cell by cell, with bounds against files that unfold to more than they say. Formulas are told
//! as formulas and never evaluated; numbers keep the digits that a spreadsheet shows.

use super::{
    report::Note,
    table::{
        Cell, MAX_BYTES, MAX_CELL_CHARS, MAX_COLUMNS, MAX_ROWS, Origin, Row, Table, cell_too_long, refused,
        too_many_columns, too_many_rows,
    },
};
use crate::error::ApiError;
use calamine::{DataRef, ExcelDateTime, Reader as _, SheetType, SheetVisible, Xlsx};
use std::{
    collections::BTreeMap,
    io::{Cursor, Read as _},
    panic::{AssertUnwindSafe, catch_unwind},
};
use zip::ZipArchive;

/// Bytes that the parts of a workbook may have together once they are unfolded.
const MAX_UNFOLDED_BYTES: u64 = 100 * 1024 * 1024;
/// Bytes that the texts of a sheet may have together: one text may stand in every cell.
const MAX_TEXT_BYTES: usize = 2 * MAX_BYTES;
/// Parts of a workbook.
const MAX_PARTS: usize = 2_000;
/// Digits of the count that the table of texts may declare: a reader makes room for so many.
const MAX_COUNT_DIGITS: usize = 7;
/// Bytes in which the table of texts begins.
const BEGINNING_BYTES: usize = 64 * 1024;

pub(super) fn read(bytes: &[u8], sheet: Option<&str>) -> Result<Table, ApiError> {
    bound(bytes)?;
    // What a stranger wrote could trip the reader over its own arithmetic: that is a file that cannot be read.
    let read = catch_unwind(AssertUnwindSafe(|| read_sheet(bytes, sheet)));
    read.unwrap_or_else(|_| Err(unreadable("it trips the reader")))
}

fn unreadable(cause: impl std::fmt::Display) -> ApiError {
    refused(
        "unreadable_file",
        "El libro no se puede leer: está dañado, protegido o no es .xlsx. Ábralo, guárdelo como .xlsx e intente de nuevo.",
        format!(
            "the workbook cannot be read ({cause}): it is damaged, protected or no .xlsx; open it and save it as .xlsx"
        ),
    )
}

/// Unfolds every part to nowhere: what its list of contents says of sizes is the sender's word.
fn bound(bytes: &[u8]) -> Result<(), ApiError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(unreadable)?;
    if archive.len() > MAX_PARTS {
        return Err(too_large_inside());
    }
    let mut left = MAX_UNFOLDED_BYTES;
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).map_err(unreadable)?;
        let has_texts = part.name().map_err(unreadable)?.to_lowercase().contains("sharedstrings");
        let mut beginning = Vec::new();
        let limit = u64::try_from(BEGINNING_BYTES).unwrap_or(u64::MAX).min(left);
        if has_texts {
            part.by_ref().take(limit).read_to_end(&mut beginning).map_err(unreadable)?;
            if !begins_soundly(&beginning) {
                return Err(unreadable("its table of texts begins oddly"));
            }
        }
        left = left.saturating_sub(u64::try_from(beginning.len()).unwrap_or(u64::MAX));
        let unfolded = std::io::copy(&mut part.take(left.saturating_add(1)), &mut std::io::sink())
            .map_err(unreadable)?;
        left = left.checked_sub(unfolded).ok_or_else(too_large_inside)?;
    }
    Ok(())
}

/// Whether the table of texts begins as spreadsheets write it, and declares no more texts than there can be. Strict, since the
/// reader makes room for as many as are declared: whatever could hide a number from us is refused.
fn begins_soundly(beginning: &[u8]) -> bool {
    let text = String::from_utf8_lossy(beginning);
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    if let Some(declaration) = rest.strip_prefix("<?xml") {
        rest = declaration.split_once("?>").map_or("", |it| it.1).trim_start();
    }
    let Some((tag, _)) = rest.strip_prefix('<').and_then(|it| it.split_once('>')) else { return false };
    let name = tag.split(|it: char| it.is_whitespace() || it == '/').next().unwrap_or_default();
    let is_plain = !tag.contains(['<', '&', '!', '?']) && tag.matches('"').count().is_multiple_of(2);
    let has_long_number =
        tag.split(|it: char| !it.is_ascii_digit()).any(|digits| digits.len() > MAX_COUNT_DIGITS);
    name.rsplit(':').next() == Some("sst") && is_plain && !tag.contains('\'') && !has_long_number
}

fn too_large_inside() -> ApiError {
    let megabytes = MAX_UNFOLDED_BYTES / (1024 * 1024);
    refused(
        "too_large_inside",
        format!(
            "El libro ocupa más de {megabytes} MB al descomprimirse; deje sólo la hoja de datos, sin imágenes."
        ),
        format!(
            "the workbook takes more than {megabytes} MB when it is unfolded; leave only the sheet of data"
        ),
    )
}

fn read_sheet(bytes: &[u8], wanted: Option<&str>) -> Result<Table, ApiError> {
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(unreadable)?;
    let sheets: Vec<String> = workbook
        .sheets_metadata()
        .iter()
        .filter(|it| it.typ == SheetType::WorkSheet)
        .filter(|it| it.visible == SheetVisible::Visible || wanted == Some(it.name.as_str()))
        .map(|it| it.name.clone())
        .collect();
    let name = match wanted {
        None => sheets.first().cloned().ok_or_else(|| unreadable("it has no sheet"))?,
        Some(wanted) => {
            let found = sheets.iter().find(|it| it.trim().to_lowercase() == wanted.trim().to_lowercase());
            found.cloned().ok_or_else(|| unknown_sheet(wanted, &sheets))?
        }
    };
    let mut table = Table::of(rows(&mut workbook, &name)?)?;
    if sheets.len() > 1 && wanted.is_none() {
        let others = sheets.iter().filter(|it| **it != name).cloned().collect::<Vec<_>>().join(", ");
        table.notes.push(Note::new(
            "first_sheet_read",
            "",
            format!("Se leyó la hoja «{name}»; las demás no: {others}."),
            format!("the sheet '{name}' was read; not the others: {others}"),
        ));
    }
    table.sheet = Some(name);
    Ok(table)
}

fn unknown_sheet(wanted: &str, sheets: &[String]) -> ApiError {
    let all = sheets.join(", ");
    ApiError::field(
        "/sheet",
        "unknown_sheet",
        format!("El libro no tiene la hoja «{wanted}»; tiene: {all}."),
        format!("the workbook has no sheet '{wanted}'; it has: {all}"),
    )
}

fn rows(workbook: &mut Xlsx<Cursor<&[u8]>>, sheet: &str) -> Result<Vec<Row>, ApiError> {
    let mut reader = workbook.worksheet_cells_reader(sheet).map_err(unreadable)?;
    let mut rows: BTreeMap<u32, Vec<Cell>> = BTreeMap::new();
    let mut left = MAX_TEXT_BYTES;
    while let Some(found) = reader.next_cell_with_formula_metadata().map_err(unreadable)? {
        let cell = if found.formula.is_some() {
            Cell { text: "=".to_owned(), origin: Origin::Formula }
        } else {
            cell(&found.value)
        };
        if cell.is_empty() {
            continue;
        }
        let (number, column) = (found.pos.0.saturating_add(1), usize::try_from(found.pos.1));
        let column = column.ok().filter(|it| *it < MAX_COLUMNS).ok_or_else(|| too_many_columns(number))?;
        if cell.text.len() > MAX_CELL_CHARS && cell.text.chars().count() > MAX_CELL_CHARS {
            return Err(cell_too_long(number));
        }
        left = left.checked_sub(cell.text.len()).ok_or_else(too_large_inside)?;
        let cells = rows.entry(number).or_default();
        if cells.len() <= column {
            cells.resize(column + 1, Cell::default());
        }
        if let Some(place) = cells.get_mut(column) {
            *place = cell;
        }
        if rows.len() > MAX_ROWS + 1 {
            return Err(too_many_rows());
        }
    }
    Ok(rows.into_iter().map(|(number, cells)| Row { number, cells }).collect())
}

fn cell(value: &DataRef<'_>) -> Cell {
    match value {
        DataRef::Empty => Cell::default(),
        DataRef::String(text) => Cell::new(text, Origin::Text),
        DataRef::SharedString(text) => Cell::new(text, Origin::Text),
        DataRef::Int(number) => Cell::new(&number.to_string(), Origin::Number),
        DataRef::Float(number) => Cell::new(&shown(*number), Origin::Number),
        DataRef::Bool(flag) => Cell::new(if *flag { "true" } else { "false" }, Origin::Flag),
        DataRef::DateTime(moment) => Cell::new(&moment_text(moment), Origin::Moment),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Cell::new(text, Origin::Moment),
        DataRef::Error(error) => Cell::new(&error.to_string(), Origin::Fault),
    }
}

/// A number with the fifteen digits that a spreadsheet shows: beyond them is what binary fractions add.
fn shown(number: f64) -> String {
    let rounded: f64 = format!("{number:.14e}").parse().unwrap_or(number);
    if rounded == 0.0 { "0".to_owned() } else { rounded.to_string() }
}

/// `2026-04-01`, `09:30`, `09:30:15` or `2026-04-01T09:30`: a number of days is a time where it is less than one.
fn moment_text(moment: &ExcelDateTime) -> String {
    let days = moment.as_f64();
    let seconds: u64 = format!("{:.0}", days.rem_euclid(1.0) * 86_400.0).parse().unwrap_or(0);
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let time = match rest {
        0 => format!("{hours:02}:{minutes:02}"),
        rest => format!("{hours:02}:{minutes:02}:{rest:02}"),
    };
    if (0.0..1.0).contains(&days) {
        return time;
    }
    let (year, month, day, ..) = moment.to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}");
    if seconds == 0 { date } else { format!("{date}T{time}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use calamine::ExcelDateTimeType;

    #[test]
    fn numbers_are_written_as_a_spreadsheet_shows_them() {
        for (number, text) in [
            (0.1 + 0.2, "0.3"),
            (123.0, "123"),
            (-99.133208, "-99.133208"),
            (1e15, "1000000000000000"),
            (12_345_678_901_234_567.0, "12345678901234600"),
            (-0.0, "0"),
            (1500.5, "1500.5"),
        ] {
            assert_eq!(shown(number), text);
        }
    }

    #[test]
    fn days_and_times_are_told_apart() {
        let moment = |days: f64| moment_text(&ExcelDateTime::new(days, ExcelDateTimeType::DateTime, false));
        assert_eq!(moment(46_113.0), "2026-04-01");
        assert_eq!(moment(0.375), "09:00");
        assert_eq!(moment(20.0 / 1_440.0 + 8.0 / 24.0), "08:20");
        assert_eq!(moment(46_113.5), "2026-04-01T12:00");
        assert_eq!(moment(0.0), "00:00");
    }

    #[test]
    fn a_table_of_texts_that_could_declare_too_many_is_refused() {
        let sst = |rest: &str| begins_soundly(format!("<?xml version=\"1.0\"?>\n<sst {rest}").as_bytes());
        assert!(sst("count=\"3\" uniqueCount=\"50000\"><si><t>a</t></si></sst>"));
        assert!(begins_soundly(b"<x:sst/>"));
        for odd in [
            "uniqueCount=\"99999999999\"><si/></sst>",
            "uniqueCount=\"&#57;9\"><si/></sst>",
            "a=\">\" uniqueCount=\"99999999999\"><si/></sst>",
            "a='>' uniqueCount=\"99999999999\"><si/></sst>",
            "a=\"1\"",
        ] {
            assert!(!sst(odd), "{odd}");
        }
        assert!(!begins_soundly(b"<!-- <sst> --><sst uniqueCount=\"99999999999\">"));
        assert!(!begins_soundly(b""));
    }
}
