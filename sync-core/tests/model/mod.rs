//! A server in memory that does at ingest what `sync_core::ingest` says, for the tests of the protocol. It keeps
//! everything it was given, so that a test can compare it with what devices hold.
use std::{collections::BTreeMap, convert::Infallible, rc::Rc};

use sync_core::{
    Algorithm, AuditOps, DeviceId, Hash, Kind, Op, OpId, PublicKey, Seed, Segment,
    chain::{Head, feed_hash},
    codec::Nested,
    exchange::{
        Body, Ending, FORK_BEFORE_ACKED, Item, Limits, Mark, Outcome, Page, Pull, RefRow, Refusal,
        RefusalCode, Reply, Request, Response, Run, StreamId,
    },
    fold::Arrival,
    ingest::{Accepted, DeviceHead, Enrolled, Push, by_audit, check_push, redacted_by_the_server},
    packed::PackedOps,
    receipt::{Receipt, Succession},
    redaction::Redactions,
    relay::{Proof, server_secret},
    sealed::{Effort, SealedRun, SealedSegment},
    segment::signing_bytes,
    signature::SigningKey,
};
use uuid::Uuid;

#[derive(Clone)]
pub(crate) struct DeviceRow {
    pub(crate) key: PublicKey,
    pub(crate) user: Uuid,
    pub(crate) head: DeviceHead,
    /// As they came, with the epoch that they were signed in.
    pub(crate) segments: Vec<(u64, Segment)>,
    pub(crate) ops: BTreeMap<u64, (Op, Hash)>,
    pub(crate) seeds: BTreeMap<Uuid, Seed>,
    /// Where each stored part ends, with its number in the stream and when it came.
    pub(crate) received: BTreeMap<u64, (u64, u64)>,
}

fn opened(request: &Request) -> Result<Vec<Segment>, Refusal> {
    let invalid = |it: sync_core::SegmentError| Refusal::new(RefusalCode::Invalid, it.code());
    request.push.iter().map(|it| it.open().map_err(invalid)).collect()
}

impl DeviceRow {
    /// Whether a device is right about what it was acknowledged.
    fn agrees(&self, acked: Head) -> Result<(), Refusal> {
        let other = |it: &(Op, Hash)| it.1 != acked.h;
        if acked.dseq <= self.head.head.dseq && self.ops.get(&acked.dseq).is_some_and(other) {
            let dev_head = Some(self.head.head);
            return Err(Refusal { dev_head, ..Refusal::new(RefusalCode::Fork, FORK_BEFORE_ACKED) });
        }
        Ok(())
    }
}

#[derive(Clone)]
pub(crate) enum Entry {
    Ops {
        dev: DeviceId,
        first: u64,
        last: u64,
        server: bool,
    },
    /// A run of the server's own log that a mirror brought back.
    Returned(Run),
    Raw(Nested<Body>),
}

#[derive(Clone)]
pub(crate) struct FeedEntry {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) recv_ms: u64,
    pub(crate) h: Hash,
    pub(crate) f: Hash,
    pub(crate) entry: Entry,
}

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) org: Uuid,
    pub(crate) epoch: u64,
    pub(crate) now_ms: u64,
    pub(crate) devices: BTreeMap<DeviceId, DeviceRow>,
    pub(crate) audits: BTreeMap<Uuid, AuditOps>,
    pub(crate) feeds: BTreeMap<StreamId, Vec<FeedEntry>>,
    pub(crate) page_items: usize,
    /// Said in answer to every push.
    pub(crate) outcome: Option<Outcome>,
    pub(crate) limits: Limits,
    /// What renewed devices gave up.
    pub(crate) evidence: Vec<Run>,
    /// Said in every answer.
    pub(crate) durable_through: u64,
    pub(crate) key: Rc<SigningKey>,
    pub(crate) server_head: Head,
    pub(crate) server_hlc: u64,
    /// Misbehaves: another epoch in every answer.
    pub(crate) epoch_rises: bool,
    /// Misbehaves: signs receipts and vouches with a key of its own.
    pub(crate) forges: bool,
    /// Misbehaves: sends every reader here.
    pub(crate) rewind_to: Option<Mark>,
    /// Sends runs that are whole segments as they are kept, as the office does.
    pub(crate) sends_segments: bool,
    /// Devices that were taken out, and why: what they push is stored and no more.
    pub(crate) ended: BTreeMap<DeviceId, Ending>,
}

