//! KPI observations, and assessments of branches against a standard. Both are appended, never edited.

use diesel::prelude::*;
use domain::date::Date;
use domain::ids::{AssessmentId, BranchId, KpiId, OrgId, RegionId, StaffId, UserId};
use sync_core::Hash;
use uuid::Uuid;

use crate::column::{Stored, TsColumn, UidColumn};
use crate::page::rows_to_read;
use crate::record::{BATCH, Record, read_all, read_one, rows};
use crate::schema::{kpi_observations, kpi_retractions, standard_assessments};
use crate::{DbError, Micros, Page, Tx};

/// Of whom or what a KPI was observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KpiScope {
    /// The whole organization.
    Organization,
    /// A region.
    Region(RegionId),
    /// A branch.
    Branch(BranchId),
    /// A member of staff.
    Staff(StaffId),
}

/// The word and the id that keep a scope; the organization's id is its own.
fn scope_parts(org: OrgId, scope: KpiScope) -> (&'static str, Uuid) {
    match scope {
        KpiScope::Organization => ("organization", org.0),
        KpiScope::Region(id) => ("region", id.0),
        KpiScope::Branch(id) => ("branch", id.0),
        KpiScope::Staff(id) => ("staff", id.0),
    }
}

fn read_scope(kind: &str, id: Uuid) -> Result<KpiScope, DbError> {
    match kind {
        "organization" => Ok(KpiScope::Organization),
        "region" => Ok(KpiScope::Region(RegionId(id))),
        "branch" => Ok(KpiScope::Branch(BranchId(id))),
        "staff" => Ok(KpiScope::Staff(StaffId(id))),
        _ => Err(DbError::Corrupt("unknown scope")),
    }
}

/// One observation of a KPI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KpiObservation {
    /// Its id.
    pub kpi_id: KpiId,
    /// Of whom or what.
    pub scope: KpiScope,
    /// Which KPI, such as `nps`.
    pub metric: String,
    /// How it was measured, in words.
    pub definition: String,
    /// The first day of its period.
    pub period_from: Date,
    /// The last.
    pub period_to: Date,
    /// The value, a decimal.
    pub value: String,
    /// From how many.
    pub n: Option<u32>,
    /// The numerator of a ratio, a decimal.
    pub numerator: Option<String>,
    /// The denominator of a ratio, a decimal.
    pub denominator: Option<String>,
    /// Where it comes from.
    pub source: String,
    /// When it was observed.
    pub observed_at: Micros,
    /// Who entered it.
    pub entered_by: UserId,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = kpi_observations)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
#[diesel(treat_none_as_default_value = false)]
pub(crate) struct KpiObservationRow {
    org_id: UidColumn,
    kpi_id: UidColumn,
    scope_kind: String,
    scope_id: UidColumn,
    metric: String,
    definition: String,
    period_from: String,
    period_to: String,
    value: String,
    n: Option<i64>,
    numerator: Option<String>,
    denominator: Option<String>,
    source: String,
    observed_at: TsColumn,
    entered_by: UidColumn,
}

impl Record for KpiObservation {
    type Row = KpiObservationRow;

    fn row(&self, org: OrgId) -> KpiObservationRow {
        let (scope_kind, scope_id) = scope_parts(org, self.scope);
        KpiObservationRow {
            org_id: org.store(),
            kpi_id: self.kpi_id.store(),
            scope_kind: scope_kind.to_owned(),
            scope_id: scope_id.store(),
            metric: self.metric.clone(),
            definition: self.definition.clone(),
            period_from: self.period_from.store(),
            period_to: self.period_to.store(),
            value: self.value.clone(),
            n: self.n.store(),
            numerator: self.numerator.clone(),
            denominator: self.denominator.clone(),
            source: self.source.clone(),
            observed_at: self.observed_at.store(),
            entered_by: self.entered_by.store(),
        }
    }

    fn from_row(row: KpiObservationRow) -> Result<Self, DbError> {
        Ok(Self {
            kpi_id: Stored::read(row.kpi_id)?,
            scope: read_scope(&row.scope_kind, row.scope_id.0)?,
            metric: row.metric,
            definition: row.definition,
            period_from: Stored::read(row.period_from)?,
            period_to: Stored::read(row.period_to)?,
            value: row.value,
            n: Stored::read(row.n)?,
            numerator: row.numerator,
            denominator: row.denominator,
            source: row.source,
            observed_at: Stored::read(row.observed_at)?,
            entered_by: Stored::read(row.entered_by)?,
        })
    }
}

record! {
    /// A branch as it rated against a standard.
    StandardAssessment as StandardAssessmentRow in standard_assessments {
        /// Its id.
        assessment_id: AssessmentId,
        /// The branch.
        branch_id: BranchId,
        /// The standard.
        standard_id: String,
        /// Its version.
        standard_version: u32,
        /// The hash of its content.
        standard_hash: Hash,
        /// The first day of the period.
        period_from: Date,
        /// The last.
        period_to: Date,
        /// What went in, JSON, kept byte for byte.
        inputs: String,
        /// What came out with its explanation, JSON, kept byte for byte.
        result: String,
        /// The total after gates, in hundredths of a point.
        total_hundredths: i64,
        /// The band.
        band: String,
        /// Who assessed.
        assessed_by: UserId,
        /// When.
        assessed_at: Micros,
    }
}

/// Which observations a list shows; nothing set shows all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KpiFilter {
    /// Of this scope exactly.
    pub scope: Option<KpiScope>,
    /// Of this KPI.
    pub metric: Option<String>,
    /// Whose period ends on this day or later.
    pub from: Option<Date>,
    /// Whose period begins on this day or earlier.
    pub to: Option<Date>,
}

