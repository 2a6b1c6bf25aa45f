//! Reads what an assessment is made from: the visits and observations of a branch, of the period and those before it.

use super::{
    fill::{Material, ObservedKpi, PeriodMaterial, TREND_PERIODS},
    visits::AssessedVisit,
};
use crate::{
    app::{
        App, kpis,
        period::Period,
        scores::document,
        visits::{SHOWN, content},
    },
    error::ApiError,
};
use db::{
    Tx, audits,
    programmes::{Assignment, AssignmentFilter, list_assignments},
    scores::{ScoreFilter, list_current_with_doc},
};
use domain::{
    Exact,
    ids::{AuditId, BranchId, OrgId},
    lifecycle::State,
    standard::CriterionInput,
};
use std::{collections::BTreeMap, sync::Arc};

/// Visits read at once; each comes with its document.
const PAGE: u32 = 200;

/// Everything that an assessment is made from.
///
/// # Errors
/// Those of the database, and stored data that cannot be read.
pub(super) fn material(
    tx: &mut Tx<'_>,
    app: &App,
    org: OrgId,
    branch: BranchId,
    period: Period,
    by_hand: Vec<CriterionInput>,
) -> Result<Material, ApiError> {
    let current = of_period(tx, app, org, branch, period)?;
    let mut previous = Vec::with_capacity(TREND_PERIODS);
    let mut before = period;
    for _ in 0..TREND_PERIODS {
        before = before.previous();
        previous.push(of_period(tx, app, org, branch, before)?);
    }
    Ok(Material { current, previous, planned: planned(tx, org, branch, period)?, by_hand })
}

fn of_period(
    tx: &mut Tx<'_>,
    app: &App,
    org: OrgId,
    branch: BranchId,
    period: Period,
) -> Result<PeriodMaterial, ApiError> {
    let mut kpis = BTreeMap::new();
    for (metric, it) in kpis::of_period(tx, org, kpis::Scope::Branch(branch), period)? {
        let value = Exact::parse(&it.value).map_err(ApiError::internal)?;
        let source = format!("{}: {}", it.source, it.definition);
        kpis.insert(metric, ObservedKpi { id: it.kpi_id, value, n: it.n.map(u64::from), source });
    }
    Ok(PeriodMaterial { visits: visits(tx, app, org, branch, period)?, kpis })
}

/// The visits of a branch that count in a period: those that the branch is shown.
fn visits(
    tx: &mut Tx<'_>,
    app: &App,
    org: OrgId,
    branch: BranchId,
    period: Period,
) -> Result<Vec<AssessedVisit>, ApiError> {
    let filter = ScoreFilter {
        branches: Some(vec![branch]),
        auditor: None,
        template_id: None,
        states: SHOWN.to_vec(),
        from: period.from,
        to: period.to,
    };
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = list_current_with_doc(tx, org, &filter, after, PAGE)?;
        let ids: Vec<AuditId> = page.items.iter().map(|(it, _)| it.audit_id).collect();
        let rows = audits::find_many(tx, org, &ids)?;
        let hashes: BTreeMap<AuditId, _> =
            rows.into_iter().map(|it| (it.audit_id, it.template_hash)).collect();
        for (visit, doc) in page.items.into_iter().filter(|(it, _)| it.final_hundredths.is_some()) {
            let Some(hash) = hashes.get(&visit.audit_id) else { continue };
            let checklist = Arc::new(content::checklist(tx, app, org, *hash)?.checklist().clone());
            found.push(AssessedVisit { audit: visit.audit_id, score: document::figures(&doc)?, checklist });
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

/// How many visits to the branch were planned in the period; none where nothing was.
///
/// # Errors
/// Those of the database.
pub(crate) fn planned(
    tx: &mut Tx<'_>,
    org: OrgId,
    branch: BranchId,
    period: Period,
) -> Result<Option<u32>, ApiError> {
    let filter = AssignmentFilter { branches: Some(vec![branch]), ..AssignmentFilter::default() };
    let (mut planned, mut after) = (0_u32, None);
    loop {
        let page = list_assignments(tx, org, &filter, after, db::MAX_PAGE)?;
        let due = |it: &&Assignment| {
            it.window_from <= period.to && it.window_to >= period.from && it.state != State::Declined
        };
        let count = page.items.iter().filter(due).count();
        planned = planned.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(Some(planned).filter(|it| *it > 0)),
        }
    }
}
