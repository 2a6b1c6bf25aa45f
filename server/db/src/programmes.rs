//! Programmes, their waves, and the assignments of visits to auditors.

use diesel::prelude::*;
use domain::date::Date;
use domain::ids::{AssignmentId, AuditId, BranchId, OrgId, ProgrammeId, UserId, WaveId};
use domain::lifecycle::State;
use sync_core::Hash;

use crate::column::Stored;
use crate::page::rows_to_read;
use crate::record::{BATCH, Record, read_all, read_one, rows};
use crate::schema::{assignments, programmes, waves};
use crate::{DbError, Micros, Page, Tx};

record! {
    /// An audit programme.
    Programme as ProgrammeRow in programmes {
        /// Its id.
        programme_id: ProgrammeId,
        /// Its code, unique in the organization.
        code: String,
        /// Its name.
        name: String,
        /// False for one that is over.
        active: bool,
        /// When it was created.
        created_at: Micros,
        /// Whether phones show what a visit would score as it stands.
        preview_score: bool,
        /// Whether phones offer to hide the screen.
        covert: bool,
        /// Whether phones record sound where a checklist asks for it.
        audio: bool,
        /// Whether phones take files where a checklist asks for them.
        files: bool,
        /// Days that a branch has to appeal after a publication, 1 to 90.
        appeal_days: u32,
        /// Why it is run.
        purpose: Option<String>,
        /// What staff were told of it.
        notice_text: Option<String>,
        /// The day they were told; there exactly where the text is.
        notice_on: Option<Date>,
        /// For how many days its records are meant to be kept, 30 to 3650.
        retention_days: Option<u32>,
    }
}

record! {
    /// A wave of a programme.
    Wave as WaveRow in waves {
        /// Its id.
        wave_id: WaveId,
        /// The programme.
        programme_id: ProgrammeId,
        /// Its name.
        name: String,
        /// Its first day.
        window_from: Date,
        /// Its last day.
        window_to: Date,
        /// When it was created.
        created_at: Micros,
    }
}

record! {
    /// A visit offered to an auditor.
    Assignment as AssignmentRow in assignments {
        /// Its id.
        assignment_id: AssignmentId,
        /// The wave; none for one outside any.
        wave_id: Option<WaveId>,
        /// Where.
        branch_id: BranchId,
        /// Who.
        auditor_id: UserId,
        /// The checklist.
        template_id: String,
        /// Its version.
        template_version: u32,
        /// The hash of its content.
        template_hash: Hash,
        /// The first day of the visit's window.
        window_from: Date,
        /// The last.
        window_to: Date,
        /// Where it stands.
        state: State,
        /// The audit that it becomes.
        audit_id: AuditId,
        /// When it was created.
        created_at: Micros,
        /// Why its auditor declined; none where they did not.
        declined_for: Option<String>,
    }
}

/// Which assignments a list shows; nothing set shows all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AssignmentFilter {
    /// Of this auditor.
    pub auditor: Option<UserId>,
    /// Of this wave.
    pub wave: Option<WaveId>,
    /// Of one of these branches; none for any.
    pub branches: Option<Vec<BranchId>>,
    /// In one of these states; empty for any.
    pub states: Vec<State>,
}

/// Appends a programme.
///
/// - **Errors**: [`DbError::Duplicate`] for a code that is taken.
pub fn append_programme(tx: &mut Tx<'_>, org: OrgId, programme: &Programme) -> Result<(), DbError> {
    let row = programme.row(org);
    on_db!(tx, |c| diesel::insert_into(programmes::table).values(&row).execute(c))?;
    Ok(())
}

