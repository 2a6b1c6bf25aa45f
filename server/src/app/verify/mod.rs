//! Whether all that the office keeps is still what was recorded: every log, signature, feed, projection, score and
//! piece of evidence, read in one snapshot and changed by nothing. Stops at the first fault and says where it is. Owns the
//! order of the checks; memory stays bounded, since ops are sorted by audit through files that vanish with the process.

mod appeals;
mod blobs;
mod buckets;
mod feeds;
mod former;
mod heads;
mod incidents;
mod logs;
mod projections;

pub use heads::{Heads, OrganizationHeads, StreamHead, heads};

use crate::{app::App, error::ApiError};
use buckets::Buckets;
use db::{DbError, Tx, audit_log, organizations::Organization};
use domain::ids::{AuditId, OrgId};
use serde::Serialize;
use std::collections::BTreeSet;
use sync_core::{DeviceId, Hash};

/// What was read, as far as it went.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    /// Organizations.
    pub organizations: u64,
    /// Devices, the server's own among them.
    pub devices: u64,
    /// Signed segments of their logs.
    pub segments: u64,
    /// Ops in them.
    pub ops: u64,
    /// Runs that devices gave up of their logs, kept as evidence.
    pub former_runs: u64,
    /// Entries of feeds.
    pub entries: u64,
    /// Visits made anew from their ops.
    pub audits: u64,
    /// Versions of scores.
    pub scores: u64,
    /// Pieces of evidence.
    pub blobs: u64,
    /// Pieces of evidence that were redacted: their bytes are gone for good.
    pub redacted_blobs: u64,
    /// Reports of incidents.
    pub incidents: u64,
    /// Appeals of branches.
    pub appeals: u64,
    /// Positions of the heads that were kept elsewhere, found again.
    pub heads: u64,
    /// The first fault; none where everything holds.
    pub fault: Option<Fault>,
}

/// Something that is not as it was recorded, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Stable machine code: `segment_chain`, `feed_chain`, `projection`, ...
    pub code: String,
    /// The organization, by its name in addresses.
    pub organization: String,
    /// Where in it.
    #[serde(flatten)]
    pub place: Place,
    /// What is wrong, in Spanish.
    pub es: String,
    /// What is wrong, in English.
    pub en: String,
}

/// Where in an organization.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Place {
    /// The device whose log it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// The stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// The position in the log or stream; of a score its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// The visit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditId>,
    /// The piece of evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blob: Option<Hash>,
}

impl Place {
    fn log(device: DeviceId, position: u64) -> Self {
        Self { device: Some(device), position: Some(position), ..Self::default() }
    }

    fn stream(stream: impl ToString, position: u64) -> Self {
        Self { stream: Some(stream.to_string()), position: Some(position), ..Self::default() }
    }

    fn audit(audit: AuditId) -> Self {
        Self { audit: Some(audit), ..Self::default() }
    }
}

/// Why the reading ends early.
enum Stop {
    Fault(Box<Found>),
    Failed(ApiError),
}

/// A fault before its organization is known.
struct Found {
    code: &'static str,
    place: Place,
    es: String,
    en: String,
}

impl From<ApiError> for Stop {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

impl From<DbError> for Stop {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Corrupt(what) => fault(
                "unreadable_row",
                Place::default(),
                format!("una fila no se puede leer: {what}"),
                format!("a row cannot be read: {what}"),
            ),
            other => Self::Failed(other.into()),
        }
    }
}

fn fault(code: &'static str, place: Place, es: impl Into<String>, en: impl Into<String>) -> Stop {
    Stop::Fault(Box::new(Found { code, place, es: es.into(), en: en.into() }))
}

/// What is read of one organization.
struct Walk<'a, 'tx> {
    app: &'a App,
    tx: &'a mut Tx<'tx>,
    org: OrgId,
    /// Checklists that were found under their hash.
    checklists: BTreeSet<Hash>,
    /// Audits that the rights of the stream being read take away.
    revoked: BTreeSet<AuditId>,
    report: &'a mut Report,
    progress: &'a mut dyn FnMut(&Report),
}

impl Walk<'_, '_> {
    fn tell(&mut self) {
        (self.progress)(self.report);
    }
}

/// Reads everything and checks it; `against` are heads that were kept outside this server's power. Blocks; `progress` is
/// called often.
///
/// # Errors
/// Those of the database and the file system; a fault is in the report.
pub fn verify(
    app: &App,
    against: Option<&Heads>,
    progress: &mut dyn FnMut(&Report),
) -> Result<Report, ApiError> {
    let mut report = Report::default();
    let read = app.db.read(|tx| -> Result<(), Stop> {
        for organization in db::organizations::list(tx)? {
            let org = organization.org_id;
            let (checklists, revoked) = (BTreeSet::new(), BTreeSet::new());
            let mut walk = Walk { app, tx, org, checklists, revoked, report: &mut report, progress };
            match walk.organization(&organization, against) {
                Err(Stop::Fault(found)) => {
                    let Found { code, place, es, en } = *found;
                    let (code, organization) = (code.to_owned(), organization.slug);
                    report.fault = Some(Fault { code, organization, place, es, en });
                    return Ok(());
                }
                other => other?,
            }
            report.organizations += 1;
        }
        Ok(())
    });
    match read {
        Ok(()) => Ok(report),
        Err(Stop::Failed(error)) => Err(error),
        Err(Stop::Fault(found)) => Err(ApiError::internal(found.en)),
    }
}

impl Walk<'_, '_> {
    fn organization(&mut self, organization: &Organization, against: Option<&Heads>) -> Result<(), Stop> {
        let mut buckets = Buckets::new()?;
        self.audit_log()?;
        self.logs(&mut buckets)?;
        self.former_logs()?;
        self.feeds(&mut buckets)?;
        if let Some(kept) = against.and_then(|it| it.of(&organization.slug)) {
            self.kept_heads(kept)?;
        }
        self.projections(buckets)?;
        self.blobs()?;
        self.redacted_blobs()?;
        self.incidents()?;
        self.appeals()
    }

    fn audit_log(&mut self) -> Result<(), Stop> {
        match audit_log::verify(self.tx, self.org)? {
            None => Ok(()),
            Some(broken) => {
                let (audit_log::LogBreak::Missing(seq)
                | audit_log::LogBreak::Unchained(seq)
                | audit_log::LogBreak::Changed(seq)
                | audit_log::LogBreak::Beyond(seq)) = broken;
                Err(fault(
                    "audit_log",
                    Place { position: Some(seq), ..Place::default() },
                    "la bitácora fue alterada en esa entrada",
                    "the audit log was changed at this entry",
                ))
            }
        }
    }
}
