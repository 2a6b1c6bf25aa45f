//! The tables, exhaustively: every state x command x actor, and every guard.

use super::*;
use alloc::string::String;

/// DESIGN.md section 5, written a second time by hand: from, command, who, to.
const EXPECTED: &str = "
- offer manager offered
offered accept auditor accepted
offered decline auditor declined
offered expire server expired
accepted start auditor in_progress
accepted not_completed auditor submitted
in_progress not_completed auditor submitted
in_progress submit auditor submitted
submitted claim reviewer in_review
in_review return reviewer returned
on_hold return reviewer returned
returned start auditor in_progress
in_review hold reviewer on_hold
on_hold release reviewer in_review
in_review approve reviewer approved
in_review reject reviewer rejected
rejected reopen reviewer in_review
approved publish reviewer published
approved publish server published
approved exclude manager excluded
published exclude manager excluded
excluded include manager published
published appeal branch_manager appealed
appealed uphold reviewer published
appealed dismiss reviewer published
appealed withdraw branch_manager published
published lock server locked
published supersede server superseded
locked supersede server superseded
offered void manager void
accepted void manager void
in_progress void manager void
submitted void manager void
in_review void manager void
returned void manager void
on_hold void manager void
rejected void manager void
approved void manager void
published void manager void
appealed void manager void
excluded void manager void
";

fn all_true() -> Facts {
    Facts {
        wave_rules_hold: true,
        assignment_rules_hold: true,
        inside_window: true,
        flagged_outside_window: true,
        has_reason: true,
        has_proof: true,
        required_declared: true,
        independent_of_auditor: true,
        items_named: true,
        has_deadline: true,
        blobs_complete: true,
        conflicts_resolved: true,
        second_person: true,
        second_person_blind_to_pay: true,
        another_reviewer: true,
        auditor_appeal_upheld: true,
        inside_appeal_window: true,
        is_appellant: true,
        appeals_closed: true,
        revisit_approved: true,
    }
}

fn states() -> Vec<Option<State>> {
    let mut all: Vec<Option<State>> = State::ALL.iter().copied().map(Some).collect();
    all.push(None);
    all
}

#[test]
fn every_state_command_and_actor_does_what_the_table_says_and_nothing_else() {
    let mut drawn = 0;
    for from in states() {
        for command in Command::ALL {
            for actor in Actor::ALL {
                let row = format!("{} {command} {actor} ", from.map_or("-", State::as_str));
                let expected = EXPECTED.lines().find_map(|it| it.strip_prefix(row.as_str()));
                let got = apply(from, *command, *actor, &all_true()).ok().map(State::as_str);
                assert_eq!(got, expected, "{row}");
                drawn += usize::from(got.is_some());
            }
        }
    }
    assert_eq!(drawn, EXPECTED.trim().lines().count());
}

#[test]
fn a_command_in_the_wrong_state_or_by_the_wrong_person_is_refused_with_its_own_code() {
    let wrong = apply(Some(State::Locked), Command::Approve, Actor::Reviewer, &all_true()).unwrap_err();
    assert_eq!((wrong.status, wrong.code.as_str()), (409, "wrong_state"));
    let wrong = apply(Some(State::InReview), Command::Approve, Actor::Auditor, &all_true()).unwrap_err();
    assert_eq!((wrong.status, wrong.code.as_str()), (403, "wrong_actor"));
    assert_eq!(wrong.errors[0].message_es, "persona auditora no puede aprobar");
}

