//! Payout runs as pages lay them out: what lists and the API say of them, with names for ids, what was done to a run, and what the
//! reader may do with it now.

use super::{
    PersonTotal, Run, Statement,
    frozen::{Frozen, FrozenStaff, UnitKind},
    plan_of, possible,
    read::{elsewhere, person_total, readable, shown, statement_of, totals},
};
use crate::{
    app::reading::reach_of_any,
    error::ApiError,
    office::user_of,
    principal::{Principal, Reach},
};
use db::{
    Micros, Page, Tx, audits,
    content::{self, ContentKind},
    payouts::{self, RunMode},
};
use domain::{
    LocalText,
    access::{Permission, Target},
    ids::{AuditId, BranchId, OrgId, RegionId, RunId, UserId},
    incentive::Plan,
    lifecycle::{RunCommand, RunState, VersionState},
};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Ids in texts that are looked up for a page.
const MOST_LOOKED_UP: usize = 200;
/// Letters of an id.
const ID_CHARS: usize = 36;

/// A run in the list.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) run: Run,
    /// Code and name of each of its units; none for the organization.
    pub(crate) units: Vec<String>,
    /// The name of who calculated it; empty where nobody has.
    pub(crate) calculated_by: String,
    /// The name of who approved it; empty where nobody has.
    pub(crate) approved_by: String,
}

/// A page of runs, the newest first.
///
/// # Errors
/// `forbidden`.
pub(crate) fn newest(
    tx: &mut Tx<'_>,
    principal: &Principal,
    before: Option<RunId>,
    limit: u32,
) -> Result<Page<Listed, RunId>, ApiError> {
    principal.require(Permission::ReadPay, &Target::Organization)?;
    let page = payouts::list_newest_runs(tx, principal.org, before, limit)?;
    let people: BTreeSet<UserId> =
        page.items.iter().flat_map(|it| [it.calculated_by, it.approved_by]).flatten().collect();
    let names = db::users::names(tx, principal.org, &Vec::from_iter(people))?;
    let name = |id: Option<UserId>| id.and_then(|it| names.get(&it).cloned()).unwrap_or_default();
    let mut items = Vec::with_capacity(page.items.len());
    for run in page.items {
        let (calculated_by, approved_by) = (name(run.calculated_by), name(run.approved_by));
        let run = shown(tx, principal.org, run)?;
        items.push(Listed { units: units_of(tx, principal.org, &run)?, calculated_by, approved_by, run });
    }
    Ok(Page { items, next: page.next })
}

fn units_of(tx: &mut Tx<'_>, org: OrgId, run: &Run) -> Result<Vec<String>, ApiError> {
    let ids = &run.unit.ids;
    Ok(match run.unit.kind {
        UnitKind::Organization => Vec::new(),
        UnitKind::Branch => {
            let ids: Vec<BranchId> = ids.iter().copied().map(BranchId).collect();
            let found = db::reference::find_branches(tx, org, &ids)?;
            found.into_iter().map(|it| format!("{} {}", it.code, it.name)).collect()
        }
        UnitKind::Region => {
            let mut found = Vec::with_capacity(ids.len());
            for id in ids {
                let region = db::reference::find_region(tx, org, RegionId(*id))?;
                found.extend(region.map(|it| format!("{} {}", it.code, it.name)));
            }
            found
        }
    })
}

/// The names of staff as they are now, by employee number in the run.
///
/// # Errors
/// Those of the database.
pub(super) fn names_of(
    tx: &mut Tx<'_>,
    org: OrgId,
    staff: &[FrozenStaff],
) -> Result<BTreeMap<String, String>, ApiError> {
    let ids: Vec<_> = staff.iter().map(|it| it.staff).collect();
    let found = db::reference::find_staff_of_ids(tx, org, &ids)?;
    let by_id: BTreeMap<_, _> = found.into_iter().map(|it| (it.staff_id, it.name)).collect();
    Ok(staff.iter().filter_map(|it| Some((it.person.clone(), by_id.get(&it.staff)?.clone()))).collect())
}

/// A released plan that a run may be made by.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) id: String,
    pub(crate) version: u32,
    pub(crate) title: Option<LocalText>,
}

/// The released plans, by id and version.
///
/// # Errors
/// `forbidden`.
pub(crate) fn offers(tx: &mut Tx<'_>, principal: &Principal) -> Result<Vec<Offer>, ApiError> {
    principal.require(Permission::CalculatePay, &Target::Organization)?;
    let all = content::list(tx, principal.org, ContentKind::Plan)?;
    let released = all.into_iter().filter(|it| it.state == VersionState::Released);
    let offer = |it: content::ContentVersion| {
        let plan: Plan = serde_json::from_str(&it.canonical_json).map_err(ApiError::internal)?;
        Ok(Offer { id: it.content_id, version: it.version, title: plan.title })
    };
    released.map(offer).collect()
}

// ---- one run ----

