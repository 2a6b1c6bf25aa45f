//! Audits as the fold of their ops shows them, their ops, and the events of their states.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use domain::date::Date;
use domain::ids::{AssignmentId, AuditId, BranchId, OrgId, UserId};
use domain::lifecycle::{Actor, Command, State};
use sync_core::Hash;
use uuid::Uuid;

use crate::column::Stored;
use crate::page::rows_to_read;
use crate::record::{BATCH, Record, read_all, read_one, rows};
use crate::schema::{audit_ops, audits, visit_events};
use crate::{DbError, Micros, Page, Tx};

words! {
    /// How a visit ended.
    VisitKind {
        /// It took place.
        Visit = "visit",
        /// It could not take place.
        NotCompleted = "not_completed",
    }
}

record! {
    /// An audit, without its ops.
    Audit as AuditRow in audits {
        /// Its id.
        audit_id: AuditId,
        /// The branch that was visited.
        branch_id: BranchId,
        /// Who visited.
        auditor_id: UserId,
        /// The assignment it answers; none for a visit on the auditor's own.
        assignment_id: Option<AssignmentId>,
        /// The checklist.
        template_id: String,
        /// Its version.
        template_version: u32,
        /// The hash of its content, to which the audit is pinned.
        template_hash: Hash,
        /// Where it stands.
        state: State,
        /// The round of correction, 0 for the first.
        round: u32,
        /// How it ended.
        kind: VisitKind,
        /// The day of the visit on the branch's calendar.
        visit_date: Option<Date>,
        /// The branch's time zone (IANA) at the visit.
        zone: String,
        /// When the standing submission came.
        submitted_at: Option<Micros>,
        /// When it was approved or rejected.
        decided_at: Option<Micros>,
        /// By whom.
        decided_by: Option<UserId>,
        /// Conflicts between answers that are open.
        open_conflicts: u32,
        /// Ops that came too late for their round.
        late_ops: u32,
        /// The reviewer who has it.
        claimed_by: Option<UserId>,
        /// What an import calls it.
        external_ref: Option<String>,
        /// When it last changed.
        updated_at: Micros,
    }
}

record! {
    /// The encoded ops of an audit.
    AuditOps as AuditOpsRow in audit_ops {
        /// The audit.
        audit_id: AuditId,
        /// `sync_core::AuditOps`, encoded.
        ops: Vec<u8>,
    }
}

record! {
    /// An arrow of the state table that was taken.
    VisitEvent as VisitEventRow in visit_events {
        /// The audit.
        audit_id: AuditId,
        /// 1, 2, 3... in each audit.
        seq: u32,
        /// Where it stood; none at its creation.
        from_state: Option<State>,
        /// What was asked.
        command: Command,
        /// Where it then stood.
        to_state: State,
        /// In which capacity somebody asked.
        actor_kind: Actor,
        /// Who; none for the server.
        actor_id: Option<Uuid>,
        /// When, by the clock of the device.
        device_at: Option<Micros>,
        /// When, by the clock of the server.
        server_at: Micros,
        /// Why.
        reason: Option<String>,
        /// The content before.
        before_hash: Option<Hash>,
        /// The content after.
        after_hash: Option<Hash>,
    }
}

/// Which audits a list shows; nothing set shows all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// In one of these states; empty for any.
    pub states: Vec<State>,
    /// Of one of these branches; none for any.
    pub branches: Option<Vec<BranchId>>,
    /// Of this auditor.
    pub auditor: Option<UserId>,
    /// Visited on this day or later.
    pub from: Option<Date>,
    /// Visited on this day or earlier.
    pub to: Option<Date>,
    /// With conflicts that are open.
    pub in_conflict: bool,
}

/// Stores audits that were not found, with their ops, in statements of many.
///
/// - **Errors**: [`DbError::Duplicate`] for one that is there. On PostgreSQL another transaction may have begun it since:
///   then [`crate::Db::write`] runs this one again, which finds it.
pub fn append(tx: &mut Tx<'_>, org: OrgId, begun: &[Audit], ops: &[AuditOps]) -> Result<(), DbError> {
    for batch in begun.chunks(BATCH) {
        let batch = rows(org, batch);
        let inserted = insert_all!(tx, batch, |values| diesel::insert_into(audits::table).values(values));
        inserted.inspect_err(|error| tx.lost_if_duplicate(error))?;
    }
    for batch in ops.chunks(BATCH) {
        let batch = rows(org, batch);
        insert_all!(tx, batch, |values| diesel::insert_into(audit_ops::table).values(values))?;
    }
    Ok(())
}

