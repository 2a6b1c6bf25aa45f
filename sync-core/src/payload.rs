//! What the values of lifecycle ops say, as CBOR in the op's `value`. Owns these shapes; the values of `set` are opaque.

use alloc::{string::String, vec::Vec};
use ordered::BTreeMap;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{
    Bytes, DeviceId, Hash, Op, OpId,
    codec::{self, CodecError},
};

/// Value of `create`: what the audit is of and which template it pins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CreateValue {
    /// Template id.
    pub template: String,
    /// Template version.
    pub version: u32,
    /// SHA-256 of the template's canonical JSON; the pin.
    pub content_hash: Hash,
    /// The branch that is visited.
    pub branch: Uuid,
    /// The assignment, none for an ad-hoc audit.
    pub assignment: Option<Uuid>,
    /// Where the audit comes from when it is imported: the source's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Visit date and time, wall clock of the branch, as the author states it (imports; a phone leaves it out).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visited_at: Option<String>,
}

/// Which ops a submitter had seen: the last of each device on this audit.
pub type Frontier = BTreeMap<DeviceId, u64>;

/// One blob that a submit counts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BlobRef {
    /// SHA-256 of the bytes.
    pub id: Hash,
    /// Length in bytes.
    pub size: u64,
}

/// Value of `submit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmitValue {
    /// What the author had seen; it covers the author's own earlier ops too.
    pub frontier: Frontier,
    /// What the author saw when pressing the button ([`crate::content`]).
    pub content_root: Hash,
    /// The blobs of the attachments that stand.
    pub blobs: Vec<BlobRef>,
}

/// Value of `attach`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AttachValue {
    /// SHA-256 of the final bytes; the blob's id.
    pub blob: Hash,
    /// Length in bytes.
    pub size: u64,
    /// Media type.
    pub mime: String,
    /// When it was captured, milliseconds since 1970 on the device's clock.
    pub captured_at_ms: Option<u64>,
    /// Where, as reported by the device.
    pub gps: Option<Gps>,
    /// Where the picture comes from, as far as the device knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<PhotoSource>,
    /// The picture as the camera gave it, where these bytes are a smaller copy of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<Original>,
}

/// Where a picture comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhotoSource {
    /// The app's own camera.
    Camera,
    /// A file that a person picked.
    File,
    /// A source of a later version.
    #[serde(other)]
    Other,
}

impl PhotoSource {
    /// Its name, as it travels.
    pub fn name(self) -> &'static str {
        match self {
            Self::Camera => "camera",
            Self::File => "file",
            Self::Other => "other",
        }
    }
}

/// A picture before it was scaled down. Its bytes stay on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Original {
    /// SHA-256 of its bytes.
    pub hash: Hash,
    /// Its length in bytes.
    pub size: u64,
}

/// Value of `lost`. Its base names the attachments whose bytes are gone; or, where there is no cause, the earlier `lost`
/// that it takes back since the bytes turned up again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LostValue {
    /// The blob.
    pub blob: Hash,
    /// What became of it; none where it is here after all.
    pub cause: Option<LossCause>,
}

/// How the bytes of a blob were lost before the server had them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossCause {
    /// The file is gone.
    Missing,
    /// The file holds other bytes than were captured.
    Changed,
    /// It was cleared after the server had it, and a restored server has it no more.
    Evicted,
    /// A cause of a later version.
    #[serde(other)]
    Other,
}

impl LossCause {
    /// Its name, as it travels.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Changed => "changed",
            Self::Evicted => "evicted",
            Self::Other => "other",
        }
    }
}

/// A position as a device reported it. What the platform cannot tell is absent, not invented.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gps {
    /// Latitude in 1e-7 degrees.
    pub lat_e7: i64,
    /// Longitude in 1e-7 degrees.
    pub lon_e7: i64,
    /// Radius of uncertainty in millimetres.
    pub accuracy_mm: Option<u64>,
    /// Whether the platform says that the position is simulated.
    pub mocked: Option<bool>,
    /// When it was fixed, milliseconds since 1970 on the device's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
}

