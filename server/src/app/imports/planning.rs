//! From the rows of a file to what they would change: what all kinds have in common. Nothing is stored until everything is
//! known to be good; what is refused leaves the others as they are.

use super::{
    cells::{Line, Sheet},
    columns::Layout,
    journal::{Entry, Values},
    report::{Action, RowChange, RowProblem, brief, differences},
};
use crate::{
    app::{codes::IssuedCode, reading::RowProblems},
    error::ApiError,
    office::Office,
};
use db::Tx;
use std::collections::{BTreeMap, BTreeSet};

/// What each row does, what is to be stored, and what is wrong with some rows.
pub(super) type Plan<Work> = (Vec<RowChange>, Work, Vec<RowProblem>);

/// A row of a file as it was understood.
pub(super) trait Understood: Clone {
    /// What the rows change, and how to store it.
    type Work;

    /// The row of the file.
    fn number(&self) -> u32;

    /// What the rows would change, and what is wrong with some of them; stores nothing.
    fn plan(
        tx: &mut Tx<'_>,
        office: &Office,
        rows: &[Self],
        layout: &Layout,
    ) -> Result<Plan<Self::Work>, ApiError>;

    /// Stores what was planned.
    fn store(tx: &mut Tx<'_>, office: &mut Office, work: Self::Work) -> Result<Stored, ApiError>;
}

/// What was stored.
#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) entries: Vec<Entry>,
    /// One-time codes of the people who were created, by login.
    pub(super) codes: Vec<(String, IssuedCode)>,
}

/// Understands every row, each without the others.
pub(super) fn understand<T>(
    sheet: &Sheet,
    problems: &mut Vec<RowProblem>,
    mut read: impl FnMut(&mut Line<'_>) -> T,
) -> Vec<T> {
    let mut understood = Vec::with_capacity(sheet.table.rows.len());
    for row in &sheet.table.rows {
        let mut line = sheet.line(row, problems);
        line.refuse_more_cells();
        let found = read(&mut line);
        if line.is_good() {
            understood.push(found);
        }
    }
    understood
}

/// Refuses rows with a key that an earlier one has.
pub(super) fn refuse_repeated<T: Understood>(
    rows: Vec<T>,
    layout: &Layout,
    (column, key): (&str, impl Fn(&T) -> String),
    problems: &mut Vec<RowProblem>,
) -> Vec<T> {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut kept = Vec::with_capacity(rows.len());
    for row in rows {
        let (key, number) = (key(&row), row.number());
        if let Some(first) = seen.get(&key) {
            let key = brief(&key);
            problems.push(RowProblem::new(
                number,
                layout.header(column),
                "repeated",
                format!("«{key}» ya está en la fila {first}; deje una sola."),
                format!("'{key}' is in row {first} already; leave one"),
            ));
        } else {
            seen.insert(key, number);
            kept.push(row);
        }
    }
    kept
}

/// What the good ones of the rows would change: those with problems are left out, and the rest is planned again without them.
pub(super) fn plan<T: Understood>(
    tx: &mut Tx<'_>,
    office: &Office,
    rows: &[T],
    layout: &Layout,
    problems: &mut Vec<RowProblem>,
) -> Result<(Vec<RowChange>, T::Work), ApiError> {
    let mut rows = rows.to_vec();
    loop {
        let (changes, work, found) = T::plan(tx, office, &rows, layout)?;
        if found.is_empty() {
            return Ok((changes, work));
        }
        let refused: BTreeSet<u32> = found.iter().map(|it| it.row).collect();
        let before = rows.len();
        rows.retain(|it| !refused.contains(&it.number()));
        problems.extend(found);
        if rows.len() == before {
            return Err(ApiError::internal("a problem names no row of the file"));
        }
    }
}

/// Problems of rows as the use cases tell them, under `/index/field`, at the rows of the file.
pub(super) fn at_rows(
    problems: RowProblems,
    layout: &Layout,
    number: impl Fn(usize) -> Option<u32>,
) -> Vec<RowProblem> {
    let at = |it: &domain::FieldProblem| {
        let (index, field) = it.field.trim_start_matches('/').split_once('/')?;
        let row = number(index.parse().ok()?)?;
        Some(layout.problem(row, &domain::FieldProblem { field: format!("/{field}"), ..it.clone() }))
    };
    problems.into_all().iter().filter_map(at).collect()
}

/// What a row does to a thing.
pub(super) fn change(row: u32, key: impl Into<String>, before: Option<&Values>, after: &Values) -> RowChange {
    let columns = differences(before.map(Vec::as_slice), after);
    let action = match before {
        None => Action::Added,
        Some(_) if columns.is_empty() => Action::Unchanged,
        Some(_) => Action::Changed,
    };
    RowChange { row, key: key.into(), action, columns }
}
