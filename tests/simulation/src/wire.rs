//! Everything between a phone and the office: a network that loses, repeats and breaks what it carries, proxies that answer in
//! the server's place, and the office going off in the middle of a request. Also the mutants that lie on the wire.

use crate::{
    dice::Dice,
    disk::{At, Disk, Trouble},
    fault::{Fault, Fired},
    mutant::{self, Mutant},
    office::{Copied, Office},
    oracle::{Violation, broken},
};
use device::{BlobTransport, Transport, TransportError};
use server::testing::Answer;
use std::{collections::VecDeque, path::PathBuf};
use sync_core::{
    DeviceId, Hash,
    blob::{BlobRefusal, BlobReply, BlobState, CHUNK_HASH_HEADER, QUERY_PATH, part_path},
    codec,
    exchange::{Limits, Refusal, RefusalCode, Reply, Request},
    payload::BlobRef,
    signature::SigningKey,
};

/// The most that one exchange may carry, either way (I15).
const MAX_BYTES: usize = 4 << 20;
/// Requests that an adversary has, the last ones.
const RECORDED: usize = 40;

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// The exchange.
    Exchange,
    /// What the office has of photos.
    Query,
    /// A part of a photo: which, where it begins, and its hash.
    Part(BlobRef, u64, Hash),
}

/// A request as it travelled.
#[derive(Clone)]
pub struct Letter {
    /// Where to.
    pub to: Address,
    /// Whose.
    pub dev: DeviceId,
    /// Under which session.
    pub token: String,
    /// What.
    pub body: Vec<u8>,
}

/// What lies about on the network.
#[derive(Default)]
pub struct Mail {
    /// What arrives later, again.
    pub late: Vec<Letter>,
    /// What an adversary wrote down.
    pub recorded: VecDeque<Letter>,
    /// What a server that acknowledges before it stores has not stored yet.
    pub unstored: Vec<Letter>,
    /// What a mutant keeps of a visit that was redacted.
    pub(crate) kept: Option<mutant::Kept>,
    /// Files of the office as a second instance may still have them; none once the office was made from a copy.
    pub lagging: Option<Copied>,
    /// That second instance, and how many exchanges it is still asked.
    pub replica: Option<(Box<Office>, u64)>,
    /// How many requests were answered with a refusal in a row, and with which.
    pub storm: Option<(RefusalCode, u64)>,
    /// Requests.
    pub requests: u64,
}

/// Delivers a request to the office.
pub fn deliver(office: &Office, letter: &Letter, packed: bool) -> Answer {
    // The lane's requests are small, and photos are packed already.
    let packed = packed && letter.to == Address::Exchange;
    let body = if packed {
        zstd::bulk::compress(&letter.body, 1).expect("bytes can be packed")
    } else {
        letter.body.clone()
    };
    office.hear(&letter.body);
    office.send(|it| {
        let call = match letter.to {
            Address::Exchange => it.post("/sync/v1/exchange"),
            Address::Query => it.post(QUERY_PATH),
            Address::Part(blob, offset, hash) => {
                let call = it.patch(&part_path(&blob, offset)).header(CHUNK_HASH_HEADER, &hash.to_string());
                return call
                    .bearer(&letter.token)
                    .header("Accept", "application/cbor")
                    .body(letter.body.clone());
            }
        };
        let call = call.bearer(&letter.token);
        let call = call.header("Content-Type", "application/cbor").header("Accept", "application/cbor");
        let call = if packed { call.header("Content-Encoding", "zstd") } else { call };
        call.header("Accept-Encoding", if packed { "zstd" } else { "identity" }).body(body)
    })
}

fn unpacked(answer: &Answer) -> Vec<u8> {
    match answer.headers.get("content-encoding").and_then(|it| it.to_str().ok()) {
        Some("zstd") => zstd::bulk::decompress(&answer.body, 64 << 20).unwrap_or_default(),
        _ => answer.body.to_vec(),
    }
}

