//! Taking personal data out of a visit for good, whatever its state: the value of an answer, of a comment or of a remark, and the
//! bytes of a photo. The office says so in its own signed log; what proves the rest (chain, signatures, content root) stands, and
//! so does every figure of a score that is frozen. Owns who may ask and what can be named; what is then done to everything
//! that is stored is `exchange::redaction`'s.

use super::review::{own_visit, parse_op_id};
use crate::{
    app::{App, reading::check_text, visits::content},
    error::ApiError,
    exchange::{Draft, append_server_ops, redaction as stored},
    office::Office,
};
use db::{
    MAX_PAGE, Tx,
    audits::{self, Audit},
    devices, quarantine,
    redactions::{self, Redaction},
};
use domain::{
    FieldProblem,
    access::{Permission, Target},
    ids::{AuditId, OrgId},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::{
    AuditOps, DeviceId, Hash, Kind, Op, OpId,
    op::MAX_BASE,
    payload::{self, AttachValue, ReasonValue},
};
use utoipa::ToSchema;
use validator::Validate;

/// What is taken out.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedactionOrder {
    /// Fields: everything that was ever recorded in them, also what was replaced, came late or was set aside: `A01`,
    /// `A01#comment`, `A01#photo`, or empty for remarks on the visit.
    #[serde(default)]
    #[validate(length(max = 100))]
    pub(crate) fields: Vec<String>,
    /// Single ops, as `device:position`, with those that say the same again: one photo of several.
    #[serde(default)]
    #[validate(length(max = 100))]
    pub(crate) ops: Vec<String>,
    /// Why, in the words of the person who asks. It is kept for good, so the data itself does not belong here.
    #[validate(length(min = 1, max = 2000), custom(function = "check_text"))]
    pub(crate) reason: String,
}

/// What was taken out of a visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Redacted {
    /// The visit.
    #[schema(value_type = uuid::Uuid)]
    visit: AuditId,
    /// The ops of the office's log that say so, as `device:position`.
    redactions: Vec<String>,
    /// The ops whose value is gone, or whose photo is, as `device:position`.
    ops: Vec<String>,
    /// Photos whose bytes go: no other visit counts on them.
    photos: Vec<String>,
}

/// What can be redacted of a visit.
struct Recorded {
    /// Its ops and those that were set aside.
    all: BTreeMap<OpId, Op>,
    /// What devices gave up of their logs, which may stand at positions of other ops.
    evidence: Vec<(OpId, Op)>,
}

fn can_be_redacted(op: &Op) -> bool {
    op.kind.loses_value() || op.kind == Kind::Attach
}

impl Recorded {
    fn read(tx: &mut Tx<'_>, org: OrgId, visit: AuditId, ops: &AuditOps) -> Result<Self, ApiError> {
        let aside = stored::set_aside(tx, org, visit)?;
        let mut all: BTreeMap<OpId, Op> = aside.into_iter().map(|it| (it.id, it.op)).collect();
        all.extend(ops.iter().map(|(id, it)| (*id, it.op.clone())));
        all.retain(|_, op| op.audit == visit.0);
        let mut evidence = Vec::new();
        for dev in authors(tx, org, visit)? {
            evidence.extend(stored::given_up(tx, org, dev)?.into_iter().filter(|it| it.1.audit == visit.0));
        }
        Ok(Self { all, evidence })
    }

    /// The ops that an order names, by field.
    fn named(&self, order: &RedactionOrder) -> Result<BTreeMap<String, BTreeSet<OpId>>, ApiError> {
        let (mut named, mut problems) = (BTreeSet::new(), Vec::new());
        let mut by_field: BTreeMap<String, BTreeSet<OpId>> = BTreeMap::new();
        for (index, field) in order.fields.iter().enumerate() {
            let is_meant = |op: &Op| op.field == *field && can_be_redacted(op);
            let found = self.all.iter().filter(|it| is_meant(it.1)).map(|it| *it.0);
            let found: BTreeSet<OpId> = found.collect();
            let evidence = self.evidence.iter().filter(|it| is_meant(&it.1)).map(|it| it.0);
            let evidence: BTreeSet<OpId> = evidence.collect();
            let is_empty = found.is_empty() && evidence.is_empty();
            named.extend(found);
            by_field.entry(field.clone()).or_default().extend(evidence);
            if is_empty {
                let (es, en) = ("en ese campo no se registró nada", "nothing was recorded in this field");
                problems.push(FieldProblem::new(format!("/fields/{index}"), "nothing_recorded", es, en));
            }
        }
        for (index, text) in order.ops.iter().enumerate() {
            let found = parse_op_id(text).filter(|it| self.all.get(it).is_some_and(can_be_redacted));
            match found {
                Some(id) => named.extend(self.saying_the_same(id)),
                None => problems.push(FieldProblem::new(
                    format!("/ops/{index}"),
                    "not_redactable",
                    "no es una respuesta, una observación ni una foto de esta visita",
                    "it is no answer, remark or photo of this visit",
                )),
            }
        }
        if order.fields.is_empty() && order.ops.is_empty() {
            let (es, en) = ("nombre los campos o los registros", "name fields or ops");
            problems.push(FieldProblem::new("/fields", "nothing_named", es, en));
        }
        if !problems.is_empty() {
            return Err(ApiError::invalid(problems));
        }
        for (id, op) in named.iter().filter_map(|it| self.all.get_key_value(it)) {
            let list = by_field.entry(op.field.clone()).or_default();
            list.insert(*id);
            // What a former log said first, perhaps here only as evidence.
            list.extend(op.origin);
        }
        Ok(by_field)
    }

