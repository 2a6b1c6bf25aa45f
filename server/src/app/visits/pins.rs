//! The versions of its checklist that a visit had, in their order, each with what it did to the answers: so that whoever reviews
//! sees that an auditor moved a visit, and what was lost by it.

use super::sheet::Writer;
use crate::{app::App, error::ApiError, zone::instant};
use db::{Micros, Tx};
use domain::{FieldProblem, answer::MAX_PHOTOS, ids::OrgId, visit_score::migration};
use serde::Serialize;
use std::collections::BTreeMap;
use sync_core::{
    AuditOps, AuditView, DeviceId, Hash, Kind, OpId, hlc,
    payload::{self, CreateValue, Frontier},
};
use utoipa::ToSchema;

/// A version of the checklist that a visit was begun with or moved to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PinEntry {
    /// The op that pinned it, as `device:position`.
    pub op: String,
    /// The checklist.
    pub template: String,
    /// Its version.
    pub version: u32,
    /// Hash of its content.
    #[schema(value_type = String)]
    pub template_hash: Hash,
    /// What people call the device that pinned it.
    pub device: String,
    /// When, by the clock of that device, RFC 3339.
    pub pinned_at: String,
    /// Whether the visit has this version now.
    pub stands: bool,
    /// Answers of then that this version does not take.
    #[schema(value_type = Vec<Object>)]
    pub misfits: Vec<FieldProblem>,
    /// What this version demands and the one before did not.
    #[schema(value_type = Vec<Object>)]
    pub newly_required: Vec<FieldProblem>,
}

/// Every version that a visit had, earliest first.
///
/// # Errors
/// Those of the database.
pub(crate) fn pins(
    tx: &mut Tx<'_>,
    app: &App,
    org: OrgId,
    ops: &AuditOps,
    view: &AuditView,
    writers: &BTreeMap<DeviceId, Writer>,
) -> Result<Vec<PinEntry>, ApiError> {
    let creates = ops.iter().filter(|(id, it)| it.op.kind == Kind::Create && view.rounds.applies(id, it));
    let mut creates: Vec<(u64, OpId, CreateValue)> =
        creates.filter_map(|(id, it)| Some((it.eff_hlc, *id, payload::of_op(&it.op).ok()?))).collect();
    creates.sort_by_key(|it| (it.0, it.1));
    let mut entries: Vec<PinEntry> = Vec::new();
    for (eff_hlc, id, pin) in creates {
        let before = entries.last().map(|it| it.template_hash);
        let (mut misfits, mut newly_required) = (Vec::new(), Vec::new());
        if let Some(before) = before.filter(|it| *it != pin.content_hash)
            && let (Some(from), Some(to)) =
                (app.checklist(tx, org, before)?, app.checklist(tx, org, pin.content_hash)?)
        {
            let report = migration(&from, &to, &recorded_before(ops, eff_hlc));
            (misfits, newly_required) = (report.misfits, report.newly_required);
        }
        let clock = ops.get(&id).map_or(0, |it| hlc::ms_of(it.op.hlc));
        entries.push(PinEntry {
            op: id.to_string(),
            template: pin.template,
            version: pin.version,
            template_hash: pin.content_hash,
            device: writers.get(&id.dev).map(|it| it.name.clone()).unwrap_or_default(),
            pinned_at: instant(Micros(i64::try_from(clock).unwrap_or(i64::MAX).saturating_mul(1_000))),
            stands: view.creations.first().is_some_and(|it| it.id == id),
            misfits,
            newly_required,
        });
    }
    Ok(entries)
}

/// What was answered before a clock, as JSON by field.
fn recorded_before(ops: &AuditOps, eff_hlc: u64) -> BTreeMap<String, String> {
    let mut seen = Frontier::new();
    for (id, _) in ops.iter().filter(|it| it.1.eff_hlc < eff_hlc) {
        seen.insert(id.dev, id.dseq);
    }
    ops.seen_by(&seen).view().recorded(MAX_PHOTOS)
}
