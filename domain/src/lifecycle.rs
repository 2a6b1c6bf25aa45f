//! The states of a visit as one table (DESIGN.md section 5): from x command x who x guard -> to. Owns which arrow
//! exists, who may draw it and what must be true; it stores nothing and knows no clock.

mod payout_run;
mod version;

pub use payout_run::{RunActor, RunCommand, RunFacts, RunState, apply_run};
pub use version::{VersionState, release};

use crate::{FieldProblem, LocalText, Problem};
use alloc::{format, vec::Vec};

/// An enum whose members have a stable snake_case name and a text in both languages.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $member:ident = $text:literal, $es:literal, $en:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$member_doc])* $member,)* }

        impl $name {
            /// Every member, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$member,)*];

            /// The stable name: the one in JSON, in the database and in the audit log.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$member => $text,)* }
            }

            /// What people read.
            pub fn label(self) -> $crate::LocalText {
                match self { $(Self::$member => $crate::LocalText::new($es, $en),)* }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl core::str::FromStr for $name {
            type Err = $crate::FieldProblem;
            fn from_str(text: &str) -> Result<Self, $crate::FieldProblem> {
                Self::ALL.iter().copied().find(|it| it.as_str() == text).ok_or_else(|| {
                    $crate::lifecycle::unknown_name(text, &Self::ALL.iter().map(|it| it.as_str()).collect::<alloc::vec::Vec<_>>())
                })
            }
        }
    };
}
pub(crate) use named;

named! {
    /// Where a visit stands, from the offer to the lock of its period.
    State {
        /// Offered to an auditor.
        Offered = "offered", "ofrecida", "offered";
        /// Taken by the auditor.
        Accepted = "accepted", "aceptada", "accepted";
        /// Refused by the auditor.
        Declined = "declined", "declinada", "declined";
        /// Not answered in time.
        Expired = "expired", "vencida", "expired";
        /// Being filled in on a phone.
        InProgress = "in_progress", "en curso", "in progress";
        /// Sent by the auditor, as done or as not completed.
        Submitted = "submitted", "enviada", "submitted";
        /// In the hands of a reviewer.
        InReview = "in_review", "en revisión", "in review";
        /// Sent back to the auditor for correction.
        Returned = "returned", "devuelta", "returned";
        /// Waiting for something outside.
        OnHold = "on_hold", "en espera", "on hold";
        /// Refused; its quota place is open again.
        Rejected = "rejected", "rechazada", "rejected";
        /// Scored and accepted, not yet shown to the branch.
        Approved = "approved", "aprobada", "approved";
        /// Shown to the branch.
        Published = "published", "publicada", "published";
        /// Questioned by the branch.
        Appealed = "appealed", "apelada", "appealed";
        /// Its period is closed; later changes are adjustments.
        Locked = "locked", "cerrada", "locked";
        /// Kept and paid, but out of the scores.
        Excluded = "excluded", "excluida", "excluded";
        /// Replaced by an approved re-visit.
        Superseded = "superseded", "sustituida", "superseded";
        /// Annulled for fraud or error; its evidence is kept.
        Void = "void", "anulada", "void";
    }
}

