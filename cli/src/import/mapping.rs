//! The mapping file: which column means what, and which text in a cell is which answer. Owns its shape
//! (`audit-import/1`) and its check against the checklist; reads no row.

use audit_templates::read::{Cursor, Report, read};
use domain::{
    FieldProblem, Problem,
    answer::parse_answer,
    checklist::{Checklist, Item, ItemType},
};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// The only value of `schema` that this program reads.
pub(crate) const MAPPING_SCHEMA: &str = "audit-import/1";

/// A mapping that fits its checklist.
#[derive(Debug)]
pub(crate) struct Mapping {
    /// Columns of the visits file.
    pub(crate) visits: VisitColumns,
    /// Zone that the days of the visits are of.
    pub(crate) time_zone: TimeZone,
    /// Column of the visit's id in the answers file.
    pub(crate) answers_id: String,
    /// One column of the answers file per item, in the order of the checklist.
    pub(crate) items: Vec<ItemColumn>,
}

/// Columns of the visits file, one visit a row.
#[derive(Debug)]
pub(crate) struct VisitColumns {
    /// The visit's id in the system that it comes from.
    pub(crate) id: String,
    /// The branch.
    pub(crate) branch: BranchColumns,
    /// Day of the visit, `YYYY-MM-DD`.
    pub(crate) date: String,
    /// Who visited: a person or a group.
    pub(crate) auditor: String,
    /// Name of the auditor where the cell is blank.
    pub(crate) unassigned: String,
    /// Further columns that are kept beside the visit as they stand.
    pub(crate) facts: Vec<String>,
}

/// Columns that tell the branch.
#[derive(Debug)]
pub(crate) struct BranchColumns {
    /// Its code in the system that it comes from.
    pub(crate) code: String,
    /// Its name; its code where absent.
    pub(crate) name: Option<String>,
    /// Its latitude and longitude, in degrees.
    pub(crate) position: Option<(String, String)>,
}

/// The column that answers one item.
#[derive(Debug)]
pub(crate) struct ItemColumn {
    /// The item.
    pub(crate) item: Item,
    /// Its column.
    pub(crate) column: String,
    /// Canonical answer by the text of the cell, empty for "unanswered"; where absent the cell is the answer itself.
    pub(crate) values: Option<BTreeMap<String, String>>,
}

impl Mapping {
    /// Reads a mapping file (YAML) and checks it against the checklist; `file` is its name in messages.
    ///
    /// # Errors
    /// A problem with code `invalid_mapping` that names every offending field: the codes of
    /// [`audit_templates::read`], `wrong_schema`, `wrong_template`, `unknown_time_zone`, `incomplete_position`,
    /// `blank`, `unknown_item`, `item_not_mapped`, and for mapped values the codes of [`parse_answer`].
    pub(crate) fn read(file: &str, text: &str, checklist: &Checklist) -> Result<Self, Problem> {
        let checked = read(file, text, document, |it, report| check(it, checklist, report));
        checked.map(|it| it.resolve(checklist)).map_err(|problems| {
            let errors: Vec<FieldProblem> = problems.iter().map(|it| it.to_field_problem()).collect();
            Problem::invalid("invalid_mapping", "The mapping does not fit its shape or the checklist", errors)
        })
    }
}

/// A cell as the JSON of an answer: options of a multiple choice stand apart by spaces, as in XLSForm exports.
pub(crate) fn as_json(kind: ItemType, cell: &str) -> String {
    match kind {
        ItemType::Scale | ItemType::Number | ItemType::Duration if cell != "na" => cell.to_owned(),
        ItemType::MultiChoice | ItemType::Photo | ItemType::Audio | ItemType::File => {
            serde_json::Value::from(cell.split_whitespace().collect::<Vec<_>>()).to_string()
        }
        _ => serde_json::Value::from(cell).to_string(),
    }
}

/// The file as it stands.
struct Document {
    schema: String,
    template: String,
    visits: VisitColumns,
    latitude: Option<String>,
    longitude: Option<String>,
    time_zone: String,
    answers_id: String,
    items: BTreeMap<String, String>,
    yes_no: BTreeMap<String, String>,
    values: BTreeMap<String, BTreeMap<String, String>>,
}

impl Document {
    /// The answers that cells of an item stand for: its own, or for a yes/no item the shared ones.
    fn values_of(&self, item: &Item) -> Option<&BTreeMap<String, String>> {
        let is_yes_no = matches!(item.kind, ItemType::YesNo | ItemType::YesNoNa);
        self.values.get(&item.id).or((is_yes_no && !self.yes_no.is_empty()).then_some(&self.yes_no))
    }

    /// The checked document as a mapping: everything here was found to fit.
    fn resolve(self, checklist: &Checklist) -> Mapping {
        let items = checklist.items().filter_map(|item| {
            let values = self.values_of(item).map(|values| {
                let read =
                    values.iter().map(|(cell, value)| (cell.trim().to_owned(), canonical(item, value)));
                read.filter_map(|(cell, answer)| answer.ok().map(|it| (cell, it))).collect()
            });
            Some(ItemColumn { item: item.clone(), column: self.items.get(&item.id)?.clone(), values })
        });
        Mapping {
            items: items.collect(),
            time_zone: TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC),
            answers_id: self.answers_id,
            visits: VisitColumns {
                branch: BranchColumns { position: self.latitude.zip(self.longitude), ..self.visits.branch },
                ..self.visits
            },
        }
    }
}

