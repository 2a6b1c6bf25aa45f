//! Making the projection anew from the facts, and checking the facts. Owns nothing else: what is projected is `writer`'s.

use sync_core::{
    Hash, Seed, chain::Chain, codec::Nested, exchange::Body, fold::Arrival, op::Opening, reference::KeptRow,
};
use uuid::Uuid;

use crate::{
    DeviceError, recover,
    renew::replay_former,
    store::Device,
    sync::take_in_body,
    writer::{LOG_COLUMNS, OpenAudits, Writer, read_op},
};

impl Device {
    /// Makes the projection anew from the own log and the entries of streams: the same bytes come out.
    ///
    /// - **Errors**: storage; then the old projection stands.
    pub fn rebuild(&mut self) -> Result<(), DeviceError> {
        self.open = OpenAudits::default();
        let result = self.transact(|mut writer, _| replay(&mut writer));
        self.open = OpenAudits::default();
        result
    }

    /// A hash over the projection, for comparing it before and after.
    ///
    /// - **Errors**: storage.
    pub fn projection_hash(&self) -> Result<Hash, DeviceError> {
        let mut list = self.conn.prepare(
            "SELECT audit, ops, phase, round, answered, conflicts, coalesce(content_hash, x''), coalesce(branch, x''), \
             coalesce(assignment, x''), changed_hlc FROM audits ORDER BY audit",
        )?;
        let mut rows = list.query([])?;
        let mut all = Hash::ZERO;
        while let Some(row) = rows.next()? {
            let mut bytes = all.0.to_vec();
            for column in 0..10 {
                match row.get_ref(column)? {
                    rusqlite::types::ValueRef::Integer(number) => bytes.extend(number.to_be_bytes()),
                    other => {
                        let part = other.as_bytes().map_err(DeviceError::corrupt)?;
                        bytes.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
                        bytes.extend(part);
                    }
                }
            }
            all = Hash::of(&bytes);
        }
        Ok(all)
    }

    /// Checks that the own log still chains to its head.
    ///
    /// - **Errors**: the log is damaged, and from where; storage.
    pub fn verify_log(&self) -> Result<(), DeviceError> {
        let sql = format!("SELECT {LOG_COLUMNS} FROM oplog ORDER BY dseq");
        let mut list = self.conn.prepare(&sql)?;
        let mut rows = list.query([])?;
        let (mut chain, mut h, mut expected) = (Chain::new(), Hash::ZERO, 1_u64);
        while let Some(row) = rows.next()? {
            let (op, stored) = read_op(row)?;
            let seed = Seed::derive(&self.key.secret, &op.audit);
            let seed = seed.ok_or_else(|| DeviceError::corrupt("no seed for an op"))?;
            chain.switch_to(op.audit, &seed);
            h = chain.link(&h, &op).ok_or_else(|| DeviceError::corrupt("no seed for an op"))?;
            if op.dseq != expected || h != stored {
                return Err(DeviceError::corrupt(format!("the log breaks at op {expected}")));
            }
            expected = expected.saturating_add(1);
        }
        Ok(())
    }
}

/// Makes the projection anew inside a transaction.
pub(crate) fn replay(writer: &mut Writer<'_>) -> Result<(), DeviceError> {
    *writer.open = OpenAudits::default();
    writer.conn.execute("DELETE FROM audits", [])?;
    for table in ["needed", "originals"] {
        writer.conn.execute(&format!("DELETE FROM {table}"), [])?;
    }
    let evidence = read_rights(writer)?;
    replay_log(writer)?;
    replay_feed(writer)?;
    replay_former(writer)?;
    recover::replay_unplaced(writer, &evidence)?;
    let mut revoked = writer.conn.prepare("SELECT audit FROM revoked")?;
    let mut rows = revoked.query([])?;
    while let Some(row) = rows.next()? {
        writer.forget(Uuid::from_bytes(row.get(0)?))?;
    }
    writer.flush()
}

/// Which audits were taken away, as the entries say in their order: what was given back meanwhile is whole again. Gives what they say
/// is kept as evidence.
fn read_rights(writer: &Writer<'_>) -> Result<Vec<KeptRow>, DeviceError> {
    let conn = writer.conn;
    let mut evidence = Vec::new();
    conn.execute("DELETE FROM revoked", [])?;
    let mut list = conn.prepare("SELECT body FROM feed ORDER BY stream, first")?;
    let mut rows = list.query([])?;
    while let Some(row) = rows.next()? {
        match Body::read(row.get_ref(0)?.as_blob().map_err(DeviceError::corrupt)?) {
            Ok(Body::Grant(right)) => {
                conn.execute("DELETE FROM revoked WHERE audit = ?1", [right.audit.into_bytes()])?;
            }
            Ok(Body::Revoke(right)) => {
                let audit = right.audit.into_bytes();
                conn.execute("INSERT INTO revoked (audit) VALUES (?1) ON CONFLICT DO NOTHING", [audit])?;
            }
            Ok(body) => evidence.extend(recover::evidence_of(&body)),
            Err(_) => {}
        }
    }
    Ok(evidence)
}

fn replay_log(writer: &mut Writer<'_>) -> Result<(), DeviceError> {
    let conn = writer.conn;
    let mut list = conn.prepare(&format!("SELECT {LOG_COLUMNS} FROM oplog ORDER BY dseq"))?;
    let mut rows = list.query([])?;
    while let Some(row) = rows.next()? {
        let (op, _) = read_op(row)?;
        let seed = writer.seed(&op.audit)?;
        let seed = Some(seed).filter(|_| op.opening == Opening::Seeded);
        writer.take_in(writer.dev, op, seed, Arrival::LOCAL)?;
    }
    Ok(())
}

fn replay_feed(writer: &mut Writer<'_>) -> Result<(), DeviceError> {
    let conn = writer.conn;
    let mut list =
        conn.prepare("SELECT first, last, recv_ms, body, owner FROM feed ORDER BY stream, first")?;
    let mut rows = list.query([])?;
    while let Some(row) = rows.next()? {
        let raw: Vec<u8> = row.get(3)?;
        // What was quarantined once may be understood by a newer program. Own ops of a former log are in its runs.
        if let Ok(body) = Body::read(&raw)
            && !matches!(body, Body::Grant(_) | Body::Revoke(_))
            && !(matches!(body, Body::Own { .. })
                && row.get_ref(4)?.as_blob_or_null().is_ok_and(|it| it.is_some()))
        {
            // An entry that cannot be applied is in quarantine already.
            let _ = take_in_body(writer, (row.get(0)?, row.get(1)?), row.get(2)?, &Nested::Known(body))?;
        }
    }
    Ok(())
}
