//! The queue of the review: visits that were handed in, by when they were.

use diesel::prelude::*;
use domain::ids::{AuditId, BranchId, OrgId, UserId, WaveId};
use domain::lifecycle::State;

use crate::audits::{Audit, AuditRow};
use crate::column::Stored;
use crate::page::rows_to_read;
use crate::record::read_all;
use crate::schema::{assignments, audits};
use crate::{DbError, Micros, Page, Tx};

/// Which visits the queue shows; nothing set shows all that were handed in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueFilter {
    /// In one of these states; empty for any.
    pub states: Vec<State>,
    /// Of one of these branches; none for any.
    pub branches: Option<Vec<BranchId>>,
    /// Whose assignment is of this wave.
    pub wave: Option<WaveId>,
    /// In the hands of this reviewer.
    pub claimed_by: Option<UserId>,
    /// Handed in at this instant or earlier.
    pub handed_in_by: Option<Micros>,
    /// With an open conflict or with answers that came too late.
    pub needs_a_look: bool,
    /// Whether what was handed in last comes first.
    pub newest_first: bool,
}

/// Where a page of the queue begins.
pub type QueueKey = (Micros, AuditId);

/// The visits that `filter` shows, by when they were handed in and id.
pub fn list(
    tx: &mut Tx<'_>,
    org: OrgId,
    filter: &QueueFilter,
    after: Option<QueueKey>,
    limit: u32,
) -> Result<Page<Audit, QueueKey>, DbError> {
    let states: Vec<&str> = filter.states.iter().map(|state| state.as_str()).collect();
    let branches: Option<Vec<_>> =
        filter.branches.as_ref().map(|ids| ids.iter().map(Stored::store).collect());
    let found: Vec<AuditRow> = on_db!(tx, |c| {
        let mut query = audits::table
            .filter(audits::org_id.eq(org.store()))
            .filter(audits::submitted_at.is_not_null())
            .into_boxed();
        if !states.is_empty() {
            query = query.filter(audits::state.eq_any(&states));
        }
        if let Some(branches) = &branches {
            query = query.filter(audits::branch_id.eq_any(branches));
        }
        if let Some(wave) = filter.wave {
            let of_wave = assignments::table
                .filter(assignments::org_id.eq(org.store()))
                .filter(assignments::wave_id.eq(wave.store()))
                .select(assignments::assignment_id.nullable());
            query = query.filter(audits::assignment_id.eq_any(of_wave));
        }
        if let Some(reviewer) = filter.claimed_by {
            query = query.filter(audits::claimed_by.eq(reviewer.store()));
        }
        if let Some(at) = filter.handed_in_by {
            query = query.filter(audits::submitted_at.le(at.store()));
        }
        if filter.needs_a_look {
            query = query.filter(audits::open_conflicts.gt(0).or(audits::late_ops.gt(0)));
        }
        if let Some((at, audit)) = after {
            let (at, audit) = (at.store(), audit.store());
            query = if filter.newest_first {
                let same = audits::submitted_at.eq(at).and(audits::audit_id.lt(audit));
                query.filter(audits::submitted_at.lt(at).or(same))
            } else {
                let same = audits::submitted_at.eq(at).and(audits::audit_id.gt(audit));
                query.filter(audits::submitted_at.gt(at).or(same))
            };
        }
        query = if filter.newest_first {
            query.order((audits::submitted_at.desc(), audits::audit_id.desc()))
        } else {
            query.order((audits::submitted_at, audits::audit_id))
        };
        query.limit(rows_to_read(limit)).select(AuditRow::as_select()).load(c)
    })?;
    let key = |it: &Audit| (it.submitted_at.unwrap_or(Micros(0)), it.audit_id);
    Ok(Page::cut(read_all(found)?, limit, key))
}
