//! Every variant and every part of the messages that travel, so that a recording which lacks one is noticed. A new variant or
//! field does not compile here until it is named, and then has to be recorded.

use std::collections::BTreeSet;

use sync_core::{
    Kind, Op,
    blob::{BlobReply, BlobState},
    codec::Nested,
    exchange::{
        Body, ClockReading, Ending, Hello, OutcomeKind, Page, Pull, Refusal, RefusalCode, Reply, Request,
        Response, Run, StreamId,
    },
    ingest::EnrolmentRequest,
    op::Opening,
    packed::PackedOps,
};

/// The name of a variant, and the names of all that are known; what is of a later version has none.
macro_rules! variants {
    ($name:ident, $all:ident, $of:ty: $($pattern:pat => $text:literal,)+) => {
        pub(super) fn $name(it: &$of) -> &'static str {
            match it { $($pattern => $text,)+ }
        }
        const $all: &[&str] = &[$($text,)+];
    };
}

variants!(body_name, BODIES, Body:
    Body::Own { .. } => "own",
    Body::Ops(_) => "ops",
    Body::Segment(_) => "segment",
    Body::RefRow(_) => "row",
    Body::Grant(_) => "grant",
    Body::Revoke(_) => "revoke",
);
variants!(opening_name, OPENINGS, Opening:
    Opening::Seeded => "seeded",
    Opening::Blind(_) => "blind",
    Opening::Redacted(_) => "redacted",
);
variants!(stream_name, STREAMS, StreamId:
    StreamId::User(_) => "user_stream",
    StreamId::Reference(_) => "reference_stream",
);
variants!(blob_reply_name, BLOB_REPLIES, BlobReply:
    BlobReply::Done(_) => "blob_done",
    BlobReply::Progress(_) => "blob_progress",
    BlobReply::Refused(_) => "blob_refused",
);
variants!(blob_state_name, BLOB_STATES, BlobState:
    BlobState::Have => "blob_have",
    BlobState::Partial { .. } => "blob_partial",
    BlobState::Want => "blob_want",
    BlobState::Refused { .. } => "blob_state_refused",
);

/// The same for variants without anything in them, of which a later version may have others.
macro_rules! codes {
    ($name:ident, $all:ident, $of:ident: $($variant:ident => $text:literal,)+) => {
        pub(super) fn $name(it: &$of) -> &'static str {
            match it { $($of::$variant => $text,)+ $of::Other => "other" }
        }
        pub(super) const $all: &[$of] = &[$($of::$variant,)+];
    };
}

codes!(ending_name, ENDINGS, Ending:
    DeviceRevoked => "device_revoked",
    UserEnded => "user_ended",
    DeviceUnknown => "device_unknown",
);
codes!(outcome_name, OUTCOMES, OutcomeKind:
    Conflict => "outcome_conflict",
    Late => "outcome_late",
    Quarantined => "outcome_quarantined",
);
codes!(code_name, CODES, RefusalCode:
    Malformed => "malformed",
    Unauthorized => "unauthorized",
    Gap => "gap",
    Fork => "fork",
    PrevMismatch => "prev_mismatch",
    Epoch => "epoch",
    TooLarge => "too_large",
    Invalid => "invalid",
    Offset => "offset",
    BadHash => "bad_hash",
    Quota => "quota",
    NotFound => "not_found",
    Upgrade => "upgrade",
    TooMany => "too_many",
    Unavailable => "unavailable",
);

/// Parts that need not be there.
const PARTS: &[&str] = &[
    "no epoch",
    "epoch",
    "push",
    "pull",
    "marks",
    "relay",
    "receipts",
    "time since boot",
    "boot",
    "pending ops",
    "receipt",
    "outcomes",
    "pages",
    "durable_through",
    "min_pull_build",
    "more",
    "reset",
    "rewind",
    "run of the server",
    "evidence",
    "proof",
    "key",
    "base",
    "value",
    "no value",
    "origin",
    "dev_head",
    "epoch of the server",
    "retry_after_ms",
    "succession",
    "former",
    "a later entry",
    "a later kind",
];

/// What was said in a recording.
#[derive(Default)]
pub(super) struct Heard(BTreeSet<String>);

impl Heard {
    fn say(&mut self, what: &str) {
        self.0.insert(what.to_owned());
    }

    fn parts<const N: usize>(&mut self, parts: [(bool, &str); N]) {
        parts.iter().filter(|it| it.0).for_each(|it| self.say(it.1));
    }

