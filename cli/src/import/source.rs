//! A CSV file as a stream of rows: plain or gzip, with or without a byte order mark, one row in memory at a time.
//! Owns reading and columns; knows nothing of what a row means.

use csv::{ByteRecord, ReaderBuilder, StringRecord};
use domain::{FieldProblem, Problem};
use flate2::read::MultiGzDecoder;
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// Longest row; a longer one is an unclosed quote, behind which no row can be told from the next.
pub(crate) const MAX_ROW_BYTES: u64 = 1024 * 1024;

/// A CSV file, read row by row.
pub(crate) struct Source {
    path: PathBuf,
    reader: csv::Reader<Budgeted>,
    budget: Arc<AtomicU64>,
    read_bytes: Arc<AtomicU64>,
    file_bytes: u64,
    columns: BTreeMap<String, usize>,
    width: usize,
}

/// One row as it stands in the file.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// Line of the file on which it begins, the header being on line 1.
    pub(crate) line: u64,
    /// Its cells; what is not UTF-8 is replaced.
    pub(crate) cells: StringRecord,
    /// Why it cannot be read as a row of this file.
    pub(crate) fault: Option<RowFault>,
}

/// Why a row cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowFault {
    /// It has more or fewer cells than the header.
    WrongWidth {
        /// Cells of the header.
        expected: usize,
        /// Cells of the row.
        found: usize,
    },
    /// It is not UTF-8.
    NotUtf8,
}

impl Row {
    /// The cell in a column, without the spaces around it.
    pub(crate) fn cell(&self, column: usize) -> &str {
        self.cells.get(column).unwrap_or_default().trim()
    }
}

impl Source {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// `unreadable_file`, `empty_file`, `repeated_column`, `not_utf8`.
    pub(crate) fn open(path: &Path) -> Result<Self, Problem> {
        let file = File::open(path).map_err(|it| unreadable(path, &it))?;
        let file_bytes = file.metadata().map_err(|it| unreadable(path, &it))?.len();
        let read_bytes = Arc::new(AtomicU64::new(0));
        let mut counted = BufReader::new(Counted { file, read: Arc::clone(&read_bytes) });
        let begins = counted.fill_buf().map_err(|it| unreadable(path, &it))?;
        let plain: Box<dyn Read + Send> = if begins.starts_with(&GZIP) {
            Box::new(MultiGzDecoder::new(counted))
        } else {
            Box::new(counted)
        };
        let budget = Arc::new(AtomicU64::new(MAX_ROW_BYTES));
        let budgeted = Budgeted { inner: plain, left: Arc::clone(&budget) };
        let mut reader = ReaderBuilder::new().flexible(true).has_headers(false).from_reader(budgeted);
        let mut header = ByteRecord::new();
        if !reader.read_byte_record(&mut header).map_err(|it| unreadable_row(path, 1, &it))? {
            return Err(file_problem(path, "empty_file", "El archivo está vacío", "The file is empty"));
        }
        let columns = columns(path, &header)?;
        Ok(Self {
            path: path.to_owned(),
            reader,
            budget,
            read_bytes,
            file_bytes,
            width: header.len(),
            columns,
        })
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes read so far, and of the whole file, as it lies on the disk.
    pub(crate) fn progress(&self) -> (u64, u64) {
        (self.read_bytes.load(Relaxed).min(self.file_bytes), self.file_bytes)
    }

    /// Place of a column by its name in the header.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.get(name).copied()
    }

    /// The header's names, in the order of the alphabet.
    pub(crate) fn column_names(&self) -> impl Iterator<Item = &str> {
        self.columns.keys().map(String::as_str)
    }

    /// Name of the column at a place, for a report.
    pub(crate) fn column_name(&self, place: usize) -> &str {
        self.columns.iter().find(|(_, at)| **at == place).map_or("", |(name, _)| name)
    }

    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// `unreadable_file` where the file ends in its middle, `row_too_long` behind an unclosed quote.
    pub(crate) fn next_row(&mut self) -> Result<Option<Row>, Problem> {
        self.budget.store(MAX_ROW_BYTES, Relaxed);
        let mut record = ByteRecord::new();
        let line = self.reader.position().line();
        let more =
            self.reader.read_byte_record(&mut record).map_err(|it| unreadable_row(&self.path, line, &it))?;
        if !more {
            return Ok(None);
        }
        let line = record.position().map_or(line, csv::Position::line);
        let found = record.len();
        let (cells, not_utf8) = match StringRecord::from_byte_record(record) {
            Ok(cells) => (cells, false),
            Err(error) => (StringRecord::from_byte_record_lossy(error.into_byte_record()), true),
        };
        let fault = if not_utf8 {
            Some(RowFault::NotUtf8)
        } else if found != self.width {
            Some(RowFault::WrongWidth { expected: self.width, found })
        } else {
            None
        };
        Ok(Some(Row { line, cells, fault }))
    }
}

/// Names of the header; every name once.
fn columns(path: &Path, header: &ByteRecord) -> Result<BTreeMap<String, usize>, Problem> {
    let mut columns = BTreeMap::new();
    for (place, name) in header.iter().enumerate() {
        let Ok(name) = std::str::from_utf8(name) else {
            let (es, en) = ("El encabezado no es UTF-8", "The header is not UTF-8");
            return Err(file_problem(path, "not_utf8", es, en));
        };
        if columns.insert(name.trim().to_owned(), place).is_some() && !name.trim().is_empty() {
            let es = format!("La columna «{name}» está repetida");
            let en = format!("The column `{name}` is repeated");
            return Err(file_problem(path, "repeated_column", &es, &en));
        }
    }
    Ok(columns)
}

/// A problem of a whole file, told with its name.
pub(crate) fn file_problem(path: &Path, code: &str, es: &str, en: &str) -> Problem {
    let name = path.display();
    let error = FieldProblem::new("", code, format!("{name}: {es}"), format!("{name}: {en}"));
    Problem::invalid(code, "The file cannot be read", vec![error])
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    let es = format!("no se puede leer: {error}");
    file_problem(path, "unreadable_file", &es, &format!("cannot be read: {error}"))
}

fn unreadable_row(path: &Path, line: u64, error: &csv::Error) -> Problem {
    if let csv::ErrorKind::Io(error) = error.kind()
        && error.kind() == io::ErrorKind::FileTooLarge
    {
        let es = format!("la fila de la línea {line} no termina: revise si unas comillas quedaron abiertas");
        let en = format!("the row on line {line} does not end: check for a quote left open");
        return file_problem(path, "row_too_long", &es, &en);
    }
    let es = format!("no se puede leer después de la línea {line}: {error}");
    let en = format!("cannot be read after line {line}: {error}");
    file_problem(path, "unreadable_file", &es, &en)
}

/// Counts what was read of the file.
struct Counted {
    file: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read.fetch_add(u64::try_from(read).unwrap_or(u64::MAX), Relaxed);
        Ok(read)
    }
}

/// Refuses to go on where one row has used up its bytes.
struct Budgeted {
    inner: Box<dyn Read + Send>,
    left: Arc<AtomicU64>,
}

impl Read for Budgeted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.load(Relaxed);
        if left == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let read = self.inner.read(buffer)?;
        self.left.store(left.saturating_sub(u64::try_from(read).unwrap_or(u64::MAX)), Relaxed);
        Ok(read)
    }
}

/// How every gzip file begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];
