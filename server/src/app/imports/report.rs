//! What is told of a file: row by row what it would do, what is refused and why, and what else a person should know.

use domain::FieldProblem;
use serde::Serialize;
use utoipa::ToSchema;

/// Rows and problems of a report that are told one by one; of all there are totals.
pub const MAX_TOLD: usize = 500;

/// A cell, or a whole row, that is refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct RowProblem {
    /// The row of the file, as a spreadsheet counts it: the headers are usually in row 1.
    pub row: u32,
    /// The column, as the file calls it; where the file has none, as we do. Empty for the whole row.
    pub column: String,
    /// Stable machine code, snake case.
    pub code: String,
    /// What is wrong and how to mend it, in Spanish.
    pub message_es: String,
    /// What is wrong and how to mend it, in English.
    pub message_en: String,
}

impl RowProblem {
    /// A problem of a cell.
    pub(super) fn new(
        row: u32,
        column: &str,
        code: &str,
        es: impl Into<String>,
        en: impl Into<String>,
    ) -> Self {
        let (message_es, message_en) = (es.into(), en.into());
        Self { row, column: column.to_owned(), code: code.to_owned(), message_es, message_en }
    }

    /// The same as a problem detail has it.
    pub(super) fn to_field_problem(&self) -> FieldProblem {
        let place = domain::problem::pointer("/rows", self.row);
        let (place, es, en) = if self.column.is_empty() {
            (place, format!("Fila {}: ", self.row), format!("row {}: ", self.row))
        } else {
            let es = format!("Fila {}, columna «{}»: ", self.row, self.column);
            let en = format!("row {}, column '{}': ", self.row, self.column);
            (domain::problem::pointer(&place, &self.column), es, en)
        };
        FieldProblem::new(place, &self.code, es + &self.message_es, en + &self.message_en)
    }
}

/// Something about the file that refuses nothing, and that a person should know before applying it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Note {
    /// Stable machine code, snake case.
    pub code: String,
    /// The column, as the file calls it; empty for the whole file.
    pub column: String,
    /// In Spanish.
    pub message_es: String,
    /// In English.
    pub message_en: String,
}

impl Note {
    pub(super) fn new(code: &str, column: &str, es: impl Into<String>, en: impl Into<String>) -> Self {
        let (message_es, message_en) = (es.into(), en.into());
        Self { code: code.to_owned(), column: column.to_owned(), message_es, message_en }
    }
}

/// What a row does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Adds what was not there.
    Added,
    /// Changes what was.
    Changed,
    /// Says what is so already.
    Unchanged,
}

/// A value that a row changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ColumnChange {
    /// The column, by our name of it.
    pub column: String,
    /// What it was; none where there was nothing.
    pub before: Option<String>,
    /// What it becomes; none where nothing stays.
    pub after: Option<String>,
}

/// A row that adds or changes something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RowChange {
    /// The row of the file.
    pub row: u32,
    /// What it is about, by the key that people know.
    pub key: String,
    /// What it does.
    pub action: Action,
    /// Which values it changes.
    pub columns: Vec<ColumnChange>,
}

/// What a file does, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Report {
    /// What the file is called.
    pub file: String,
    /// The SHA-256 of the file, hexadecimal.
    pub file_hash: String,
    /// The sheet that was read; none where the file has no sheets.
    pub sheet: Option<String>,
    /// Rows with something in them, without the headers.
    pub rows: usize,
    /// Rows that add something.
    pub added: usize,
    /// Rows that change something.
    pub changed: usize,
    /// Rows that say what is so already.
    pub unchanged: usize,
    /// Rows that are refused.
    pub refused: usize,
    /// Of a file of branches: regions that it adds.
    pub regions_added: usize,
    /// Of a file of branches: regions that it changes.
    pub regions_changed: usize,
    /// The first rows that add or change something, at most 500.
    pub changes: Vec<RowChange>,
    /// The first problems by row, at most 500.
    pub problems: Vec<RowProblem>,
    /// How many problems there are.
    pub problems_total: usize,
    /// What else a person should know.
    pub notes: Vec<Note>,
}

/// The values that differ between what was and what becomes.
pub(super) fn differences(
    before: Option<&[(&'static str, Option<String>)]>,
    after: &[(&'static str, Option<String>)],
) -> Vec<ColumnChange> {
    let was = |name: &str| {
        let before = before.and_then(|it| it.iter().find(|it| it.0 == name));
        before.and_then(|it| it.1.clone())
    };
    let changes = after.iter().map(|(name, after)| ColumnChange {
        column: (*name).to_owned(),
        before: was(name),
        after: after.clone(),
    });
    changes.filter(|it| it.before != it.after).collect()
}

/// Characters of a cell that are told again.
const BRIEF_CHARS: usize = 60;

/// The beginning of a text: what is told of a cell must not be as long as the cell may be.
pub(super) fn brief(text: &str) -> String {
    let mut brief: String = text.chars().take(BRIEF_CHARS).collect();
    if brief.len() < text.len() {
        brief.push('…');
    }
    brief
}
