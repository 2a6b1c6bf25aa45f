//! The feeds that carry news to devices: one numbered, hash-chained stream for each user and for the reference data.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::upsert::excluded;
use domain::ids::{AuditId, OrgId};
use sync_core::exchange::StreamId;
use sync_core::{DeviceId, Hash};

use crate::column::{Stored, UidColumn};
use crate::page::rows_to_read;
use crate::record::{BATCH, read_all, rows};
use crate::schema::{feed, returned_ops, streams};
use crate::{DbError, Micros, Page, Tx};

/// The end of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamEnd {
    /// The last number that is taken; 0 for an empty stream.
    pub last: u64,
    /// The feed hash at the last entry; zero for an empty stream.
    pub f: Hash,
}

record! {
    /// An entry of a feed: a run of ops of one device, or a row of reference data, or a right.
    FeedEntry as FeedRow in feed {
        /// The stream.
        stream: StreamId,
        /// The number of its last item, by which it is found.
        sseq_last: u64,
        /// The number of its first item.
        sseq_first: u64,
        /// What it carries, such as `ops`.
        kind: String,
        /// The device whose ops it carries.
        dev: Option<DeviceId>,
        /// The position of the first op in that device's log.
        dseq_first: Option<u64>,
        /// The position of the last.
        dseq_last: Option<u64>,
        /// The chain hash after the last op, or the hash of the payload.
        h: Hash,
        /// The feed hash at this entry.
        f: Hash,
        /// When it came.
        received_at: Micros,
        /// What it carries where that is not stored elsewhere.
        payload: Option<Vec<u8>>,
    }
}

record! {
    /// That an entry carries ops of the office on an audit itself.
    ReturnedOps as ReturnedOpsRow in returned_ops {
        /// The stream.
        stream: StreamId,
        /// The audit.
        audit_id: AuditId,
        /// The number of the entry's last item.
        sseq_last: u64,
    }
}

/// Takes the next `count` numbers of a stream, which nobody else can take from until this transaction ends.
///
/// Gives the end as it was before: the numbers are `last + 1 ..= last + count`. Append the entries and close with
/// [`set_hash`].
pub fn advance(tx: &mut Tx<'_>, org: OrgId, stream: StreamId, count: u64) -> Result<StreamEnd, DbError> {
    let (last, f): (i64, Vec<u8>) = on_db!(tx, |c| diesel::insert_into(streams::table)
        .values((
            streams::org_id.eq(org.store()),
            streams::stream.eq(stream.store()),
            streams::last_sseq.eq(count.store()),
            streams::f.eq(Hash::ZERO.store()),
        ))
        .on_conflict((streams::org_id, streams::stream))
        .do_update()
        .set(streams::last_sseq.eq(streams::last_sseq + excluded(streams::last_sseq)))
        .returning((streams::last_sseq, streams::f))
        .get_result(c))?;
    let last =
        u64::read(last)?.checked_sub(count).ok_or(DbError::Corrupt("a stream that counts backwards"))?;
    Ok(StreamEnd { last, f: Hash::read(f)? })
}

/// Sets the feed hash at the end of a stream, after the entries were appended.
///
/// - **Errors**: [`DbError::NotFound`] for a stream that was never advanced.
pub fn set_hash(tx: &mut Tx<'_>, org: OrgId, stream: StreamId, f: Hash) -> Result<(), DbError> {
    let set = on_db!(tx, |c| diesel::update(streams::table.find((org.store(), stream.store())))
        .set(streams::f.eq(f.store()))
        .execute(c))?;
    if set == 0 { Err(DbError::NotFound) } else { Ok(()) }
}

/// The end of a stream; of one that was never advanced, the empty one.
pub fn find_end(tx: &mut Tx<'_>, org: OrgId, stream: StreamId) -> Result<StreamEnd, DbError> {
    let row: Option<(i64, Vec<u8>)> = on_db!(tx, |c| streams::table
        .find((org.store(), stream.store()))
        .select((streams::last_sseq, streams::f))
        .first(c)
        .optional())?;
    row.map_or(Ok(StreamEnd { last: 0, f: Hash::ZERO }), |(last, f)| {
        Ok(StreamEnd { last: Stored::read(last)?, f: Stored::read(f)? })
    })
}