/// Stores audits as they now are, in statements of many; of two with one id the later in `changed` stands.
pub fn upsert(tx: &mut Tx<'_>, org: OrgId, changed: &[Audit]) -> Result<(), DbError> {
    for batch in changed.chunks(BATCH) {
        let last: BTreeMap<AuditId, &Audit> = batch.iter().map(|audit| (audit.audit_id, audit)).collect();
        let batch: Vec<AuditRow> = last.values().map(|audit| audit.row(org)).collect();
        on_db!(tx, |c| {
            diesel::insert_into(audits::table)
            .values(&batch)
            .on_conflict((audits::org_id, audits::audit_id))
            .do_update()
            .set(excluded!(audits:
                branch_id, auditor_id, assignment_id, template_id, template_version, template_hash, state, round,
                kind, visit_date, zone, submitted_at, decided_at, decided_by, open_conflicts, late_ops, claimed_by,
                external_ref, updated_at
            ))
            .execute(c)
        })?;
    }
    Ok(())
}

/// Stores the ops of audits, in statements of many; of two with one id the later in `changed` stands.
///
/// - **Errors**: [`DbError::Refused`] for an audit that is not stored.
pub fn upsert_ops(tx: &mut Tx<'_>, org: OrgId, changed: &[AuditOps]) -> Result<(), DbError> {
    for batch in changed.chunks(BATCH) {
        let last: BTreeMap<AuditId, &AuditOps> = batch.iter().map(|ops| (ops.audit_id, ops)).collect();
        let batch: Vec<AuditOpsRow> = last.values().map(|ops| ops.row(org)).collect();
        on_db!(tx, |c| diesel::insert_into(audit_ops::table)
            .values(&batch)
            .on_conflict((audit_ops::org_id, audit_ops::audit_id))
            .do_update()
            .set(excluded!(audit_ops: ops))
            .execute(c))?;
    }
    Ok(())
}