/// One item of a return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnedItem {
    /// The field to correct.
    pub field: String,
    /// Why.
    pub reason: String,
}

/// Value of `return`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnValue {
    /// The submit that is returned.
    pub submit: Option<OpId>,
    /// Items to correct, each with its reason.
    pub items: Vec<ReturnedItem>,
    /// Reasons for the whole audit.
    pub reasons: Vec<String>,
    /// When the correction is due, milliseconds since 1970.
    pub due_ms: Option<u64>,
}

/// Value of `approve`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApproveValue {
    /// The submit that is approved; only what it covers counts from then on.
    pub submit: OpId,
}

/// Value of `decline`, `reject`, `reopen` and `revoke`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasonValue {
    /// Why.
    pub reason: String,
}

/// Value of `void`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoidValue {
    /// Why.
    pub reason: String,
}

/// Encodes a payload as an op's value.
///
/// - **Errors**: as [`codec::to_cbor`].
pub fn to_value<T: Serialize>(payload: &T) -> Result<Bytes, CodecError> {
    codec::to_cbor(payload).map(Bytes::from)
}

/// Decodes an op's value as a payload.
///
/// - **Errors**: no value (redacted), or another shape.
pub fn of_op<T: DeserializeOwned>(op: &Op) -> Result<T, CodecError> {
    match &op.value {
        Some(value) => codec::from_cbor(value),
        None => Err(CodecError(String::from("the op has no value"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{from_cbor, to_cbor};

    /// An attachment as it was before it told where it comes from.
    #[derive(Serialize, Deserialize)]
    struct Before {
        blob: Hash,
        size: u64,
        mime: String,
        captured_at_ms: Option<u64>,
        gps: Option<GpsBefore>,
    }

    #[derive(Serialize, Deserialize)]
    struct GpsBefore {
        lat_e7: i64,
        lon_e7: i64,
        accuracy_mm: Option<u64>,
        mocked: Option<bool>,
    }

    fn attachment() -> AttachValue {
        AttachValue {
            blob: Hash::of(b"photo"),
            size: 5,
            mime: String::from("image/jpeg"),
            captured_at_ms: Some(7),
            gps: Some(Gps { lat_e7: 1, lon_e7: -2, accuracy_mm: None, mocked: Some(false), at_ms: None }),
            source: None,
            original: None,
        }
    }

    #[test]
    fn an_attachment_of_earlier_builds_is_read_and_written_as_it_was() {
        let gps = Some(GpsBefore { lat_e7: 1, lon_e7: -2, accuracy_mm: None, mocked: Some(false) });
        let AttachValue { blob, size, mime, captured_at_ms, .. } = attachment();
        let before = to_cbor(&Before { blob, size, mime, captured_at_ms, gps }).unwrap();
        assert_eq!(from_cbor::<AttachValue>(&before).unwrap(), attachment());
        assert_eq!(to_cbor(&attachment()).unwrap(), before);
    }

    #[test]
    fn earlier_builds_read_an_attachment_that_says_more_and_later_sources_are_other() {
        let original = Some(Original { hash: Hash::of(b"original"), size: 9 });
        let gps = attachment().gps.map(|it| Gps { at_ms: Some(3), ..it });
        let said = AttachValue { source: Some(PhotoSource::File), original, gps, ..attachment() };
        let bytes = to_cbor(&said).unwrap();
        assert_eq!(from_cbor::<Before>(&bytes).unwrap().size, 5);
        assert_eq!(from_cbor::<AttachValue>(&bytes).unwrap(), said);
        let later = to_cbor(&"scanner").unwrap();
        assert_eq!(from_cbor::<PhotoSource>(&later).unwrap(), PhotoSource::Other);
    }
}
