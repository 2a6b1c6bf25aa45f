//! From two streams of rows to audits: joins a visit with its answers, checks every cell, and reports what it refuses.
//! Both files list the visits in the same order, so that memory does not grow with them; only ids that do not rise have
//! to be remembered, which [`MAX_REMEMBERED_IDS`] bounds.

use super::{
    mapping::{ItemColumn, Mapping, as_json},
    refusals::{Reason, Refusals},
    source::{Row, RowFault, Source},
};
use domain::{Exact, FieldProblem, Problem, answer::parse_answer};
use jiff::civil::Date;
use std::{
    borrow::Cow,
    cmp::Ordering,
    collections::{HashSet, VecDeque},
    path::Path,
};
use uuid::Uuid;

/// Rows that are looked ahead in either file for the other half of a visit.
pub(crate) const LOOK_AHEAD_ROWS: usize = 256;
/// Ids of one file that are remembered where they do not rise: 18 MiB. A longer file must be sorted.
pub(crate) const MAX_REMEMBERED_IDS: usize = 900_000;
/// Longest id or code, in characters.
pub(crate) const MAX_ID_CHARS: usize = 200;
/// Longest name or fact, in characters.
pub(crate) const MAX_FACT_CHARS: usize = 2_000;

/// One audit as it came, every cell checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImportedAudit<'a> {
    /// Line of the visits file.
    pub(crate) line: u64,
    /// The visit's id in the system that it comes from.
    pub(crate) external_id: String,
    /// Where.
    pub(crate) branch: ImportedBranch,
    /// On which day, in the zone of the mapping.
    pub(crate) date: Date,
    /// By whom.
    pub(crate) auditor: ImportedAuditor,
    /// Further columns by name, as they stand; blank ones are absent.
    pub(crate) facts: Vec<(&'a str, String)>,
    /// Item and canonical JSON of its answer, in the order of the checklist; unanswered items are absent.
    pub(crate) answers: Vec<(&'a str, Cow<'a, str>)>,
}

/// A branch as one row tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImportedBranch {
    /// Its code in the system that it comes from.
    pub(crate) code: String,
    /// Its name; the code where the file has none.
    pub(crate) name: String,
    /// Where it lies; absent where the file has no position.
    pub(crate) position: Option<Position>,
}

/// A position in millionths of a degree, about 0.1 m.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// From -90,000,000 to 90,000,000.
    pub(crate) latitude_microdegrees: i64,
    /// From -180,000,000 to 180,000,000.
    pub(crate) longitude_microdegrees: i64,
}

/// Who visited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImportedAuditor {
    /// The person's or group's name.
    pub(crate) name: String,
    /// Whether the file did not say who: left out of severity.
    pub(crate) is_unassigned: bool,
}

/// What was read so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Audits handed out.
    pub(crate) accepted: u64,
    /// Rows of the visits file that were refused.
    pub(crate) refused_visits: u64,
    /// Rows of the answers file that were refused.
    pub(crate) refused_answers: u64,
}

/// Reads audits one after the other.
pub(crate) struct AuditReader<'a> {
    mapping: &'a Mapping,
    visits: IdRows,
    answers: IdRows,
    visit_places: VisitPlaces,
    answer_places: Vec<usize>,
    refusals: Refusals,
    accepted: u64,
}

