//! Ops that were stored and acknowledged but not applied, each with its reason, and what a person decided of them.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use domain::ids::{AuditId, OrgId, UserId};
use sync_core::DeviceId;

use crate::column::{Stored, UidColumn};
use crate::page::rows_to_read;
use crate::record::{BATCH, read_all, rows};
use crate::schema::{devices, quarantined_ops};
use crate::{DbError, Micros, Page, Tx};

words! {
    /// What became of an op that was set aside.
    Decision {
        /// It was taken into its visit.
        Adopted = "adopted",
        /// It stays out.
        Dismissed = "dismissed",
    }
}

record! {
    /// An op that was set aside.
    QuarantinedOp as QuarantinedOpRow in quarantined_ops {
        /// Whose log it stands in.
        dev: DeviceId,
        /// Its position there.
        dseq: u64,
        /// The audit that it names; nil for none.
        audit_id: AuditId,
        /// Why, as a stable machine code.
        reason: String,
        /// When it came.
        received_at: Micros,
        /// What a person decided of it; none while it waits.
        decision: Option<Decision>,
        /// When.
        decided_at: Option<Micros>,
        /// Who.
        decided_by: Option<UserId>,
        /// Why, in their words.
        why: Option<String>,
    }
}

/// What somebody decides of ops that wait, or that were decided otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What was decided of them before; none of ops that wait.
    pub before: Option<Decision>,
    /// What.
    pub decision: Decision,
    /// When.
    pub at: Micros,
    /// Who; none for the operator of the machine.
    pub by: Option<UserId>,
    /// Why, in their words.
    pub why: String,
}

/// Appends ops that were set aside.
///
/// - **Errors**: [`DbError::Duplicate`] for one that is there.
pub fn append(tx: &mut Tx<'_>, org: OrgId, new: &[QuarantinedOp]) -> Result<(), DbError> {
    for batch in new.chunks(BATCH) {
        let batch = rows(org, batch);
        on_db!(tx, |c| diesel::insert_into(quarantined_ops::table).values(&batch).execute(c))?;
    }
    Ok(())
}

/// The positions of a device's log, from one to another, that were set aside and stand in no visit.
pub fn positions(
    tx: &mut Tx<'_>,
    org: OrgId,
    dev: DeviceId,
    first: u64,
    last: u64,
) -> Result<BTreeSet<u64>, DbError> {
    let found: Vec<i64> = on_db!(tx, |c| quarantined_ops::table
        .filter(quarantined_ops::org_id.eq(org.store()))
        .filter(quarantined_ops::dev.eq(dev.store()))
        .filter(quarantined_ops::dseq.ge(first.store()))
        .filter(quarantined_ops::dseq.le(last.store()))
        .filter(
            quarantined_ops::decision.is_null().or(quarantined_ops::decision.ne(Decision::Adopted.as_str()))
        )
        .select(quarantined_ops::dseq)
        .load(c))?;
    found.into_iter().map(u64::read).collect()
}

/// What was set aside, by device and position, or only what waits for a person; the key of the next page is the last row of
/// this one.
pub fn list(
    tx: &mut Tx<'_>,
    org: OrgId,
    only_open: bool,
    after: Option<(DeviceId, u64)>,
    limit: u32,
) -> Result<Page<QuarantinedOp, (DeviceId, u64)>, DbError> {
    page(tx, org, (None, only_open), after, limit)
}

/// What was set aside on an audit, by device and position; the key of the next page is the last row of this one.
pub fn list_of_audit(
    tx: &mut Tx<'_>,
    org: OrgId,
    audit: AuditId,
    after: Option<(DeviceId, u64)>,
    limit: u32,
) -> Result<Page<QuarantinedOp, (DeviceId, u64)>, DbError> {
    page(tx, org, (Some(audit), false), after, limit)
}

fn page(
    tx: &mut Tx<'_>,
    org: OrgId,
    (audit, only_open): (Option<AuditId>, bool),
    after: Option<(DeviceId, u64)>,
    limit: u32,
) -> Result<Page<QuarantinedOp, (DeviceId, u64)>, DbError> {
    let found: Vec<QuarantinedOpRow> = on_db!(tx, |c| {
        let mut query = quarantined_ops::table.filter(quarantined_ops::org_id.eq(org.store())).into_boxed();
        if let Some(audit) = audit {
            query = query.filter(quarantined_ops::audit_id.eq(audit.store()));
        }
        if only_open {
            query = query.filter(quarantined_ops::decision.is_null());
        }
        if let Some((dev, dseq)) = after {
            let later = quarantined_ops::dev.eq(dev.store()).and(quarantined_ops::dseq.gt(dseq.store()));
            query = query.filter(quarantined_ops::dev.gt(dev.store()).or(later));
        }
        query
            .order((quarantined_ops::dev, quarantined_ops::dseq))
            .limit(rows_to_read(limit))
            .select(QuarantinedOpRow::as_select())
            .load(c)
    })?;
    Ok(Page::cut(read_all(found)?, limit, |it: &QuarantinedOp| (it.dev, it.dseq)))
}

