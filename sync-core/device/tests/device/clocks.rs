//! What moves a phone's own clock: ops that it took in, and nothing that it set aside.

use sync_core::{
    Bytes, DeviceId, Hash, Kind, Op, Seed,
    codec::Nested,
    exchange::{Body, Run, StreamId},
    hlc,
    packed::PackedOps,
};
use uuid::Uuid;

use crate::{NOW, Phone, USER, ad_hoc, fill, model::Entry, server_op, world};

const AHEAD_MS: u64 = 60_000;

/// A run of another device's, written a minute from now.
fn ahead(audit: Uuid) -> Run {
    let dev = DeviceId([7; 16]);
    let value = Some(Bytes::from("\"yes\""));
    let op = Op {
        dseq: 1,
        hlc: hlc::at_ms(NOW + AHEAD_MS),
        field: "A01".into(),
        ..server_op(Kind::Set, audit, 1, value)
    };
    let ops = PackedOps::pack(dev, [&op], |_| Some(Seed([1; 32])));
    Run { dev, key: None, server: false, dseq_first: 1, ops, proof: None, evidence: false }
}

/// The clock of what a phone writes after it read a run, and how many entries it set aside.
fn written_after(change: impl FnOnce(&mut Run)) -> (u64, u64) {
    let (mut server, hash) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    let audit = phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
    let mut run = ahead(audit);
    change(&mut run);
    let entry = Entry::Raw(Nested::Known(Body::Ops(run)));
    server.append(StreamId::User(USER), 1, Hash::of(b"r"), entry);
    phone.sync(&mut server);
    fill(phone.device(), audit);
    let device = phone.device();
    let last = device.op_id(device.head().dseq);
    let hlc = device.ops(audit).unwrap().get(&last).unwrap().op.hlc;
    (hlc, device.status().unwrap().quarantined)
}

#[test]
fn what_is_taken_in_moves_the_clock_and_what_is_set_aside_does_not() {
    let (hlc, aside) = written_after(|_| {});
    assert_eq!((hlc > hlc::at_ms(NOW + AHEAD_MS), aside), (true, 0));
    // A field that its dictionary does not have: nothing of the run can be shown.
    let (hlc, aside) = written_after(|it| it.ops.fields.clear());
    assert_eq!((hlc < hlc::at_ms(NOW + AHEAD_MS), aside), (true, 1));
}
