//! What a person does on a device: start, answer, attach, resolve, submit. Owns which of these an audit accepts now; each
//! is checked whole before anything is written, so a refused edit leaves a batch as it was.

use ordered::BTreeMap;
use std::sync::Arc;

use domain::{
    FieldProblem, Problem,
    answer::{Answer, parse_field},
    ids::{AssignmentId, audit_of_assignment},
    problem::pointer,
    visit_facts::{self, OUTCOME_PHOTOS},
    visit_score::PreparedChecklist,
};
use rusqlite::TransactionBehavior;
use sync_core::{
    Bytes, Hash, Kind, OpId,
    chain::Chain,
    content,
    fold::{ConflictKind, Phase},
    op::MAX_BASE,
    payload::{self, CreateValue, VoidValue},
    reference::BRANCH,
};
use uuid::Uuid;

use crate::{
    DeviceError, Files,
    answers::{answers_of, demands, unscored},
    blobs::ROOM_FOR_AUDIT,
    identity::DeviceKind,
    mirror, offers, photos,
    store::Device,
    writer::{Draft, Writer},
};

/// What is to be audited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// A mirrored assignment; its audit has the id that follows from it.
    Assignment(Uuid),
    /// A visit that nobody planned.
    AdHoc {
        /// Id of the audit: a new UUIDv7, or for an import one that follows from the source, so that it can be repeated.
        audit: Uuid,
        /// The branch; mirrored, save for an import.
        branch: Uuid,
        /// The template, on this device.
        content_hash: Hash,
        /// The source's own id of the visit, for an import.
        source: Option<String>,
        /// Wall clock of the visit as the source has it, for an import.
        visited_at: Option<String>,
    },
}

/// What a submit demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubmitRule {
    /// Everything that the template demands: answers, photos, comments.
    Complete,
    /// Only that scored items are answered: for imports, whose source had no such demands.
    ScoredItemsAnswered,
}

/// Edits of one transaction: all of them are durable when [`Device::batch`] returns, or none.
pub struct Batch<'a> {
    pub(crate) writer: Writer<'a>,
    pub(crate) templates: &'a mut BTreeMap<Hash, Arc<PreparedChecklist>>,
    kind: DeviceKind,
    blobs: Arc<dyn Files>,
    free_bytes: Option<u64>,
}

pub(crate) fn not_found(code: &str, es: &str, en: &str, id: impl std::fmt::Display) -> DeviceError {
    DeviceError::problem(404, code, format!("{es}: {id}"), format!("{en}: {id}"))
}

fn not_editable(phase: Phase) -> DeviceError {
    let (es, en) = match phase {
        Phase::Submitted => ("La visita ya fue enviada", "the visit has been submitted"),
        Phase::Approved => ("La visita ya fue aprobada", "the visit has been approved"),
        Phase::Rejected => ("La visita fue rechazada", "the visit was rejected"),
        _ => ("La visita fue anulada", "the visit was voided"),
    };
    DeviceError::problem(409, "audit_not_editable", es, en)
}