named! {
    /// What somebody asks to do with a visit.
    Command {
        /// Offer a visit to an auditor.
        Offer = "offer", "ofrecer", "offer";
        /// Take an offered visit.
        Accept = "accept", "aceptar", "accept";
        /// Refuse an offered visit.
        Decline = "decline", "declinar", "decline";
        /// Let an unanswered offer lapse.
        Expire = "expire", "vencer", "expire";
        /// Begin, or begin again after a return.
        Start = "start", "iniciar", "start";
        /// Report that the visit could not happen.
        NotCompleted = "not_completed", "no realizada", "not completed";
        /// Send the filled-in visit.
        Submit = "submit", "enviar", "submit";
        /// Take a submitted visit for review.
        Claim = "claim", "tomar", "claim";
        /// Send it back to the auditor.
        Return = "return", "devolver", "return";
        /// Put the review on hold.
        Hold = "hold", "poner en espera", "hold";
        /// Take the review up again.
        Release = "release", "reanudar", "release";
        /// Accept the visit and freeze its score.
        Approve = "approve", "aprobar", "approve";
        /// Refuse the visit.
        Reject = "reject", "rechazar", "reject";
        /// Review a rejected visit again.
        Reopen = "reopen", "reabrir", "reopen";
        /// Show the result to the branch.
        Publish = "publish", "publicar", "publish";
        /// Take the visit out of the scores.
        Exclude = "exclude", "excluir", "exclude";
        /// Take an excluded visit back into the scores.
        Include = "include", "incluir", "include";
        /// Ask for a revision of named items.
        Appeal = "appeal", "apelar", "appeal";
        /// Grant an appeal: a new score version.
        Uphold = "uphold", "aceptar la apelación", "uphold";
        /// Refuse an appeal.
        Dismiss = "dismiss", "desestimar la apelación", "dismiss";
        /// Take an appeal back.
        Withdraw = "withdraw", "retirar la apelación", "withdraw";
        /// Close the period.
        Lock = "lock", "cerrar", "lock";
        /// Annul the visit.
        Void = "void", "anular", "void";
        /// Replace the visit by an approved re-visit.
        Supersede = "supersede", "sustituir", "supersede";
    }
}

named! {
    /// In which capacity somebody acts on a visit. A person may hold several; scope is checked by the caller.
    Actor {
        /// The auditor of the visit.
        Auditor = "auditor", "persona auditora", "auditor";
        /// A reviewer or editor.
        Reviewer = "reviewer", "persona revisora", "reviewer";
        /// The programme manager, who also plans and offers.
        Manager = "manager", "responsable del programa", "programme manager";
        /// The manager of the visited branch.
        BranchManager = "branch_manager", "responsable de la sucursal", "branch manager";
        /// The server itself, by a rule: expiry, automatic publication, period close, re-visits.
        Server = "server", "el sistema", "the system";
    }
}

named! {
    /// What follows from an arrow beside the new state; the caller carries it out in the same transaction.
    Effect {
        /// The visit is of the kind not_completed.
        MarkNotCompleted = "mark_not_completed", "marca como no realizada", "mark as not completed";
        /// A new round of correction begins.
        NextRound = "next_round", "nueva ronda", "next round";
        /// The quota place of the visit is open again.
        ReopenQuota = "reopen_quota", "reabre la cuota", "reopen the quota";
        /// The score is calculated and frozen.
        FreezeScore = "freeze_score", "congela la calificación", "freeze the score";
        /// A new score version is calculated and frozen.
        NewScoreVersion = "new_score_version", "nueva versión de la calificación", "new score version";
    }
}

/// Facts that guard the arrows, found out by the caller. All false by default: what is not proved is not allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// The rules of the wave allow the offer.
    pub wave_rules_hold: bool,
    /// Lock-out, spacing and quota hold, checked on arrival.
    pub assignment_rules_hold: bool,
    /// The start lies inside the visit's window.
    pub inside_window: bool,
    /// The start lies outside the window and the visit is flagged for it.
    pub flagged_outside_window: bool,
    /// A reason is given.
    pub has_reason: bool,
    /// Proof is given that the visit could not happen.
    pub has_proof: bool,
    /// Every required answer is there and every required piece of evidence is declared.
    pub required_declared: bool,
    /// The person who acts is not the auditor of this visit.
    pub independent_of_auditor: bool,
    /// The items concerned are named (with a reason each, for a return).
    pub items_named: bool,
    /// A deadline for the correction is set.
    pub has_deadline: bool,
    /// All declared blobs have arrived.
    pub blobs_complete: bool,
    /// No conflict between answers is open.
    pub conflicts_resolved: bool,
    /// A second person, other than the one who acts, agrees.
    pub second_person: bool,
    /// That second person does not see pay.
    pub second_person_blind_to_pay: bool,
    /// The person who acts is not the reviewer who decided before.
    pub another_reviewer: bool,
    /// The auditor's appeal was upheld.
    pub auditor_appeal_upheld: bool,
    /// The appeal comes inside its window.
    pub inside_appeal_window: bool,
    /// The person who acts is the one who appealed.
    pub is_appellant: bool,
    /// No appeal is open.
    pub appeals_closed: bool,
    /// A re-visit of this visit is approved.
    pub revisit_approved: bool,
}