/// The streams of an organization by name, each with its end.
pub fn list_ends(
    tx: &mut Tx<'_>,
    org: OrgId,
    after: Option<StreamId>,
    limit: u32,
) -> Result<Page<(StreamId, StreamEnd), StreamId>, DbError> {
    let found: Vec<(String, i64, Vec<u8>)> = on_db!(tx, |c| {
        let mut query = streams::table.filter(streams::org_id.eq(org.store())).into_boxed();
        if let Some(after) = after {
            query = query.filter(streams::stream.gt(after.store()));
        }
        query
            .order(streams::stream)
            .limit(rows_to_read(limit))
            .select((streams::stream, streams::last_sseq, streams::f))
            .load(c)
    })?;
    let read = |(stream, last, f): (String, i64, Vec<u8>)| {
        Ok((StreamId::read(stream)?, StreamEnd { last: Stored::read(last)?, f: Stored::read(f)? }))
    };
    let found = found.into_iter().map(read).collect::<Result<Vec<_>, DbError>>()?;
    Ok(Page::cut(found, limit, |it| it.0))
}

/// Appends entries.
///
/// - **Errors**: [`DbError::Duplicate`] for a number that is taken.
pub fn append(tx: &mut Tx<'_>, org: OrgId, entries: &[FeedEntry]) -> Result<(), DbError> {
    for batch in entries.chunks(BATCH) {
        let batch = rows(org, batch);
        on_db!(tx, |c| diesel::insert_into(feed::table).values(&batch).execute(c))?;
    }
    Ok(())
}

/// The entries of a stream after a number, in order; the key of the next page is the last number of this one.
///
/// An entry that begins at or before `after` but ends behind it is part of the page.
pub fn list(
    tx: &mut Tx<'_>,
    org: OrgId,
    stream: StreamId,
    after: u64,
    limit: u32,
) -> Result<Page<FeedEntry, u64>, DbError> {
    let found: Vec<FeedRow> = on_db!(tx, |c| feed::table
        .filter(feed::org_id.eq(org.store()))
        .filter(feed::stream.eq(stream.store()))
        .filter(feed::sseq_last.gt(after.store()))
        .order(feed::sseq_last)
        .limit(rows_to_read(limit))
        .select(FeedRow::as_select())
        .load(c))?;
    Ok(Page::cut(read_all(found)?, limit, |entry: &FeedEntry| entry.sseq_last))
}

/// The entries of a stream that are of one of these kinds, in order.
pub fn list_of_kinds(
    tx: &mut Tx<'_>,
    org: OrgId,
    stream: StreamId,
    kinds: &[&str],
) -> Result<Vec<FeedEntry>, DbError> {
    let found: Vec<FeedRow> = on_db!(tx, |c| feed::table
        .filter(feed::org_id.eq(org.store()))
        .filter(feed::stream.eq(stream.store()))
        .filter(feed::kind.eq_any(kinds))
        .order(feed::sseq_last)
        .select(FeedRow::as_select())
        .load(c))?;
    read_all(found)
}

/// The entries that carry runs of a device themselves.
pub fn list_carried(tx: &mut Tx<'_>, org: OrgId, dev: DeviceId) -> Result<Vec<FeedEntry>, DbError> {
    let found: Vec<FeedRow> = on_db!(tx, |c| feed::table
        .filter(feed::org_id.eq(org.store()))
        .filter(feed::dev.eq(dev.store()))
        .filter(feed::payload.is_not_null())
        .order((feed::stream, feed::sseq_last))
        .select(FeedRow::as_select())
        .load(c))?;
    read_all(found)
}

