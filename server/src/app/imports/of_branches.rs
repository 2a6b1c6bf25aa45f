//! Files of branches: each row a branch, with the region that it is in, which is made or renamed where its name stands beside
//! its code.

use super::{
    cells::{Line, Sheet},
    columns::Layout,
    journal::{BranchState, Entry, RegionState, branch_values},
    planning::{self, Plan, Stored, Understood},
    report::{Action, RowProblem, brief},
};
use crate::{
    app::{
        branches::{self, BranchRow},
        regions::{self, RegionRow},
    },
    error::ApiError,
    office::Office,
    zone,
};
use db::{Tx, imports::Subject};
use domain::ids::RegionId;
use std::collections::BTreeMap;

/// A row of the file.
#[derive(Debug, Clone)]
pub(super) struct BranchLine {
    number: u32,
    branch: BranchRow,
    region: Option<RegionRow>,
}

/// What is to be stored.
#[derive(Debug)]
pub(super) struct Work {
    tree: regions::Plan,
    regions: Vec<(u32, regions::Change)>,
    branches: Vec<(u32, branches::Change)>,
}

impl Work {
    /// Regions that are added and changed.
    pub(super) fn count_regions(&self) -> (usize, usize) {
        let added = self.regions.iter().filter(|it| it.1.before.is_none()).count();
        (added, self.regions.len() - added)
    }
}

pub(super) fn read(sheet: &Sheet, problems: &mut Vec<RowProblem>) -> Vec<BranchLine> {
    let mut hints = BTreeMap::new();
    let rows = planning::understand(sheet, problems, |it| line(it, &mut hints));
    let rows =
        planning::refuse_repeated(rows, &sheet.layout, ("code", |it| it.branch.code.clone()), problems);
    refuse_other_regions(rows, &sheet.layout, problems)
}

fn line(line: &mut Line<'_>, hints: &mut Hints) -> BranchLine {
    let region_code = line.text("region_code");
    let branch = BranchRow {
        code: line.required("code"),
        name: line.required("name"),
        region_code: region_code.clone(),
        latitude: line.decimal("latitude", true),
        longitude: line.decimal("longitude", true),
        zone: line.required("zone"),
        target: line.decimal("target", false),
        active: line.flag("active"),
    };
    if line.is_good() {
        check_zone(line, &branch.zone, hints);
    }
    if line.is_good() {
        line.check(&branch);
    }
    BranchLine { number: line.number(), region: region(line, region_code), branch }
}

/// The nearest zone to each text that is none.
type Hints = BTreeMap<String, Option<String>>;
/// Texts that a nearest zone is looked for, and how long they may be: each is compared with every zone that there is.
const MAX_HINTS: usize = 100;
const MAX_HINT_CHARS: usize = 60;

/// As the rule of zones, with the nearest that there is.
fn check_zone(line: &mut Line<'_>, zone: &str, hints: &mut Hints) {
    let Err(error) = zone::check(zone) else { return };
    let text = error.message.unwrap_or_default();
    let (es, en) = text.split_once(" / ").unwrap_or((&text, &text));
    if !hints.contains_key(zone) && hints.len() < MAX_HINTS && zone.chars().count() <= MAX_HINT_CHARS {
        hints.insert(zone.to_owned(), zone::nearest(zone));
    }
    let hint = hints.get(zone).cloned().flatten();
    let (hint_es, hint_en) = hint.map_or((String::new(), String::new()), |it| {
        (format!(" ¿Quiso decir «{it}»?"), format!("; did you mean '{it}'?"))
    });
    let (es, zone) = (es.trim_end_matches('.'), brief(zone));
    line.tell("zone", &error.code, format!("«{zone}»: {es}.{hint_es}"), format!("'{zone}': {en}{hint_en}"));
}

fn region(line: &mut Line<'_>, code: Option<String>) -> Option<RegionRow> {
    let (name, parent_code) = (line.text("region_name"), line.text("parent_region_code"));
    match (code, name) {
        (Some(code), Some(name)) => {
            let region = RegionRow { code, name, parent_code };
            if let Err(error) = crate::http::body::check(&region) {
                for it in &error.problem().errors {
                    let column = if it.field == "/code" { "region_code" } else { "region_name" };
                    line.tell(column, &it.code, it.message_es.clone(), it.message_en.clone());
                }
            }
            Some(region)
        }
        (None, Some(_)) => {
            let es = "Falta el código de la región.";
            line.tell("region_code", "missing_value", es, "the code of the region is missing");
            None
        }
        (_, None) => {
            if parent_code.is_some() {
                let es = "Falta el nombre de la región.";
                line.tell("region_name", "missing_value", es, "the name of the region is missing");
            }
            None
        }
    }
}