impl<'a> AuditReader<'a> {
    /// Opens both files and finds the mapped columns in them.
    ///
    /// # Errors
    /// A file that cannot be read (`unreadable_file`, `empty_file`, `repeated_column`, `not_utf8`), or
    /// `invalid_columns` with one `missing_column` per mapped column that its file does not have.
    pub(crate) fn open(
        mapping: &'a Mapping,
        visits: &Path,
        answers: &Path,
        refusals: impl FnOnce() -> Result<Refusals, Problem>,
    ) -> Result<Self, Problem> {
        let (visits, answers) = (Source::open(visits)?, Source::open(answers)?);
        let mut missing = Vec::new();
        let visit_places = VisitPlaces::find(mapping, &visits, &mut missing);
        let answer_id = place(&answers, "/answers/id", &mapping.answers_id, &mut missing);
        let answer_places = mapping
            .items
            .iter()
            .map(|it| place(&answers, &format!("/answers/items/{}", it.item.id), &it.column, &mut missing));
        let answer_places = answer_places.collect();
        if !missing.is_empty() {
            let title = "The files do not have the mapped columns";
            return Err(Problem::invalid("invalid_columns", title, missing));
        }
        Ok(Self {
            mapping,
            visits: IdRows::new(visits, visit_places.id),
            answers: IdRows::new(answers, answer_id),
            visit_places,
            answer_places,
            refusals: refusals()?,
            accepted: 0,
        })
    }

    /// The next audit that fits; `None` at the end of both files, with the report complete.
    ///
    /// # Errors
    /// A file that cannot be read further (`unreadable_file`, `row_too_long`) or a report that cannot be written
    /// (`report_not_written`). What was handed out before stays valid.
    pub(crate) fn next_audit(&mut self) -> Result<Option<ImportedAudit<'a>>, Problem> {
        loop {
            let (visit, answers) = match self.next_pair()? {
                Pair::Both(visit, answers) => (visit, answers),
                Pair::Refused => continue,
                Pair::End => {
                    self.refusals.flush()?;
                    return Ok(None);
                }
            };
            match (self.read_visit(&visit), self.read_answers(&answers)) {
                (Ok(audit), Ok(read)) => {
                    self.accepted += 1;
                    return Ok(Some(ImportedAudit { answers: read, ..audit }));
                }
                (visit_read, answers_read) => {
                    let visit_reasons = visit_read.err().unwrap_or_else(|| vec![other_half_refused()]);
                    let answer_reasons = answers_read.err().unwrap_or_else(|| vec![other_half_refused()]);
                    self.visits.refuse(&mut self.refusals, &visit, &visit_reasons)?;
                    self.answers.refuse(&mut self.refusals, &answers, &answer_reasons)?;
                }
            }
        }
    }

    /// What was read so far.
    pub(crate) fn counts(&self) -> Counts {
        Counts {
            accepted: self.accepted,
            refused_visits: self.visits.refused,
            refused_answers: self.answers.refused,
        }
    }

    /// Bytes read of both files and their size, as they lie on the disk.
    pub(crate) fn progress(&self) -> (u64, u64) {
        let (visits, answers) = (self.visits.source.progress(), self.answers.source.progress());
        (visits.0 + answers.0, visits.1 + answers.1)
    }

    /// Takes the next rows of one visit from both files, or refuses rows without a counterpart.
    fn next_pair(&mut self) -> Result<Pair, Problem> {
        self.visits.fill(1, &mut self.refusals)?;
        self.answers.fill(1, &mut self.refusals)?;
        let (lone_visits, lone_answers) = match (self.visits.front_id(), self.answers.front_id()) {
            (None, None) => return Ok(Pair::End),
            (Some(_), None) => (1, 0),
            (None, Some(_)) => (0, 1),
            (Some(visit), Some(answers)) if visit == answers => {
                return Ok(match (self.visits.take(), self.answers.take()) {
                    (Some(visit), Some(answers)) => Pair::Both(visit, answers),
                    _ => Pair::Refused,
                });
            }
            (Some(_), Some(_)) => self.lone_rows()?,
        };
        for _ in 0..lone_visits {
            self.visits.refuse_front(
                &mut self.refusals,
                &no_counterpart("no_answers_row", "respuestas", "answers"),
            )?;
        }
        for _ in 0..lone_answers {
            self.answers
                .refuse_front(&mut self.refusals, &no_counterpart("no_visit_row", "visitas", "visits"))?;
        }
        Ok(Pair::Refused)
    }

    /// How many rows at the front of either file have no counterpart, where the two fronts differ.
    fn lone_rows(&mut self) -> Result<(usize, usize), Problem> {
        self.visits.fill(LOOK_AHEAD_ROWS, &mut self.refusals)?;
        self.answers.fill(LOOK_AHEAD_ROWS, &mut self.refusals)?;
        let visits_before = self.answers.front_id().and_then(|it| self.visits.place_of(it));
        let answers_before = self.visits.front_id().and_then(|it| self.answers.place_of(it));
        Ok(match (visits_before, answers_before) {
            (Some(visits), Some(answers)) if visits <= answers => (visits, 0),
            (_, Some(answers)) => (0, answers),
            (Some(visits), None) => (visits, 0),
            (None, None) => (1, 1),
        })
    }

    fn read_visit(&self, row: &Row) -> Result<ImportedAudit<'a>, Vec<Reason>> {
        let mut reasons = Vec::new();
        let cells = Cells { source: &self.visits.source, row };
        let places = &self.visit_places;
        let external_id = cells.text(places.id, MAX_ID_CHARS, &mut reasons);
        let code = cells.required(places.branch_code, MAX_ID_CHARS, &mut reasons);
        let name = places.branch_name.map(|it| cells.text(it, MAX_FACT_CHARS, &mut reasons));
        let position = places.position.and_then(|it| cells.position(it, &mut reasons));
        let date = cells.date(places.date, &mut reasons);
        let auditor = cells.text(places.auditor, MAX_ID_CHARS, &mut reasons);
        let facts = self.mapping.visits.facts.iter().zip(&places.facts).filter_map(|(name, at)| {
            let text = cells.text(*at, MAX_FACT_CHARS, &mut reasons);
            (!text.is_empty()).then_some((name.as_str(), text))
        });
        let facts = facts.collect();
        let Some(date) = date.filter(|_| reasons.is_empty()) else {
            return Err(reasons);
        };
        let is_unassigned = auditor.is_empty();
        let auditor = if is_unassigned { self.mapping.visits.unassigned.clone() } else { auditor };
        Ok(ImportedAudit {
            line: row.line,
            external_id,
            branch: ImportedBranch {
                name: name.filter(|it| !it.is_empty()).unwrap_or_else(|| code.clone()),
                code,
                position,
            },
            date,
            auditor: ImportedAuditor { name: auditor, is_unassigned },
            facts,
            answers: Vec::new(),
        })
    }

    fn read_answers(&self, row: &Row) -> Result<Vec<(&'a str, Cow<'a, str>)>, Vec<Reason>> {
        let mut reasons = Vec::new();
        let mut answers = Vec::with_capacity(self.answer_places.len());
        for (item, place) in self.mapping.items.iter().zip(&self.answer_places) {
            match answer(item, row.cell(*place)) {
                Ok(None) => {}
                Ok(Some(answer)) => answers.push((item.item.id.as_str(), answer)),
                Err(reason) => reasons.push(reason),
            }
        }
        if reasons.is_empty() { Ok(answers) } else { Err(reasons) }
    }
}

