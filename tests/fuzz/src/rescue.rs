//! Records of rescue files, which anybody can seal for an office.

use sync_core::{
    codec,
    rescue::{Record, framed},
};
use uuid::Uuid;

/// What is read as a record is written as it was read, with its length in front, and no run of it is believed without its proof.
pub fn rescue(bytes: &[u8]) {
    let Ok(record) = codec::from_cbor::<Record>(bytes) else { return };
    let framed = framed(&record).expect("a record can be written");
    let (length, written) = framed.split_first_chunk::<4>().expect("the length stands in front");
    assert_eq!(u32::from_be_bytes(*length).try_into(), Ok(written.len()));
    assert_eq!(codec::from_cbor::<Record>(written).as_ref(), Ok(&record));
    if let Record::Run(run) = record {
        assert!(run.verify(&Uuid::from_u128(7)).is_err(), "nobody signed for this organization");
    }
}