/// A guard: where it stands, who asks, how it is switched off, and the code of its refusal.
type GuardCase = (Option<State>, Command, Actor, fn(&mut Facts), &'static str);

#[rustfmt::skip]
const GUARD_CASES: &[GuardCase] = &[
    (None, Command::Offer, Actor::Manager, |it| it.wave_rules_hold = false, "wave_rules_broken"),
    (Some(State::Offered), Command::Accept, Actor::Auditor, |it| it.assignment_rules_hold = false, "assignment_rules_broken"),
    (Some(State::Accepted), Command::Start, Actor::Auditor, |it| (it.inside_window, it.flagged_outside_window) = (false, false), "outside_window"),
    (Some(State::Accepted), Command::NotCompleted, Actor::Auditor, |it| it.has_reason = false, "reason_missing"),
    (Some(State::InProgress), Command::NotCompleted, Actor::Auditor, |it| it.has_proof = false, "proof_missing"),
    (Some(State::InProgress), Command::Submit, Actor::Auditor, |it| it.required_declared = false, "required_missing"),
    (Some(State::Submitted), Command::Claim, Actor::Reviewer, |it| it.independent_of_auditor = false, "own_visit"),
    (Some(State::InReview), Command::Return, Actor::Reviewer, |it| it.items_named = false, "items_missing"),
    (Some(State::OnHold), Command::Return, Actor::Reviewer, |it| it.has_deadline = false, "deadline_missing"),
    (Some(State::InReview), Command::Return, Actor::Reviewer, |it| it.has_reason = false, "reason_missing"),
    (Some(State::InReview), Command::Hold, Actor::Reviewer, |it| it.has_reason = false, "reason_missing"),
    (Some(State::InReview), Command::Approve, Actor::Reviewer, |it| it.independent_of_auditor = false, "own_visit"),
    (Some(State::InReview), Command::Approve, Actor::Reviewer, |it| it.blobs_complete = false, "blobs_missing"),
    (Some(State::InReview), Command::Approve, Actor::Reviewer, |it| it.conflicts_resolved = false, "conflicts_open"),
    (Some(State::InReview), Command::Reject, Actor::Reviewer, |it| it.has_reason = false, "reason_missing"),
    (Some(State::InReview), Command::Reject, Actor::Reviewer, |it| it.second_person = false, "second_person_missing"),
    (Some(State::Rejected), Command::Reopen, Actor::Reviewer, |it| it.another_reviewer = false, "same_reviewer"),
    (Some(State::Rejected), Command::Reopen, Actor::Reviewer, |it| it.auditor_appeal_upheld = false, "auditor_appeal_not_upheld"),
    (Some(State::Approved), Command::Exclude, Actor::Manager, |it| it.has_reason = false, "reason_missing"),
    (Some(State::Published), Command::Exclude, Actor::Manager, |it| it.second_person = false, "second_person_missing"),
    (Some(State::Published), Command::Exclude, Actor::Manager, |it| it.second_person_blind_to_pay = false, "second_person_sees_pay"),
    (Some(State::Excluded), Command::Include, Actor::Manager, |it| it.has_reason = false, "reason_missing"),
    (Some(State::Excluded), Command::Include, Actor::Manager, |it| it.second_person = false, "second_person_missing"),
    (Some(State::Published), Command::Appeal, Actor::BranchManager, |it| it.inside_appeal_window = false, "appeal_window_closed"),
    (Some(State::Published), Command::Appeal, Actor::BranchManager, |it| it.items_named = false, "items_missing"),
    (Some(State::Appealed), Command::Uphold, Actor::Reviewer, |it| it.another_reviewer = false, "same_reviewer"),
    (Some(State::Appealed), Command::Dismiss, Actor::Reviewer, |it| it.another_reviewer = false, "same_reviewer"),
    (Some(State::Appealed), Command::Dismiss, Actor::Reviewer, |it| it.has_reason = false, "reason_missing"),
    (Some(State::Appealed), Command::Withdraw, Actor::BranchManager, |it| it.is_appellant = false, "not_the_appellant"),
    (Some(State::Published), Command::Lock, Actor::Server, |it| it.appeals_closed = false, "appeal_open"),
    (Some(State::Approved), Command::Void, Actor::Manager, |it| it.has_reason = false, "reason_missing"),
    (Some(State::Approved), Command::Void, Actor::Manager, |it| it.second_person = false, "second_person_missing"),
    (Some(State::Locked), Command::Supersede, Actor::Server, |it| it.revisit_approved = false, "revisit_not_approved"),
];

#[test]
fn each_guard_alone_refuses_its_step() {
    for (from, command, actor, off, code) in GUARD_CASES {
        let mut facts = all_true();
        off(&mut facts);
        let problem = apply(*from, *command, *actor, &facts).unwrap_err();
        assert_eq!(problem.code, "guard_failed");
        let codes: Vec<&str> = problem.errors.iter().map(|it| it.code.as_str()).collect();
        assert_eq!(codes, [*code], "{from:?} {command}");
    }
    let guards: usize = TABLE.iter().map(|it| it.guards.len()).sum();
    assert_eq!(GUARD_CASES.len(), guards, "a guard has no case");
}

#[test]
fn a_start_outside_the_window_passes_when_it_is_flagged() {
    let flagged = Facts { flagged_outside_window: true, ..Facts::default() };
    assert_eq!(apply(Some(State::Accepted), Command::Start, Actor::Auditor, &flagged), Ok(State::InProgress));
}

#[test]
fn every_failed_guard_is_told_at_once() {
    let problem =
        apply(Some(State::Published), Command::Exclude, Actor::Manager, &Facts::default()).unwrap_err();
    assert_eq!(problem.errors.len(), 3);
}

#[test]
fn an_ended_visit_stays_ended() {
    for state in [State::Declined, State::Expired, State::Superseded, State::Void] {
        for actor in Actor::ALL {
            assert!(commands(Some(state), *actor).is_empty(), "{state} {actor}");
        }
    }
}

#[test]
fn a_name_is_read_back_and_an_unknown_one_is_refused() {
    for state in State::ALL {
        assert_eq!(state.as_str().parse::<State>(), Ok(*state));
        assert_eq!(serde_json::to_string(state).unwrap(), format!("\"{state}\""));
    }
    for command in Command::ALL {
        assert_eq!(serde_json::to_string(command).unwrap(), format!("\"{command}\""));
    }
    assert_eq!("aproved".parse::<State>().unwrap_err().code, "unknown_name");
}

#[test]
fn a_payout_run_goes_one_way_and_back_to_draft_only_before_its_approval() {
    let facts = RunFacts { not_the_calculator: true, has_reason: true };
    let expected = "
draft calculate hr_analyst calculated
calculated request_approval hr_analyst in_approval
calculated back_to_draft hr_analyst draft
calculated back_to_draft hr_approver draft
in_approval back_to_draft hr_analyst draft
in_approval back_to_draft hr_approver draft
in_approval approve hr_approver approved
approved lock hr_approver locked
locked export hr_analyst exported
locked export hr_approver exported
exported mark_paid hr_analyst paid
exported mark_paid hr_approver paid";
    for from in RunState::ALL {
        for command in RunCommand::ALL {
            for actor in RunActor::ALL {
                let row: String = format!("{from} {command} {actor} ");
                let to = expected.lines().find_map(|it| it.strip_prefix(row.as_str()));
                let got = apply_run(*from, *command, *actor, &facts).ok().map(RunState::as_str);
                assert_eq!(got, to, "{row}");
            }
        }
    }
}

#[test]
fn whoever_calculated_a_run_neither_approves_nor_locks_it() {
    let own = RunFacts { not_the_calculator: false, has_reason: true };
    for (from, command) in
        [(RunState::InApproval, RunCommand::Approve), (RunState::Approved, RunCommand::Lock)]
    {
        let problem = apply_run(from, command, RunActor::HrApprover, &own).unwrap_err();
        assert_eq!(problem.errors[0].code, "own_calculation");
    }
    let silent = RunFacts { not_the_calculator: true, has_reason: false };
    let problem =
        apply_run(RunState::Calculated, RunCommand::BackToDraft, RunActor::HrAnalyst, &silent).unwrap_err();
    assert_eq!(problem.errors[0].code, "reason_missing");
}

#[test]
fn a_version_is_released_once() {
    assert_eq!(release(VersionState::Draft), Ok(VersionState::Released));
    assert_eq!(release(VersionState::Released).unwrap_err().code, "wrong_state");
}
