//! Somebody who means harm, over HTTP: each thing they send is refused with its own code, told to the operator once, changes
//! nothing that is stored, and keeps no other device waiting.

use crate::blobs::{blob_of, refusal};
use crate::exchange::{CBOR, Phone, Scene, reply};
use crate::operator::Lines;
use std::sync::OnceLock;
use sync_core::{
    Bytes, DeviceId, Head, Op, SealedSegment, Segment, codec,
    exchange::{MAX_ITEMS, RefusalCode, Reply, Request, Run},
    hlc,
    packed::PackedOps,
    receipt::Receipt,
    relay::Proof,
    sealed::Effort,
    segment::{MAX_SEGMENT_OPS, signing_bytes},
    signature::SigningKey,
};
use tracing::Level;

/// What the operator was told of a device, which no other test may have: all tests of this program tell one operator, since
/// requests are worked on by threads of their own.
fn told(dev: DeviceId) -> Vec<String> {
    static OPERATOR: OnceLock<Lines> = OnceLock::new();
    let operator = OPERATOR.get_or_init(|| {
        let lines = Lines::of(Level::WARN);
        tracing::subscriber::set_global_default(lines.clone()).unwrap();
        lines
    });
    operator.which(|it| it.starts_with("server") && it.contains(&dev.to_string()))
}

/// A body in CBOR that means harm.
enum Harm {
    Request(Box<Request>),
    Bytes(Vec<u8>),
}

/// An office with an honest device and one that means harm, both with a visit that is stored.
struct Place {
    scene: Scene,
    honest: Phone,
    rogue: Phone,
    /// What the rogue pushed last, and the log before it.
    pushed: Request,
    before: (Head, Vec<Op>),
}

impl Place {
    /// `number` makes the devices: another one in each test, as all tests tell one operator.
    async fn open(number: u8) -> Self {
        let scene = Scene::open().await;
        let (mut honest, mut rogue) = (scene.phone(number).await, scene.phone(number + 1).await);
        assert_eq!(told(rogue.dev()), Vec::<String>::new());
        for phone in [&mut honest, &mut rogue] {
            phone.fill_in(scene.new_audit(), &scene.pin());
            let request = phone.push();
            scene.done(phone, &request).await;
        }
        rogue.ops = sync_core::AuditOps::new();
        rogue.fill_in(scene.new_audit(), &scene.pin());
        let before = (rogue.head, rogue.unsent.clone());
        let pushed = rogue.push();
        Self { scene, honest, rogue, pushed, before }
    }

    /// The ops that the rogue has not sent, changed and signed all the same.
    fn signed_anew(&self, key: &SigningKey, change: impl FnOnce(&mut Vec<Op>)) -> Segment {
        let (prev, mut ops) = self.before.clone();
        change(&mut ops);
        let (dev, alg) = (self.rogue.dev(), key.public_key().alg);
        let packed = PackedOps::pack(dev, &ops, |_| Some(self.rogue.seed));
        let first = prev.dseq + 1;
        let mut segment = Segment { first, prev_h: prev.h, ops: packed, alg, sig: Bytes::default() };
        let last = segment.chained(dev).map_or(prev, |it| it.last());
        let enrolment = &self.rogue.enrolment;
        let signed = signing_bytes(&enrolment.org, &dev, enrolment.epoch, first, &last);
        segment.sig = Bytes::from(key.sign(&signed));
        segment
    }

    fn pushing(&self, segment: Segment) -> Harm {
        Harm::Request(Box::new(self.rogue.request(vec![segment])))
    }

    /// Sends it under the session of the rogue.
    async fn refused(&self, harm: &Harm) -> (u16, RefusalCode, String) {
        let body = match harm {
            Harm::Request(request) => codec::to_cbor(request).unwrap(),
            Harm::Bytes(bytes) => bytes.clone(),
        };
        let encoding = if body.len() > 1 << 20 { "zstd" } else { "" };
        let body = if encoding.is_empty() { body } else { zstd::bulk::compress(&body, 3).unwrap() };
        let answer = self.scene.post(&self.rogue.enrolment.token, CBOR, encoding, body).await;
        match reply(&answer) {
            Reply::Refused(refusal) => (answer.status.as_u16(), refusal.code, refusal.reason),
            done => panic!("{done:?}"),
        }
    }

