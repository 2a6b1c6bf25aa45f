//! Files of rows for tests of imports, as CSV and as workbooks.

use server::testing::{Answer, TestOffice, TestPerson};

/// Sends a file.
pub(crate) async fn import(office: &TestOffice, by: &TestPerson, query: &str, bytes: Vec<u8>) -> Answer {
    office.post(&format!("/api/v1/imports?{query}")).by(by).body(bytes).send().await
}

/// Rows as CSV in UTF-8, every cell between quotation marks.
pub(crate) fn csv(rows: &[&[&str]]) -> Vec<u8> {
    let cell = |it: &&str| format!("\"{}\"", it.replace('"', "\"\""));
    let line = |it: &&[&str]| it.iter().map(cell).collect::<Vec<_>>().join(",") + "\r\n";
    rows.iter().map(line).collect::<String>().into_bytes()
}

/// Rows of texts.
pub(crate) fn table(rows: &[&[&str]]) -> Vec<Vec<String>> {
    rows.iter().map(|row| row.iter().map(|it| (*it).to_owned()).collect()).collect()
}

/// Rows that a test made, borrowed.
pub(crate) fn rows_of<'a>(rows: &'a [Vec<&'a str>]) -> Vec<&'a [&'a str]> {
    rows.iter().map(Vec::as_slice).collect()
}

/// Rows as a workbook of one sheet, every cell as text.
pub(crate) fn xlsx(rows: &[Vec<String>]) -> Vec<u8> {
    let mut workbook = rust_xlsxwriter::Workbook::new();
    let sheet = workbook.add_worksheet();
    for (row, cells) in (0..).zip(rows) {
        for (column, text) in (0..).zip(cells) {
            sheet.write_string(row, column, text).unwrap();
        }
    }
    workbook.save_to_buffer().unwrap()
}