/// Something that was done to a run.
#[derive(Debug, Clone)]
pub(crate) struct Deed {
    pub(crate) at: Micros,
    /// The name of the person; empty where it was the operator.
    pub(crate) who: String,
    /// `created`, `calculated`, `submitted`, `back_to_draft`, `approved`, `locked`.
    pub(crate) what: String,
    pub(crate) reason: Option<String>,
}

/// A person of a run.
#[derive(Debug, Clone)]
pub(crate) struct PersonRow {
    pub(crate) total: PersonTotal,
    pub(crate) name: String,
}

/// A run with all that its page needs.
#[derive(Debug, Clone)]
pub(crate) struct RunSheet {
    pub(crate) run: Run,
    pub(crate) title: Option<LocalText>,
    pub(crate) units: Vec<String>,
    pub(crate) history: Vec<Deed>,
    /// People with exceptions, from the one asked for.
    pub(crate) troubled: Vec<PersonRow>,
    pub(crate) people: Page<PersonRow, String>,
    pub(crate) possible: Vec<RunCommand>,
    /// Whether the reader could approve it, had they not calculated it or given its bands.
    pub(crate) is_own: bool,
    pub(crate) links: Links,
}

/// Where the ids that texts name lead to, for this reader.
pub(crate) type Links = BTreeMap<Uuid, Linked>;

/// What an id is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Linked {
    Run,
    Visit,
}

/// Which part of a run's people a page shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Part {
    /// The employee number before the first.
    pub(crate) after: Option<String>,
    /// How many people with exceptions stand on pages before.
    pub(crate) skipped: usize,
    /// Most rows of each table.
    pub(crate) rows: u32,
}

/// One run for its page.
///
/// # Errors
/// `forbidden`, `not_found`.
pub(crate) fn run_sheet(
    tx: &mut Tx<'_>,
    principal: &Principal,
    id: RunId,
    part: &Part,
) -> Result<RunSheet, ApiError> {
    let org = principal.org;
    let row = readable(tx, principal, id)?;
    let frozen = Frozen::read(&row.inputs)?;
    let plan = plan_of(tx, org, &row)?;
    let possible_now = possible(principal, &row)?;
    let waits = match row.state {
        RunState::InApproval => Some(RunCommand::Approve),
        RunState::Approved => Some(RunCommand::Lock),
        _ => None,
    };
    let is_approver = principal.may(Permission::ApprovePay, &Target::Organization);
    let is_own = is_approver && waits.is_some_and(|it| !possible_now.contains(&it));
    let run = shown(tx, org, row)?;
    let rows = usize::try_from(part.rows).unwrap_or(usize::MAX);
    let others = elsewhere(&frozen);
    let decimals = plan.money.minor_units;
    // All of them: those that come with the run are the first thousand.
    let mut troubled = Vec::new();
    for it in totals(tx, org, id)? {
        troubled.push(person_total(&it, &others, decimals)?);
    }
    let troubled = troubled.into_iter().filter(|it| !it.exceptions.is_empty());
    let troubled: Vec<PersonTotal> = troubled.skip(part.skipped).take(rows).collect();
    let page = payouts::list_totals(tx, org, id, part.after.as_deref(), part.rows)?;
    let people: Vec<PersonTotal> =
        page.items.iter().map(|it| person_total(it, &others, decimals)).collect::<Result<_, _>>()?;
    let wanted: BTreeSet<&str> = troubled.iter().chain(&people).map(|it| it.person.as_str()).collect();
    let staff: Vec<FrozenStaff> =
        frozen.staff.iter().filter(|it| wanted.contains(it.person.as_str())).cloned().collect();
    let names = names_of(tx, org, &staff)?;
    let named =
        |total: PersonTotal| PersonRow { name: names.get(&total.person).cloned().unwrap_or_default(), total };
    let texts = run.exceptions.iter().chain(troubled.iter().flat_map(|it| &it.exceptions));
    let ids = texts.flat_map(|it| named_ids(&it.message_es)).collect();
    Ok(RunSheet {
        links: links(tx, principal, ids)?,
        title: plan.title,
        units: units_of(tx, org, &run)?,
        history: history(tx, org, id)?,
        troubled: troubled.into_iter().map(named).collect(),
        people: Page { items: people.into_iter().map(named).collect(), next: page.next },
        possible: possible_now,
        is_own,
        run,
    })
}

fn history(tx: &mut Tx<'_>, org: OrgId, id: RunId) -> Result<Vec<Deed>, ApiError> {
    /// What is looked at of an entry.
    #[derive(Default, Deserialize)]
    struct Detail {
        #[serde(default)]
        reason: Option<String>,
    }
    let subject = id.to_string();
    let entries = db::audit_log::list(tx, org, Some(("payout_run", &subject)), 0, db::MAX_PAGE)?.items;
    let people: BTreeSet<UserId> = entries.iter().filter_map(|it| user_of(&it.actor)).collect();
    let names = db::users::names(tx, org, &Vec::from_iter(people))?;
    let deed = |it: db::audit_log::LogEntry| {
        let detail: Detail = serde_json::from_str(&it.detail).unwrap_or_default();
        Some(Deed {
            at: it.at,
            who: user_of(&it.actor).and_then(|it| names.get(&it).cloned()).unwrap_or_default(),
            what: it.action.strip_prefix("payout_run_")?.to_owned(),
            reason: detail.reason,
        })
    };
    Ok(entries.into_iter().filter_map(deed).collect())
}

