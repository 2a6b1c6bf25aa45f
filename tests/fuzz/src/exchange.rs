//! The messages of the exchange: what a device may send to the office, and what it may get back from whoever answers.

use crate::{EPOCH, ORG, dev, fair, key, public_key, read_cbor, read_json, within};
use std::collections::VecDeque;
use sync_core::{
    Algorithm, Hash, Head, Kind, Op, SealedSegment, Seed,
    blob::{BlobQuery, BlobReply},
    codec::{self, Nested},
    exchange::{
        Body, ClockReading, MAX_PUSHED_BYTES, MAX_PUSHED_SEGMENTS, MAX_STREAMS, Page, Pending, Reply,
        Request, StreamId, may_relay,
    },
    ingest::{DeviceHead, Enrolled, Enrolment, Push, check_push},
    op::Opening,
    session::{Commit, Cursor, Effect, Event, Finish, Identity, Loaded, Session, step},
};
use uuid::Uuid;

/// A request in CBOR.
pub fn request_cbor(bytes: &[u8]) {
    if let Some(request) = read_cbor::<Request>(bytes) {
        in_json(&request);
        received(&request);
    }
}

/// In JSON a segment is written open, and sealed anew when it is read.
fn in_json(request: &Request) {
    let open = |it: &Request| it.push.iter().map(SealedSegment::open).collect::<Result<Vec<_>, _>>();
    let Ok(segments) = open(request) else {
        assert!(codec::to_json(request).is_err(), "what cannot be opened was written open");
        return;
    };
    let json = codec::to_json(request).expect("a request can be written as JSON");
    let read: Request = codec::from_json(&json).expect("and read again");
    assert_eq!(open(&read), Ok(segments));
    assert_eq!(Request { push: request.push.clone(), ..read }, *request);
}

/// A request in JSON.
pub fn request_json(bytes: &[u8]) {
    if let Some(request) = read_json::<Request>(bytes) {
        let cbor = codec::to_cbor(&request).expect("a request can be written as CBOR");
        assert!(codec::from_cbor(&cbor).is_ok_and(|it: Request| it == request));
        received(&request);
    }
    drop(read_json::<BlobQuery>(bytes));
}

/// What the office does with a request before it looks into its database.
fn received(request: &Request) {
    if request.check_bounds().is_ok() {
        let opened: u64 = request.push.iter().filter_map(SealedSegment::opened_bytes).sum();
        assert!(request.push.len() <= MAX_PUSHED_SEGMENTS && opened <= MAX_PUSHED_BYTES);
        assert!(request.pull.len() <= MAX_STREAMS && may_relay(&request.relay));
    }
    let public = public_key();
    let enrolled = Enrolled { key: &public, org: ORG, epoch: EPOCH, redactions: None };
    for sealed in &request.push {
        let Ok(segment) = sealed.open() else { continue };
        assert!(sealed.opened_bytes().is_some());
        let head = DeviceHead::default();
        let Ok(push) = check_push(&head, &segment, &enrolled, |_| Ok::<_, ()>(None)) else { continue };
        if let Push::Accepted(accepted) = push {
            assert!(accepted.new_ops().iter().all(|it| it.check_size().is_ok()));
        }
        drop(segment.chained_as_kept(request.dev));
    }
    for run in &request.relay {
        drop((run.id(), run.verify(&ORG)));
    }
    for receipt in &request.receipts {
        assert!(receipt.verify(&ORG, &public).is_err() || receipt.alg == public.alg);
    }
    for pull in &request.pull {
        let asked: Result<_, ()> = pull.begin(|_| Ok(false));
        assert_eq!(asked.map(|it| it.after), Ok(0));
    }
}

/// A reply in CBOR.
pub fn reply_cbor(bytes: &[u8]) {
    if let Some(reply) = read_cbor::<Reply>(bytes) {
        answered(reply);
    }
    drop(read_cbor::<BlobReply>(bytes));
    drop(read_cbor::<Enrolment>(bytes));
}