/// One guard of an arrow: the code and texts of its refusal and how it is read from the facts.
struct Guard {
    code: &'static str,
    es: &'static str,
    en: &'static str,
    holds: fn(&Facts) -> bool,
}

/// One row of the table.
pub struct Arrow {
    /// Where it starts; empty for the creation of a visit.
    pub from: &'static [State],
    /// What asks for it.
    pub command: Command,
    /// Who may ask.
    pub actors: &'static [Actor],
    /// Where it leads.
    pub to: State,
    /// What follows beside the state.
    pub effects: &'static [Effect],
    guards: &'static [Guard],
}

/// The new state of a visit, or every reason why the command is refused.
///
/// `from` is `None` for a visit that does not exist yet.
///
/// # Errors
/// `wrong_state` (409) where the table has no such arrow, `wrong_actor` (403) where somebody else must ask, and
/// `guard_failed` (422) with one entry for each guard that does not hold.
pub fn apply(from: Option<State>, command: Command, actor: Actor, facts: &Facts) -> Result<State, Problem> {
    let arrow = arrow(from, command).ok_or_else(|| wrong_state(from.map(State::label), command.label()))?;
    if !arrow.actors.contains(&actor) {
        return Err(wrong_actor(actor.label(), command.label()));
    }
    let failed: Vec<FieldProblem> = arrow
        .guards
        .iter()
        .filter(|it| !(it.holds)(facts))
        .map(|it| FieldProblem::new("", it.code, it.es, it.en))
        .collect();
    if failed.is_empty() { Ok(arrow.to) } else { Err(guard_failed(failed)) }
}

/// The row of the table for a state and a command, whoever asks.
pub fn arrow(from: Option<State>, command: Command) -> Option<&'static Arrow> {
    TABLE.iter().find(|it| {
        it.command == command
            && match from {
                None => it.from.is_empty(),
                Some(state) => it.from.contains(&state),
            }
    })
}

/// What somebody in a capacity may ask for now, guards left aside: what a screen offers.
pub fn commands(from: Option<State>, actor: Actor) -> Vec<Command> {
    Command::ALL
        .iter()
        .copied()
        .filter(|it| arrow(from, *it).is_some_and(|row| row.actors.contains(&actor)))
        .collect()
}

pub(crate) fn unknown_name(text: &str, known: &[&str]) -> FieldProblem {
    let list = known.join(", ");
    FieldProblem::new(
        "",
        "unknown_name",
        format!("«{text}» no existe; use uno de: {list}"),
        format!("\"{text}\" does not exist; use one of: {list}"),
    )
}

fn wrong_state(from: Option<LocalText>, command: LocalText) -> Problem {
    let from = from.unwrap_or_else(|| LocalText::new("inexistente", "not existing"));
    Problem::single(
        409,
        "wrong_state",
        format!("no se puede {} en el estado «{}»", command.es, from.es),
        format!("cannot {} in the state \"{}\"", command.en, from.en),
    )
}

fn wrong_actor(actor: LocalText, command: LocalText) -> Problem {
    Problem::single(
        403,
        "wrong_actor",
        format!("{} no puede {}", actor.es, command.es),
        format!("{} may not {}", actor.en, command.en),
    )
}

fn guard_failed(failed: Vec<FieldProblem>) -> Problem {
    Problem::invalid("guard_failed", "a condition of this step does not hold", failed)
}

const REASON: Guard =
    Guard { code: "reason_missing", es: "indique el motivo", en: "give a reason", holds: |it| it.has_reason };
