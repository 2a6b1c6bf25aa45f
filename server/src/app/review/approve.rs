//! The approval of a visit: what stands in its way, the score that it freezes, and the server op that tells the phone.
//! Judging and scoring read only what was loaded, so that many visits can be judged at once and outside the write lock.

use super::step::{Standing, Step, lock_visit, take};
use crate::{
    app::{
        App,
        scores::{change::Change, document, scoring},
        visits::{content, facts},
    },
    error::ApiError,
    exchange::{Draft, append_server_ops},
    office::Office,
};
use db::{
    Tx,
    audits::{Audit, VisitKind},
    scores::{self, ScoreVersion},
};
use domain::{
    FieldProblem, Problem,
    ids::{AuditId, OrgId, UserId},
    lifecycle::{Actor, Command, Facts},
    visit_score::{Percent, PreparedChecklist, SCORER_VERSION},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use sync_core::{
    AuditOps, AuditView, DeviceId, Hash, Kind, Op, OpId,
    content::obstacles_to_approval,
    fold::{Arrival, StoredOp, Submission},
    op::Opening,
    payload::{self, ApproveValue, AttachValue, SubmitValue},
};
use utoipa::ToSchema;
use validator::Validate;

/// Which submission is approved.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Approval {
    /// The submit op, as `device:position`; needed only where the round was handed in twice, or where the visit shows what whoever
    /// handed it in had not seen, which then stays late.
    #[validate(length(max = 80))]
    #[serde(default)]
    pub(crate) submit: Option<String>,
}

/// A visit that was approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Approved {
    /// Where it stands.
    #[serde(flatten)]
    pub standing: Standing,
    /// The version of the score that was frozen; none for a visit that could not happen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The score.
    #[serde(rename = "final", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub final_score: Option<Percent>,
    /// Its band.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub band: Option<String>,
}

/// A visit as judged: what its approval freezes.
#[derive(Debug, Clone)]
pub(crate) struct Judged {
    pub(crate) submit: OpId,
    /// What the auditor saw when handing in.
    pub(crate) content_root: Hash,
    /// Whether it could not happen, by what is approved.
    pub(crate) kind: VisitKind,
    pub(crate) score: Option<FrozenScore>,
    /// Late ops and open conflicts of the visit as it reads from then on.
    late_ops: u32,
    open_conflicts: u32,
    /// Whether something required is missing, which a person should look at before approving.
    pub(crate) is_incomplete: bool,
}

/// A score, ready to be stored.
#[derive(Debug, Clone)]
pub(crate) struct FrozenScore {
    pub(crate) raw: Percent,
    pub(crate) last: Percent,
    pub(crate) band: String,
    pub(crate) critical_failed: u32,
    pub(crate) document: String,
}

/// Judges a visit: finds its submission and everything in the way of its approval, and scores it.
///
/// # Errors
/// `guard_failed` with every obstacle; `no_submission`, `several_submissions` (409); the scorer's own.
pub(crate) fn judge(
    visit: &Audit,
    ops: &AuditOps,
    checklist: &PreparedChecklist,
    named: Option<OpId>,
    held: &Held,
) -> Result<Judged, Problem> {
    let view = ops.view();
    let submission = submission(&view, named)?.clone();
    let obstacles = obstacles_to_approval(ops, &submission.id, |dev| held.log(dev));
    let mut problems: Vec<FieldProblem> = obstacles.into_iter().map(|it| obstacle(it.code())).collect();
    let standing = view.rounds.standing_submits(view.rounds.current).len();
    // Whoever names the submission approves what it holds; the rest stays late.
    let mut decided = as_if_approved(ops, &submission);
    let has_seen_all = view.shown() == decided.shown();
    if named.is_none() && !has_seen_all {
        problems.push(obstacle("submission_has_not_seen_all"));
    }
    let count = |it: usize| u32::try_from(it).unwrap_or(u32::MAX);
    let (late_ops, open_conflicts) = (count(decided.late.len()), count(decided.open_conflicts().count()));
    if standing == 1 && has_seen_all {
        decided = view;
    }
    if !held.has_all_of(&submission, &decided) {
        problems.push(FieldProblem::new(
            "",
            "blobs_missing",
            "aún no llega toda la evidencia declarada",
            "not all declared evidence has arrived",
        ));
    }
    if !problems.is_empty() {
        return Err(Problem::invalid("guard_failed", "the visit cannot be approved yet", problems));
    }
    let kind = facts::kind_of(&decided, visit.kind);
    let (score, is_incomplete) = if kind == VisitKind::NotCompleted {
        (None, false)
    } else {
        let score = scoring::score(checklist, &decided)?;
        let is_incomplete = !score.incomplete.is_empty();
        (Some(FrozenScore::of(score)?), is_incomplete)
    };
    let (submit, content_root) = (submission.id, submission.value.content_root);
    Ok(Judged { submit, content_root, kind, score, late_ops, open_conflicts, is_incomplete })
}