/// What the fronts of both files are.
enum Pair {
    Both(Row, Row),
    Refused,
    End,
}

/// The canonical answer of a cell; `None` where it is unanswered.
fn answer<'a>(column: &'a ItemColumn, cell: &str) -> Result<Option<Cow<'a, str>>, Reason> {
    let item = &column.item;
    let refuse = |code: &str, es: String, en: String| Reason::of_cell(&column.column, cell, code, es, en);
    let answer = match &column.values {
        Some(values) => match values.get(cell) {
            Some(answer) => Cow::Borrowed(answer.as_str()),
            None if cell.is_empty() => Cow::Borrowed(""),
            None => {
                let known = values.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                return Err(refuse(
                    "unknown_value",
                    format!("Pregunta {}: el valor no está en la correspondencia ({known})", item.id),
                    format!("Item {}: the value is not in the mapping ({known})", item.id),
                ));
            }
        },
        None if cell.is_empty() => Cow::Borrowed(""),
        None => match parse_answer(item, &as_json(item.kind, cell)) {
            Ok(read) => Cow::Owned(read.map(|it| it.to_json()).unwrap_or_default()),
            Err(problem) => return Err(refuse(&problem.code, problem.message_es, problem.message_en)),
        },
    };
    if !answer.is_empty() {
        return Ok(Some(answer));
    }
    // An item with a condition may be hidden: whether it is missed shows when the visit is submitted.
    if item.must_be_answered() && item.when.is_none() {
        return Err(refuse(
            "unanswered",
            format!("Falta la respuesta a la pregunta obligatoria {}", item.id),
            format!("The required item {} has no answer", item.id),
        ));
    }
    Ok(None)
}

