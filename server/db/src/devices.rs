//! Devices, the ends of their logs, and the segments of those logs as they came.

use std::collections::BTreeMap;

use diesel::prelude::*;
use domain::ids::{OrgId, UserId};
use sync_core::chain::Head;
use sync_core::ingest::DeviceHead;
use sync_core::{Algorithm, DeviceId, Hash};

use crate::column::{Stored, TsColumn};
use crate::page::rows_to_read;
use crate::record::{BATCH, Record, read_all, read_one, rows};
use crate::schema::{device_heads, devices, segments};
use crate::{DbError, Micros, Page, Tx};

words! {
    /// What a device is.
    DeviceKind {
        /// A phone, or the terminal as one.
        Phone = "phone",
        /// An import, one device for each auditor.
        Import = "import",
        /// The server itself.
        Server = "server",
    }
}

words! {
    /// Whether a device may still sync.
    DeviceState {
        /// It may.
        Active = "active",
        /// It may not.
        Revoked = "revoked",
    }
}

record! {
    /// An enrolled device.
    Device as DeviceRow in devices {
        /// Its id, made of its public key.
        dev: DeviceId,
        /// Whose it is; none for the server's.
        user_id: Option<UserId>,
        /// What it is.
        kind: DeviceKind,
        /// How it signs.
        alg: Algorithm,
        /// Its public key.
        public_key: Vec<u8>,
        /// What people call it.
        name: String,
        /// Whether it may sync.
        state: DeviceState,
        /// When it was enrolled; [`Self::NEVER`] for one that never was.
        enrolled_at: Micros,
        /// When it was revoked.
        revoked_at: Option<Micros>,
    }
}

impl Device {
    /// The time of enrolment of a device that a phone made known, and nobody enrolled.
    pub const NEVER: Micros = Micros(0);

    /// Whether somebody enrolled it here.
    pub fn is_enrolled(&self) -> bool {
        self.enrolled_at != Self::NEVER
    }
}

/// The end of a device's log as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoredHead {
    /// Position, chain hash and clock of the last op.
    pub head: DeviceHead,
    /// True once the device showed two logs.
    pub forked: bool,
}

record! {
    /// A stored segment. Its bytes may begin before `first_dseq`, where ops came again after a lost answer.
    StoredSegment as StoredSegmentRow in segments {
        /// Whose log.
        dev: DeviceId,
        /// Position of the first op that this segment brought.
        first_dseq: u64,
        /// Position of its last op.
        last_dseq: u64,
        /// Chain hash at the last op.
        h: Hash,
        /// The server's epoch under which it was signed.
        epoch: u64,
        /// When it came.
        received_at: Micros,
        /// The segment as it came.
        bytes: Vec<u8>,
        /// The number of its last op in the stream that it went to; 0 where that was not written down yet.
        sseq: u64,
    }
}

/// Appends a device with an empty log.
///
/// - **Errors**: [`DbError::Duplicate`] for a device that is enrolled.
pub fn append(tx: &mut Tx<'_>, org: OrgId, device: &Device) -> Result<(), DbError> {
    let row = device.row(org);
    on_db!(tx, |c| diesel::insert_into(devices::table).values(&row).execute(c))?;
    on_db!(tx, |c| diesel::insert_into(device_heads::table)
        .values((
            device_heads::org_id.eq(org.store()),
            device_heads::dev.eq(device.dev.store()),
            device_heads::dseq.eq(0),
            device_heads::h.eq(Hash::ZERO.store()),
            device_heads::hlc.eq(0),
            device_heads::forked.eq(false),
        ))
        .execute(c))?;
    Ok(())
}

