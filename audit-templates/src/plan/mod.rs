//! Incentive plans as content: the embedded ones, and the reader of plan files, which may hold several plans over
//! shared tables. Owns which are released.

mod reader;

use std::{collections::BTreeSet, sync::OnceLock};

use domain::incentive::Plan;

use crate::{
    TemplateProblem, figures, ids,
    read::{Report, read},
    released::{Released, find},
};

/// The embedded files; each holds one plan.
const FILES: [(&str, &str); 3] = [
    ("centro_contacto_individual.yaml", include_str!("../../content/plans/centro_contacto_individual.yaml")),
    ("sucursal_bolsa_equipo.yaml", include_str!("../../content/plans/sucursal_bolsa_equipo.yaml")),
    ("sucursal_individual.yaml", include_str!("../../content/plans/sucursal_individual.yaml")),
];

/// Keys that a plan takes from its file.
const FILE_KEYS: [&str; 6] = ["schema", "version", "currency", "money", "percent", "tables"];

/// Every released plan.
pub fn plans() -> &'static [Released<Plan>] {
    static RELEASED: OnceLock<Vec<Released<Plan>>> = OnceLock::new();
    RELEASED
        .get_or_init(|| FILES.iter().map(|(name, text)| Released::embedded(name, text, only_plan)).collect())
}

/// The released plan of that id, in a version or in its newest one.
pub fn find_plan(id: &str, version: Option<u32>) -> Option<&'static Released<Plan>> {
    find(plans(), id, version)
}

/// Reads and judges a plan file, YAML or JSON: every plan of it, each complete in itself with the tables that it uses.
///
/// # Errors
/// Every problem, by line.
pub fn read_plans(file_name: &str, text: &str) -> Result<Vec<Plan>, Vec<TemplateProblem>> {
    let mut plans = read(file_name, text, reader::plans, |plans, report| validate(plans, report))?;
    for plan in &mut plans {
        let used: BTreeSet<String> =
            plan.components.iter().map(|it| it.table.clone()).chain(plan.table.clone()).collect();
        plan.tables.retain(|name, _| used.contains(name));
    }
    Ok(plans)
}

fn only_plan(file_name: &str, text: &str) -> Result<Plan, Vec<TemplateProblem>> {
    let plans = read_plans(file_name, text)?;
    Ok(plans.into_iter().next().expect("a file without plans is a problem of its own"))
}

fn validate(plans: &[Plan], report: &Report) {
    if plans.is_empty() {
        report.refuse("plans", "missing", "Falta al menos un plan", "At least one plan is missing");
    }
    let mut seen = BTreeSet::new();
    for (index, plan) in plans.iter().enumerate() {
        let at = format!("plans[{index}]");
        ids::kebab(report, &format!("{at}.id"), &plan.id);
        if !seen.insert(&plan.id) {
            report.refuse(
                &format!("{at}.id"),
                "repeated_id",
                format!("El id «{}» está repetido", plan.id),
                format!("The id `{}` is repeated", plan.id),
            );
        }
        figures::tell(report, plan.problems(), |pointer| {
            let path = figures::path(pointer);
            let key = path.split(['.', '[']).next().unwrap_or_default();
            if FILE_KEYS.contains(&key) { path } else { format!("{at}.{path}") }
        });
    }
}

#[cfg(test)]
mod tests;
