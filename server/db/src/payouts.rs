//! Payout runs with their lines and totals. From approval on the database itself refuses every change of them.

use diesel::prelude::*;
use domain::date::Date;
use domain::ids::{OrgId, RunId, UserId};
use domain::lifecycle::RunState;
use sync_core::Hash;

use crate::column::Stored;
use crate::page::rows_to_read;
use crate::record::{BATCH, Record, read_all, read_one, rows};
use crate::schema::{payout_lines, payout_runs, payout_totals};
use crate::{DbError, Micros, Page, Tx};

words! {
    /// Whether a run pays.
    RunMode {
        /// It only shows what it would pay.
        Shadow = "shadow",
        /// It pays.
        Live = "live",
    }
}

record! {
    /// A payout run.
    PayoutRun as PayoutRunRow in payout_runs {
        /// Its id.
        run_id: RunId,
        /// The incentive plan.
        plan_id: String,
        /// Its version.
        plan_version: u32,
        /// The hash of its content.
        plan_hash: Hash,
        /// The first day of the period.
        period_from: Date,
        /// The last.
        period_to: Date,
        /// The currency of every amount (ISO 4217).
        currency: String,
        /// Whether it pays.
        mode: RunMode,
        /// Where it stands.
        state: RunState,
        /// Who created it.
        created_by: UserId,
        /// When.
        created_at: Micros,
        /// Who calculated it last.
        calculated_by: Option<UserId>,
        /// When.
        calculated_at: Option<Micros>,
        /// Who approved it: never who calculated it.
        approved_by: Option<UserId>,
        /// When.
        approved_at: Option<Micros>,
        /// Who locked it.
        locked_by: Option<UserId>,
        /// When.
        locked_at: Option<Micros>,
        /// What goes into the calculation, JSON, kept byte for byte.
        inputs: String,
        /// The SHA-256 of the inputs.
        inputs_hash: Hash,
        /// The SHA-256 of the result, once calculated.
        result_hash: Option<Hash>,
    }
}

record! {
    /// A line of a person's statement.
    PayoutLine as PayoutLineRow in payout_lines {
        /// The run.
        run_id: RunId,
        /// Whom it pays, as the inputs name them.
        person: String,
        /// 1, 2, 3... for each person.
        line: u32,
        /// The component of the plan, or what else it is for.
        component: String,
        /// The amount in minor units of the run's currency; negative only for an adjustment.
        amount_minor: i64,
        /// The line with its explanation, JSON, kept byte for byte.
        doc: String,
    }
}

record! {
    /// What a person is paid.
    PayoutTotal as PayoutTotalRow in payout_totals {
        /// The run.
        run_id: RunId,
        /// Who, as the inputs name them.
        person: String,
        /// The amount in minor units of the run's currency, never negative.
        payable_minor: i64,
        /// The total with its explanation, JSON, kept byte for byte.
        doc: String,
    }
}

/// Appends a run.
pub fn append_run(tx: &mut Tx<'_>, org: OrgId, run: &PayoutRun) -> Result<(), DbError> {
    let row = run.row(org);
    on_db!(tx, |c| diesel::insert_into(payout_runs::table).values(&row).execute(c))?;
    Ok(())
}