/// The device of an id, revoked ones too.
pub fn find(tx: &mut Tx<'_>, org: OrgId, dev: DeviceId) -> Result<Option<Device>, DbError> {
    let row: Option<DeviceRow> = on_db!(tx, |c| devices::table
        .find((org.store(), dev.store()))
        .select(DeviceRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// What people call many devices, by id; those that are not stored are left out.
pub fn names(tx: &mut Tx<'_>, org: OrgId, ids: &[DeviceId]) -> Result<BTreeMap<DeviceId, String>, DbError> {
    let mut names = BTreeMap::new();
    for ids in ids.chunks(BATCH) {
        let ids: Vec<Vec<u8>> = ids.iter().map(Stored::store).collect();
        let found: Vec<(Vec<u8>, String)> = on_db!(tx, |c| devices::table
            .filter(devices::org_id.eq(org.store()))
            .filter(devices::dev.eq_any(&ids))
            .select((devices::dev, devices::name))
            .load(c))?;
        for (dev, name) in found {
            names.insert(DeviceId::read(dev)?, name);
        }
    }
    Ok(names)
}

/// The devices by id; those of one user where `user` is given.
pub fn list(
    tx: &mut Tx<'_>,
    org: OrgId,
    user: Option<UserId>,
    after: Option<DeviceId>,
    limit: u32,
) -> Result<Page<Device, DeviceId>, DbError> {
    let found: Vec<DeviceRow> = on_db!(tx, |c| {
        let mut query = devices::table.filter(devices::org_id.eq(org.store())).into_boxed();
        if let Some(user) = user {
            query = query.filter(devices::user_id.eq(Some(user.store())));
        }
        if let Some(after) = after {
            query = query.filter(devices::dev.gt(after.store()));
        }
        query.order(devices::dev).limit(rows_to_read(limit)).select(DeviceRow::as_select()).load(c)
    })?;
    Ok(Page::cut(read_all(found)?, limit, |device: &Device| device.dev))
}

/// Revokes a device; false where it is revoked already or not this organization's.
pub fn revoke(tx: &mut Tx<'_>, org: OrgId, dev: DeviceId, at: Micros) -> Result<bool, DbError> {
    let active = DeviceState::Active.as_str();
    let revoked = on_db!(tx, |c| diesel::update(devices::table.find((org.store(), dev.store())))
        .filter(devices::state.eq(active))
        .set((devices::state.eq(DeviceState::Revoked.as_str()), devices::revoked_at.eq(Some(at.store())),))
        .execute(c))?;
    Ok(revoked > 0)
}

/// Enrols a device that only a phone had made known; `device` says whose it is from here on.
pub fn enrol_known(tx: &mut Tx<'_>, org: OrgId, device: &Device) -> Result<(), DbError> {
    let row = device.row(org);
    on_db!(tx, |c| diesel::update(devices::table.find((org.store(), device.dev.store())))
        .filter(devices::enrolled_at.eq(Device::NEVER.store()))
        .set((
            devices::user_id.eq(&row.user_id),
            devices::kind.eq(&row.kind),
            devices::name.eq(&row.name),
            devices::enrolled_at.eq(&row.enrolled_at),
        ))
        .execute(c))?;
    Ok(())
}

/// The end of a device's log.
pub fn find_head(tx: &mut Tx<'_>, org: OrgId, dev: DeviceId) -> Result<Option<StoredHead>, DbError> {
    let columns = (device_heads::dseq, device_heads::h, device_heads::hlc, device_heads::forked);
    let row = on_db!(tx, |c| device_heads::table
        .find((org.store(), dev.store()))
        .select(columns)
        .first::<HeadRow>(c)
        .optional())?;
    row.map(read_head).transpose()
}

/// The end of a device's log, which nobody else can move until this transaction ends.
pub fn lock_head(tx: &mut Tx<'_>, org: OrgId, dev: DeviceId) -> Result<Option<StoredHead>, DbError> {
    let columns = (device_heads::dseq, device_heads::h, device_heads::hlc, device_heads::forked);
    let key = (org.store(), dev.store());
    let row = on_db!(
        tx,
        pg | c | device_heads::table.find(key).select(columns).for_update().first::<HeadRow>(c).optional(),
        sqlite | c | device_heads::table.find(key).select(columns).first::<HeadRow>(c).optional(),
    )?;
    row.map(read_head).transpose()
}

type HeadRow = (i64, Vec<u8>, i64, bool);

fn read_head((dseq, h, hlc, forked): HeadRow) -> Result<StoredHead, DbError> {
    let head = Head { dseq: Stored::read(dseq)?, h: Stored::read(h)? };
    Ok(StoredHead { head: DeviceHead { head, hlc: Stored::read(hlc)? }, forked })
}

/// Moves the end of a device's log; lock it first.
///
/// - **Errors**: [`DbError::NotFound`] for a device that is not enrolled.
pub fn set_head(tx: &mut Tx<'_>, org: OrgId, dev: DeviceId, head: &StoredHead) -> Result<(), DbError> {
    let moved = on_db!(tx, |c| diesel::update(device_heads::table.find((org.store(), dev.store())))
        .set((
            device_heads::dseq.eq(head.head.head.dseq.store()),
            device_heads::h.eq(head.head.head.h.store()),
            device_heads::hlc.eq(head.head.hlc.store()),
            device_heads::forked.eq(head.forked),
        ))
        .execute(c))?;
    if moved == 0 { Err(DbError::NotFound) } else { Ok(()) }
}

/// How far the log of every device is now, by device; the key of the next page is the last row of this one.
pub fn list_ends(
    tx: &mut Tx<'_>,
    org: OrgId,
    after: Option<DeviceId>,
    limit: u32,
) -> Result<Page<(DeviceId, u64), DeviceId>, DbError> {
    let found: Vec<(Vec<u8>, i64)> = on_db!(tx, |c| {
        let mut query = device_heads::table.filter(device_heads::org_id.eq(org.store())).into_boxed();
        if let Some(after) = after {
            query = query.filter(device_heads::dev.gt(after.store()));
        }
        query
            .order(device_heads::dev)
            .limit(rows_to_read(limit))
            .select((device_heads::dev, device_heads::dseq))
            .load(c)
    })?;
    let ends = found.into_iter().map(|(dev, dseq)| Ok((DeviceId::read(dev)?, u64::read(dseq)?)));
    Ok(Page::cut(ends.collect::<Result<_, DbError>>()?, limit, |it: &(DeviceId, u64)| it.0))
}

/// Notes how far logs are in a copy that is kept elsewhere; what an earlier copy holds stays.
pub fn set_durable(tx: &mut Tx<'_>, org: OrgId, ends: &[(DeviceId, u64)]) -> Result<(), DbError> {
    for (dev, dseq) in ends {
        on_db!(tx, |c| diesel::update(device_heads::table.find((org.store(), dev.store())))
            .filter(device_heads::durable_dseq.lt(dseq.store()))
            .set(device_heads::durable_dseq.eq(dseq.store()))
            .execute(c))?;
    }
    Ok(())
}

/// How far a device's log is in a copy that is kept elsewhere; 0 where nobody said so.
pub fn find_durable(tx: &mut Tx<'_>, org: OrgId, dev: DeviceId) -> Result<u64, DbError> {
    let found: Option<i64> = on_db!(tx, |c| device_heads::table
        .find((org.store(), dev.store()))
        .select(device_heads::durable_dseq)
        .first(c)
        .optional())?;
    u64::read(found.unwrap_or(0))
}

/// Appends segments.
///
/// - **Errors**: [`DbError::Duplicate`] where one with the same first position is stored.
pub fn append_segments(tx: &mut Tx<'_>, org: OrgId, new: &[StoredSegment]) -> Result<(), DbError> {
    for batch in new.chunks(BATCH) {
        let batch = rows(org, batch);
        on_db!(tx, |c| diesel::insert_into(segments::table).values(&batch).execute(c))?;
    }
    Ok(())
}

/// Puts a segment in place of itself from which values were taken; all else of it stands.
///
/// - **Errors**: [`DbError::NotFound`] where no segment begins there.
pub fn rewrite_segment(
    tx: &mut Tx<'_>,
    org: OrgId,
    dev: DeviceId,
    first_dseq: u64,
    bytes: &[u8],
) -> Result<(), DbError> {
    let key = (org.store(), dev.store(), first_dseq.store());
    let rewritten =
        on_db!(tx, |c| diesel::update(segments::table.find(key)).set(segments::bytes.eq(bytes)).execute(c))?;
    if rewritten == 0 { Err(DbError::NotFound) } else { Ok(()) }
}

/// The stored segment that brought the op at a position.
pub fn find_segment(
    tx: &mut Tx<'_>,
    org: OrgId,
    dev: DeviceId,
    dseq: u64,
) -> Result<Option<StoredSegment>, DbError> {
    let row: Option<StoredSegmentRow> = on_db!(tx, |c| segments::table
        .filter(segments::org_id.eq(org.store()))
        .filter(segments::dev.eq(dev.store()))
        .filter(segments::first_dseq.le(dseq.store()))
        .order(segments::first_dseq.desc())
        .select(StoredSegmentRow::as_select())
        .first(c)
        .optional())?;
    Ok(read_one::<StoredSegment>(row)?.filter(|segment| segment.last_dseq >= dseq))
}

/// A stored segment without its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Position of the first op that it brought.
    pub first: u64,
    /// Position of its last op.
    pub last: u64,
    /// Chain hash there.
    pub h: Hash,
    /// When it came.
    pub received_at: Micros,
    /// Its number in the stream that it went to.
    pub sseq: u64,
}

/// How the op at a position came.
pub fn find_arrival(
    tx: &mut Tx<'_>,
    org: OrgId,
    dev: DeviceId,
    dseq: u64,
) -> Result<Option<Arrival>, DbError> {
    let row: Option<ArrivalRow> = on_db!(tx, |c| segments::table
        .filter(segments::org_id.eq(org.store()))
        .filter(segments::dev.eq(dev.store()))
        .filter(segments::first_dseq.le(dseq.store()))
        .filter(segments::last_dseq.ge(dseq.store()))
        .order(segments::first_dseq.desc())
        .select((
            segments::first_dseq,
            segments::last_dseq,
            segments::h,
            segments::received_at,
            segments::sseq,
        ))
        .first(c)
        .optional())?;
    row.map(|(first, last, h, at, sseq)| {
        Ok(Arrival {
            first: Stored::read(first)?,
            last: Stored::read(last)?,
            h: Stored::read(h)?,
            received_at: Stored::read(at)?,
            sseq: Stored::read(sseq)?,
        })
    })
    .transpose()
}

type ArrivalRow = (i64, i64, Vec<u8>, TsColumn, i64);

/// A device's segments in the order of its log, after position `after` (0 for all).
pub fn list_segments(
    tx: &mut Tx<'_>,
    org: OrgId,
    dev: DeviceId,
    after: u64,
    limit: u32,
) -> Result<Page<StoredSegment, u64>, DbError> {
    let found: Vec<StoredSegmentRow> = on_db!(tx, |c| segments::table
        .filter(segments::org_id.eq(org.store()))
        .filter(segments::dev.eq(dev.store()))
        .filter(segments::first_dseq.gt(after.store()))
        .order(segments::first_dseq)
        .limit(rows_to_read(limit))
        .select(StoredSegmentRow::as_select())
        .load(c))?;
    Ok(Page::cut(read_all(found)?, limit, |segment: &StoredSegment| segment.last_dseq))
}
