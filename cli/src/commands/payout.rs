//! `veedor payout`: what an incentive plan pays, every line with its calculation.

use std::path::{Path, PathBuf};

use audit_templates::{find_plan, plans, read_plans, to_problem};
use domain::{
    Problem,
    incentive::{Plan, compute, read_inputs},
};

use super::score::{is_file_name, split_version, unknown_template};
use crate::console;

/// Calculate what an incentive plan pays.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Id of a released plan, with a version if wanted (`sucursal-individual@1`), or a plan file; of a file with
    /// several plans one is named after `#` (`plans.yaml#sucursal-individual`)
    #[arg(long, value_name = "ID|FILE[#PLAN]")]
    plan: String,
    /// File with the inputs, a JSON object with the period and its results, or `-` for standard input
    #[arg(long, value_name = "FILE|-")]
    inputs: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// `unknown_template`, `plan_not_named`, `invalid_template`, `malformed_json`, `invalid_inputs`, `unreadable_input`.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Problem> {
    let plan = load(&arguments.plan)?;
    let json = console::read_input(&arguments.inputs)?;
    let inputs = read_inputs(&plan, &json)?;
    console::print(&compute(&plan, &inputs)?)
}

/// A plan by id, `id@version`, path of a file, or path of a file and plan in it.
fn load(name: &str) -> Result<Plan, Problem> {
    if is_file_name(name) {
        return from_file(name, None);
    }
    if let Some((file, plan)) = name.rsplit_once('#').filter(|(file, _)| is_file_name(file)) {
        return from_file(file, Some(plan));
    }
    let (id, version) = split_version(name);
    let found = version.and_then(|version| find_plan(id, version));
    found.map(|it| it.content.clone()).ok_or_else(|| {
        let known = plans().iter().map(|it| format!("{}@{}", it.content.id, it.content.version));
        unknown_template(name, &known.collect::<Vec<_>>())
    })
}

fn from_file(file: &str, id: Option<&str>) -> Result<Plan, Problem> {
    let text = console::read_input(Path::new(file))?;
    let plans = read_plans(file, &text).map_err(|problems| to_problem(&problems))?;
    let known: Vec<String> = plans.iter().map(|it| format!("{file}#{}", it.id)).collect();
    let mut chosen = plans.into_iter().filter(|it| id.is_none_or(|id| it.id == id));
    match (chosen.next(), chosen.next()) {
        (Some(plan), None) => Ok(plan),
        (Some(_), Some(_)) => {
            let known = known.join(", ");
            Err(Problem::single(
                400,
                "plan_not_named",
                format!("El archivo tiene varios planes; elija uno: {known}"),
                format!("The file holds several plans; choose one: {known}"),
            ))
        }
        (None, _) => Err(unknown_template(id.unwrap_or(file), &known)),
    }
}