/// The key with which the server signs in an epoch.
fn server_key(epoch: u64) -> Rc<SigningKey> {
    let secret = if epoch == FIRST_EPOCH { FIRST } else { server_secret(&FIRST, epoch).unwrap() };
    Rc::new(SigningKey::from_secret(&secret))
}

const FIRST_EPOCH: u64 = 7;
const FIRST: [u8; 32] = [9; 32];

impl Server {
    /// Puts a copy in place of what was lost; by the command, or by hand, which says nothing.
    pub(crate) fn restore(&mut self, copy: &Self, by_command: bool) {
        let lost = core::mem::replace(self, copy.clone());
        (self.now_ms, self.epoch) = (lost.now_ms, copy.epoch);
        if by_command {
            self.epoch = lost.epoch + 1;
            self.key = server_key(self.epoch);
        }
    }

    pub(crate) fn new() -> Self {
        Self {
            org: Uuid::from_u128(1),
            epoch: FIRST_EPOCH,
            now_ms: 1_800_000_000_000,
            devices: BTreeMap::new(),
            audits: BTreeMap::new(),
            feeds: BTreeMap::new(),
            page_items: 3,
            outcome: None,
            limits: Limits::default(),
            evidence: Vec::new(),
            durable_through: 0,
            key: server_key(FIRST_EPOCH),
            server_head: Head::EMPTY,
            server_hlc: 0,
            epoch_rises: false,
            forges: false,
            rewind_to: None,
            sends_segments: false,
            ended: BTreeMap::new(),
        }
    }

    pub(crate) fn enrol(&mut self, key: PublicKey, user: Uuid) {
        let row = DeviceRow {
            key: key.clone(),
            user,
            head: DeviceHead::default(),
            segments: Vec::new(),
            ops: BTreeMap::new(),
            seeds: BTreeMap::new(),
            received: BTreeMap::new(),
        };
        self.devices.insert(key.device(), row);
    }

    pub(crate) fn exchange(&mut self, request: &Request) -> Reply {
        self.now_ms += 1_000;
        self.epoch += u64::from(self.epoch_rises);
        match self.try_exchange(request) {
            Ok(response) => Reply::Done(response),
            Err(refusal) => Reply::Refused(refusal),
        }
    }

    fn row(&self, dev: DeviceId) -> Result<&DeviceRow, Refusal> {
        self.devices.get(&dev).ok_or_else(|| Refusal::new(RefusalCode::Unauthorized, "unknown_device"))
    }

    fn try_exchange(&mut self, request: &Request) -> Result<Response, Refusal> {
        let dev = request.dev;
        let row = self.row(dev)?;
        if request.epoch.is_some_and(|it| it != self.epoch) {
            let epoch = Some(self.epoch);
            let known = request.epoch.into_iter();
            let before: Vec<_> = (FIRST_EPOCH..self.epoch).chain(known).map(server_key).collect();
            let before = before.iter().chain([&self.key]).map(|it| &**it).filter(|_| !self.forges);
            let next = Succession::of(&self.org, self.epoch, self.key.public_key(), before);
            let succession = Some(Box::new(next));
            return Err(Refusal { epoch, succession, ..Refusal::new(RefusalCode::Epoch, "epoch") });
        }
        let ended = self.ended.get(&dev).copied();
        if let Some(reason) = ended.filter(|_| request.push.is_empty()) {
            let refusal = Refusal::new(RefusalCode::Unauthorized, reason.name());
            return Err(Refusal { dev_head: Some(row.head.head), ..refusal });
        }
        row.agrees(request.hello.acked)?;
        // Check everything before anything is stored: the transaction of the real server.
        let redacted = self.redacted(request);
        let enrolled =
            Enrolled { key: &row.key, org: self.org, epoch: self.epoch, redactions: Some(&redacted) };
        let (mut head, mut accepted) = (row.head, Vec::new());
        let mut staged: BTreeMap<u64, Hash> = BTreeMap::new();
        for segment in opened(request)? {
            let stored = |dseq: u64| {
                let known = staged.get(&dseq).or_else(|| row.ops.get(&dseq).map(|it| &it.1)).copied();
                Ok::<_, Infallible>(if dseq == 0 { Some(Hash::ZERO) } else { known })
            };
            match check_push(&head, &segment, &enrolled, stored).unwrap() {
                Push::Refused(refusal) => return Err(refusal),
                Push::Duplicate => {}
                Push::Accepted(it) => {
                    staged.extend(it.segment.ops.iter().map(|op| op.dseq).zip(it.segment.hashes.clone()));
                    head = it.head;
                    accepted.push((segment.clone(), it));
                }
            }
        }
        self.take(request, accepted);
        let open = ended.is_none();
        let user = self.devices[&dev].user;
        request.relay.iter().filter(|_| open).for_each(|run| self.take_back(user, run, &redacted));
        let pull = request.pull.iter().filter(|_| open).map(|it| self.page(dev, it)).collect();
        Ok(Response {
            epoch: self.epoch,
            server_ms: self.now_ms,
            dev_head: self.devices[&dev].head.head,
            receipt: self.receipt(dev).filter(|_| !request.push.is_empty()),
            outcomes: self.outcome.iter().filter(|_| !request.push.is_empty()).cloned().collect(),
            pull,
            limits: self.limits.clone(),
            durable_through: self.durable_through,
            min_pull_build: 0,
            ended,
        })
    }