/// The run of an id.
pub fn find_run(tx: &mut Tx<'_>, org: OrgId, run: RunId) -> Result<Option<PayoutRun>, DbError> {
    let row: Option<PayoutRunRow> = on_db!(tx, |c| payout_runs::table
        .find((org.store(), run.store()))
        .select(PayoutRunRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// The run of an id, which nobody else can change until this transaction ends.
pub fn lock_run(tx: &mut Tx<'_>, org: OrgId, run: RunId) -> Result<Option<PayoutRun>, DbError> {
    let key = (org.store(), run.store());
    let row: Option<PayoutRunRow> = on_db!(
        tx,
        pg | c
            | payout_runs::table.find(key).select(PayoutRunRow::as_select()).for_update().first(c).optional(),
        sqlite | c | payout_runs::table.find(key).select(PayoutRunRow::as_select()).first(c).optional(),
    )?;
    read_one(row)
}

/// The runs by id.
pub fn list_runs(
    tx: &mut Tx<'_>,
    org: OrgId,
    after: Option<RunId>,
    limit: u32,
) -> Result<Page<PayoutRun, RunId>, DbError> {
    let found: Vec<PayoutRunRow> = on_db!(tx, |c| {
        let mut query = payout_runs::table.filter(payout_runs::org_id.eq(org.store())).into_boxed();
        if let Some(after) = after {
            query = query.filter(payout_runs::run_id.gt(after.store()));
        }
        query.order(payout_runs::run_id).limit(rows_to_read(limit)).select(PayoutRunRow::as_select()).load(c)
    })?;
    Ok(Page::cut(read_all(found)?, limit, |it: &PayoutRun| it.run_id))
}

/// The newest runs before one, the newest first: ids tell when they were made.
pub fn list_newest_runs(
    tx: &mut Tx<'_>,
    org: OrgId,
    before: Option<RunId>,
    limit: u32,
) -> Result<Page<PayoutRun, RunId>, DbError> {
    let found: Vec<PayoutRunRow> = on_db!(tx, |c| {
        let mut query = payout_runs::table.filter(payout_runs::org_id.eq(org.store())).into_boxed();
        if let Some(before) = before {
            query = query.filter(payout_runs::run_id.lt(before.store()));
        }
        query
            .order(payout_runs::run_id.desc())
            .limit(rows_to_read(limit))
            .select(PayoutRunRow::as_select())
            .load(c)
    })?;
    Ok(Page::cut(read_all(found)?, limit, |it: &PayoutRun| it.run_id))
}

/// Replaces what may change of a run that still stands in `from`: its state, who did what, inputs and hashes. Plan,
/// period, currency, mode and creation stay as they are.
///
/// - **Errors**: [`DbError::Stale`] where it no longer stands there, or is not this organization's;
///   [`DbError::Refused`] for a change of what was approved, a way back from approval, or an approval by who
///   calculated.
pub fn update_run(tx: &mut Tx<'_>, org: OrgId, from: RunState, run: &PayoutRun) -> Result<(), DbError> {
    let row = run.row(org);
    let changed = on_db!(tx, |c| diesel::update(payout_runs::table.find((row.org_id, row.run_id)))
        .filter(payout_runs::state.eq(from.as_str()))
        .set((
            payout_runs::state.eq(&row.state),
            payout_runs::calculated_by.eq(row.calculated_by),
            payout_runs::calculated_at.eq(row.calculated_at),
            payout_runs::approved_by.eq(row.approved_by),
            payout_runs::approved_at.eq(row.approved_at),
            payout_runs::locked_by.eq(row.locked_by),
            payout_runs::locked_at.eq(row.locked_at),
            payout_runs::inputs.eq(&row.inputs),
            payout_runs::inputs_hash.eq(&row.inputs_hash),
            payout_runs::result_hash.eq(&row.result_hash),
        ))
        .execute(c))?;
    if changed == 0 { Err(DbError::Stale) } else { Ok(()) }
}

/// Replaces the lines and totals of a run that is not approved yet.
///
/// - **Errors**: [`DbError::Refused`] for a run that is approved or not stored, or a negative total.
pub fn replace_result(
    tx: &mut Tx<'_>,
    org: OrgId,
    run: RunId,
    lines: &[PayoutLine],
    totals: &[PayoutTotal],
) -> Result<(), DbError> {
    if lines.iter().any(|it| it.run_id != run) || totals.iter().any(|it| it.run_id != run) {
        return Err(DbError::Usage("a line or a total of another run"));
    }
    on_db!(tx, |c| diesel::delete(payout_lines::table)
        .filter(payout_lines::org_id.eq(org.store()))
        .filter(payout_lines::run_id.eq(run.store()))
        .execute(c))?;
    on_db!(tx, |c| diesel::delete(payout_totals::table)
        .filter(payout_totals::org_id.eq(org.store()))
        .filter(payout_totals::run_id.eq(run.store()))
        .execute(c))?;
    for batch in lines.chunks(BATCH) {
        let batch = rows(org, batch);
        on_db!(tx, |c| diesel::insert_into(payout_lines::table).values(&batch).execute(c))?;
    }
    for batch in totals.chunks(BATCH) {
        let batch = rows(org, batch);
        on_db!(tx, |c| diesel::insert_into(payout_totals::table).values(&batch).execute(c))?;
    }
    Ok(())
}

/// The lines of a run by person and line; those of one person where `person` is given.
pub fn list_lines(
    tx: &mut Tx<'_>,
    org: OrgId,
    run: RunId,
    person: Option<&str>,
    after: Option<&(String, u32)>,
    limit: u32,
) -> Result<Page<PayoutLine, (String, u32)>, DbError> {
    let found: Vec<PayoutLineRow> = on_db!(tx, |c| {
        let mut query = payout_lines::table
            .filter(payout_lines::org_id.eq(org.store()))
            .filter(payout_lines::run_id.eq(run.store()))
            .into_boxed();
        if let Some(person) = person {
            query = query.filter(payout_lines::person.eq(person));
        }
        if let Some((person, line)) = after {
            query = query.filter(
                payout_lines::person
                    .gt(person)
                    .or(payout_lines::person.eq(person).and(payout_lines::line.gt(line.store()))),
            );
        }
        query
            .order((payout_lines::person, payout_lines::line))
            .limit(rows_to_read(limit))
            .select(PayoutLineRow::as_select())
            .load(c)
    })?;
    Ok(Page::cut(read_all(found)?, limit, |it: &PayoutLine| (it.person.clone(), it.line)))
}

/// The totals of a run by person.
pub fn list_totals(
    tx: &mut Tx<'_>,
    org: OrgId,
    run: RunId,
    after: Option<&str>,
    limit: u32,
) -> Result<Page<PayoutTotal, String>, DbError> {
    let found: Vec<PayoutTotalRow> = on_db!(tx, |c| {
        let mut query = payout_totals::table
            .filter(payout_totals::org_id.eq(org.store()))
            .filter(payout_totals::run_id.eq(run.store()))
            .into_boxed();
        if let Some(after) = after {
            query = query.filter(payout_totals::person.gt(after));
        }
        query
            .order(payout_totals::person)
            .limit(rows_to_read(limit))
            .select(PayoutTotalRow::as_select())
            .load(c)
    })?;
    Ok(Page::cut(read_all(found)?, limit, |it: &PayoutTotal| it.person.clone()))
}
