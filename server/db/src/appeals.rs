//! Appeals of branches against published visits: their items, files and messages. What a branch said and what was decided is never
//! edited; the database itself refuses it.

use std::collections::BTreeSet;

use diesel::prelude::*;
use domain::appeal::{AppealState, ItemDecision};
use domain::date::Date;
use domain::ids::{AppealId, AuditId, BranchId, OrgId, UserId};
use sync_core::Hash;
use uuid::Uuid;

use crate::column::{Stored, UidColumn};
use crate::page::rows_to_read;
use crate::record::{BATCH, Record, read_all, read_one, rows};
use crate::schema::{appeal_files, appeal_items, appeal_messages, appeals};
use crate::{DbError, Micros, Page, Tx};

record! {
    /// An appeal.
    Appeal as AppealRow in appeals {
        /// Its id, a UUIDv7.
        appeal_id: AppealId,
        /// The visit that it questions.
        audit_id: AuditId,
        /// The branch of that visit.
        branch_id: BranchId,
        /// The version of the score that it questions.
        score_version: u32,
        /// Who appealed.
        appellant: UserId,
        /// When.
        created_at: Micros,
        /// The last day on which it is to be decided, by the branch's calendar.
        decide_by: Date,
        /// How far it is.
        state: AppealState,
        /// Who decided it, or took it back.
        decided_by: Option<UserId>,
        /// When.
        decided_at: Option<Micros>,
        /// Why, in the words of whoever decided.
        reason: Option<String>,
        /// The version of the score that it led to; only where it was upheld.
        new_version: Option<u32>,
    }
}

record! {
    /// An item that an appeal questions.
    AppealItem as AppealItemRow in appeal_items {
        /// The appeal.
        appeal_id: AppealId,
        /// The item of the checklist.
        item: String,
        /// Its place in the appeal, from 0.
        place: u32,
        /// Why, in the branch's words.
        reason: String,
        /// What was decided of it; none while it waits.
        decision: Option<ItemDecision>,
        /// Why, in the words of whoever decided.
        decision_reason: Option<String>,
        /// The answer that counts from then on, as JSON; `null` where the item counts no more. None where it was not upheld, or where the
        /// answer was redacted.
        answer: Option<String>,
        /// Whether that answer was taken out for good.
        answer_redacted: bool,
    }
}

record! {
    /// A file that a branch attached to an item of its appeal; its bytes are a blob.
    AppealFile as AppealFileRow in appeal_files {
        /// The appeal.
        appeal_id: AppealId,
        /// The item.
        item: String,
        /// The blob.
        blob: Hash,
        /// Its media type, as its bytes show it.
        mime: String,
        /// Its length in bytes.
        size: u64,
        /// Who attached it.
        added_by: UserId,
        /// When.
        added_at: Micros,
    }
}

record! {
    /// A message on an appeal.
    AppealMessage as AppealMessageRow in appeal_messages {
        /// Its id, a UUIDv7: messages are in the order of time.
        message_id: Uuid,
        /// The appeal.
        appeal_id: AppealId,
        /// Who wrote it.
        author: UserId,
        /// Whether they wrote for the office rather than for the branch.
        of_office: bool,
        /// What.
        text: String,
        /// When.
        at: Micros,
    }
}

/// Which appeals a list shows; nothing set shows all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppealFilter {
    /// In this state.
    pub state: Option<AppealState>,
    /// Of one of these branches; none for any.
    pub branches: Option<Vec<BranchId>>,
}

/// Appends an appeal with its items.
///
/// - **Errors**: [`DbError::Duplicate`] for a second open one of a visit, or an item that is named twice; [`DbError::Refused`] for a
///   version of a score that is not frozen.
pub fn append(tx: &mut Tx<'_>, org: OrgId, appeal: &Appeal, items: &[AppealItem]) -> Result<(), DbError> {
    if items.iter().any(|it| it.appeal_id != appeal.appeal_id) {
        return Err(DbError::Usage("an item of another appeal"));
    }
    let row = appeal.row(org);
    on_db!(tx, |c| diesel::insert_into(appeals::table).values(&row).execute(c))?;
    for batch in items.chunks(BATCH) {
        let batch = rows(org, batch);
        on_db!(tx, |c| diesel::insert_into(appeal_items::table).values(&batch).execute(c))?;
    }
    Ok(())
}