const SECOND_PERSON: Guard = Guard {
    code: "second_person_missing",
    es: "hace falta la conformidad de una segunda persona",
    en: "a second person has to agree",
    holds: |it| it.second_person,
};
const BLIND_TO_PAY: Guard = Guard {
    code: "second_person_sees_pay",
    es: "la segunda persona no debe ver los incentivos",
    en: "the second person must not see pay",
    holds: |it| it.second_person_blind_to_pay,
};
const ANOTHER_REVIEWER: Guard = Guard {
    code: "same_reviewer",
    es: "debe decidir otra persona revisora",
    en: "another reviewer has to decide",
    holds: |it| it.another_reviewer,
};
const ITEMS: Guard = Guard {
    code: "items_missing",
    es: "indique las preguntas y el motivo de cada una",
    en: "name the items and the reason for each",
    holds: |it| it.items_named,
};
const WAVE_RULES: Guard = Guard {
    code: "wave_rules_broken",
    es: "las reglas de la oleada no permiten la oferta",
    en: "the rules of the wave do not allow the offer",
    holds: |it| it.wave_rules_hold,
};
const ASSIGNMENT_RULES: Guard = Guard {
    code: "assignment_rules_broken",
    es: "la rotación, el espaciamiento o la cuota ya no lo permiten",
    en: "lock-out, spacing or quota no longer allow it",
    holds: |it| it.assignment_rules_hold,
};
const WINDOW: Guard = Guard {
    code: "outside_window",
    es: "está fuera de la ventana de la visita y no quedó marcada",
    en: "it is outside the window of the visit and not flagged",
    holds: |it| it.inside_window || it.flagged_outside_window,
};
const PROOF: Guard = Guard {
    code: "proof_missing",
    es: "adjunte la prueba de que la visita no pudo hacerse",
    en: "attach the proof that the visit could not happen",
    holds: |it| it.has_proof,
};
const REQUIRED: Guard = Guard {
    code: "required_missing",
    es: "faltan respuestas o evidencias obligatorias",
    en: "required answers or evidence are missing",
    holds: |it| it.required_declared,
};
const INDEPENDENT: Guard = Guard {
    code: "own_visit",
    es: "quien hizo la visita no puede revisarla",
    en: "the auditor of a visit cannot review it",
    holds: |it| it.independent_of_auditor,
};
const DEADLINE: Guard = Guard {
    code: "deadline_missing",
    es: "fije el plazo de la corrección",
    en: "set the deadline of the correction",
    holds: |it| it.has_deadline,
};
const BLOBS: Guard = Guard {
    code: "blobs_missing",
    es: "aún no llega toda la evidencia declarada",
    en: "not all declared evidence has arrived",
    holds: |it| it.blobs_complete,
};
const CONFLICTS: Guard = Guard {
    code: "conflicts_open",
    es: "hay respuestas en conflicto sin resolver",
    en: "answers are in open conflict",
    holds: |it| it.conflicts_resolved,
};
const AUDITOR_APPEAL: Guard = Guard {
    code: "auditor_appeal_not_upheld",
    es: "sólo una apelación aceptada del auditor reabre la visita",
    en: "only an upheld appeal of the auditor reopens the visit",
    holds: |it| it.auditor_appeal_upheld,
};
const APPEAL_WINDOW: Guard = Guard {
    code: "appeal_window_closed",
    es: "el plazo para apelar terminó",
    en: "the time to appeal is over",
    holds: |it| it.inside_appeal_window,
};
const APPELLANT: Guard = Guard {
    code: "not_the_appellant",
    es: "sólo quien apeló puede retirar la apelación",
    en: "only whoever appealed takes the appeal back",
    holds: |it| it.is_appellant,
};
const APPEALS_CLOSED: Guard = Guard {
    code: "appeal_open",
    es: "hay una apelación abierta",
    en: "an appeal is open",
    holds: |it| it.appeals_closed,
};
const REVISIT: Guard = Guard {
    code: "revisit_not_approved",
    es: "la nueva visita aún no está aprobada",
    en: "the re-visit is not approved yet",
    holds: |it| it.revisit_approved,
};

const fn row(
    from: &'static [State],
    command: Command,
    actors: &'static [Actor],
    guards: &'static [Guard],
    to: State,
    effects: &'static [Effect],
) -> Arrow {
    Arrow { from, command, actors, to, effects, guards }
}

