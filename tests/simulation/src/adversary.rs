//! Somebody who means harm: with a device of their own, with what they wrote down on the way, and with nothing. Whatever
//! they send, the logs of others stay as they are.

use crate::{
    dice::Dice,
    fault::Fault,
    office::Held,
    oracle::{Checked, broken},
    wire::{Address, Letter, deliver},
    world::World,
};
use server::testing::Answer;
use std::collections::BTreeMap;
use sync_core::{
    Bytes, DeviceId, Hash, Head, Kind, Op, OpId, SealedSegment, Seed, Segment, codec,
    exchange::{Hello, PROTO, RefusalCode, Reply, Request, Run},
    hlc,
    ingest::{Enrolment, EnrolmentRequest, enrolment_bytes},
    op::Opening,
    packed::PackedOps,
    relay::Proof,
    sealed::Effort,
    segment::signing_bytes,
    signature::SigningKey,
};
use uuid::Uuid;

/// The auditor who sends what nobody should.
const AUDITOR: usize = 1;
/// How many ops a flood has: of the million of a real one, what shows that nobody waits for it.
const FLOOD: u64 = 300;

/// A device that writes its own log by hand.
pub struct Rogue {
    key: SigningKey,
    enrolment: Enrolment,
    head: Head,
    last_hlc: u64,
}

impl Rogue {
    /// Its identity.
    #[must_use]
    pub fn dev(&self) -> DeviceId {
        self.key.public_key().device()
    }

    /// After a restore it goes on from what the server has.
    pub fn restored(&mut self, held: &BTreeMap<DeviceId, Held>) {
        self.head = held.get(&self.dev()).map_or(Head::EMPTY, |it| it.head);
    }

    fn op(&self, number: u64, audit: Uuid, field: &str, value: Vec<u8>) -> Op {
        Op {
            dseq: self.head.dseq + number,
            hlc: self.last_hlc + number,
            kind: Kind::Set,
            audit,
            round: 1,
            field: field.to_owned(),
            base: Vec::new(),
            value: Some(Bytes::from(value)),
            opening: Opening::Seeded,
            origin: None,
        }
    }

    fn seed(audit: &Uuid) -> Option<Seed> {
        Seed::derive(&[5; 32], audit)
    }

    /// The ops as a segment, signed by a key; what breaks a limit is signed all the same.
    fn segment(&self, ops: &[Op], epoch: u64, by: &SigningKey) -> (Segment, Head) {
        let alg = by.public_key().alg;
        let packed = PackedOps::pack(self.dev(), ops, Self::seed);
        let (first, prev_h) = (self.head.dseq + 1, self.head.h);
        let mut segment = Segment { first, prev_h, ops: packed, alg, sig: Bytes::default() };
        let last = segment.chained(self.dev()).map_or(Head { dseq: first, h: Hash::ZERO }, |it| it.last());
        segment.sig =
            Bytes::from(by.sign(&signing_bytes(&self.enrolment.org, &self.dev(), epoch, first, &last)));
        (segment, last)
    }

    fn request(&self, push: Vec<Segment>, epoch: u64) -> Request {
        let push = push
            .iter()
            .map(|it| SealedSegment::of(it, Effort::Quick).expect("a segment can be sealed"))
            .collect();
        Request {
            proto: PROTO,
            app_build: 1,
            dev: self.dev(),
            epoch: Some(epoch),
            hello: Hello::default(),
            push,
            pull: Vec::new(),
            relay: Vec::new(),
            receipts: Vec::new(),
        }
    }

    fn letter(&self, request: &Request) -> Letter {
        let body = codec::to_cbor(request).expect("a request can be written");
        Letter { to: Address::Exchange, dev: self.dev(), token: self.enrolment.token.clone(), body }
    }
}

/// What a server said.
fn said(answer: &Answer) -> Result<(), (RefusalCode, String)> {
    match codec::from_cbor::<Reply>(&answer.body) {
        Ok(Reply::Done(_)) => Ok(()),
        Ok(Reply::Refused(it)) => Err((it.code, it.reason)),
        Err(error) => Err((RefusalCode::Other, error.to_string())),
    }
}

impl World {
    fn epoch(&self) -> u64 {
        let bytes = self.office.read(|tx, _| db::organizations::find_meta(tx, "epoch"));
        bytes.and_then(|it| it.try_into().ok()).map_or(1, u64::from_be_bytes)
    }

    fn heads(&self) -> BTreeMap<DeviceId, Head> {
        self.office.devices().into_iter().map(|(dev, it)| (dev, it.head)).collect()
    }