/// One phone's way to the office for a while.
pub struct Wire<'a> {
    pub(crate) office: &'a mut Office,
    pub(crate) mail: &'a mut Mail,
    pub(crate) fired: &'a mut Fired,
    pub(crate) dice: Dice,
    pub(crate) dev: DeviceId,
    pub(crate) token: String,
    /// The phone's disk.
    pub(crate) disk: Disk,
    /// Where its database is.
    pub(crate) database: PathBuf,
    /// The log on disk may hold leavings of an edit that failed.
    pub(crate) has_leavings: bool,
    /// Once in so many requests something goes wrong; never at 0.
    pub(crate) fault_once_in: u64,
    pub(crate) mutant: Option<Mutant>,
    /// Whether the phone's clock is so wrong that it takes the certificate of nobody.
    pub(crate) clock_is_refused: bool,
    /// Whether a replica answered that lags behind.
    pub(crate) has_read_stale: bool,
    /// Whether somebody between the two means harm.
    pub(crate) adversary: bool,
    /// Whether an answer came with a receipt that the office never signed.
    pub(crate) forged: bool,
    /// Photos that the phone was told are stored.
    pub(crate) stored: Vec<Hash>,
    /// A law that was broken on the way.
    pub(crate) violation: Option<Violation>,
}

fn lost() -> TransportError {
    TransportError("connection lost".to_owned())
}

/// What a phone is told by its own system where its clock is years off.
pub(crate) const CLOCK_REFUSED: &str = "the certificate is not valid at the time of this phone";