/// Refuses rows that say something else of a region than an earlier one.
fn refuse_other_regions(
    rows: Vec<BranchLine>,
    layout: &Layout,
    problems: &mut Vec<RowProblem>,
) -> Vec<BranchLine> {
    let mut seen: BTreeMap<String, (u32, RegionRow)> = BTreeMap::new();
    let mut kept = Vec::with_capacity(rows.len());
    for row in rows {
        if let Some(region) = &row.region {
            let (first, known) =
                seen.entry(region.code.clone()).or_insert_with(|| (row.number, region.clone()));
            if (&known.name, &known.parent_code) != (&region.name, &region.parent_code) {
                let (code, first) = (&region.code, *first);
                problems.push(RowProblem::new(
                    row.number,
                    layout.header("region_name"),
                    "region_differs",
                    format!("La fila {first} dice otra cosa de la región «{code}»; deje una sola."),
                    format!("row {first} says something else of the region '{code}'; leave one"),
                ));
                continue;
            }
        }
        kept.push(row);
    }
    kept
}

impl Understood for BranchLine {
    type Work = Work;

    fn number(&self) -> u32 {
        self.number
    }

    fn plan(
        tx: &mut Tx<'_>,
        office: &Office,
        rows: &[Self],
        layout: &Layout,
    ) -> Result<Plan<Work>, ApiError> {
        let mut regions: BTreeMap<&str, (u32, &RegionRow)> = BTreeMap::new();
        for row in rows {
            if let Some(region) = &row.region {
                regions.entry(&region.code).or_insert((row.number, region));
            }
        }
        let (numbers, regions): (Vec<u32>, Vec<RegionRow>) =
            regions.into_values().map(|(number, region)| (number, region.clone())).unzip();
        let (tree, of_regions) = regions::plan(tx, office, &regions)?;
        let mut problems = planning::at_rows(of_regions, layout, |it| numbers.get(it).copied());
        for it in &mut problems {
            // The rule's names of a region's fields are the file's of a branch's.
            it.column = match it.column.as_str() {
                "parent_code" => layout.header("parent_region_code").to_owned(),
                _ => layout.header("region_code").to_owned(),
            };
        }
        let branches: Vec<BranchRow> = rows.iter().map(|it| it.branch.clone()).collect();
        let by_code = tree.by_code();
        let (changes, of_branches) = branches::plan(tx, office, &branches, &by_code)?;
        problems.extend(planning::at_rows(of_branches, layout, |it| rows.get(it).map(|it| it.number)));
        let codes: BTreeMap<RegionId, &str> = by_code.into_iter().map(|(code, id)| (id, code)).collect();
        let code_of = |id: Option<RegionId>| id.and_then(|it| codes.get(&it).copied());
        let mut told = Vec::with_capacity(rows.len());
        let mut branches = Vec::new();
        for (row, change) in rows.iter().zip(changes) {
            let before = change.before.as_ref().map(|it| branch_values(it, code_of(it.region_id)));
            let after = branch_values(&change.after, code_of(change.after.region_id));
            let one = planning::change(row.number, &row.branch.code, before.as_ref(), &after);
            if one.action != Action::Unchanged {
                branches.push((row.number, change));
            }
            told.push(one);
        }
        let changes = numbers.into_iter().zip(tree.changes(&regions));
        let regions = changes.filter(|(_, it)| it.before.as_ref() != Some(&it.after)).collect();
        Ok((told, Work { tree, regions, branches }, problems))
    }

    fn store(tx: &mut Tx<'_>, office: &mut Office, work: Work) -> Result<Stored, ApiError> {
        let (numbers, regions): (Vec<u32>, Vec<regions::Change>) = work.regions.into_iter().unzip();
        regions::store(tx, office, &work.tree, &regions)?;
        let mut entries = Vec::with_capacity(regions.len() + work.branches.len());
        for (number, it) in numbers.into_iter().zip(&regions) {
            let states = (it.before.as_ref().map(RegionState::from), RegionState::from(&it.after));
            let (key, id) = (it.after.code.clone(), it.after.region_id.0);
            let states = (states.0.as_ref(), &states.1);
            entries.push(Entry::new((number, Subject::Region), key, id, states)?);
        }
        let (numbers, branches): (Vec<u32>, Vec<branches::Change>) = work.branches.into_iter().unzip();
        branches::store(tx, office, &branches)?;
        for (number, it) in numbers.into_iter().zip(&branches) {
            let states = (it.before.as_ref().map(BranchState::from), BranchState::from(&it.after));
            let (key, id) = (it.after.code.clone(), it.after.branch_id.0);
            let states = (states.0.as_ref(), &states.1);
            entries.push(Entry::new((number, Subject::Branch), key, id, states)?);
        }
        Ok(Stored { entries, codes: Vec::new() })
    }
}