/// Whether an observation was not taken back.
macro_rules! stands {
    () => {
        diesel::dsl::not(diesel::dsl::exists(
            kpi_retractions::table
                .filter(kpi_retractions::org_id.eq(kpi_observations::org_id))
                .filter(kpi_retractions::kpi_id.eq(kpi_observations::kpi_id)),
        ))
    };
}

/// Appends observations, in statements of many.
pub fn append_kpis(tx: &mut Tx<'_>, org: OrgId, new: &[KpiObservation]) -> Result<(), DbError> {
    for batch in new.chunks(BATCH) {
        let batch = rows(org, batch);
        on_db!(tx, |c| diesel::insert_into(kpi_observations::table).values(&batch).execute(c))?;
    }
    Ok(())
}

/// The observation of an id.
pub fn find_kpi(tx: &mut Tx<'_>, org: OrgId, kpi: KpiId) -> Result<Option<KpiObservation>, DbError> {
    let row: Option<KpiObservationRow> = on_db!(tx, |c| kpi_observations::table
        .find((org.store(), kpi.store()))
        .select(KpiObservationRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// The observations that `filter` shows, by id; not those that were taken back.
pub fn list_kpis(
    tx: &mut Tx<'_>,
    org: OrgId,
    filter: &KpiFilter,
    after: Option<KpiId>,
    limit: u32,
) -> Result<Page<KpiObservation, KpiId>, DbError> {
    let found: Vec<KpiObservationRow> = on_db!(tx, |c| {
        let mut query = kpi_observations::table
            .filter(kpi_observations::org_id.eq(org.store()))
            .filter(stands!())
            .into_boxed();
        if let Some(scope) = filter.scope {
            let (kind, id) = scope_parts(org, scope);
            query = query
                .filter(kpi_observations::scope_kind.eq(kind))
                .filter(kpi_observations::scope_id.eq(id.store()));
        }
        if let Some(metric) = &filter.metric {
            query = query.filter(kpi_observations::metric.eq(metric));
        }
        if let Some(from) = filter.from {
            query = query.filter(kpi_observations::period_to.ge(from.store()));
        }
        if let Some(to) = filter.to {
            query = query.filter(kpi_observations::period_from.le(to.store()));
        }
        if let Some(after) = after {
            query = query.filter(kpi_observations::kpi_id.gt(after.store()));
        }
        query
            .order(kpi_observations::kpi_id)
            .limit(rows_to_read(limit))
            .select(KpiObservationRow::as_select())
            .load(c)
    })?;
    Ok(Page::cut(read_all(found)?, limit, |it: &KpiObservation| it.kpi_id))
}

/// The observations of many scopes whose period lies within `from` to `to`, the later ones last; not those that were taken back.
pub fn find_kpis_of_scopes(
    tx: &mut Tx<'_>,
    org: OrgId,
    scopes: &[KpiScope],
    (from, to): (Date, Date),
) -> Result<Vec<KpiObservation>, DbError> {
    let mut found: Vec<KpiObservationRow> = Vec::new();
    for scopes in scopes.chunks(BATCH) {
        let ids: Vec<UidColumn> = scopes.iter().map(|it| scope_parts(org, *it).1.store()).collect();
        let batch: Vec<KpiObservationRow> = on_db!(tx, |c| kpi_observations::table
            .filter(kpi_observations::org_id.eq(org.store()))
            .filter(kpi_observations::scope_id.eq_any(&ids))
            .filter(kpi_observations::period_from.ge(from.store()))
            .filter(kpi_observations::period_to.le(to.store()))
            .filter(stands!())
            .select(KpiObservationRow::as_select())
            .load(c))?;
        found.extend(batch);
    }
    let mut found: Vec<KpiObservation> = read_all(found)?;
    found.sort_by_key(|it| (it.observed_at, it.kpi_id));
    Ok(found)
}

/// Appends an assessment.
///
/// - **Errors**: [`DbError::Refused`] for a branch that is not stored.
pub fn append_assessment(
    tx: &mut Tx<'_>,
    org: OrgId,
    assessment: &StandardAssessment,
) -> Result<(), DbError> {
    let row = assessment.row(org);
    on_db!(tx, |c| diesel::insert_into(standard_assessments::table).values(&row).execute(c))?;
    Ok(())
}

/// The assessment of an id.
pub fn find_assessment(
    tx: &mut Tx<'_>,
    org: OrgId,
    assessment: AssessmentId,
) -> Result<Option<StandardAssessment>, DbError> {
    let row: Option<StandardAssessmentRow> = on_db!(tx, |c| standard_assessments::table
        .find((org.store(), assessment.store()))
        .select(StandardAssessmentRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// The assessments by id; those of one branch where `branch` is given.
pub fn list_assessments(
    tx: &mut Tx<'_>,
    org: OrgId,
    branch: Option<BranchId>,
    after: Option<AssessmentId>,
    limit: u32,
) -> Result<Page<StandardAssessment, AssessmentId>, DbError> {
    let found: Vec<StandardAssessmentRow> = on_db!(tx, |c| {
        let mut query =
            standard_assessments::table.filter(standard_assessments::org_id.eq(org.store())).into_boxed();
        if let Some(branch) = branch {
            query = query.filter(standard_assessments::branch_id.eq(branch.store()));
        }
        if let Some(after) = after {
            query = query.filter(standard_assessments::assessment_id.gt(after.store()));
        }
        query
            .order(standard_assessments::assessment_id)
            .limit(rows_to_read(limit))
            .select(StandardAssessmentRow::as_select())
            .load(c)
    })?;
    Ok(Page::cut(read_all(found)?, limit, |it: &StandardAssessment| it.assessment_id))
}
