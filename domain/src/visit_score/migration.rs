//! What the answers of a visit come to under another version of its checklist: which of them no longer fit, and what is asked
//! that was not. Owns that comparison; whether and when a visit moves is its author's to say.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use ordered::{BTreeMap, BTreeSet};
use serde::{Deserialize, Serialize};

use super::PreparedChecklist;
use crate::{
    FieldProblem,
    answer::{AnswerField, AnswerPart, Answers, parse_field},
    checklist::Item,
    problem::pointer,
    visit_facts::is_reserved,
};

/// What a move to another version would do to the answers of a visit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Migration {
    /// Answers that the other version does not take: `field_gone`, `other_kind`, `option_gone`, or the code of the rule
    /// that they break there. They are taken back with the move, and stay in the history.
    pub misfits: Vec<FieldProblem>,
    /// What the other version demands and the present one did not, with the codes of [`super::completeness`].
    pub newly_required: Vec<FieldProblem>,
}

/// Compares what was recorded under one version with what another takes.
///
/// - **Shape**: `recorded` is the JSON of each field that has an answer; photos that were attached count as a list of ids. What a
///   visit states beside its answers ([`crate::visit_facts`]) is of no version and stays.
pub fn migration(
    from: &PreparedChecklist,
    to: &PreparedChecklist,
    recorded: &BTreeMap<String, String>,
) -> Migration {
    let mut misfits = Vec::new();
    let (mut before, mut after) = (Answers::new(), Answers::new());
    for (field, json) in recorded.iter().filter(|it| !is_reserved(it.0)) {
        if let Ok(Some(answer)) = parse_field(from.checklist(), field, json) {
            before.insert(field.clone(), answer);
        }
        match fit(from, to, field, json) {
            Ok(()) => {
                if let Ok(Some(answer)) = parse_field(to.checklist(), field, json) {
                    after.insert(field.clone(), answer);
                }
            }
            Err(misfit) => misfits.push(misfit),
        }
    }
    let known: BTreeSet<(String, String)> =
        from.completeness(&before).into_iter().map(|it| (it.field, it.code)).collect();
    let mut newly_required = to.completeness(&after);
    newly_required.retain(|it| !known.contains(&(it.field.clone(), it.code.clone())));
    Migration { misfits, newly_required }
}

fn fit(
    from: &PreparedChecklist,
    to: &PreparedChecklist,
    field: &str,
    json: &str,
) -> Result<(), FieldProblem> {
    let at = pointer("", field);
    let item = |checklist: &PreparedChecklist| item_of(checklist, field).cloned();
    let Some(asked) = item(to) else {
        return Err(FieldProblem::new(
            at,
            "field_gone",
            "La otra versión ya no lo pregunta; la respuesta se retira",
            "the other version does not ask it; the answer is taken back",
        ));
    };
    let is_value = AnswerField::parse(field).is_some_and(|it| it.part == AnswerPart::Value);
    if is_value && item(from).is_some_and(|it| it.kind != asked.kind) {
        return Err(FieldProblem::new(
            at,
            "other_kind",
            format!(
                "La otra versión pide una respuesta de tipo «{}»; la de ahora se retira",
                asked.kind.name()
            ),
            format!(
                "the other version wants an answer of the type \"{}\"; the present one is taken back",
                asked.kind.name()
            ),
        ));
    }
    match parse_field(to.checklist(), field, json) {
        Ok(_) => Ok(()),
        Err(problem) if problem.code == "unknown_option" => {
            Err(FieldProblem { field: at, code: "option_gone".to_owned(), ..problem })
        }
        Err(problem) => Err(FieldProblem { field: at, ..problem }),
    }
}

fn item_of<'a>(checklist: &'a PreparedChecklist, field: &str) -> Option<&'a Item> {
    checklist.checklist().item(AnswerField::parse(field)?.item)
}
