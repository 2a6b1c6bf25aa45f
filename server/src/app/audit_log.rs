//! Reading the audit log and checking that nobody changed it.

use crate::{app::App, error::ApiError, principal::Principal, zone::instant};
use db::{
    Tx,
    audit_log::{self, LogBreak},
};
use domain::access::{Permission, Target};
use domain::ids::OrgId;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// One entry of the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogEntry {
    /// 1, 2, 3... without gaps.
    pub seq: u64,
    /// When, RFC 3339.
    pub at: String,
    /// Who: `user:<id>`, `user:<id>/device:<dev>` or `system:<name>`.
    pub actor: String,
    /// What.
    pub action: String,
    /// To what kind of thing.
    pub subject_kind: String,
    /// To which.
    pub subject: String,
    /// What else matters, as it was written.
    #[schema(value_type = Object)]
    pub detail: Box<RawValue>,
    /// Hash of the entry before, hexadecimal.
    pub prev_hash: String,
    /// Hash of this one, hexadecimal.
    pub hash: String,
}

/// Whether the log is what was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Verification {
    /// Whether every entry stands as it was written.
    pub intact: bool,
    /// How many entries there should be.
    pub entries: u64,
    /// Hash of the last one, hexadecimal.
    pub hash: String,
    /// The first place where it is not: `missing`, `unchained`, `changed` or `beyond`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
    /// The number of that entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken_at: Option<u64>,
}

/// Which entries.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    /// Kind and id of the one thing that they are about.
    pub(crate) subject: Option<(String, String)>,
    pub(crate) after: u64,
    pub(crate) limit: u32,
}

/// The entries after a number, oldest first.
pub(crate) fn list(
    tx: &mut Tx<'_>,
    principal: &Principal,
    which: &Selection,
) -> Result<db::Page<LogEntry, u64>, ApiError> {
    principal.require(Permission::ReadAuditLog, &Target::Organization)?;
    let subject = which.subject.as_ref().map(|(kind, id)| (kind.as_str(), id.as_str()));
    let page = audit_log::list(tx, principal.org, subject, which.after, which.limit)?;
    let items = page.items.into_iter().map(show).collect::<Result<_, _>>()?;
    Ok(db::Page { items, next: page.next })
}

fn show(entry: audit_log::LogEntry) -> Result<LogEntry, ApiError> {
    Ok(LogEntry {
        seq: entry.seq,
        at: instant(entry.at),
        actor: entry.actor,
        action: entry.action,
        subject_kind: entry.subject_kind,
        subject: entry.subject,
        detail: RawValue::from_string(entry.detail).map_err(ApiError::internal)?,
        prev_hash: entry.prev_hash.to_string(),
        hash: entry.hash.to_string(),
    })
}

/// Checks the log for somebody who may read it.
pub(crate) fn verify(tx: &mut Tx<'_>, principal: &Principal) -> Result<Verification, ApiError> {
    principal.require(Permission::ReadAuditLog, &Target::Organization)?;
    check(tx, principal.org)
}

/// Checks the log of an organization, entry by entry; for the operator.
///
/// # Errors
/// Those of the database.
pub fn verify_log(app: &App, org: OrgId) -> Result<Verification, ApiError> {
    app.db.read(|tx| check(tx, org))
}

fn check(tx: &mut Tx<'_>, org: OrgId) -> Result<Verification, ApiError> {
    let end = audit_log::find_end(tx, org)?;
    let broken = audit_log::verify(tx, org)?.map(|it| match it {
        LogBreak::Missing(seq) => ("missing", seq),
        LogBreak::Unchained(seq) => ("unchained", seq),
        LogBreak::Changed(seq) => ("changed", seq),
        LogBreak::Beyond(seq) => ("beyond", seq),
    });
    Ok(Verification {
        intact: broken.is_none(),
        entries: end.seq,
        hash: end.hash.to_string(),
        broken: broken.map(|(name, _)| name.to_owned()),
        broken_at: broken.map(|(_, seq)| seq),
    })
}