/// Places of the mapped columns in the visits file.
struct VisitPlaces {
    id: usize,
    branch_code: usize,
    branch_name: Option<usize>,
    position: Option<(usize, usize)>,
    date: usize,
    auditor: usize,
    facts: Vec<usize>,
}

impl VisitPlaces {
    fn find(mapping: &Mapping, source: &Source, missing: &mut Vec<FieldProblem>) -> Self {
        let columns = &mapping.visits;
        let mut find = |at: &str, name: &str| place(source, at, name, missing);
        Self {
            id: find("/visits/id", &columns.id),
            branch_code: find("/visits/branch/code", &columns.branch.code),
            branch_name: columns.branch.name.as_ref().map(|it| find("/visits/branch/name", it)),
            position: columns.branch.position.as_ref().map(|(latitude, longitude)| {
                (find("/visits/branch/latitude", latitude), find("/visits/branch/longitude", longitude))
            }),
            date: find("/visits/date", &columns.date),
            auditor: find("/visits/auditor/column", &columns.auditor),
            facts: (columns.facts.iter().enumerate())
                .map(|(it, name)| find(&format!("/visits/facts/{it}"), name))
                .collect(),
        }
    }
}

/// Place of a column, or a problem at the mapping's field that names it.
fn place(source: &Source, at: &str, name: &str, missing: &mut Vec<FieldProblem>) -> usize {
    source.column(name).unwrap_or_else(|| {
        let file = source.path().display();
        let has = source.column_names().collect::<Vec<_>>().join(", ");
        missing.push(FieldProblem::new(
            at,
            "missing_column",
            format!("{file} no tiene la columna «{name}»; tiene: {has}"),
            format!("{file} has no column `{name}`; it has: {has}"),
        ));
        usize::MAX
    })
}

/// The cells of a row with the names of their columns.
struct Cells<'a> {
    source: &'a Source,
    row: &'a Row,
}

