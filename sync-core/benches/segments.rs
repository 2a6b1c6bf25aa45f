//! What a segment costs: building, verifying, and folding the audits in it. One segment here is 4,096 ops, audits of 46.
#![expect(clippy::unwrap_used, reason = "a bench may stop where it stands")]

use divan::{Bencher, counter::ItemsCount};
use sync_core::{
    Algorithm, AuditOps, Bytes, Head, Kind, Op, Seed, Segment,
    codec::{from_cbor, to_cbor},
    content,
    fold::Arrival,
    ingest::by_audit,
    op::Opening,
    receipt::Receipt,
    segment::signing_bytes,
    signature::SigningKey,
};
use uuid::Uuid;

const OPS: u64 = 4_096;
const AUDIT_OPS: u64 = 46;

fn main() {
    divan::main();
}

fn key() -> SigningKey {
    SigningKey::from_secret(&[1; 32])
}

fn ops() -> Vec<Op> {
    let op = |n: u64| Op {
        dseq: n + 1,
        hlc: (1_800_000_000_000 << 16) + n,
        kind: Kind::Set,
        audit: Uuid::from_u128(u128::from(n / AUDIT_OPS)),
        round: 1,
        field: format!("v_{}", n % AUDIT_OPS),
        base: Vec::new(),
        value: Some(Bytes::from("\"yes\"")),
        opening: Opening::Seeded,
        origin: None,
    };
    (0..OPS).map(op).collect()
}

fn seed_of(audit: &Uuid) -> Option<Seed> {
    Seed::derive(&[5; 32], audit)
}

fn segment() -> Segment {
    let dev = key().public_key().device();
    let (mut segment, last) =
        Segment::unsigned(dev, Head::EMPTY, &ops(), Algorithm::Ed25519, seed_of).unwrap();
    segment.sig = Bytes::from(key().sign(&signing_bytes(&Uuid::nil(), &dev, 1, 1, &last)));
    segment
}

#[divan::bench]
fn build(bencher: Bencher<'_, '_>) {
    let (ops, dev) = (ops(), key().public_key().device());
    bencher
        .counter(ItemsCount::new(OPS))
        .bench(|| Segment::unsigned(dev, Head::EMPTY, &ops, Algorithm::Ed25519, seed_of).unwrap());
}

#[divan::bench]
fn encode(bencher: Bencher<'_, '_>) {
    let segment = segment();
    bencher.counter(ItemsCount::new(OPS)).bench(|| to_cbor(&segment).unwrap());
}

#[divan::bench]
fn decode(bencher: Bencher<'_, '_>) {
    let bytes = to_cbor(&segment()).unwrap();
    bencher.counter(ItemsCount::new(OPS)).bench(|| from_cbor::<Segment>(&bytes).unwrap());
}

#[divan::bench]
fn verify(bencher: Bencher<'_, '_>) {
    let (segment, key) = (segment(), key().public_key());
    bencher.counter(ItemsCount::new(OPS)).bench(|| segment.verify(&key, &Uuid::nil(), 1).unwrap());
}

fn fold(ops: &[Op]) -> usize {
    let dev = key().public_key().device();
    let sets = by_audit(ops).into_iter().map(|(audit, list)| {
        let mut set = AuditOps::new();
        set.set_seed(dev, Seed([1; 32]));
        for op in list {
            set.insert(dev, op.clone(), Arrival::device(1_800_000_000_000));
        }
        let root = content::content_root(&set, &set.view());
        divan::black_box((audit, root));
        set.encode().unwrap().len()
    });
    sets.sum()
}

#[divan::bench]
fn insert_view_root_and_encode(bencher: Bencher<'_, '_>) {
    let ops = ops();
    bencher.counter(ItemsCount::new(OPS)).bench(|| fold(&ops));
}

fn receipt() -> Receipt {
    let (dev, head) = (key().public_key().device(), Head { dseq: OPS, ..Head::EMPTY });
    let (alg, sig) = (Algorithm::Ed25519, Bytes::default());
    Receipt { epoch: 1, dev, head, sseq: OPS, recv_ms: 1_800_000_000_000, alg, sig }
}

/// What a server pays for the receipt of an exchange, its key read anew.
#[divan::bench]
fn sign_a_receipt(bencher: Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(1_u32))
        .with_inputs(receipt)
        .bench_values(|it| it.signed(&Uuid::nil(), &key()));
}

/// What a device pays for it.
#[divan::bench]
fn verify_a_receipt(bencher: Bencher<'_, '_>) {
    let (signed, public) = (receipt().signed(&Uuid::nil(), &key()), key().public_key());
    bencher.counter(ItemsCount::new(1_u32)).bench(|| signed.verify(&Uuid::nil(), &public).unwrap());
}
