//! What stands on a branch's poster: its index, what got better since the period before, and the items that cost most. Of all visits
//! together; no single one, no answer and no word of whoever visited.

use super::{branch::read, filter, span};
use crate::{
    app::{App, period::Period, scores::document, visits::content},
    error::ApiError,
    principal::{Principal, branch_target},
};
use db::{Tx, audits, scores::list_current_with_doc};
use domain::{
    Exact, LocalText, Rounded,
    access::{Permission, Target},
    checklist::Checklist,
    ids::{AuditId, BranchId, OrgId},
    scorecard::{Index, Pooled, ScoredVisit, Settings, scorecard},
    visit_score::losses,
};
use std::collections::BTreeMap;

/// Visits read at once; each comes with its document.
const PAGE: u32 = 200;
/// Decimals of points.
const DECIMALS: u32 = 2;

/// What stands on a poster.
#[derive(Debug, Clone)]
pub(crate) struct Poster {
    pub(crate) name: String,
    pub(crate) index: Option<Index>,
    /// Touchpoints that got better, with by how many points; what rose most first.
    pub(crate) better: Vec<(String, Rounded)>,
    /// Items that cost most.
    pub(crate) next: Vec<NextItem>,
}

/// An item to work on.
#[derive(Debug, Clone)]
pub(crate) struct NextItem {
    pub(crate) item: String,
    pub(crate) q: LocalText,
    pub(crate) section: LocalText,
    pub(crate) expected: LocalText,
    /// What it cost a visit on average, in points of 100.
    pub(crate) points: Rounded,
    /// Whether it failed critically in any.
    pub(crate) is_critical: bool,
}

/// What stands on the poster of a branch for a period.
///
/// # Errors
/// `not_found`, `forbidden`.
pub(crate) fn poster(
    tx: &mut Tx<'_>,
    app: &App,
    principal: &Principal,
    branch: BranchId,
    period: Period,
) -> Result<Poster, ApiError> {
    principal.require(Permission::ReadScorecards, &Target::Own)?;
    let target = branch_target(tx, principal.org, branch)?;
    principal.require(Permission::ReadScorecards, &target)?;
    let found = db::reference::find_branch(tx, principal.org, branch)?
        .ok_or_else(|| ApiError::not_found("la sucursal", "the branch"))?;
    let before = period.previous();
    let whole = Period { from: before.from, to: period.to };
    let read = read(tx, app, principal.org, branch, whole)?;
    let card = |it: Period| {
        let visits: Vec<&ScoredVisit> = read.visits.iter().map(|(_, it)| it).collect();
        scorecard(&branch.to_string(), &visits, &Settings::over(span(it)))
    };
    let (now, then) = (card(period), card(before));
    Ok(Poster {
        name: found.name,
        better: better(&now.touchpoints, &then.touchpoints),
        next: next(tx, app, principal.org, branch, period)?,
        index: now.index,
    })
}

fn better(now: &[Pooled], then: &[Pooled]) -> Vec<(String, Rounded)> {
    let rise = |it: &Pooled| {
        let before = then.iter().find(|before| before.id == it.id)?;
        let by = it.figure.value.value() - before.figure.value.value();
        Some((by, it.id.clone())).filter(|it| !it.0.is_zero() && !it.0.is_negative())
    };
    let mut rises: Vec<(Exact, String)> = now.iter().filter_map(rise).collect();
    rises.sort_by(|one, other| (&other.0, &one.1).cmp(&(&one.0, &other.1)));
    rises.into_iter().map(|(by, id)| (id, Rounded::new(&by, DECIMALS))).collect()
}

/// What an item cost over all visits.
struct Sum {
    points: Exact,
    is_critical: bool,
    /// Where its words stand.
    checklist: usize,
}

fn next(
    tx: &mut Tx<'_>,
    app: &App,
    org: OrgId,
    branch: BranchId,
    period: Period,
) -> Result<Vec<NextItem>, ApiError> {
    let filter = filter(Some(vec![branch]), period);
    let (mut sums, mut checklists) = (BTreeMap::<(String, String), Sum>::new(), Vec::new());
    let (mut n, mut after) = (0_u32, None);
    loop {
        let page = list_current_with_doc(tx, org, &filter, after, PAGE)?;
        let ids: Vec<AuditId> = page.items.iter().map(|(it, _)| it.audit_id).collect();
        let hashes: BTreeMap<AuditId, _> =
            audits::find_many(tx, org, &ids)?.into_iter().map(|it| (it.audit_id, it.template_hash)).collect();
        for (row, doc) in page.items.iter().filter(|(it, _)| it.final_hundredths.is_some()) {
            let Some(hash) = hashes.get(&row.audit_id) else { continue };
            let prepared = content::checklist(tx, app, org, *hash)?;
            let checklist = prepared.checklist();
            let place = place_of(&mut checklists, checklist);
            n = n.saturating_add(1);
            for it in losses(&checklist.scoring, &document::thaw(doc)?.explain).items {
                let sum = sums.entry((checklist.id.clone(), it.item)).or_insert_with(|| Sum {
                    points: Exact::zero(),
                    is_critical: false,
                    checklist: place,
                });
                sum.points = &sum.points + it.points.value();
                sum.is_critical |= it.critical_failed;
                sum.checklist = place;
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(in_order(sums, &checklists, n)),
        }
    }
}

/// Where a version of a checklist stands among those that were met.
fn place_of(met: &mut Vec<Checklist>, checklist: &Checklist) -> usize {
    let known = met.iter().position(|it| it.id == checklist.id && it.version == checklist.version);
    known.unwrap_or_else(|| {
        met.push(checklist.clone());
        met.len().saturating_sub(1)
    })
}

fn in_order(sums: BTreeMap<(String, String), Sum>, met: &[Checklist], n: u32) -> Vec<NextItem> {
    let mut all: Vec<((String, String), Sum)> = sums.into_iter().collect();
    all.sort_by(|(one_id, one), (other_id, other)| {
        (other.is_critical, &other.points, one_id).cmp(&(one.is_critical, &one.points, other_id))
    });
    let shown = all.into_iter().filter_map(|((_, id), sum)| {
        let checklist = met.get(sum.checklist)?;
        let item = checklist.item(&id)?;
        let section = checklist.sections.iter().find(|it| it.items.iter().any(|it| it.id == id))?;
        let points = sum.points.checked_div(&Exact::from(n))?;
        Some(NextItem {
            q: item.q.clone(),
            section: section.title.clone(),
            expected: item.best_answer(),
            points: Rounded::new(&points, DECIMALS),
            is_critical: sum.is_critical,
            item: id,
        })
    });
    shown.collect()
}