impl Cells<'_> {
    fn refuse(&self, place: usize, code: &str, es: &str, en: &str) -> Reason {
        Reason::of_cell(self.source.column_name(place), self.row.cell(place), code, es, en)
    }

    fn text(&self, place: usize, max_chars: usize, reasons: &mut Vec<Reason>) -> String {
        let text = self.row.cell(place);
        if text.chars().count() > max_chars {
            let es = format!("Demasiado largo: a lo más {max_chars} caracteres");
            let en = format!("Too long: at most {max_chars} characters");
            reasons.push(self.refuse(place, "too_long", &es, &en));
        }
        text.to_owned()
    }

    fn required(&self, place: usize, max_chars: usize, reasons: &mut Vec<Reason>) -> String {
        let text = self.text(place, max_chars, reasons);
        if text.is_empty() {
            reasons.push(self.refuse(place, "blank", "No puede quedar vacío", "Must not be blank"));
        }
        text
    }

    fn date(&self, place: usize, reasons: &mut Vec<Reason>) -> Option<Date> {
        let text = self.row.cell(place);
        let shape = text.len() == 10 && text.bytes().all(|it| it.is_ascii_digit() || it == b'-');
        let date = if shape { text.parse().ok() } else { None };
        if date.is_none() {
            let (es, en) = ("No es una fecha AAAA-MM-DD", "Not a date YYYY-MM-DD");
            reasons.push(self.refuse(place, "bad_date", es, en));
        }
        date
    }

    fn position(&self, places: (usize, usize), reasons: &mut Vec<Reason>) -> Option<Position> {
        let (latitude, longitude) = places;
        if self.row.cell(latitude).is_empty() && self.row.cell(longitude).is_empty() {
            return None;
        }
        let latitude_microdegrees = self.microdegrees(latitude, 90, reasons);
        let longitude_microdegrees = self.microdegrees(longitude, 180, reasons);
        Some(Position {
            latitude_microdegrees: latitude_microdegrees?,
            longitude_microdegrees: longitude_microdegrees?,
        })
    }

    fn microdegrees(&self, place: usize, most_degrees: i64, reasons: &mut Vec<Reason>) -> Option<i64> {
        let read = Exact::parse(self.row.cell(place)).ok().and_then(|it| it.to_scaled(6));
        let inside = read.filter(|it| it.abs() <= most_degrees * 1_000_000);
        if inside.is_none() {
            let es = format!("No son grados entre -{most_degrees} y {most_degrees}");
            let en = format!("Not degrees between -{most_degrees} and {most_degrees}");
            reasons.push(self.refuse(place, "bad_position", &es, &en));
        }
        inside
    }
}

/// Rows of a file with their ids, some of them looked ahead.
struct IdRows {
    source: Source,
    id_place: usize,
    ahead: VecDeque<(String, Row)>,
    seen: Seen,
    refused: u64,
}

/// Which ids were read. While they rise, the last one tells whether the next is new.
enum Seen {
    Rising(Option<String>),
    Any(HashSet<Uuid>),
}

impl IdRows {
    fn new(source: Source, id_place: usize) -> Self {
        Self { source, id_place, ahead: VecDeque::new(), seen: Seen::Rising(None), refused: 0 }
    }

    /// Reads until `rows` are ahead or the file ends; refuses what has no usable id.
    fn fill(&mut self, rows: usize, refusals: &mut Refusals) -> Result<(), Problem> {
        while self.ahead.len() < rows {
            let Some(row) = self.source.next_row()? else { break };
            let id = row.cell(self.id_place).to_owned();
            let reason = match row.fault {
                Some(fault) => Some(fault_reason(fault)),
                None if id.is_empty() => {
                    let column = self.source.column_name(self.id_place);
                    Some(Reason::of_cell(column, "", "blank", "No puede quedar vacío", "Must not be blank"))
                }
                None if !self.is_new(&id, row.line)? => Some(self.repeated(&id)),
                None => None,
            };
            match reason {
                Some(reason) => self.refuse(refusals, &row, &[reason])?,
                None => self.ahead.push_back((id, row)),
            }
        }
        Ok(())
    }

    fn is_new(&mut self, id: &str, line: u64) -> Result<bool, Problem> {
        if let Seen::Rising(last) = &mut self.seen {
            let order = last.as_deref().map_or(Ordering::Less, |it| compare_ids(it, id));
            if order == Ordering::Less {
                *last = Some(id.to_owned());
                return Ok(true);
            }
            if last.as_deref() == Some(id) {
                return Ok(false);
            }
            self.seen = Seen::Any(self.ids_before(line)?);
        }
        match &mut self.seen {
            Seen::Rising(_) => Ok(true),
            Seen::Any(ids) => remember(ids, id, self.source.path()),
        }
    }

    /// Ids of the file before a line, read again: only a file whose ids do not rise needs them all.
    fn ids_before(&self, line: u64) -> Result<HashSet<Uuid>, Problem> {
        let mut again = Source::open(self.source.path())?;
        let mut ids = HashSet::new();
        while let Some(row) = again.next_row()?.filter(|it| it.line < line) {
            if row.fault.is_none() {
                remember(&mut ids, row.cell(self.id_place), self.source.path())?;
            }
        }
        Ok(ids)
    }

