//! The server's receipts for the own log, and the key of the server that signs them. Owns the table `receipt` and the key's
//! place in `meta`.

use rusqlite::{Connection, Row};
use sync_core::{Algorithm, Bytes, DeviceId, Hash, PublicKey, chain::Head, codec, receipt::Receipt};

use crate::{
    DeviceError,
    store::{self, Device},
};

/// The server's key where it is another than at the enrolment.
const SERVER_KEY: &str = "server_key";

pub(crate) fn put(conn: &Connection, receipt: &Receipt) -> Result<(), DeviceError> {
    conn.prepare_cached(
        "INSERT OR REPLACE INTO receipt (dseq, epoch, h, sseq, recv_ms, alg, sig) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute((
        receipt.head.dseq,
        receipt.epoch,
        receipt.head.h.0,
        receipt.sseq,
        receipt.recv_ms,
        receipt.alg.number(),
        &*receipt.sig,
    ))?;
    Ok(())
}

pub(crate) fn put_server_key(conn: &Connection, key: &PublicKey) -> Result<(), DeviceError> {
    store::put_meta(conn, SERVER_KEY, &codec::to_cbor(key)?)
}

/// Goes back to the key of the enrolment: who enrols anew was told the key that the server has now.
pub(crate) fn forget_server_key(conn: &Connection) -> Result<(), DeviceError> {
    conn.execute("DELETE FROM meta WHERE key = ?1", [SERVER_KEY])?;
    Ok(())
}

fn read(dev: DeviceId, row: &Row<'_>) -> Result<Receipt, DeviceError> {
    Ok(Receipt {
        dev,
        epoch: row.get(1)?,
        head: Head { dseq: row.get(0)?, h: Hash(row.get(2)?) },
        sseq: row.get(3)?,
        recv_ms: row.get(4)?,
        alg: Algorithm::try_from(row.get::<_, u8>(5)?).map_err(DeviceError::Corrupt)?,
        sig: Bytes::from(row.get::<_, Vec<u8>>(6)?),
    })
}

impl Device {
    /// The key with which the server signs, as this device knows it.
    ///
    /// - **Errors**: storage.
    pub fn server_key(&self) -> Result<Option<PublicKey>, DeviceError> {
        match store::get_meta(&self.conn, SERVER_KEY)? {
            Some(bytes) => Ok(Some(codec::from_cbor(&bytes)?)),
            None => Ok(self.enrolment()?.map(|it| it.server_key)),
        }
    }

    /// The server's receipts for positions after one and up to another, the first of each position.
    ///
    /// - **Errors**: storage.
    pub fn receipts(&self, after: u64, last: u64) -> Result<Vec<Receipt>, DeviceError> {
        let mut list = self.conn.prepare_cached(
            "SELECT dseq, epoch, h, sseq, recv_ms, alg, sig FROM receipt WHERE dseq > ?1 AND dseq <= ?2 \
             ORDER BY dseq, epoch",
        )?;
        let mut rows = list.query((after, last))?;
        let mut receipts: Vec<Receipt> = Vec::new();
        while let Some(row) = rows.next()? {
            let receipt = read(self.dev(), row)?;
            if receipts.last().is_none_or(|it| it.head.dseq != receipt.head.dseq) {
                receipts.push(receipt);
            }
        }
        Ok(receipts)
    }
}
