//! A phone in memory: what a device's store holds, and the effects of the session executed on it, with a crash possible
//! between any two of them.
use std::collections::{BTreeMap, BTreeSet};

use sync_core::{
    Algorithm, AuditOps, Bytes, Hash, Kind, Op, OpId, PublicKey, Seed,
    chain::{Chain, Head, feed_hash},
    codec::{self, Nested},
    content,
    exchange::{Body, ClockReading, Item, Mark, Pending, Reply, Request, Run, RunId, StreamId},
    fold::Arrival,
    hlc::Clock,
    op::Opening,
    payload,
    receipt::Receipt,
    session::{Cursor, Effect, Event, Finish, Identity, Loaded, Session, marks, step},
    signature::SigningKey,
};
use uuid::Uuid;

use crate::model::Server;

/// What the network does to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    Fine,
    LoseRequest,
    LoseReply,
    Duplicate,
}

pub(crate) struct Phone {
    pub(crate) key: SigningKey,
    pub(crate) secret: [u8; 32],
    pub(crate) org: Uuid,
    pub(crate) epoch: Option<u64>,
    pub(crate) server_key: PublicKey,
    pub(crate) receipts: BTreeMap<u64, Receipt>,
    pub(crate) log: Vec<(Op, Hash)>,
    pub(crate) clock: Clock,
    pub(crate) acked: Head,
    pub(crate) cursors: BTreeMap<StreamId, (u64, Hash)>,
    pub(crate) items: Vec<(StreamId, Item)>,
    /// Runs of others beyond where a restored server's stream ended, with when they had arrived.
    pub(crate) unplaced: Vec<(Run, u64)>,
    /// Those of them that the server was offered since it last turned out to lack something.
    pub(crate) offered: BTreeSet<RunId>,
    pub(crate) audits: BTreeMap<Uuid, AuditOps>,
    pub(crate) wall_ms: u64,
    pub(crate) max_ops: usize,
}

impl Phone {
    pub(crate) fn new(number: u8, user: Uuid, server: &mut Server) -> Self {
        let secret = [number + 1; 32];
        let key = SigningKey::from_secret(&secret);
        server.enrol(key.public_key(), user);
        let streams = [StreamId::User(user), StreamId::Reference(server.org)];
        Self {
            key,
            secret,
            org: server.org,
            epoch: None,
            server_key: server.key.public_key(),
            receipts: BTreeMap::new(),
            log: Vec::new(),
            clock: Clock::default(),
            acked: Head::EMPTY,
            cursors: streams.into_iter().map(|it| (it, (0, Hash::ZERO))).collect(),
            items: Vec::new(),
            unplaced: Vec::new(),
            offered: BTreeSet::new(),
            audits: BTreeMap::new(),
            wall_ms: server.now_ms,
            max_ops: 5,
        }
    }

    pub(crate) fn dev(&self) -> sync_core::DeviceId {
        self.key.public_key().device()
    }

    pub(crate) fn head(&self) -> Head {
        self.log.last().map_or(Head::EMPTY, |(op, h)| Head { dseq: op.dseq, h: *h })
    }

    pub(crate) fn append(
        &mut self,
        kind: Kind,
        audit: Uuid,
        field: &str,
        base: Vec<OpId>,
        value: Option<Bytes>,
    ) -> OpId {
        let dev = self.dev();
        let set = self.audits.entry(audit).or_default();
        let round = set.view().rounds.current;
        let dseq = self.log.len() as u64 + 1;
        self.wall_ms += 1;
        let hlc = self.clock.next(self.wall_ms, 0);
        let field = field.to_owned();
        let op =
            Op { dseq, hlc, kind, audit, round, field, base, value, opening: Opening::Seeded, origin: None };
        let seed = Seed::derive(&self.secret, &audit).unwrap();
        let mut chain = Chain::new();
        chain.set_seed(audit, &seed);
        let h = chain.link(&self.log.last().map_or(Hash::ZERO, |it| it.1), &op).unwrap();
        set.set_seed(dev, seed);
        set.insert(dev, op.clone(), Arrival::LOCAL);
        self.log.push((op, h));
        OpId::new(dev, dseq)
    }