    fn repeated(&self, id: &str) -> Reason {
        let column = self.source.column_name(self.id_place);
        let (es, en) = ("Este id ya apareció antes en el archivo", "This id stood before in the file");
        Reason::of_cell(column, id, "repeated_id", es, en)
    }

    fn front_id(&self) -> Option<&str> {
        self.ahead.front().map(|(id, _)| id.as_str())
    }

    fn place_of(&self, id: &str) -> Option<usize> {
        self.ahead.iter().position(|(it, _)| it == id)
    }

    fn take(&mut self) -> Option<Row> {
        self.ahead.pop_front().map(|(_, row)| row)
    }

    fn refuse_front(&mut self, refusals: &mut Refusals, reason: &Reason) -> Result<(), Problem> {
        match self.take() {
            Some(row) => self.refuse(refusals, &row, std::slice::from_ref(reason)),
            None => Ok(()),
        }
    }

    fn refuse(&mut self, refusals: &mut Refusals, row: &Row, reasons: &[Reason]) -> Result<(), Problem> {
        self.refused += 1;
        let file =
            self.source.path().file_name().map_or_else(String::new, |it| it.to_string_lossy().into_owned());
        refusals.write(&file, row, reasons)
    }
}

/// Remembers an id by its name-based UUID, which takes the same room whatever its length; false where it was known.
fn remember(ids: &mut HashSet<Uuid>, id: &str, file: &Path) -> Result<bool, Problem> {
    if ids.len() >= MAX_REMEMBERED_IDS {
        let file = file.display();
        return Err(Problem::single(
            422,
            "ids_not_sorted",
            format!(
                "{file} tiene más de {MAX_REMEMBERED_IDS} ids que no van en aumento; ordene ambos archivos por id o \
                 pártalos"
            ),
            format!(
                "{file} has more than {MAX_REMEMBERED_IDS} ids that do not rise; sort both files by id or split them"
            ),
        ));
    }
    Ok(ids.insert(Uuid::new_v5(&Uuid::NAMESPACE_OID, id.as_bytes())))
}

/// Numbers before texts, numbers by size; texts by their letters.
fn compare_ids(left: &str, right: &str) -> Ordering {
    let key = |it: &str| {
        let is_number = it.bytes().all(|it| it.is_ascii_digit());
        let text = if is_number { it.trim_start_matches('0') } else { it };
        (!is_number, if is_number { text.len() } else { 0 }, text.to_owned())
    };
    key(left).cmp(&key(right))
}

fn fault_reason(fault: RowFault) -> Reason {
    match fault {
        RowFault::WrongWidth { expected, found } => Reason::of_row(
            "wrong_columns",
            format!("La fila tiene {found} celdas y el encabezado {expected}"),
            format!("The row has {found} cells and the header {expected}"),
        ),
        RowFault::NotUtf8 => {
            Reason::of_row("not_utf8", "La fila no es texto UTF-8", "The row is not UTF-8 text")
        }
    }
}

fn no_counterpart(code: &str, es: &str, en: &str) -> Reason {
    Reason::of_row(
        code,
        format!(
            "No hay fila con este id en el archivo de {es} en este lugar (se buscó {LOOK_AHEAD_ROWS} filas adelante); \
             ambos archivos deben listar las visitas en el mismo orden"
        ),
        format!(
            "The {en} file has no row with this id at this place (looked {LOOK_AHEAD_ROWS} rows ahead); both files \
             must list the visits in the same order"
        ),
    )
}

fn other_half_refused() -> Reason {
    Reason::of_row(
        "counterpart_refused",
        "La otra fila de esta visita fue rechazada",
        "The other row of this visit was refused",
    )
}

#[cfg(test)]
mod tests;