    /// An op, its twins, what a person chose of it to stand, and other attachments of the same photo.
    fn saying_the_same(&self, id: OpId) -> BTreeSet<OpId> {
        let mut same = BTreeSet::from([id]);
        loop {
            let before = same.len();
            for (other, op) in &self.all {
                let is_same =
                    same.iter().any(|it| self.all.get(it).is_some_and(|it2| says(it, it2, other, op)));
                if is_same && can_be_redacted(op) {
                    same.insert(*other);
                }
            }
            if same.len() == before {
                return same;
            }
        }
    }
}

/// Whether an op says what another one says, since it is its twin, chose it, or shows the same photo.
fn says(id: &OpId, op: &Op, other: &OpId, said: &Op) -> bool {
    let family = |id: &OpId, op: &Op| op.origin.unwrap_or(*id);
    let chose = said.kind == Kind::Resolve && said.value == op.value && said.base.contains(id);
    let photo = |op: &Op| {
        Some(op).filter(|it| it.kind == Kind::Attach).and_then(|it| payload::of_op::<AttachValue>(it).ok())
    };
    let shown = photo(op).is_some_and(|it| photo(said).is_some_and(|other| other.blob == it.blob));
    let is_twin = family(id, op) == family(other, said) && op.field == said.field;
    is_twin || shown || (chose && op.field == said.field)
}

/// Takes what is named out of a visit, at any time and for good.
///
/// # Errors
/// `not_found` (404), `forbidden`, `own_visit` (403), `nothing_named`, `nothing_recorded`, `not_redactable` (422),
/// `already_redacted` (409), `try_again` (409) where a new phone hands in on this visit at the same moment.
pub(crate) fn redact(
    tx: &mut Tx<'_>,
    office: &mut Office,
    visit: AuditId,
    order: &RedactionOrder,
) -> Result<Redacted, ApiError> {
    let (visit, mut ops) = lock(tx, office, visit)?;
    let (org, now) = (office.org(), office.now());
    let recorded = Recorded::read(tx, org, visit.audit_id, &ops)?;
    let mut by_field = recorded.named(order)?;
    let known = stored::known(tx, org, [visit.audit_id.0])?;
    for (field, ids) in &mut by_field {
        let audit = visit.audit_id.0;
        let says_it =
            |id: &OpId| recorded.all.get(id).is_some_and(|op| op.field == *field && known.names(id, op));
        ids.retain(|id| !known.contains(id, &audit, field) && !says_it(id));
    }
    by_field.retain(|_, ids| !ids.is_empty());
    if by_field.is_empty() {
        let (es, en) = ("Eso ya se suprimió.", "this was redacted already");
        return Err(ApiError::conflict("already_redacted", es, en));
    }
    let photos = photos(&recorded, &by_field);
    let mut rows = Vec::new();
    for (field, ids) in &by_field {
        let row = |it: &OpId| Redaction {
            audit_id: visit.audit_id,
            dev: it.dev,
            dseq: it.dseq,
            field: field.clone(),
        };
        rows.extend(ids.iter().map(row));
    }
    redactions::append(tx, org, &rows)?;
    // The logs first, which know each op's own blind; then the office says it.
    stored::settle(tx, org, visit.audit_id, now)?;
    ops = content::ops(tx, org, visit.audit_id)?;
    let said = say(tx, office, &visit, &mut ops, &by_field, &order.reason)?;
    content::store_ops(tx, org, visit.audit_id, &ops)?;
    let named = by_field.values().flatten().filter(|it| recorded.all.contains_key(it));
    let named: Vec<String> = named.map(ToString::to_string).collect();
    let view = ops.view();
    let count = |it: usize| u32::try_from(it).unwrap_or(u32::MAX);
    let (open_conflicts, late_ops) = (count(view.open_conflicts().count()), count(view.late.len()));
    let changed = Audit { open_conflicts, late_ops, updated_at: now, ..visit };
    audits::update(tx, org, changed.state, &changed)?;
    let fields: Vec<&String> = by_field.keys().collect();
    let detail = json!({"fields": fields, "ops": named, "reason": order.reason});
    office.record("visit_redacted", "visit", changed.audit_id, &detail)?;
    let gone = redactions::blobs_among(tx, org, &photos)?;
    Ok(Redacted {
        visit: changed.audit_id,
        redactions: said.iter().map(ToString::to_string).collect(),
        ops: named,
        photos: gone.iter().map(ToString::to_string).collect(),
    })
}