/// The audit as it reads once this submission is approved: only what it covers counts.
fn as_if_approved(ops: &AuditOps, submission: &Submission) -> AuditView {
    let mut decided = ops.clone();
    let Ok(value) = payload::to_value(&ApproveValue { submit: submission.id }) else { return ops.view() };
    let op = Op {
        dseq: u64::MAX,
        hlc: u64::MAX,
        kind: Kind::Approve,
        audit: uuid::Uuid::nil(),
        round: submission.round,
        field: String::new(),
        base: Vec::new(),
        value: Some(value),
        opening: Opening::Seeded,
        origin: None,
    };
    decided.insert(DeviceId::default(), op, Arrival { recv_ms: None, server: true });
    decided.view()
}

fn submission(view: &AuditView, named: Option<OpId>) -> Result<&Submission, Problem> {
    let standing = view.rounds.standing_submits(view.rounds.current);
    let found = match named {
        Some(id) => standing.iter().copied().find(|it| it.id == id),
        None if standing.len() > 1 => {
            let ids: Vec<String> = standing.iter().map(|it| it.id.to_string()).collect();
            let ids = ids.join(", ");
            return Err(Problem::single(
                409,
                "several_submissions",
                format!("La ronda se envió más de una vez; indique en «submit» cuál se aprueba: {ids}."),
                format!(
                    "the round was handed in more than once; name in \"submit\" which is approved: {ids}"
                ),
            ));
        }
        None => standing.first().copied(),
    };
    found.ok_or_else(|| {
        Problem::single(
            409,
            "no_submission",
            "La visita no tiene ese envío en la ronda actual.",
            "the visit has no such submission in its current round",
        )
    })
}

fn obstacle(code: &str) -> FieldProblem {
    let (es, en) = match code {
        "open_conflict" => ("hay respuestas en conflicto sin resolver", "answers are in open conflict"),
        "frontier_incomplete" => (
            "falta sincronizar un dispositivo cuyas respuestas vio quien envió",
            "a device whose answers the submitter had seen has not synced yet",
        ),
        "content_root_mismatch" => (
            "lo recibido no coincide con lo que se firmó al enviar; si algo de la visita quedó apartado o descartado, admítalo; si se \
             admitió después del envío, devuelva la visita",
            "what was received is not what was signed when handing in; where something of the visit was set aside or dismissed, \
             adopt it; where it was adopted after that, return the visit",
        ),
        "submission_has_not_seen_all" => (
            "quien envió no había visto todo lo que la visita muestra, porque otro teléfono lo trajo después; devuélvala para que se \
             envíe completa, o indique el envío en «submit» para aprobar lo que este contiene",
            "whoever handed in had not seen all that the visit shows, since another phone brought it later; return it, so that it is \
             handed in whole, or name the submission in \"submit\" to approve what that holds",
        ),
        "submit_of_other_round" => ("ese envío es de otra ronda", "that submission is of another round"),
        _ => ("no existe ese envío", "there is no such submission"),
    };
    // The table of states calls an open conflict by its own name.
    let code = if code == "open_conflict" { "conflicts_open" } else { code };
    FieldProblem::new("", code, es, en)
}

impl FrozenScore {
    pub(crate) fn of(score: domain::visit_score::VisitScore) -> Result<Self, Problem> {
        let (raw, last, band) = (score.raw, score.final_score, score.band.clone());
        let critical_failed = u32::try_from(score.critical_failed.len()).unwrap_or(u32::MAX);
        let document = document::freeze(score).map_err(|error| error.problem().clone())?;
        Ok(Self { raw, last, band, critical_failed, document })
    }

    /// The row of a version.
    pub(crate) fn version(
        &self,
        visit: &Audit,
        submit: OpId,
        version: u32,
        at: db::Micros,
        reason: &str,
    ) -> ScoreVersion {
        ScoreVersion {
            audit_id: visit.audit_id,
            version,
            submit_dev: submit.dev,
            submit_dseq: submit.dseq,
            template_hash: visit.template_hash,
            scorer_version: SCORER_VERSION.to_owned(),
            raw_hundredths: Some(self.raw.units()),
            final_hundredths: Some(self.last.units()),
            band: Some(self.band.clone()),
            critical_failed: self.critical_failed,
            doc: self.document.clone(),
            created_at: at,
            reason: reason.to_owned(),
        }
    }

    /// The hash of what was frozen.
    pub(crate) fn hash(&self) -> Hash {
        Hash::of(self.document.as_bytes())
    }
}

/// What the server holds of what audits count on.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// How far the logs of the devices that wrote them.
    logs: BTreeMap<DeviceId, u64>,
    /// Which of their blobs are stored, or were until they were redacted.
    blobs: BTreeSet<Hash>,
}

