//! Identifiers of records: UUIDs that cannot be mistaken for each other. Whoever creates a row makes its id.

use alloc::string::String;
use core::{fmt, str::FromStr};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The sixteen bytes.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }
        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
        impl FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                Uuid::parse_str(text).map(Self).map_err(|_| String::from("not a UUID"))
            }
        }
    )*};
}

ids! {
    /// An organization: every row and every key begins with it.
    OrgId,
    /// A person with a login.
    UserId,
    /// A region of an organization's tree of branches.
    RegionId,
    /// A branch, office or contact centre that is audited.
    BranchId,
    /// A member of staff whose pay may depend on scores.
    StaffId,
    /// An audit programme.
    ProgrammeId,
    /// A wave of a programme.
    WaveId,
    /// One visit offered to one auditor.
    AssignmentId,
    /// One audit (a visit and its answers).
    AuditId,
    /// One appeal of a branch against a visit.
    AppealId,
    /// One report of an incident.
    IncidentId,
    /// One KPI observation.
    KpiId,
    /// One assessment of a branch against a standard.
    AssessmentId,
    /// One payout run.
    RunId,
}

/// The audit of an assignment, UUIDv5 of it: two phones that start one assignment make one audit (SYNC.md 2.12).
pub fn audit_of_assignment(assignment: AssignmentId) -> AuditId {
    AuditId(Uuid::new_v5(&assignment.0, b"audit"))
}