impl Batch<'_> {
    /// Starts an audit; starting it again only gives its id.
    ///
    /// - **Errors**: `unknown_assignment`, `assignment_not_accepted`, `unknown_branch`, `unknown_template`, `no_room_for_audit`;
    ///   storage.
    pub fn start(&mut self, start: &Start, now_ms: u64) -> Result<Uuid, DeviceError> {
        let (audit, value) = self.creation(start)?;
        if self.writer.audit(audit)?.pin.is_none() {
            self.check_room()?;
            let value = Some(payload::to_value(&value)?);
            let draft = Draft { kind: Kind::Create, audit, field: "", base: Vec::new(), value };
            self.writer.append(draft, now_ms)?;
        }
        Ok(audit)
    }

    fn check_room(&self) -> Result<(), DeviceError> {
        if self.free_bytes.is_none_or(|it| it >= ROOM_FOR_AUDIT) {
            return Ok(());
        }
        Err(DeviceError::problem(
            507,
            "no_room_for_audit",
            "El dispositivo está casi lleno y no se empiezan más visitas; libere espacio. Lo empezado se puede terminar",
            "the device is almost full and no more visits are begun; free some space. What was begun can be finished",
        ))
    }

    fn creation(&mut self, start: &Start) -> Result<(Uuid, CreateValue), DeviceError> {
        match start {
            Start::Assignment(id) => {
                let row = mirror::assignment(self.writer.conn, *id)?.ok_or_else(|| {
                    not_found("unknown_assignment", "Asignación desconocida", "unknown assignment", id)
                })?;
                let row = offers::with_word(self.writer.conn, row)?;
                // Starting what is offered takes the offer; the server sees both steps.
                if !matches!(row.state.as_str(), "offered" | "accepted" | "in_progress" | "returned") {
                    return Err(DeviceError::problem(
                        409,
                        "assignment_not_accepted",
                        format!("La asignación está en estado «{}» y no se puede empezar", row.state),
                        format!("the assignment is `{}` and cannot be started", row.state),
                    ));
                }
                let value = self.pinning(&row.content_hash, row.branch, Some(*id))?;
                Ok((audit_of_assignment(AssignmentId(*id)).0, value))
            }
            Start::AdHoc { audit, branch, content_hash, source, visited_at } => {
                let known = self.kind == DeviceKind::Import
                    || mirror::find(self.writer.conn, BRANCH, &branch.to_string())?.is_some();
                if !known {
                    return Err(not_found(
                        "unknown_branch",
                        "Sucursal desconocida",
                        "unknown branch",
                        branch,
                    ));
                }
                let value = self.pinning(content_hash, *branch, None)?;
                let (source, visited_at) = (source.clone(), visited_at.clone());
                Ok((*audit, CreateValue { source, visited_at, ..value }))
            }
        }
    }

    fn pinning(
        &mut self,
        content_hash: &Hash,
        branch: Uuid,
        assignment: Option<Uuid>,
    ) -> Result<CreateValue, DeviceError> {
        let template = mirror::template(self.writer.conn, self.templates, content_hash)?;
        let checklist = template.checklist();
        Ok(CreateValue {
            template: checklist.id.clone(),
            version: checklist.version,
            content_hash: *content_hash,
            branch,
            assignment,
            source: None,
            visited_at: None,
        })
    }

    /// The template of an audit that accepts edits.
    pub(crate) fn editable(&mut self, audit: Uuid) -> Result<Arc<PreparedChecklist>, DeviceError> {
        let open = self.writer.audit(audit)?;
        let pin = open
            .pin
            .ok_or_else(|| not_found("unknown_audit", "Visita desconocida", "unknown audit", audit))?;
        if !matches!(open.phase, Phase::Draft | Phase::Returned) {
            return Err(not_editable(open.phase));
        }
        if let Some(template) = &open.template {
            return Ok(Arc::clone(template));
        }
        let template = mirror::template(self.writer.conn, self.templates, &pin)?;
        self.writer.audit(audit)?.template = Some(Arc::clone(&template));
        Ok(template)
    }

    /// Answers a field (`B02`, `B02#comment`, `B02#photo`) or states a fact of the visit (`@arrival`, `@departure`, `@platform`,
    /// `@outcome`: [`domain::visit_facts`]); `null` takes it back. What stands already writes nothing.
    ///
    /// - **Shape**: `json` as in DOMAIN.md 11; of a fact, as [`visit_facts::parse_fact`].
    /// - **Errors**: `unknown_audit`, `audit_not_editable`, `invalid_answers` with what does not fit, `op_too_large`; storage.
    pub fn answer(
        &mut self,
        audit: Uuid,
        field: &str,
        json: &str,
        now_ms: u64,
    ) -> Result<Option<OpId>, DeviceError> {
        let value = match self.parse(audit, field, json) {
            // What stands can always be taken back, also where this version of the checklist does not ask it.
            Err(_) if json.trim() == "null" && self.stands(audit, field)? => None,
            parsed => parsed?,
        };
        let open = self.writer.audit(audit)?;
        let register = open.ops.register(&open.rounds, field);
        let stands = register
            .as_ref()
            .map_or(value.is_none(), |it| !it.is_conflict() && it.value() == value.as_deref());
        if stands {
            return Ok(None);
        }
        let base = register.map(|it| it.base()).unwrap_or_default();
        let kind = if value.is_some() { Kind::Set } else { Kind::Clear };
        self.writer.append(Draft { kind, audit, field, base, value }, now_ms).map(Some)
    }

    /// Whether a field of an audit that accepts edits has a value.
    fn stands(&mut self, audit: Uuid, field: &str) -> Result<bool, DeviceError> {
        self.editable(audit)?;
        let open = self.writer.audit(audit)?;
        Ok(open.ops.register(&open.rounds, field).is_some_and(|it| it.value().is_some() || it.is_conflict()))
    }

    fn parse(&mut self, audit: Uuid, field: &str, json: &str) -> Result<Option<Bytes>, DeviceError> {
        let template = self.editable(audit)?;
        let refused =
            |problem| Problem::invalid("invalid_answers", "The answer does not fit its item", vec![problem]);
        if visit_facts::is_reserved(field) && field != OUTCOME_PHOTOS {
            let fact = visit_facts::parse_fact(field, json)?;
            return Ok(fact.map(|it| Bytes::from(it.to_json().as_str())));
        }
        let photos_are_attached = || {
            FieldProblem::new(
                pointer("", field),
                "photos_are_attached",
                "Las fotos se adjuntan, no se escriben",
                "photos are attached, not written",
            )
        };
        if field == OUTCOME_PHOTOS {
            return Err(refused(photos_are_attached()).into());
        }
        let answer = parse_field(template.checklist(), field, json).map_err(refused)?;
        // A person's photos are attachments with bytes, not ids that anybody may write; a source may have had only those.
        if self.kind == DeviceKind::Phone && matches!(answer, Some(Answer::Photos(_))) {
            return Err(refused(photos_are_attached()).into());
        }
        Ok(answer.map(|it| Bytes::from(it.to_json().as_str())))
    }

    /// Keeps a remark on a field or, with an empty field, on the visit.
    ///
    /// - **Errors**: `unknown_audit`, `audit_not_editable`, `op_too_large`; storage.
    pub fn note(&mut self, audit: Uuid, field: &str, text: &str, now_ms: u64) -> Result<OpId, DeviceError> {
        self.editable(audit)?;
        let value = Some(Bytes::from(text));
        self.writer.append(Draft { kind: Kind::Note, audit, field, base: Vec::new(), value }, now_ms)
    }

    /// Settles a conflict: the value (or `null` for no answer) stands in place of every head and of late answers to the field.
    ///
    /// - **Errors**: as [`Self::answer`]; `no_conflict` if there is nothing to settle.
    pub fn resolve(
        &mut self,
        audit: Uuid,
        field: &str,
        json: &str,
        now_ms: u64,
    ) -> Result<OpId, DeviceError> {
        let value = match self.parse(audit, field, json) {
            // As what stands: a conflict over what this version of the checklist does not ask must not stay open for ever.
            Err(_) if json.trim() == "null" => {
                self.editable(audit)?;
                None
            }
            parsed => parsed?,
        };
        let ops = &self.writer.audit(audit)?.ops;
        let view = ops.view();
        // A late remark or photo of the field is another matter, which this does not settle unseen.
        let is_answer = |id: &OpId| ops.get(id).is_some_and(|it| it.op.kind.writes_field());
        let late = view.open_conflicts().filter(|it| it.kind == ConflictKind::Late && it.field == field);
        let late: Vec<OpId> = late.flat_map(|it| it.ops.iter().copied()).filter(is_answer).collect();
        let register = view.fields.get(field);
        if late.is_empty() && !register.is_some_and(|it| it.is_conflict()) {
            return Err(not_found(
                "no_conflict",
                "El campo no tiene conflicto",
                "the field has no conflict",
                field,
            ));
        }
        let mut base = register.map(|it| it.base()).unwrap_or_default();
        base.extend(late);
        // What is more than an op may name stays in conflict, and is settled by the next.
        base.truncate(MAX_BASE);
        base.sort_unstable();
        self.writer.append(Draft { kind: Kind::Resolve, audit, field, base, value }, now_ms)
    }

    /// Hands the current round in. Of a visit that could not happen (a standing `@outcome`) a reason, an explanation and proof are
    /// demanded, and nothing of its checklist.
    ///
    /// - **Errors**: `unknown_audit`, `audit_not_editable`, `incomplete` with every demand that is not met, a photo that was lost among
    ///   them; storage.
    pub fn submit(&mut self, audit: Uuid, rule: SubmitRule, now_ms: u64) -> Result<OpId, DeviceError> {
        self.check_submit(audit, rule)?;
        let ops = &self.writer.audit(audit)?.ops;
        let value = Some(payload::to_value(&content::submit_value(ops, &ops.view()))?);
        self.writer.append(Draft { kind: Kind::Submit, audit, field: "", base: Vec::new(), value }, now_ms)
    }

    /// Whether the current round can be handed in.
    ///
    /// - **Errors**: as of [`Self::submit`].
    pub fn check_submit(&mut self, audit: Uuid, rule: SubmitRule) -> Result<(), DeviceError> {
        let template = self.editable(audit)?;
        let conn = self.writer.conn;
        let view = self.writer.audit(audit)?.ops.view();
        let answers = answers_of(template.checklist(), &view);
        let allowed = mirror::allowed(conn, view.pin().and_then(|it| it.assignment))?;
        let mut problems = demands(&template, &view, &answers, mirror::permitted(allowed));
        if rule == SubmitRule::ScoredItemsAnswered {
            problems = unscored(template.checklist(), problems);
        }
        problems.extend(photos::lost_photos(conn, &*self.blobs, &view)?);
        if !problems.is_empty() {
            return Err(Problem::invalid("incomplete", "The visit is not complete", problems).into());
        }
        Ok(())
    }

    /// Voids an audit that is not handed in.
    ///
    /// - **Errors**: `unknown_audit`, `audit_not_editable`; storage.
    pub fn void(&mut self, audit: Uuid, reason: &str, now_ms: u64) -> Result<OpId, DeviceError> {
        self.editable(audit)?;
        let value = Some(payload::to_value(&VoidValue { reason: reason.to_owned() })?);
        self.writer.append(Draft { kind: Kind::Void, audit, field: "", base: Vec::new(), value }, now_ms)
    }

    /// Where an audit stands; [`Phase::Empty`] if nothing is known of it.
    ///
    /// - **Errors**: storage.
    pub fn phase(&mut self, audit: Uuid) -> Result<Phase, DeviceError> {
        Ok(self.writer.audit(audit)?.phase)
    }
}