/// Notes which audits an entry carries ops of the office on.
///
/// - **Errors**: [`DbError::Duplicate`] for what is noted already.
pub fn append_returned(tx: &mut Tx<'_>, org: OrgId, new: &[ReturnedOps]) -> Result<(), DbError> {
    for batch in new.chunks(BATCH) {
        let batch = rows(org, batch);
        on_db!(tx, |c| diesel::insert_into(returned_ops::table).values(&batch).execute(c))?;
    }
    Ok(())
}

/// The entries of a stream that carry ops of the office on these audits, in order.
pub fn list_returned(
    tx: &mut Tx<'_>,
    org: OrgId,
    stream: StreamId,
    audits: &[AuditId],
) -> Result<Vec<FeedEntry>, DbError> {
    let any: Option<i64> = on_db!(tx, |c| returned_ops::table
        .filter(returned_ops::org_id.eq(org.store()))
        .filter(returned_ops::stream.eq(stream.store()))
        .select(returned_ops::sseq_last)
        .first(c)
        .optional())?;
    // Only an office that was restored has any.
    if any.is_none() {
        return Ok(Vec::new());
    }
    let mut numbers: BTreeSet<i64> = BTreeSet::new();
    for batch in audits.chunks(BATCH) {
        let batch: Vec<UidColumn> = batch.iter().map(Stored::store).collect();
        let found: Vec<i64> = on_db!(tx, |c| returned_ops::table
            .filter(returned_ops::org_id.eq(org.store()))
            .filter(returned_ops::stream.eq(stream.store()))
            .filter(returned_ops::audit_id.eq_any(&batch))
            .select(returned_ops::sseq_last)
            .load(c))?;
        numbers.extend(found);
    }
    let numbers: Vec<i64> = numbers.into_iter().collect();
    let mut entries = Vec::with_capacity(numbers.len());
    for batch in numbers.chunks(BATCH) {
        let found: Vec<FeedRow> = on_db!(tx, |c| feed::table
            .filter(feed::org_id.eq(org.store()))
            .filter(feed::stream.eq(stream.store()))
            .filter(feed::sseq_last.eq_any(batch))
            .order(feed::sseq_last)
            .select(FeedRow::as_select())
            .load(c))?;
        entries.extend(read_all::<FeedEntry>(found)?);
    }
    Ok(entries)
}

/// Puts a payload in place of itself from which values were taken; its number and hashes stand.
///
/// - **Errors**: [`DbError::NotFound`] where no entry ends there.
pub fn rewrite_payload(
    tx: &mut Tx<'_>,
    org: OrgId,
    stream: StreamId,
    sseq_last: u64,
    payload: &[u8],
) -> Result<(), DbError> {
    let rewritten =
        on_db!(tx, |c| diesel::update(feed::table.find((org.store(), stream.store(), sseq_last.store())))
            .set(feed::payload.eq(Some(payload)))
            .execute(c))?;
    if rewritten == 0 { Err(DbError::NotFound) } else { Ok(()) }
}

/// Whether a stream has an entry of a device's run that ends with this chain hash.
pub fn holds(tx: &mut Tx<'_>, org: OrgId, stream: StreamId, dev: DeviceId, h: Hash) -> Result<bool, DbError> {
    let found: i64 = on_db!(tx, |c| feed::table
        .filter(feed::org_id.eq(org.store()))
        .filter(feed::stream.eq(stream.store()))
        .filter(feed::dev.eq(dev.store()))
        .filter(feed::h.eq(h.store()))
        .count()
        .get_result(c))?;
    Ok(found > 0)
}

/// The feed hash at the entry that ends with a number; none where no entry ends there. At 0 it is zero.
pub fn find_hash_at(
    tx: &mut Tx<'_>,
    org: OrgId,
    stream: StreamId,
    sseq: u64,
) -> Result<Option<Hash>, DbError> {
    if sseq == 0 {
        return Ok(Some(Hash::ZERO));
    }
    let f: Option<Vec<u8>> = on_db!(tx, |c| feed::table
        .find((org.store(), stream.store(), sseq.store()))
        .select(feed::f)
        .first(c)
        .optional())?;
    f.map(Hash::read).transpose()
}
