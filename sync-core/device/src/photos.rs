//! What a person does with photos, and with sound and files where an item asks for them: attach one to a field, take one away. Owns which of them a field takes and what is written
//! where the bytes of one are lost; the bytes are `blobs`'.

use std::io::Read;

use domain::{
    FieldProblem, Problem,
    answer::{AnswerField, AnswerPart, MAX_PHOTOS},
    attachment,
    checklist::ItemType,
    problem::pointer,
    visit_facts::OUTCOME_PHOTOS,
    visit_score::PreparedChecklist,
};
use rusqlite::Connection;
use sync_core::{
    AuditOps, AuditView, DeviceId, Hash, Kind, OpId,
    fold::{Attachment, ConflictKind},
    op::MAX_BASE,
    payload::{self, AttachValue, BlobRef, Gps, LossCause, LostValue, Original, PhotoSource},
};
use uuid::Uuid;

use crate::{
    DeviceError, Files,
    author::{Batch, not_found},
    blobs::{self, Captured},
    mirror, place,
    store::Device,
    writer::{Draft, Writer},
};

/// What a device says of a photo beside its bytes. What the platform cannot tell is absent, not invented.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PhotoFacts {
    /// Media type.
    pub mime: String,
    /// When it was captured, milliseconds since 1970 on the device's clock.
    pub captured_at_ms: Option<u64>,
    /// Where.
    pub gps: Option<Gps>,
    /// Where the picture comes from.
    pub source: Option<PhotoSource>,
    /// The picture as the camera gave it, where the bytes are a smaller copy of it.
    pub original: Option<Original>,
}

fn refused(problem: FieldProblem) -> DeviceError {
    Problem::invalid("invalid_answers", "The attachment does not fit its item", vec![problem]).into()
}

fn invalid(field: &str, code: &str, es: impl Into<String>, en: impl Into<String>) -> DeviceError {
    refused(FieldProblem::new(pointer("", field), code, es.into(), en.into()))
}

/// What a field is answered with: photos (a photo item, those beside an answer, or those that prove an outcome), sound or files; none
/// for a field that nothing is attached to.
fn attached_to(template: &PreparedChecklist, field: &str) -> Option<ItemType> {
    if field == OUTCOME_PHOTOS {
        return Some(ItemType::Photo);
    }
    let it = AnswerField::parse(field)?;
    let item = template.checklist().item(it.item)?;
    match it.part {
        AnswerPart::Photos => Some(ItemType::Photo),
        AnswerPart::Value => Some(item.kind).filter(|it| it.holds_blobs()),
        AnswerPart::Comment => None,
    }
}

/// The photos of a visit that no server will ever have, as demands on whoever hands it in: what is lost and not taken away.
pub(crate) fn lost_photos(
    conn: &Connection,
    files: &dyn Files,
    view: &AuditView,
) -> Result<Vec<FieldProblem>, DeviceError> {
    let said: Vec<&OpId> = view
        .open_conflicts()
        .filter(|it| it.kind == ConflictKind::BlobLost)
        .flat_map(|it| it.ops.iter())
        .collect();
    let mut problems = Vec::new();
    for (field, list) in &view.attachments {
        let mut lost = 0_u32;
        for photo in list {
            let blob = BlobRef { id: photo.value.blob, size: photo.value.size };
            let is_here = blobs::is_waiting(conn, &blob.id)?;
            if said.contains(&&photo.id) || (is_here && !place::seems_whole(files, &blob)) {
                lost = lost.saturating_add(1);
            }
        }
        if lost > 0 {
            problems.push(FieldProblem::new(
                pointer("", field),
                "photo_lost",
                format!("Fotos que se perdieron en el dispositivo: {lost}; tómelas de nuevo o quítelas"),
                format!("Photos that were lost on the device: {lost}; take them again or take them away"),
            ));
        }
    }
    Ok(problems)
}