/// A reply in JSON.
pub fn reply_json(bytes: &[u8]) {
    // Of a part that is newer than this program its JSON text is kept, which is no longer that part when it is written.
    if let Ok(reply) = within(fair(bytes), || codec::from_json::<Reply>(bytes)) {
        if !unknown(&reply) {
            assert_eq!(read_json::<Reply>(bytes), Some(reply.clone()));
        }
        answered(reply);
    }
    drop(read_json::<BlobReply>(bytes));
    drop(read_json::<Enrolment>(bytes));
}

fn unknown(reply: &Reply) -> bool {
    let pages: &[Page] = if let Reply::Done(response) = reply { &response.pull } else { &[] };
    pages.iter().flat_map(|it| &it.items).any(|it| matches!(it.body, Nested::Unknown(_)))
}

/// What a device does with a reply: it believes nothing that the server's key did not sign, and its cursors go on where they
/// stand or back to where they were.
fn answered(reply: Reply) {
    if let Reply::Done(response) = &reply {
        let bodies = response.pull.iter().flat_map(|it| &it.items).map(|it| &it.body);
        for body in bodies {
            if let Nested::Known(body) = body
                && let Ok(Body::Ops(run)) = body.clone().opened()
            {
                drop(run.verify_as_kept(&ORG));
            }
        }
    }
    let identity = Identity { dev: dev(), org: ORG, alg: Algorithm::Ed25519, app_build: 1 };
    let mut session = Session::new(identity);
    let loaded = loaded();
    let begin = Event::Begin { clock: ClockReading::default(), jitter: 0 };
    let mut effects = VecDeque::from(step(&mut session, begin));
    for _ in 0..40 {
        let Some(effect) = effects.pop_front() else { break };
        let event = match effect {
            Effect::Load { .. } => Event::Loaded(Box::new(loaded.clone())),
            Effect::Sign(bytes) => Event::Signed(key().sign(&bytes)),
            Effect::Send(_) => Event::Answered(Box::new(reply.clone())),
            Effect::FindHashes(places) => {
                Event::HashesFound(places.iter().map(|it| (*it == 0).then_some(Hash::ZERO)).collect())
            }
            Effect::Commit(commit) => {
                check_commit(&loaded, &commit);
                Event::Committed
            }
            Effect::Finish(finish) => {
                assert!(!matches!(finish, Finish::Done(it) if it.pushed > 0));
                break;
            }
        };
        effects.extend(step(&mut session, event));
    }
}

fn check_commit(loaded: &Loaded, commit: &Commit) {
    let Commit { acked, pages, rewinds, receipt, server_key, .. } = commit;
    assert!(*acked <= loaded.acked, "nothing was signed and {acked:?} counts as sent");
    assert!(receipt.is_none() && server_key.is_none(), "a signature was made up");
    for page in pages {
        let cursor = loaded.cursors.iter().find(|it| it.stream == page.stream).expect("a stream of ours");
        assert!(page.next >= cursor.after);
        assert!(page.items.windows(2).all(|it| it.first().map(|it| it.last) < it.last().map(|it| it.first)));
    }
    for (stream, mark) in rewinds {
        assert!(loaded.cursors.iter().any(|it| it.stream == *stream && mark.after < it.after));
    }
}

/// A device with two ops that the server does not have, and a stream of which it has read nothing.
fn loaded() -> Loaded {
    let audit = Uuid::from_u128(9);
    let op = |dseq| Op {
        dseq,
        hlc: dseq << 16,
        kind: Kind::Set,
        audit,
        round: 1,
        field: "A01".to_owned(),
        base: Vec::new(),
        value: Some("\"yes\"".into()),
        opening: Opening::Seeded,
        origin: None,
    };
    let streams = [StreamId::User(Uuid::from_u128(2)), StreamId::Reference(ORG)];
    Loaded {
        epoch: Some(EPOCH),
        acked: Head::EMPTY,
        head: Head { dseq: 2, h: Hash([3; 32]) },
        cursors: streams.map(|stream| Cursor { stream, after: 0, f: Hash::ZERO, marks: Vec::new() }).into(),
        sealed: Vec::new(),
        ops: vec![op(1), op(2)],
        seeds: vec![(audit, Seed([4; 32]))],
        pending: Pending::default(),
        relay: Vec::new(),
        more_relay: false,
        server_key: Some(public_key()),
        receipts: Vec::new(),
    }
}