    pub(crate) fn set(&mut self, audit: Uuid, field: &str, value: &str) -> OpId {
        let view = self.audits.entry(audit).or_default().view();
        let base = view.fields.get(field).map(|it| it.base()).unwrap_or_default();
        self.append(Kind::Set, audit, field, base, Some(Bytes::from(value)))
    }

    pub(crate) fn submit(&mut self, audit: Uuid) -> OpId {
        let set = self.audits.entry(audit).or_default();
        let value = payload::to_value(&content::submit_value(set, &set.view())).unwrap();
        self.append(Kind::Submit, audit, "", Vec::new(), Some(value))
    }

    fn load(&self, max_ops: usize, with_marks: bool) -> Loaded {
        let unsent = self.log.iter().skip(self.acked.dseq as usize).map(|it| it.0.clone());
        let ops: Vec<Op> = unsent.take(max_ops.min(self.max_ops)).collect();
        let seeds = ops.iter().map(|it| (it.audit, Seed::derive(&self.secret, &it.audit).unwrap())).collect();
        let cursor = |(stream, at): (&StreamId, &(u64, Hash))| {
            let all = if with_marks { self.marks_of(stream) } else { Vec::new() };
            Cursor { stream: *stream, after: at.0, f: at.1, marks: marks(&all) }
        };
        let mut relay: Vec<Run> = self.unplaced.iter().map(|it| it.0.clone()).collect();
        relay.retain(|it| !self.offered.contains(&it.id()));
        relay.sort_by_key(Run::id);
        Loaded {
            epoch: self.epoch,
            acked: self.acked,
            head: self.head(),
            cursors: self.cursors.iter().map(cursor).collect(),
            sealed: Vec::new(),
            ops,
            seeds,
            pending: Pending::default(),
            relay: relay.iter().take(2).cloned().collect(),
            more_relay: relay.len() > 2,
            server_key: self.epoch.map(|_| self.server_key.clone()),
            receipts: self.receipts.range(self.acked.dseq + 1..).map(|it| it.1.clone()).collect(),
        }
    }

    /// The ends of all entries held of a stream.
    fn marks_of(&self, stream: &StreamId) -> Vec<Mark> {
        let mut f = Hash::ZERO;
        let of_stream = self.items.iter().filter(|it| it.0 == *stream);
        let mark = |(_, it): &(StreamId, Item)| {
            f = feed_hash(&f, &it.h, it.last, it.recv_ms);
            Mark { after: it.last, f }
        };
        of_stream.map(mark).collect()
    }

    /// Goes back in a stream; what was read beyond stays known.
    fn rewind(&mut self, stream: StreamId, to: Mark) {
        let beyond = |it: &(StreamId, Item)| it.0 == stream && it.1.last > to.after;
        for (_, item) in self.items.extract_if(.., |it| beyond(it)) {
            if let Nested::Known(Body::Ops(run)) = item.body {
                self.unplaced.push((run, item.recv_ms));
            }
        }
        self.cursors.insert(stream, (to.after, to.f));
    }

    /// Forgets the runs that the server holds again; whether there were any.
    fn place(&mut self) -> bool {
        let items = &self.items;
        let holds = |run: &Run| {
            let last = run.last();
            items.iter().any(|(_, item)| match &item.body {
                Nested::Known(Body::Ops(other)) => {
                    let end = other.dseq_first + (item.last - item.first);
                    other.dev == run.dev && other.dseq_first <= run.dseq_first && last <= end
                }
                _ => false,
            })
        };
        self.unplaced.extract_if(.., |it| holds(&it.0)).count() > 0
    }

    /// The audits anew from everything that is held.
    fn rebuild(&mut self) {
        self.audits.clear();
        let dev = self.dev();
        for (op, _) in self.log.clone() {
            let set = self.audits.entry(op.audit).or_default();
            set.set_seed(dev, Seed::derive(&self.secret, &op.audit).unwrap());
            set.insert(dev, op, Arrival::LOCAL);
        }
        for (stream, item) in core::mem::take(&mut self.items) {
            self.take_in(stream, item);
        }
        for (run, recv_ms) in self.unplaced.clone() {
            self.take_in_run(&run, recv_ms);
        }
    }

