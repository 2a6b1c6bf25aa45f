//! Ops sorted by their audit through unnamed files, so that each audit can be made anew without holding all of them. Owns the
//! form of a record; the files are gone with the process, whatever happens to it.

use crate::error::ApiError;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    fs::File,
    io::{BufReader, BufWriter, Read as _, Seek as _, Write as _},
};
use sync_core::{Bytes, DeviceId, Hash, Op, Seed, codec, packed::PackedOps};
use uuid::Uuid;

/// Into how many parts an organization is cut.
const BUCKETS: usize = 64;
/// Longest record: all ops of an audit in one segment.
const MAX_RECORD: u32 = 64 << 20;

/// What is known of an audit.
#[derive(Serialize, Deserialize)]
pub(super) enum Record {
    /// Ops of one device as its log has them.
    Ops { audit: Uuid, dev: DeviceId, first: u64, ops: PackedOps, recv_ms: u64, server: bool },
    /// The hash of the ops that are stored with the audit.
    Stored { audit: Uuid, hash: Bytes },
}

impl Record {
    pub(super) fn of(
        dev: DeviceId,
        audit: Uuid,
        ops: &[&Op],
        seed: Option<Seed>,
        (recv_ms, server): (u64, bool),
    ) -> Self {
        let first = ops.first().map_or(1, |it| it.dseq);
        let ops = PackedOps::pack(dev, ops.iter().copied(), |_| seed);
        Self::Ops { audit, dev, first, ops, recv_ms, server }
    }

    pub(super) fn stored(audit: Uuid, ops: &[u8]) -> Self {
        Self::Stored { audit, hash: Bytes::from(Hash::of(ops).0.to_vec()) }
    }

    fn audit(&self) -> &Uuid {
        match self {
            Self::Ops { audit, .. } | Self::Stored { audit, .. } => audit,
        }
    }
}

pub(super) struct Buckets(Vec<BufWriter<File>>);

impl Buckets {
    pub(super) fn new() -> Result<Self, ApiError> {
        let file = || tempfile::tempfile().map(BufWriter::new).map_err(ApiError::internal);
        (0..BUCKETS).map(|_| file()).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn put(&mut self, record: &Record) -> Result<(), ApiError> {
        // Ids begin with their time, so they are spread by a hash.
        let spread = Hash::of(record.audit().as_bytes()).0.first().copied().unwrap_or(0);
        let Some(bucket) = self.0.get_mut(usize::from(spread) % BUCKETS) else { return Ok(()) };
        let bytes = codec::to_cbor(record).map_err(ApiError::internal)?;
        let length = u32::try_from(bytes.len()).map_err(ApiError::internal)?;
        let put = bucket.write_all(&length.to_be_bytes()).and_then(|()| bucket.write_all(&bytes));
        put.map_err(ApiError::internal)
    }

    /// The records of each bucket, one bucket at a time.
    pub(super) fn read(self) -> impl Iterator<Item = Result<Vec<Record>, ApiError>> {
        self.0.into_iter().map(|it| {
            let mut file = it.into_inner().map_err(ApiError::internal)?;
            file.rewind().map_err(ApiError::internal)?;
            let (mut file, mut records) = (BufReader::new(file), Vec::new());
            while let Some(record) = next(&mut file)? {
                records.push(record);
            }
            Ok(records)
        })
    }
}

fn next<T: DeserializeOwned>(file: &mut BufReader<File>) -> Result<Option<T>, ApiError> {
    let mut length = [0; 4];
    match file.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(ApiError::internal(error)),
    }
    let length = u32::from_be_bytes(length).min(MAX_RECORD);
    let mut bytes = vec![0; usize::try_from(length).map_err(ApiError::internal)?];
    file.read_exact(&mut bytes).map_err(ApiError::internal)?;
    codec::from_cbor(&bytes).map(Some).map_err(ApiError::internal)
}
