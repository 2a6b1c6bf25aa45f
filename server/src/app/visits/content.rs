//! What a visit is made of, read from the database: its ops and the checklist that it pins.

use crate::{app::App, error::ApiError};
use db::{
    Tx,
    audits::{self, AuditOps as StoredOps},
};
use domain::{
    ids::{AuditId, OrgId},
    visit_score::PreparedChecklist,
};
use std::sync::Arc;
use sync_core::{AuditOps, Hash};

/// The ops of a visit.
///
/// # Errors
/// Those of the database, and ops that cannot be read.
pub(crate) fn ops(tx: &mut Tx<'_>, org: OrgId, visit: AuditId) -> Result<AuditOps, ApiError> {
    match audits::find_ops(tx, org, visit)? {
        Some(bytes) => AuditOps::decode(&bytes).map_err(ApiError::internal),
        None => Ok(AuditOps::new()),
    }
}

/// Stores the ops of a visit again, after the server added its own.
///
/// # Errors
/// Those of the database.
pub(crate) fn store_ops(tx: &mut Tx<'_>, org: OrgId, visit: AuditId, ops: &AuditOps) -> Result<(), ApiError> {
    let ops = ops.encode().map_err(ApiError::internal)?;
    Ok(audits::upsert_ops(tx, org, &[StoredOps { audit_id: visit, ops }])?)
}

/// The checklist of a content hash, ready to score.
///
/// # Errors
/// Our fault where a visit pins content that the organization does not have; exchange refuses such visits.
pub(crate) fn checklist(
    tx: &mut Tx<'_>,
    app: &App,
    org: OrgId,
    hash: Hash,
) -> Result<Arc<PreparedChecklist>, ApiError> {
    app.checklist(tx, org, hash)?
        .ok_or_else(|| ApiError::internal(format!("no checklist of the organization has the content {hash}")))
}