/// Everything that may still be voided: what is not locked and not ended otherwise.
const BEFORE_LOCKED: &[State] = &[
    State::Offered,
    State::Accepted,
    State::InProgress,
    State::Submitted,
    State::InReview,
    State::Returned,
    State::OnHold,
    State::Rejected,
    State::Approved,
    State::Published,
    State::Appealed,
    State::Excluded,
];

/// The table of DESIGN.md section 5, row by row.
static TABLE: &[Arrow] = {
    use Actor::{Auditor, BranchManager, Manager, Reviewer, Server};
    use State as S;
    &[
        row(&[], Command::Offer, &[Manager], &[WAVE_RULES], S::Offered, &[]),
        row(&[S::Offered], Command::Accept, &[Auditor], &[ASSIGNMENT_RULES], S::Accepted, &[]),
        row(&[S::Offered], Command::Decline, &[Auditor], &[], S::Declined, &[Effect::ReopenQuota]),
        row(&[S::Offered], Command::Expire, &[Server], &[], S::Expired, &[Effect::ReopenQuota]),
        row(&[S::Accepted], Command::Start, &[Auditor], &[WINDOW], S::InProgress, &[]),
        row(
            &[S::Accepted, S::InProgress],
            Command::NotCompleted,
            &[Auditor],
            &[REASON, PROOF],
            S::Submitted,
            &[Effect::MarkNotCompleted],
        ),
        row(&[S::InProgress], Command::Submit, &[Auditor], &[REQUIRED], S::Submitted, &[]),
        row(&[S::Submitted], Command::Claim, &[Reviewer], &[INDEPENDENT], S::InReview, &[]),
        row(
            &[S::InReview, S::OnHold],
            Command::Return,
            &[Reviewer],
            &[ITEMS, REASON, DEADLINE],
            S::Returned,
            &[],
        ),
        row(&[S::Returned], Command::Start, &[Auditor], &[], S::InProgress, &[Effect::NextRound]),
        row(&[S::InReview], Command::Hold, &[Reviewer], &[REASON], S::OnHold, &[]),
        row(&[S::OnHold], Command::Release, &[Reviewer], &[], S::InReview, &[]),
        row(
            &[S::InReview],
            Command::Approve,
            &[Reviewer],
            &[INDEPENDENT, BLOBS, CONFLICTS],
            S::Approved,
            &[Effect::FreezeScore],
        ),
        row(
            &[S::InReview],
            Command::Reject,
            &[Reviewer],
            &[REASON, SECOND_PERSON],
            S::Rejected,
            &[Effect::ReopenQuota],
        ),
        row(
            &[S::Rejected],
            Command::Reopen,
            &[Reviewer],
            &[ANOTHER_REVIEWER, AUDITOR_APPEAL],
            S::InReview,
            &[],
        ),
        row(&[S::Approved], Command::Publish, &[Reviewer, Server], &[], S::Published, &[]),
        row(
            &[S::Approved, S::Published],
            Command::Exclude,
            &[Manager],
            &[REASON, SECOND_PERSON, BLIND_TO_PAY],
            S::Excluded,
            &[],
        ),
        row(&[S::Excluded], Command::Include, &[Manager], &[REASON, SECOND_PERSON], S::Published, &[]),
        row(&[S::Published], Command::Appeal, &[BranchManager], &[APPEAL_WINDOW, ITEMS], S::Appealed, &[]),
        row(
            &[S::Appealed],
            Command::Uphold,
            &[Reviewer],
            &[ANOTHER_REVIEWER],
            S::Published,
            &[Effect::NewScoreVersion],
        ),
        row(&[S::Appealed], Command::Dismiss, &[Reviewer], &[ANOTHER_REVIEWER, REASON], S::Published, &[]),
        row(&[S::Appealed], Command::Withdraw, &[BranchManager], &[APPELLANT], S::Published, &[]),
        row(&[S::Published], Command::Lock, &[Server], &[APPEALS_CLOSED], S::Locked, &[]),
        row(BEFORE_LOCKED, Command::Void, &[Manager], &[REASON, SECOND_PERSON], S::Void, &[]),
        row(&[S::Published, S::Locked], Command::Supersede, &[Server], &[REVISIT], S::Superseded, &[]),
    ]
};

#[cfg(test)]
mod tests;