impl Wire<'_> {
    fn wrong(&mut self, law: &'static str, what: String) {
        if self.violation.is_none() {
            self.violation = broken::<()>(law, what).err();
        }
    }

    fn held(&self) -> u64 {
        self.office.devices().get(&self.dev).map_or(0, |it| it.head.dseq)
    }

    /// Asks the office, which may go off meanwhile.
    fn ask(&mut self, letter: &Letter) -> Result<Vec<u8>, TransportError> {
        let crash = self.fault_once_in > 0 && self.dice.once_in(self.fault_once_in.saturating_mul(4));
        let before = if crash { self.held() } else { 0 };
        if crash {
            let after = self.dice.below(120);
            self.office.disk.expect(Trouble::Off, At::Any, after);
        }
        let packed = self.dice.once_in(2);
        let answer = deliver(self.office, letter, packed);
        if crash {
            // At the latest when the answer is on its way.
            self.office.disk.switch_off();
        }
        if self.office.disk.is_off() {
            self.office.restart(&mut self.dice);
            self.mail.unstored.clear();
            let committed = self.held() > before;
            let fault = match letter.to {
                Address::Exchange if committed => Fault::CrashAfterCommit,
                Address::Exchange => Fault::CrashBeforeCommit,
                Address::Query | Address::Part(..) => Fault::CrashInPart,
            };
            self.fired.note(fault);
            return Err(lost());
        }
        self.office.disk.calm();
        let body = unpacked(&answer);
        if body.len() > MAX_BYTES {
            self.wrong("I15 bounds", format!("an answer of {} bytes", body.len()));
        }
        Ok(body)
    }

    /// The answer of a server, or of a proxy, that has no time.
    fn in_a_storm(&mut self, to: Address) -> Option<Vec<u8>> {
        let (code, left) = self.mail.storm?;
        self.mail.storm = left.checked_sub(1).map(|it| (code, it));
        let fault = if code == RefusalCode::TooMany { Fault::TooMany } else { Fault::Unavailable };
        self.fired.note(fault);
        Some(refusal(to, code, "busy", Some(2_000)))
    }

    /// A proxy that refuses what is too large for it, in the server's words or in its own.
    fn too_large(&mut self, to: Address) -> Vec<u8> {
        self.fired.note(Fault::BodyLimit);
        if self.dice.once_in(2) {
            refusal(to, RefusalCode::TooLarge, "body_too_large", None)
        } else {
            b"<html><h1>413 Request Entity Too Large</h1></html>".to_vec()
        }
    }

    /// The answer of a second instance over an older copy of the store, where one is asked: it may be asked what writes nothing.
    fn in_a_replica(&mut self, letter: &Letter) -> Option<Vec<u8>> {
        let starts = || self.fault_once_in > 0 && self.mail.lagging.is_some();
        if self.mail.replica.is_none() && starts() && self.dice.once_in(self.fault_once_in.saturating_mul(2))
        {
            let replica = self.office.over(self.mail.lagging.as_ref()?);
            self.mail.replica = Some((Box::new(replica), self.dice.below(6)));
        }
        let (replica, left) = self.mail.replica.take()?;
        if !only_reads(letter) {
            self.mail.replica = Some((replica, left));
            return None;
        }
        let answer = deliver(&replica, letter, self.dice.once_in(2));
        let body = unpacked(&answer);
        self.office.hear(&body);
        let is_behind = match codec::from_cbor::<Reply>(&body) {
            Ok(Reply::Done(it)) => {
                it.dev_head.dseq < self.held() || it.pull.iter().any(|page| page.rewind.is_some())
            }
            _ => false,
        };
        if is_behind {
            self.fired.note(Fault::StaleReplica);
        }
        self.has_read_stale = true;
        self.mail.replica = left.checked_sub(1).map(|left| (replica, left));
        Some(body)
    }

    /// A proxy that buffers keeps the first answer until it has all of it; the request was sent again meanwhile, and others were
    /// served.
    fn buffered(&mut self, letter: &Letter) -> Result<Vec<u8>, TransportError> {
        let first = self.beyond(letter)?;
        self.beyond(letter)?;
        for other in std::mem::take(&mut self.mail.late) {
            deliver(self.office, &other, false);
        }
        self.fired.note(Fault::BufferingProxy);
        Ok(first)
    }

    /// The office behind the wire, or a mutant of it.
    fn beyond(&mut self, letter: &Letter) -> Result<Vec<u8>, TransportError> {
        if let Some(answer) = self.in_a_replica(letter) {
            return Ok(answer);
        }
        match self.mutant {
            Some(mutant) => mutant::beyond(mutant, self, letter),
            None => self.ask(letter),
        }
    }

    /// [`Self::ask`] for a mutant.
    pub(crate) fn ask_the_real_one(&mut self, letter: &Letter) -> Result<Vec<u8>, TransportError> {
        self.ask(letter)
    }

    /// A part of a photo that breaks off somewhere, or of which a bit is turned on the way.
    fn spoilt(&mut self, letter: &Letter) -> Letter {
        let mut body = letter.body.clone();
        let at = self.dice.place(body.len());
        if self.dice.once_in(2) {
            self.fired.note(Fault::PartCut);
            body.truncate(at);
        } else if let Some(byte) = body.get_mut(at) {
            self.fired.note(Fault::PartBent);
            *byte ^= 1 << self.dice.below(8);
        }
        Letter { body, ..letter.clone() }
    }

    fn carry(&mut self, letter: &Letter) -> Result<Vec<u8>, TransportError> {
        if self.clock_is_refused {
            self.fired.note(Fault::ClockRefused);
            return Err(TransportError(CLOCK_REFUSED.to_owned()));
        }
        if let Some(answer) = self.in_a_storm(letter.to) {
            return Ok(answer);
        }
        if self.fault_once_in == 0 || !self.dice.once_in(self.fault_once_in) {
            return self.beyond(letter);
        }
        if let Address::Part(..) = letter.to
            && self.dice.once_in(3)
        {
            let spoilt = self.spoilt(letter);
            return self.beyond(&spoilt);
        }
        match self.dice.below(11) {
            0 => {
                self.fired.note(Fault::Drop);
                Err(lost())
            }
            1 => {
                self.fired.note(Fault::Delay);
                self.mail.late.push(letter.clone());
                Err(lost())
            }
            2 => {
                self.fired.note(Fault::Duplicate);
                self.beyond(letter)?;
                self.beyond(letter)
            }
            3 => {
                let answer = self.beyond(letter)?;
                self.fired.note(Fault::TruncatedBody);
                let kept = self.dice.place(answer.len().max(1));
                Ok(answer.get(..kept).unwrap_or_default().to_vec())
            }
            4 | 5 => {
                self.beyond(letter)?;
                self.fired.note(Fault::LostAck);
                Err(lost())
            }
            6 => {
                self.fired.note(Fault::CaptivePortal);
                Ok(b"<html>Welcome to the hotel</html>".to_vec())
            }
            7 => Ok(self.too_large(letter.to)),
            8 => {
                let code = if self.dice.once_in(2) { RefusalCode::TooMany } else { RefusalCode::Unavailable };
                self.mail.storm = Some((code, self.dice.below(4)));
                Ok(self.in_a_storm(letter.to).unwrap_or_default())
            }
            9 => self.buffered(letter),
            _ => {
                let answer = self.beyond(letter);
                self.mail.late.push(letter.clone());
                answer
            }
        }
    }
}

