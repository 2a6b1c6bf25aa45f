//! Finished texts laid out as a PDF that screen readers can follow (PDF/UA-1): headings, paragraphs, lists, tables and a QR code.
//!
//! Knows no visit, no pay, no clock and no language: every text comes in ready to be read. The same sheet gives the same bytes, so a
//! signature over them holds as long as nothing on it changed.

mod face;
mod layout;
mod write;

/// A document to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// What the document is called, by its first heading and by readers of its metadata.
    pub title: String,
    /// Language of the texts as BCP 47 says it, `es`.
    pub language: String,
    /// Who issues it: an organization, never a person.
    pub issuer: String,
    /// What stands at the foot of each page, before its number.
    pub foot: String,
    /// What stands between the number of a page and how many there are: `de`, `of`.
    pub of: String,
    /// What it says, from top to bottom.
    pub blocks: Vec<Block>,
}

/// A part of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A heading under the title.
    Heading(Level, String),
    /// A paragraph; line breaks in it are kept.
    Paragraph(Tone, String),
    /// Things one after another.
    List(Numbering, Vec<String>),
    /// Rows and columns.
    Table(Table),
    /// A code to be scanned, with what stands beside it.
    Code(Code),
    /// Lines to be signed on, with what stands under each.
    Signatures(Vec<String>),
}

/// How deep a heading stands; none may be left out on the way down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Of a part.
    Part,
    /// Of a section of a part.
    Section,
}

/// How a paragraph is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// Beside the point.
    Quiet,
    /// To be noticed.
    Strong,
}

/// What stands before the things of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbering {
    /// A dot.
    Dots,
    /// 1, 2, 3.
    Numbers,
}

/// Rows and columns. The first cell of each row names the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What the table is of; empty where the heading before it says so.
    pub caption: String,
    /// The columns, one at least.
    pub columns: Vec<Column>,
    /// Cells, as many in each row as there are columns; what is missing is empty, what is too much is left out.
    pub rows: Vec<Vec<String>>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its title; where all are empty, the table has no head.
    pub title: String,
    /// Its share of the width, in proportion to the others; 1 to 100.
    pub share: u8,
    /// Whether it holds figures, which stand at the right.
    pub is_number: bool,
}

impl Column {
    /// A column of texts.
    #[must_use]
    pub fn text(title: String, share: u8) -> Self {
        Self { title, share, is_number: false }
    }

    /// A column of figures.
    #[must_use]
    pub fn number(title: String, share: u8) -> Self {
        Self { title, share, is_number: true }
    }
}

/// A QR code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// What is read when it is scanned; at most some 1,000 bytes.
    pub content: String,
    /// What it is, for whoever does not see it.
    pub description: String,
    /// What stands beside it.
    pub lines: Vec<String>,
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum Unprintable {
    /// The fonts in the program cannot be read.
    #[error("the fonts of the program cannot be read")]
    Fonts,
    /// What should be in the code does not fit.
    #[error("the code holds too much: {0}")]
    Code(qrcode::types::QrError),
    /// The document breaks a rule of PDF/UA-1 or of the format.
    #[error("the document breaks a rule of its format: {0}")]
    Format(String),
}

/// The document as bytes of a PDF file.
///
/// # Errors
/// Where the code holds too much, or the format refuses what came out, which texts alone cannot cause.
pub fn print(sheet: &Sheet) -> Result<Vec<u8>, Unprintable> {
    let faces = face::faces()?;
    // A document without a title is none; what it is called is said in signs that can be read.
    let title = faces.regular.printable(&sheet.title).trim().to_owned();
    let title = if title.is_empty() { "–".to_owned() } else { title };
    let sheet = &Sheet { title, ..sheet.clone() };
    let laid = layout::lay_out(sheet, faces)?;
    write::write(sheet, &laid, faces)
}