impl Batch<'_> {
    /// Adds a photo to a field (a photo item, `B02#photo`, or `@outcome#photo`), or sound or a file to an item that asks for it. The same
    /// photo in the same field is one attachment: attaching it again makes good a file that was lost, also on a visit that was handed in.
    ///
    /// - **Errors**: `unknown_audit`, `audit_not_editable`, `invalid_answers` with `no_photo_field`, `too_long`, or what
    ///   [`attachment::refusal`] says; storage.
    pub fn attach(
        &mut self,
        audit: Uuid,
        field: &str,
        captured: &Captured,
        facts: &PhotoFacts,
        now_ms: u64,
    ) -> Result<OpId, DeviceError> {
        let blob = captured.blob;
        let view = self.writer.audit(audit)?.ops.view();
        let standing = view.attachments.get(field).map(Vec::as_slice).unwrap_or_default();
        if let Some(known) = standing.iter().find(|it| it.value.blob == blob.id && !it.redacted) {
            blobs::note_file(self.writer.conn, &blob, now_ms)?;
            take_back_loss(&mut self.writer, &blob.id, now_ms)?;
            return Ok(known.id);
        }
        let template = self.editable(audit)?;
        let Some(kind) = attached_to(&template, field) else {
            return Err(invalid(
                field,
                "no_photo_field",
                "El campo no admite fotos",
                "the field takes no photos",
            ));
        };
        let allowed = mirror::allowed(self.writer.conn, view.pin().and_then(|it| it.assignment))?;
        let permitted = mirror::permitted(allowed);
        if let Some(problem) =
            attachment::refusal(kind, permitted, &facts.mime, blob.size, pointer("", field))
        {
            return Err(refused(problem));
        }
        if standing.len() >= MAX_PHOTOS {
            return Err(invalid(
                field,
                "too_long",
                format!("El campo admite {MAX_PHOTOS} fotos"),
                format!("the field takes {MAX_PHOTOS} photos"),
            ));
        }
        let attachment = AttachValue {
            blob: blob.id,
            size: blob.size,
            mime: facts.mime.clone(),
            captured_at_ms: facts.captured_at_ms,
            gps: facts.gps.clone(),
            source: facts.source,
            original: facts.original,
        };
        let value = Some(payload::to_value(&attachment)?);
        let draft = Draft { kind: Kind::Attach, audit, field, base: Vec::new(), value };
        let id = self.writer.append(draft, now_ms)?;
        blobs::note_file(self.writer.conn, &blob, now_ms)?;
        take_back_loss(&mut self.writer, &blob.id, now_ms)?;
        Ok(id)
    }

    /// Checks how the bytes of sound or of a file begin against the media type that they are said to be. What was attached to a visit
    /// that takes nothing new was there before.
    ///
    /// - **Errors**: `invalid_answers` with `wrong_bytes`.
    fn check_head(&mut self, audit: Uuid, field: &str, mime: &str, head: &[u8]) -> Result<(), DeviceError> {
        let kind = self.editable(audit).ok().and_then(|it| attached_to(&it, field));
        let is_checked = matches!(kind, Some(ItemType::Audio | ItemType::File));
        if is_checked && !head.is_empty() && !attachment::agrees(mime, head) {
            return Err(refused(attachment::wrong_bytes(pointer("", field))));
        }
        Ok(())
    }

    /// Takes an attachment away. Its file stays until nothing needs it.
    ///
    /// - **Errors**: `unknown_audit`, `audit_not_editable`, `unknown_attachment`; storage.
    pub fn detach(&mut self, audit: Uuid, attachment: OpId, now_ms: u64) -> Result<OpId, DeviceError> {
        self.editable(audit)?;
        let view = self.writer.audit(audit)?.ops.view();
        let holds = |it: &(&String, &Vec<Attachment>)| it.1.iter().any(|a| a.id == attachment);
        let (field, _) = view.attachments.iter().find(holds).ok_or_else(|| {
            not_found("unknown_attachment", "Foto desconocida", "unknown attachment", attachment)
        })?;
        let base = vec![attachment];
        self.writer.append(Draft { kind: Kind::Detach, audit, field, base, value: None }, now_ms)
    }
}

