//! Moving a visit that is not handed in to another version of its checklist: first a report of what no longer fits, then the
//! ops that move it and take those answers back. A visit keeps its version until its author says otherwise.

use std::sync::Arc;

use domain::{
    FieldProblem,
    answer::MAX_PHOTOS,
    visit_facts::is_reserved,
    visit_score::{Migration, PreparedChecklist, migration},
};
use serde::Serialize;
use sync_core::{
    AuditView, Hash, Kind, OpId,
    payload::{self, CreateValue},
};
use uuid::Uuid;

use crate::{DeviceError, author::Batch, mirror, store::Device, writer::Draft};

/// A version of a checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TemplateVersion {
    /// The checklist.
    pub template: String,
    /// Its version.
    pub version: u32,
    /// SHA-256 of its canonical JSON.
    pub content_hash: Hash,
}

/// What a move to another version does to a visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MigrationReport {
    /// The visit.
    pub audit: Uuid,
    /// The version that it has.
    pub from: TemplateVersion,
    /// The other version.
    pub to: TemplateVersion,
    /// Fields that were answered.
    pub answered: usize,
    /// Answers that the other version does not take; the move takes them back, they stay in the history.
    pub misfits: Vec<FieldProblem>,
    /// What is demanded there and was not here.
    pub newly_required: Vec<FieldProblem>,
    /// Whether the visit was moved; a report alone moves nothing.
    pub moved: bool,
}

/// A visit before its move.
struct Before {
    view: AuditView,
    pin: CreateValue,
    template: Arc<PreparedChecklist>,
}

impl Batch<'_> {
    fn before(&mut self, audit: Uuid) -> Result<Before, DeviceError> {
        let template = self.editable(audit)?;
        let view = self.writer.audit(audit)?.ops.view();
        let pin = view.pin().cloned().ok_or_else(|| DeviceError::corrupt("an open audit pins nothing"))?;
        Ok(Before { view, pin, template })
    }

    fn compare(
        &mut self,
        audit: Uuid,
        before: &Before,
        to: &Hash,
    ) -> Result<(MigrationReport, Arc<PreparedChecklist>), DeviceError> {
        let other = mirror::template(self.writer.conn, self.templates, to)?;
        let checklist = other.checklist();
        if checklist.id != before.pin.template {
            return Err(DeviceError::problem(
                409,
                "other_checklist",
                format!(
                    "«{}» es otro cuestionario que «{}», no otra versión",
                    checklist.id, before.pin.template
                ),
                format!(
                    "`{}` is another checklist than `{}`, not another version",
                    checklist.id, before.pin.template
                ),
            ));
        }
        if *to == before.pin.content_hash && before.view.creations.len() < 2 {
            return Err(DeviceError::problem(
                409,
                "same_version",
                "La visita ya tiene esa versión",
                "the visit has that version already",
            ));
        }
        let recorded = before.view.recorded(MAX_PHOTOS);
        let Migration { misfits, newly_required } = migration(&before.template, &other, &recorded);
        let to =
            TemplateVersion { template: checklist.id.clone(), version: checklist.version, content_hash: *to };
        let pin = &before.pin;
        let (template, version, content_hash) = (pin.template.clone(), pin.version, pin.content_hash);
        let from = TemplateVersion { template, version, content_hash };
        let answered = recorded.keys().filter(|it| !is_reserved(it)).count();
        let report = MigrationReport { audit, from, to, answered, misfits, newly_required, moved: false };
        Ok((report, other))
    }

    /// What a move of a visit to another version of its checklist would do; writes nothing.
    ///
    /// - **Errors**: `unknown_audit`, `audit_not_editable`, `unknown_template`, `other_checklist`, `same_version`; storage.
    pub fn migration(&mut self, audit: Uuid, to: &Hash) -> Result<MigrationReport, DeviceError> {
        let before = self.before(audit)?;
        Ok(self.compare(audit, &before, to)?.0)
    }

    /// Moves a visit to another version of its checklist and takes the answers back that do not fit it. Where two devices
    /// pinned differently, this settles it.
    ///
    /// - **Errors**: as [`Self::migration`].
    pub fn migrate(&mut self, audit: Uuid, to: &Hash, now_ms: u64) -> Result<MigrationReport, DeviceError> {
        let before = self.before(audit)?;
        let (report, other) = self.compare(audit, &before, to)?;
        let checklist = other.checklist();
        let value = CreateValue {
            template: checklist.id.clone(),
            version: checklist.version,
            content_hash: *to,
            ..before.pin
        };
        let mut base: Vec<OpId> = before.view.creations.iter().map(|it| it.id).collect();
        base.sort_unstable();
        let value = Some(payload::to_value(&value)?);
        self.writer.append(Draft { kind: Kind::Create, audit, field: "", base, value }, now_ms)?;
        for misfit in &report.misfits {
            // Ids of items hold neither `~` nor `/`, so that the pointer is the field.
            let field = misfit.field.trim_start_matches('/');
            if let Some(register) = before.view.fields.get(field) {
                let base = register.base();
                self.writer.append(Draft { kind: Kind::Clear, audit, field, base, value: None }, now_ms)?;
            }
            for photo in before.view.attachments.get(field).into_iter().flatten() {
                let base = vec![photo.id];
                self.writer.append(Draft { kind: Kind::Detach, audit, field, base, value: None }, now_ms)?;
            }
        }
        Ok(MigrationReport { moved: true, ..report })
    }
}

impl Device {
    /// [`Batch::migration`] by itself.
    ///
    /// - **Errors**: as there.
    pub fn migration(&mut self, audit: Uuid, to: &Hash) -> Result<MigrationReport, DeviceError> {
        self.batch(|it| it.migration(audit, to))
    }

    /// [`Batch::migrate`] in a transaction of its own.
    ///
    /// - **Errors**: as there.
    pub fn migrate(&mut self, audit: Uuid, to: &Hash, now_ms: u64) -> Result<MigrationReport, DeviceError> {
        self.batch(|it| it.migrate(audit, to, now_ms))
    }
}
