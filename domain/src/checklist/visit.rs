//! Rules of the visit itself: how long, where, when, how often, by when it is handed in. Owns their shape; who
//! checks them is the planner and the review.

use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::answer::TimeOfDay;

/// Rules of a visit. What breaks a rule is flagged for review, never silently lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VisitRules {
    /// Shorter visits are flagged, in minutes.
    pub minutes_min: u32,
    /// Longer visits are flagged, in minutes.
    pub minutes_max: u32,
    /// Farthest distance from the branch at arrival, in metres; absent where there is no place to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geofence_m: Option<u32>,
    /// Worst position accuracy that still counts, in metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gps_accuracy_max_m: Option<u32>,
    /// When a visit may begin, in the branch's time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<TimeWindow>,
    /// Days before the same auditor returns to the same branch.
    pub shopper_lockout_days: u32,
    /// Days between any two approved visits to a branch.
    pub branch_spacing_days: u32,
    /// Hours after the visit by which it is handed in.
    pub submit_within_hours: u32,
    /// Whether and how sound may be recorded; absent means never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<Recording>,
}

/// Days and hours in which a visit may begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TimeWindow {
    /// Days of the week.
    pub days: Vec<Weekday>,
    /// First minute, inclusive.
    pub from: TimeOfDay,
    /// Last minute, inclusive; after `from`.
    pub to: TimeOfDay,
}

/// Day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

/// Whether and how sound may be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// Under which condition.
    pub allowed: RecordingAllowed,
    /// What is kept.
    pub store: RecordingStore,
}

/// Condition under which sound may be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RecordingAllowed {
    /// Never.
    Never,
    /// Only where the other side announced it or the law of the place allows it.
    OnlyIfAnnouncedOrLawful,
}

/// What of a recording is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RecordingStore {
    /// The file and its hash.
    HashAndFile,
    /// Only the hash; the file stays with its owner.
    HashOnly,
}