    /// Stores what is new of a push.
    fn take(&mut self, request: &Request, accepted: Vec<(Segment, Accepted)>) {
        let dev = request.dev;
        let (epoch, open) = (self.epoch, !self.ended.contains_key(&dev));
        for (segment, it) in accepted {
            let seeds: BTreeMap<Uuid, Seed> = it.segment.seeds.iter().copied().collect();
            let row_end = it.head.head;
            let honoured = request.receipts.iter().filter(|it| {
                it.head == row_end && it.verify(&self.org, &server_key(it.epoch).public_key()).is_ok()
            });
            let recv_ms = honoured.map(|it| it.recv_ms).min().unwrap_or(self.now_ms);
            if open {
                self.store(dev, it.new_ops(), &it.segment.hashes[it.skip..], &seeds, recv_ms);
            }
            let row = self.devices.get_mut(&dev).unwrap();
            let set_aside = it.new_ops().iter().zip(&it.segment.hashes[it.skip..]);
            row.ops.extend(set_aside.map(|(op, h)| (op.dseq, (op.clone(), *h))));
            if !open {
                row.received.insert(it.head.head.dseq, (0, recv_ms));
            }
            row.segments.push((epoch, segment));
            row.head = it.head;
        }
    }

    /// What this server redacted, as it knows and as a request itself brings it.
    fn redacted(&self, request: &Request) -> Redactions {
        let mut redacted = Redactions::default();
        let known = self.audits.values().flat_map(|it| it.iter()).map(|it| &it.1.op);
        known.filter(|it| it.kind == Kind::Redact).for_each(|it| redacted.add_named(it));
        for run in request.relay.iter().filter(|it| it.server) {
            let is_own = |it: u64| server_key(it).public_key().device() == run.dev;
            let (Ok(verified), Some(proof)) = (run.verify_as_kept(&self.org), &run.proof) else { continue };
            verified.ops.iter().filter(|_| is_own(proof.epoch)).for_each(|it| redacted.add_named(it));
        }
        redacted
    }

    fn receipt(&self, dev: DeviceId) -> Option<Receipt> {
        let row = &self.devices[&dev];
        let head = row.head.head;
        let (sseq, recv_ms) = *row.received.get(&head.dseq)?;
        let (alg, sig, epoch) = (Algorithm::Ed25519, Default::default(), self.epoch);
        let unsigned = Receipt { epoch, dev, head, sseq, recv_ms, alg, sig };
        let forged = SigningKey::from_secret(&[66; 32]);
        Some(unsigned.signed(&self.org, if self.forges { &forged } else { &self.key }))
    }

    fn store(
        &mut self,
        dev: DeviceId,
        ops: &[Op],
        hashes: &[Hash],
        seeds: &BTreeMap<Uuid, Seed>,
        recv_ms: u64,
    ) {
        for (audit, list) in by_audit(ops) {
            let set = self.audits.entry(audit).or_default();
            for op in list {
                set.insert(dev, op.clone(), Arrival::device(recv_ms));
            }
            // None of an author of whom something was redacted.
            seeds.get(&audit).into_iter().for_each(|it| set.set_seed(dev, *it));
        }
        let row = self.devices.get_mut(&dev).unwrap();
        row.seeds.extend(seeds);
        for (op, h) in ops.iter().zip(hashes) {
            let twice = row.ops.insert(op.dseq, (op.clone(), *h));
            assert!(twice.is_none(), "op {} of {dev} was stored twice", op.dseq);
        }
        let (first, last) = (ops[0].dseq, ops[ops.len() - 1].dseq);
        let stream = StreamId::User(row.user);
        let entry = Entry::Ops { dev, first, last, server: false };
        self.append_at(stream, last - first + 1, hashes[hashes.len() - 1], entry, recv_ms);
        let sseq = self.feeds[&stream].last().unwrap().last;
        self.devices.get_mut(&dev).unwrap().received.insert(last, (sseq, recv_ms));
    }