/// The programme of an id.
pub fn find_programme(
    tx: &mut Tx<'_>,
    org: OrgId,
    programme: ProgrammeId,
) -> Result<Option<Programme>, DbError> {
    let row: Option<ProgrammeRow> = on_db!(tx, |c| programmes::table
        .find((org.store(), programme.store()))
        .select(ProgrammeRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// The programmes by id.
pub fn list_programmes(
    tx: &mut Tx<'_>,
    org: OrgId,
    after: Option<ProgrammeId>,
    limit: u32,
) -> Result<Page<Programme, ProgrammeId>, DbError> {
    let found: Vec<ProgrammeRow> = on_db!(tx, |c| {
        let mut query = programmes::table.filter(programmes::org_id.eq(org.store())).into_boxed();
        if let Some(after) = after {
            query = query.filter(programmes::programme_id.gt(after.store()));
        }
        query
            .order(programmes::programme_id)
            .limit(rows_to_read(limit))
            .select(ProgrammeRow::as_select())
            .load(c)
    })?;
    Ok(Page::cut(read_all(found)?, limit, |it: &Programme| it.programme_id))
}

/// The programme that a wave belongs to.
pub fn find_programme_of_wave(
    tx: &mut Tx<'_>,
    org: OrgId,
    wave: WaveId,
) -> Result<Option<Programme>, DbError> {
    match find_wave(tx, org, wave)? {
        Some(wave) => find_programme(tx, org, wave.programme_id),
        None => Ok(None),
    }
}

/// Replaces what a programme allows on phones: those four columns of it.
///
/// - **Errors**: [`DbError::Stale`] where it is not this organization's.
pub fn set_on_phones(tx: &mut Tx<'_>, org: OrgId, programme: &Programme) -> Result<(), DbError> {
    let found = programmes::table.find((org.store(), programme.programme_id.store()));
    let changed = on_db!(tx, |c| diesel::update(found)
        .set((
            programmes::preview_score.eq(programme.preview_score),
            programmes::covert.eq(programme.covert),
            programmes::audio.eq(programme.audio),
            programmes::files.eq(programme.files),
        ))
        .execute(c))?;
    if changed == 0 { Err(DbError::Stale) } else { Ok(()) }
}

/// Replaces how many days branches have to appeal: that one column of a programme.
///
/// - **Errors**: [`DbError::Stale`] where it is not this organization's, [`DbError::Refused`] beyond 1 to 90 days.
pub fn set_appeal_days(
    tx: &mut Tx<'_>,
    org: OrgId,
    programme: ProgrammeId,
    days: u32,
) -> Result<(), DbError> {
    let changed = on_db!(tx, |c| diesel::update(programmes::table.find((org.store(), programme.store())))
        .set(programmes::appeal_days.eq(days.store()))
        .execute(c))?;
    if changed == 0 { Err(DbError::Stale) } else { Ok(()) }
}

/// Replaces why a programme is run, what staff were told, and how long it is meant to be kept: those four columns of it.
///
/// - **Errors**: [`DbError::Stale`] where it is not this organization's, [`DbError::Refused`] for a notice of which only the text or only
///   the day is given, or for days beyond 30 to 3650.
pub fn set_grounds(tx: &mut Tx<'_>, org: OrgId, programme: &Programme) -> Result<(), DbError> {
    let found = programmes::table.find((org.store(), programme.programme_id.store()));
    let changed = on_db!(tx, |c| diesel::update(found)
        .set((
            programmes::purpose.eq(programme.purpose.store()),
            programmes::notice_text.eq(programme.notice_text.store()),
            programmes::notice_on.eq(programme.notice_on.store()),
            programmes::retention_days.eq(programme.retention_days.store()),
        ))
        .execute(c))?;
    if changed == 0 { Err(DbError::Stale) } else { Ok(()) }
}

/// Appends a wave.
///
/// - **Errors**: [`DbError::Refused`] for a programme that is not stored, or a window that ends before it begins.
pub fn append_wave(tx: &mut Tx<'_>, org: OrgId, wave: &Wave) -> Result<(), DbError> {
    let row = wave.row(org);
    on_db!(tx, |c| diesel::insert_into(waves::table).values(&row).execute(c))?;
    Ok(())
}

/// The wave of an id.
pub fn find_wave(tx: &mut Tx<'_>, org: OrgId, wave: WaveId) -> Result<Option<Wave>, DbError> {
    let row: Option<WaveRow> = on_db!(tx, |c| waves::table
        .find((org.store(), wave.store()))
        .select(WaveRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// The waves by id; those of one programme where `programme` is given.
pub fn list_waves(
    tx: &mut Tx<'_>,
    org: OrgId,
    programme: Option<ProgrammeId>,
    after: Option<WaveId>,
    limit: u32,
) -> Result<Page<Wave, WaveId>, DbError> {
    let found: Vec<WaveRow> = on_db!(tx, |c| {
        let mut query = waves::table.filter(waves::org_id.eq(org.store())).into_boxed();
        if let Some(programme) = programme {
            query = query.filter(waves::programme_id.eq(programme.store()));
        }
        if let Some(after) = after {
            query = query.filter(waves::wave_id.gt(after.store()));
        }
        query.order(waves::wave_id).limit(rows_to_read(limit)).select(WaveRow::as_select()).load(c)
    })?;
    Ok(Page::cut(read_all(found)?, limit, |it: &Wave| it.wave_id))
}

/// Appends assignments, in statements of many.
///
/// - **Errors**: [`DbError::Duplicate`] for an id that is taken, [`DbError::Refused`] for a wave, a branch or an
///   auditor that is not stored.
pub fn append_assignments(tx: &mut Tx<'_>, org: OrgId, new: &[Assignment]) -> Result<(), DbError> {
    for batch in new.chunks(BATCH) {
        let batch = rows(org, batch);
        on_db!(tx, |c| diesel::insert_into(assignments::table).values(&batch).execute(c))?;
    }
    Ok(())
}

/// The assignment of an id.
pub fn find_assignment(
    tx: &mut Tx<'_>,
    org: OrgId,
    assignment: AssignmentId,
) -> Result<Option<Assignment>, DbError> {
    let row: Option<AssignmentRow> = on_db!(tx, |c| assignments::table
        .find((org.store(), assignment.store()))
        .select(AssignmentRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// The assignments of many ids, in no order; those that are not stored are left out.
pub fn find_assignments(
    tx: &mut Tx<'_>,
    org: OrgId,
    ids: &[AssignmentId],
) -> Result<Vec<Assignment>, DbError> {
    let mut found: Vec<AssignmentRow> = Vec::with_capacity(ids.len());
    for ids in ids.chunks(BATCH) {
        let ids: Vec<_> = ids.iter().map(Stored::store).collect();
        let batch: Vec<AssignmentRow> = on_db!(tx, |c| assignments::table
            .filter(assignments::org_id.eq(org.store()))
            .filter(assignments::assignment_id.eq_any(&ids))
            .select(AssignmentRow::as_select())
            .load(c))?;
        found.extend(batch);
    }
    read_all(found)
}

/// The assignments that audits belong to, in no order; an audit without one is left out.
pub fn find_assignments_of_audits(
    tx: &mut Tx<'_>,
    org: OrgId,
    audits: &[AuditId],
) -> Result<Vec<Assignment>, DbError> {
    let mut found: Vec<AssignmentRow> = Vec::new();
    for audits in audits.chunks(BATCH) {
        let audits: Vec<_> = audits.iter().map(Stored::store).collect();
        let batch: Vec<AssignmentRow> = on_db!(tx, |c| assignments::table
            .filter(assignments::org_id.eq(org.store()))
            .filter(assignments::audit_id.eq_any(&audits))
            .select(AssignmentRow::as_select())
            .load(c))?;
        found.extend(batch);
    }
    read_all(found)
}

/// The assignments that `filter` shows, by id.
pub fn list_assignments(
    tx: &mut Tx<'_>,
    org: OrgId,
    filter: &AssignmentFilter,
    after: Option<AssignmentId>,
    limit: u32,
) -> Result<Page<Assignment, AssignmentId>, DbError> {
    let states: Vec<&str> = filter.states.iter().map(|state| state.as_str()).collect();
    let branches: Option<Vec<_>> =
        filter.branches.as_ref().map(|ids| ids.iter().map(Stored::store).collect());
    let found: Vec<AssignmentRow> = on_db!(tx, |c| {
        let mut query = assignments::table.filter(assignments::org_id.eq(org.store())).into_boxed();
        if !states.is_empty() {
            query = query.filter(assignments::state.eq_any(&states));
        }
        if let Some(branches) = &branches {
            query = query.filter(assignments::branch_id.eq_any(branches));
        }
        if let Some(auditor) = filter.auditor {
            query = query.filter(assignments::auditor_id.eq(auditor.store()));
        }
        if let Some(wave) = filter.wave {
            query = query.filter(assignments::wave_id.eq(Some(wave.store())));
        }
        if let Some(after) = after {
            query = query.filter(assignments::assignment_id.gt(after.store()));
        }
        query
            .order(assignments::assignment_id)
            .limit(rows_to_read(limit))
            .select(AssignmentRow::as_select())
            .load(c)
    })?;
    Ok(Page::cut(read_all(found)?, limit, |it: &Assignment| it.assignment_id))
}

/// Moves an assignment from one state to another.
///
/// - **Errors**: [`DbError::Stale`] where it does not stand in the first, or is not this organization's.
pub fn set_assignment_state(
    tx: &mut Tx<'_>,
    org: OrgId,
    assignment: AssignmentId,
    (from, to): (State, State),
) -> Result<(), DbError> {
    let moved = on_db!(tx, |c| diesel::update(assignments::table.find((org.store(), assignment.store())))
        .filter(assignments::state.eq(from.as_str()))
        .set(assignments::state.eq(to.as_str()))
        .execute(c))?;
    if moved == 0 { Err(DbError::Stale) } else { Ok(()) }
}

/// Moves an assignment from `from` to declined, with the auditor's reason.
///
/// # Errors
/// Those of the database; [`DbError::Stale`] where it does not stand so.
pub fn decline_assignment(
    tx: &mut Tx<'_>,
    org: OrgId,
    assignment: AssignmentId,
    from: State,
    reason: &str,
) -> Result<(), DbError> {
    let moved = on_db!(tx, |c| diesel::update(assignments::table.find((org.store(), assignment.store())))
        .filter(assignments::state.eq(from.as_str()))
        .set((assignments::state.eq(State::Declined.as_str()), assignments::declined_for.eq(reason)))
        .execute(c))?;
    if moved == 0 { Err(DbError::Stale) } else { Ok(()) }
}
