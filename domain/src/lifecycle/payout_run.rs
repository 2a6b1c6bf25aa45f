//! The states of a payout run (DESIGN.md section 5) with separation of duties: who calculated, or decided a figure by
//! hand, never approves or locks. A locked run is never edited; a later change is an adjustment line of the next run.

use super::{guard_failed, named, wrong_actor, wrong_state};
use crate::{FieldProblem, Problem};
use alloc::vec::Vec;

named! {
    /// Where a payout run stands.
    RunState {
        /// Its inputs may still change.
        Draft = "draft", "borrador", "draft";
        /// Its lines are calculated.
        Calculated = "calculated", "calculado", "calculated";
        /// Waiting for the approver.
        InApproval = "in_approval", "en aprobación", "in approval";
        /// Approved by a second person.
        Approved = "approved", "aprobado", "approved";
        /// Frozen for good.
        Locked = "locked", "cerrado", "locked";
        /// Handed to payroll.
        Exported = "exported", "exportado", "exported";
        /// Reported as paid.
        Paid = "paid", "pagado", "paid";
    }
}

named! {
    /// What somebody asks to do with a payout run.
    RunCommand {
        /// Calculate every line.
        Calculate = "calculate", "calcular", "calculate";
        /// Hand it to the approver.
        RequestApproval = "request_approval", "enviar a aprobación", "request approval";
        /// Take it back to be calculated again.
        BackToDraft = "back_to_draft", "volver a borrador", "take back to draft";
        /// Approve it.
        Approve = "approve", "aprobar", "approve";
        /// Freeze it.
        Lock = "lock", "cerrar", "lock";
        /// Hand it to payroll.
        Export = "export", "exportar", "export";
        /// Record that it was paid.
        MarkPaid = "mark_paid", "registrar el pago", "mark as paid";
    }
}

named! {
    /// In which capacity somebody acts on a payout run.
    RunActor {
        /// Calculates.
        HrAnalyst = "hr_analyst", "análisis de incentivos", "HR analyst";
        /// Approves and locks.
        HrApprover = "hr_approver", "aprobación de incentivos", "HR approver";
    }
}

/// Facts that guard a payout run. All false by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunFacts {
    /// The person who acts neither calculated this run nor decided a figure in it by hand.
    pub not_the_calculator: bool,
    /// A reason is given.
    pub has_reason: bool,
}

/// The new state of a payout run, or why the command is refused.
///
/// # Errors
/// `wrong_state` (409), `wrong_actor` (403), or `guard_failed` (422) with `own_calculation` or `reason_missing`.
pub fn apply_run(
    from: RunState,
    command: RunCommand,
    actor: RunActor,
    facts: &RunFacts,
) -> Result<RunState, Problem> {
    use RunActor::{HrAnalyst, HrApprover};
    let (to, actors): (RunState, &[RunActor]) = match (from, command) {
        (RunState::Draft, RunCommand::Calculate) => (RunState::Calculated, &[HrAnalyst]),
        (RunState::Calculated, RunCommand::RequestApproval) => (RunState::InApproval, &[HrAnalyst]),
        (RunState::Calculated | RunState::InApproval, RunCommand::BackToDraft) => {
            (RunState::Draft, &[HrAnalyst, HrApprover])
        }
        (RunState::InApproval, RunCommand::Approve) => (RunState::Approved, &[HrApprover]),
        (RunState::Approved, RunCommand::Lock) => (RunState::Locked, &[HrApprover]),
        (RunState::Locked, RunCommand::Export) => (RunState::Exported, &[HrAnalyst, HrApprover]),
        (RunState::Exported, RunCommand::MarkPaid) => (RunState::Paid, &[HrAnalyst, HrApprover]),
        _ => return Err(wrong_state(Some(from.label()), command.label())),
    };
    if !actors.contains(&actor) {
        return Err(wrong_actor(actor.label(), command.label()));
    }
    let failed = broken(command, facts);
    if failed.is_empty() { Ok(to) } else { Err(guard_failed(failed)) }
}

fn broken(command: RunCommand, facts: &RunFacts) -> Vec<FieldProblem> {
    let mut failed = Vec::new();
    if matches!(command, RunCommand::Approve | RunCommand::Lock) && !facts.not_the_calculator {
        failed.push(FieldProblem::new(
            "",
            "own_calculation",
            "quien calculó, o fijó categorías a mano, no puede aprobar ni cerrar",
            "the person who calculated, or gave bands by hand, may neither approve nor lock",
        ));
    }
    if command == RunCommand::BackToDraft && !facts.has_reason {
        failed.push(FieldProblem::new("", "reason_missing", "indique el motivo", "give a reason"));
    }
    failed
}