    pub(crate) fn append(&mut self, stream: StreamId, count: u64, h: Hash, entry: Entry) {
        self.append_at(stream, count, h, entry, self.now_ms);
    }

    fn append_at(&mut self, stream: StreamId, count: u64, h: Hash, entry: Entry, recv_ms: u64) {
        let feed = self.feeds.entry(stream).or_default();
        let (last, f) = feed.last().map_or((0, Hash::ZERO), |it| (it.last, it.f));
        let sseq = last + count;
        let f = feed_hash(&f, &h, sseq, recv_ms);
        feed.push(FeedEntry { first: last + 1, last: sseq, recv_ms, h, f, entry });
    }

    pub(crate) fn publish(&mut self, stream: StreamId, row: RefRow) {
        let h = row.hash();
        self.append(stream, 1, h, Entry::Raw(Nested::Known(Body::RefRow(row))));
    }

    /// Writes one op of the server's own log on an audit of a user.
    pub(crate) fn command(&mut self, user: Uuid, mut op: Op) -> OpId {
        let dev = self.key.public_key().device();
        // A server that was restored signs with a new key, and so begins a new log.
        if !self.devices.contains_key(&dev) {
            (self.server_head, self.server_hlc) = (Head::EMPTY, 0);
            self.enrol(self.key.public_key(), Uuid::nil());
        }
        self.now_ms += 1_000;
        self.server_hlc = (self.now_ms << 16).max(self.server_hlc + 1);
        (op.dseq, op.hlc) = (self.server_head.dseq + 1, self.server_hlc);
        let seed = Seed::derive(&[9; 32], &op.audit).unwrap();
        let ops = [op.clone()];
        let (mut segment, last) =
            Segment::unsigned(dev, self.server_head, &ops, Algorithm::Ed25519, |_| Some(seed)).unwrap();
        segment.sig = self.key.sign(&signing_bytes(&self.org, &dev, self.epoch, op.dseq, &last)).into();
        let h = last.h;
        self.server_head = last;
        let set = self.audits.entry(op.audit).or_default();
        set.insert(dev, op.clone(), Arrival::server(self.now_ms));
        set.set_seed(dev, seed);
        let row = self.devices.get_mut(&dev).unwrap();
        row.segments.push((self.epoch, segment));
        row.ops.insert(op.dseq, (op.clone(), h));
        row.seeds.insert(op.audit, seed);
        let entry = Entry::Ops { dev, first: op.dseq, last: op.dseq, server: true };
        self.append(StreamId::User(user), 1, h, entry);
        OpId::new(dev, op.dseq)
    }

    /// Takes what a mirror relays, as far as it stands by itself and continues what is here.
    fn take_back(&mut self, user: Uuid, run: &Run, redacted: &Redactions) {
        let kept = run.verify_as_kept(&self.org);
        let Ok(verified) = kept.and_then(|it| redacted_by_the_server(it, Some(redacted))) else { return };
        if run.evidence {
            return self.evidence.push(run.clone());
        }
        if run.server {
            let epoch = run.proof.as_ref().unwrap().epoch;
            if run.dev != server_key(epoch).public_key().device() {
                return;
            }
            if !self.devices.contains_key(&run.dev) {
                self.enrol(run.key.clone().unwrap(), Uuid::nil());
            }
        }
        let seeds: BTreeMap<Uuid, Seed> = verified.seeds.iter().copied().collect();
        let Some(row) = self.devices.get(&run.dev) else { return };
        if !run.server {
            return self.push_for(run, redacted);
        }
        let last = verified.last();
        let stream = StreamId::User(user);
        let known = |it: &FeedEntry| matches!(&it.entry, Entry::Returned(other) if other == run);
        let returned = self.feeds.get(&stream).is_some_and(|it| it.iter().any(known));
        if returned || row.ops.get(&last.dseq).is_some_and(|it| it.1 == last.h) {
            return;
        }
        for op in &verified.ops {
            let set = self.audits.entry(op.audit).or_default();
            set.set_seed(run.dev, seeds[&op.audit]);
            set.insert(run.dev, op.clone(), Arrival::server(self.now_ms));
        }
        self.append(stream, verified.ops.len() as u64, last.h, Entry::Returned(run.clone()));
    }