/// The visit with its ops, so that neither it nor a log with ops on it can go on meanwhile.
fn lock(tx: &mut Tx<'_>, office: &Office, visit: AuditId) -> Result<(Audit, AuditOps), ApiError> {
    office.require(Permission::RedactVisits, &Target::Own)?;
    let org = office.org();
    let nowhere = || ApiError::not_found("la visita", "the visit");
    // In the order of a push: first the logs, then the visit.
    let before = authors(tx, org, visit)?;
    for dev in &before {
        devices::lock_head(tx, org, *dev)?;
    }
    let found = audits::lock(tx, org, visit)?.ok_or_else(nowhere)?;
    office.require_at(tx, Permission::RedactVisits, found.branch_id)?;
    if office.user() == Some(found.auditor_id) {
        return Err(own_visit());
    }
    if authors(tx, org, visit)? != before {
        return Err(ApiError::conflict(
            "try_again",
            "Otro dispositivo está entregando en esta visita; intente de nuevo.",
            "another device is handing in on this visit; try again",
        ));
    }
    let ops = content::ops(tx, org, visit)?;
    Ok((found, ops))
}

/// The devices that wrote on a visit, and those that some of them go on for.
fn authors(tx: &mut Tx<'_>, org: OrgId, visit: AuditId) -> Result<BTreeSet<DeviceId>, ApiError> {
    let ops = content::ops(tx, org, visit)?;
    let mut authors: BTreeSet<DeviceId> = ops.iter().filter(|it| !it.1.server).map(|it| it.0.dev).collect();
    authors.extend(ops.iter().filter_map(|it| it.1.op.origin).map(|it| it.dev));
    authors.extend(quarantine::list_devices_of_audit(tx, org, visit)?);
    Ok(authors)
}

/// Appends the office's `redact` ops.
fn say(
    tx: &mut Tx<'_>,
    office: &Office,
    visit: &Audit,
    ops: &mut AuditOps,
    by_field: &BTreeMap<String, BTreeSet<OpId>>,
    reason: &str,
) -> Result<Vec<OpId>, ApiError> {
    let round = ops.view().rounds.current;
    let value = payload::to_value(&ReasonValue { reason: reason.to_owned() }).map_err(ApiError::internal)?;
    let mut said = Vec::new();
    for (field, ids) in by_field {
        let ids = Vec::from_iter(ids.iter().copied());
        for base in ids.chunks(MAX_BASE) {
            let draft = Draft {
                audit: visit.audit_id,
                auditor: visit.auditor_id,
                ops: &mut *ops,
                kind: Kind::Redact,
                round,
                field: field.clone(),
                base: base.to_vec(),
                value: Some(value.clone()),
            };
            said.extend(append_server_ops(tx, office.org(), office.environment(), vec![draft])?);
        }
    }
    Ok(said)
}

fn photos(recorded: &Recorded, by_field: &BTreeMap<String, BTreeSet<OpId>>) -> Vec<Hash> {
    let named = by_field.values().flatten().filter_map(|it| recorded.all.get(it));
    let attached = named.filter(|it| it.kind == Kind::Attach);
    let blobs: BTreeSet<Hash> =
        attached.filter_map(|it| payload::of_op::<AttachValue>(it).ok()).map(|it| it.blob).collect();
    Vec::from_iter(blobs)
}

impl App {
    /// Takes the bytes of redacted blobs out of the store; how many. What a crash leaves is taken the next time. Blocks.
    ///
    /// # Errors
    /// Those of the database and the store.
    pub fn purge_redacted(&self, org: OrgId) -> Result<usize, ApiError> {
        let mut purged = 0;
        loop {
            let waiting = self.db.read(|tx| redactions::list_blobs(tx, org, false, None, MAX_PAGE))?;
            if waiting.is_empty() {
                return Ok(purged);
            }
            for blob in waiting.iter().map(|it| it.blob) {
                self.blobs.remove(org, blob)?;
                self.db.write(move |tx| redactions::set_purged(tx, org, blob))?;
                purged += 1;
            }
        }
    }
}
