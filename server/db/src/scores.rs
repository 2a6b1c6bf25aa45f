//! Frozen visit scores. The current score of an audit is its highest version.

use diesel::prelude::*;
use domain::date::Date;
use domain::ids::{AuditId, BranchId, OrgId, UserId};
use domain::lifecycle::State;
use sync_core::{DeviceId, Hash};

use crate::audits::VisitKind;
use crate::column::{Stored, UidColumn};
use crate::page::rows_to_read;
use crate::record::{BATCH, read_all, read_one, rows};
use crate::schema::{audits, score_versions};
use crate::{DbError, Micros, Page, Tx};

record! {
    /// A version of an audit's score.
    ScoreVersion as ScoreVersionRow in score_versions {
        /// The audit.
        audit_id: AuditId,
        /// 1, 2, 3... in each audit.
        version: u32,
        /// The device of the submit op that was scored.
        submit_dev: DeviceId,
        /// Its position in that device's log.
        submit_dseq: u64,
        /// The checklist's content that it was scored with.
        template_hash: Hash,
        /// The version of the scoring rules.
        scorer_version: String,
        /// The raw score in hundredths of a percent point: `6310` is 63.10; none where nothing was scorable.
        raw_hundredths: Option<i64>,
        /// The same after caps and criticals.
        final_hundredths: Option<i64>,
        /// The band.
        band: Option<String>,
        /// How many critical items failed.
        critical_failed: u32,
        /// The whole result with its explanation, JSON, kept byte for byte.
        doc: String,
        /// When it was frozen.
        created_at: Micros,
        /// Why: the approval, an upheld appeal...
        reason: String,
    }
}

/// A visit with its current score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoredVisit {
    /// The audit.
    pub audit_id: AuditId,
    /// The branch.
    pub branch_id: BranchId,
    /// The auditor.
    pub auditor_id: UserId,
    /// The day of the visit.
    pub visit_date: Date,
    /// Where the audit stands.
    pub state: State,
    /// How it ended.
    pub kind: VisitKind,
    /// The checklist.
    pub template_id: String,
    /// The version of the checklist.
    pub template_version: u32,
    /// The version of the score.
    pub version: u32,
    /// See [`ScoreVersion::raw_hundredths`].
    pub raw_hundredths: Option<i64>,
    /// See [`ScoreVersion::final_hundredths`].
    pub final_hundredths: Option<i64>,
    /// See [`ScoreVersion::band`].
    pub band: Option<String>,
    /// See [`ScoreVersion::critical_failed`].
    pub critical_failed: u32,
}

/// Which scored visits a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoreFilter {
    /// Of one of these branches; none for the whole network.
    pub branches: Option<Vec<BranchId>>,
    /// Of this auditor.
    pub auditor: Option<UserId>,
    /// Of this checklist.
    pub template_id: Option<String>,
    /// In one of these states; empty for any.
    pub states: Vec<State>,
    /// Visited on this day or later.
    pub from: Date,
    /// Visited on this day or earlier.
    pub to: Date,
}

/// Where a page of scored visits begins.
pub type ScoreKey = (Date, AuditId);

/// Appends versions, in statements of many.
///
/// - **Errors**: [`DbError::Duplicate`] for a version that is frozen, [`DbError::Refused`] for an audit that is not
///   stored.
pub fn append(tx: &mut Tx<'_>, org: OrgId, versions: &[ScoreVersion]) -> Result<(), DbError> {
    for batch in versions.chunks(BATCH) {
        let batch = rows(org, batch);
        on_db!(tx, |c| diesel::insert_into(score_versions::table).values(&batch).execute(c))?;
    }
    Ok(())
}

/// Puts the document of a version in place of itself from which the text of answers was taken; its figures stand.
///
/// - **Errors**: [`DbError::NotFound`] for a version that is not frozen.
pub fn rewrite_document(
    tx: &mut Tx<'_>,
    org: OrgId,
    audit: AuditId,
    version: u32,
    doc: &str,
) -> Result<(), DbError> {
    let key = (org.store(), audit.store(), version.store());
    let rewritten = on_db!(tx, |c| diesel::update(score_versions::table.find(key))
        .set(score_versions::doc.eq(doc))
        .execute(c))?;
    if rewritten == 0 { Err(DbError::NotFound) } else { Ok(()) }
}