    /// Takes a run as if its author had pushed it.
    fn push_for(&mut self, run: &Run, redacted: &Redactions) {
        let (row, proof) = (&self.devices[&run.dev], run.proof.as_ref().unwrap());
        let stored = |dseq: u64| {
            let known = row.ops.get(&dseq).map(|it| it.1);
            Ok::<_, Infallible>(if dseq == 0 { Some(Hash::ZERO) } else { known })
        };
        let before = proof.first - 1;
        let Some(h) =
            (if proof.first == run.dseq_first { Some(proof.prev_h) } else { stored(before).unwrap() })
        else {
            return;
        };
        let earlier: Vec<Op> = row.ops.range(proof.first..run.dseq_first).map(|it| it.1.0.clone()).collect();
        let prev = Head { dseq: before, h };
        let Ok(segment) = run.signed_segment(prev, &earlier, |it| row.seeds.get(it).copied()) else { return };
        let enrolled =
            Enrolled { key: &row.key, org: self.org, epoch: proof.epoch, redactions: Some(redacted) };
        if let Push::Accepted(it) = check_push(&row.head, &segment, &enrolled, stored).unwrap() {
            let seeds = it.segment.seeds.iter().copied().collect();
            self.store(run.dev, it.new_ops(), &it.segment.hashes[it.skip..], &seeds, self.now_ms);
            let row = self.devices.get_mut(&run.dev).unwrap();
            row.segments.push((proof.epoch, segment));
            row.head = it.head;
        }
    }

    fn page(&self, reader: DeviceId, pull: &Pull) -> Page {
        let (none, stream, after) = (Vec::new(), pull.stream, pull.after);
        let feed = self.feeds.get(&stream).unwrap_or(&none);
        let known = |it: &Mark| Ok::<_, Infallible>(feed.iter().any(|e| (e.last, e.f) == (it.after, it.f)));
        let from = self.rewind_to.unwrap_or(pull.begin(known).unwrap());
        if from != (Mark { after, f: pull.f }) {
            return Page::rewound(stream, from);
        }
        let f_at = |sseq: u64| feed.iter().rfind(|it| it.last <= sseq).map_or(Hash::ZERO, |it| it.f);
        let rest: Vec<&FeedEntry> = feed.iter().filter(|it| it.first > after).collect();
        let taken = &rest[..rest.len().min(self.page_items)];
        let items: Vec<Item> = taken.iter().map(|it| self.item(reader, it)).collect();
        let next = items.last().map_or(after, |it| it.last);
        Page { stream, items, next, f: f_at(next), more: rest.len() > taken.len(), reset: None, rewind: None }
    }

    fn item(&self, reader: DeviceId, it: &FeedEntry) -> Item {
        let body = match &it.entry {
            Entry::Raw(body) => body.clone(),
            Entry::Ops { dev, first, .. } if *dev == reader => {
                Nested::Known(Body::Own { dseq_first: *first })
            }
            Entry::Ops { dev, first, last, server } => {
                let row = &self.devices[dev];
                let ops: Vec<&Op> = row.ops.range(*first..=*last).map(|op| &op.1.0).collect();
                let packed = PackedOps::pack(*dev, ops, |audit| row.seeds.get(audit).copied());
                let key = Some(row.key.clone());
                let before = first.checked_sub(1).and_then(|it| row.ops.get(&it));
                let prev_h = before.map_or(Hash::ZERO, |it| it.1);
                let ends = |it: &Segment| it.first + it.ops.ops.len() as u64 == last + 1;
                let signed = row.segments.iter().find(|it| ends(&it.1));
                if let Some((epoch, segment)) =
                    signed.filter(|it| self.sends_segments && it.1.first == *first)
                {
                    let segment = SealedSegment::of(segment, Effort::Quick).unwrap();
                    let (dev, server, epoch) = (*dev, *server, *epoch);
                    let run = SealedRun { dev, key: row.key.clone(), server, epoch, segment };
                    return Item {
                        first: it.first,
                        last: it.last,
                        recv_ms: it.recv_ms,
                        h: it.h,
                        body: Nested::Known(Body::Segment(run)),
                    };
                }
                let proof = signed.map(|(epoch, it)| Proof {
                    prev_h,
                    first: it.first,
                    epoch: *epoch,
                    alg: it.alg,
                    sig: it.sig.clone(),
                });
                let (dev, server, dseq_first) = (*dev, *server, *first);
                Nested::Known(Body::Ops(Run {
                    dev,
                    key,
                    server,
                    dseq_first,
                    ops: packed,
                    proof,
                    evidence: false,
                }))
            }
            Entry::Returned(run) => Nested::Known(Body::Ops(run.clone())),
        };
        Item { first: it.first, last: it.last, recv_ms: it.recv_ms, h: it.h, body }
    }
}