/// The positions of everything that was set aside on audits, whatever became of it.
pub fn positions_of_audits(
    tx: &mut Tx<'_>,
    org: OrgId,
    audits: &[AuditId],
) -> Result<Vec<(DeviceId, u64)>, DbError> {
    let mut found: Vec<(Vec<u8>, i64)> = Vec::new();
    for audits in audits.chunks(BATCH) {
        let audits: Vec<_> = audits.iter().map(Stored::store).collect();
        let batch: Vec<(Vec<u8>, i64)> = on_db!(tx, |c| quarantined_ops::table
            .filter(quarantined_ops::org_id.eq(org.store()))
            .filter(quarantined_ops::audit_id.eq_any(&audits))
            .select((quarantined_ops::dev, quarantined_ops::dseq))
            .load(c))?;
        found.extend(batch);
    }
    found.into_iter().map(|(dev, dseq)| Ok((DeviceId::read(dev)?, u64::read(dseq)?))).collect()
}

/// The devices of which something was set aside on an audit.
pub fn list_devices_of_audit(
    tx: &mut Tx<'_>,
    org: OrgId,
    audit: AuditId,
) -> Result<BTreeSet<DeviceId>, DbError> {
    let found: Vec<Vec<u8>> = on_db!(tx, |c| quarantined_ops::table
        .filter(quarantined_ops::org_id.eq(org.store()))
        .filter(quarantined_ops::audit_id.eq(audit.store()))
        .select(quarantined_ops::dev)
        .distinct()
        .load(c))?;
    found.into_iter().map(DeviceId::read).collect()
}

/// Whose devices recorded what was set aside on each of many audits and was taken into it. Audits with none are left out.
pub fn authors_of_many(
    tx: &mut Tx<'_>,
    org: OrgId,
    audits: &[AuditId],
) -> Result<BTreeMap<AuditId, BTreeSet<UserId>>, DbError> {
    let mut all: BTreeMap<AuditId, BTreeSet<UserId>> = BTreeMap::new();
    for audits in audits.chunks(BATCH) {
        let audits: Vec<UidColumn> = audits.iter().map(Stored::store).collect();
        let found: Vec<(UidColumn, Option<UidColumn>)> =
            on_db!(tx, |c| quarantined_ops::table
                .inner_join(devices::table.on(
                    devices::org_id.eq(quarantined_ops::org_id).and(devices::dev.eq(quarantined_ops::dev))
                ))
                .filter(quarantined_ops::org_id.eq(org.store()))
                .filter(quarantined_ops::audit_id.eq_any(&audits))
                .filter(quarantined_ops::decision.eq(Decision::Adopted.as_str()))
                .select((quarantined_ops::audit_id, devices::user_id))
                .distinct()
                .load(c))?;
        for (audit, user) in found {
            if let Some(user) = user {
                all.entry(AuditId::read(audit)?).or_default().insert(UserId::read(user)?);
            }
        }
    }
    Ok(all)
}

/// How many ops of a device wait for a person.
pub fn count_open(tx: &mut Tx<'_>, org: OrgId, dev: DeviceId) -> Result<u64, DbError> {
    let waiting: i64 = on_db!(tx, |c| quarantined_ops::table
        .filter(quarantined_ops::org_id.eq(org.store()))
        .filter(quarantined_ops::dev.eq(dev.store()))
        .filter(quarantined_ops::decision.is_null())
        .count()
        .get_result(c))?;
    u64::read(waiting)
}

/// Notes what was decided of ops.
///
/// - **Errors**: [`DbError::Stale`] where of one of them something else was decided before than the verdict says.
pub fn decide(
    tx: &mut Tx<'_>,
    org: OrgId,
    ops: &[(DeviceId, u64)],
    verdict: &Verdict,
) -> Result<(), DbError> {
    let before = verdict.before.map(Decision::as_str);
    for (dev, dseq) in ops {
        let key = (org.store(), dev.store(), dseq.store());
        let decided = on_db!(tx, |c| diesel::update(quarantined_ops::table.find(key))
            .filter(quarantined_ops::decision.is_null().eq(before.is_none()))
            .filter(quarantined_ops::decision.is_null().or(quarantined_ops::decision.eq(before)))
            .set((
                quarantined_ops::decision.eq(Some(verdict.decision.as_str())),
                quarantined_ops::decided_at.eq(Some(verdict.at.store())),
                quarantined_ops::decided_by.eq(verdict.by.map(|it| it.store())),
                quarantined_ops::why.eq(Some(verdict.why.as_str())),
            ))
            .execute(c))?;
        if decided == 0 {
            return Err(DbError::Stale);
        }
    }
    Ok(())
}