impl Held {
    /// Reads what is held for these audits.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) fn read(tx: &mut Tx<'_>, org: OrgId, audits: &[&AuditOps]) -> Result<Self, ApiError> {
        let devices: BTreeSet<DeviceId> = audits.iter().flat_map(|it| it.frontier().into_keys()).collect();
        let mut logs = BTreeMap::new();
        for dev in devices {
            if let Some(stored) = db::devices::find_head(tx, org, dev)? {
                logs.insert(dev, stored.head.head.dseq);
            }
        }
        let named: BTreeSet<Hash> = audits.iter().flat_map(|it| it.iter()).flat_map(named_blobs).collect();
        let named = Vec::from_iter(named);
        let mut blobs = db::blobs::stored(tx, org, &named)?;
        // They were here, and are not missed.
        blobs.extend(db::redactions::blobs_among(tx, org, &named)?);
        Ok(Self { logs, blobs })
    }

    pub(super) fn log(&self, dev: &DeviceId) -> u64 {
        self.logs.get(dev).copied().unwrap_or(0)
    }

    /// Whether everything that a submission declares is stored, and everything that is attached: a manifest is what an app
    /// says of itself.
    fn has_all_of(&self, submission: &Submission, view: &AuditView) -> bool {
        let attached = view.attachments.values().flatten().map(|it| &it.value.blob);
        submission.value.blobs.iter().map(|it| &it.id).chain(attached).all(|it| self.blobs.contains(it))
    }
}

/// The blobs that an op names.
fn named_blobs((_, stored): (&OpId, &StoredOp)) -> Vec<Hash> {
    match stored.op.kind {
        Kind::Attach => {
            payload::of_op::<AttachValue>(&stored.op).map_or_else(|_| Vec::new(), |it| vec![it.blob])
        }
        Kind::Submit => payload::of_op::<SubmitValue>(&stored.op)
            .map_or_else(|_| Vec::new(), |it| it.blobs.into_iter().map(|blob| blob.id).collect()),
        _ => Vec::new(),
    }
}

/// Approves a visit that is in review: freezes its score and tells the auditor's phone.
///
/// # Errors
/// As [`judge`] and [`take`].
pub(crate) fn approve(
    tx: &mut Tx<'_>,
    app: &App,
    office: &mut Office,
    visit: AuditId,
    approval: &Approval,
) -> Result<Approved, ApiError> {
    let named = approval.submit.as_deref().map(op_id).transpose()?;
    let mut visit = lock_visit(tx, office, visit, Actor::Reviewer)?;
    // Before anything is read: whoever may not approve now is told that, not what is wrong with the answers.
    domain::lifecycle::apply(Some(visit.state), Command::Approve, Actor::Reviewer, &all_facts())?;
    let mut ops = content::ops(tx, office.org(), visit.audit_id)?;
    let checklist = content::checklist(tx, app, office.org(), visit.template_hash)?;
    let held = Held::read(tx, office.org(), &[&ops])?;
    let judged = judge(&visit, &ops, &checklist, named, &held)?;
    let version = next_version(tx, office, visit.audit_id)?;
    visit.decided_at = Some(office.now());
    visit.decided_by = office.user();
    (visit.late_ops, visit.open_conflicts) = (judged.late_ops, judged.open_conflicts);
    visit.kind = judged.kind;
    let mut step = Step::new(Command::Approve, Actor::Reviewer);
    step.facts = all_facts();
    step.hashes = (Some(judged.content_root), judged.score.as_ref().map(FrozenScore::hash));
    let standing = take(tx, office, &mut visit, &step)?;
    let draft = draft(&visit, &mut ops, judged.submit)?;
    append_server_ops(tx, office.org(), office.environment(), vec![draft])?;
    content::store_ops(tx, office.org(), visit.audit_id, &ops)?;
    let Some(score) = judged.score else {
        return Ok(Approved { standing, version: None, final_score: None, band: None });
    };
    let frozen = score.version(&visit, judged.submit, version, office.now(), Change::Approved.as_str());
    scores::append(tx, office.org(), &[frozen])?;
    Ok(Approved { standing, version: Some(version), final_score: Some(score.last), band: Some(score.band) })
}

/// What holds once [`judge`] found nothing in the way.
pub(crate) fn all_facts() -> Facts {
    Facts { independent_of_auditor: true, blobs_complete: true, conflicts_resolved: true, ..Facts::default() }
}

/// The server op of an approval.
pub(crate) fn draft<'a>(visit: &Audit, ops: &'a mut AuditOps, submit: OpId) -> Result<Draft<'a>, ApiError> {
    let value = payload::to_value(&ApproveValue { submit }).map_err(ApiError::internal)?;
    let auditor: UserId = visit.auditor_id;
    Ok(Draft {
        audit: visit.audit_id,
        auditor,
        ops,
        kind: Kind::Approve,
        round: visit.round,
        field: String::new(),
        base: Vec::new(),
        value: Some(value),
    })
}

pub(crate) fn next_version(tx: &mut Tx<'_>, office: &Office, visit: AuditId) -> Result<u32, ApiError> {
    let current = scores::find_current(tx, office.org(), visit)?;
    Ok(current.map_or(1, |it| it.version.saturating_add(1)))
}

fn op_id(text: &str) -> Result<OpId, ApiError> {
    super::conflicts::parse_op_id(text).ok_or_else(|| {
        ApiError::field(
            "/submit",
            "not_an_op",
            format!("«{text}» no es una operación; escriba dispositivo:posición."),
            format!("\"{text}\" is not an op; write device:position"),
        )
    })
}
