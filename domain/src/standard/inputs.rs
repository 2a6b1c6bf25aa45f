//! What a branch brings to a rating: for each criterion its dimensions, or its figure with trend and coverage. Owns
//! reading it from JSON and judging it against the standard, every problem in one pass.

use super::{LEVEL_DIMENSION, Part, PartRules, Standard};
use crate::{
    Exact, FieldProblem, Problem,
    input::{At, Json, Problems, complain, missing, unknown_field},
    problem::pointer,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use ordered::{BTreeMap, BTreeSet};
use serde::{Deserialize, Serialize};

/// What a branch brings to a rating: one entry for each criterion of the standard, in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// The entries.
    pub criteria: Vec<CriterionInput>,
}

/// The entry of one criterion. In JSON the dimensions stand beside the other fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CriterionInput {
    /// The criterion.
    pub id: String,
    /// Dimensions by id: of an enabler all, each one of its levels; of a result all but `nivel`, 0 to 100.
    #[serde(flatten)]
    pub dimensions: BTreeMap<String, u32>,
    /// The figure of a result criterion, in the unit of its curve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Exact>,
    /// Confirmed cases, for the knock-outs of results; 0 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<u32>,
}

/// Reads the inputs of a rating.
///
/// # Errors
/// `malformed_json`, or `invalid_inputs` with every offending field at its JSON Pointer.
pub fn read_inputs(standard: &Standard, text: &str) -> Result<Inputs, Problem> {
    let json = Json::parse(text)?;
    let mut problems = Problems::new();
    let inputs = shape(&At::root(&json), &mut problems);
    judge(standard, &inputs, &mut problems);
    refuse(problems)?;
    Ok(Inputs { criteria: inputs.into_iter().map(|(_, it)| it).collect() })
}

/// Judges typed inputs as [`read_inputs`] does.
pub(super) fn check(standard: &Standard, inputs: &Inputs) -> Result<(), Problem> {
    let mut problems = Problems::new();
    let placed: Vec<_> = inputs
        .criteria
        .iter()
        .enumerate()
        .map(|(index, it)| (format!("/criteria/{index}"), it.clone()))
        .collect();
    judge(standard, &placed, &mut problems);
    refuse(problems)
}

/// Judges criteria that people gave, of which the rest is still to be filled in: what is unknown, repeated or out of
/// range. An enabler is rated whole; of a result anything may be left out.
pub fn judge_given(standard: &Standard, given: &[CriterionInput]) -> Vec<FieldProblem> {
    let mut problems = Problems::new();
    let placed = given.iter().enumerate().map(|(index, it)| (format!("/criteria/{index}"), it));
    judge_each(standard, placed, false, &mut problems);
    problems
}

fn refuse(problems: Problems) -> Result<(), Problem> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(Problem::invalid("invalid_inputs", "the inputs do not fit the standard", problems))
}

/// Reads types only; entries without an id are told and left out.
fn shape(root: &At<'_>, problems: &mut Problems) -> Vec<(String, CriterionInput)> {
    let Some(mut object) = root.object(problems) else { return Vec::new() };
    let list = object.need("criteria", problems).and_then(|it| it.list(problems)).unwrap_or_default();
    object.finish(problems);
    list.iter().filter_map(|it| entry(it, problems)).collect()
}

fn entry(at: &At<'_>, problems: &mut Problems) -> Option<(String, CriterionInput)> {
    let mut object = at.object(problems)?;
    let id = object.need("id", problems).and_then(|it| it.text(problems));
    let value = object.take("value").and_then(|it| it.decimal(problems));
    let confirmed = object.take("confirmed").and_then(|it| it.count(problems));
    let dimensions = object
        .rest()
        .into_iter()
        .filter_map(|(name, it)| Some((name.to_string(), it.count(problems)?)))
        .collect();
    Some((at.pointer.clone(), CriterionInput { id: id?, dimensions, value, confirmed }))
}

fn judge(standard: &Standard, inputs: &[(String, CriterionInput)], problems: &mut Problems) {
    let placed = inputs.iter().map(|(at, it)| (at.clone(), it));
    let seen = judge_each(standard, placed, true, problems);
    // Where there is no list at all, that was told once.
    let mut absent = Problems::new();
    let unread = problems.iter().any(|it| it.field == "/criteria");
    let known: BTreeSet<&str> = standard.criteria().map(|(_, it)| it.id.as_str()).collect();
    for id in known.into_iter().filter(|_| !unread).filter(|it| !seen.contains(it)) {
        let es = format!("falta el criterio {id}");
        let en = format!("criterion {id} is missing");
        absent.push(FieldProblem::new("/criteria", "missing_criterion", es, en));
    }
    problems.extend(absent);
}

/// Judges each criterion where it stands and gives the ids that were known. `whole`: a result must be complete too.
fn judge_each<'a>(
    standard: &Standard,
    inputs: impl Iterator<Item = (String, &'a CriterionInput)>,
    whole: bool,
    problems: &mut Problems,
) -> BTreeSet<&'a str> {
    let known: BTreeMap<&str, Part> =
        standard.criteria().map(|(section, it)| (it.id.as_str(), section.part)).collect();
    let mut seen = BTreeSet::new();
    for (at, input) in inputs {
        let Some(part) = known.get(input.id.as_str()) else {
            let (es, en) = (
                format!("el estándar no tiene el criterio «{}»", input.id),
                format!("the standard has no criterion \"{}\"", input.id),
            );
            complain(problems, pointer(&at, "id"), "unknown_criterion", es, en);
            continue;
        };
        if !seen.insert(input.id.as_str()) {
            let (es, en) = (
                format!("el criterio «{}» aparece dos veces", input.id),
                format!("criterion \"{}\" appears twice", input.id),
            );
            complain(problems, pointer(&at, "id"), "repeated_criterion", es, en);
        }
        let optional = *part == Part::Results && !whole;
        judge_fields(standard.rules(*part), *part, &at, input, optional, problems);
    }
    seen
}

fn judge_fields(
    rules: &PartRules,
    part: Part,
    at: &str,
    input: &CriterionInput,
    optional: bool,
    problems: &mut Problems,
) {
    let from_input = |id: &str| part == Part::Enablers || id != LEVEL_DIMENSION;
    for dimension in rules.dimensions.iter().filter(|it| from_input(&it.id)) {
        match input.dimensions.get(&dimension.id) {
            None if optional => {}
            None => missing(problems, pointer(at, &dimension.id)),
            Some(level) => judge_level(rules, pointer(at, &dimension.id), *level, problems),
        }
    }
    for id in input.dimensions.keys() {
        if !rules.dimensions.iter().any(|it| it.id == *id && from_input(id)) {
            unknown_field(problems, pointer(at, id));
        }
    }
    match part {
        Part::Results if input.value.is_none() && !optional => missing(problems, pointer(at, "value")),
        Part::Results => {}
        Part::Enablers => {
            for (name, given) in [("value", input.value.is_some()), ("confirmed", input.confirmed.is_some())]
            {
                if given {
                    unknown_field(problems, pointer(at, name));
                }
            }
        }
    }
}

fn judge_level(rules: &PartRules, field: String, level: u32, problems: &mut Problems) {
    if rules.levels.is_empty() {
        if level > 100 {
            let (es, en) = ("va de 0 a 100", "must lie in 0 to 100");
            complain(problems, field, "out_of_range", es.into(), en.into());
        }
    } else if !rules.levels.contains(&level) {
        let levels = rules.levels.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let (es, en) = (format!("debe ser uno de {levels}"), format!("must be one of {levels}"));
        complain(problems, field, "out_of_range", es, en);
    }
}