impl Device {
    /// Runs work on the store in one durable transaction; what it leaves in memory counts only if it commits.
    pub(crate) fn transact<T>(
        &mut self,
        work: impl FnOnce(Writer<'_>, &mut BTreeMap<Hash, Arc<PreparedChecklist>>) -> Result<T, DeviceError>,
    ) -> Result<T, DeviceError> {
        let (mut head, mut clock) = (self.head, self.clock);
        let mut open = std::mem::take(&mut self.open);
        let dev = self.key.dev();
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let offset_ms = Self::clock_offset(&tx)?;
        let writer = Writer {
            conn: &tx,
            dev,
            secret: &self.key.secret,
            head: &mut head,
            clock: &mut clock,
            open: &mut open,
            chain: Chain::new(),
            offset_ms,
        };
        let result = work(writer, &mut self.templates)?;
        tx.commit()?;
        (self.head, self.clock, self.open) = (head, clock, open);
        Ok(result)
    }

    /// Several edits in one durable transaction.
    ///
    /// - **Errors**: what `edit` returns; then nothing is written. An edit that is refused with a problem wrote nothing, so
    ///   `edit` may go on after it.
    pub fn batch<T>(
        &mut self,
        edit: impl FnOnce(&mut Batch<'_>) -> Result<T, DeviceError>,
    ) -> Result<T, DeviceError> {
        let (kind, blobs, free_bytes) = (self.kind, Arc::clone(&self.blobs), self.free_bytes);
        let result = self.transact(|writer, templates| {
            let mut batch = Batch { writer, templates, kind, blobs, free_bytes };
            let result = edit(&mut batch)?;
            batch.writer.flush()?;
            Ok(result)
        })?;
        // What was typed is stored. A seal that fails is tried again after the next edit, or the log goes without it. An import
        // sends at once what it writes.
        if kind == DeviceKind::Phone {
            drop(self.seal());
        }
        Ok(result)
    }

    /// [`Batch::start`] in a transaction of its own.
    ///
    /// - **Errors**: as there.
    pub fn start(&mut self, start: &Start, now_ms: u64) -> Result<Uuid, DeviceError> {
        self.batch(|it| it.start(start, now_ms))
    }

    /// [`Batch::answer`] in a transaction of its own.
    ///
    /// - **Errors**: as there.
    pub fn answer(
        &mut self,
        audit: Uuid,
        field: &str,
        json: &str,
        now_ms: u64,
    ) -> Result<Option<OpId>, DeviceError> {
        self.batch(|it| it.answer(audit, field, json, now_ms))
    }

    /// [`Batch::resolve`] in a transaction of its own.
    ///
    /// - **Errors**: as there.
    pub fn resolve(
        &mut self,
        audit: Uuid,
        field: &str,
        json: &str,
        now_ms: u64,
    ) -> Result<OpId, DeviceError> {
        self.batch(|it| it.resolve(audit, field, json, now_ms))
    }

    /// [`Batch::submit`] in a transaction of its own, with everything that the template demands.
    ///
    /// - **Errors**: as there.
    pub fn submit(&mut self, audit: Uuid, now_ms: u64) -> Result<OpId, DeviceError> {
        self.batch(|it| it.submit(audit, SubmitRule::Complete, now_ms))
    }

    /// [`Batch::check_submit`] with everything that the template demands; nothing is written.
    ///
    /// - **Errors**: as there.
    pub fn check_submit(&mut self, audit: Uuid) -> Result<(), DeviceError> {
        self.batch(|it| it.check_submit(audit, SubmitRule::Complete))
    }

    /// As [`Self::submit`], of what somebody looked at before pressing the button ([`Device::seen`]).
    ///
    /// - **Errors**: as there; `changed_since_seen` where the visit is not what was looked at any more.
    pub fn submit_seen(&mut self, audit: Uuid, seen: Hash, now_ms: u64) -> Result<OpId, DeviceError> {
        if self.seen(audit)? != seen {
            return Err(DeviceError::problem(
                409,
                "changed_since_seen",
                "La visita cambió desde que la revisó; revísela otra vez antes de enviarla",
                "the visit changed since you looked at it; look at it again before you hand it in",
            ));
        }
        self.submit(audit, now_ms)
    }

    /// [`Batch::void`] in a transaction of its own.
    ///
    /// - **Errors**: as there.
    pub fn void(&mut self, audit: Uuid, reason: &str, now_ms: u64) -> Result<OpId, DeviceError> {
        self.batch(|it| it.void(audit, reason, now_ms))
    }
}