    pub(super) fn request(&mut self, it: &Request) {
        let Request { proto: _, app_build: _, dev: _, epoch, hello, push, pull, relay, receipts } = it;
        let Hello { head: _, acked: _, clock, pending } = hello;
        let ClockReading { wall_ms: _, mono_ms, boot } = clock;
        self.parts([
            (epoch.is_none(), "no epoch"),
            (epoch.is_some(), "epoch"),
            (!push.is_empty(), "push"),
            (!pull.is_empty(), "pull"),
            (!relay.is_empty(), "relay"),
            (!receipts.is_empty(), "receipts"),
            (mono_ms.is_some(), "time since boot"),
            (boot.is_some(), "boot"),
            (pending.ops > 0, "pending ops"),
        ]);
        for Pull { stream, after: _, f: _, limit_bytes: _, marks } in pull {
            self.say(stream_name(stream));
            self.parts([(!marks.is_empty(), "marks")]);
        }
        for segment in push {
            self.ops(&segment.open().unwrap().ops, segment.first);
        }
        relay.iter().for_each(|it| self.run(it));
    }

    pub(super) fn reply(&mut self, it: &Reply) {
        match it {
            Reply::Done(it) => self.response(it),
            Reply::Refused(it) => self.refusal(it),
        }
    }

    fn refusal(&mut self, it: &Refusal) {
        let Refusal { code, reason: _, dev_head, epoch, retry_after_ms, succession } = it;
        self.say(code_name(code));
        self.parts([
            (dev_head.is_some(), "dev_head"),
            (epoch.is_some(), "epoch of the server"),
            (retry_after_ms.is_some(), "retry_after_ms"),
            (succession.is_some(), "succession"),
        ]);
    }

    fn response(&mut self, it: &Response) {
        let Response {
            epoch: _,
            server_ms: _,
            dev_head: _,
            receipt,
            outcomes,
            pull,
            limits: _,
            durable_through,
            min_pull_build,
            ended,
        } = it;
        self.parts([
            (receipt.is_some(), "receipt"),
            (!outcomes.is_empty(), "outcomes"),
            (!pull.is_empty(), "pages"),
            (*durable_through > 0, "durable_through"),
            (*min_pull_build > 0, "min_pull_build"),
        ]);
        outcomes.iter().for_each(|it| self.say(outcome_name(&it.kind)));
        ended.iter().for_each(|it| self.say(ending_name(it)));
        for Page { stream: _, items, next: _, f: _, more, reset, rewind } in pull {
            self.parts([(*more, "more"), (reset.is_some(), "reset"), (rewind.is_some(), "rewind")]);
            items.iter().for_each(|it| self.body(&it.body));
        }
    }

    fn body(&mut self, body: &Nested<Body>) {
        let Nested::Known(body) = body else { return self.say("a later entry") };
        self.say(body_name(body));
        if let Body::Ops(run) = body.clone().opened().unwrap() {
            self.run(&run);
        }
    }

    fn run(&mut self, it: &Run) {
        let Run { dev: _, key, server, dseq_first, ops, proof, evidence } = it;
        self.parts([
            (key.is_some(), "key"),
            (*server, "run of the server"),
            (proof.is_some(), "proof"),
            (*evidence, "evidence"),
        ]);
        self.ops(ops, *dseq_first);
    }

    fn ops(&mut self, ops: &PackedOps, first: u64) {
        for op in ops.unpack(first).unwrap() {
            let Op { dseq: _, hlc: _, kind, audit: _, round: _, field: _, base, value, opening, origin } = op;
            self.say(&if matches!(kind, Kind::Unknown(_)) {
                "a later kind".to_owned()
            } else {
                kind.to_string()
            });
            self.say(opening_name(&opening));
            self.parts([
                (!base.is_empty(), "base"),
                (value.is_some(), "value"),
                (value.is_none(), "no value"),
                (origin.is_some(), "origin"),
            ]);
        }
    }

    pub(super) fn enrolment_request(&mut self, it: &EnrolmentRequest) {
        let EnrolmentRequest { code: _, key: _, kind: _, sig: _, former } = it;
        self.parts([(former.is_some(), "former")]);
    }

    pub(super) fn blob_reply(&mut self, it: &BlobReply) {
        self.say(blob_reply_name(it));
        if let BlobReply::Done(it) = it {
            it.states.iter().for_each(|it| self.say(blob_state_name(&it.1)));
        }
    }

    /// What is known and was not said.
    pub(super) fn missing(&self) -> Vec<String> {
        let named = [BODIES, OPENINGS, STREAMS, BLOB_REPLIES, BLOB_STATES, PARTS].concat();
        let codes = CODES.iter().map(code_name);
        let others = ENDINGS.iter().map(ending_name).chain(OUTCOMES.iter().map(outcome_name));
        let known = named.into_iter().chain(codes).chain(others).map(str::to_owned);
        let known = known.chain(Kind::KNOWN.iter().map(Kind::to_string));
        known.filter(|it| !self.0.contains(it)).collect()
    }
}