    /// Enrols a device whose log is written by hand.
    fn get_rogue(&mut self) -> bool {
        if self.rogue.is_some() {
            let heads = self.heads();
            // A phone may have brought a restored office more of its log.
            if let Some(rogue) = &mut self.rogue
                && let Some(head) = heads.get(&rogue.dev())
            {
                rogue.head = *head;
            }
            return self.signed_in();
        }
        let key = SigningKey::from_secret(&Dice::part(self.seed, 7).bytes32());
        match self.enrol_key(&key) {
            Some(enrolment) => {
                let last_hlc = hlc::at_ms(self.now_ms);
                self.rogue = Some(Rogue { key, enrolment, head: Head::EMPTY, last_hlc });
                true
            }
            None => false,
        }
    }

    fn enrol_key(&self, key: &SigningKey) -> Option<Enrolment> {
        let code = self.office.code(AUDITOR);
        let code = code.json()["code"].as_str()?.to_owned();
        let sig = Bytes::from(key.sign(&enrolment_bytes(&key.public_key().device(), &code)));
        let request =
            EnrolmentRequest { code, key: key.public_key(), kind: "phone".to_owned(), sig, former: None };
        let answer = self.office.send(|it| it.post("/api/v1/devices/enrol").json(&request));
        if answer.status.is_success() { serde_json::from_value(answer.json()).ok() } else { None }
    }

    /// Whether the rogue's session holds; else it signs in again.
    fn signed_in(&mut self) -> bool {
        let Some(rogue) = &self.rogue else { return false };
        let letter = rogue.letter(&rogue.request(Vec::new(), self.epoch()));
        if said(&deliver(&self.office, &letter, false)).is_ok() {
            return true;
        }
        let key = SigningKey::from_secret(&Dice::part(self.seed, 7).bytes32());
        let Some(enrolment) = self.enrol_key(&key) else { return false };
        if let Some(rogue) = &mut self.rogue {
            rogue.enrolment = enrolment;
        }
        true
    }

    /// Sends what must be refused, and changes nothing.
    fn refused(&mut self, fault: Fault, letter: &Letter, packed: bool, codes: &[RefusalCode]) -> Checked {
        self.fired.note(fault);
        let before = self.heads();
        let answer = deliver(&self.office, letter, packed);
        match said(&answer) {
            Err((code, _)) if codes.contains(&code) => {}
            other => return broken("I7 tamper", format!("{}: {other:?}", fault.name())),
        }
        if self.heads() != before {
            return broken("I7 tamper", format!("{} moved a log", fault.name()));
        }
        Ok(())
    }

    /// Sends what is well formed and must be stored, whatever it says.
    fn stored(&mut self, fault: Fault, ops: &[Op]) -> Checked {
        self.fired.note(fault);
        let epoch = self.epoch();
        let Some(rogue) = &mut self.rogue else { return Ok(()) };
        let (segment, last) = rogue.segment(ops, epoch, &rogue.key);
        let chained = segment.chained(rogue.dev());
        let letter = rogue.letter(&rogue.request(vec![segment], epoch));
        let answer = deliver(&self.office, &letter, true);
        if answer.headers.get("content-encoding").is_none() && said(&answer).is_err() {
            return broken("ingest is total", format!("{}: {:?}", fault.name(), said(&answer)));
        }
        if let Ok(chained) = chained {
            for (op, h) in chained.ops.iter().zip(&chained.hashes) {
                self.oracle.commit(rogue.dev(), Head { dseq: op.dseq, h: *h });
            }
        }
        rogue.last_hlc += ops.len() as u64;
        rogue.head = last;
        let dev = rogue.dev();
        let head = self.heads().get(&dev).copied();
        if head != Some(last) {
            return broken("ingest is total", format!("{} is not stored", fault.name()));
        }
        Ok(())
    }

    /// What arrives late, in another order.
    pub fn late_mail_arrives(&mut self, dice: &mut Dice) {
        let mut letters = std::mem::take(&mut self.mail.late);
        if letters.len() > 1 {
            self.fired.note(Fault::Reorder);
            letters.reverse();
        }
        for letter in letters {
            deliver(&self.office, &letter, dice.once_in(2));
        }
    }

    /// Somebody means harm.
    ///
    /// # Errors
    /// Where they did some.
    pub fn somebody_means_harm(&mut self, dice: &mut Dice) -> Checked {
        if !self.mixture.adversary {
            return Ok(());
        }
        match dice.below(if self.mixture.photos { 5 } else { 4 }) {
            4 => self.foreign_photos(dice),
            0 => self.replay(dice),
            1 => self.tampered(dice),
            2 => self.nonsense(dice),
            _ => self.own_log(dice),
        }
    }

    fn foreign_photos(&mut self, dice: &mut Dice) -> Checked {
        if !self.get_rogue() {
            return Ok(());
        }
        let Some(rogue) = &self.rogue else { return Ok(()) };
        let letter = rogue.letter(&rogue.request(Vec::new(), self.epoch()));
        self.read_of_others(&letter.token, AUDITOR)?;
        self.other_bytes(&letter, dice)
    }