    /// The honest device goes on as if nothing were.
    async fn others_go_on(&mut self) {
        self.honest.ops = sync_core::AuditOps::new();
        self.honest.fill_in(self.scene.new_audit(), &self.scene.pin());
        let request = self.honest.push();
        let response = self.scene.done(&self.honest, &request).await;
        assert_eq!(response.dev_head, self.honest.head);
        assert_eq!(response.receipt.map(|it| it.head), Some(self.honest.head));
    }
}

#[actix_web::test]
async fn whatever_harm_is_pushed_has_its_own_code_is_told_once_and_keeps_nobody_waiting() {
    let mut place = Place::open(201).await;
    let own = SigningKey::from_secret(&[202; 32]);
    let stranger = SigningKey::from_secret(&[250; 32]);
    let deep = [&b"\xa1\x61x"[..], &[0x81; 300_000][..], b"\x00"].concat();
    // A list of empty texts, each of one byte and a place of many.
    let crowd = [&b"\xa1\x61x\x9a\x01\x00\x00\x00"[..], &vec![0x60; MAX_ITEMS + 1]].concat();
    let packed_as = |ops: &[u8]| {
        let mut request = place.pushed.clone();
        request.push[0].ops = Bytes::from(zstd::bulk::compress(ops, 3).unwrap());
        Harm::Request(Box::new(request))
    };
    let mut invalid_text = codec::to_cbor(&place.pushed.push[0].open().unwrap().ops).unwrap();
    let field = invalid_text.windows(4).position(|it| it == b"\x63A01").unwrap();
    invalid_text[field + 1] = 0xff;
    let older = |ops: &mut Vec<Op>| ops.iter_mut().for_each(|it| it.hlc -= hlc::at_ms(60_000));
    let flood = |ops: &mut Vec<Op>| {
        let (small, first) = (ops[1].clone(), ops[0].dseq);
        let last = first + u64::try_from(MAX_SEGMENT_OPS).unwrap();
        *ops = (first..=last).map(|dseq| Op { dseq, hlc: small.hlc + dseq, ..small.clone() }).collect();
    };
    let mut crowded = place.pushed.clone();
    crowded.push = vec![SealedSegment::of(&place.signed_anew(&own, flood), Effort::Quick).unwrap(); 62];
    let replayed = Request { dev: place.honest.dev(), ..place.pushed.clone() };
    let cases = [
        ("replayed for another", Harm::Request(Box::new(replayed)), (401, "foreign_device")),
        (
            "signed by another key",
            place.pushing(place.signed_anew(&stranger, |_| {})),
            (422, "bad_signature"),
        ),
        (
            "an op deleted from the middle",
            {
                let mut segment = place.pushed.push[0].open().unwrap();
                segment.ops = place
                    .signed_anew(&own, |ops| {
                        ops.remove(1);
                        ops.iter_mut().zip(place.before.0.dseq + 1..).for_each(|(op, dseq)| op.dseq = dseq);
                    })
                    .ops;
                place.pushing(segment)
            },
            (422, "bad_signature"),
        ),
        ("dated back", place.pushing(place.signed_anew(&own, older)), (422, "segment_clock")),
        (
            "an oversized value",
            place.pushing(
                place.signed_anew(&own, |ops| ops[1].value = Some(Bytes::from(vec![b'x'; 32 * 1024 + 1]))),
            ),
            (422, "op_too_large"),
        ),
        ("a segment of too many ops", place.pushing(place.signed_anew(&own, flood)), (422, "segment_length")),
        ("a million ops", Harm::Request(Box::new(crowded)), (413, "too_many_pushed")),
        ("invalid UTF-8", packed_as(&invalid_text), (422, "segment_malformed")),
        ("a bomb for a segment", packed_as(&vec![0; 9 << 20]), (422, "segment_malformed")),
        ("deep CBOR", Harm::Bytes(deep), (400, "not_a_request")),
        ("more parts than a request has", Harm::Bytes(crowd), (413, "too_many_items")),
        ("a bomb", Harm::Bytes(vec![0; 33 << 20]), (413, "body_too_large")),
    ];
    let rogue = place.rogue.dev();
    for (name, harm, (status, reason)) in cases {
        let (stored, already) = (place.scene.stored(), told(rogue).len());
        let (found, _, why) = place.refused(&harm).await;
        assert_eq!((found, why.as_str()), (status, reason), "{name}");
        assert_eq!(place.scene.stored(), stored, "{name}");
        let news = told(rogue).split_off(already);
        assert!(news.len() == 1 && news[0].contains(reason), "{name}: {news:?}");
        place.others_go_on().await;
    }
    // And of its own log nothing is lost by what was refused.
    let request = place.pushed.clone();
    assert_eq!(place.scene.done(&place.rogue, &request).await.dev_head, place.rogue.head);
    assert_eq!(told(place.honest.dev()), Vec::<String>::new());
}