/// Whether a request brings nothing that would have to be stored.
fn only_reads(letter: &Letter) -> bool {
    let request = match letter.to {
        Address::Exchange => codec::from_cbor::<Request>(&letter.body).ok(),
        Address::Query | Address::Part(..) => None,
    };
    request.is_some_and(|it| it.push.is_empty() && it.relay.is_empty() && it.receipts.is_empty())
}

/// A refusal in the words of the one who is asked.
fn refusal(to: Address, code: RefusalCode, reason: &str, retry_after_ms: Option<u64>) -> Vec<u8> {
    let said = match to {
        Address::Exchange => {
            codec::to_cbor(&Reply::Refused(Refusal { retry_after_ms, ..Refusal::new(code, reason) }))
        }
        Address::Query | Address::Part(..) => codec::to_cbor(&BlobReply::Refused(BlobRefusal {
            retry_after_ms,
            ..BlobRefusal::new(code, reason)
        })),
    };
    said.unwrap_or_default()
}

impl Wire<'_> {
    /// An answer whose receipt somebody else signed, now and then.
    fn with_a_forged_receipt(&mut self, answer: &[u8]) -> Option<Vec<u8>> {
        if !self.adversary || self.fault_once_in == 0 || !self.dice.once_in(15) {
            return None;
        }
        let Ok(Reply::Done(mut response)) = codec::from_cbor::<Reply>(answer) else { return None };
        let key = SigningKey::from_secret(&self.dice.bytes32());
        response.receipt = Some(response.receipt?.signed(&self.office.org.0, &key));
        self.forged = true;
        self.fired.note(Fault::ForgedReceipt);
        codec::to_cbor(&Reply::Done(response)).ok()
    }

    fn letter(&self, to: Address, body: &[u8]) -> Letter {
        Letter { to, dev: self.dev, token: self.token.clone(), body: body.to_vec() }
    }
}

impl BlobTransport for Wire<'_> {
    fn query(&mut self, request: &[u8]) -> Result<Vec<u8>, TransportError> {
        self.mail.requests += 1;
        let letter = self.letter(Address::Query, request);
        let answer = self.carry(&letter)?;
        if let Ok(BlobReply::Done(said)) = codec::from_cbor(&answer) {
            let have = said.states.iter().filter(|it| it.1 == BlobState::Have);
            self.stored.extend(have.map(|it| it.0));
        }
        Ok(answer)
    }

    fn part(
        &mut self,
        blob: &BlobRef,
        offset: u64,
        hash: &Hash,
        bytes: &[u8],
    ) -> Result<Vec<u8>, TransportError> {
        self.mail.requests += 1;
        if bytes.len() as u64 > u64::from(Limits::default().chunk_bytes) {
            self.wrong("I15 bounds", format!("a part of {} bytes", bytes.len()));
        }
        if offset > 0 {
            self.fired.note(Fault::PartGoesOn);
        }
        let letter = self.letter(Address::Part(*blob, offset, *hash), bytes);
        let answer = self.carry(&letter)?;
        if let Ok(BlobReply::Progress(it)) = codec::from_cbor(&answer)
            && it.stored
        {
            self.stored.push(blob.id);
        }
        Ok(answer)
    }
}

impl Transport for Wire<'_> {
    fn exchange(&mut self, request: &[u8]) -> Result<Vec<u8>, TransportError> {
        self.mail.requests += 1;
        if !self.has_leavings && self.disk.has_unsynced_log() {
            self.wrong("I16 durable before send", format!("{} speaks of what a power cut undoes", self.dev));
        }
        if request.len() > MAX_BYTES {
            self.wrong("I15 bounds", format!("a request of {} bytes", request.len()));
        }
        let letter = self.letter(Address::Exchange, request);
        if self.mail.recorded.len() == RECORDED {
            self.mail.recorded.pop_front();
        }
        self.mail.recorded.push_back(letter.clone());
        let answer = self.carry(&letter)?;
        Ok(self.with_a_forged_receipt(&answer).unwrap_or(answer))
    }
}