/// The canonical answer that a mapped value stands for; empty for a blank one.
fn canonical(item: &Item, value: &str) -> Result<String, FieldProblem> {
    if value.trim().is_empty() {
        return Ok(String::new());
    }
    let answer = parse_answer(item, &as_json(item.kind, value.trim()))?;
    Ok(answer.map(|it| it.to_json()).unwrap_or_default())
}

fn document(cursor: &Cursor<'_>) -> Document {
    let mut root = cursor.fields();
    let schema = root.required("schema", Cursor::text);
    let template = root.required("template", Cursor::text);
    let (visits, time_zone, latitude, longitude) = root.required("visits", visits);
    let mut answers = root.required("answers", Cursor::fields);
    let document = Document {
        schema,
        template,
        visits,
        latitude,
        longitude,
        time_zone,
        answers_id: answers.required("id", name),
        items: answers.required("items", |it| it.entries(name)),
        yes_no: answers.optional("yes_no", |it| it.entries(Cursor::text)).unwrap_or_default(),
        values: answers
            .optional("values", |it| it.entries(|it| it.entries(Cursor::text)))
            .unwrap_or_default(),
    };
    answers.finish();
    root.finish();
    document
}

fn visits(cursor: &Cursor<'_>) -> (VisitColumns, String, Option<String>, Option<String>) {
    let mut visits = cursor.fields();
    let mut branch = visits.required("branch", Cursor::fields);
    let mut auditor = visits.required("auditor", Cursor::fields);
    let columns = VisitColumns {
        id: visits.required("id", name),
        branch: BranchColumns {
            code: branch.required("code", name),
            name: branch.optional("name", name),
            position: None,
        },
        date: visits.required("date", name),
        auditor: auditor.required("column", name),
        unassigned: auditor.required("blank", name),
        facts: visits.optional("facts", |it| it.list(name)).unwrap_or_default(),
    };
    let time_zone = visits.required("time_zone", Cursor::text);
    let (latitude, longitude) = (branch.optional("latitude", name), branch.optional("longitude", name));
    branch.finish();
    auditor.finish();
    visits.finish();
    (columns, time_zone, latitude, longitude)
}

/// The name of a column: a text that is not blank.
fn name(cursor: &Cursor<'_>) -> String {
    let text = cursor.text();
    if text.trim().is_empty() {
        cursor.refuse("blank", "No puede quedar vacío", "Must not be blank");
    }
    text.trim().to_owned()
}

fn check(document: &Document, checklist: &Checklist, report: &Report) {
    if document.schema != MAPPING_SCHEMA {
        report.refuse(
            "schema",
            "wrong_schema",
            format!("Este programa lee el formato {MAPPING_SCHEMA}"),
            format!("This program reads the format {MAPPING_SCHEMA}"),
        );
    }
    if document.template != checklist.id {
        let (has, wanted) = (&document.template, &checklist.id);
        report.refuse(
            "template",
            "wrong_template",
            format!("El archivo es del cuestionario «{has}», no de «{wanted}»"),
            format!("The file is for the checklist `{has}`, not for `{wanted}`"),
        );
    }
    if TimeZone::get(&document.time_zone).is_err() {
        report.refuse(
            "visits.time_zone",
            "unknown_time_zone",
            "No es una zona horaria IANA como America/Mexico_City",
            "Not an IANA time zone such as America/Mexico_City",
        );
    }
    if document.latitude.is_some() != document.longitude.is_some() {
        report.refuse(
            "visits.branch",
            "incomplete_position",
            "Indique latitud y longitud, o ninguna",
            "Give latitude and longitude, or neither",
        );
    }
    check_items(document, checklist, report);
}

fn check_items(document: &Document, checklist: &Checklist, report: &Report) {
    let named = document.items.keys().map(|it| (it, "answers.items"));
    let named = named.chain(document.values.keys().map(|it| (it, "answers.values")));
    for (id, at) in named.filter(|(id, _)| checklist.item(id).is_none()) {
        report.refuse(
            &format!("{at}.{id}"),
            "unknown_item",
            format!("El cuestionario no tiene la pregunta «{id}»"),
            format!("The checklist has no item `{id}`"),
        );
    }
    // An item that every visit must answer needs a column, or no visit could be submitted.
    let must = checklist.items().filter(|it| it.must_be_answered() && it.when.is_none());
    let missing: Vec<&str> =
        must.map(|it| it.id.as_str()).filter(|it| !document.items.contains_key(*it)).collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        report.refuse(
            "answers.items",
            "item_not_mapped",
            format!("Faltan las columnas de preguntas obligatorias: {missing}"),
            format!("The columns of required items are missing: {missing}"),
        );
    }
    for item in checklist.items().filter(|it| document.items.contains_key(&it.id)) {
        let at = if document.values.contains_key(&item.id) {
            format!("answers.values.{}", item.id)
        } else {
            "answers.yes_no".to_owned()
        };
        for (cell, value) in document.values_of(item).into_iter().flatten() {
            if let Err(problem) = canonical(item, value) {
                let es = format!("Pregunta {}: {}", item.id, problem.message_es);
                let en = format!("Item {}: {}", item.id, problem.message_en);
                report.refuse(&format!("{at}.{cell}"), &problem.code, es, en);
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
