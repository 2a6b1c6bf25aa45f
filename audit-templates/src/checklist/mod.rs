//! Checklists as content: the embedded ones, and the reader of checklist files. Owns which are released.

mod conditions;
mod items;
mod reader;
mod validator;

use std::sync::OnceLock;

use domain::checklist::Checklist;

use crate::{
    TemplateProblem,
    read::read,
    released::{Released, find},
};

/// The embedded files.
const FILES: [(&str, &str); 7] = [
    ("cc_llamada.yaml", include_str!("../../content/checklists/cc_llamada.yaml")),
    ("cc_llamada_2.yaml", include_str!("../../content/checklists/cc_llamada_2.yaml")),
    ("chicago_food.yaml", include_str!("../../content/checklists/chicago_food.yaml")),
    ("mc_oficina_gobierno.yaml", include_str!("../../content/checklists/mc_oficina_gobierno.yaml")),
    ("mc_oficina_gobierno_2.yaml", include_str!("../../content/checklists/mc_oficina_gobierno_2.yaml")),
    ("ms_banco_sucursal.yaml", include_str!("../../content/checklists/ms_banco_sucursal.yaml")),
    ("ms_banco_sucursal_2.yaml", include_str!("../../content/checklists/ms_banco_sucursal_2.yaml")),
];

/// Every released checklist.
pub fn checklists() -> &'static [Released<Checklist>] {
    static RELEASED: OnceLock<Vec<Released<Checklist>>> = OnceLock::new();
    RELEASED.get_or_init(|| {
        FILES.iter().map(|(name, text)| Released::embedded(name, text, read_checklist)).collect()
    })
}

/// The released checklist of that id, in a version or in its newest one.
pub fn find_checklist(id: &str, version: Option<u32>) -> Option<&'static Released<Checklist>> {
    find(checklists(), id, version)
}

/// Reads and judges a checklist file, YAML or JSON.
///
/// # Errors
/// Every problem, by line.
pub fn read_checklist(file_name: &str, text: &str) -> Result<Checklist, Vec<TemplateProblem>> {
    read(file_name, text, reader::checklist, validator::validate)
}

#[cfg(test)]
mod tests;