impl Device {
    /// Takes a photo: its bytes are durable before the op that names them.
    ///
    /// - **Errors**: as [`Device::capture`] and [`Batch::attach`]; then nothing is written.
    pub fn photo(
        &mut self,
        audit: Uuid,
        field: &str,
        from: &mut dyn Read,
        facts: &PhotoFacts,
        now_ms: u64,
    ) -> Result<OpId, DeviceError> {
        let mut head = Vec::new();
        let mut begin = from.take(u64::try_from(attachment::HEAD_BYTES).unwrap_or(u64::MAX));
        begin
            .read_to_end(&mut head)
            .map_err(|source| DeviceError::File { what: "read an attachment", source })?;
        let captured = self.capture(&mut head.as_slice().chain(begin.into_inner()))?;
        let result = self.batch(|it| {
            let id = it.attach(audit, field, &captured, facts, now_ms)?;
            it.check_head(audit, field, &facts.mime, &head)?;
            Ok(id)
        });
        if result.is_err() {
            self.discard(&captured)?;
        }
        result
    }

    /// [`Batch::detach`] in a transaction of its own.
    ///
    /// - **Errors**: as there.
    pub fn detach(&mut self, audit: Uuid, attachment: OpId, now_ms: u64) -> Result<OpId, DeviceError> {
        self.batch(|it| it.detach(audit, attachment, now_ms))
    }
}

/// Own attachments of a blob that stand, with the field of each.
fn own<'a>(view: &'a AuditView, dev: DeviceId, blob: &'a Hash) -> impl Iterator<Item = (&'a str, OpId)> {
    let all =
        view.attachments.iter().flat_map(|(field, list)| list.iter().map(move |it| (field.as_str(), it)));
    all.filter(move |it| it.1.id.dev == dev && it.1.value.blob == *blob).map(|it| (it.0, it.1.id))
}

/// Writes on every audit that counts on a blob that its bytes are lost, once.
pub(crate) fn report_loss(
    writer: &mut Writer<'_>,
    blob: &Hash,
    cause: LossCause,
    now_ms: u64,
) -> Result<(), DeviceError> {
    let dev = writer.dev;
    for audit in blobs::audits_of(writer.conn, blob)? {
        let view = writer.audit(audit)?.ops.view();
        let is_said = |id: &OpId| {
            view.open_conflicts().any(|it| it.kind == ConflictKind::BlobLost && it.ops.contains(id))
        };
        for (field, attachment) in own(&view, dev, blob).filter(|it| !is_said(&it.1)) {
            let value = Some(payload::to_value(&LostValue { blob: *blob, cause: Some(cause) })?);
            let base = vec![attachment];
            writer.append(Draft { kind: Kind::Lost, audit, field, base, value }, now_ms)?;
        }
    }
    Ok(())
}

/// Own words in an audit that a blob was lost, not taken back since.
fn said_lost(ops: &AuditOps, dev: DeviceId, blob: &Hash) -> Vec<(String, OpId)> {
    let (mut said, mut taken_back) = (Vec::new(), Vec::new());
    for (id, stored) in ops.iter().filter(|it| it.0.dev == dev && it.1.op.kind == Kind::Lost) {
        match payload::of_op::<LostValue>(&stored.op) {
            Ok(value) if value.blob == *blob && value.cause.is_some() => {
                said.push((stored.op.field.clone(), *id));
            }
            Ok(value) if value.cause.is_none() => taken_back.extend(stored.op.base.iter().copied()),
            _ => {}
        }
    }
    said.retain(|it| !taken_back.contains(&it.1));
    said
}

/// Takes back on every audit that the bytes of a blob are lost, where that was said: they turned up.
pub(crate) fn take_back_loss(writer: &mut Writer<'_>, blob: &Hash, now_ms: u64) -> Result<(), DeviceError> {
    let dev = writer.dev;
    for audit in blobs::audits_of(writer.conn, blob)? {
        let said = said_lost(&writer.audit(audit)?.ops, dev, blob);
        let Some((field, _)) = said.first() else { continue };
        let base = said.iter().map(|it| it.1).take(MAX_BASE).collect();
        let value = Some(payload::to_value(&LostValue { blob: *blob, cause: None })?);
        writer.append(Draft { kind: Kind::Lost, audit, field, base, value }, now_ms)?;
    }
    Ok(())
}
