//! One op of a device's log: what an author recorded, when, and which earlier ops the author saw. Owns the kinds, their
//! numbers and the size limits; what a value means is not known here.

use alloc::{string::String, vec::Vec};
use core::fmt;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
};
use uuid::Uuid;

use crate::{Bytes, Hash, OpId};

/// The longest value, in bytes; refused when it is appended.
pub const MAX_VALUE_BYTES: usize = 32 * 1024;
/// The longest field name, in bytes.
pub const MAX_FIELD_BYTES: usize = 200;
/// The most ops that one op may name as seen.
pub const MAX_BASE: usize = 64;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        /// What an op does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[$doc])* $name,)*
            /// A kind of a later version: stored, relayed, chained, ignored by the fold.
            Unknown(u16),
        }

        impl Kind {
            /// Every kind that this version knows.
            pub const KNOWN: &[Self] = &[$(Self::$name,)*];

            /// The number that travels.
            pub fn number(self) -> u16 {
                match self {
                    $(Self::$name => $number,)*
                    Self::Unknown(number) => number,
                }
            }

            /// The kind of a number.
            pub fn from_number(number: u16) -> Self {
                match number {
                    $($number => Self::$name,)*
                    other => Self::Unknown(other),
                }
            }

            /// The kind of a name, for reading the JSON of debugging.
            fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($text => Some(Self::$name),)*
                    other => other.strip_prefix("unknown_")?.parse().ok().map(Self::from_number),
                }
            }
        }

        impl fmt::Display for Kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name => f.write_str($text),)*
                    Self::Unknown(number) => write!(f, "unknown_{number}"),
                }
            }
        }
    };
}

kinds! {
    /// Begins an audit and pins its template ([`crate::payload::CreateValue`]); field empty. With a base: moves the
    /// audit to another template version.
    Create = 1, "create";
    /// Answers a field; the value is the answer's bytes.
    Set = 2, "set";
    /// Takes the answer of a field back; no value.
    Clear = 3, "clear";
    /// Adds a blob to a field ([`crate::payload::AttachValue`]).
    Attach = 4, "attach";
    /// Takes away the attachments that its base names; no value.
    Detach = 5, "detach";
    /// Settles a conflict: base names all heads (or the late ops) that were seen, the value is the one that stands,
    /// none for "no answer".
    Resolve = 6, "resolve";
    /// Hands a round in ([`crate::payload::SubmitValue`]); field empty.
    Submit = 7, "submit";
    /// Voids the audit ([`crate::payload::VoidValue`]).
    Void = 8, "void";
    /// A remark on a field or, with an empty field, on the audit; the value is UTF-8 text.
    Note = 9, "note";
    /// Says that the bytes of the attachments which its base names are lost, or are not after all
    /// ([`crate::payload::LostValue`]): a fact about a device, true whatever round it is written in.
    Lost = 10, "lost";
    /// Takes the offer of an assignment, on the audit that it becomes; no value, field empty, before any `create`.
    Accept = 11, "accept";
    /// Refuses the offer of an assignment ([`crate::payload::ReasonValue`]); else as `accept`.
    Decline = 12, "decline";
    /// Server: gives the audit to an auditor.
    Assign = 32, "assign";
    /// Server: returns the audit; `round` is the new round ([`crate::payload::ReturnValue`]).
    Return = 33, "return";
    /// Server: approves one submit ([`crate::payload::ApproveValue`]).
    Approve = 34, "approve";
    /// Server: rejects ([`crate::payload::ReasonValue`]).
    Reject = 35, "reject";
    /// Server: opens a decided audit again ([`crate::payload::ReasonValue`]).
    Reopen = 36, "reopen";
    /// Server: takes the audit from a device ([`crate::payload::ReasonValue`]).
    Revoke = 37, "revoke";
    /// Server: closes the conflicts on the ops that its base names, leaving the winner as it is.
    AckConflict = 38, "ack_conflict";
    /// Server: replaces the values of the ops in its field that its base names, and of their twins, by their commitments
    /// ([`crate::redaction`]); of an attachment the bytes go ([`crate::payload::ReasonValue`]).
    Redact = 39, "redact";
}

