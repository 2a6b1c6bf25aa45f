//! What auditors answered to offers, perhaps without a line and long ago: each takes the arrow of the state table where it still
//! can, and else is told why not. Such a word begins no visit, waits for no person and blocks nothing.

use super::{feed, millis, project::Source};
use crate::{
    app::{assignments, programmes::allowed, rights},
    error::ApiError,
};
use db::{
    Tx,
    audit_log::{self, NewLogEntry},
    programmes::{self, Assignment},
    reference,
};
use domain::{
    ids::AuditId,
    lifecycle::{self, Actor, Command, Facts, State},
};
use serde_json::json;
use std::collections::BTreeMap;
use sync_core::{
    Kind, Op,
    exchange::{Outcome, OutcomeKind, StreamId},
    hlc,
    payload::{self, ReasonValue},
    reference::ASSIGNMENT,
};
use uuid::Uuid;

/// Why nothing is taken or refused where its author does no field work.
const NO_FIELD_WORK: &str = "no_field_work";

/// Ops by audit.
type ByAudit<'a> = Vec<(Uuid, Vec<&'a Op>)>;

/// Words on offers, in the order of their log, and all other ops by audit.
pub(super) fn apart<'a>(touched: ByAudit<'a>) -> (Vec<&'a Op>, ByAudit<'a>) {
    let mut words = Vec::new();
    let mut others = Vec::with_capacity(touched.len());
    for (audit, ops) in touched {
        let (of_offer, of_visit): (Vec<&Op>, Vec<&Op>) =
            ops.into_iter().partition(|it| it.kind.is_of_offer());
        words.extend(of_offer);
        if !of_visit.is_empty() {
            others.push((audit, of_visit));
        }
    }
    words.sort_unstable_by_key(|it| it.dseq);
    (words, others)
}

/// Carries out what of these words can be, and tells the phones of their author where each assignment stands.
///
/// # Errors
/// Those of the database.
pub(super) fn take(tx: &mut Tx<'_>, source: &Source<'_>, words: &[&Op]) -> Result<Taken, ApiError> {
    let mut taken = Taken::default();
    if words.is_empty() {
        return Ok(taken);
    }
    let mut audits: Vec<AuditId> = words.iter().map(|it| AuditId(it.audit)).collect();
    audits.sort_unstable();
    audits.dedup();
    let found = programmes::find_assignments_of_audits(tx, source.org, &audits)?;
    let mut found: BTreeMap<AuditId, Assignment> = found.into_iter().map(|it| (it.audit_id, it)).collect();
    for op in words {
        let answered = match found.get_mut(&AuditId(op.audit)) {
            None => Err("unknown_assignment"),
            Some(assignment) => answer(tx, source, assignment, op)?,
        };
        match answered {
            Ok(entry) => taken.entries.extend(entry),
            Err(reason) => {
                // Who does no field work there was told all that they may know.
                if reason != NO_FIELD_WORK {
                    tell_truth(tx, source, found.get(&AuditId(op.audit)))?;
                }
                let (kind, reason) = (OutcomeKind::Other, reason.to_owned());
                taken.outcomes.push(Outcome { dseq: op.dseq, kind, reason });
            }
        }
    }
    Ok(taken)
}

/// What words on offers came to.
#[derive(Default)]
pub(super) struct Taken {
    /// Of those that were too late.
    pub(super) outcomes: Vec<Outcome>,
    /// Arrows that were taken, for the audit log: there is no visit yet whose history could have them.
    entries: Vec<NewLogEntry>,
}

impl Taken {
    /// Writes the audit log; the last thing in the transaction, which whoever else writes it waits for.
    ///
    /// # Errors
    /// Those of the database.
    pub(super) fn record(&self, tx: &mut Tx<'_>, source: &Source<'_>) -> Result<(), ApiError> {
        for entry in &self.entries {
            audit_log::append(tx, source.org, entry)?;
        }
        Ok(())
    }
}

