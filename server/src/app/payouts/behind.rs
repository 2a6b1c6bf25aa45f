//! Which visits stand behind a line: those that its explanation names, or those of the whole pool.

use super::frozen::{Frozen, FrozenVisit};
use crate::error::ApiError;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The frozen inputs, found by person.
pub(super) struct Behind<'a> {
    visits: BTreeMap<String, &'a FrozenVisit>,
    calculations: Vec<Calculated>,
    of_person: BTreeMap<String, usize>,
}

/// What is looked at of the inputs of a calculation.
#[derive(Deserialize)]
struct Calculated {
    #[serde(default)]
    person: Option<Named>,
    #[serde(default)]
    people: Vec<Named>,
    #[serde(default)]
    visits: Vec<OnShift>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

#[derive(Deserialize)]
struct OnShift {
    id: String,
    #[serde(default)]
    on_shift: Vec<String>,
}

/// What is looked at of an explanation.
#[derive(Deserialize)]
struct Explained {
    #[serde(default)]
    visits: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Explanation {
    Several(Vec<Explained>),
    One(Explained),
}

impl<'a> Behind<'a> {
    /// Reads frozen inputs.
    ///
    /// # Errors
    /// Our fault (500) where they cannot be read.
    pub(super) fn of(frozen: &'a Frozen) -> Result<Self, ApiError> {
        let calculations = frozen
            .calculations
            .iter()
            .map(|it| serde_json::from_str(it.inputs.get()).map_err(ApiError::internal))
            .collect::<Result<Vec<Calculated>, _>>()?;
        let mut of_person = BTreeMap::new();
        for (index, it) in calculations.iter().enumerate() {
            of_person.extend(it.people.iter().chain(&it.person).map(|it| (it.id.clone(), index)));
        }
        let visits = frozen.visits.iter().map(|it| (it.visit.to_string(), it)).collect();
        Ok(Self { visits, calculations, of_person })
    }

    /// The visits behind a line of a person, in the order of the inputs.
    ///
    /// # Errors
    /// Our fault (500) where the explanation cannot be read.
    pub(super) fn visits(
        &self,
        person: &str,
        component: &str,
        explanation: &str,
    ) -> Result<Vec<FrozenVisit>, ApiError> {
        let Some(inputs) = self.of_person.get(person).and_then(|it| self.calculations.get(*it)) else {
            return Ok(Vec::new());
        };
        let of_pool = component == "pool_share";
        let named: BTreeSet<String> = match serde_json::from_str(explanation).map_err(ApiError::internal)? {
            Explanation::One(it) => it.visits.into_iter().collect(),
            Explanation::Several(all) => {
                let present = |id: &String| {
                    inputs.visits.iter().any(|it| it.id == *id && it.on_shift.iter().any(|it| it == person))
                };
                all.into_iter().flat_map(|it| it.visits).filter(present).collect()
            }
        };
        let ids: Vec<&String> =
            if of_pool { inputs.visits.iter().map(|it| &it.id).collect() } else { named.iter().collect() };
        Ok(ids.into_iter().filter_map(|id| self.visits.get(id).copied().cloned()).collect())
    }
}
