//! Scorecards: what the visits that branches may see come to, for one branch and for the network. Figures are those of
//! `domain::scorecard`; here is which visits count, what they are compared with, and who sees which figure.

mod branch;
mod mine;
mod network;
mod poster;

pub use branch::{BranchName, BranchScorecard, CountedVisit, Expectation, branch};
pub(crate) use mine::{OwnBranch, mine};
pub use network::{AuditorSeverity, BandCount, BranchRow, NetworkScorecard, RegionName, RegionRow, network};
pub(crate) use poster::poster;

use crate::{
    app::{period::Period, visits::SHOWN},
    error::ApiError,
};
use db::{
    Tx,
    scores::{ScoreFilter, ScoredVisit as Row, list_current},
};
use domain::{
    ids::{BranchId, OrgId},
    scorecard::{PeriodSpan, ScoredVisit},
    visit_score::Percent,
};
use std::collections::BTreeMap;

/// Branches asked for in one statement.
const BRANCHES_AT_ONCE: usize = 2_000;

fn filter(branches: Option<Vec<BranchId>>, period: Period) -> ScoreFilter {
    ScoreFilter {
        branches,
        auditor: None,
        template_id: None,
        states: SHOWN.to_vec(),
        from: period.from,
        to: period.to,
    }
}

fn span(period: Period) -> PeriodSpan {
    PeriodSpan { id: format!("{}/{}", period.from, period.to), from: period.from, to: period.to }
}

/// The scored visits of the period, without their documents.
fn rows(
    tx: &mut Tx<'_>,
    org: OrgId,
    branches: Option<&[BranchId]>,
    period: Period,
) -> Result<Vec<Row>, ApiError> {
    let mut found = Vec::new();
    let pieces: Vec<Option<Vec<BranchId>>> = match branches {
        None => vec![None],
        Some(ids) => ids.chunks(BRANCHES_AT_ONCE).map(|it| Some(it.to_vec())).collect(),
    };
    for piece in pieces {
        let filter = filter(piece, period);
        let mut after = None;
        loop {
            let page = list_current(tx, org, &filter, after, db::MAX_PAGE)?;
            found.extend(page.items.into_iter().filter(|it| it.final_hundredths.is_some()));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
    }
    Ok(found)
}

/// A visit as the figures of a network need it: score and critical failures, no points.
fn without_points(row: &Row) -> ScoredVisit {
    ScoredVisit {
        id: row.audit_id.to_string(),
        branch: row.branch_id.to_string(),
        auditor: None,
        date: row.visit_date,
        channel: row.template_id.clone(),
        score: Percent::from_units(row.final_hundredths.unwrap_or_default()).to_exact(),
        sections: BTreeMap::new(),
        touchpoints: BTreeMap::new(),
        pillars: BTreeMap::new(),
        has_critical: row.critical_failed > 0,
        has_complete_evidence: true,
    }
}