    fn replay(&mut self, dice: &mut Dice) -> Checked {
        let recorded = &self.mail.recorded;
        let Some(letter) = recorded.get(dice.place(recorded.len())).cloned() else { return Ok(()) };
        self.fired.note(Fault::ReplayedSegment);
        // Under its own session it is what the phone itself may send again; that is checked as every step is.
        deliver(&self.office, &letter, dice.once_in(2));
        if self.get_rogue()
            && let Some(rogue) = &self.rogue
        {
            let stolen = Letter { token: rogue.enrolment.token.clone(), ..letter };
            return self.refused(Fault::ForeignDevice, &stolen, false, &[RefusalCode::Unauthorized]);
        }
        Ok(())
    }

    /// What a phone sent, changed on the way.
    fn tampered(&mut self, dice: &mut Dice) -> Checked {
        let has_three = |it: &SealedSegment| it.open().is_ok_and(|it| it.ops.ops.len() > 2);
        let epoch = self.epoch();
        let fits = |it: &&Letter| {
            let request = codec::from_cbor::<Request>(&it.body).ok();
            request.is_some_and(|it| it.epoch == Some(epoch) && it.push.iter().any(has_three))
        };
        let Some(letter) = self.mail.recorded.iter().rfind(fits).cloned() else { return Ok(()) };
        // An honest answer first: the session may have ended.
        if said(&deliver(&self.office, &letter, false)).is_err() {
            return Ok(());
        }
        let Ok(mut request) = codec::from_cbor::<Request>(&letter.body) else { return Ok(()) };
        let Some(at) = request.push.iter().position(has_three) else { return Ok(()) };
        let Ok(mut segment) = request.push[at].open() else { return Ok(()) };
        let fault = match dice.below(3) {
            0 => {
                let Ok(last) = segment.chained(letter.dev).map(|it| it.last()) else { return Ok(()) };
                let said = signing_bytes(&self.office.org.0, &letter.dev, epoch, segment.first, &last);
                segment.sig = Bytes::from(SigningKey::from_secret(&dice.bytes32()).sign(&said));
                Fault::ResignedSegment
            }
            1 => {
                let mut ops = segment.ops.unpack(segment.first).unwrap_or_default();
                ops.remove(1);
                (segment.first..).zip(&mut ops).for_each(|(dseq, op)| op.dseq = dseq);
                let seeds = segment.ops.audits.clone();
                let seed = |audit: &Uuid| seeds.iter().find(|it| it.0 == *audit).and_then(|it| it.1);
                segment.ops = PackedOps::pack(letter.dev, &ops, seed);
                Fault::DeletedOp
            }
            _ => {
                segment.prev_h.0[dice.place(32)] ^= 1 << dice.below(8);
                Fault::FlippedBit
            }
        };
        request.push[at] = SealedSegment::of(&segment, Effort::Quick).expect("a segment can be sealed");
        let body = codec::to_cbor(&request).unwrap_or_default();
        let codes = [RefusalCode::Invalid, RefusalCode::Fork, RefusalCode::PrevMismatch];
        self.refused(fault, &Letter { body, ..letter }, dice.once_in(2), &codes)
    }

    /// What is no request at all.
    fn nonsense(&mut self, dice: &mut Dice) -> Checked {
        if !self.get_rogue() {
            return Ok(());
        }
        let Some(rogue) = &self.rogue else { return Ok(()) };
        let letter = rogue.letter(&rogue.request(Vec::new(), self.epoch()));
        match dice.below(3) {
            0 => {
                let body = vec![0; 40 << 20];
                let codes = [RefusalCode::TooLarge];
                self.refused(Fault::CompressionBomb, &Letter { body, ..letter }, true, &codes)
            }
            1 => {
                let body = vec![0x81; 200_000];
                self.refused(Fault::DeepCbor, &Letter { body, ..letter }, false, &[RefusalCode::Malformed])
            }
            _ => self.forge(dice),
        }
    }

    /// What of a visit a forged redaction names: all that somebody recorded in the field of one answer.
    fn named_by_a_forger(&self, audit: Uuid, dice: &mut Dice) -> Option<(String, Vec<OpId>)> {
        let ops = self.server_ops(audit)?;
        let fields: Vec<&String> =
            ops.iter().filter(|it| it.1.op.kind.loses_value()).map(|it| &it.1.op.field).collect();
        let field = fields.get(dice.place(fields.len())).copied()?;
        let named = ops.iter().filter(|it| it.1.op.field == *field).map(|it| *it.0).take(8);
        Some((field.clone(), named.collect()))
    }