// ---- links ----

/// The pieces of a text, and those of them that are ids.
pub(crate) fn pieces(text: &str) -> Vec<(&str, Option<Uuid>)> {
    let (mut found, mut from, mut at) = (Vec::new(), 0, 0);
    while let Some(rest) = text.get(at..) {
        let Some(first) = rest.chars().next() else { break };
        let id = rest.get(..ID_CHARS).filter(|it| it.bytes().filter(|it| *it == b'-').count() == 4);
        match id.and_then(|it| Some((it, Uuid::try_parse(it).ok()?))) {
            Some((id, parsed)) => {
                found.extend(text.get(from..at).filter(|it| !it.is_empty()).map(|it| (it, None)));
                found.push((id, Some(parsed)));
                at += ID_CHARS;
                from = at;
            }
            None => at += first.len_utf8(),
        }
    }
    found.extend(text.get(from..).filter(|it| !it.is_empty()).map(|it| (it, None)));
    found
}

fn named_ids(text: &str) -> Vec<Uuid> {
    pieces(text).into_iter().filter_map(|it| it.1).collect()
}

/// What ids are of, where the reader may see it.
fn links(tx: &mut Tx<'_>, principal: &Principal, ids: BTreeSet<Uuid>) -> Result<Links, ApiError> {
    let sees_visits = principal.may(Permission::ReadVisits, &Target::Own);
    let reach =
        if sees_visits { reach_of_any(tx, principal, &[Permission::ReadVisits])? } else { Reach::NOWHERE };
    let mut found = Links::new();
    for id in ids.into_iter().take(MOST_LOOKED_UP) {
        if payouts::find_run(tx, principal.org, RunId(id))?.is_some() {
            found.insert(id, Linked::Run);
        } else if sees_visits && let Some(visit) = audits::find(tx, principal.org, AuditId(id))? {
            let branch = db::reference::find_branch(tx, principal.org, visit.branch_id)?;
            if reach.holds(visit.branch_id, branch.and_then(|it| it.region_id)) {
                found.insert(id, Linked::Visit);
            }
        }
    }
    Ok(found)
}

// ---- one person ----

/// A statement with all that its page needs.
#[derive(Debug, Clone)]
pub(crate) struct StatementSheet {
    pub(crate) statement: Statement,
    pub(crate) title: Option<LocalText>,
    pub(crate) plan: String,
    pub(crate) version: u32,
    pub(crate) is_live: bool,
    pub(crate) state: RunState,
    pub(crate) name: String,
    /// Code and name of the branch.
    pub(crate) branch: String,
    pub(crate) links: Links,
    /// Hash of the result of the run.
    pub(crate) result: Option<sync_core::Hash>,
}

/// The statement of one person for its page.
///
/// # Errors
/// `forbidden`, `not_found`.
pub(crate) fn statement_sheet(
    tx: &mut Tx<'_>,
    principal: &Principal,
    id: RunId,
    person: &str,
) -> Result<StatementSheet, ApiError> {
    let org = principal.org;
    let row = readable(tx, principal, id)?;
    let statement = statement_of(tx, principal, id, person)?;
    let frozen = Frozen::read(&row.inputs)?;
    let staff: Vec<FrozenStaff> = frozen.staff.into_iter().filter(|it| it.person == person).collect();
    let name = names_of(tx, org, &staff)?.remove(person).unwrap_or_default();
    let branch = match staff.first() {
        Some(it) => db::reference::find_branch(tx, org, it.branch)?,
        None => None,
    };
    let mut ids: BTreeSet<Uuid> =
        statement.lines.iter().flat_map(|it| it.visits.iter().map(|it| it.visit.0)).collect();
    ids.extend(statement.lines.iter().flat_map(|it| named_ids(it.explanation.get())));
    Ok(StatementSheet {
        links: links(tx, principal, ids)?,
        title: plan_of(tx, org, &row)?.title,
        plan: row.plan_id,
        version: row.plan_version,
        result: row.result_hash,
        is_live: row.mode == RunMode::Live,
        state: row.state,
        name,
        branch: branch.map(|it| format!("{} {}", it.code, it.name)).unwrap_or_default(),
        statement,
    })
}

#[cfg(test)]
mod tests {
    use super::pieces;

    #[test]
    fn ids_are_found_in_a_text_and_nothing_of_it_is_lost() {
        let id = "0190f1a2-0000-7000-8000-00000000000a";
        let text = format!("visita ñ {id}: 90; {id}");
        let found = pieces(&text);
        assert_eq!(found.iter().map(|it| it.0).collect::<String>(), text);
        assert_eq!(found.iter().filter(|it| it.1.is_some()).count(), 2);
        assert_eq!(pieces("ñandú").len(), 1);
        assert!(pieces("").is_empty());
    }
}
