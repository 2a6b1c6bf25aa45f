//! Whether the unit of a new run holds together: its ids, and the bands that somebody gives by hand.

use super::frozen::{Unit, UnitKind};
use crate::error::ApiError;
use db::{Tx, reference};
use domain::{FieldProblem, ids::OrgId};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Fewest letters of a reason that says something.
const SHORTEST_REASON: usize = 10;

/// What is wrong with a unit; every problem.
pub(super) fn problems(org: OrgId, unit: &Unit) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    if !ids_fit(unit) {
        problems.push(FieldProblem::new(
            "/unit/ids",
            "unit_ids",
            "Para branch o region, de 1 a 500 ids sin repetir; para organization, ninguno.",
            "branch and region take 1 to 500 ids without repeats; organization takes none",
        ));
    }
    let whole = unit.kind == UnitKind::Organization;
    let outside = unit.bands.keys().filter(|it| if whole { **it != org.0 } else { !unit.ids.contains(it) });
    problems.extend(outside.map(|id| {
        FieldProblem::new(
            format!("/unit/bands/{id}"),
            "unknown_unit",
            "Esa categoría es de una unidad que no está en «ids»; quítela o agregue la unidad.",
            "this band is of a unit that is not among \"ids\"; leave it out or add the unit",
        )
    }));
    let reason = unit.bands_reason.as_deref().unwrap_or_default().trim();
    if !unit.bands.is_empty() && reason.chars().count() < SHORTEST_REASON {
        problems.push(FieldProblem::new(
            "/unit/bands_reason",
            "reason_missing",
            format!("Diga por qué valen estas categorías, en {SHORTEST_REASON} letras o más."),
            format!("say why these bands hold, in {SHORTEST_REASON} letters or more"),
        ));
    }
    problems
}

fn ids_fit(unit: &Unit) -> bool {
    let mut ids = unit.ids.clone();
    ids.sort_unstable();
    ids.dedup();
    match unit.kind {
        UnitKind::Organization => ids.is_empty(),
        UnitKind::Branch | UnitKind::Region => (1..=500).contains(&ids.len()) && ids.len() == unit.ids.len(),
    }
}

/// The unit of codes, as people name branches and regions.
///
/// # Errors
/// `unknown_unit` (422) with each code that there is not, `unit_ids` (422) where codes stand beside the whole organization.
pub(crate) fn of_codes(
    tx: &mut Tx<'_>,
    org: OrgId,
    kind: UnitKind,
    codes: &[String],
) -> Result<Unit, ApiError> {
    let found: BTreeMap<String, Uuid> = match kind {
        UnitKind::Organization if codes.is_empty() => BTreeMap::new(),
        UnitKind::Organization => {
            return Err(ApiError::field(
                "/unit/ids",
                "unit_ids",
                "Para toda la organización no se escribe ningún código.",
                "the whole organization takes no code",
            ));
        }
        UnitKind::Branch => {
            let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
            let all = reference::find_branches_by_codes(tx, org, &codes)?;
            all.into_iter().map(|it| (it.code, it.branch_id.0)).collect()
        }
        UnitKind::Region => {
            let all = reference::list_regions(tx, org)?;
            all.into_iter().map(|it| (it.code, it.region_id.0)).collect()
        }
    };
    let unknown: Vec<FieldProblem> =
        codes.iter().filter(|it| !found.contains_key(*it)).map(no_such).collect();
    if !unknown.is_empty() {
        return Err(ApiError::invalid(unknown));
    }
    let ids = codes.iter().filter_map(|it| found.get(it).copied()).collect();
    Ok(Unit { kind, ids, bands: BTreeMap::new(), bands_reason: None })
}

fn no_such(code: &String) -> FieldProblem {
    FieldProblem::new(
        "/unit/ids",
        "unknown_unit",
        format!("No hay ninguna unidad de esa clase con el código «{code}»."),
        format!("there is no unit of that kind with the code \"{code}\""),
    )
}
