//! Everything between a phone and the office: a network that loses, repeats and breaks what it carries, proxies that answer in
//! the server's place, and the office going off in the middle of a request. Also the mutants that lie on the wire.

use crate::{
    dice::Dice,
    disk::{At, Disk, Trouble},
    fault::{Fault, Fired},
    mutant::{self, Mutant},
    office::Office,
    oracle::{Violation, broken},
};
use device::{Transport, TransportError};
use server::testing::Answer;
use std::path::PathBuf;
use sync_core::{
    DeviceId, codec,
    exchange::{Refusal, RefusalCode, Reply},
};

/// The most that one exchange may carry, either way (I15).
const MAX_BYTES: usize = 4 << 20;

/// A request as it travelled.
#[derive(Clone)]
pub struct Letter {
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
    pub recorded: Vec<Letter>,
    /// What a server that acknowledges before it stores has not stored yet.
    pub unstored: Vec<Letter>,
    /// How many requests were answered with a refusal in a row, and with which.
    pub storm: Option<(RefusalCode, u64)>,
    /// Requests.
    pub requests: u64,
}

/// Delivers a request to the office.
pub fn deliver(office: &Office, letter: &Letter, packed: bool) -> Answer {
    let body = if packed {
        zstd::bulk::compress(&letter.body, 1).expect("bytes can be packed")
    } else {
        letter.body.clone()
    };
    office.send(|it| {
        let call = it.post("/sync/v1/exchange").bearer(&letter.token);
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
    /// A law that was broken on the way.
    pub(crate) violation: Option<Violation>,
}

fn lost() -> TransportError {
    TransportError("connection lost".to_owned())
}

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
            self.fired.note(if committed { Fault::CrashAfterCommit } else { Fault::CrashBeforeCommit });
            return Err(lost());
        }
        self.office.disk.calm();
        if answer.status.is_server_error() && answer.status.as_u16() != 503 {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            self.wrong("the office answers", format!("{} {text}", answer.status));
        }
        let body = unpacked(&answer);
        if body.len() > MAX_BYTES {
            self.wrong("I15 bounds", format!("an answer of {} bytes", body.len()));
        }
        Ok(body)
    }

    /// The answer of a server, or of a proxy, that has no time.
    fn in_a_storm(&mut self) -> Option<Vec<u8>> {
        let (code, left) = self.mail.storm?;
        self.mail.storm = left.checked_sub(1).map(|it| (code, it));
        let fault = if code == RefusalCode::TooMany { Fault::TooMany } else { Fault::Unavailable };
        self.fired.note(fault);
        let refusal = Refusal { retry_after_ms: Some(2_000), ..Refusal::new(code, "busy") };
        codec::to_cbor(&Reply::Refused(refusal)).ok()
    }

    /// A proxy that refuses what is too large for it, in the server's words or in its own.
    fn too_large(&mut self) -> Vec<u8> {
        self.fired.note(Fault::BodyLimit);
        let refusal = Reply::Refused(Refusal::new(RefusalCode::TooLarge, "body_too_large"));
        if self.dice.once_in(2) {
            codec::to_cbor(&refusal).unwrap_or_default()
        } else {
            b"<html><h1>413 Request Entity Too Large</h1></html>".to_vec()
        }
    }

    /// The office behind the wire, or a mutant of it.
    fn beyond(&mut self, letter: &Letter) -> Result<Vec<u8>, TransportError> {
        match self.mutant {
            Some(mutant) => mutant::beyond(mutant, self, letter),
            None => self.ask(letter),
        }
    }

    /// [`Self::ask`] for a mutant.
    pub(crate) fn ask_the_real_one(&mut self, letter: &Letter) -> Result<Vec<u8>, TransportError> {
        self.ask(letter)
    }

    fn carry(&mut self, letter: &Letter) -> Result<Vec<u8>, TransportError> {
        if let Some(answer) = self.in_a_storm() {
            return Ok(answer);
        }
        if self.fault_once_in == 0 || !self.dice.once_in(self.fault_once_in) {
            return self.beyond(letter);
        }
        match self.dice.below(10) {
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
            7 => Ok(self.too_large()),
            8 => {
                let code = if self.dice.once_in(2) { RefusalCode::TooMany } else { RefusalCode::Unavailable };
                self.mail.storm = Some((code, self.dice.below(4)));
                Ok(self.in_a_storm().unwrap_or_default())
            }
            _ => {
                let answer = self.beyond(letter);
                self.mail.late.push(letter.clone());
                answer
            }
        }
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
        let letter = Letter { dev: self.dev, token: self.token.clone(), body: request.to_vec() };
        if self.mail.recorded.len() < 40 {
            self.mail.recorded.push(letter.clone());
        }
        self.carry(&letter)
    }
}