/// The audit of an id.
pub fn find(tx: &mut Tx<'_>, org: OrgId, audit: AuditId) -> Result<Option<Audit>, DbError> {
    let row: Option<AuditRow> = on_db!(tx, |c| audits::table
        .find((org.store(), audit.store()))
        .select(AuditRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// The audits of many ids, by id; those that are not stored are left out. At most [`crate::MAX_PAGE`] ids at once.
pub fn find_many(tx: &mut Tx<'_>, org: OrgId, ids: &[AuditId]) -> Result<Vec<Audit>, DbError> {
    let ids = at_most_a_page(ids)?;
    let found: Vec<AuditRow> = on_db!(tx, |c| audits::table
        .filter(audits::org_id.eq(org.store()))
        .filter(audits::audit_id.eq_any(&ids))
        .order(audits::audit_id)
        .select(AuditRow::as_select())
        .load(c))?;
    read_all(found)
}

/// The audit of an id, which nobody else can change until this transaction ends.
pub fn lock(tx: &mut Tx<'_>, org: OrgId, audit: AuditId) -> Result<Option<Audit>, DbError> {
    let key = (org.store(), audit.store());
    let row: Option<AuditRow> = on_db!(
        tx,
        pg | c | audits::table.find(key).select(AuditRow::as_select()).for_update().first(c).optional(),
        sqlite | c | audits::table.find(key).select(AuditRow::as_select()).first(c).optional(),
    )?;
    read_one(row)
}

/// The audits of many ids, by id, which nobody else can change until this transaction ends; those that are not stored
/// are left out. At most [`crate::MAX_PAGE`] ids at once.
pub fn lock_many(tx: &mut Tx<'_>, org: OrgId, ids: &[AuditId]) -> Result<Vec<Audit>, DbError> {
    let ids = at_most_a_page(ids)?;
    let query = audits::table
        .filter(audits::org_id.eq(org.store()))
        .filter(audits::audit_id.eq_any(&ids))
        .order(audits::audit_id);
    let found: Vec<AuditRow> = on_db!(
        tx,
        pg | c | query.select(AuditRow::as_select()).for_update().load(c),
        sqlite | c | query.select(AuditRow::as_select()).load(c),
    )?;
    read_all(found)
}

/// The audits that an import calls `external_ref`, at most [`crate::MAX_PAGE`].
pub fn find_by_external_ref(tx: &mut Tx<'_>, org: OrgId, external_ref: &str) -> Result<Vec<Audit>, DbError> {
    let found: Vec<AuditRow> = on_db!(tx, |c| audits::table
        .filter(audits::org_id.eq(org.store()))
        .filter(audits::external_ref.eq(external_ref))
        .order(audits::audit_id)
        .limit(i64::from(crate::MAX_PAGE))
        .select(AuditRow::as_select())
        .load(c))?;
    read_all(found)
}

/// The encoded ops of an audit.
pub fn find_ops(tx: &mut Tx<'_>, org: OrgId, audit: AuditId) -> Result<Option<Vec<u8>>, DbError> {
    on_db!(tx, |c| audit_ops::table
        .find((org.store(), audit.store()))
        .select(audit_ops::ops)
        .first(c)
        .optional())
}

/// The encoded ops of all audits, by id.
pub fn list_ops(
    tx: &mut Tx<'_>,
    org: OrgId,
    after: Option<AuditId>,
    limit: u32,
) -> Result<Page<AuditOps, AuditId>, DbError> {
    let found: Vec<AuditOpsRow> = on_db!(tx, |c| {
        let mut query = audit_ops::table.filter(audit_ops::org_id.eq(org.store())).into_boxed();
        if let Some(after) = after {
            query = query.filter(audit_ops::audit_id.gt(after.store()));
        }
        query.order(audit_ops::audit_id).limit(rows_to_read(limit)).select(AuditOpsRow::as_select()).load(c)
    })?;
    Ok(Page::cut(read_all(found)?, limit, |it: &AuditOps| it.audit_id))
}

/// The encoded ops of many audits, by id; those that have none are left out. At most [`crate::MAX_PAGE`] ids at once.
pub fn find_ops_of_many(tx: &mut Tx<'_>, org: OrgId, ids: &[AuditId]) -> Result<Vec<AuditOps>, DbError> {
    let ids = at_most_a_page(ids)?;
    let found: Vec<AuditOpsRow> = on_db!(tx, |c| audit_ops::table
        .filter(audit_ops::org_id.eq(org.store()))
        .filter(audit_ops::audit_id.eq_any(&ids))
        .order(audit_ops::audit_id)
        .select(AuditOpsRow::as_select())
        .load(c))?;
    read_all(found)
}

/// The audits that `filter` shows, by id.
pub fn list(
    tx: &mut Tx<'_>,
    org: OrgId,
    filter: &AuditFilter,
    after: Option<AuditId>,
    limit: u32,
) -> Result<Page<Audit, AuditId>, DbError> {
    let states: Vec<&str> = filter.states.iter().map(|state| state.as_str()).collect();
    let branches: Option<Vec<_>> =
        filter.branches.as_ref().map(|ids| ids.iter().map(Stored::store).collect());
    let found: Vec<AuditRow> = on_db!(tx, |c| {
        let mut query = audits::table.filter(audits::org_id.eq(org.store())).into_boxed();
        if !states.is_empty() {
            query = query.filter(audits::state.eq_any(&states));
        }
        if let Some(branches) = &branches {
            query = query.filter(audits::branch_id.eq_any(branches));
        }
        if let Some(auditor) = filter.auditor {
            query = query.filter(audits::auditor_id.eq(auditor.store()));
        }
        if let Some(from) = filter.from {
            query = query.filter(audits::visit_date.ge(from.store()));
        }
        if let Some(to) = filter.to {
            query = query.filter(audits::visit_date.le(to.store()));
        }
        if filter.in_conflict {
            query = query.filter(audits::open_conflicts.gt(0));
        }
        if let Some(after) = after {
            query = query.filter(audits::audit_id.gt(after.store()));
        }
        query.order(audits::audit_id).limit(rows_to_read(limit)).select(AuditRow::as_select()).load(c)
    })?;
    Ok(Page::cut(read_all(found)?, limit, |audit: &Audit| audit.audit_id))
}

/// How many audits stand in each state, in the states' alphabetical order.
pub fn count_by_state(tx: &mut Tx<'_>, org: OrgId) -> Result<Vec<(State, u64)>, DbError> {
    let counted: Vec<(String, i64)> = on_db!(tx, |c| audits::table
        .filter(audits::org_id.eq(org.store()))
        .group_by(audits::state)
        .order(audits::state)
        .select((audits::state, diesel::dsl::count_star()))
        .load(c))?;
    counted.into_iter().map(|(state, count)| Ok((State::read(state)?, u64::read(count)?))).collect()
}

/// Replaces an audit that still stands in `from`.
///
/// - **Errors**: [`DbError::Stale`] where it no longer does, or is not this organization's.
pub fn update(tx: &mut Tx<'_>, org: OrgId, from: State, audit: &Audit) -> Result<(), DbError> {
    let standing = on_db!(tx, |c| diesel::update(audits::table.find((org.store(), audit.audit_id.store())))
        .filter(audits::state.eq(from.as_str()))
        .set(audits::state.eq(audit.state.as_str()))
        .execute(c))?;
    if standing == 0 {
        return Err(DbError::Stale);
    }
    upsert(tx, org, std::slice::from_ref(audit))
}

/// Moves an audit from one state to another and changes nothing else of it.
///
/// - **Errors**: [`DbError::Stale`] where it does not stand in `from`, or is not this organization's.
pub fn set_state(
    tx: &mut Tx<'_>,
    org: OrgId,
    audit: AuditId,
    (from, to): (State, State),
    at: Micros,
) -> Result<(), DbError> {
    let moved = on_db!(tx, |c| diesel::update(audits::table.find((org.store(), audit.store())))
        .filter(audits::state.eq(from.as_str()))
        .set((audits::state.eq(to.as_str()), audits::updated_at.eq(at.store())))
        .execute(c))?;
    if moved == 0 { Err(DbError::Stale) } else { Ok(()) }
}

/// Appends events.
///
/// - **Errors**: [`DbError::Duplicate`] for a `seq` that is taken.
pub fn append_events(tx: &mut Tx<'_>, org: OrgId, events: &[VisitEvent]) -> Result<(), DbError> {
    for batch in events.chunks(BATCH) {
        let batch = rows(org, batch);
        insert_all!(tx, batch, |values| diesel::insert_into(visit_events::table).values(values))?;
    }
    Ok(())
}

/// The `seq` of an audit's next event; lock the audit first.
pub fn next_event_seq(tx: &mut Tx<'_>, org: OrgId, audit: AuditId) -> Result<u32, DbError> {
    let last: Option<i64> = on_db!(tx, |c| visit_events::table
        .filter(visit_events::org_id.eq(org.store()))
        .filter(visit_events::audit_id.eq(audit.store()))
        .select(diesel::dsl::max(visit_events::seq))
        .first(c))?;
    u32::read(last.unwrap_or(0).saturating_add(1))
}

/// The `seq` of the next event of each of many audits; lock them first. Those without any event are left out: theirs
/// is 1. At most [`crate::MAX_PAGE`] ids at once.
pub fn next_event_seqs(
    tx: &mut Tx<'_>,
    org: OrgId,
    ids: &[AuditId],
) -> Result<BTreeMap<AuditId, u32>, DbError> {
    let ids = at_most_a_page(ids)?;
    let last: Vec<(crate::column::UidColumn, Option<i64>)> = on_db!(tx, |c| visit_events::table
        .filter(visit_events::org_id.eq(org.store()))
        .filter(visit_events::audit_id.eq_any(&ids))
        .group_by(visit_events::audit_id)
        .select((visit_events::audit_id, diesel::dsl::max(visit_events::seq)))
        .load(c))?;
    last.into_iter()
        .map(|(audit, seq)| Ok((AuditId::read(audit)?, u32::read(seq.unwrap_or(0).saturating_add(1))?)))
        .collect()
}

/// The events of an audit, oldest first, at most [`crate::MAX_PAGE`].
pub fn list_events(tx: &mut Tx<'_>, org: OrgId, audit: AuditId) -> Result<Vec<VisitEvent>, DbError> {
    let found: Vec<VisitEventRow> = on_db!(tx, |c| visit_events::table
        .filter(visit_events::org_id.eq(org.store()))
        .filter(visit_events::audit_id.eq(audit.store()))
        .order(visit_events::seq)
        .limit(i64::from(crate::MAX_PAGE))
        .select(VisitEventRow::as_select())
        .load(c))?;
    read_all(found)
}

/// Who took a step with each of many audits, in whatever capacity, the decisions of appeals left out. Those with which nobody did are left
/// out. At most [`crate::MAX_PAGE`] ids at once.
pub fn actors_of_many(
    tx: &mut Tx<'_>,
    org: OrgId,
    ids: &[AuditId],
) -> Result<BTreeMap<AuditId, BTreeSet<Uuid>>, DbError> {
    let ids = at_most_a_page(ids)?;
    let of_appeals = [Command::Uphold.as_str(), Command::Dismiss.as_str()];
    let found: Vec<(crate::column::UidColumn, Option<crate::column::UidColumn>)> = on_db!(tx, |c| {
        visit_events::table
            .filter(visit_events::org_id.eq(org.store()))
            .filter(visit_events::audit_id.eq_any(&ids))
            .filter(visit_events::actor_id.is_not_null())
            .filter(visit_events::command.ne_all(of_appeals))
            .select((visit_events::audit_id, visit_events::actor_id))
            .distinct()
            .load(c)
    })?;
    let mut all: BTreeMap<AuditId, BTreeSet<Uuid>> = BTreeMap::new();
    for (audit, actor) in found {
        if let Some(actor) = actor {
            all.entry(AuditId::read(audit)?).or_default().insert(Uuid::read(actor)?);
        }
    }
    Ok(all)
}

fn at_most_a_page(ids: &[AuditId]) -> Result<Vec<crate::column::UidColumn>, DbError> {
    if ids.len() > usize::try_from(crate::MAX_PAGE).unwrap_or(usize::MAX) {
        return Err(DbError::Usage("more ids at once than a page holds"));
    }
    Ok(ids.iter().map(Stored::store).collect())
}