    /// A decision of the server that it never took.
    fn forge(&mut self, dice: &mut Dice) -> Checked {
        let epoch = self.epoch();
        let audits: Vec<Uuid> = self.oracle.owners.keys().copied().collect();
        let Some(audit) = audits.get(dice.place(audits.len())).copied() else { return Ok(()) };
        let Some(rogue) = &self.rogue else { return Ok(()) };
        let named = if dice.once_in(2) { self.named_by_a_forger(audit, dice) } else { None };
        let fault = if named.is_some() { Fault::ForgedRedaction } else { Fault::ForgedServerRun };
        self.fired.note(fault);
        let key = SigningKey::from_secret(&dice.bytes32());
        let dev = key.public_key().device();
        let op = rogue.op(1, audit, "", b"approved".to_vec());
        let op = match named {
            Some((field, base)) => Op { dseq: 1, kind: Kind::Redact, field, base, ..op },
            None => Op { dseq: 1, kind: Kind::Approve, ..op },
        };
        let packed = PackedOps::pack(dev, &[op], Rogue::seed);
        let mut segment = Segment {
            first: 1,
            prev_h: Hash::ZERO,
            ops: packed,
            alg: key.public_key().alg,
            sig: Bytes::default(),
        };
        let last = segment.chained(dev).map_or(Head::EMPTY, |it| it.last());
        segment.sig = Bytes::from(key.sign(&signing_bytes(&rogue.enrolment.org, &dev, epoch, 1, &last)));
        let (alg, sig) = (segment.alg, segment.sig.clone());
        let proof = Some(Proof { prev_h: Hash::ZERO, first: 1, epoch, alg, sig });
        let run = Run {
            dev,
            key: Some(key.public_key()),
            server: true,
            dseq_first: 1,
            ops: segment.ops,
            proof,
            evidence: false,
        };
        let request = Request { relay: vec![run], ..rogue.request(Vec::new(), epoch) };
        let letter = rogue.letter(&request);
        let before = (self.heads(), self.server_ops(audit));
        deliver(&self.office, &letter, false);
        if (self.heads(), self.server_ops(audit)) != before {
            return broken("I7 tamper", "a forged run of the server was taken");
        }
        Ok(())
    }

    /// What a device may write in its own log, and what not.
    fn own_log(&mut self, dice: &mut Dice) -> Checked {
        if !self.get_rogue() {
            return Ok(());
        }
        let epoch = self.epoch();
        let audit = Uuid::from_u128(u128::from(dice.number()));
        let known: Vec<Uuid> = self.oracle.owners.keys().copied().collect();
        let known = known.get(dice.place(known.len())).copied().unwrap_or(audit);
        let Some(rogue) = &self.rogue else { return Ok(()) };
        let op = |value: Vec<u8>| rogue.op(1, audit, "A01", value);
        match dice.below(5) {
            0 => {
                let ops: Vec<Op> =
                    (1..=FLOOD).map(|it| rogue.op(it, audit, "A03", b"\"flood\"".to_vec())).collect();
                self.stored(Fault::Flood, &ops)
            }
            1 => {
                let ops = [op(vec![0xff, 0xfe, b'"'])];
                self.stored(Fault::InvalidUtf8, &ops)
            }
            2 if dice.once_in(2) => {
                // In a device's own log the server's words mean nothing.
                let Some((field, base)) = self.named_by_a_forger(known, dice) else { return Ok(()) };
                let ops =
                    [Op { kind: Kind::Redact, base, ..rogue.op(1, known, &field, b"asked for".to_vec()) }];
                self.stored(Fault::ForgedRedaction, &ops)
            }
            2 => {
                // Also on a visit that is another's: it is set aside there.
                let ops = [rogue.op(1, known, "Z99", b"\"yes\"".to_vec())];
                self.stored(Fault::RemovedQuestion, &ops)
            }
            3 => {
                let (segment, _) = rogue.segment(&[op(vec![b'x'; 40_000])], epoch, &rogue.key);
                let letter = rogue.letter(&rogue.request(vec![segment], epoch));
                self.refused(Fault::OversizedValue, &letter, false, &[RefusalCode::Invalid])
            }
            _ => {
                if rogue.head.dseq == 0 {
                    let ops = [op(vec![0xff])];
                    self.stored(Fault::InvalidUtf8, &ops)?;
                }
                let Some(rogue) = &self.rogue else { return Ok(()) };
                let op = |value: Vec<u8>| rogue.op(1, audit, "A01", value);
                let old = Op { hlc: hlc::at_ms(1), ..op(b"\"yes\"".to_vec()) };
                let (segment, _) = rogue.segment(&[old], epoch, &rogue.key);
                let letter = rogue.letter(&rogue.request(vec![segment], epoch));
                self.refused(Fault::BackDated, &letter, false, &[RefusalCode::Invalid])
            }
        }
    }
}