#[actix_web::test]
async fn a_segment_that_is_replayed_is_stored_once_and_is_no_news() {
    let place = Place::open(203).await;
    place.scene.done(&place.rogue, &place.pushed).await;
    let stored = place.scene.stored();
    for _ in 0..3 {
        assert_eq!(place.scene.done(&place.rogue, &place.pushed).await.dev_head, place.rogue.head);
    }
    assert_eq!((place.scene.stored(), told(place.rogue.dev())), (stored, vec![]));
}

#[actix_web::test]
async fn forged_receipts_date_nothing_back_and_are_told_once_however_many_they_are() {
    let mut place = Place::open(205).await;
    let (dev, org, head) = (place.rogue.dev(), place.rogue.enrolment.org, place.rogue.head);
    let (alg, sig) = (place.rogue.key.public_key().alg, Bytes::default());
    let forged = Receipt { epoch: 1, dev, head, sseq: 4, recv_ms: 1, alg, sig };
    let forged = forged.signed(&org, &place.rogue.key);
    let request = Request { receipts: vec![forged; 20], ..place.pushed.clone() };
    let response = place.scene.done(&place.rogue, &request).await;
    let now_ms = u64::try_from(place.scene.office.clock.millis()).unwrap();
    assert_eq!(response.receipt.unwrap().recv_ms, now_ms);
    let news = told(dev);
    assert!(news.len() == 1 && news[0].contains("forged_receipt"), "{news:?}");
    place.others_go_on().await;
}

#[actix_web::test]
async fn forged_runs_of_another_are_not_stored_and_are_told_once_however_many_they_are() {
    let mut place = Place::open(209).await;
    let (honest, segment) = (&place.honest, place.pushed.push[0].open().unwrap());
    let run = Run {
        dev: honest.dev(),
        key: Some(honest.key.public_key()),
        server: false,
        dseq_first: segment.first,
        ops: segment.ops,
        proof: Some(Proof {
            prev_h: segment.prev_h,
            first: segment.first,
            epoch: honest.enrolment.epoch,
            alg: segment.alg,
            sig: segment.sig,
        }),
        evidence: false,
    };
    let request = Request { relay: vec![run; 20], ..place.rogue.request(Vec::new()) };
    let stored = place.scene.stored();
    place.scene.done(&place.rogue, &request).await;
    assert_eq!(place.scene.stored(), stored);
    let news = told(place.rogue.dev());
    assert!(
        news.len() == 1 && news[0].contains("forged=20") && news[0].contains("bad_signature"),
        "{news:?}"
    );
    place.others_go_on().await;
}

#[actix_web::test]
async fn a_photo_that_is_another_than_it_says_is_refused_told_once_and_keeps_nobody_waiting() {
    let mut place = Place::open(207).await;
    let dev = place.rogue.dev();
    let (real, swapped) = (b"the photo of the branch".to_vec(), b"the photo of a friend's".to_vec());
    let blob = blob_of(&real);
    assert_eq!(real.len(), swapped.len());
    // A part with another hash than it says, then a whole that is another blob.
    let hash = sync_core::Hash::of(&real);
    let part = refusal(place.scene.send_part(&place.rogue, &blob, 0, (hash, &swapped)).await);
    assert_eq!((part.code, part.reason.as_str()), (RefusalCode::BadHash, "bad_chunk_hash"));
    let whole = refusal(place.scene.part(&place.rogue, &blob, 0, &swapped).await);
    assert_eq!((whole.code, whole.reason.as_str()), (RefusalCode::BadHash, "bad_blob_hash"));
    let news = told(dev);
    assert!(news.len() == 2 && news[0].contains("bad_chunk_hash") && news[1].contains("bad_blob_hash"));
    place.others_go_on().await;
    place.scene.upload(&place.honest, &real).await;
    assert_eq!(told(dev).len(), 2);
}
