//! A table as a file has it: headers and cells as text, each with where its text comes from. Owns which files are read at
//! all and how large they may be.

use super::{columns::Kind, delimited, report::Note, workbook};
use crate::error::ApiError;

/// Largest file, in bytes.
pub const MAX_BYTES: usize = 20 * 1024 * 1024;
/// Most rows of a file, without the headers.
pub const MAX_ROWS: usize = 50_000;
/// Most columns of a file.
pub(super) const MAX_COLUMNS: usize = 60;
/// Longest text of a cell, that of a spreadsheet: a longer one is an open quotation mark that swallows the rows below.
pub(super) const MAX_CELL_CHARS: usize = 32_767;

/// Where the text of a cell comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Origin {
    /// It was text.
    #[default]
    Text,
    /// The spreadsheet holds a number.
    Number,
    /// The spreadsheet holds a day, a time, or both.
    Moment,
    /// The spreadsheet holds true or false.
    Flag,
    /// The spreadsheet holds a formula; the text is the formula, never its value.
    Formula,
    /// The spreadsheet holds an error such as `#N/A`.
    Fault,
}

/// A cell, without the blanks around its text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) origin: Origin,
}

impl Cell {
    pub(super) fn new(text: &str, origin: Origin) -> Self {
        // Spreadsheets leave blanks that do not break around what was copied from the web.
        Self { text: text.trim_matches(|it: char| it.is_whitespace() || it == '\u{feff}').to_owned(), origin }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.origin == Origin::Text
    }
}

/// A row with something in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// As the spreadsheet counts it, from 1.
    pub(super) number: u32,
    pub(super) cells: Vec<Cell>,
}

/// What was read of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// The sheet that was read; none where the file has no sheets.
    pub(super) sheet: Option<String>,
    pub(super) headers: Row,
    pub(super) rows: Vec<Row>,
    pub(super) notes: Vec<Note>,
    /// Whether a comma is what the decimals begin with: where semicolons separate the cells, nothing else is left for it.
    pub(super) has_decimal_comma: bool,
}

impl Table {
    /// Of rows: the first is the headers.
    pub(super) fn of(rows: Vec<Row>) -> Result<Self, ApiError> {
        let mut rows = rows.into_iter();
        let headers = rows.next().ok_or_else(empty)?;
        let rows: Vec<Row> = rows.collect();
        if rows.is_empty() {
            return Err(empty());
        }
        Ok(Self { sheet: None, headers, rows, notes: Vec::new(), has_decimal_comma: false })
    }
}

/// Reads a file: a workbook where it begins like one, else separated text.
///
/// # Errors
/// `body_too_large` (413); `empty_file`, `old_workbook`, `not_a_table`, `unreadable_file`, `unknown_sheet`, `bad_encoding`,
/// `too_many_rows`, `too_many_columns`, `cell_too_long`, `too_large_inside` (422).
pub(super) fn read(bytes: &[u8], kind: Kind, sheet: Option<&str>) -> Result<Table, ApiError> {
    if bytes.len() > MAX_BYTES {
        return Err(ApiError::too_large(MAX_BYTES));
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return workbook::read(bytes, sheet);
    }
    if bytes.starts_with(&[0xD0, 0xCF, 0x11, 0xE0]) {
        return Err(refused(
            "old_workbook",
            "Es un libro de Excel 97-2003 (.xls) o está protegido con contraseña; guárdelo como .xlsx sin contraseña.",
            "this is an Excel 97-2003 workbook (.xls), or protected by a password; save it as .xlsx without one",
        ));
    }
    delimited::read(bytes, kind)
}

/// A file that is refused whole.
pub(super) fn refused(code: &str, es: impl Into<String>, en: impl Into<String>) -> ApiError {
    ApiError::field("/file", code, es, en)
}

fn empty() -> ApiError {
    refused(
        "empty_file",
        "No hay filas: la primera fila lleva los encabezados y las demás los datos.",
        "there are no rows: the first row has the headers, the others the data",
    )
}

/// Refuses one row too many.
pub(super) fn too_many_rows() -> ApiError {
    refused(
        "too_many_rows",
        format!("Pasa de {MAX_ROWS} filas; divida el archivo."),
        format!("more than {MAX_ROWS} rows; split the file"),
    )
}

/// Refuses a row that is too wide.
pub(super) fn too_many_columns(row: u32) -> ApiError {
    refused(
        "too_many_columns",
        format!("La fila {row} pasa de {MAX_COLUMNS} columnas; borre las que sobran."),
        format!("row {row} has more than {MAX_COLUMNS} columns; delete those that are not needed"),
    )
}