    fn take_in_run(&mut self, run: &Run, recv_ms: u64) {
        for op in run.ops.unpack(run.dseq_first).unwrap() {
            let set = self.audits.entry(op.audit).or_default();
            if let Some(seed) = run.ops.audits.iter().find(|it| it.0 == op.audit).and_then(|it| it.1) {
                set.set_seed(run.dev, seed);
            }
            self.clock.observe(op.hlc, self.wall_ms, 0);
            set.insert(run.dev, op, Arrival { recv_ms: Some(recv_ms), server: run.server });
        }
    }

    fn hash_at(&self, dseq: u64) -> Option<Hash> {
        if dseq == 0 { Some(Hash::ZERO) } else { self.log.get(dseq as usize - 1).map(|it| it.1) }
    }

    fn take_in(&mut self, stream: StreamId, item: Item) {
        if let Nested::Known(Body::Own { dseq_first }) = &item.body {
            for dseq in *dseq_first..=dseq_first + (item.last - item.first) {
                let audit = self.log[dseq as usize - 1].0.audit;
                let id = OpId::new(self.dev(), dseq);
                self.audits.get_mut(&audit).unwrap().acknowledge(&id, item.recv_ms);
            }
        }
        if let Nested::Known(Body::Ops(run)) = &item.body {
            let run = run.clone();
            self.take_in_run(&run, item.recv_ms);
        }
        self.items.push((stream, item));
    }

    /// One run; `crash_after` effects the process dies, and what was not committed is gone.
    pub(crate) fn sync(
        &mut self,
        server: &mut Server,
        network: &mut dyn FnMut() -> Network,
        crash_after: usize,
    ) -> Option<Finish> {
        let identity = Identity { dev: self.dev(), org: self.org, alg: Algorithm::Ed25519, app_build: 1 };
        let mut session = Session::new(identity);
        let clock = ClockReading { wall_ms: self.wall_ms, mono_ms: None, boot: None };
        let mut effects = step(&mut session, Event::Begin { clock, jitter: 1 });
        for _ in 0..crash_after {
            let event = match effects.pop().expect("a session that is not over has an effect") {
                Effect::Finish(finish) => return Some(finish),
                Effect::Load { max_ops, marks, .. } => Event::Loaded(Box::new(self.load(max_ops, marks))),
                Effect::Sign(bytes) => Event::Signed(self.key.sign(&bytes)),
                Effect::Send(request) => post(&request, server, network()),
                Effect::FindHashes(list) => {
                    Event::HashesFound(list.iter().map(|it| self.hash_at(*it)).collect())
                }
                Effect::Commit(commit) => {
                    let rewound = !commit.rewinds.is_empty();
                    if rewound || self.epoch != commit.epoch {
                        self.offered.clear();
                    }
                    self.offered.extend(&commit.offered);

                    if self.epoch.is_none() {
                        // As an enrolment tells it.
                        self.server_key = server.key.public_key();
                    }
                    if let Some(key) = commit.server_key {
                        self.server_key = key;
                    }
                    (self.acked, self.epoch) = (commit.acked, commit.epoch);
                    if let Some(receipt) = commit.receipt {
                        // The first word of a server that was restored since tells when it came.
                        self.receipts.entry(receipt.head.dseq).or_insert(receipt);
                    }
                    for (stream, to) in commit.rewinds {
                        self.rewind(stream, to);
                    }
                    for page in commit.pages {
                        for item in page.items {
                            self.take_in(page.stream, item);
                        }
                        self.cursors.insert(page.stream, (page.next, page.f));
                    }
                    if rewound || self.place() {
                        self.rebuild();
                    }
                    Event::Committed
                }
            };
            effects = step(&mut session, event);
        }
        None
    }
}

/// A request over the wire, through CBOR both ways.
fn post(request: &Request, server: &mut Server, network: Network) -> Event {
    let request: Request = codec::from_cbor(&codec::to_cbor(request).unwrap()).unwrap();
    if network == Network::LoseRequest {
        return Event::Unreachable;
    }
    let first = server.exchange(&request);
    let reply = if network == Network::Duplicate { server.exchange(&request) } else { first };
    if network == Network::LoseReply {
        return Event::Unreachable;
    }
    let reply: Reply = codec::from_cbor(&codec::to_cbor(&reply).unwrap()).unwrap();
    Event::Answered(Box::new(reply))
}