impl Kind {
    /// Whether only the server's own log may carry it; from a device's log the fold ignores it.
    pub fn is_server(self) -> bool {
        matches!(
            self,
            Self::Assign
                | Self::Return
                | Self::Approve
                | Self::Reject
                | Self::Reopen
                | Self::Revoke
                | Self::AckConflict
                | Self::Redact
        )
    }

    /// Whether it is a word on the offer of an assignment and none of its visit: it stands in its author's log, and never in the ops
    /// of the audit that it names, which nobody has begun by it.
    pub fn is_of_offer(self) -> bool {
        matches!(self, Self::Accept | Self::Decline)
    }

    /// Whether it writes the register of its field.
    pub fn writes_field(self) -> bool {
        matches!(self, Self::Set | Self::Clear | Self::Resolve)
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() { to.collect_str(self) } else { to.serialize_u16(self.number()) }
    }
}

struct KindVisitor;

impl Visitor<'_> for KindVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the kind of an op")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Kind, E> {
        u16::try_from(number).map(Kind::from_number).map_err(|_| E::custom("the kind is above 65,535"))
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Kind, E> {
        Kind::from_name(name).ok_or_else(|| E::custom("unknown kind of op"))
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if from.is_human_readable() {
            from.deserialize_str(KindVisitor)
        } else {
            from.deserialize_u16(KindVisitor)
        }
    }
}

/// How the commitment to an op's value is opened (SYNC.md 2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opening {
    /// By the seed of the author in the audit: the normal case.
    #[default]
    Seeded,
    /// By its own blind: an op of an author of whom something in the audit was redacted.
    Blind(Hash),
    /// Not at all: the value was redacted and this is its commitment.
    Redacted(Hash),
}

/// One op. Its author is known from where it stands (a segment, a run, an [`OpId`]).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Op {
    /// Position in the author's log, from 1.
    pub dseq: u64,
    /// The author's clock ([`crate::hlc`]); strictly rises along the log.
    pub hlc: u64,
    /// What it does.
    pub kind: Kind,
    /// The audit; nil for an op on none.
    pub audit: Uuid,
    /// Round of the audit, from 1.
    pub round: u32,
    /// The field (item id), or empty.
    pub field: String,
    /// The ops on this field that the author saw standing.
    pub base: Vec<OpId>,
    /// What was recorded.
    pub value: Option<Bytes>,
    /// How the commitment to `value` is opened.
    #[serde(default)]
    pub opening: Opening,
    /// The op of a former log that this one says again, its twin: a device whose log forked, or that lost its key, goes on
    /// as a new one. Never an op that is itself a twin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<OpId>,
}

/// An op that breaks a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SizeError {
    /// The value is longer than [`MAX_VALUE_BYTES`].
    Value,
    /// The field name is longer than [`MAX_FIELD_BYTES`].
    Field,
    /// The op names more than [`MAX_BASE`] ops.
    Base,
}

impl fmt::Display for SizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value => write!(f, "the value is longer than {MAX_VALUE_BYTES} bytes"),
            Self::Field => write!(f, "the field name is longer than {MAX_FIELD_BYTES} bytes"),
            Self::Base => write!(f, "the op names more than {MAX_BASE} ops"),
        }
    }
}

impl core::error::Error for SizeError {}

impl Op {
    /// About how many bytes the op takes in a segment, before compression.
    pub fn approximate_bytes(&self) -> usize {
        let value = self.value.as_ref().map_or(0, |it| it.len());
        let base = self.base.len().saturating_mul(8);
        let opening = if self.opening == Opening::Seeded { 0 } else { 40 };
        // A field is listed once a segment and an audit with its seed too; both are counted as if spread over some ops.
        value.saturating_add(base).saturating_add(opening).saturating_add(24)
    }

    /// Whether its value was redacted.
    pub fn is_redacted(&self) -> bool {
        matches!(self.opening, Opening::Redacted(_))
    }

    /// Checks the size limits.
    ///
    /// - **Errors**: the first limit that is broken.
    pub fn check_size(&self) -> Result<(), SizeError> {
        if self.value.as_ref().is_some_and(|it| it.len() > MAX_VALUE_BYTES) {
            Err(SizeError::Value)
        } else if self.field.len() > MAX_FIELD_BYTES {
            Err(SizeError::Field)
        } else if self.base.len() > MAX_BASE {
            Err(SizeError::Base)
        } else {
            Ok(())
        }
    }
}
