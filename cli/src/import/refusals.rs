//! The report of refused rows: a CSV file with one line per problem and the whole row beside it, so that nothing is
//! lost. Owns its columns.

use super::source::Row;
use domain::Problem;
use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

/// Columns of the report.
pub(crate) const COLUMNS: [&str; 8] =
    ["file", "row", "column", "value", "code", "reason_es", "reason_en", "record"];

/// Why a row was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason {
    /// Name of the column; empty for the whole row.
    pub(crate) column: String,
    /// What stands in the cell.
    pub(crate) value: String,
    /// Stable code, snake case.
    pub(crate) code: String,
    /// What is wrong, in Spanish.
    pub(crate) reason_es: String,
    /// What is wrong, in English.
    pub(crate) reason_en: String,
}

impl Reason {
    /// A reason that concerns the whole row.
    pub(crate) fn of_row(code: &str, es: impl Into<String>, en: impl Into<String>) -> Self {
        Self::of_cell("", "", code, es, en)
    }

    /// A reason that concerns one cell.
    pub(crate) fn of_cell(
        column: &str,
        value: &str,
        code: &str,
        es: impl Into<String>,
        en: impl Into<String>,
    ) -> Self {
        Self {
            column: column.to_owned(),
            value: value.to_owned(),
            code: code.to_owned(),
            reason_es: es.into(),
            reason_en: en.into(),
        }
    }
}

/// The place of a report. A run writes beside it, at `unfinished`, and takes its place when it has gone well, so that a
/// run that fails leaves the report of the one before as it was, and its own beside it.
pub(crate) struct ReportFile {
    report: PathBuf,
    unfinished: PathBuf,
}

impl ReportFile {
    /// The report at a path; what is no file there, such as a pipe, is written to as it is.
    pub(crate) fn at(report: &Path) -> Self {
        let is_file = fs::metadata(report).map_or(true, |it| it.is_file());
        let mut beside = report.as_os_str().to_owned();
        beside.push(if is_file { ".unfinished" } else { "" });
        Self { report: report.to_owned(), unfinished: beside.into() }
    }

    /// Begins the report of a run.
    ///
    /// # Errors
    /// `report_not_written`.
    pub(crate) fn begin(&self) -> Result<Refusals, Problem> {
        let file = File::create(&self.unfinished).map_err(|error| self.not_written(&error))?;
        Refusals::new(Box::new(BufWriter::new(file)))
    }

    /// Puts the report, which is complete, in the place of the one before.
    ///
    /// # Errors
    /// `report_not_written`.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        if self.unfinished == self.report {
            return Ok(());
        }
        fs::rename(&self.unfinished, &self.report).map_err(|error| self.not_written(&error))
    }

    fn not_written(&self, error: &io::Error) -> Problem {
        let path = self.unfinished.display();
        Problem::single(
            400,
            "report_not_written",
            format!("No se puede escribir {path}: {error}"),
            format!("cannot write {path}: {error}"),
        )
    }
}

/// Writes the report as refusals come.
pub(crate) struct Refusals {
    writer: csv::Writer<Box<dyn Write + Send>>,
}

impl Refusals {
    /// A report on `output`, with its header.
    ///
    /// # Errors
    /// `report_not_written`.
    pub(crate) fn new(output: Box<dyn Write + Send>) -> Result<Self, Problem> {
        let mut writer = csv::Writer::from_writer(output);
        writer.write_record(COLUMNS).map_err(|it| not_written(&it))?;
        Ok(Self { writer })
    }

    /// Writes one line per reason; the row itself stands in the first of them.
    ///
    /// # Errors
    /// `report_not_written`: the import must stop, since a refused row would be lost.
    pub(crate) fn write(&mut self, file: &str, row: &Row, reasons: &[Reason]) -> Result<(), Problem> {
        let line = row.line.to_string();
        let mut record = record_text(row);
        for it in reasons {
            let fields = [
                file,
                &line,
                &it.column,
                &it.value,
                &it.code,
                &it.reason_es,
                &it.reason_en,
                &std::mem::take(&mut record),
            ];
            self.writer.write_record(fields).map_err(|it| not_written(&it))?;
        }
        Ok(())
    }

    /// Hands everything to the output.
    ///
    /// # Errors
    /// `report_not_written`.
    pub(crate) fn flush(&mut self) -> Result<(), Problem> {
        self.writer.flush().map_err(|it| not_written(&it.into()))
    }
}

/// The row as one line of CSV.
fn record_text(row: &Row) -> String {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    // Writing to memory cannot fail, and what was read as text is text.
    let written = writer.write_record(&row.cells).ok().and_then(|()| writer.into_inner().ok());
    let text = written.and_then(|it| String::from_utf8(it).ok()).unwrap_or_default();
    text.trim_end_matches('\n').to_owned()
}

fn not_written(error: &csv::Error) -> Problem {
    Problem::single(
        500,
        "report_not_written",
        format!("No se puede escribir el reporte de filas rechazadas: {error}"),
        format!("The report of refused rows cannot be written: {error}"),
    )
}
