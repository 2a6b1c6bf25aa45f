//! Separated text (CSV) as spreadsheets and programs save it: finds out encoding and separator, and says what it found.

use super::{
    columns::{self, Kind},
    report::Note,
    table::{
        Cell, MAX_CELL_CHARS, MAX_COLUMNS, MAX_ROWS, Origin, Row, Table, cell_too_long, refused,
        too_many_columns, too_many_rows,
    },
};
use crate::error::ApiError;
use csv::{ReaderBuilder, StringRecord};
use encoding_rs::{Encoding, WINDOWS_1252};
use std::borrow::Cow;

/// What may separate cells, the likeliest first.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

pub(super) fn read(bytes: &[u8], kind: Kind) -> Result<Table, ApiError> {
    let mut notes = Vec::new();
    let text = decoded(bytes, &mut notes)?;
    if text.contains('\0') {
        return Err(refused(
            "not_a_table",
            "No es un archivo CSV ni XLSX; guárdelo desde la hoja de cálculo como uno de los dos.",
            "this is neither a CSV nor an XLSX file; save it as one of them from the spreadsheet",
        ));
    }
    let (separator, text, lines_before) = match declared(&text) {
        Some((separator, rest)) => (separator, rest, 1),
        None => (likeliest(&text, kind), text.as_ref(), 0),
    };
    let mut table = Table::of(rows(text, separator, lines_before)?)?;
    table.has_decimal_comma = separator == b';';
    table.notes = notes;
    Ok(table)
}

/// The text of the bytes: by its mark, as UTF-8, or as Excel saves it on Windows.
fn decoded<'a>(bytes: &'a [u8], notes: &mut Vec<Note>) -> Result<Cow<'a, str>, ApiError> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        let rest = bytes.get(mark..).unwrap_or_default();
        let (text, has_errors) = encoding.decode_without_bom_handling(rest);
        if has_errors {
            let name = encoding.name();
            return Err(refused(
                "bad_encoding",
                format!("El archivo dice ser {name} y no lo es; guárdelo de nuevo como CSV UTF-8."),
                format!("the file says that it is {name} and is not; save it again as CSV UTF-8"),
            ));
        }
        return Ok(text);
    }
    if let Ok(text) = str::from_utf8(bytes) {
        return Ok(Cow::Borrowed(text));
    }
    notes.push(Note::new(
        "read_as_windows_1252",
        "",
        "El archivo no es UTF-8; se leyó como Windows-1252, como lo guarda Excel. Revise los acentos.",
        "the file is not UTF-8; it was read as Windows-1252, as Excel saves it. Check the accents",
    ));
    Ok(WINDOWS_1252.decode_without_bom_handling(bytes).0)
}

/// The separator that a first line `sep=;` declares, as some spreadsheets write it, and what comes after that line.
fn declared(text: &str) -> Option<(u8, &str)> {
    let (first, rest) = text.split_once('\n')?;
    let separator = *first.trim_end().strip_prefix("sep=")?.as_bytes().first()?;
    SEPARATORS.contains(&separator).then_some((separator, rest))
}

/// The separator with which the first row has the most headers that we know; then the one that makes the most cells.
fn likeliest(text: &str, kind: Kind) -> u8 {
    let score = |separator: &u8| {
        let mut reader = reader(text, *separator);
        let mut first = StringRecord::new();
        let is_read = reader.read_record(&mut first).unwrap_or(false);
        let known = first.iter().filter(|it| columns::known(kind, it).is_some()).count();
        (if is_read { known } else { 0 }, first.len())
    };
    // Of equals the last would be taken.
    SEPARATORS.iter().rev().max_by_key(|it| score(it)).copied().unwrap_or(b',')
}

fn reader(text: &str, separator: u8) -> csv::Reader<&[u8]> {
    ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).from_reader(text.as_bytes())
}

fn rows(text: &str, separator: u8, lines_before: u32) -> Result<Vec<Row>, ApiError> {
    let mut reader = reader(text, separator);
    let mut record = StringRecord::new();
    let mut rows: Vec<Row> = Vec::new();
    let (mut counted, mut lines, mut within_cells) = (0, lines_before, 0);
    while reader.read_record(&mut record).map_err(ApiError::internal)? {
        // The place of a record is that of the blank lines before it.
        let place = record.position().and_then(|it| usize::try_from(it.byte()).ok()).unwrap_or(counted);
        let blank = text.get(place..).unwrap_or_default();
        let begins = place + blank.len() - blank.trim_start_matches(['\r', '\n']).len();
        lines += line_ends(text.get(counted..begins).unwrap_or_default());
        counted = begins;
        let number = lines.saturating_sub(within_cells).saturating_add(1);
        // Lines within quotation marks are lines of a cell, not rows.
        within_cells += record.iter().map(line_ends).sum::<u32>();
        if record.len() > MAX_COLUMNS && record.iter().skip(MAX_COLUMNS).any(|it| !it.trim().is_empty()) {
            return Err(too_many_columns(number));
        }
        if record.iter().any(|it| it.len() > MAX_CELL_CHARS && it.chars().count() > MAX_CELL_CHARS) {
            return Err(cell_too_long(number));
        }
        let cells: Vec<Cell> =
            record.iter().take(MAX_COLUMNS).map(|it| Cell::new(it, Origin::Text)).collect();
        if cells.iter().all(Cell::is_empty) {
            continue;
        }
        if rows.len() > MAX_ROWS {
            return Err(too_many_rows());
        }
        rows.push(Row { number, cells });
    }
    Ok(rows)
}

/// Ends of lines, whether written as line feed, as carriage return or as both.
fn line_ends(text: &str) -> u32 {
    let ends = text.bytes().filter(|it| *it == b'\n').count()
        + text.bytes().filter(|it| *it == b'\r').count()
        - text.matches("\r\n").count();
    u32::try_from(ends).unwrap_or(u32::MAX)
}