fn answer(
    tx: &mut Tx<'_>,
    source: &Source<'_>,
    assignment: &mut Assignment,
    op: &Op,
) -> Result<Result<Option<NewLogEntry>, &'static str>, ApiError> {
    if assignment.auditor_id != source.user {
        return Ok(Err("foreign_assignment"));
    }
    let branch = reference::find_branch(tx, source.org, assignment.branch_id)?;
    if !branch.is_some_and(|it| source.reaches(it.branch_id, it.region_id)) {
        return Ok(Err(NO_FIELD_WORK));
    }
    let command = if op.kind == Kind::Accept { Command::Accept } else { Command::Decline };
    match (assignment.state, command) {
        (State::Offered, _) => {}
        (state, Command::Decline) if state != State::Declined => return Ok(Err(lost(state, "visit_begun"))),
        (State::Declined, Command::Decline) => return Ok(Ok(None)),
        // It was taken, perhaps from another phone of the same person, and may be further by now.
        (state, _) if !rights::is_withdrawn(state) => return Ok(Ok(None)),
        (state, _) => return Ok(Err(lost(state, "assignment_withdrawn"))),
    }
    let facts = Facts { assignment_rules_hold: true, ..Facts::default() };
    let from = assignment.state;
    let to = lifecycle::apply(Some(from), command, Actor::Auditor, &facts)?;
    match reason(op) {
        Some(reason) => {
            programmes::decline_assignment(tx, source.org, assignment.assignment_id, from, &reason)?;
        }
        None => programmes::set_assignment_state(tx, source.org, assignment.assignment_id, (from, to))?,
    }
    assignment.state = to;
    if rights::is_withdrawn(to) {
        rights::settle(
            tx,
            source.org,
            source.user,
            rights::What::Audits(&[assignment.audit_id]),
            source.now,
        )?;
    }
    tell(tx, source, assignment)?;
    Ok(Ok(Some(entry(source, assignment, op, from))))
}

/// Why an answer came too late.
fn lost(state: State, begun: &'static str) -> &'static str {
    match state {
        State::Void | State::Superseded => "assignment_withdrawn",
        State::Expired => "assignment_expired",
        State::Declined => "assignment_declined",
        State::Accepted => "assignment_accepted",
        _ => begun,
    }
}

fn tell(tx: &mut Tx<'_>, source: &Source<'_>, assignment: &Assignment) -> Result<(), ApiError> {
    let allowed = allowed(tx, source.org, assignment.wave_id)?;
    let row = assignments::row_of(assignment, allowed);
    feed::publish_assignment(tx, source.org, source.user, &row, None, source.now)
}

/// What stands in place of a word that was lost: the assignment as it is, or that it is somebody else's now.
fn tell_truth(tx: &mut Tx<'_>, source: &Source<'_>, found: Option<&Assignment>) -> Result<(), ApiError> {
    match found {
        Some(it) if it.auditor_id == source.user => tell(tx, source, it),
        Some(it) => {
            let gone = vec![feed::withdrawn_row(ASSIGNMENT, it.assignment_id.0)];
            feed::append_all(tx, source.org, StreamId::User(source.user.0), gone, source.now).map(drop)
        }
        None => Ok(()),
    }
}

/// Why an offer was declined.
fn reason(op: &Op) -> Option<String> {
    let value = (op.kind == Kind::Decline).then(|| payload::of_op::<ReasonValue>(op).ok());
    value.flatten().map(|it| it.reason)
}

fn entry(source: &Source<'_>, assignment: &Assignment, op: &Op, from: State) -> NewLogEntry {
    let reason = reason(op);
    let detail = json!({
        "from": from, "to": assignment.state, "reason": reason, "audit": assignment.audit_id,
        "device_at_ms": hlc::ms_of(op.hlc), "received_at_ms": millis(source.received),
    });
    let is_accepted = op.kind == Kind::Accept;
    NewLogEntry {
        at: source.now,
        actor: format!("user:{}/device:{}", source.user, source.dev),
        action: if is_accepted { "assignment_accepted" } else { "assignment_declined" }.to_owned(),
        subject_kind: "assignment".to_owned(),
        subject: assignment.assignment_id.to_string(),
        detail: detail.to_string(),
    }
}