/// The appeal of an id.
pub fn find(tx: &mut Tx<'_>, org: OrgId, id: AppealId) -> Result<Option<Appeal>, DbError> {
    let row: Option<AppealRow> = on_db!(tx, |c| appeals::table
        .find((org.store(), id.store()))
        .select(AppealRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// The appeal of a visit that waits for its decision.
pub fn find_open(tx: &mut Tx<'_>, org: OrgId, audit: AuditId) -> Result<Option<Appeal>, DbError> {
    let row: Option<AppealRow> = on_db!(tx, |c| appeals::table
        .filter(appeals::org_id.eq(org.store()))
        .filter(appeals::audit_id.eq(audit.store()))
        .filter(appeals::state.eq(AppealState::Open.as_str()))
        .select(AppealRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// The appeals of many visits, oldest first.
pub fn of_audits(tx: &mut Tx<'_>, org: OrgId, audits: &[AuditId]) -> Result<Vec<Appeal>, DbError> {
    let mut all = Vec::new();
    for batch in audits.chunks(BATCH) {
        let batch: Vec<UidColumn> = batch.iter().map(Stored::store).collect();
        let found: Vec<AppealRow> = on_db!(tx, |c| appeals::table
            .filter(appeals::org_id.eq(org.store()))
            .filter(appeals::audit_id.eq_any(&batch))
            .order(appeals::appeal_id)
            .select(AppealRow::as_select())
            .load(c))?;
        all.extend(read_all::<Appeal>(found)?);
    }
    all.sort_by_key(|it| it.appeal_id);
    Ok(all)
}

/// The appeals that `filter` shows, oldest first.
pub fn list(
    tx: &mut Tx<'_>,
    org: OrgId,
    filter: &AppealFilter,
    after: Option<AppealId>,
    limit: u32,
) -> Result<Page<Appeal, AppealId>, DbError> {
    let branches: Option<Vec<UidColumn>> =
        filter.branches.as_ref().map(|ids| ids.iter().map(Stored::store).collect());
    let found: Vec<AppealRow> = on_db!(tx, |c| {
        let mut query = appeals::table.filter(appeals::org_id.eq(org.store())).into_boxed();
        if let Some(state) = filter.state {
            query = query.filter(appeals::state.eq(state.as_str()));
        }
        if let Some(branches) = &branches {
            query = query.filter(appeals::branch_id.eq_any(branches));
        }
        if let Some(after) = after {
            query = query.filter(appeals::appeal_id.gt(after.store()));
        }
        query.order(appeals::appeal_id).limit(rows_to_read(limit)).select(AppealRow::as_select()).load(c)
    })?;
    Ok(Page::cut(read_all(found)?, limit, |it: &Appeal| it.appeal_id))
}

/// The items of many appeals, by appeal and place.
pub fn list_items(tx: &mut Tx<'_>, org: OrgId, of: &[AppealId]) -> Result<Vec<AppealItem>, DbError> {
    let mut all = Vec::new();
    for batch in of.chunks(BATCH) {
        let batch: Vec<UidColumn> = batch.iter().map(Stored::store).collect();
        let found: Vec<AppealItemRow> = on_db!(tx, |c| appeal_items::table
            .filter(appeal_items::org_id.eq(org.store()))
            .filter(appeal_items::appeal_id.eq_any(&batch))
            .order((appeal_items::appeal_id, appeal_items::place))
            .select(AppealItemRow::as_select())
            .load(c))?;
        all.extend(read_all::<AppealItem>(found)?);
    }
    Ok(all)
}

/// Closes an open appeal: its state, who decided it when and why, and where it led; and what was decided of each of `items`.
///
/// - **Errors**: [`DbError::Stale`] where it is not open any more, or is not this organization's, or an item is none of its own.
pub fn close(tx: &mut Tx<'_>, org: OrgId, closed: &Appeal, items: &[AppealItem]) -> Result<(), DbError> {
    let row = closed.row(org);
    let changed =
        on_db!(tx, |c| diesel::update(appeals::table.find((org.store(), closed.appeal_id.store())))
            .filter(appeals::state.eq(AppealState::Open.as_str()))
            .set((
                appeals::state.eq(&row.state),
                appeals::decided_by.eq(row.decided_by),
                appeals::decided_at.eq(row.decided_at),
                appeals::reason.eq(&row.reason),
                appeals::new_version.eq(row.new_version),
            ))
            .execute(c))?;
    if changed == 0 {
        return Err(DbError::Stale);
    }
    for it in items {
        let row = it.row(org);
        let key = (org.store(), closed.appeal_id.store(), it.item.as_str());
        let changed = on_db!(tx, |c| diesel::update(appeal_items::table.find(key))
            .set((
                appeal_items::decision.eq(&row.decision),
                appeal_items::decision_reason.eq(&row.decision_reason),
                appeal_items::answer.eq(&row.answer),
            ))
            .execute(c))?;
        if changed == 0 {
            return Err(DbError::Stale);
        }
    }
    Ok(())
}

/// Takes the answer out that was put in place of one that is redacted.
///
/// - **Errors**: [`DbError::NotFound`] for an item that is none of the appeal's.
pub fn redact_answer(tx: &mut Tx<'_>, org: OrgId, id: AppealId, item: &str) -> Result<(), DbError> {
    let key = (org.store(), id.store(), item);
    let changed = on_db!(tx, |c| diesel::update(appeal_items::table.find(key))
        .set((appeal_items::answer.eq(None::<String>), appeal_items::answer_redacted.eq(true)))
        .execute(c))?;
    if changed == 0 { Err(DbError::NotFound) } else { Ok(()) }
}

/// Appends a file; false where the item has it already.
///
/// - **Errors**: [`DbError::Refused`] for an item that is none of the appeal's.
pub fn append_file(tx: &mut Tx<'_>, org: OrgId, file: &AppealFile) -> Result<bool, DbError> {
    let row = file.row(org);
    let appended = on_db!(tx, |c| diesel::insert_into(appeal_files::table)
        .values(&row)
        .on_conflict((appeal_files::org_id, appeal_files::appeal_id, appeal_files::item, appeal_files::blob))
        .do_nothing()
        .execute(c))?;
    Ok(appended > 0)
}

/// The files of an appeal, by item and the time at which they were attached.
pub fn list_files(tx: &mut Tx<'_>, org: OrgId, id: AppealId) -> Result<Vec<AppealFile>, DbError> {
    let found: Vec<AppealFileRow> = on_db!(tx, |c| appeal_files::table
        .filter(appeal_files::org_id.eq(org.store()))
        .filter(appeal_files::appeal_id.eq(id.store()))
        .order((appeal_files::item, appeal_files::added_at, appeal_files::blob))
        .limit(i64::from(crate::MAX_PAGE))
        .select(AppealFileRow::as_select())
        .load(c))?;
    read_all(found)
}

/// Which of these blobs appeals count on.
pub fn blobs_among(tx: &mut Tx<'_>, org: OrgId, blobs: &[Hash]) -> Result<BTreeSet<Hash>, DbError> {
    let mut all = BTreeSet::new();
    for batch in blobs.chunks(BATCH) {
        let batch: Vec<Vec<u8>> = batch.iter().map(Stored::store).collect();
        let found: Vec<Vec<u8>> = on_db!(tx, |c| appeal_files::table
            .filter(appeal_files::org_id.eq(org.store()))
            .filter(appeal_files::blob.eq_any(&batch))
            .select(appeal_files::blob)
            .distinct()
            .load(c))?;
        for blob in found {
            all.insert(Hash::read(blob)?);
        }
    }
    Ok(all)
}

/// Appends a message.
///
/// - **Errors**: [`DbError::Refused`] for an appeal that is not there.
pub fn append_message(tx: &mut Tx<'_>, org: OrgId, message: &AppealMessage) -> Result<(), DbError> {
    let row = message.row(org);
    on_db!(tx, |c| diesel::insert_into(appeal_messages::table).values(&row).execute(c))?;
    Ok(())
}

/// The messages of an appeal, oldest first, at most [`crate::MAX_PAGE`].
pub fn list_messages(tx: &mut Tx<'_>, org: OrgId, id: AppealId) -> Result<Vec<AppealMessage>, DbError> {
    let found: Vec<AppealMessageRow> = on_db!(tx, |c| appeal_messages::table
        .filter(appeal_messages::org_id.eq(org.store()))
        .filter(appeal_messages::appeal_id.eq(id.store()))
        .order(appeal_messages::message_id)
        .limit(i64::from(crate::MAX_PAGE))
        .select(AppealMessageRow::as_select())
        .load(c))?;
    read_all(found)
}
