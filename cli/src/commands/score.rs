//! `veedor score`: the score of one visit from its answers, explained. Judges values, not completeness.

use std::path::{Path, PathBuf};

use audit_templates::{checklists, find_checklist, read_checklist, to_problem};
use domain::{Problem, answer::parse_answers, checklist::Checklist, visit_score::score_visit};

use crate::console;

/// Score the answers of a visit.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Id of a released checklist, with a version if wanted (`ms-banco-sucursal@1`), or a checklist file
    #[arg(long, value_name = "ID|FILE")]
    template: String,
    /// File with the answers, a JSON object by item, or `-` for standard input
    #[arg(long, value_name = "FILE|-")]
    answers: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// `unknown_template`, `invalid_template`, `invalid_answers`, `nothing_to_score`, `unreadable_input`.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Problem> {
    let checklist = load_checklist(&arguments.template)?;
    let json = console::read_input(&arguments.answers)?;
    let answers = parse_answers(&checklist, &json)?;
    console::print(&score_visit(&checklist, &answers)?)
}

/// A checklist by id, `id@version` or path of a file.
pub(crate) fn load_checklist(name: &str) -> Result<Checklist, Problem> {
    if is_file_name(name) {
        let text = console::read_input(Path::new(name))?;
        return read_checklist(name, &text).map_err(|problems| to_problem(&problems));
    }
    let (id, version) = split_version(name);
    let found = version.and_then(|version| find_checklist(id, version));
    found.map(|it| it.content.clone()).ok_or_else(|| {
        let known = checklists().iter().map(|it| format!("{}@{}", it.content.id, it.content.version));
        unknown_template(name, &known.collect::<Vec<_>>())
    })
}

/// Whether a name is a file's and not an id: it exists, or ends like one.
pub(crate) fn is_file_name(name: &str) -> bool {
    let path = Path::new(name);
    let ends_so = |it: &str| path.extension().is_some_and(|found| found.eq_ignore_ascii_case(it));
    path.is_file() || ["yaml", "yml", "json"].into_iter().any(ends_so)
}

/// Splits `id@version`; the outer `None` where the version is no number.
pub(crate) fn split_version(name: &str) -> (&str, Option<Option<u32>>) {
    match name.split_once('@') {
        None => (name, Some(None)),
        Some((id, version)) => (id, version.parse().ok().map(Some)),
    }
}

/// A name that no released content has; the message lists those that there are.
pub(crate) fn unknown_template(name: &str, known: &[String]) -> Problem {
    let known = known.join(", ");
    Problem::single(
        404,
        "unknown_template",
        format!("No hay «{name}»; los disponibles son: {known}. También puede dar un archivo .yaml o .json"),
        format!("There is no `{name}`; those available are: {known}. A .yaml or .json file works too"),
    )
}
