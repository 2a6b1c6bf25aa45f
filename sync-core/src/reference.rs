//! The JSON of reference rows that devices mirror ([`crate::exchange::RefRow`]). Owns these shapes for server and device;
//! unknown members are ignored. A `template` row is the checklist's canonical JSON, under its SHA-256 in hexadecimal.

use alloc::string::String;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Bytes, DeviceId, Hash};

/// Kind of a template's row; stream `ref/`.
pub const TEMPLATE: &str = "template";
/// Kind of a [`BranchRow`]; stream `ref/`.
pub const BRANCH: &str = "branch";
/// Kind of an [`AssignmentRow`]; stream `u/`.
pub const ASSIGNMENT: &str = "assignment";
/// Kind of a [`KeptRow`], under the device's id, with the hash behind a slash where it is evidence; stream `u/`.
pub const KEPT: &str = "kept";

/// Kind of an [`IncidentKeyRow`], under [`CURRENT`]; stream `ref/`. Phones that do not know it keep it and go on.
pub const INCIDENT_KEY: &str = "incident_key";
/// The id of a row of which there is one in an organization.
pub const CURRENT: &str = "current";

/// The key to which reports of incidents are sealed from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentKeyRow {
    /// The public key, 32 bytes of X25519.
    pub key: Bytes,
}

/// A branch that can be visited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BranchRow {
    /// Its id.
    pub id: Uuid,
    /// Its code in the organization.
    pub code: String,
    /// Its name.
    pub name: String,
    /// IANA time zone.
    #[serde(default)]
    pub zone: Option<String>,
    /// Address for people.
    #[serde(default)]
    pub address: Option<String>,
    /// Degrees north times 10,000,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lat_e7: Option<i64>,
    /// Degrees east times 10,000,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lon_e7: Option<i64>,
}

/// A visit offered to the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignmentRow {
    /// Its id; its audit is UUIDv5(id, "audit").
    pub id: Uuid,
    /// The branch to visit.
    pub branch: Uuid,
    /// Template id.
    pub template: String,
    /// Template version.
    pub version: u32,
    /// SHA-256 of the template's canonical JSON.
    pub content_hash: Hash,
    /// State as in the table of visits (`offered`, `accepted`, ...).
    pub state: String,
    /// First local date of the window, `YYYY-MM-DD`.
    #[serde(default)]
    pub from: Option<String>,
    /// Last local date of the window.
    #[serde(default)]
    pub to: Option<String>,
    /// Instructions for people.
    #[serde(default)]
    pub notes: Option<String>,
    /// What its programme allows on the phone; left out where it is what every programme allows.
    #[serde(default, skip_serializing_if = "Allowed::is_usual")]
    pub allowed: Allowed,
}

/// What a programme allows on the phone. What is not said is as where there is no programme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Allowed {
    /// Whether the phone shows what a visit would score as it stands.
    pub preview_score: bool,
    /// Whether it offers to hide the screen.
    pub covert: bool,
    /// Whether it records sound where the checklist asks for it.
    pub audio: bool,
    /// Whether it takes files where the checklist asks for them.
    pub files: bool,
}

impl Default for Allowed {
    fn default() -> Self {
        Self { preview_score: false, covert: true, audio: false, files: false }
    }
}

impl Allowed {
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// What the office keeps of a device's log although it tells it to nobody: as evidence, or until a person takes it in. That the
/// stream says so is how phones notice an office that was put back to before it was brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptRow {
    /// Whose log.
    pub dev: DeviceId,
    /// Position of the last op.
    pub through: u64,
    /// Chain hash after it.
    pub h: Hash,
}