/// Refuses a cell that is too long.
pub(super) fn cell_too_long(row: u32) -> ApiError {
    refused(
        "cell_too_long",
        format!(
            "Una celda de la fila {row} pasa de {MAX_CELL_CHARS} caracteres; vea si falta cerrar una comilla (\")."
        ),
        format!(
            "a cell of row {row} has more than {MAX_CELL_CHARS} characters; see whether a quotation mark (\") is left open"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Separated text as a spreadsheet writes it.
    fn written(rows: &[Vec<String>], separator: char, line_end: &str) -> String {
        let cell = |it: &String| {
            let is_plain = !it.contains([separator, '"', '\r', '\n']);
            if is_plain { it.clone() } else { format!("\"{}\"", it.replace('"', "\"\"")) }
        };
        let line = |row: &Vec<String>| {
            let cells: Vec<String> = row.iter().map(cell).collect();
            cells.join(&separator.to_string()) + line_end
        };
        rows.iter().map(line).collect()
    }

    fn texts(table: &Table) -> Vec<Vec<String>> {
        let all = std::iter::once(&table.headers).chain(&table.rows);
        all.map(|it| it.cells.iter().map(|it| it.text.clone()).collect()).collect()
    }

    prop_compose! {
        /// Headers that are known and rows of three cells, none of them all blank.
        fn any_table()(rows in prop::collection::vec(("[a-zA-Z0-9]{1,3}", "[ -~ñáéíóúüÑ€¿\n]{0,12}", "[ -~ñ;,\t\"]{0,6}"), 1..12))
            -> Vec<Vec<String>> {
            let headers = ["Código", "Nombre", "Zona horaria"].map(str::to_owned).to_vec();
            let rows = rows.into_iter().map(|(a, b, c)| vec![a, b.trim().to_owned(), c.trim().to_owned()]);
            std::iter::once(headers).chain(rows).collect()
        }
    }

    proptest! {
        #[test]
        fn a_table_reads_back_the_same_whatever_separates_and_encodes_it(
            rows in any_table(),
            separator in prop::sample::select(vec![',', ';', '\t']),
            line_end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
            encoding in 0..4,
        ) {
            let text = written(&rows, separator, line_end);
            let bytes = match encoding {
                0 => text.clone().into_bytes(),
                1 => format!("\u{feff}{text}").into_bytes(),
                2 => encoding_rs::WINDOWS_1252.encode(&text).0.into_owned(),
                _ => [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect(),
            };
            let table = read(&bytes, Kind::Branches, None).unwrap();
            prop_assert_eq!(texts(&table), rows.clone());
            prop_assert_eq!(table.has_decimal_comma, separator == ';');
            let numbers: Vec<u32> = table.rows.iter().map(|it| it.number).collect();
            let expected: Vec<u32> = (2..).take(rows.len() - 1).collect();
            prop_assert_eq!(numbers, expected);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), is_zip in any::<bool>()) {
            let bytes = if is_zip { [b"PK\x03\x04".to_vec(), bytes].concat() } else { bytes };
            for kind in Kind::ALL {
                let upload =
                    super::super::Upload { kind, file_name: "a", sheet: None, bytes: &bytes };
                drop(super::super::Prepared::read(upload));
            }
        }

        #[test]
        fn a_workbook_with_a_changed_byte_is_read_or_refused(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut workbook = rust_xlsxwriter::Workbook::new();
            let sheet = workbook.add_worksheet();
            for (column, text) in (0..).zip(["code", "name", "zone"]) {
                sheet.write(0, column, text).unwrap().write(1, column, "UTC").unwrap();
            }
            let mut bytes = workbook.save_to_buffer().unwrap();
            let place = place.index(bytes.len());
            bytes[place] = byte;
            drop(read(&bytes, Kind::Branches, None));
        }
    }

    /// A workbook of one sheet, put together by hand.
    fn workbook(sheet: &[u8], texts: &str) -> Vec<u8> {
        use std::io::Write as _;
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
        let book = format!(
            "<workbook xmlns:r=\"{relations}\"><sheets><sheet name=\"a\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
        );
        let rels = format!(
            "<Relationships><Relationship Id=\"r1\" Type=\"{relations}/worksheet\" Target=\"worksheets/a.xml\"/></Relationships>"
        );
        let root = format!(
            "<Relationships><Relationship Id=\"r1\" Type=\"{relations}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
        );
        for (name, part) in [
            ("_rels/.rels", root.as_bytes()),
            ("xl/workbook.xml", book.as_bytes()),
            ("xl/_rels/workbook.xml.rels", rels.as_bytes()),
            ("xl/sharedStrings.xml", texts.as_bytes()),
            ("xl/worksheets/a.xml", sheet),
        ] {
            writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(part).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn a_workbook_that_unfolds_to_more_than_it_says_is_refused() {
        let sst = "<sst><si><t>code</t></si></sst>";
        let cells =
            |cells: &str| format!("<worksheet><sheetData>{cells}</sheetData></worksheet>").into_bytes();
        let code = |bytes: &[u8]| {
            let error = read(bytes, Kind::Branches, None).unwrap_err();
            error.problem().errors.first().unwrap().code.clone()
        };
        let good = cells(
            "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c></row><row r=\"9\"><c r=\"A9\"><v>7</v></c></row>",
        );
        assert_eq!(texts(&read(&workbook(&good, sst), Kind::Branches, None).unwrap()), [["code"], ["7"]]);
        let bomb = cells(&" ".repeat(101 << 20));
        let bytes = workbook(&bomb, sst);
        assert!(bytes.len() < 1 << 20);
        assert_eq!(code(&bytes), "too_large_inside");
        assert_eq!(code(&workbook(&good, "<sst uniqueCount=\"99999999999\"></sst>")), "unreadable_file");
        let long = format!("<sst><si><t>{}</t></si></sst>", "a".repeat(30_000));
        let everywhere = cells(
            &(1..2_000)
                .map(|it| format!("<row r=\"{it}\"><c t=\"s\"><v>0</v></c></row>"))
                .collect::<String>(),
        );
        assert_eq!(code(&workbook(&everywhere, &long)), "too_large_inside");
        // One cell in the last corner is no room for all before it.
        let corner = cells("<row r=\"1048576\"><c r=\"XFD1048576\"><v>7</v></c></row>");
        assert_eq!(code(&workbook(&corner, sst)), "too_many_columns");
        let shared = cells(
            "<row r=\"1\"><c r=\"A1\"><f t=\"shared\" ref=\"A1:A2\" si=\"99999999999\">1</f><v>1</v></c></row>",
        );
        assert_eq!(code(&workbook(&shared, sst)), "empty_file");
        let beyond = cells("<row r=\"4294967295\"><c><v>7</v></c></row><row><c><v>7</v></c></row>");
        drop(read(&workbook(&beyond, sst), Kind::Branches, None));
    }
}