/// The current score of an audit.
pub fn find_current(tx: &mut Tx<'_>, org: OrgId, audit: AuditId) -> Result<Option<ScoreVersion>, DbError> {
    let row: Option<ScoreVersionRow> = on_db!(tx, |c| score_versions::table
        .filter(score_versions::org_id.eq(org.store()))
        .filter(score_versions::audit_id.eq(audit.store()))
        .order(score_versions::version.desc())
        .select(ScoreVersionRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// Every version of an audit's score, oldest first, at most [`crate::MAX_PAGE`].
pub fn list_versions(tx: &mut Tx<'_>, org: OrgId, audit: AuditId) -> Result<Vec<ScoreVersion>, DbError> {
    let found: Vec<ScoreVersionRow> = on_db!(tx, |c| score_versions::table
        .filter(score_versions::org_id.eq(org.store()))
        .filter(score_versions::audit_id.eq(audit.store()))
        .order(score_versions::version)
        .limit(i64::from(crate::MAX_PAGE))
        .select(ScoreVersionRow::as_select())
        .load(c))?;
    read_all(found)
}

type ScoredRow = (
    (UidColumn, UidColumn, UidColumn, Option<String>, String, String, String, i64),
    (i64, Option<i64>, Option<i64>, Option<String>, i64),
);

/// The query of current scores; a macro, since its type has no name that both databases share.
macro_rules! current_scores {
    ($org:ident, $filter:ident, $after:ident, $limit:ident) => {{
        let newer = diesel::alias!(score_versions as newer_scores);
        let states: Vec<&str> = $filter.states.iter().map(|state| state.as_str()).collect();
        let mut query = audits::table
            .inner_join(score_versions::table.on(
                score_versions::org_id.eq(audits::org_id).and(score_versions::audit_id.eq(audits::audit_id)),
            ))
            .filter(audits::org_id.eq($org.store()))
            .filter(audits::visit_date.ge($filter.from.store()))
            .filter(audits::visit_date.le($filter.to.store()))
            .filter(diesel::dsl::not(diesel::dsl::exists(
                newer
                    .filter(newer.field(score_versions::org_id).eq(score_versions::org_id))
                    .filter(newer.field(score_versions::audit_id).eq(score_versions::audit_id))
                    .filter(newer.field(score_versions::version).gt(score_versions::version)),
            )))
            .into_boxed();
        // One that could not happen in the end has no score, though an earlier round may have had one.
        query = query.filter(audits::kind.eq(VisitKind::Visit.as_str()));
        if !states.is_empty() {
            query = query.filter(audits::state.eq_any(states));
        }
        if let Some(branches) = &$filter.branches {
            let ids: Vec<UidColumn> = branches.iter().map(Stored::store).collect();
            query = query.filter(audits::branch_id.eq_any(ids));
        }
        if let Some(auditor) = $filter.auditor {
            query = query.filter(audits::auditor_id.eq(auditor.store()));
        }
        if let Some(template) = &$filter.template_id {
            query = query.filter(audits::template_id.eq(template));
        }
        if let Some((date, audit)) = $after {
            let date: String = date.store();
            query = query.filter(
                audits::visit_date
                    .gt(date.clone())
                    .or(audits::visit_date.eq(date).and(audits::audit_id.gt(audit.store()))),
            );
        }
        query.order((audits::visit_date, audits::audit_id)).limit(rows_to_read($limit))
    }};
}

/// The visits with their current scores that `filter` shows, by date and id.
pub fn list_current(
    tx: &mut Tx<'_>,
    org: OrgId,
    filter: &ScoreFilter,
    after: Option<ScoreKey>,
    limit: u32,
) -> Result<Page<ScoredVisit, ScoreKey>, DbError> {
    let found: Vec<ScoredRow> =
        on_db!(tx, |c| current_scores!(org, filter, after, limit).select(SCORED_COLUMNS).load(c))?;
    let visits = found.into_iter().map(read_scored).collect::<Result<_, _>>()?;
    Ok(Page::cut(visits, limit, |visit: &ScoredVisit| (visit.visit_date, visit.audit_id)))
}

/// Like [`list_current`], each with the whole result ([`ScoreVersion::doc`]); ask for small pages.
pub fn list_current_with_doc(
    tx: &mut Tx<'_>,
    org: OrgId,
    filter: &ScoreFilter,
    after: Option<ScoreKey>,
    limit: u32,
) -> Result<Page<(ScoredVisit, String), ScoreKey>, DbError> {
    let found: Vec<(ScoredRow, String)> = on_db!(tx, |c| current_scores!(org, filter, after, limit)
        .select((SCORED_COLUMNS, score_versions::doc))
        .load(c))?;
    let visits =
        found.into_iter().map(|(row, doc)| Ok((read_scored(row)?, doc))).collect::<Result<_, DbError>>()?;
    Ok(Page::cut(visits, limit, |(visit, _): &(ScoredVisit, String)| (visit.visit_date, visit.audit_id)))
}

type AuditColumns = (
    audits::audit_id,
    audits::branch_id,
    audits::auditor_id,
    audits::visit_date,
    audits::state,
    audits::kind,
    audits::template_id,
    audits::template_version,
);

type ScoreColumns = (
    score_versions::version,
    score_versions::raw_hundredths,
    score_versions::final_hundredths,
    score_versions::band,
    score_versions::critical_failed,
);

const SCORED_COLUMNS: (AuditColumns, ScoreColumns) = (
    (
        audits::audit_id,
        audits::branch_id,
        audits::auditor_id,
        audits::visit_date,
        audits::state,
        audits::kind,
        audits::template_id,
        audits::template_version,
    ),
    (
        score_versions::version,
        score_versions::raw_hundredths,
        score_versions::final_hundredths,
        score_versions::band,
        score_versions::critical_failed,
    ),
);

fn read_scored((audit, score): ScoredRow) -> Result<ScoredVisit, DbError> {
    let (audit_id, branch_id, auditor_id, visit_date, state, kind, template_id, template_version) = audit;
    let (version, raw_hundredths, final_hundredths, band, critical_failed) = score;
    let visit_date: Option<Date> = Stored::read(visit_date)?;
    Ok(ScoredVisit {
        audit_id: Stored::read(audit_id)?,
        branch_id: Stored::read(branch_id)?,
        auditor_id: Stored::read(auditor_id)?,
        visit_date: visit_date.ok_or(DbError::Corrupt("a scored visit without a date"))?,
        state: Stored::read(state)?,
        kind: Stored::read(kind)?,
        template_id,
        template_version: Stored::read(template_version)?,
        version: Stored::read(version)?,
        raw_hundredths,
        final_hundredths,
        band,
        critical_failed: Stored::read(critical_failed)?,
    })
}
